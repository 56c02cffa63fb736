/* SPDX-License-Identifier: MIT */
/*
 * Marks each check of what a device says.  A build for tests goes without
 * them: there the tests of these checks must fail.
 */
#ifndef PROVIDERS_VIRTIO_DISTRUST_H
#define PROVIDERS_VIRTIO_DISTRUST_H

#ifdef VIRTIO_TRUSTING
#define distrusts(lie) ((void)(lie), 0)
#else
#define distrusts(lie) (lie)
#endif

#endif

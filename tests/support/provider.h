/* SPDX-License-Identifier: MIT */
/* Owns what tests look up of providers, on the page that the daemon publishes. */
#ifndef TESTS_SUPPORT_PROVIDER_H
#define TESTS_SUPPORT_PROVIDER_H

#include <ukcf/ukcf.h>

/* Its id; bails out if there is none of this name. */
uint16_t provider_named(struct ukcf *u, const char *name);

#endif

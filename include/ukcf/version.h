/* SPDX-License-Identifier: MIT */
/* The release and the version of the shared-memory and control ABI. */
#ifndef UKCF_VERSION_H
#define UKCF_VERSION_H

#define UKCF_VERSION "0.1.0"

/* Raised when a peer that knows only the former layout would misread it. */
#define UKCF_ABI_VERSION 1

#endif

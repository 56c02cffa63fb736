/* SPDX-License-Identifier: MIT */
/* Owns a provider whose operations read as no provider should. */
#ifndef TESTS_TRACE_PLANTED_H
#define TESTS_TRACE_PLANTED_H

#include <ukcf/provider.h>

struct planted {
	const char *what;
	const char *finding; /* part of what must be said; NULL: nothing */
	struct ukcf_mech_ops ops; /* digest */
};

extern const struct planted planted[];
extern const unsigned int n_planted;

#endif

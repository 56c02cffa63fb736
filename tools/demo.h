/* SPDX-License-Identifier: MIT */
/*
 * Owns the state of the demo, which its parts share.
 */
#ifndef TOOLS_DEMO_H
#define TOOLS_DEMO_H

#include <stdbool.h>

#include <ukcf/ukcf.h>

#include "tools/demo-tally.h"
#include "tools/input.h"

struct demo {
	struct ukcf *u;
	struct ukcf *no_caller; /* a connection that loads no module */
	const char *path;
	struct message file;
	struct tally tally;
	uint64_t over_rings; /* synchronous calls of u that used a ring */
	bool failed;
};

/* One line: what, and whether it held. */
void demo_held(struct demo *d, bool held, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Asynchronous requests over a ring of the demo's own. */
void demo_batch(struct demo *d);

#endif

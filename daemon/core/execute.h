/* SPDX-License-Identifier: MIT */
/*
 * Owns the running of a request: private copies, the provider's entry point,
 * what of the output is released.  Shared by service threads and workers.
 */
#ifndef DAEMON_CORE_EXECUTE_H
#define DAEMON_CORE_EXECUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

/* Private memory of one executing thread; wiped after each use. */
struct scratch {
	uint8_t *base;
	size_t size;
	int locked; /* from secmem, else plain pages left out of dumps */
};

#define SCRATCH_SMALL (256u << 10) /* locked, kept */

int scratch_init(struct scratch *s);
void scratch_deinit(struct scratch *s);

/* Does the request fit a thread that keeps only SCRATCH_SMALL? */
int execute_is_small(const struct request *req);
/* Run it to its end and set its result and times.  False: it waits for others
 * to end, who complete it (a key in use is destroyed): it is theirs now. */
bool execute_request(struct request *req, struct scratch *s);
/* Operations on keys (keyops.c); in: a private copy of the input.  Likewise. */
bool keyops_run(struct request *req, const uint8_t *in);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns what a call needs to know of a mechanism, found in a few loads: its
 * limits, whether it is enabled, and who runs it in the caller.
 */
#ifndef LIB_MECHS_H
#define LIB_MECHS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "lib/shared/sizes.h"

struct ukcf;

#define CALLER_OPS (UKCF_OP_RANDOM + 1)

/* A mechanism of a provider module in this process. */
struct caller {
	ukcf_job_fn fn[CALLER_OPS]; /* by enum ukcf_op; NULL: not offered */
	struct caller *next; /* all of this connection, to free them */
	const struct ukcf_offer *offer;
	struct ukcf_instance *instance;
	uint32_t module_gen;
	uint16_t provider;
};

struct mech_slot {
	uint32_t id;	     /* atomic; 0: free.  Written last. */
	uint32_t enabled;    /* atomic */
	void *caller;	     /* atomic: struct caller, NULL: none */
	uint32_t reason;     /* atomic: enum ukcf_reason, why there is none */
	struct mech_limits limits; /* of an id for ever */
};

#define MECHS_ORDER 10 /* twice UKCF_PAGE_MECHS_MAX */

struct mechs {
	pthread_mutex_t lock; /* changes of the table */
	uint32_t epoch;	      /* atomic: of the page that the table shows */
	uint32_t ready;	      /* atomic */
	struct caller *callers;
	struct mech_slot *slots; /* 2^MECHS_ORDER, open addressing */
};

int mechs_init(struct mechs *m);
void mechs_deinit(struct mechs *m);

/**
 * mechs_find() - the row of a mechanism, of the page as it is now
 * @stale: true: the page was being written all the time, and what is known
 *	may be of before
 * Return: NULL: no such mechanism.  Not async-signal-safe: it may load code.
 */
const struct mech_slot *mechs_find(struct ukcf *u, uint32_t id, bool *stale);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the rule by which a provider is chosen: of those that may and can, the
 * one predicted to be done first; and why each other one was not.  No clock, no
 * lock, no allocation.
 */
#ifndef DAEMON_CORE_SCHED_H
#define DAEMON_CORE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

enum sched_reason { /* up to BUSY: it could be this one */
		    SCHED_CHOSEN,
		    SCHED_SLOWER, /* or as fast, and offered later */
		    SCHED_FULL,	  /* its queue has no place, and another has */
		    SCHED_BUSY,	  /* hardware without room, and another can */
		    SCHED_TRIED,  /* by this request */
		    SCHED_NOT_READY,	/* failed, or being tested */
		    SCHED_NOT_LOADED,	/* or only in a manifest */
		    SCHED_DISABLED,	/* by the administrator */
		    SCHED_NO_OP,	/* does not offer the operation */
		    SCHED_TOO_LARGE,	/* to be copied for it */
		    SCHED_NOT_HARDWARE, /* and hardware is required */
		    SCHED_EXCLUDED,	/* the request names another provider */
		    SCHED_CHECKED, /* each half is, what is in one job cannot */
		    SCHED_REASONS,
};

/* One provider's offer. */
struct sched_candidate {
	uint64_t wait_ns;    /* predicted, until it is begun */
	uint64_t service_ns; /* predicted, from then on */
	uint16_t provider;   /* 1 to 63 */
	bool hardware, loaded, ready, disabled, has_op;
	bool too_large;		  /* for a copy, and it needs one */
	bool busy, full;	  /* not now */
	enum sched_reason reason; /* set by sched_choose() */
};

struct sched_needs {
	uint64_t tried;	   /* bit n: provider n */
	uint16_t provider; /* 0: any */
	bool require_hw;
};

/*
 * One that is busy or full is chosen only if there is no other.
 * Return: its index; -1: none.
 */
int sched_choose(const struct sched_needs *needs, struct sched_candidate *c,
		 unsigned int n);
/*
 * Predicted nanoseconds until a server begins what is queued now.
 * @backlog_ns: predicted, of all that wait
 * @running_ns: predicted, of all that are being served
 */
uint64_t sched_wait_ns(uint64_t backlog_ns, uint64_t running_ns,
		       unsigned int running, unsigned int servers);
/* In plain words. */
const char *sched_reason_name(enum sched_reason r);

#endif

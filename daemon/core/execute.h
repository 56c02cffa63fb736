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

#include <ukcf/provider.h>

struct copy;
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
/* Run it to its end and set its result and times.  False: it is another's now
 * (its provider failed and the next one has it, or it waits for the last use
 * of a key that it destroys), who completes it. */
bool execute_request(struct request *req, struct scratch *s);

/* The key of its operation: the secret, or the public part. */
struct ukcf_bytes execute_key(const struct request *req);
/* The entry's, or the one that the daemon chose. */
struct ukcf_bytes execute_nonce(const struct request *req);
/* For who runs a provider's entry point elsewhere: a job that works on a
 * private copy, made with room for execute_out_bytes(). */
size_t execute_out_bytes(const struct request *req);
void execute_job(struct request *req, const struct copy *c,
		 struct ukcf_job *job);
/* One that works on the arenas themselves, and whether it may. */
void execute_shared_job(struct request *req, struct ukcf_job *job);
bool execute_may_share(const struct request *req);
/* It says that it is done, and not more than there was room for. */
bool execute_is_sane(const struct request *req, const struct ukcf_job *job,
		     enum ukcf_status status);
/* Judge what the provider says; on success the output becomes visible and the
 * result is set.  False: the provider did not do it. */
bool execute_settle(struct request *req, struct ukcf_job *job,
		    enum ukcf_status status);
/* Completion context: the next half of a dual operation whose first one was
 * settled.  False: it cannot be done here, or not yet; dispatch_onward(). */
bool execute_goes_on(struct request *req);
/* It ran: times of the result, and what is learned from them. */
void execute_times(struct request *req, uint64_t started, uint64_t ended);
/* May another provider do it, from the same bytes? */
bool execute_may_repeat(const struct request *req);
/* Operations on keys and templates (keyops.c); in: a private copy of the
 * input.  Likewise. */
bool keyops_run(struct request *req, const uint8_t *in);
/* Operations on the ring's other requests and on events (ringops.c); service
 * thread of the ring. */
void ringops_run(struct request *req);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns dual operations: a cipher and a MAC over its ciphertext, asked for as
 * one.  Each half is an operation of its own, with its own provider; both are
 * one request, with one handle, one result, and a look for cancel and deadline
 * between them.
 *
 * A provider that does both in one job does so, if that is predicted to be
 * faster (native.h); if it fails they are done one by one.
 *
 * They work in private memory: what the MAC is of are the very bytes that the
 * cipher made or will read, and a provider that fails half-way leaves them for
 * the next one.  Nothing leaves it before both halves ended well.
 */
#ifndef DAEMON_CORE_DUAL_H
#define DAEMON_CORE_DUAL_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

struct copy;
struct dual;
struct key;
struct mech;
struct request;
struct template;

#define DUAL_MAC_MAX 64u /* bytes */

enum dual_half { DUAL_CIPHER, DUAL_MAC, DUAL_HALVES };

/* A half, with the references that it holds. */
struct dual_part {
	const struct mech *mech;
	struct key *key;
	struct template *tmpl; /* of the key, or NULL */
	uint32_t tag_len;
};

/* Is it one of these operations? */
bool dual_is(uint32_t op);
/* What its halves do; the cipher's, and the MAC's. */
uint32_t dual_half_op(uint32_t op, enum dual_half half);
/* Bytes that a cipher half may add. */
#define DUAL_GROWTH 32u

/* Each has memory of its own: so many of a consumer, and of all of them, may be
 * in flight. */
#define DUALS_PER_CONSUMER 256u
#define DUALS_MAX 8192u

/*
 * The ranges of req are resolved: room for it, and the first half is its turn.
 * The references in part[] are the request's from here on, in any case.
 * Return: 0, -EDQUOT or -ENOMEM.
 */
int dual_begin(struct request *req, const struct dual_part part[DUAL_HALVES]);
/* The half whose turn it is: enum ukcf_op; of a native one, the first. */
uint32_t dual_op(const struct request *req);
/* Input and output of a job for it.  Consumer memory is read the first time,
 * once. */
void dual_job(struct request *req, struct ukcf_job *job);
/* The job was done: to the next half, or the result is set. */
void dual_settle(struct request *req, const struct ukcf_job *job);
/* What is to be done. */
struct dual_plan {
	const struct mech *mech[DUAL_HALVES]; /* by enum dual_half */
	struct dual_step {
		uint8_t op;   /* enum ukcf_op */
		uint8_t half; /* enum dual_half */
	} step[DUAL_HALVES];
};

/* Of an operation on these two. */
struct dual_plan dual_plan_of(uint32_t op, const struct mech *cipher,
			      const struct mech *mac);
/* False: it is too late for a native one, a half was done or one failed. */
bool dual_plan(const struct request *req, struct dual_plan *plan);
/* req->offer is a native one from here on, or one of its first half. */
void dual_goes_native(struct request *req, bool native);
bool dual_is_native(const struct request *req);
/* Run it as one job of req->offer's provider.  UKCF_DONE: the result is set. */
enum ukcf_status dual_run(struct request *req);
/* A native one failed: from here on it is two halves, for which any provider
 * will do, also the same.  False: it was two halves before. */
bool dual_splits(struct request *req);
/* Is the result there? */
bool dual_is_over(const struct request *req);
/* Between the halves: choose a provider for the next one.  Any thread.
 * False: it is over (cancelled, too late, nobody can do it). */
bool dual_goes_on(struct request *req);
/* Ticks that its jobs took. */
uint64_t dual_ticks(const struct request *req);
/* Ticks went by since its job was done, that were none of it. */
void dual_delayed(struct request *req, uint64_t ticks);
/* Its private memory has moved. */
void dual_moved(struct request *req, const struct copy *from);
void dual_release(struct request *req);

#endif

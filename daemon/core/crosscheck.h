/* SPDX-License-Identifier: MIT */
/*
 * Owns the cross-check: another provider does a job again, from the private
 * copy, before its result is delivered.  If the two differ, a third one decides,
 * or the known answers of both; who was wrong is taken out, and the request gets
 * the right result.
 *
 * What is checked: digests, MACs, ciphers, verdicts and derived secrets by doing
 * them again; signatures by verifying them, those of hardware always.  Not: what
 * is in parts or in pieces, which only software does, and chance.
 *
 * A check may be long: it is a worker's, never an interrupt's.
 */
#ifndef DAEMON_CORE_CROSSCHECK_H
#define DAEMON_CORE_CROSSCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

struct check;
struct request;

/* Asked once for each job that is about to begin: is its answer to be checked?
 * Any context. */
bool crosscheck_is_due(const struct request *req);
/* The job ended: is there an answer to check? */
bool crosscheck_applies(const struct request *req, const struct ukcf_job *job,
			enum ukcf_status status);
/*
 * The job was done, and what it read and made is private memory of the request's
 * own: to a worker, that checks it.  Not in completion context.  The request is
 * another's when this returns.
 * @started, @ended: of the job, in ticks
 */
void crosscheck_begin(struct request *req, const struct ukcf_job *job,
		      uint64_t started, uint64_t ended);
/* A worker's turn of one that has a check.  False: the request is another's
 * now; else its result is set. */
bool crosscheck_run(struct request *req);
/* It ended before it was checked. */
void crosscheck_drop(struct request *req);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the synchronous run of one job on a provider of any kind: for
 * self-tests and comparisons, not for requests.
 */
#ifndef DAEMON_SPI_RUN_H
#define DAEMON_SPI_RUN_H

#include <ukcf/provider.h>

/*
 * Run fn to its end; waits up to RUN_LIMIT_NS for a job that is queued, and as
 * long for one that finds no room.
 * Return: what the provider says; UKCF_FAILED also if it did not come back (it
 * may then still write into memory that is kept for it).
 */
#define RUN_LIMIT_NS UINT64_C(2000000000)
enum ukcf_status run_job(struct ukcf_instance *self, ukcf_job_fn fn,
			 struct ukcf_job *job);

#endif

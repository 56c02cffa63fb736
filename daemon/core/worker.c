/* SPDX-License-Identifier: MIT */
#include "daemon/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "daemon/core/backlog.h"
#include "daemon/core/crosscheck.h"
#include "daemon/core/execute.h"
#include "daemon/core/mech.h"
#include "daemon/core/pieces.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define WORKERS_MAX 64

static struct backlog lanes[LANES];
static struct worker {
	pthread_t thread;
	struct backlog *lane;
	struct scratch scratch;
} workers[WORKERS_MAX];
static unsigned int n_workers;

static bool run(struct request *req, struct scratch *s)
{
	unsigned int detail;
	int err;

	if (req->pieces) /* it looks itself, and knows how long it ran */
		return pieces_run(req, s);
	err = request_must_end(req, &detail);
	if (!err) {
		if (req->check)
			return crosscheck_run(req);
		return pieces_apply(req) ? pieces_run(req, s)
					 : execute_request(req, s);
	}
	request_times_queued(req);
	request_result(req, err, detail);
	return true;
}

/* Its time depends on more than its size, so it is known only afterwards. */
static bool has_unknown_cost(const struct request *req)
{
	return req->offer && !req->pieces &&
	       req->offer->offer->flags & UKCF_OFFER_NO_CALIBRATE;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct request *req;

	while ((req = backlog_wait(w->lane))) {
		uint32_t cost = req->node.cost_ns;
		struct qflow *whose = has_unknown_cost(req) ?
					      req->node.flow : NULL;
		uint64_t begin = clock_ticks(), took;
		bool ended = run(req, &w->scratch);

		took = clock_ticks() - begin;
		backlog_spent(w->lane, took);
		if (ended && whose)
			backlog_settle(w->lane, whose, cost, took);
		if (ended)
			request_finish(req);
		backlog_ended(w->lane, cost); /* req is another's now */
	}
	return NULL;
}

static int start_one(enum lane lane)
{
	struct worker *w = &workers[n_workers];
	char name[16];
	int err;

	w->lane = &lanes[lane];
	err = scratch_init(&w->scratch);
	if (err)
		return err;
	err = pthread_create(&w->thread, NULL, worker_main, w);
	if (err) {
		scratch_deinit(&w->scratch);
		return -err;
	}
	snprintf(name, sizeof(name), "ukcf-%s%u",
		 lane == LANE_SLOW ? "slow" : "bulk", n_workers);
	pthread_setname_np(w->thread, name);
	n_workers++;
	return 0;
}

int worker_start(const unsigned int threads[LANES], unsigned int slots)
{
	static const uint16_t ids[LANES] = { UKCF_QUEUE_BULK,
					     UKCF_QUEUE_SLOW };

	for (unsigned int i = 0; i < LANES; i++) {
		int err = backlog_init(&lanes[i], ids[i], slots, threads[i],
				       true);

		if (err)
			return err;
	}
	for (unsigned int i = 0; i < LANES; i++) {
		for (unsigned int n = 0; n < threads[i]; n++) {
			int err = n_workers < WORKERS_MAX ? start_one(i)
							  : -EINVAL;

			if (err)
				return err;
		}
	}
	return 0;
}

void worker_stop(void)
{
	for (unsigned int i = 0; i < LANES; i++)
		backlog_stop(&lanes[i]);
	while (n_workers > 0) {
		struct worker *w = &workers[--n_workers];

		pthread_join(w->thread, NULL);
		scratch_deinit(&w->scratch);
	}
}

struct backlog *worker_backlog(enum lane lane)
{
	return &lanes[lane];
}

unsigned int worker_threads(void)
{
	return n_workers;
}

unsigned int worker_depth(enum lane lane)
{
	return backlog_depth(&lanes[lane]);
}

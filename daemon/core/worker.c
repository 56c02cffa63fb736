/* SPDX-License-Identifier: MIT */
#include "daemon/core/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "daemon/api/ring.h"
#include "daemon/core/execute.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define WORKERS_MAX 64

/* One lane of the software queue: FIFO under its lock. */
struct lane_queue {
	pthread_mutex_t lock; /* guards all below; rank: innermost */
	pthread_cond_t more;
	struct request *first, **last;
	unsigned int n, slots;
	bool stopping;
};

static struct lane_queue lanes[LANES];
static struct worker {
	pthread_t thread;
	struct lane_queue *lane;
	struct scratch scratch;
} workers[WORKERS_MAX];
static unsigned int n_workers;

static struct request *take(struct lane_queue *q)
{
	struct request *req;

	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->stopping)
		pthread_cond_wait(&q->more, &q->lock);
	req = q->stopping ? NULL : q->first;
	if (req) {
		q->first = req->next;
		if (!q->first)
			q->last = &q->first;
		store_relaxed_u32(&q->n, q->n - 1);
	}
	pthread_mutex_unlock(&q->lock);
	return req;
}

static bool run(struct request *req, struct scratch *s)
{
	if (clock_ns() < req->deadline_ns)
		return execute_request(req, s);
	request_result(req, -ETIMEDOUT, UKCF_DETAIL_TIMEOUT);
	request_times(req,
		      clock_ticks_to_ns(clock_ticks() - req->accepted_ticks),
		      0);
	return true;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct request *req;

	while ((req = take(w->lane))) {
		if (run(req, &w->scratch))
			ring_complete(req);
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
	for (unsigned int i = 0; i < LANES; i++) {
		struct lane_queue *q = &lanes[i];

		pthread_mutex_init(&q->lock, NULL);
		pthread_cond_init(&q->more, NULL);
		q->first = NULL;
		q->last = &q->first;
		q->n = 0;
		q->slots = slots;
		q->stopping = false;
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
	for (unsigned int i = 0; i < LANES; i++) {
		pthread_mutex_lock(&lanes[i].lock);
		lanes[i].stopping = true;
		pthread_cond_broadcast(&lanes[i].more);
		pthread_mutex_unlock(&lanes[i].lock);
	}
	while (n_workers > 0) {
		struct worker *w = &workers[--n_workers];

		pthread_join(w->thread, NULL);
		scratch_deinit(&w->scratch);
	}
}

int worker_queue(enum lane lane, struct request *req, bool force)
{
	struct lane_queue *q = &lanes[lane];
	int err = 0;

	pthread_mutex_lock(&q->lock);
	if (q->n >= q->slots && !force) {
		err = -EAGAIN;
	} else {
		req->next = NULL;
		*q->last = req;
		q->last = &req->next;
		store_relaxed_u32(&q->n, q->n + 1);
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

unsigned int worker_threads(void)
{
	return n_workers;
}

unsigned int worker_depth(enum lane lane)
{
	return load_relaxed_u32(&lanes[lane].n);
}

/* SPDX-License-Identifier: MIT */
/* Requests are handed in by the test; the linker takes ring_complete(). */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/api/decode.h"
#include "daemon/core/backlog.h"
#include "daemon/core/worker.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/unit/fixture.h"

#define FAR (clock_ns() + UINT64_C(60000000000))

void __wrap_ring_complete(struct request *req);

static struct request *finished[4096];
static uint32_t n_finished;
static int bell;	/* counts completions */
static int gate[2];	/* the provider waits for a byte */
static uint32_t inside; /* jobs in the provider */

void __wrap_ring_complete(struct request *req)
{
	uint64_t one = 1;

	finished[fetch_add_u32(&n_finished, 1)] = req;
	cr_assert(write(bell, &one, sizeof(one)) == sizeof(one));
}

static enum ukcf_status wait_at_gate(struct ukcf_job *job)
{
	char c;

	fetch_add_u32(&inside, 1);
	cr_assert(read(gate[0], &c, 1) == 1);
	memset(job->out, 0, 32);
	job->res = 32;
	return UKCF_DONE;
}

static void setup(void)
{
	fixture_init();
	bell = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	cr_assert(bell >= 0 && pipe(gate) == 0);
}

TestSuite(worker, .init = setup, .timeout = 60);

static void wait_finished(unsigned int n)
{
	struct pollfd p = { .fd = bell, .events = POLLIN };
	uint64_t one;

	while (n--) {
		cr_assert_eq(poll(&p, 1, 20000), 1, "no completion");
		cr_assert(read(bell, &one, sizeof(one)) == sizeof(one));
	}
}

static void open_gate(unsigned int n)
{
	while (n--)
		cr_assert(write(gate[1], "", 1) == 1);
}

static struct request *requests(unsigned int n)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	struct request *r = calloc(n, sizeof(*r));
	unsigned int detail;

	for (unsigned int i = 0; i < n; i++) {
		request_from(&r[i], &s);
		cr_assert_eq(decode_request(&r[i], &fx.consumer, &detail), 0);
		r[i].deadline_ns = FAR;
	}
	return r;
}

static int put(enum lane lane, struct request *req, bool force)
{
	return backlog_put(worker_backlog(lane), req, force, false, NULL);
}

static void start(unsigned int bulk, unsigned int slow, unsigned int slots)
{
	const unsigned int threads[LANES] = { bulk, slow };

	cr_assert_eq(worker_start(threads, slots), 0);
	cr_assert_eq(worker_threads(), bulk + slow);
}

Test(worker, a_lane_is_first_in_first_out)
{
	struct request *r = requests(200);

	start(1, 1, 1000);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(put(LANE_BULK, &r[i], false), 0);
	wait_finished(200);
	for (int i = 0; i < 200; i++) {
		cr_assert_eq(finished[i], &r[i]);
		cr_assert_eq(r[i].entry->cqe.res, 32);
	}
	cr_assert_eq(worker_depth(LANE_BULK), 0);
	worker_stop();
	cr_assert_eq(worker_threads(), 0);
}

Test(worker, a_full_lane_is_EAGAIN_and_force_goes_past_it)
{
	struct request *r = requests(8);

	fx.perform = wait_at_gate;
	start(1, 1, 3);
	cr_assert_eq(put(LANE_BULK, &r[0], false), 0);
	while (load_acquire_u32(&inside) == 0)
		cpu_relax(); /* the worker has it; the lane is empty */
	for (int i = 1; i <= 3; i++)
		cr_assert_eq(put(LANE_BULK, &r[i], false), 0);
	cr_assert_eq(worker_depth(LANE_BULK), 3);
	cr_assert_eq(put(LANE_BULK, &r[4], false), -EAGAIN);
	cr_assert_eq(put(LANE_BULK, &r[5], true), 0);
	cr_assert_eq(worker_depth(LANE_BULK), 4);
	open_gate(5);
	wait_finished(5);
	cr_assert_eq(finished[4], &r[5]);
	worker_stop();
}

Test(worker, a_slow_lane_does_not_hold_up_the_other)
{
	struct request *r = requests(4);

	start(1, 1, 100);
	fx.perform = wait_at_gate;
	cr_assert_eq(put(LANE_SLOW, &r[0], false), 0);
	while (load_acquire_u32(&inside) == 0)
		cpu_relax();
	fx.perform = NULL;
	cr_assert_eq(put(LANE_BULK, &r[1], false), 0);
	wait_finished(1);
	cr_assert_eq(finished[0], &r[1]);
	open_gate(1);
	wait_finished(1);
	cr_assert_eq(finished[1], &r[0]);
	worker_stop();
}

Test(worker, what_waited_beyond_its_deadline_is_ETIMEDOUT_and_does_not_run)
{
	struct request *r = requests(2);

	r[0].deadline_ns = clock_ns() - 1;
	start(1, 1, 100);
	cr_assert_eq(put(LANE_BULK, &r[0], false), 0);
	cr_assert_eq(put(LANE_BULK, &r[1], false), 0);
	wait_finished(2);
	cr_assert_eq(r[0].entry->cqe.res, -ETIMEDOUT);
	cr_assert_eq(r[0].entry->cqe.detail, UKCF_DETAIL_TIMEOUT);
	cr_assert_eq(r[1].entry->cqe.res, 32);
	cr_assert_eq(fx.jobs, 1);
	worker_stop();
}

Test(worker, stopping_ends_the_running_request_and_starts_no_other)
{
	struct request *r = requests(3);
	struct pollfd p = { .events = POLLIN };

	fx.perform = wait_at_gate;
	start(1, 1, 100);
	for (int i = 0; i < 3; i++)
		put(LANE_BULK, &r[i], false);
	while (load_acquire_u32(&inside) == 0)
		cpu_relax();
	open_gate(3);
	worker_stop();
	p.fd = bell;
	cr_assert_eq(poll(&p, 1, 0), 1);
	cr_assert_geq(n_finished, 1);
	/* Started or not, none is half done. */
	for (uint32_t i = 0; i < n_finished; i++)
		cr_assert_eq(finished[i]->entry->cqe.res, 32);
}

Test(worker, more_threads_than_there_are_places_is_an_error)
{
	const unsigned int threads[LANES] = { 64, 1 };

	cr_assert_eq(worker_start(threads, 10), -EINVAL);
	worker_stop();
}

static void *hand_in(void *arg)
{
	struct request *r = arg;

	for (int i = 0; i < 500; i++)
		while (put(LANE_BULK, &r[i], false) == -EAGAIN)
			cpu_relax();
	return NULL;
}

Test(worker, many_hands_and_many_workers_each_request_ends_once)
{
	struct request *r = requests(2000);
	static unsigned int ended[2000];
	pthread_t t[4];

	start(4, 1, 16);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hand_in, &r[500 * i]);
	wait_finished(2000);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	worker_stop();
	for (uint32_t i = 0; i < n_finished; i++)
		ended[finished[i] - r]++;
	for (int i = 0; i < 2000; i++)
		cr_assert_eq(ended[i], 1);
}

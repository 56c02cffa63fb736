/* SPDX-License-Identifier: MIT */
/*
 * A service thread and workers as they are in the daemon; the test is the
 * consumer on the other side of the ring.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/ring.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/service.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/worker.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/unit/fixture.h"

#define ORDER 2u
#define DEADLINE_NS UINT64_C(20000000000)

static struct ring *r;
static struct ukcf_sq_head *sq;
static struct ukcf_sqe *sqes;
static const struct ukcf_cq_head *cq;
static const struct ukcf_cqe *cqes;
static uint64_t sq_tail, cq_head;
static uint32_t gate, inside;

static void open_ring(void)
{
	int fds[2];
	char *p;

	cr_assert_eq(ring_create(&fx.consumer, ORDER, 5, &r, fds), 0);
	p = mmap(NULL, ring_sq_size(r), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_POPULATE, fds[0], 0);
	sq = (void *)p;
	sqes = (void *)(p + UKCF_RING_SLOTS);
	p = mmap(NULL, ring_cq_size(r), PROT_READ, MAP_SHARED | MAP_POPULATE,
		 fds[1], 0);
	cq = (void *)p;
	cqes = (void *)(p + UKCF_RING_SLOTS);
	sq->cq_event = UINT32_MAX / 2;
	cr_assert_eq(ring_ready(r), 0);
}

static void start(unsigned int slots)
{
	const struct service_settings set = { .threads = 1, .spin_ns = 0 };
	const struct dispatch_settings decisions = {
		.inline_ns = 20000,
		.timeout_ns = DEADLINE_NS,
	};
	const unsigned int threads[LANES] = { 1, 1 };

	fixture_init();
	fx.consumer.doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	dispatch_init(&decisions);
	cr_assert_eq(worker_start(threads, slots), 0);
	cr_assert_eq(service_start(&set), 0);
	open_ring();
}

static void setup(void)
{
	start(100);
}

static void teardown(void)
{
	store_release_u32(&gate, 1);
	service_stop();
	worker_stop();
}

TestSuite(service, .init = setup, .fini = teardown, .timeout = 60);

static void submit(struct ukcf_sqe s)
{
	struct ukcf_sqe *slot = &sqes[sq_tail & ((1u << ORDER) - 1)];
	uint64_t one = 1, end = clock_ns() + DEADLINE_NS;

	while (sq_tail - load_acquire_u32(&cq->sq_head) >= 1u << ORDER)
		cr_assert_lt(clock_ns(), end, "no slot becomes free");
	s.gen = 0;
	s.user_data = sq_tail;
	*slot = s;
	store_release_u32(&slot->gen, ring_gen_sqe(sq_tail, ORDER));
	sq_tail++;
	cr_assert(write(fx.consumer.doorbell_fd, &one, sizeof(one)) > 0);
}

/* The next completion; waits for it. */
static struct ukcf_cqe next(void)
{
	const struct ukcf_cqe *c = &cqes[cq_head & ((2u << ORDER) - 1)];
	uint64_t one = 1, end = clock_ns() + DEADLINE_NS;
	struct ukcf_cqe copy;

	while (load_acquire_u16(&c->gen) != ring_gen_cqe(cq_head, ORDER + 1))
		cr_assert_lt(clock_ns(), end, "no completion %lu",
			     (unsigned long)cq_head);
	copy = *c;
	store_release_u32(&sq->cq_head, (uint32_t)++cq_head);
	if (load_acquire_u32(&cq->flags) & UKCF_RING_STALLED)
		cr_assert(write(fx.consumer.doorbell_fd, &one, sizeof(one)) >
			  0);
	return copy;
}

static enum ukcf_status wait_for_gate(struct ukcf_job *job)
{
	fetch_add_u32(&inside, 1);
	while (!load_acquire_u32(&gate))
		cpu_relax();
	memset(job->out, 0, 32);
	job->res = 32;
	return UKCF_DONE;
}

static struct ukcf_sqe digest(uint16_t flags)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);

	s.flags = flags;
	return s;
}

Test(service, what_is_predicted_short_runs_at_once)
{
	struct ukcf_cqe c;

	submit(digest(0));
	c = next();
	cr_assert_eq(c.res, 32);
	cr_assert_eq(c.flags, UKCF_CQE_RESULT | UKCF_CQE_F_INLINE);
	cr_assert_eq(c.provider, 1);
}

Test(service, what_is_predicted_long_goes_to_a_worker)
{
	struct ukcf_offer *o = offer_of(UKCF_MECH_SHA2_256);
	struct ukcf_cqe c;

	o->cost_ns = 1000000;
	o->flags = UKCF_OFFER_NO_CALIBRATE;
	predict_init(mech_choose(mech_find(o->mech), UKCF_OP_DIGEST, 0));
	submit(digest(0));
	c = next();
	cr_assert_eq(c.res, 32);
	cr_assert_eq(c.flags, UKCF_CQE_RESULT);
}

Test(service, an_asynchronous_request_that_asks_for_it_is_queued)
{
	struct ukcf_cqe c;

	submit(digest(UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE));
	c = next();
	cr_assert_eq(c.flags, UKCF_CQE_QUEUED);
	cr_assert_neq(c.u.value, 0);
	c = next();
	cr_assert_eq(c.flags, UKCF_CQE_RESULT);
	cr_assert_eq(c.res, 32);
}

Test(service, a_synchronous_request_is_never_announced_as_queued)
{
	struct ukcf_sqe s = digest(UKCF_SQE_QUEUE);
	struct ukcf_cqe c;

	s.mode = UKCF_MODE_SYNC;
	submit(s);
	c = next();
	cr_assert_eq(c.flags & UKCF_CQE_KIND, UKCF_CQE_RESULT);
	cr_assert_eq(c.res, 32);
}

Test(service, a_refusal_names_its_reason_and_runs_nothing)
{
	struct ukcf_sqe s = digest(0);
	struct ukcf_cqe c;

	s.out.len = 1;
	submit(s);
	c = next();
	cr_assert_eq(c.res, -ENOBUFS);
	cr_assert_eq(c.detail, UKCF_DETAIL_OUT_SIZE);
	cr_assert_eq(c.provider, 0);
	cr_assert_eq(fx.jobs, 0);
}

/*
 * An entry with QUEUE has two places reserved; where one stays unused it has
 * to come back, or the ring stalls for good.
 */
Test(service, no_kind_of_answer_uses_up_credits)
{
	struct ukcf_sqe refused = digest(UKCF_SQE_QUEUE);
	struct ukcf_sqe sync = digest(UKCF_SQE_QUEUE);

	refused.op = UKCF_OP_LAST;
	sync.mode = UKCF_MODE_SYNC;
	for (int i = 0; i < 200; i++) {
		submit(refused);
		cr_assert_eq(next().res, -EOPNOTSUPP);
		submit(sync);
		cr_assert_eq(next().res, 32);
		submit(digest(UKCF_SQE_QUEUE));
		cr_assert_eq(next().flags, UKCF_CQE_QUEUED);
		cr_assert_eq(next().res, 32);
	}
}

static void setup_short(void)
{
	start(1);
}

TestSuite(service_short_queue, .init = setup_short, .fini = teardown,
	  .timeout = 60);

Test(service_short_queue, full_is_EAGAIN_and_was_not_announced)
{
	struct ukcf_sqe sync;
	struct ukcf_cqe c;

	fx.perform = wait_for_gate;
	submit(digest(UKCF_SQE_QUEUE));
	cr_assert_eq(next().flags, UKCF_CQE_QUEUED);
	while (!load_acquire_u32(&inside))
		cpu_relax(); /* the worker is busy */
	submit(digest(UKCF_SQE_QUEUE));
	cr_assert_eq(next().flags, UKCF_CQE_QUEUED);
	for (int i = 0; i < 100; i++) {
		submit(digest(UKCF_SQE_QUEUE));
		c = next();
		cr_assert_eq(c.flags & UKCF_CQE_KIND, UKCF_CQE_RESULT);
		cr_assert_eq(c.res, -EAGAIN);
		cr_assert_eq(c.detail, UKCF_DETAIL_QUEUE_FULL);
	}
	sync = digest(UKCF_SQE_QUEUE);
	sync.mode = UKCF_MODE_SYNC;
	predict_init(mech_choose(mech_find(sync.mech[0]), sync.op, 0));
	store_release_u32(&gate, 1);
	cr_assert_eq(next().res, 32);
	cr_assert_eq(next().res, 32);
	submit(sync);
	cr_assert_eq(next().res, 32);
}

Test(service, a_consumer_that_does_not_reap_is_served_when_it_does)
{
	for (int i = 0; i < 8; i++)
		submit((struct ukcf_sqe){ .op = UKCF_OP_NOP });
	for (uint64_t i = 0; i < 8; i++)
		cr_assert_eq(next().user_data, i);
	submit((struct ukcf_sqe){ .op = UKCF_OP_NOP });
	cr_assert_eq(next().user_data, 8);
}

Test(service, many_rounds_are_answered_in_order)
{
	for (uint64_t i = 0; i < 20000; i++) {
		submit((struct ukcf_sqe){ .op = UKCF_OP_NOP });
		if (i % 3 == 2)
			for (int k = 0; k < 3; k++)
				cr_assert_eq(next().user_data,
					     i - 2 + (uint64_t)k);
	}
}

Test(service_settings, numbers_of_threads_that_cannot_be_are_EINVAL)
{
	struct service_settings set = { .threads = 0 };

	cr_assert_eq(service_start(&set), -EINVAL);
	set.threads = 65;
	cr_assert_eq(service_start(&set), -EINVAL);
}

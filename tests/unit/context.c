/* SPDX-License-Identifier: MIT */
#include "daemon/core/context.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/mech.h"
#include "daemon/core/worker.h"
#include "tests/unit/fixture.h"

#define SIZE 64u
#define MECH UKCF_MECH_SHA2_256

/* --------------------- a provider whose state says what it was given */

struct state {
	char order[32]; /* 'i', the first byte of each part */
	uint32_t n;
};

static unsigned int drops;
static char finished[32];
static enum ukcf_status status;
static int64_t update_res;

static enum ukcf_status init(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *st = job->ctx;

	(void)self;
	memset(st, 0, sizeof(*st));
	st->order[st->n++] = 'i';
	return UKCF_DONE;
}

static enum ukcf_status update(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *st = job->ctx;

	(void)self;
	st->order[st->n++] = (char)job->in.data[0];
	job->res = update_res;
	return status;
}

static enum ukcf_status final(struct ukcf_instance *self, struct ukcf_job *job)
{
	struct state *st = job->ctx;

	(void)self;
	memcpy(finished, st->order, sizeof(finished));
	memset(job->out, 0x5a, 32);
	job->res = 32;
	return UKCF_DONE;
}

static enum ukcf_status drop(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	cr_assert(((struct state *)job->ctx)->order[0] == 'i');
	drops++;
	return UKCF_DONE;
}

static enum ukcf_status digest(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	job->res = 32;
	return UKCF_DONE;
}

static enum ukcf_status no_copy(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	(void)self;
	job->res = -EIO;
	return UKCF_DONE;
}

static struct ukcf_mech_ops ops = { .digest = digest,
				    .init = init,
				    .update = update,
				    .final = final,
				    .drop = drop };

static void setup(void)
{
	const unsigned int no_threads[LANES] = { 0, 0 };

	fixture_init();
	cr_assert_eq(worker_start(no_threads, 8), 0);
	offer_of(MECH)->ops = &ops;
	offer_of(MECH)->ctx_size = sizeof(struct state);
	offer_of(MECH)->flags = UKCF_OFFER_FLAT_CTX;
	memcpy(fx.user_in, "abcdefgh", 8);
}

TestSuite(context, .init = setup);

/* ------------------------------------------------------------- the parts */

static struct ukcf_sqe init_sqe(uint64_t ctx)
{
	return (struct ukcf_sqe){ .op = UKCF_OP_INIT,
				  .part_op = UKCF_OP_DIGEST,
				  .mech = { MECH },
				  .ctx = ctx };
}

/* One byte, at off. */
static struct ukcf_sqe update_sqe(uint64_t ctx, uint32_t off)
{
	return (struct ukcf_sqe){ .op = UKCF_OP_UPDATE,
				  .ctx = ctx,
				  .in = { off, 1 } };
}

static struct ukcf_sqe final_sqe(uint64_t ctx)
{
	struct ukcf_sqe s = { .op = UKCF_OP_FINAL,
			      .ctx = ctx,
			      .out = { 0, 32 } };

	s.buf[UKCF_RANGE_OUT] = 1;
	return s;
}

static struct ukcf_sqe copy_sqe(uint64_t ctx, uint64_t from)
{
	return (struct ukcf_sqe){ .op = UKCF_OP_CTX_COPY,
				  .ctx = ctx,
				  .obj = { 0, from } };
}

static unsigned int detail;

/* As a ring's in-flight table, entries live as long as the test. */
static struct rec_entry *entries[1024];
static unsigned int n_entries;

static int accept(struct request *req, struct ukcf_sqe s)
{
	request_from(req, &s);
	cr_assert(n_entries < sizeof(entries) / sizeof(entries[0]));
	entries[n_entries++] = req->entry;
	return decode_request(req, &fx.consumer, &detail);
}

static void accepted(struct request *req)
{
	context_accepted(ring_contexts(fx.ring), &req->entry->sqe, req->context,
			 req->made);
}

static void end(struct request *req)
{
	struct context_then then = context_leave(req);

	request_release(req);
	context_go_on(then);
}

/* As its service thread does it, when nothing is before it. */
static int64_t part(struct ukcf_sqe s)
{
	struct request req;
	int err = accept(&req, s);

	if (err)
		return err;
	cr_assert(context_is_idle(&req));
	context_begin(&req);
	cr_assert(execute_request(&req, &fx.scratch));
	detail = req.entry->cqe.detail;
	accepted(&req);
	end(&req);
	return req.entry->cqe.res;
}

static struct context *at(uint64_t id)
{
	return ring_contexts(fx.ring)->at[id];
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

Test(context, parts_reach_the_provider_in_order_and_one_state)
{
	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(part(update_sqe(1, 0)), 0);
	cr_assert_eq(part(init_sqe(2)), 0);
	cr_assert_eq(part(update_sqe(2, 7)), 0);
	cr_assert_eq(part(update_sqe(1, 1)), 0);
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iab");
	cr_assert_eq(part(final_sqe(2)), 32);
	cr_assert_str_eq(finished, "ih");
	cr_assert_eq(part(final_sqe(2)), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_CTX);
}

Test(context, its_state_is_wiped_and_dropped_once)
{
	const uint8_t *state;

	cr_assert_eq(part(init_sqe(1)), 0);
	state = context_state(at(1));
	cr_assert_not(is_zero(state, SIZE), "control: this is seen");
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert(is_zero(state, SIZE));
	cr_assert_eq(drops, 0, "final releases by itself");
	cr_assert_eq(part(init_sqe(1)), 0);
	state = context_state(at(1));
	context_end(ring_contexts(fx.ring), 1);
	cr_assert(is_zero(state, SIZE));
	cr_assert_eq(drops, 1, "no final came");
	cr_assert_eq(context_count(), 0);
	cr_assert_eq(fx.provider.contexts, 0);
}

Test(context, a_part_that_failed_poisons_until_the_last)
{
	cr_assert_eq(part(init_sqe(1)), 0);
	update_res = -EOVERFLOW;
	cr_assert_eq(part(update_sqe(1, 0)), -EOVERFLOW);
	update_res = 0;
	cr_assert_eq(part(update_sqe(1, 1)), -EOVERFLOW);
	cr_assert_eq(detail, UKCF_DETAIL_PART_FAILED);
	cr_assert_eq(part(final_sqe(1)), -EOVERFLOW);
	cr_assert_eq(part(init_sqe(1)), 0, "its name is free");
	status = UKCF_RETRY_ELSEWHERE;
	cr_assert_eq(part(update_sqe(1, 0)), -EIO, "there is no elsewhere");
	cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
	cr_assert_eq(fx.provider.state, UKCF_PROVIDER_READY);
	cr_assert_eq(drops, 1, "of the one that failed");
}

Test(context, what_was_refused_changed_nothing)
{
	struct ukcf_sqe s = update_sqe(1, ARENA_SIZE);
	struct request req;

	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(part(s), -EINVAL);
	/* accepted, and then the queue was full */
	cr_assert_eq(accept(&req, update_sqe(1, 3)), 0);
	cr_assert_not(context_park(&req, false), "it is its turn");
	req.refused = true;
	req.entry->cqe.res = -EAGAIN;
	end(&req);
	cr_assert_eq(context_total(at(1)), 0);
	cr_assert_eq(part(update_sqe(1, 0)), 0);
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "ia");
}

/* Three that wait behind one that runs. */
static struct request running, waiting[3];

static void queue_up(void)
{
	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(accept(&running, update_sqe(1, 0)), 0);
	cr_assert_not(context_park(&running, false));
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(accept(&waiting[i], update_sqe(1, i + 1)), 0);
		waiting[i].deadline_ns = UINT64_MAX / 2;
		cr_assert(context_park(&waiting[i], false));
	}
}

static struct request *started(void)
{
	return backlog_take(worker_backlog(LANE_BULK));
}

static void run(struct request *req)
{
	cr_assert(execute_request(req, &fx.scratch));
	end(req);
}

Test(context, who_ends_a_part_starts_the_next_and_only_that)
{
	queue_up();
	cr_assert_null(started(), "none waits in a lane");
	run(&running);
	for (unsigned int i = 0; i < 3; i++) {
		struct request *req = started();

		cr_assert_eq(req, &waiting[i]);
		cr_assert_null(started());
		run(req);
	}
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iabcd");
}

/* Else its completion could come first. */
Test(context, a_part_waits_until_the_completion_before_it_is_there)
{
	struct context_then then;

	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(accept(&running, update_sqe(1, 0)), 0);
	context_begin(&running);
	cr_assert(execute_request(&running, &fx.scratch));
	then = context_leave(&running);
	cr_assert_eq(accept(&waiting[0], update_sqe(1, 1)), 0);
	waiting[0].deadline_ns = UINT64_MAX / 2;
	cr_assert_not(context_is_idle(&waiting[0]));
	cr_assert(context_park(&waiting[0], false));
	cr_assert_null(started());
	context_go_on(then);
	cr_assert_eq(started(), &waiting[0]);
	run(&waiting[0]);
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iab");
}

/* KCF: a cancelled head does not hand its turn to its successor. */
Test(context, kcf_cancelled_head_hands_on_its_turn)
{
	queue_up();
	cr_assert(request_cancels(&waiting[0]));
	run(&running);
	cr_assert_null(started(), "not before the first has left");
	backlog_remove(waiting[0].backlog, &waiting[0]);
	waiting[0].entry->cqe.res = -ECANCELED;
	end(&waiting[0]);
	cr_assert_eq(started(), &waiting[1]);
	run(&waiting[1]);
	cr_assert_eq(waiting[1].entry->cqe.res, -ECANCELED,
		     "its data would be another message's");
	cr_assert_eq(waiting[1].entry->cqe.detail, UKCF_DETAIL_PART_FAILED);
	cr_assert_eq(started(), &waiting[2]);
	run(&waiting[2]);
}

/* One that waits and is too late spoils what comes after it, not before. */
Test(context, a_part_that_failed_early_harms_those_after_it)
{
	queue_up();
	cr_assert(request_cancels(&waiting[1]));
	backlog_remove(waiting[1].backlog, &waiting[1]);
	waiting[1].entry->cqe.res = -ETIMEDOUT;
	end(&waiting[1]);
	run(&running);
	cr_assert_eq(running.entry->cqe.res, 0);
	cr_assert_eq(started(), &waiting[0]);
	run(&waiting[0]);
	cr_assert_eq(waiting[0].entry->cqe.res, 0);
	cr_assert_eq(started(), &waiting[2]);
	run(&waiting[2]);
	cr_assert_eq(waiting[2].entry->cqe.res, -ETIMEDOUT);
}

/* KCF: a part that found no room stays in the chain as a dangling node. */
Test(context, kcf_rejected_part_leaves_the_chain)
{
	struct request *req;

	queue_up();
	cr_assert(request_cancels(&waiting[1]));
	backlog_remove(waiting[1].backlog, &waiting[1]);
	waiting[1].refused = true; /* for whatever reason */
	waiting[1].entry->cqe.res = -EAGAIN;
	end(&waiting[1]);
	run(&running);
	req = started();
	cr_assert_eq(req, &waiting[0]);
	run(req);
	req = started();
	cr_assert_eq(req, &waiting[2]);
	run(req);
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iabd");
}

Test(context, a_copy_waits_for_its_source_and_its_parts_wait_for_it)
{
	struct request copy, of_copy;

	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(accept(&running, update_sqe(1, 0)), 0);
	cr_assert_not(context_park(&running, false));
	cr_assert_eq(accept(&copy, copy_sqe(2, 1)), 0);
	copy.deadline_ns = UINT64_MAX / 2;
	cr_assert(context_park(&copy, false));
	accepted(&copy);
	cr_assert_eq(accept(&of_copy, update_sqe(2, 4)), 0);
	of_copy.deadline_ns = UINT64_MAX / 2;
	cr_assert(context_park(&of_copy, false));
	run(&running);
	cr_assert_eq(started(), &copy);
	cr_assert_null(started());
	run(&copy);
	cr_assert_eq(started(), &of_copy);
	run(&of_copy);
	cr_assert_eq(part(update_sqe(1, 1)), 0);
	cr_assert_eq(part(final_sqe(2)), 32);
	cr_assert_str_eq(finished, "iae");
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iab");
	cr_assert_eq(context_count(), 0);
}

Test(context, a_copy_that_failed_harms_only_itself)
{
	cr_assert_eq(part(init_sqe(1)), 0);
	ops.copy = no_copy;
	cr_assert_eq(part(copy_sqe(2, 1)), -EIO);
	cr_assert_eq(part(final_sqe(2)), -EIO);
	cr_assert_eq(drops, 0, "it held nothing");
	cr_assert_eq(part(final_sqe(1)), 32);
	ops.copy = NULL;
	offer_of(MECH)->flags = 0;
	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(part(copy_sqe(2, 1)), -EOPNOTSUPP, "not flat, no copy");
	cr_assert_eq(detail, UKCF_DETAIL_PART_OP);
}

Test(context, after_a_restart_a_part_is_told_until_it_is_begun_anew)
{
	struct request req;
	struct ukcf_sqe s = init_sqe(3);

	context_table_lost(ring_contexts(fx.ring));
	cr_assert_eq(part(update_sqe(3, 0)), -ESTALE);
	cr_assert_eq(detail, UKCF_DETAIL_LOST_STATE);
	request_from(&req, &s);
	entries[n_entries++] = req.entry;
	req.replayed = true;
	cr_assert_eq(decode_request(&req, &fx.consumer, &detail), -ESTALE,
		     "nobody knows what came after it");
	cr_assert_eq(part(init_sqe(3)), 0);
	cr_assert_eq(part(final_sqe(3)), 32);
	cr_assert_eq(part(final_sqe(3)), -EINVAL);
}

Test(context, the_quota_is_per_user_and_comes_back)
{
	for (uint64_t i = 1; i <= 50; i++)
		cr_assert_eq(part(init_sqe(i)), 0);
	cr_assert_eq(part(init_sqe(51)), -EDQUOT);
	cr_assert_eq(detail, UKCF_DETAIL_QUOTA);
	cr_assert_eq(part(copy_sqe(51, 1)), -EDQUOT);
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_eq(part(init_sqe(51)), 0);
}

/* It may be out for a wrong answer. */
Test(context, a_provider_that_is_out_gets_no_part)
{
	cr_assert_eq(part(init_sqe(1)), 0);
	cr_assert_eq(part(update_sqe(1, 0)), 0);
	fx.provider.state = UKCF_PROVIDER_FAILED;
	cr_assert_eq(part(update_sqe(1, 1)), -EIO);
	fx.provider.state = UKCF_PROVIDER_READY;
	cr_assert_eq(part(update_sqe(1, 2)), 0, "nothing was lost by it");
	cr_assert_eq(part(final_sqe(1)), 32);
	cr_assert_str_eq(finished, "iac");
}

Test(context, fields_are_judged)
{
	struct ukcf_sqe s = init_sqe(1);

	s.part_op = UKCF_OP_DERIVE;
	cr_assert_eq(part(s), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_PART_OP);
	s.part_op = UKCF_OP_MAC;
	cr_assert_eq(part(s), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_MECH_OP);
	s = init_sqe(1);
	s.obj[0] = 1;
	cr_assert_eq(part(s), -EINVAL);
	s = init_sqe(1);
	s.in.len = 1;
	cr_assert_eq(part(s), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_IN_RANGE);
	s = init_sqe(1);
	s.aux.len = 1;
	cr_assert_eq(part(s), -EINVAL);
	s = init_sqe(UKCF_CONTEXTS_MAX + 1);
	cr_assert_eq(part(s), -EINVAL);
	cr_assert_eq(part(init_sqe(1)), 0);
	s = update_sqe(1, 0);
	s.mech[0] = MECH;
	cr_assert_eq(part(s), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_RESERVED);
	s = update_sqe(1, 0);
	s.out.len = 1;
	s.buf[UKCF_RANGE_OUT] = 1;
	cr_assert_eq(part(s), -EINVAL, "a digest's update has no output");
	s = final_sqe(1);
	s.tag.len = 32;
	cr_assert_eq(part(s), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_TAG_RANGE);
	s = final_sqe(1);
	s.flags = UKCF_SQE_NOTIFY_OPDONE;
	cr_assert_eq(part(s), -EINVAL, "it completes anyway");
	cr_assert_eq(part(final_sqe(1)), 32);
}

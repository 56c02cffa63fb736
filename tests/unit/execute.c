/* SPDX-License-Identifier: MIT */
/*
 * What a provider is shown, and what of its work is released.  The provider is
 * the fixture's; what it saw is compared with what lies in the buffers.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/core/backlog.h"
#include "daemon/core/mech.h"
#include "daemon/core/pieces.h"
#include "daemon/core/predict.h"
#include "lib/shared/clock.h"
#include "tests/unit/fixture.h"

#define FILL 0xc3

static unsigned int detail;

void __wrap_ring_complete(struct request *req);

/* What no provider could do ends here: run_sqe() looks at its result. */
void __wrap_ring_complete(struct request *req)
{
	(void)req;
}

static void setup(void)
{
	fixture_init();
	for (uint32_t i = 0; i < ARENA_SIZE; i++)
		fx.user_in[i] = (uint8_t)(i * 31 + 7);
	memset(fx.out->base, FILL, ARENA_SIZE);
}

TestSuite(execute, .init = setup);

static const struct ukcf_sqe *current;

static bool in_arena(const struct arena *a, const void *p)
{
	return (const uint8_t *)p >= a->base &&
	       (const uint8_t *)p < a->base + a->size;
}

static bool untouched(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (fx.user_out[i] != FILL)
			return false;
	return true;
}

/* Whatever the copy class, the provider reads the bytes that were named. */
static enum ukcf_status compare_input(struct ukcf_job *job)
{
	const struct ukcf_sqe *s = current;
	size_t n = job_produces(job);

	cr_assert_eq(job->op, s->op);
	cr_assert_eq(job->mech, s->mech[0]);
	cr_assert_eq(job->in.len, s->in.len);
	cr_assert_eq(job->aux.len, s->aux.len);
	cr_assert_eq(job->tag.len, s->tag.len);
	cr_assert_eq(job->param.len, s->param_len);
	if (job->in.len)
		cr_assert_eq(memcmp(job->in.data, fx.user_in + s->in.off,
				    job->in.len), 0);
	if (job->aux.len)
		cr_assert_eq(memcmp(job->aux.data, fx.user_in + s->aux.off,
				    job->aux.len), 0);
	if (job->tag.len)
		cr_assert_eq(memcmp(job->tag.data, fx.user_in + s->tag.off,
				    job->tag.len), 0);
	cr_assert_geq(job->out_size, n);
	if (n)
		memset(job->out, 0x5a, n);
	job->res = (int64_t)n;
	return UKCF_DONE;
}

static const struct {
	uint32_t op, mech;
	int64_t res;
} cases[] = {
	{ UKCF_OP_DIGEST, UKCF_MECH_SHA2_512, 64 },
	{ UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256, 32 },
	{ UKCF_OP_MAC_VERIFY, UKCF_MECH_HMAC_SHA2_256, 0 },
	{ UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM, 80 },
	{ UKCF_OP_DECRYPT, UKCF_MECH_AES_256_GCM, 48 },
	{ UKCF_OP_SIGN, UKCF_MECH_ED25519, 64 },
	{ UKCF_OP_VERIFY, UKCF_MECH_ED25519, 0 },
	{ UKCF_OP_DERIVE, UKCF_MECH_X25519, 32 },
	{ UKCF_OP_RANDOM, UKCF_MECH_RANDOM, 128 },
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static int64_t run(const struct ukcf_sqe *s)
{
	current = s;
	return run_sqe(s, &detail);
}

static void try_all(void)
{
	for (size_t i = 0; i < N_CASES; i++) {
		struct ukcf_sqe s = sqe_for(cases[i].op, cases[i].mech);
		uint32_t end;

		s.in.off += s.in.len ? 512 : 0;
		s.out.off += s.out.len ? 256 : 0;
		memset(fx.out->base, FILL, ARENA_SIZE);
		cr_assert_eq(run(&s), cases[i].res, "op %u", s.op);
		end = 256 + (uint32_t)cases[i].res;
		for (uint32_t k = 256; k < end; k++)
			cr_assert_eq(fx.user_out[k], 0x5a, "op %u", s.op);
		cr_assert(untouched(0, 256) && untouched(end, ARENA_SIZE),
			  "op %u wrote elsewhere", s.op);
	}
}

Test(execute, a_provider_sees_the_named_bytes_and_its_output_arrives)
{
	fx.perform = compare_input;
	try_all();
}

Test(execute, also_where_memory_is_worked_on_directly)
{
	fx.perform = compare_input;
	for (size_t i = 0; i < N_CASES; i++)
		offer_of(cases[i].mech)->single_pass = UINT32_MAX;
	try_all();
}

/* A provider that must not be raced never gets a pointer to shared memory. */
static enum ukcf_status demand_private(struct ukcf_job *job)
{
	size_t n = job_produces(job);

	cr_assert_not(in_arena(fx.in, job->in.data), "op %u", job->op);
	cr_assert_not(in_arena(fx.in, job->aux.data), "op %u", job->op);
	cr_assert_not(in_arena(fx.in, job->tag.data), "op %u", job->op);
	if (job->op != UKCF_OP_RANDOM)
		cr_assert_not(in_arena(fx.out, job->out), "op %u", job->op);
	if (n)
		memset(job->out, 0x5a, n);
	job->res = (int64_t)n;
	return UKCF_DONE;
}

Test(execute, by_default_input_and_output_are_private)
{
	fx.perform = demand_private;
	try_all();
}

/* Single-pass: input in place; what is compared and plaintext stay private. */
static enum ukcf_status demand_direct(struct ukcf_job *job)
{
	size_t n = job_produces(job);

	if (job->in.len)
		cr_assert(in_arena(fx.in, job->in.data), "op %u", job->op);
	cr_assert_not(in_arena(fx.in, job->tag.data), "op %u", job->op);
	cr_assert_eq(in_arena(fx.out, job->out),
		     job->op == UKCF_OP_ENCRYPT || job->op == UKCF_OP_RANDOM,
		     "op %u", job->op);
	if (n)
		memset(job->out, 0x5a, n);
	job->res = (int64_t)n;
	return UKCF_DONE;
}

Test(execute, direct_work_keeps_tags_and_plaintext_private)
{
	fx.perform = demand_direct;
	for (size_t i = 0; i < N_CASES; i++)
		offer_of(cases[i].mech)->single_pass = UINT32_MAX;
	try_all();
}

/* Writes all of its output, then says no. */
static enum ukcf_status write_then_refuse(struct ukcf_job *job)
{
	memset(job->out, 0xbb, job_produces(job));
	job->res = -EBADMSG;
	job->detail = UKCF_DETAIL_AUTH;
	return UKCF_DONE;
}

Test(execute, output_of_a_refused_request_is_left_unchanged)
{
	fx.perform = write_then_refuse;
	for (size_t i = 0; i < N_CASES; i++) {
		struct ukcf_sqe s = sqe_for(cases[i].op, cases[i].mech);

		if (s.op == UKCF_OP_RANDOM) /* nothing is kept back of it */
			continue;
		cr_assert_eq(run(&s), -EBADMSG, "op %u", s.op);
		cr_assert_eq(detail, UKCF_DETAIL_AUTH);
		cr_assert(untouched(0, ARENA_SIZE), "op %u", s.op);
	}
}

static enum ukcf_status status_to_give;

static enum ukcf_status give_status(struct ukcf_job *job)
{
	memset(job->out, 0xbb, job_produces(job));
	job->res = (int64_t)job_produces(job);
	return status_to_give;
}

Test(execute, a_provider_that_does_not_finish_is_EIO_and_a_broken_one_is_out)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);

	fx.perform = give_status;
	for (int st = UKCF_QUEUED; st <= UKCF_FAILED; st++) {
		status_to_give = (enum ukcf_status)st;
		cr_assert_eq(run(&s), -EIO);
		cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
		cr_assert(untouched(0, ARENA_SIZE));
		cr_assert_eq(fx.provider.state == UKCF_PROVIDER_FAILED,
			     st == UKCF_FAILED);
	}
	cr_assert_eq(run(&s), -ENODEV, "not chosen again");
}

static int64_t claim;

static enum ukcf_status claim_bytes(struct ukcf_job *job)
{
	job->res = claim;
	return UKCF_DONE;
}

/* The consumer would believe it, and read what is not there. */
Test(execute, a_provider_that_claims_more_than_there_is_room_for_has_failed)
{
	static const int64_t claims[] = { 129, 4096, INT64_MAX };

	fx.perform = claim_bytes;
	for (size_t c = 0; c < 3; c++) {
		claim = claims[c];
		for (size_t i = 0; i < N_CASES; i++) {
			struct ukcf_sqe s = sqe_for(cases[i].op,
						    cases[i].mech);

			cr_assert_eq(run(&s), -EIO, "op %u", s.op);
			cr_assert_eq(detail, UKCF_DETAIL_PROVIDER_FAILED);
			cr_assert(untouched(0, ARENA_SIZE));
		}
	}
}

static enum ukcf_status look_at_key(struct ukcf_job *job)
{
	size_t n = job_produces(job);

	cr_assert_eq(job->key.len, 32);
	cr_assert_eq(job->key.data[0], 1);
	cr_assert_eq(job->pub.len, 32);
	if (n)
		memset(job->out, 0, n);
	job->res = (int64_t)n;
	return UKCF_DONE;
}

Test(execute, the_provider_has_the_key_and_its_public_part)
{
	static const uint32_t ops[] = { UKCF_OP_SIGN, UKCF_OP_VERIFY };

	fx.perform = look_at_key;
	for (size_t i = 0; i < 2; i++) {
		struct ukcf_sqe s = sqe_for(ops[i], UKCF_MECH_ED25519);

		cr_assert(run(&s) >= 0);
	}
	cr_assert_eq(fx.jobs, 2);
}

Test(execute, private_memory_is_wiped_after_each_use)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);

	cr_assert(run(&s) > 0);
	cr_assert_eq(fx.scratch.size, SCRATCH_SMALL);
	for (size_t i = 0; i < fx.scratch.size; i++)
		cr_assert_eq(fx.scratch.base[i], 0);
}

Test(execute, a_large_request_gets_room_and_gives_it_back)
{
	struct arena *big;
	struct ukcf_sqe s;
	int fd;

	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_OUTPUT, 4u << 20,
				  1, &big, &fd), 0);
	cr_assert_eq(arena_ready(&fx.consumer, big), 0);
	s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	s.buf[0] = s.buf[1] = big->index;
	s.in.len = 1u << 20;
	s.out = (struct ukcf_range){ 2u << 20, (1u << 20) + 16 };
	memset(big->base, 1, 4u << 20);
	cr_assert_eq(run(&s), (1 << 20) + 16);
	cr_assert_eq(big->base[2u << 20], 0x5a);
	cr_assert_eq(big->base[(3u << 20) + 15], 0x5a);
	cr_assert_eq(big->base[(3u << 20) + 16], 1);
	cr_assert_eq(fx.scratch.size, SCRATCH_SMALL, "small again");
	cr_assert(fx.scratch.locked);
}

Test(execute, small_is_what_fits_the_kept_memory)
{
	const struct op_rule rule = { .kind = OP_CRYPTO };
	struct rec_entry e = { .sqe = { .op = UKCF_OP_DIGEST } };
	struct request req = { .entry = &e, .rule = &rule,
			       .mech = mech_find(UKCF_MECH_AES_256_GCM) };

	e.sqe.in.len = SCRATCH_SMALL;
	cr_assert(execute_is_small(&req));
	e.sqe.in.len = SCRATCH_SMALL + 1;
	cr_assert_not(execute_is_small(&req));
	req.direct = true;
	cr_assert(execute_is_small(&req), "nothing is copied");
	e.sqe.in.len = UINT32_MAX;
	cr_assert(execute_is_small(&req));
	req.direct = false;
	e.sqe.op = UKCF_OP_ENCRYPT;
	e.sqe.aux.len = UINT32_MAX;
	cr_assert_not(execute_is_small(&req), "no sum wraps");
}

Test(execute, the_result_says_who_and_how_long_and_is_learnt)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_DIGEST, UKCF_MECH_SHA2_256);
	struct mech_offer *o = mech_choose(mech_find(s.mech[0]), s.op, 0);
	struct request req;
	uint32_t before;

	offer_of(s.mech[0])->cost_ns = 1000000;
	predict_init(o);
	before = predict_ns(o, s.op, 64);
	request_from(&req, &s);
	cr_assert_eq(decode_request(&req, &fx.consumer, &detail), 0);
	req.accepted_ticks = clock_ticks();
	execute_request(&req, &fx.scratch);
	cr_assert_eq(req.entry->cqe.provider, 1);
	cr_assert_lt(predict_ns(o, s.op, 64), before);
	request_release(&req);
	free(req.entry);
}

static void decode_own(struct request *req, struct ukcf_sqe *s)
{
	s->obj[0] = make_key(s->mech[0], UKCF_KEY_OWN);
	request_from(req, s);
	cr_assert_eq(decode_request(req, &fx.consumer, &detail), 0);
	cr_assert(req->direct);
}

static void release(struct request *req)
{
	request_release(req);
	free(req->entry);
}

/* Who failed may have written: the next one would encrypt that, and succeed. */
Test(execute, input_that_may_be_overwritten_in_place_is_not_read_again)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	struct request req;

	decode_own(&req, &s);
	req.begun = true;
	cr_assert(execute_may_repeat(&req));
	release(&req);
	s.buf[UKCF_RANGE_IN] = s.buf[UKCF_RANGE_OUT];
	s.in.off = s.out.off;
	decode_own(&req, &s);
	cr_assert(execute_may_repeat(&req), "nobody has begun it");
	req.begun = true;
	cr_assert_not(execute_may_repeat(&req));
	release(&req);
	s = sqe_for(UKCF_OP_DECRYPT, UKCF_MECH_AES_256_GCM);
	s.buf[UKCF_RANGE_IN] = s.buf[UKCF_RANGE_OUT];
	decode_own(&req, &s);
	req.begun = true;
	cr_assert(execute_may_repeat(&req), "plaintext was withheld");
	release(&req);
}

/* ------------------------------------------------------------------ pieces */

static struct arena *large;
static struct backlog lane;
static unsigned int begun;

static enum ukcf_status begin_parts(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	(void)self;
	(void)job;
	begun++;
	return UKCF_DONE;
}

static enum ukcf_status do_part(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	(void)self;
	fx.job = *job;
	job->res = 0;
	return UKCF_DONE;
}

static enum ukcf_status do_whole(struct ukcf_instance *self,
				 struct ukcf_job *job)
{
	return do_part(self, job);
}

static const struct ukcf_mech_ops in_parts = {
	.encrypt = do_whole,   .decrypt = do_whole, .init = begin_parts,
	.update = do_part,     .final = do_part,
};

/* Decoded and taken from a lane, in which others wait or not. */
static void take_large(struct request *req, uint32_t op, uint32_t len,
		       bool others_wait)
{
	struct ukcf_sqe s = sqe_for(op, UKCF_MECH_AES_256_GCM);

	s.buf[UKCF_RANGE_IN] = s.buf[UKCF_RANGE_OUT] = large->index;
	s.in.len = len;
	s.out.off = UKCF_ONESHOT_MAX;
	s.out.len = op == UKCF_OP_ENCRYPT ? len + 16 : len;
	request_from(req, &s);
	cr_assert_eq(decode_request(req, &fx.consumer, &detail), 0);
	req->deadline_ns = UINT64_MAX;
	req->backlog = &lane;
	lane.q.depth = others_wait;
}

/* One that waits in the lane between its turns. */
static void take_back(struct request *req)
{
	cr_assert(req->pieces);
	backlog_remove(&lane, req);
	pieces_drop(req);
	release(req);
}

static void pieces_setup(void)
{
	int fd;

	setup();
	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_OUTPUT,
				  UKCF_BUFFER_SIZE_MAX, 1, &large, &fd), 0);
	cr_assert_eq(arena_ready(&fx.consumer, large), 0);
	cr_assert_eq(backlog_init(&lane, 0, 64, 1, false), 0);
	offer_of(UKCF_MECH_AES_256_GCM)->ops = &in_parts;
	begun = 0;
}

TestSuite(pieces, .init = pieces_setup);

Test(pieces, private_memory_is_wiped_after_the_last_one)
{
	static const uint32_t ops[] = { UKCF_OP_ENCRYPT, UKCF_OP_DECRYPT };
	struct request req;

	memset(large->base, 7, 1u << 20);
	for (unsigned int i = 0; i < 2; i++) {
		take_large(&req, ops[i], 100000, false);
		cr_assert(pieces_run(&req, &fx.scratch));
		cr_assert_eq(begun, i + 1);
		cr_assert_not(in_arena(large, fx.job.in.data));
		for (size_t k = 0; k < SCRATCH_SMALL; k++)
			cr_assert_eq(fx.scratch.base[k], 0, "byte %zu", k);
		pieces_drop(&req);
		release(&req);
	}
}

/* Each would keep its whole plaintext back, and there may be 256. */
Test(pieces, one_consumer_withholds_no_more_than_two_of_the_largest)
{
	struct request req[2], third;

	for (unsigned int i = 0; i < 2; i++) {
		take_large(&req[i], UKCF_OP_DECRYPT, UKCF_ONESHOT_MAX, true);
		cr_assert_not(pieces_run(&req[i], &fx.scratch));
		cr_assert(req[i].pieces && req[i].copy);
	}
	take_large(&third, UKCF_OP_DECRYPT, 100000, true);
	cr_assert(pieces_run(&third, &fx.scratch), "it runs whole");
	cr_assert_eq(fx.job.in.len, 100000);
	release(&third);
	cr_assert_eq(begun, 2);
	take_large(&third, UKCF_OP_ENCRYPT, 100000, true);
	cr_assert_not(pieces_run(&third, &fx.scratch), "it keeps nothing back");
	take_back(&third);
	take_back(&req[0]);
	take_large(&third, UKCF_OP_DECRYPT, 100000, true);
	cr_assert_not(pieces_run(&third, &fx.scratch), "there is room again");
	take_back(&third);
	take_back(&req[1]);
	cr_assert_eq(fx.consumer.withheld, 0);
}

/* SPDX-License-Identifier: MIT */
/*
 * An administrator takes a provider out by force while multipart operations are
 * open with it: that succeeds at once, whoever keeps them open; each next part
 * is told that the state is lost, never given the state of another; and what is
 * begun anew is right.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/ring-ops.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define PROVIDER "openssl"
#define MECH UKCF_MECH_SHA3_256 /* nobody else offers it */
#define LEN 32
#define CTXS 8u
#define TURNS scaled(40, 2000) /* out and in again */

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
/* Operations end with one half of "abcdef" and then with the other, so that an
 * old result is not taken for a new one. */
static uint8_t right[2][LEN]; /* of "abcabc", "abcdef" */
static unsigned int half;

static struct ukcf_span part(unsigned int of)
{
	return ukcf_buffer_span(in, 6 + 3 * of, 3);
}

static struct ukcf_span result(uint64_t ctx)
{
	return ukcf_buffer_span(out, ctx * LEN, LEN);
}

static struct ukcf_cqe run(struct ukcf_sqe *s)
{
	if (s->op == UKCF_OP_INIT || s->op == UKCF_OP_UPDATE)
		s->flags |= UKCF_SQE_NOTIFY_OPDONE;
	entry_submit(ring, s, 1);
	return entry_next(ring, WAIT_NS);
}

static struct ukcf_cqe init(uint64_t ctx)
{
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_init(ring, &s, ctx, UKCF_OP_DIGEST, MECH,
			   (struct ukcf_key){ 0 }, NULL, 0, UKCF_SPAN_NONE))
		check_bail("prep");
	return run(&s);
}

static struct ukcf_cqe update(uint64_t ctx)
{
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_update(&s, ctx, part(0), UKCF_SPAN_NONE))
		check_bail("prep");
	return run(&s);
}

static struct ukcf_cqe final(uint64_t ctx)
{
	struct ukcf_sqe s = { 0 };

	half ^= 1;
	if (ukcf_prep_final(&s, ctx, part(half), result(ctx), UKCF_SPAN_NONE))
		check_bail("prep");
	return run(&s);
}

static struct ukcf_cqe copy(uint64_t ctx, uint64_t from)
{
	struct ukcf_sqe s = { 0 };

	ukcf_prep_ctx_copy(&s, ctx, from);
	return run(&s);
}

static bool is_lost(struct ukcf_cqe c)
{
	return c.res == -ESTALE && c.detail == UKCF_DETAIL_LOST_STATE;
}

static bool is_right(uint64_t ctx)
{
	const uint8_t *all = ukcf_buffer_data(out);

	return memcmp(all + ctx * LEN, right[half], LEN) == 0;
}

static void learn(unsigned int which)
{
	struct ukcf_sqe s = { 0 };

	if (ukcf_prep_digest(&s, MECH, ukcf_buffer_span(in, 6 * which, 6),
			     result(0)))
		check_bail("prep");
	if (run(&s).res != LEN)
		check_skip("no provider " PROVIDER);
	memcpy(right[which], ukcf_buffer_data(out), LEN);
}

static void open_all(void)
{
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 64, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 12, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, (CTXS + 1) * LEN, &out))
		check_bail("no ring");
	memcpy(ukcf_buffer_data(in), "abcabcabcdef", 12);
	learn(0);
	learn(1);
}

/* ------------------------------------------------------------- one by one */

static void test_one_by_one(void)
{
	check(init(1).res == 0 && update(1).res == 0 && init(2).res == 0 &&
		      init(3).res == 0, "three are open");
	check(change(MSG_CHANGE_UNLOAD, PROVIDER, "0") == -EBUSY,
	      "without force the provider stays");
	check(final(2).res == LEN, "and works on");
	check(change_by_force(MSG_CHANGE_UNLOAD, PROVIDER, "0") == 0,
	      "with force it goes");
	check(is_lost(update(1)), "the next part: lost");
	check(is_lost(final(1)), "and the one after it");
	check(is_lost(copy(4, 3)), "a copy of one: lost");
	check(init(5).res == -EOPNOTSUPP, "no other has it");
	check(change(MSG_CHANGE_LOAD, PROVIDER, "") == 0, "it comes again");
	check(is_lost(final(3)), "what was begun with it before stays lost");
	check(init(1).res == 0 && final(1).res == LEN, "begun anew, it works");
	check(init(3).res == 0 && update(3).res == 0 &&
		      final(3).res == LEN && is_right(3), "and is right");
}

static void test_drain(void)
{
	check(init(1).res == 0 && init(2).res == 0, "two are open");
	check(change_by_force(MSG_CHANGE_DRAIN, PROVIDER, "0") == 0,
	      "a drain by force ends");
	check(change(MSG_CHANGE_LOAD, PROVIDER, "") == 0, "it comes again");
	check(is_lost(final(1)), "the state is lost all the same");
	check(init(2).res == 0 && final(2).res == LEN,
	      "INIT alone is enough to begin anew");
	check(change_by_force(MSG_CHANGE_TEST, PROVIDER, "") == -EOPNOTSUPP,
	      "there is no test by force");
}

/* -------------------------------------------------------------- all at once */

static uint32_t stopped; /* atomic */
static unsigned int refusals; /* of the administrator */

static void *administer(void *arg)
{
	uint64_t turns = TURNS;

	(void)arg;
	for (uint64_t i = 0; i < turns; i++) {
		refusals += change_by_force(MSG_CHANGE_UNLOAD, PROVIDER,
					    "0") != 0;
		refusals += change(MSG_CHANGE_LOAD, PROVIDER, "") != 0;
	}
	store_release_u32(&stopped, 1);
	return NULL;
}

static struct {
	uint64_t right, wrong, lost, other;
} tally;

/* With the last part of an operation, or the first that failed. */
static void judge(uint64_t ctx, struct ukcf_cqe c)
{
	if (c.res == LEN && is_right(ctx))
		tally.right++;
	else if (c.res >= 0)
		tally.wrong++;
	else if (is_lost(c))
		tally.lost++;
	else if (c.res != -EOPNOTSUPP && c.res != -ENODEV) /* not there now */
		tally.other++;
}

/* Operations in three parts, side by side. */
static void operate(void)
{
	static struct ukcf_cqe (*const parts[])(uint64_t) = { init, update,
							      final };
	struct ukcf_cqe last[CTXS + 1] = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		for (uint64_t ctx = 1; ctx <= CTXS; ctx++) {
			if (last[ctx].res < 0)
				continue;
			last[ctx] = parts[i](ctx);
			if (i == 2 || last[ctx].res < 0)
				judge(ctx, last[ctx]);
		}
}

static void test_all_at_once(void)
{
	pthread_t t;
	unsigned int n;

	if (pthread_create(&t, NULL, administer, NULL))
		check_bail("no thread");
	while (!load_acquire_u32(&stopped))
		operate();
	pthread_join(t, NULL);
	check(refusals == 0, "nobody can keep it (%u refused)", refusals);
	check(tally.right && !tally.wrong, "%llu right, %llu wrong",
	      (unsigned long long)tally.right, (unsigned long long)tally.wrong);
	check(tally.other == 0, "%llu ended in an undefined way",
	      (unsigned long long)tally.other);
	note("%llu were taken away", (unsigned long long)tally.lost);
	for (n = 1; n <= UKCF_CONTEXTS_MAX && init(n).res == 0; n++)
		;
	check(n > UKCF_CONTEXTS_MAX, "every context can be begun: %u of %u",
	      n - 1, UKCF_CONTEXTS_MAX);
}

int main(void)
{
	open_all();
	test_one_by_one();
	test_drain();
	test_all_at_once();
	ukcf_disconnect(u);
	return check_done();
}

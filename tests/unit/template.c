/* SPDX-License-Identifier: MIT */
#include "daemon/core/template.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/memfd.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/prepared.h"
#include "daemon/spi/provider.h"
#include "tests/unit/fixture.h"

#define ID(s) ((struct request_id){ 1, s })
#define TABLE (TEMPLATE_SLOTS * 128u)
#define STATE 64u /* bytes that a provider of these tests computes */

static const struct object_user me = { UID, 7 };

static unsigned int computed;

/* Not the key, but made of it. */
static enum ukcf_status init_tmpl(struct ukcf_instance *self,
				  struct ukcf_job *job)
{
	(void)self;
	computed++;
	for (size_t i = 0; i < STATE; i++)
		job->out[i] = (uint8_t)(job->key.data[i % 32] ^ 0xa5);
	job->res = STATE;
	return UKCF_DONE;
}

static enum ukcf_status cannot(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	memset(job->out, 0x77, 16);
	job->res = -EIO;
	return UKCF_DONE;
}

static uint8_t used[STATE]; /* what a job found in its template */
static bool with_state;

static enum ukcf_status mac(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	with_state = job->tmpl;
	if (job->tmpl)
		memcpy(used, job->tmpl, STATE);
	memset(job->out, 0, job->tag_len);
	job->res = (int64_t)job->tag_len;
	return UKCF_DONE;
}

static const struct ukcf_mech_ops ops = { .mac = mac,
					  .init_tmpl = init_tmpl };
static const struct ukcf_mech_ops broken_ops = { .mac = mac,
						 .init_tmpl = cannot };
static const struct ukcf_mech_ops plain_ops = { .mac = mac };

/* A template that is an object: what malloc() gave. */
static unsigned int objects;

static enum ukcf_status init_object(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	uint8_t *object = malloc(STATE);

	(void)self;
	computed++;
	cr_assert_not_null(object);
	memcpy(object, job->key.data, 32);
	memcpy(job->out, &object, sizeof(object));
	objects++;
	job->res = sizeof(object);
	return UKCF_DONE;
}

static enum ukcf_status drop_object(struct ukcf_instance *self,
				    struct ukcf_job *job)
{
	uint8_t *object;

	(void)self;
	cr_assert_eq(job->mech, UKCF_MECH_HMAC_SHA2_256);
	memcpy(&object, job->tmpl, sizeof(object));
	free(object);
	objects--;
	return UKCF_DONE;
}

/* The first byte of the key, by way of the object. */
static enum ukcf_status mac_by_object(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	uint8_t *object;

	(void)self;
	with_state = job->tmpl;
	used[0] = 0;
	if (job->tmpl) {
		memcpy(&object, job->tmpl, sizeof(object));
		used[0] = object[0];
	}
	memset(job->out, 0, job->tag_len);
	job->res = (int64_t)job->tag_len;
	return UKCF_DONE;
}

static const struct ukcf_mech_ops object_ops = { .mac = mac_by_object,
						 .init_tmpl = init_object,
						 .drop_tmpl = drop_object };

static void offer_objects(void)
{
	offer_of(UKCF_MECH_HMAC_SHA2_256)->ops = &object_ops;
	offer_of(UKCF_MECH_HMAC_SHA2_256)->tmpl_size = sizeof(void *);
}

static uint64_t key;

static const struct mech_offer *the_offer(void)
{
	return mech_choose(mech_find(UKCF_MECH_HMAC_SHA2_256), UKCF_OP_MAC,
			   UKCF_PROVIDER_ANY);
}

static void setup(void)
{
	fixture_init();
	offer_of(UKCF_MECH_HMAC_SHA2_256)->ops = &ops;
	offer_of(UKCF_MECH_HMAC_SHA2_256)->tmpl_size = STATE;
	key = make_key(UKCF_MECH_HMAC_SHA2_256, 0);
}

TestSuite(template, .init = setup);

static int64_t create_by_sqe(uint64_t of, uint16_t subflags,
			     unsigned int *detail)
{
	struct ukcf_sqe s = { .op = UKCF_OP_TMPL_CREATE,
			      .mech = { UKCF_MECH_HMAC_SHA2_256 },
			      .subflags = subflags,
			      .obj = { of } };

	return run_sqe(&s, detail);
}

static uint64_t create(uint16_t subflags)
{
	unsigned int detail;
	int64_t res = create_by_sqe(key, subflags, &detail);

	cr_assert_gt(res, 0, "%u", detail);
	return (uint64_t)res;
}

static int64_t mac_with(uint64_t obj)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256);
	unsigned int detail;

	s.obj[0] = obj;
	return run_sqe(&s, &detail);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

static int hold(uint64_t h, struct template **t, struct key **k)
{
	*t = NULL;
	*k = NULL;
	return template_hold(h, me, t, k);
}

static void let_go(struct template *t, struct key *k)
{
	template_release(t, true);
	keystore_release(k);
}

Test(template, stands_where_a_key_may_and_brings_what_was_computed)
{
	uint64_t h = create(0);

	cr_assert(h >> 62 == 1, "bit 62 tells it from a key");
	cr_assert_eq(computed, 1, "at once");
	cr_assert_eq(mac_with(h), 32);
	cr_assert(with_state);
	cr_assert_eq(used[0], 0x01 ^ 0xa5);
	cr_assert_eq(mac_with(key), 32);
	cr_assert_not(with_state, "the key alone brings none");
	cr_assert_eq(mac_with(h), 32);
	cr_assert_eq(computed, 1, "and once");
}

Test(template, an_operation_that_the_key_does_not_allow_stays_refused)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_ENCRYPT, UKCF_MECH_AES_256_GCM);
	unsigned int detail;

	s.obj[0] = create(0);
	cr_assert_eq(run_sqe(&s, &detail), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_MECH);
}

Test(template, a_mechanism_without_precomputation_has_none)
{
	unsigned int detail;

	offer_of(UKCF_MECH_HMAC_SHA2_256)->ops = &plain_ops;
	cr_assert_eq(create_by_sqe(key, 0, &detail), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_NO_PROVIDER);
}

Test(template, is_its_connections_alone)
{
	const struct object_user other_connection = { UID, 8 };
	const struct object_user other_user = { UID + 1, 7 };
	uint64_t h = create(0);
	struct template *t;
	struct key *k;

	cr_assert_eq(template_hold(h, other_connection, &t, &k), -ENOKEY);
	cr_assert_eq(template_hold(h, other_user, &t, &k), -ENOKEY);
	cr_assert_eq(template_hold(h ^ 1u << 12, me, &t, &k), -ENOKEY);
	cr_assert_eq(keystore_hold(h, UID, 7, &k), -ENOKEY, "no key");
	cr_assert_eq(template_destroy(h, other_connection, ID(9), NULL, NULL),
		     -ENOKEY);
	template_end_session(8);
	cr_assert_eq(template_count(), 1);
	template_end_session(7);
	cr_assert_eq(template_count(), 0);
}

static int ends;

static void note_end(void *arg)
{
	(void)arg;
	ends++;
}

/* KCF: no reference count, "the consumer must not destroy early". */
Test(template, kcf_destroyed_in_use_is_wiped_after_the_last_use)
{
	uint64_t h = create(0);
	struct template *a, *b, *c;
	struct key *ka, *kb, *kc;
	const uint8_t *state;

	cr_assert_eq(hold(h, &a, &ka), 0);
	cr_assert_eq(hold(h, &b, &kb), 0);
	state = template_state(a, the_offer(), ka);
	cr_assert_not_null(state);
	cr_assert_eq(template_destroy(h, me, ID(2), note_end, NULL),
		     -EINPROGRESS);
	cr_assert_eq(hold(h, &c, &kc), -EKEYREVOKED, "for new ones at once");
	cr_assert_eq(template_state(a, the_offer(), ka), state);
	let_go(a, ka);
	/* the control: what is to be wiped is there, and this sees it */
	cr_assert_not(is_zero(state, STATE));
	cr_assert_eq(ends, 0);
	let_go(b, kb);
	cr_assert(is_zero(state, STATE));
	cr_assert_eq(ends, 1);
}

Test(template, auto_ends_with_its_first_use_and_not_with_a_refusal)
{
	struct ukcf_sqe s = sqe_for(UKCF_OP_MAC, UKCF_MECH_HMAC_SHA2_256);
	uint64_t h = create(UKCF_SUB_TMPL_AUTO), many = create(0);
	unsigned int detail;

	s.obj[0] = h;
	s.out.len = 1;
	cr_assert_eq(run_sqe(&s, &detail), -ENOBUFS);
	cr_assert_eq(template_count(), 2, "it was not used");
	cr_assert_eq(mac_with(h), 32);
	cr_assert_eq(mac_with(h), -EKEYREVOKED);
	cr_assert_eq(template_count(), 1);
	cr_assert_eq(mac_with(many), 32);
	cr_assert_eq(mac_with(many), 32, "without AUTO it stays");
}

Test(template, auto_serves_all_that_were_accepted_before_the_first_ended)
{
	uint64_t h = create(UKCF_SUB_TMPL_AUTO);
	struct template *a, *b, *c;
	struct key *ka, *kb, *kc;
	const uint8_t *state;

	cr_assert_eq(hold(h, &a, &ka), 0);
	cr_assert_eq(hold(h, &b, &kb), 0);
	state = template_state(a, the_offer(), ka);
	let_go(a, ka);
	cr_assert_eq(hold(h, &c, &kc), -EKEYREVOKED);
	cr_assert_eq(template_state(b, the_offer(), kb), state);
	cr_assert_not(is_zero(state, STATE));
	let_go(b, kb);
	cr_assert(is_zero(state, STATE));
}

Test(template, ends_with_its_key_and_nothing_computed_from_it_is_left)
{
	uint64_t h = create(0);
	const uint8_t *state;
	struct template *t;
	struct key *k;

	cr_assert_eq(hold(h, &t, &k), 0);
	state = template_state(t, the_offer(), k);
	cr_assert_eq(keystore_destroy_then(key, UID, 7, ID(3), note_end, NULL),
		     -EINPROGRESS);
	cr_assert_eq(template_count(), 0);
	cr_assert_eq(mac_with(h), -EKEYREVOKED);
	cr_assert_eq(ends, 0, "the key waits for the template's user");
	template_release(t, true);
	cr_assert(is_zero(state, STATE), "before the key itself is gone");
	keystore_release(k);
	cr_assert_eq(ends, 1);
}

Test(template, other_keys_of_the_user_keep_theirs)
{
	uint64_t other = make_key(UKCF_MECH_HMAC_SHA2_256, 0), h;
	unsigned int detail;

	h = (uint64_t)create_by_sqe(other, 0, &detail);
	create(0);
	cr_assert_eq(keystore_destroy(key, UID, 7, ID(3)), 0);
	cr_assert_eq(template_count(), 1);
	cr_assert_eq(mac_with(h), 32);
}

/* KCF: a template of another generation fails with OLD_CTX_TEMPLATE. */
Test(template, kcf_old_template_another_provider_computes_its_own)
{
	struct provider second = fx.provider, third = fx.provider;
	struct mech_offer a = *the_offer(), b = a, c = a;
	uint64_t h = create(0);
	const void *at_a, *at_b;
	struct template *t;
	struct key *k;

	b.provider = &second;
	c.provider = &third;
	cr_assert_eq(hold(h, &t, &k), 0);
	at_a = template_state(t, the_offer(), k);
	at_b = template_state(t, &b, k);
	cr_assert_not_null(at_b);
	cr_assert_neq(at_a, at_b);
	cr_assert_eq(computed, 2);
	cr_assert_null(template_state(t, &c, k), "there is room for two");
	cr_assert_eq(template_state(t, the_offer(), k), at_a);
	cr_assert_eq(template_state(t, &b, k), at_b);
	cr_assert_eq(computed, 2);
	let_go(t, k);
}

Test(template, a_provider_that_cannot_compute_leaves_nothing)
{
	uint64_t h = create(0);
	struct ukcf_offer broken = *offer_of(UKCF_MECH_HMAC_SHA2_256);
	struct mech_offer b = *the_offer();
	const uint8_t *at_a;
	struct template *t;
	struct key *k;

	broken.ops = &broken_ops;
	b.offer = &broken;
	cr_assert_eq(hold(h, &t, &k), 0);
	at_a = template_state(t, the_offer(), k);
	cr_assert_null(template_state(t, &b, k));
	cr_assert(is_zero(at_a + 512, 16), "what it wrote is wiped");
	let_go(t, k);
}

Test(template, the_quota_is_per_user)
{
	unsigned int detail;

	for (int i = 0; i < 100; i++)
		create(0);
	cr_assert_eq(create_by_sqe(key, 0, &detail), -EDQUOT);
	cr_assert_eq(detail, UKCF_DETAIL_QUOTA);
}

Test(template, fields_that_mean_nothing_are_zero)
{
	unsigned int detail;
	struct ukcf_sqe s = { .op = UKCF_OP_TMPL_DESTROY,
			      .subflags = UKCF_SUB_TMPL_AUTO,
			      .obj = { create(0) } };

	cr_assert_eq(run_sqe(&s, &detail), -EINVAL);
	cr_assert_eq(detail, UKCF_DETAIL_FLAGS);
	s.subflags = 0;
	s.ctx = 1;
	cr_assert_eq(run_sqe(&s, &detail), -EINVAL);
	s.ctx = 0;
	cr_assert_eq(run_sqe(&s, &detail), 0);
	cr_assert_eq(run_sqe(&s, &detail), -EKEYREVOKED);
	cr_assert_eq(detail, UKCF_DETAIL_TMPL);
	cr_assert_eq(create_by_sqe(key, 0x100, &detail), -EINVAL);
	s.obj[0] = key;
	cr_assert_eq(run_sqe(&s, &detail), -ENOKEY, "a key is no template");
}

/* The next process: the table is there, what was computed is not. */
Test(template, outlives_a_restart_and_is_computed_anew)
{
	int fd = memfd_new("unit", TABLE, MEMFD_DAEMON_WRITES);
	const uint8_t *state;
	uint64_t h, again;
	struct template *t;
	struct key *k;

	template_close();
	cr_assert_eq(template_open(fd, 100), 0);
	h = create(0);
	cr_assert_eq(hold(h, &t, &k), 0, "and never released");
	template_close();
	cr_assert_eq(template_open(fd, 100), 0);
	cr_assert_eq(hold(h, &t, &k), 0);
	computed = 0;
	state = template_state(t, the_offer(), k);
	cr_assert_eq(computed, 1);
	cr_assert_not_null(state);
	cr_assert_eq(template_created_by(ID(77), &again), -ENOKEY);
	cr_assert_eq(template_destroy(h, me, ID(78), note_end, NULL),
		     -EINPROGRESS);
	let_go(t, k);
	cr_assert_eq(ends, 1, "references of the dead do not count");
	cr_assert_eq(template_destroy(h, me, ID(78), NULL, NULL), 0,
		     "the request that did it, run again");
	cr_assert_eq(template_open(memfd_new("unit", 4096, MEMFD_DAEMON_WRITES),
				   100), -EPROTO);
}

/* ----------------------------------------------- templates that own something */

Test(template, what_it_owns_is_given_back_after_the_last_use)
{
	struct template *t;
	struct key *k;
	uint64_t h;

	offer_objects();
	h = create(0);
	cr_assert_eq(objects, 1);
	cr_assert_eq(mac_with(h), 32);
	cr_assert_eq(used[0], 1);
	cr_assert_eq(hold(h, &t, &k), 0);
	cr_assert_eq(template_destroy(h, me, ID(9), note_end, NULL),
		     -EINPROGRESS);
	cr_assert_eq(objects, 1, "it is in use");
	let_go(t, k);
	cr_assert_eq(objects, 0);
	create(0);
	create(0);
	cr_assert_eq(objects, 2);
	template_forget(the_offer()->provider);
	cr_assert_eq(objects, 0);
	create(0);
	template_close();
	cr_assert_eq(objects, 0);
}

Test(template, comes_by_itself_and_ends_with_the_last_use_of_the_key)
{
	struct key *k;

	offer_objects();
	for (unsigned int i = 0; i < 3; i++) {
		cr_assert_eq(mac_with(key), 32);
		cr_assert(with_state);
		cr_assert_eq(used[0], 1);
		cr_assert_eq(computed, 1, "once");
	}
	cr_assert_eq(template_count(), 0, "no quota is touched");
	cr_assert_eq(keystore_hold(key, UID, 7, &k), 0);
	cr_assert_eq(keystore_destroy(key, UID, 7, ID(9)), 0);
	cr_assert_eq(objects, 1, "it is in use");
	keystore_release(k);
	cr_assert_eq(objects, 0);
	/* the slot's next key has its own */
	key = make_key(UKCF_MECH_HMAC_SHA2_256, 0);
	cr_assert_eq(mac_with(key), 32);
	cr_assert_eq(computed, 2);
	prepared_close();
	cr_assert_eq(objects, 0);
	cr_assert_eq(mac_with(key), 32);
	cr_assert_not(with_state);
}

Test(template, is_given_back_before_its_provider_stops_and_made_anew)
{
	struct provider other = { .name = "other" };

	offer_objects();
	cr_assert_eq(mac_with(key), 32);
	prepared_forget(&other);
	cr_assert_eq(objects, 1, "another's");
	prepared_forget(the_offer()->provider);
	cr_assert_eq(objects, 0);
	cr_assert_eq(mac_with(key), 32);
	cr_assert_eq(objects, 1);
	cr_assert_eq(computed, 2);
	prepared_close();
}

Test(template, does_not_come_by_itself_where_it_is_large_or_flat)
{
	cr_assert_eq(mac_with(key), 32);
	cr_assert_not(with_state, "flat");
	offer_objects();
	offer_of(UKCF_MECH_HMAC_SHA2_256)->tmpl_size = 17;
	cr_assert_eq(mac_with(key), 32);
	cr_assert_not(with_state, "large");
	cr_assert_eq(objects, 0);
}

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/core/keystore.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define ME 1000
#define OTHER 1001
#define SERIAL 7u
#define SLOT 576u
#define SMALL (4096u * SLOT)
#define LARGE 3072u
#define SLAB (SMALL + KEYSTORE_LARGE_MAX * LARGE)
#define ID(r, s) ((struct request_id){ r, s })

static const uint8_t secret[32] = "0123456789abcdef0123456789abcde";

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(keystore_open(-1, 100), 0);
}

TestSuite(keystore, .init = setup);

static struct key_spec spec(const char *name)
{
	return (struct key_spec){ .request = ID(1, 1),
				  .name = name,
				  .uid = ME,
				  .consumer_serial = SERIAL,
				  .mech = UKCF_MECH_AES_256_GCM,
				  .usage = UKCF_USE_ENCRYPT,
				  .secret = { secret, sizeof(secret) } };
}

static uint64_t create(const char *name)
{
	struct key_spec s = spec(name);
	uint64_t h = 0;

	cr_assert_eq(keystore_create(&s, &h), 0);
	return h;
}

static int hold(uint64_t h, uid_t uid, uint64_t serial)
{
	struct key *k;
	int err = keystore_hold(h, uid, serial, &k);

	if (!err)
		keystore_release(k);
	return err;
}

Test(keystore, a_handle_gives_back_what_was_put_in)
{
	uint64_t h = create("a");
	struct key *k;

	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	cr_assert_eq(key_mech(k), UKCF_MECH_AES_256_GCM);
	cr_assert_eq(key_usage(k), UKCF_USE_ENCRYPT);
	cr_assert_eq(key_secret(k).len, sizeof(secret));
	cr_assert_eq(memcmp(key_secret(k).data, secret, sizeof(secret)), 0);
	cr_assert_eq(key_public(k).len, 0);
	cr_assert_null(key_public(k).data);
	keystore_release(k);
}

Test(keystore, handles_are_never_zero_nor_negative)
{
	for (int i = 0; i < 100; i++) {
		uint64_t h = create(NULL);

		cr_assert(h != 0 && h >> 62 == 0);
	}
}

/* "Not yours" and "does not exist" are one answer, whatever differs. */
Test(keystore, not_yours_looks_like_does_not_exist)
{
	uint64_t named = create("a"), session = create(NULL);

	cr_assert_eq(hold(named, ME, 0), 0);
	cr_assert_eq(hold(named, ME, 99), 0, "names are the user's");
	cr_assert_eq(hold(named, OTHER, SERIAL), -ENOKEY);
	cr_assert_eq(hold(named, 0, SERIAL), -ENOKEY, "root is a user");
	cr_assert_eq(hold(session, ME, SERIAL), 0);
	cr_assert_eq(hold(session, ME, SERIAL + 1), -ENOKEY);
	cr_assert_eq(hold(session, ME, 0), -ENOKEY);
	cr_assert_eq(hold(session, OTHER, SERIAL), -ENOKEY);
	cr_assert_eq(hold(0, ME, SERIAL), -ENOKEY);
	cr_assert_eq(hold(UINT64_MAX, ME, SERIAL), -ENOKEY);
	cr_assert_eq(keystore_destroy(named, OTHER, SERIAL, ID(9, 9)),
		     -ENOKEY);
	cr_assert_eq(keystore_destroy(0, ME, SERIAL, ID(9, 9)), -ENOKEY);
	cr_assert_eq(hold(named, ME, 0), 0, "and nothing happened to it");
}

/* Also what was destroyed: a stranger is not told that it ever was. */
Test(keystore, a_stranger_is_not_told_of_a_revoked_key)
{
	uint64_t h = create("a");

	cr_assert_eq(keystore_destroy(h, ME, SERIAL, ID(1, 2)), 0);
	cr_assert_eq(hold(h, ME, SERIAL), -EKEYREVOKED);
	cr_assert_eq(hold(h, OTHER, SERIAL), -ENOKEY);
	cr_assert_eq(keystore_destroy(h, OTHER, SERIAL, ID(1, 3)), -ENOKEY);
	cr_assert_eq(keystore_destroy(h, ME, SERIAL, ID(1, 3)), -EKEYREVOKED);
}

/* Slot, generation and tag: each bit of a handle counts. */
Test(keystore, no_handle_one_bit_off_is_a_key)
{
	uint64_t h = create("a");

	for (unsigned int bit = 0; bit < 64; bit++)
		cr_assert_eq(hold(h ^ UINT64_C(1) << bit, ME, SERIAL), -ENOKEY,
			     "bit %u", bit);
}

Test(keystore, a_slot_used_again_does_not_answer_to_its_old_handle)
{
	uint64_t seen[5000], h;
	unsigned int n = 0;

	/* Every slot at least once more. */
	for (int i = 0; i < 5000; i++) {
		h = create(NULL);
		cr_assert_eq(keystore_destroy(h, ME, SERIAL, ID(1, 2)), 0);
		seen[n++] = h;
	}
	for (unsigned int i = 0; i < n; i++) {
		int err = hold(seen[i], ME, SERIAL);

		cr_assert(err == -ENOKEY || err == -EKEYREVOKED);
		cr_assert(i < n - 4096 ? err == -ENOKEY : true);
	}
}

Test(keystore, tags_are_not_guessable_from_one_another)
{
	uint64_t a = create(NULL) >> 30, b = create(NULL) >> 30;
	uint64_t c = create(NULL) >> 30, d = create(NULL) >> 30;

	/* four equal or consecutive 32-bit tags: 1 in 2^90 */
	cr_assert(!(b - a == c - b && c - b == d - c));
}

Test(keystore, a_name_is_unique_per_user_and_free_again_when_destroyed)
{
	struct key_spec s = spec("a");
	uint64_t mine = create("a"), theirs, h;

	cr_assert_eq(keystore_create(&s, &h), -EEXIST);
	s.uid = OTHER;
	cr_assert_eq(keystore_create(&s, &theirs), 0);
	cr_assert_eq(keystore_find("a", ME, &h), 0);
	cr_assert_eq(h, mine);
	cr_assert_eq(keystore_find("a", OTHER, &h), 0);
	cr_assert_eq(h, theirs);
	cr_assert_eq(keystore_find("a", 3, &h), -ENOKEY);
	cr_assert_eq(keystore_find("", ME, &h), -ENOKEY);
	cr_assert_eq(keystore_destroy(mine, ME, 0, ID(1, 2)), 0);
	cr_assert_eq(keystore_find("a", ME, &h), -ENOKEY);
	cr_assert_neq(create("a"), mine);
}

Test(keystore, session_keys_have_no_name_and_end_with_their_consumer)
{
	uint64_t named = create("a"), s = create(NULL), h;
	struct key *held;

	cr_assert_eq(keystore_hold(s, ME, SERIAL, &held), 0);
	keystore_end_session(SERIAL + 1);
	cr_assert_eq(hold(s, ME, SERIAL), 0);
	keystore_end_session(SERIAL);
	cr_assert_eq(hold(s, ME, SERIAL), -EKEYREVOKED);
	cr_assert_eq(hold(named, ME, 0), 0);
	cr_assert_eq(keystore_find("", ME, &h), -ENOKEY);
	/* A request that is under way still has its bytes. */
	cr_assert_eq(key_secret(held).len, sizeof(secret));
	cr_assert_eq(memcmp(key_secret(held).data, secret, 32), 0);
	keystore_release(held);
	cr_assert_eq(keystore_count(), 1);
}

Test(keystore, bytes_are_wiped_by_whoever_lets_go_last)
{
	uint64_t h = create("a");
	const uint8_t *bytes;
	struct key *k, *k2;

	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	cr_assert_eq(keystore_hold(h, ME, 0, &k2), 0);
	bytes = key_secret(k).data;
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 2)), 0);
	keystore_release(k);
	cr_assert_eq(memcmp(bytes, secret, sizeof(secret)), 0);
	keystore_release(k2);
	for (size_t i = 0; i < sizeof(secret); i++)
		cr_assert_eq(bytes[i], 0);
}

static unsigned int told;
static uint8_t told_of[2][32];

static void hear(struct ukcf_bytes key)
{
	if (told < 2)
		memcpy(told_of[told], key.data, key.len);
	told++;
}

Test(keystore, who_keeps_something_of_a_key_hears_of_its_end_before_it_is_wiped)
{
	uint64_t h = create("a");
	struct key *k;
	struct ukcf_bytes pub;
	uint8_t public[32] = { 0 };

	keystore_on_forget(hear);
	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	pub = key_public(k);
	if (pub.len)
		memcpy(public, pub.data, pub.len);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 2)), 0);
	cr_assert_eq(told, 0); /* somebody uses it still */
	keystore_release(k);
	cr_assert_eq(told, pub.len ? 2 : 1);
	cr_assert_eq(memcmp(told_of[0], secret, sizeof(secret)), 0);
	cr_assert_eq(memcmp(told_of[1], public, pub.len), 0);
	keystore_on_forget(NULL);
}

Test(keystore, the_quota_counts_live_keys_of_the_user_and_comes_back)
{
	uint64_t h[100], more;
	struct key_spec s = spec(NULL);

	for (int i = 0; i < 100; i++)
		h[i] = create(NULL);
	cr_assert_eq(keystore_create(&s, &more), -EDQUOT);
	s.uid = OTHER;
	cr_assert_eq(keystore_create(&s, &more), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(keystore_destroy(h[i], ME, SERIAL, ID(1, 2)), 0);
	for (int i = 0; i < 100; i++)
		create(NULL);
}

Test(keystore, the_store_is_full_after_its_slots_and_not_broken)
{
	struct key_spec s = spec(NULL);
	uint64_t h, last = 0;
	int n = 0;

	keystore_close();
	cr_assert_eq(keystore_open(-1, UINT32_MAX), 0);
	while (keystore_create(&s, &h) == 0) {
		last = h;
		n++;
	}
	cr_assert_eq(n, 4096);
	cr_assert_eq(keystore_count(), 4096);
	cr_assert_eq(keystore_destroy(last, ME, SERIAL, ID(1, 2)), 0);
	cr_assert_eq(keystore_create(&s, &h), 0);
}

Test(keystore, sizes_beyond_a_slot_are_EINVAL)
{
	static const uint8_t big[UKCF_KEY_BYTES_MAX + 1];
	struct key_spec s = spec("a");
	uint64_t h;

	s.secret = (struct ukcf_bytes){ big, UKCF_KEY_BYTES_MAX + 1 };
	cr_assert_eq(keystore_create(&s, &h), -EINVAL);
	s.secret.len = UKCF_KEY_BYTES_MAX;
	s.pub = (struct ukcf_bytes){ big, UKCF_KEY_PUBLIC_MAX + 1 };
	cr_assert_eq(keystore_create(&s, &h), -EINVAL);
	s.pub.len = UKCF_KEY_PUBLIC_MAX;
	cr_assert_eq(keystore_create(&s, &h), 0);
}

Test(keystore, the_list_has_each_named_key_of_the_user_once_in_any_portions)
{
	struct ukcf_key_info rows[16];
	char name[16];

	for (int i = 0; i < 9; i++) {
		struct key_spec s;

		snprintf(name, sizeof(name), "k%d", i);
		create(name);
		create(NULL);
		s = spec(name);
		s.uid = OTHER;
		cr_assert_eq(keystore_create(&s, &(uint64_t){ 0 }), 0);
	}
	for (unsigned int portion = 1; portion <= 16; portion++) {
		unsigned int seen = 0, total = 0, n;
		uint64_t next = 0;

		do {
			n = keystore_list(ME, &next, rows, portion);
			for (unsigned int i = 0; i < n; i++)
				seen |= 1u << (rows[i].name[1] - '0');
			total += n;
		} while (next);
		cr_assert_eq(total, 9, "portions of %u", portion);
		cr_assert_eq(seen, 0x1ff);
	}
}

Test(keystore, a_row_carries_no_secret_and_begins_where_it_is_told)
{
	struct ukcf_key_info row;
	uint64_t next = 0, h = create("a");
	static const uint64_t beyond[] = { 4096, 4097, UINT64_C(1) << 32,
					   UINT64_MAX };

	cr_assert_eq(keystore_list(ME, &next, &row, 1), 1);
	cr_assert_eq(row.id, h);
	cr_assert_eq(row.bits, 256);
	cr_assert_null(memmem(&row, sizeof(row), secret, 16));
	next = row.next;
	cr_assert_eq(keystore_list(ME, &next, &row, 1), 0);
	for (size_t i = 0; i < 4; i++) {
		next = beyond[i];
		cr_assert_eq(keystore_list(ME, &next, &row, 1), 0);
		cr_assert_eq(next, 0);
	}
}

Test(keystore, the_request_that_made_or_ended_a_key_finds_its_effect)
{
	uint64_t h = create("a"), again;

	cr_assert_eq(keystore_created_by(ID(1, 1), &again), 0);
	cr_assert_eq(again, h);
	cr_assert_eq(keystore_created_by(ID(1, 2), &again), -ENOKEY);
	cr_assert_eq(keystore_created_by(ID(2, 1), &again), -ENOKEY);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 5)), 0);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 5)), 0, "run again");
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 6)), -EKEYREVOKED);
	cr_assert_eq(keystore_created_by(ID(1, 1), &again), -ENOKEY);
}

Test(keystore, without_the_record_no_request_made_a_key)
{
	uint64_t named = create("a"), again, found;
	struct key *k;

	keystore_disown();
	cr_assert_eq(keystore_created_by(ID(1, 1), &again), -ENOKEY);
	cr_assert_eq(keystore_find("a", ME, &found), 0);
	cr_assert_eq(found, named);
	cr_assert_eq(keystore_hold(named, ME, 0, &k), 0);
	keystore_release(k);
}

static void note_wiped(void *arg)
{
	++*(int *)arg;
}

Test(keystore, who_releases_a_dead_key_last_says_so)
{
	uint64_t h = create("a");
	int wiped = 0;
	struct key *k;

	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	cr_assert_eq(keystore_destroy_then(h, ME, 0, ID(1, 5), note_wiped,
					   &wiped), -EINPROGRESS);
	cr_assert_eq(wiped, 0);
	keystore_release(k);
	cr_assert_eq(wiped, 1);
	cr_assert_eq(keystore_destroy_then(create("b"), ME, 0, ID(1, 6),
					   note_wiped, &wiped), 0);
	cr_assert_eq(wiped, 1, "nobody used it: the caller knows");
}

/* -------------------------------------------------------------- large keys */

static uint8_t large_secret[1200], large_public[270];

/* Of bytes that say whose they are. */
static struct key_spec large_spec(uid_t uid, uint8_t mark)
{
	struct key_spec s = spec(NULL);

	s.uid = uid;
	memset(large_secret, mark, sizeof(large_secret));
	memset(large_public, mark ^ 0x80, sizeof(large_public));
	s.secret = (struct ukcf_bytes){ large_secret, sizeof(large_secret) };
	s.pub = (struct ukcf_bytes){ large_public, sizeof(large_public) };
	return s;
}

static uint64_t create_large(uid_t uid, uint8_t mark)
{
	struct key_spec s = large_spec(uid, mark);
	uint64_t h = 0;

	cr_assert_eq(keystore_create(&s, &h), 0);
	return h;
}

static bool is_all(struct ukcf_bytes b, size_t len, uint8_t mark)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] != mark)
			return false;
	return b.len == len;
}

static bool is_intact(uint64_t h, uid_t uid, uint8_t mark)
{
	struct key *k;
	bool ok;

	if (keystore_hold(h, uid, SERIAL, &k))
		return false;
	ok = is_all(key_secret(k), sizeof(large_secret), mark) &&
	     is_all(key_public(k), sizeof(large_public), mark ^ 0x80);
	keystore_release(k);
	return ok;
}

Test(keystore, large_keys_give_back_what_was_put_in)
{
	uint64_t a = create_large(ME, 1), b = create_large(ME, 2);
	uint64_t small = create("a");

	cr_assert(is_intact(a, ME, 1));
	cr_assert(is_intact(b, ME, 2));
	cr_assert_not(is_intact(a, ME, 2), "the control");
	cr_assert_not(is_intact(small, ME, 1));
	cr_assert_eq(keystore_destroy(a, ME, SERIAL, ID(1, 2)), 0);
	cr_assert(is_intact(b, ME, 2));
	a = create_large(ME, 3);
	cr_assert(is_intact(a, ME, 3));
	cr_assert(is_intact(b, ME, 2));
}

Test(keystore, a_public_part_alone_may_be_large)
{
	struct key_spec s = large_spec(ME, 4);
	struct key *k;
	uint64_t h;

	s.secret = (struct ukcf_bytes){ 0 };
	cr_assert_eq(keystore_create(&s, &h), 0);
	cr_assert_eq(keystore_hold(h, ME, SERIAL, &k), 0);
	cr_assert_null(key_secret(k).data);
	cr_assert(is_all(key_public(k), sizeof(large_public), 0x84));
	keystore_release(k);
}

Test(keystore, a_user_has_a_quarter_of_the_large_slots)
{
	const int quarter = KEYSTORE_LARGE_MAX / 4;
	struct key_spec s = large_spec(ME, 1);
	uint64_t mine[KEYSTORE_LARGE_MAX], h;
	int n = 0;

	while (keystore_create(&s, &mine[n]) == 0)
		n++;
	cr_assert_eq(n, quarter);
	cr_assert_eq(keystore_create(&s, &h), -EDQUOT);
	create("small ones are not concerned");
	for (uid_t uid = OTHER; uid < OTHER + 3; uid++)
		for (n = 0; n < quarter; n++)
			create_large(uid, 2);
	s.uid = OTHER + 3;
	cr_assert_eq(keystore_create(&s, &h), -EDQUOT, "none is free");
	cr_assert_eq(keystore_destroy(mine[7], ME, SERIAL, ID(1, 2)), 0);
	cr_assert_eq(keystore_create(&s, &h), 0);
	cr_assert(is_intact(mine[8], ME, 1));
}

/* ---------------------------------------------------------------- restart */

static int slab_fd;
static uint8_t *slab;

static void reopen(void)
{
	cr_assert_eq(keystore_open(slab_fd, 100), 0);
}

static void own_slab(void)
{
	bool is_secret;
	void *base;

	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(secmem_slab_new("unit", SLAB, &slab_fd, &base,
				     &is_secret), 0);
	slab = base;
	reopen();
}

TestSuite(keystore_restart, .init = own_slab);

Test(keystore_restart, keys_survive_and_references_of_the_dead_do_not)
{
	uint64_t h = create("a");
	const uint8_t *bytes;
	struct key *k;

	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	reopen();
	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	bytes = key_secret(k).data;
	cr_assert_eq(memcmp(bytes, secret, 32), 0);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 2)), 0);
	keystore_release(k);
	cr_assert_eq(bytes[0], 0, "wiped: nobody else holds it");
}

Test(keystore_restart, a_key_destroyed_while_in_use_is_wiped)
{
	uint64_t h = create("a");
	struct key *k;

	cr_assert_eq(keystore_hold(h, ME, 0, &k), 0);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 2)), 0);
	cr_assert_not_null(memmem(slab, SLAB, secret, sizeof(secret)));
	reopen();
	cr_assert_null(memmem(slab, SLAB, secret, sizeof(secret)));
	cr_assert_eq(hold(h, ME, 0), -EKEYREVOKED);
	cr_assert_eq(keystore_destroy(h, ME, 0, ID(1, 2)), 0,
		     "the request that did it, run again");
}

/*
 * Creating a key is stores into one slot, of which the one to `life' (its
 * first word) comes last: cut it after any byte before that, and the slot is
 * free and holds nothing.
 */
Test(keystore_restart, a_half_made_key_is_none_and_leaves_no_bytes)
{
	static uint8_t whole[SLOT], zero[256];
	uint8_t *slot = NULL;
	uint64_t h = create("a");

	for (size_t i = 0; i < SMALL && !slot; i += SLOT)
		if (memmem(slab + i, SLOT, secret, sizeof(secret)))
			slot = slab + i;
	cr_assert_not_null(slot);
	memcpy(whole, slot, sizeof(whole));
	for (size_t n = 8; n <= SLOT; n += 4) {
		memset(slot, 0, SLOT);
		memcpy(slot + 8, whole + 8, n - 8);
		reopen();
		cr_assert_eq(keystore_count(), 0);
		cr_assert_neq(hold(h, ME, 0), 0, "cut at %zu", n);
		cr_assert_eq(memcmp(slot + 192, zero, 256), 0, "cut at %zu", n);
	}
	memcpy(slot, whole, SLOT); /* the control: with `life' it is one */
	reopen();
	cr_assert_eq(hold(h, ME, 0), 0);
}

Test(keystore_restart, large_keys_survive)
{
	uint64_t a = create_large(ME, 1), b = create_large(ME, 2), c;

	reopen();
	cr_assert(is_intact(a, ME, 1));
	c = create_large(ME, 3);
	cr_assert(is_intact(a, ME, 1));
	cr_assert(is_intact(b, ME, 2));
	cr_assert(is_intact(c, ME, 3));
	cr_assert_eq(keystore_destroy(a, ME, SERIAL, ID(1, 2)), 0);
	reopen();
	cr_assert(is_intact(b, ME, 2));
	cr_assert_not(is_intact(a, ME, 1));
}

static bool holds(uint8_t mark)
{
	uint8_t some[64];

	memset(some, mark, sizeof(some));
	return memmem(slab + SMALL, SLAB - SMALL, some, sizeof(some));
}

/* Neither destroyed in use, nor half made: `life' was not stored. */
Test(keystore_restart, no_large_bytes_are_left_of_what_is_no_key)
{
	uint64_t in_use = create_large(ME, 0x11), kept, cut;
	struct key *k;

	kept = create_large(ME, 0x12);
	cut = create_large(ME, 0x13);
	cr_assert_eq(keystore_hold(in_use, ME, SERIAL, &k), 0);
	cr_assert_eq(keystore_destroy(in_use, ME, SERIAL, ID(1, 2)), 0);
	for (size_t i = 0; i < SMALL; i += SLOT)
		if (memcmp(slab + i + 8, &cut, sizeof(cut)) == 0)
			memset(slab + i, 0, 8);
	cr_assert(holds(0x11) && holds(0x12) && holds(0x13), "the control");
	reopen();
	cr_assert(!holds(0x11) && !holds(0x13));
	cr_assert(is_intact(kept, ME, 0x12));
}

/* All that was stored of it are its large bytes. */
Test(keystore_restart, large_bytes_that_no_key_names_are_wiped)
{
	uint64_t kept = create_large(ME, 0x21), cut = create_large(ME, 0x22);

	for (size_t i = 0; i < SMALL; i += SLOT)
		if (memcmp(slab + i + 8, &cut, sizeof(cut)) == 0)
			memset(slab + i, 0, SLOT);
	reopen();
	cr_assert_not(holds(0x22));
	cr_assert(is_intact(kept, ME, 0x21));
}

Test(keystore_restart, a_slab_of_another_size_is_refused)
{
	bool is_secret;
	void *base;
	int fd;

	cr_assert_eq(secmem_slab_new("unit", SLAB / 2, &fd, &base, &is_secret),
		     0);
	cr_assert_eq(keystore_open(fd, 100), -EPROTO);
}

/* ------------------------------------------------------------------- race */

static uint64_t shared_handle;
static uint32_t stop;

static void *use_for_ever(void *arg)
{
	uint64_t *wrong = arg;
	struct key *k;

	while (!load_acquire_u32(&stop)) {
		uint64_t h = load_acquire_u64(&shared_handle);

		if (keystore_hold(h, ME, SERIAL, &k))
			continue;
		*wrong += key_secret(k).len != 32 ||
			  memcmp(key_secret(k).data, secret, 32) != 0;
		keystore_release(k);
	}
	return NULL;
}

Test(keystore, whoever_holds_a_key_has_all_its_bytes_whoever_destroys_it)
{
	uint64_t wrong[2] = { 0 };
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, use_for_ever,
					    &wrong[i]), 0);
	for (int i = 0; i < 2000; i++) {
		uint64_t h = create(NULL);

		store_release_u64(&shared_handle, h);
		for (int k = 0; k < 200; k++)
			cpu_relax();
		cr_assert_eq(keystore_destroy(h, ME, SERIAL, ID(1, 2)), 0);
	}
	store_release_u32(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq(wrong[0] + wrong[1], 0);
	cr_assert_eq(keystore_count(), 0);
}

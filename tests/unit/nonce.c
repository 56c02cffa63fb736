/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/nonce.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/ring-ops.h"

#define ME 1000
#define SERIAL 7u

static const uint8_t secret[32] = "0123456789abcdef0123456789abcde";
static struct rec_entry entry;
static struct request req = { .entry = &entry };
static uint64_t handle;

static struct key *key_new(uint32_t mech, uint32_t flags)
{
	static uint64_t seq;
	const struct key_spec spec = { .request = { 1, ++seq },
				       .uid = ME,
				       .consumer_serial = SERIAL,
				       .mech = mech,
				       .usage = UKCF_USE_ENCRYPT,
				       .flags = flags,
				       .secret = { secret, sizeof(secret) } };
	struct key *k = NULL;

	cr_assert_eq(keystore_create(&spec, &handle), 0);
	cr_assert_eq(keystore_hold(handle, ME, SERIAL, &k), 0);
	return k;
}

static void is_of(uint32_t mech, uint32_t flags)
{
	req.mech = mech_find(mech);
	req.key = key_new(mech, flags);
	req.nonce_len = 0;
}

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(mech_init(), 0);
	cr_assert_eq(keystore_open(-1, 100), 0);
	is_of(UKCF_MECH_AES_256_GCM, 0);
}

TestSuite(nonce, .init = setup);

static uint64_t counter(void)
{
	uint64_t n = 0;

	for (unsigned int i = 4; i < 12; i++)
		n = n << 8 | req.nonce[i];
	return n;
}

static int draw(unsigned int *detail)
{
	*detail = UKCF_DETAIL_NONE;
	return nonce_draw(&req, detail);
}

Test(nonce, is_the_keys_field_and_a_counter)
{
	unsigned int detail;
	uint8_t field[4];

	for (uint64_t n = 0; n < 300; n++) {
		cr_assert_eq(draw(&detail), 0);
		cr_assert_eq(req.nonce_len, 12);
		cr_assert_eq(counter(), n);
		if (n == 0)
			memcpy(field, req.nonce, 4);
		cr_assert_arr_eq(req.nonce, field, 4);
	}
}

Test(nonce, the_same_bytes_in_another_key_have_another_field)
{
	const uint32_t first = key_nonce_field(req.key);
	unsigned int other = 0;

	/* each is the same with a chance of 2^-32 */
	for (unsigned int i = 0; i < 8; i++)
		other += key_nonce_field(key_new(UKCF_MECH_AES_256_GCM, 0)) !=
			 first;
	cr_assert_geq(other, 7);
}

Test(nonce, stops_at_the_limit_of_gcm)
{
	const uint64_t most = UINT64_C(1) << 32;
	unsigned int detail;

	cr_assert_eq(nonce_limit(UKCF_MECH_AES_128_GCM), most);
	cr_assert_eq(nonce_limit(UKCF_MECH_AES_192_GCM), most);
	cr_assert_eq(nonce_limit(UKCF_MECH_AES_256_GCM), most);
	key_skip_nonces(req.key, most - 2);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(counter(), most - 1);
	for (unsigned int i = 0; i < 3; i++) {
		cr_assert_eq(draw(&detail), -EKEYREJECTED);
		cr_assert_eq(detail, UKCF_DETAIL_NONCE_LIMIT);
	}
}

Test(nonce, stops_where_the_counter_of_others_ends)
{
	unsigned int detail;

	is_of(UKCF_MECH_CHACHA20_POLY1305, 0);
	cr_assert_eq(nonce_limit(UKCF_MECH_CHACHA20_POLY1305), UINT64_MAX);
	key_skip_nonces(req.key, UINT64_MAX - 1);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(draw(&detail), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_NONCE_LIMIT);
}

Test(nonce, a_counter_never_goes_back)
{
	unsigned int detail;

	key_skip_nonces(req.key, 100);
	key_skip_nonces(req.key, 5);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(counter(), 100);
}

Test(nonce, of_24_bytes_is_random)
{
	uint8_t first[24];
	unsigned int detail;

	is_of(UKCF_MECH_XCHACHA20_POLY1305, UKCF_KEY_OWN);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(req.nonce_len, 24);
	memcpy(first, req.nonce, 24);
	cr_assert_eq(draw(&detail), 0);
	cr_assert_neq(memcmp(first, req.nonce, 8), 0);
	cr_assert_neq(memcmp(first + 16, req.nonce + 16, 8), 0);
}

Test(nonce, nobody_counts_for_a_consumers_own_key)
{
	unsigned int detail;

	is_of(UKCF_MECH_AES_256_GCM, UKCF_KEY_OWN);
	cr_assert_eq(draw(&detail), -EKEYREJECTED);
	cr_assert_eq(detail, UKCF_DETAIL_KEY_USAGE);
	cr_assert_eq(req.nonce_len, 0);
}

Test(nonce, of_another_size_is_not_made)
{
	unsigned int detail;

	is_of(UKCF_MECH_AES_256_CBC, 0);
	cr_assert_eq(draw(&detail), -EOPNOTSUPP);
	cr_assert_eq(detail, UKCF_DETAIL_NONCE_SIZE);
}

Test(nonce, stands_behind_the_output_if_there_is_room)
{
	uint8_t out[64];
	unsigned int detail;

	memset(out, 0x55, sizeof(out));
	req.at[UKCF_RANGE_OUT] = out;
	entry.sqe.out.len = 40;
	cr_assert_eq(nonce_deliver(&req, 20), 20, "it brought its own");
	cr_assert_eq(draw(&detail), 0);
	cr_assert_eq(nonce_deliver(&req, -EBADMSG), -EBADMSG);
	cr_assert_eq(nonce_deliver(&req, 29), -EIO);
	cr_assert_eq(nonce_deliver(&req, 41), -EIO);
	for (unsigned int i = 0; i < sizeof(out); i++)
		cr_assert_eq(out[i], 0x55);
	cr_assert_eq(nonce_deliver(&req, 28), 40);
	cr_assert_arr_eq(out + 28, req.nonce, 12);
	cr_assert_eq(out[40], 0x55);
}

/* ------------------------------------------------ taken once by many threads */

#define THREADS 4
#define EACH 20000u

static uint32_t taken[THREADS * EACH];

static void *take_many(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < EACH; i++) {
		uint64_t n;

		if (key_take_nonce(req.key, THREADS * EACH, &n))
			fetch_add_u32(&taken[n], 1);
	}
	return NULL;
}

Test(nonce, each_number_is_taken_by_one_thread)
{
	pthread_t t[THREADS];
	uint64_t n;

	for (unsigned int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, take_many, NULL), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned int i = 0; i < THREADS * EACH; i++)
		cr_assert_eq(taken[i], 1);
	cr_assert_not(key_take_nonce(req.key, THREADS * EACH, &n));
}

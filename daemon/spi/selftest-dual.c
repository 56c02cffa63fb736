/* SPDX-License-Identifier: MIT */
/*
 * The halves have passed their own tests: they are the known answer.  Sizes lie
 * on both sides of the blocks in which one pass is likely to be made.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "daemon/spi/run.h"
#include "daemon/spi/selftest.h"
#include "lib/shared/secmem.h"

#define AUX 13u
#define BODY_MAX 8240u /* bytes: a multiple of every block */
#define KEY_MAX 64u
#define UNTOUCHED 0xa5

struct bench {
	const struct selftest_dual *t;
	struct mech_limits cipher, mac;
	uint8_t key[2][KEY_MAX], nonce[UKCF_PARAM_MAX], plain[BODY_MAX];
	/* as the halves make them; what the MAC is of has no gap */
	uint8_t sealed[AUX + BODY_MAX + DUAL_GROWTH], tag[DUAL_MAC_MAX];
	size_t len, sealed_len;
	/* as the native one does */
	uint8_t out[BODY_MAX + DUAL_GROWTH], mac_out[DUAL_MAC_MAX];
};

static size_t key_len(const struct mech_limits *l)
{
	return l->key_max < KEY_MAX ? l->key_max : KEY_MAX;
}

static void fill(struct bench *b)
{
	for (size_t i = 0; i < KEY_MAX; i++) {
		b->key[DUAL_CIPHER][i] = (uint8_t)(i * 7 + 1);
		b->key[DUAL_MAC][i] = (uint8_t)(i * 5 + 2);
	}
	for (size_t i = 0; i < BODY_MAX; i++)
		b->plain[i] = (uint8_t)(i * 11 + (i >> 8));
	memset(b->nonce, 0x42, sizeof(b->nonce));
	memset(b->sealed, 0x17, AUX);
}

static struct ukcf_job cipher_job(struct bench *b, uint32_t op)
{
	bool encrypt = op == UKCF_OP_ENCRYPT;

	return (struct ukcf_job){
		.op = op,
		.mech = b->t->dual->cipher,
		.key = { b->key[DUAL_CIPHER], key_len(&b->cipher) },
		.param = { b->cipher.nonce_len ? b->nonce : NULL,
			   b->cipher.nonce_len },
		.in = { encrypt ? b->plain : b->sealed + AUX,
			encrypt ? b->len : b->sealed_len },
		.out = b->out,
		.out_size = encrypt ? b->len + DUAL_GROWTH : b->len,
		.tag_len = b->cipher.tag_max,
	};
}

static struct ukcf_job mac_job(struct bench *b, uint32_t op)
{
	bool verify = op == UKCF_OP_MAC_VERIFY;

	return (struct ukcf_job){
		.op = op,
		.mech = b->t->dual->mac,
		.key = { b->key[DUAL_MAC], key_len(&b->mac) },
		.in = { b->sealed, AUX },
		.tag = { verify ? b->tag : NULL, verify ? b->mac.tag_max : 0 },
		.out = b->mac_out,
		.out_size = DUAL_MAC_MAX,
		.tag_len = b->mac.tag_max,
	};
}

/* sealed and tag are what the halves make. */
static bool seal(struct bench *b)
{
	struct ukcf_job c = cipher_job(b, UKCF_OP_ENCRYPT);
	struct ukcf_job m = mac_job(b, UKCF_OP_MAC);

	c.out = b->sealed + AUX;
	if (run_job(b->t->self, b->t->cipher->ops->encrypt, &c) != UKCF_DONE ||
	    c.res < 0)
		return false;
	b->sealed_len = (size_t)c.res;
	m.in.len += b->sealed_len;
	m.out = b->tag;
	return run_job(b->t->self, b->t->mac->ops->mac, &m) == UKCF_DONE &&
	       m.res == (int64_t)b->mac.tag_max;
}

static bool perform(struct bench *b, struct ukcf_dual_job *job, uint32_t op)
{
	*job = (struct ukcf_dual_job){
		.op = op,
		.cipher = cipher_job(b, dual_half_op(op, DUAL_CIPHER)),
		.mac = mac_job(b, dual_half_op(op, DUAL_MAC)),
	};
	memset(b->out, UNTOUCHED, sizeof(b->out));
	memset(b->mac_out, UNTOUCHED, sizeof(b->mac_out));
	return b->t->dual->run(b->t->self, job) == UKCF_DONE;
}

static bool makes_mac(const struct bench *b, const struct ukcf_dual_job *job)
{
	return job->mac.res == (int64_t)b->mac.tag_max &&
	       memcmp(b->mac_out, b->tag, b->mac.tag_max) == 0;
}

static bool opens(const struct bench *b, const struct ukcf_dual_job *job)
{
	return job->cipher.res == (int64_t)b->len &&
	       memcmp(b->out, b->plain, b->len) == 0;
}

static bool test_encrypt_mac(struct bench *b)
{
	struct ukcf_dual_job job;

	return perform(b, &job, UKCF_OP_ENCRYPT_MAC) &&
	       job.cipher.res == (int64_t)b->sealed_len &&
	       memcmp(b->out, b->sealed + AUX, b->sealed_len) == 0 &&
	       makes_mac(b, &job);
}

static bool test_mac_decrypt(struct bench *b)
{
	struct ukcf_dual_job job;

	return perform(b, &job, UKCF_OP_MAC_DECRYPT) && opens(b, &job) &&
	       makes_mac(b, &job);
}

/* One bit at *at is wrong. */
static bool refuses(struct bench *b, uint8_t *at)
{
	struct ukcf_dual_job job;
	bool refused;

	*at ^= 1;
	refused = perform(b, &job, UKCF_OP_MAC_VERIFY_DECRYPT) &&
		  job.mac.res == -EBADMSG;
	*at ^= 1;
	for (size_t i = 0; i < sizeof(b->out); i++)
		refused &= b->out[i] == UNTOUCHED;
	return refused;
}

static bool test_mac_verify_decrypt(struct bench *b)
{
	struct ukcf_dual_job job;

	return perform(b, &job, UKCF_OP_MAC_VERIFY_DECRYPT) &&
	       job.mac.res == 0 && opens(b, &job) && refuses(b, b->tag) &&
	       refuses(b, b->tag + b->mac.tag_max - 1) &&
	       refuses(b, b->sealed) &&
	       refuses(b, b->sealed + AUX + b->sealed_len - 1);
}

static const struct {
	uint32_t bit;
	const char *what;
	bool (*test)(struct bench *b);
} tests[] = {
	{ UKCF_DUAL_ENCRYPT_MAC, "encrypt-mac", test_encrypt_mac },
	{ UKCF_DUAL_MAC_DECRYPT, "mac-decrypt", test_mac_decrypt },
	{ UKCF_DUAL_MAC_VERIFY_DECRYPT, "mac-verify-decrypt",
	  test_mac_verify_decrypt },
};

#define N_TESTS (sizeof(tests) / sizeof(tests[0]))

static bool passes(struct bench *b, const char **what)
{
	*what = "its halves";
	if (!seal(b))
		return false;
	for (size_t i = 0; i < N_TESTS; i++) {
		*what = tests[i].what;
		if ((b->t->dual->ops & tests[i].bit) && !tests[i].test(b))
			return false;
	}
	return true;
}

static int run(struct bench *b, const char **what)
{
	static const size_t sizes[] = { 32, 4080, 4096, 4112, BODY_MAX };

	*what = "no entry points";
	if (!b->t->cipher->ops->encrypt || !b->t->mac->ops->mac)
		return -EIO;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		b->len = sizes[i];
		if (b->len <= b->cipher.data_max && !passes(b, what))
			return -EIO;
	}
	return 0;
}

int selftest_dual(const struct selftest_dual *t, const char **what)
{
	struct bench *b = calloc(1, sizeof(*b));
	int err;

	*what = "no memory";
	if (!b)
		return -ENOMEM;
	b->t = t;
	b->cipher = mech_find(t->dual->cipher)->limits;
	b->mac = mech_find(t->dual->mac)->limits;
	fill(b);
	err = run(b, what);
	secmem_wipe(b, sizeof(*b));
	free(b);
	return err;
}

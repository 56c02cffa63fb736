/* SPDX-License-Identifier: MIT */
/*
 * The provider openssl by itself, and against sodium: providers of the same
 * mechanism agree on every input.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/api/page.h"
#include "daemon/config.h"
#include "daemon/core/context.h"
#include "daemon/core/mech.h"
#include "daemon/spi/known-rsa.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/selftest.h"
#include "lib/shared/mech-table.h"
#include "tests/unit/fixture.h"

#define MESSAGE_MAX (1u << 20)
#define OUT_MAX (MESSAGE_MAX + 64)

static struct config config;
static const struct provider *openssl, *sodium;
static uint8_t message[MESSAGE_MAX], key[256], nonce[12], aad[64], iv[16];
static uint8_t out[2][OUT_MAX], back[MESSAGE_MAX];

static void setup(void)
{
	const char *build = getenv("top_builddir");
	char module[256];

	unsetenv("NOTIFY_SOCKET");
	config_defaults(&config);
	snprintf(config.provider_dir, sizeof(config.provider_dir),
		 "%s/providers/.libs", build ? build : ".");
	snprintf(module, sizeof(module), "%.200s/openssl.so",
		 config.provider_dir);
	if (access(module, F_OK) < 0)
		cr_skip_test("the provider openssl was not built: no "
			     "libcrypto >= 3.0");
	cr_assert_eq(mech_init(), 0);
	cr_assert_eq(page_open(-1, 1, 1), 0);
	cr_assert_eq(provider_init(&config), 0);
	cr_assert_eq(load_provider("openssl"), 0);
	cr_assert_eq(load_provider("sodium"), 0);
	openssl = provider_at(0);
	sodium = provider_at(1);
	cr_assert_eq(getrandom(message, 256, 0), 256);
	for (size_t i = 256; i < MESSAGE_MAX; i++)
		message[i] = (uint8_t)(message[i - 256] * 5 + message[i - 1]);
	cr_assert_eq(getrandom(key, sizeof(key), 0), sizeof(key));
	cr_assert_eq(getrandom(nonce, sizeof(nonce), 0), sizeof(nonce));
	cr_assert_eq(getrandom(iv, sizeof(iv), 0), sizeof(iv));
	cr_assert_eq(getrandom(aad, sizeof(aad), 0), sizeof(aad));
}

TestSuite(openssl, .init = setup);

static const struct ukcf_offer *offered_by(const struct provider *p,
					 uint32_t mech)
{
	for (uint32_t i = 0; i < p->spi->n_offers; i++)
		if (p->spi->offers[i].mech == mech)
			return &p->spi->offers[i];
	return NULL;
}

Test(openssl, each_of_its_mechanisms_passes_known_answers)
{
	cr_assert_geq(openssl->spi->n_offers, 45);
	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		const struct ukcf_offer *o = &openssl->spi->offers[i];
		const char *what = "";

		cr_assert_eq(selftest_offer(openssl->instance, o, &what), 0,
			     "%s %s", mech_row_by_id(o->mech)->name, what);
	}
}

static uint32_t producing_op(const struct ukcf_offer *o)
{
	static const uint32_t ops[] = { UKCF_OP_DIGEST, UKCF_OP_MAC,
					UKCF_OP_ENCRYPT, UKCF_OP_DERIVE,
					UKCF_OP_SIGN };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (mech_entry(o, ops[i]))
			return ops[i];
	return UKCF_OP_NOP;
}

static const struct ukcf_offer *real;

/* Any operation, with the last bit of what it made turned. */
static enum ukcf_status flipped(struct ukcf_instance *self,
				struct ukcf_job *job)
{
	enum ukcf_status status = mech_entry(real, job->op)(self, job);

	if (job->res > 0)
		job->out[job->res - 1] ^= 1;
	return status;
}

Test(openssl, known_answers_catch_a_flipped_bit_in_each_mechanism)
{
	struct ukcf_mech_ops ops = { .digest = flipped,
				     .mac = flipped,
				     .encrypt = flipped,
				     .derive = flipped,
				     .sign = flipped };

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		struct ukcf_offer o = openssl->spi->offers[i];
		const char *what = "";

		cr_assert_neq(producing_op(&o), UKCF_OP_NOP);
		real = &openssl->spi->offers[i];
		/* what judges a random signature is honest */
		ops.verify = o.ops->verify;
		ops.public_key = o.ops->public_key;
		ops.decrypt = UKCF_MECH_CLASS(o.mech) == UKCF_CLASS_PKE ?
				      o.ops->decrypt :
				      NULL;
		o.ops = &ops;
		cr_assert_eq(selftest_offer(openssl->instance, &o, &what), -EIO,
			     "%s", mech_row_by_id(o.mech)->name);
	}
}

/* Return: bytes at to, or -errno. */
static int64_t perform(const struct provider *p, uint32_t mech, uint32_t op,
		       struct ukcf_bytes in, uint8_t *to, size_t to_size)
{
	const struct mech_row *row = mech_row_by_id(mech);
	/* HMAC: every length of key, in the course of the sizes */
	size_t key_len = row->key_min == row->key_max ? row->key_max :
							1 + in.len % 256;
	struct ukcf_job job = {
		.op = op,
		.mech = mech,
		.key = { key, key_len },
		.in = in,
		.aux = { row->aad_max ? aad : NULL,
			 row->aad_max ? in.len % sizeof(aad) : 0 },
		.param = { nonce, row->nonce_len },
		.out = to,
		.out_size = op == UKCF_OP_DERIVE ? 1 + in.len % row->data_max :
						   to_size,
		.tag_len = row->tag_max,
	};
	const struct ukcf_offer *o = offered_by(p, mech);

	if (mech_entry(o, op)(p->instance, &job) != UKCF_DONE)
		return -EIO;
	return job.res;
}

static bool they_agree(uint32_t mech, uint32_t op, struct ukcf_bytes a,
		       struct ukcf_bytes b)
{
	int64_t n = perform(sodium, mech, op, a, out[0], OUT_MAX);
	int64_t m = perform(openssl, mech, op, b, out[1], OUT_MAX);

	cr_assert_gt(n, 0);
	return n == m && memcmp(out[0], out[1], (size_t)n) == 0;
}

/* What one encrypted, the other decrypts. */
static void cross(uint32_t mech, size_t len, int64_t sealed)
{
	const struct provider *const by[] = { sodium, openssl };
	/* the key and the additional data are chosen by the message's size */
	struct ukcf_bytes in = { out[0], (size_t)sealed };
	const struct mech_row *row = mech_row_by_id(mech);

	for (unsigned int i = 0; i < 2; i++) {
		struct ukcf_job job = {
			.op = UKCF_OP_DECRYPT,
			.mech = mech,
			.key = { key, row->key_max },
			.in = in,
			.aux = { aad, len % sizeof(aad) },
			.param = { nonce, row->nonce_len },
			.out = back,
			.out_size = sizeof(back),
			.tag_len = row->tag_max,
		};
		ukcf_job_fn fn = mech_entry(offered_by(by[i], mech),
					    UKCF_OP_DECRYPT);

		cr_assert_eq(fn(by[i]->instance, &job), UKCF_DONE);
		cr_assert_eq(job.res, (int64_t)len);
		cr_assert_eq(memcmp(back, message, len), 0);
	}
}

static void agree_on(uint32_t mech, size_t len)
{
	uint32_t op = producing_op(offered_by(openssl, mech));
	struct ukcf_bytes in = { len ? message : NULL, len };

	cr_assert(they_agree(mech, op, in, in), "%s of %zu bytes",
		  mech_row_by_id(mech)->name, len);
	if (op == UKCF_OP_ENCRYPT)
		cross(mech, len, (int64_t)len + 16);
}

/* These have tests of their own. */
static bool is_pair(uint32_t mech)
{
	return mech_row_by_id(mech)->pub_len != 0;
}

Test(openssl, agrees_with_sodium_on_every_size)
{
	unsigned int shared = 0;

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		uint32_t mech = openssl->spi->offers[i].mech;

		if (!offered_by(sodium, mech) || is_pair(mech))
			continue;
		for (size_t len = 0; len <= 1025; len++)
			agree_on(mech, len);
		agree_on(mech, 65537);
		agree_on(mech, MESSAGE_MAX);
		shared++;
	}
	/* sodium has no AES-GCM on some processors */
	cr_assert_geq(shared, 6);
}

Test(openssl, one_bit_of_difference_is_found)
{
	static uint8_t other[1025];

	memcpy(other, message, sizeof(other));
	other[1024] ^= 1;
	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		uint32_t mech = openssl->spi->offers[i].mech;
		uint32_t op = producing_op(&openssl->spi->offers[i]);

		if (!offered_by(sodium, mech) || is_pair(mech))
			continue;
		cr_assert_not(they_agree(
			mech, op, (struct ukcf_bytes){ message, 1025 },
			(struct ukcf_bytes){ other, 1025 }));
	}
}

Test(openssl, keys_that_it_makes_have_the_mechanisms_size_and_differ)
{
	uint8_t a[UKCF_KEY_BYTES_MAX], b[UKCF_KEY_BYTES_MAX];

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		const struct ukcf_offer *o = &openssl->spi->offers[i];
		const struct mech_row *row = mech_row_by_id(o->mech);
		ukcf_job_fn fn = mech_entry(o, UKCF_OP_KEY_GENERATE);
		struct ukcf_job job = { .op = UKCF_OP_KEY_GENERATE,
					.mech = o->mech,
					.out = a,
					.tag_len = row->by_key ? 2048 : 0,
					.out_size = sizeof(a) };

		/* making keys of RSA takes long, and one maker serves all */
		if (!fn || (row->by_key &&
			    o->mech != UKCF_MECH_RSA_PKCS1_SHA2_256))
			continue;
		cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
		cr_assert(job.res >= row->key_min && job.res <= row->key_max,
			  "%s", row->name);
		job.out = b;
		cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
		cr_assert_neq(memcmp(a, b, (size_t)job.res), 0);
		job.out_size = 1;
		cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
		cr_assert_eq(job.res, -ENOBUFS);
	}
}

static int64_t x25519(const struct provider *p, uint32_t op,
		      const uint8_t *secret, const uint8_t *peer, uint8_t *to)
{
	struct ukcf_job job = { .op = op,
				.mech = UKCF_MECH_X25519,
				.key = { secret, 32 },
				.in = { peer, peer ? 32 : 0 },
				.out = to,
				.out_size = 32 };

	cr_assert_eq(mech_entry(offered_by(p, job.mech), op)(p->instance, &job),
		     UKCF_DONE);
	return job.res;
}

Test(openssl, x25519_agrees_with_sodium_on_random_keys)
{
	uint8_t a[32], b[32], pub[2][32], shared[3][32];

	for (unsigned int i = 0; i < 1000; i++) {
		cr_assert_eq(getrandom(a, 32, 0), 32);
		cr_assert_eq(getrandom(b, 32, 0), 32);
		x25519(sodium, UKCF_OP_KEY_PUBLIC, a, NULL, pub[0]);
		x25519(openssl, UKCF_OP_KEY_PUBLIC, a, NULL, pub[1]);
		cr_assert_eq(memcmp(pub[0], pub[1], 32), 0);
		/* any bytes are a public key */
		x25519(sodium, UKCF_OP_DERIVE, a, b, shared[0]);
		cr_assert_eq(x25519(openssl, UKCF_OP_DERIVE, a, b, shared[1]),
			     32);
		cr_assert_eq(memcmp(shared[0], shared[1], 32), 0);
		b[0] ^= 1;
		x25519(openssl, UKCF_OP_DERIVE, a, b, shared[2]);
		cr_assert_neq(memcmp(shared[1], shared[2], 32), 0);
	}
}

Test(openssl, x25519_refuses_a_shared_secret_of_zeros)
{
	static const uint8_t low[32] = { 1 };
	uint8_t shared[32];

	cr_assert_eq(x25519(openssl, UKCF_OP_DERIVE, key, low, shared),
		     -EKEYREJECTED);
	cr_assert_eq(x25519(sodium, UKCF_OP_DERIVE, key, low, shared),
		     -EKEYREJECTED);
}

/* --------------------------------------------------------------- in parts */

#define PART_MAX 9000u

/* A message on its way through one offer. */
struct parts {
	const struct ukcf_offer *offer;
	uint32_t op;
	struct ukcf_bytes in;
	uint8_t ctx[CONTEXT_STATE_MAX];
	uint8_t whole[PART_MAX + 64], cut[PART_MAX + 64];
	int64_t n_whole;
	size_t n_cut;
};

static uint32_t below(uint32_t n)
{
	uint32_t v;

	cr_assert_eq(getrandom(&v, sizeof(v), 0), sizeof(v));
	return v % n;
}

static struct ukcf_job job_of(const struct parts *p)
{
	const struct mech_row *row = mech_row_by_id(p->offer->mech);

	return (struct ukcf_job){
		.op = p->op,
		.mech = p->offer->mech,
		.key = { key, row->key_max ? row->key_max : 0 },
		.aux = { row->aad_max ? aad : NULL, row->aad_max ? 20 : 0 },
		.param = { row->nonce_len ? iv : NULL, row->nonce_len },
		.tag_len = row->tag_max,
		.ctx = (void *)(uintptr_t)p->ctx,
	};
}

static int64_t call_part(ukcf_job_fn fn, struct ukcf_job *job)
{
	cr_assert_eq(fn(openssl->instance, job), UKCF_DONE);
	return job->res;
}

/* Its output where its input was. */
static void one_part(struct parts *p, uint8_t *ctx, ukcf_job_fn fn,
		     size_t at, size_t n)
{
	static uint8_t place[PART_MAX + 64];
	struct ukcf_job job = job_of(p);

	if (n)
		memcpy(place, p->in.data + at, n);
	job.ctx = ctx;
	job.in = (struct ukcf_bytes){ place, n };
	job.out = place;
	job.out_size = sizeof(place);
	cr_assert_geq(call_part(fn, &job), 0, "%s, op %u: %ld of %zu at %zu",
		      mech_row_by_id(job.mech)->name, job.op, (long)job.res, n,
		      at);
	memcpy(p->cut + p->n_cut, place, (size_t)job.res);
	p->n_cut += (size_t)job.res;
}

/* The tag of an AEAD comes with the last part. */
static size_t cuttable(const struct parts *p)
{
	bool tagged = p->op == UKCF_OP_DECRYPT &&
		      UKCF_MECH_CLASS(p->offer->mech) == UKCF_CLASS_AEAD;

	return p->in.len - (tagged ? 16 : 0);
}

/* From at on, in parts of random sizes; some are empty. */
static void rest_of(struct parts *p, uint8_t *ctx, size_t at)
{
	const struct ukcf_mech_ops *f = p->offer->ops;
	size_t last = cuttable(p);

	while (at < last && below(8)) {
		size_t n = below(2) ? below(40) : below(3000);

		n = n < last - at ? n : last - at;
		one_part(p, ctx, f->update, at, n);
		at += n;
	}
	one_part(p, ctx, f->final, at, p->in.len - at);
}

static void same_as_whole(const struct parts *p, const char *how)
{
	cr_assert_eq(p->n_cut, (size_t)p->n_whole, "%s, op %u, %s: %zu",
		     mech_row_by_id(p->offer->mech)->name, p->op, how,
		     p->n_cut);
	cr_assert_eq(memcmp(p->cut, p->whole, p->n_cut), 0, "%s, op %u, %s",
		     mech_row_by_id(p->offer->mech)->name, p->op, how);
}

static void split(struct parts *p)
{
	const struct ukcf_mech_ops *f = p->offer->ops;
	uint8_t other[CONTEXT_STATE_MAX] = { 0 };
	size_t first = below((uint32_t)cuttable(p) / 2 + 1), half;
	struct ukcf_job job = job_of(p);

	p->n_cut = 0;
	cr_assert_eq(call_part(f->init, &job), 0);
	one_part(p, p->ctx, f->update, 0, first);
	half = p->n_cut;
	if (f->copy) {
		job = job_of(p);
		job.in = (struct ukcf_bytes){ p->ctx, p->offer->ctx_size };
		job.ctx = other;
		cr_assert_eq(call_part(f->copy, &job), 0);
	}
	rest_of(p, p->ctx, first);
	same_as_whole(p, "split");
	if (!f->copy)
		return;
	p->n_cut = half;
	rest_of(p, other, first);
	same_as_whole(p, "copied");
}

static void make_whole(struct parts *p)
{
	struct ukcf_job job = job_of(p);

	job.in = p->in;
	job.out = p->whole;
	job.out_size = sizeof(p->whole);
	p->n_whole = call_part(mech_entry(p->offer, p->op), &job);
	cr_assert_geq(p->n_whole, 0, "%s",
		     mech_row_by_id(job.mech)->name);
}

Test(openssl, what_comes_in_parts_is_what_comes_whole)
{
	static uint8_t sealed[PART_MAX + 64];
	static struct parts p;
	unsigned int tried = 0;

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		p.offer = &openssl->spi->offers[i];
		for (unsigned int k = 0; p.offer->ops->init && k < 60; k++) {
			const struct mech_row *row =
				mech_row_by_id(p.offer->mech);
			size_t len = k < 40 ? k : below(8000);

			if (row->block)
				len -= len % row->block;
			p.op = producing_op(p.offer);
			p.in = (struct ukcf_bytes){ message, len };
			make_whole(&p);
			split(&p);
			tried++;
			if (p.op != UKCF_OP_ENCRYPT)
				continue;
			memcpy(sealed, p.whole, (size_t)p.n_whole);
			p.op = UKCF_OP_DECRYPT;
			p.in = (struct ukcf_bytes){ sealed,
						    (size_t)p.n_whole };
			make_whole(&p);
			cr_assert_eq((size_t)p.n_whole, len);
			split(&p);
		}
	}
	cr_assert_gt(tried, 60 * 25);
}

/* No byte beyond the room that a part has, and none made of less than that. */
Test(openssl, a_part_without_room_is_refused_and_writes_nothing)
{
	static struct parts p;
	uint8_t place[64];

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		const struct ukcf_mech_ops *f = openssl->spi->offers[i].ops;
		struct ukcf_job job;

		p.offer = &openssl->spi->offers[i];
		p.op = producing_op(p.offer);
		if (!f->init)
			continue;
		job = job_of(&p);
		cr_assert_eq(call_part(f->init, &job), 0);
		memset(place, 0x77, sizeof(place));
		job.in = (struct ukcf_bytes){ message, 32 };
		job.out = place;
		job.out_size = p.op == UKCF_OP_ENCRYPT ? 15 : 0;
		job.tag_len = 16;
		cr_assert_lt(call_part(p.op == UKCF_OP_ENCRYPT ? f->update :
								 f->final,
				       &job), 0);
		for (size_t k = 0; k < sizeof(place); k++)
			cr_assert_eq(place[k], 0x77);
		if (p.op == UKCF_OP_ENCRYPT) /* no final will come */
			f->drop(openssl->instance, &job);
	}
}

/* In the caller the queue is the program's. */
Test(openssl, a_forgery_leaves_no_error_in_the_threads_queue)
{
	static uint8_t forged[48];
	static struct parts p = { .op = UKCF_OP_DECRYPT };
	/* the one that the provider uses; this program has none */
	void *lib = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NOLOAD);
	unsigned long (*peek)(void);
	void *(*fetch)(void *, const char *, const char *);

	cr_assert_not_null(lib);
	*(void **)&peek = dlsym(lib, "ERR_peek_error");
	*(void **)&fetch = dlsym(lib, "EVP_MD_fetch");
	cr_assert(peek && fetch);
	cr_assert_eq(peek(), 0);
	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		struct ukcf_job job;

		p.offer = &openssl->spi->offers[i];
		if (!mech_entry(p.offer, p.op))
			continue;
		job = job_of(&p);
		job.in = (struct ukcf_bytes){ forged, sizeof(forged) };
		job.out = out[0];
		job.out_size = sizeof(out[0]);
		call_part(mech_entry(p.offer, p.op), &job);
		cr_assert_eq(peek(), 0, "%s",
			     mech_row_by_id(job.mech)->name);
	}
	/* the control: the library does leave one */
	cr_assert_null(fetch(NULL, "no such digest", NULL));
	cr_assert_neq(peek(), 0);
}

/* -------------------------------------------------------------- signatures */

static int64_t sign_by(const struct provider *p, uint32_t mech,
		       struct ukcf_bytes secret, struct ukcf_bytes in,
		       uint8_t *sig)
{
	struct ukcf_job job = { .op = UKCF_OP_SIGN,
				.mech = mech,
				.key = secret,
				.in = in,
				.out = sig,
				.out_size = 128 };

	cr_assert_eq(offered_by(p, mech)->ops->sign(p->instance, &job),
		     UKCF_DONE);
	return job.res;
}

static int64_t verify_by(const struct provider *p, uint32_t mech,
			 struct ukcf_bytes pub, struct ukcf_bytes in,
			 struct ukcf_bytes sig)
{
	struct ukcf_job job = { .op = UKCF_OP_VERIFY,
				.mech = mech,
				.key = pub,
				.in = in,
				.tag = sig };

	cr_assert_eq(offered_by(p, mech)->ops->verify(p->instance, &job),
		     UKCF_DONE);
	return job.res;
}

static int64_t public_by(const struct provider *p, uint32_t mech,
			 struct ukcf_bytes secret, uint8_t *pub)
{
	struct ukcf_job job = { .op = UKCF_OP_KEY_PUBLIC,
				.mech = mech,
				.key = secret,
				.out = pub,
				.out_size = UKCF_KEY_PUBLIC_MAX };

	cr_assert_eq(offered_by(p, mech)->ops->public_key(p->instance, &job),
		     UKCF_DONE);
	return job.res;
}

/* Both say the same.  Return: what they say. */
static int64_t both_verify(const uint8_t *pub, struct ukcf_bytes in,
			   const uint8_t *sig)
{
	struct ukcf_bytes k = { pub, 32 }, s = { sig, 64 };
	int64_t a = verify_by(sodium, UKCF_MECH_ED25519, k, in, s);
	int64_t b = verify_by(openssl, UKCF_MECH_ED25519, k, in, s);

	cr_assert_eq(a, b, "sodium %ld, openssl %ld", (long)a, (long)b);
	return a;
}

Test(openssl, ed25519_agrees_with_sodium_on_random_keys_and_damage)
{
	uint8_t secret[32], pub[2][UKCF_KEY_PUBLIC_MAX], sig[2][128];
	struct ukcf_bytes k = { secret, 32 };

	for (unsigned int i = 0; i < 300; i++) {
		struct ukcf_bytes in = { message, i % 3 ? below(2000) : 0 };
		uint32_t at = below(96 * 8);

		cr_assert_eq(getrandom(secret, 32, 0), 32);
		cr_assert_eq(public_by(sodium, UKCF_MECH_ED25519, k, pub[0]),
			     32);
		cr_assert_eq(public_by(openssl, UKCF_MECH_ED25519, k, pub[1]),
			     32);
		cr_assert_eq(memcmp(pub[0], pub[1], 32), 0);
		cr_assert_eq(sign_by(sodium, UKCF_MECH_ED25519, k, in, sig[0]),
			     64);
		cr_assert_eq(sign_by(openssl, UKCF_MECH_ED25519, k, in, sig[1]),
			     64);
		cr_assert_eq(memcmp(sig[0], sig[1], 64), 0);
		cr_assert_eq(both_verify(pub[0], in, sig[0]), 0);
		if (at < 512)
			sig[0][at / 8] ^= (uint8_t)(1u << at % 8);
		else
			pub[0][at / 8 - 64] ^= (uint8_t)(1u << at % 8);
		cr_assert_eq(both_verify(pub[0], in, sig[0]), -EBADMSG);
	}
}

/* With a key of order 1, R of order 1 and S = 0 the equation of RFC 8032 holds
 * for every message: by itself, libcrypto says that it verifies. */
Test(openssl, ed25519_refuses_points_of_small_order_as_sodium_does)
{
	static const uint8_t y[][32] = {
		{ 0 },
		{ 1 },
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
		  0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		  0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
		  0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
		  0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		  0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
		  0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	uint8_t points[2 * (4 + 20)][32], sig[64] = { 0 };
	unsigned int n = 0;

	for (unsigned int i = 0; i < 4; i++)
		memcpy(points[n++], y[i], 32);
	for (unsigned int low = 0xec; low <= 0xff; low++) { /* p - 1 and on */
		memset(points[n], 0xff, 32);
		points[n][0] = (uint8_t)low;
		points[n++][31] = 0x7f;
	}
	for (unsigned int i = 0; i < n; i++) {
		memcpy(points[n + i], points[i], 32);
		points[n + i][31] |= 0x80;
	}
	for (unsigned int a = 0; a < 2 * n; a++)
		for (unsigned int r = 0; r < 2 * n; r++) {
			struct ukcf_bytes in = { message, 32 };

			memcpy(sig, points[r], 32);
			/* h is small enough a multiple of 8 sometimes */
			for (unsigned int k = 0; k < 10; k++, in.data++)
				cr_assert_eq(both_verify(points[a], in, sig),
					     -EBADMSG, "key %u, R %u", a, r);
		}
}

/* S + L is another spelling of S. */
Test(openssl, ed25519_refuses_another_spelling_of_a_signature)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
		0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0,    0,    0,	  0,	0,    0,    0,	  0,
		0,    0,    0,	  0,	0,    0,    0,	  0x10
	};
	struct ukcf_bytes k = { key, 32 }, in = { message, 100 };
	uint8_t pub[UKCF_KEY_PUBLIC_MAX], sig[128];
	unsigned int carry = 0;

	public_by(openssl, UKCF_MECH_ED25519, k, pub);
	sign_by(openssl, UKCF_MECH_ED25519, k, in, sig);
	cr_assert_eq(both_verify(pub, in, sig), 0);
	for (unsigned int i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	cr_assert_eq(both_verify(pub, in, sig), -EBADMSG);
}

static const uint32_t curves[] = { UKCF_MECH_ECDSA_P256, UKCF_MECH_ECDSA_P384,
				   UKCF_MECH_ECDH_P256, UKCF_MECH_ECDH_P384 };

static int64_t check_value(uint32_t mech, struct ukcf_bytes secret,
			   struct ukcf_bytes pub)
{
	struct ukcf_job job = { .op = UKCF_OP_KEY_IMPORT,
				.mech = mech,
				.key = secret,
				.pub = pub };

	offered_by(openssl, mech)->ops->check_key(openssl->instance, &job);
	cr_assert_eq(job.res != 0, job.detail == UKCF_DETAIL_KEY_VALUE);
	return job.res;
}

static const struct ukcf_bytes no_bytes;

Test(openssl, secret_numbers_are_between_0_and_the_order)
{
	/* FIPS 186-5 (SP 800-186): n of P-256 and P-384 */
	static const uint8_t n256[32] = {
		0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
		0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc,
		0x63, 0x25, 0x51
	};
	uint8_t k[48];

	for (unsigned int i = 0; i < 4; i++) {
		size_t n = mech_row_by_id(curves[i])->key_max;

		memset(k, 0, sizeof(k));
		cr_assert_eq(check_value(curves[i], (struct ukcf_bytes){ k, n },
					 no_bytes), -EKEYREJECTED);
		k[n - 1] = 1;
		cr_assert_eq(check_value(curves[i], (struct ukcf_bytes){ k, n },
					 no_bytes), 0);
		memset(k, 0xff, sizeof(k));
		cr_assert_eq(check_value(curves[i], (struct ukcf_bytes){ k, n },
					 no_bytes), -EKEYREJECTED);
		if (n != 32)
			continue;
		memcpy(k, n256, 32);
		cr_assert_eq(check_value(curves[i],
					 (struct ukcf_bytes){ k, 32 },
					 no_bytes), -EKEYREJECTED);
		k[31]--;
		cr_assert_eq(check_value(curves[i],
					 (struct ukcf_bytes){ k, 32 },
					 no_bytes), 0);
	}
}

Test(openssl, points_off_the_curve_and_other_forms_are_refused)
{
	uint8_t pub[UKCF_KEY_PUBLIC_MAX], z[48];

	for (unsigned int i = 0; i < 4; i++) {
		const struct mech_row *row = mech_row_by_id(curves[i]);
		struct ukcf_bytes secret = { key, row->key_max };
		struct ukcf_bytes p = { pub, row->pub_len };
		struct ukcf_job job = { .op = UKCF_OP_DERIVE,
					.mech = row->id,
					.key = secret,
					.in = p,
					.out = z,
					.out_size = sizeof(z) };
		ukcf_job_fn derive = offered_by(openssl, row->id)->ops->derive;

		cr_assert_eq(public_by(openssl, row->id, secret, pub),
			     row->pub_len);
		cr_assert_eq(check_value(row->id, no_bytes, p), 0);
		for (unsigned int k = 0; k < 200; k++) {
			uint32_t at = below(row->pub_len * 8);

			pub[at / 8] ^= (uint8_t)(1u << at % 8);
			cr_assert_eq(check_value(row->id, no_bytes, p),
				     -EKEYREJECTED);
			job.res = 0;
			if (derive)
				derive(openssl->instance, &job);
			cr_assert_eq(job.res, derive ? -EKEYREJECTED : 0);
			pub[at / 8] ^= (uint8_t)(1u << at % 8);
		}
		/* infinity, compressed: shorter than the mechanism's keys */
		p.len = 1;
		pub[0] = 0;
		cr_assert_eq(check_value(row->id, no_bytes, p), -EKEYREJECTED);
		p.len = 1 + row->key_max;
		pub[0] = 2 | (pub[row->pub_len - 1] & 1);
		cr_assert_eq(check_value(row->id, no_bytes, p), -EKEYREJECTED);
	}
}

Test(openssl, both_sides_of_ecdh_derive_the_same)
{
	uint8_t a[48], b[48], pa[128], pb[128], za[48], zb[48];

	for (unsigned int i = 2; i < 4; i++) {
		const struct mech_row *row = mech_row_by_id(curves[i]);
		ukcf_job_fn fn = offered_by(openssl, row->id)->ops->generate;
		ukcf_job_fn derive = offered_by(openssl, row->id)->ops->derive;
		struct ukcf_job job = { .mech = row->id, .out = a,
					.out_size = sizeof(a) };

		fn(openssl->instance, &job);
		job.out = b;
		fn(openssl->instance, &job);
		job.key = (struct ukcf_bytes){ a, row->key_max };
		public_by(openssl, row->id, job.key, pa);
		job.key.data = b;
		public_by(openssl, row->id, job.key, pb);
		job.in = (struct ukcf_bytes){ pa, row->pub_len };
		job.out = zb;
		derive(openssl->instance, &job);
		cr_assert_eq(job.res, row->out_len);
		job.key.data = a;
		job.in.data = pb;
		job.out = za;
		derive(openssl->instance, &job);
		cr_assert_eq(memcmp(za, zb, row->out_len), 0);
		job.in.data = pa;
		derive(openssl->instance, &job);
		cr_assert_neq(memcmp(za, zb, row->out_len), 0, "the control");
	}
}

Test(openssl, ecdsa_verifies_what_it_signed_and_nothing_else)
{
	uint8_t pub[128], sig[128], other[128];

	for (unsigned int i = 0; i < 2; i++) {
		const struct mech_row *row = mech_row_by_id(curves[i]);
		struct ukcf_bytes secret = { key, row->key_max };
		struct ukcf_bytes p = { pub, row->pub_len };
		struct ukcf_bytes s = { sig, row->out_len };

		public_by(openssl, row->id, secret, pub);
		for (unsigned int k = 0; k < 40; k++) {
			struct ukcf_bytes in = { message, k * 7 };
			uint32_t at = below(row->out_len * 8);

			cr_assert_eq(sign_by(openssl, row->id, secret, in, sig),
				     row->out_len);
			cr_assert_eq(verify_by(openssl, row->id, p, in, s), 0);
			sign_by(openssl, row->id, secret, in, other);
			cr_assert_neq(memcmp(sig, other, row->out_len), 0,
				      "one number k for two signatures");
			sig[at / 8] ^= (uint8_t)(1u << at % 8);
			cr_assert_eq(verify_by(openssl, row->id, p, in, s),
				     -EBADMSG);
		}
		memset(sig, 0, sizeof(sig));
		cr_assert_eq(verify_by(openssl, row->id, p,
				       (struct ukcf_bytes){ message, 7 }, s),
			     -EBADMSG);
	}
}

/* -------------------------------------------------------------------- RSA */

#define RSA UKCF_MECH_RSA_PKCS1_SHA2_256

static struct ukcf_bytes unhex(const char *hex, uint8_t *to)
{
	size_t n = 0;

	for (unsigned int v; sscanf(hex + 2 * n, "%2x", &v) == 1; n++)
		to[n] = (uint8_t)v;
	return (struct ukcf_bytes){ to, n };
}

static int64_t check_secret(struct ukcf_bytes secret)
{
	return check_value(RSA, secret, no_bytes);
}

static int64_t check_public(struct ukcf_bytes pub)
{
	return check_value(RSA, no_bytes, pub);
}

/* A changed byte makes numbers that do not fit together, or no DER. */
Test(openssl, rsa_takes_no_secret_key_with_a_changed_byte)
{
	uint8_t der[2048];
	struct ukcf_bytes k = unhex(rsa_secret, der);

	cr_assert_eq(check_secret(k), 0);
	for (size_t i = 0; i < k.len; i += i < 32 ? 1 : 23) {
		der[i] ^= 2;
		cr_assert_eq(check_secret(k), -EKEYREJECTED, "byte %zu", i);
		der[i] ^= 2;
	}
	cr_assert_eq(check_secret(k), 0);
}

/* A byte of the modulus may be another key's: these are of the form alone. */
Test(openssl, rsa_takes_keys_in_one_form_only)
{
	uint8_t der[2048], pub[1024];
	struct ukcf_bytes k = unhex(rsa_secret, der);
	struct ukcf_bytes p = unhex(rsa_public, pub);

	cr_assert_eq(check_public(p), 0);
	cr_assert_eq(check_public(k), -EKEYREJECTED);
	cr_assert_eq(check_secret(p), -EKEYREJECTED);
	for (size_t n = 0; n < k.len; n++)
		cr_assert_eq(check_secret((struct ukcf_bytes){ der, n }),
			     -EKEYREJECTED, "%zu bytes", n);
	for (size_t n = 0; n < p.len; n++)
		cr_assert_eq(check_public((struct ukcf_bytes){ pub, n }),
			     -EKEYREJECTED, "%zu bytes", n);
	der[k.len++] = 0;
	cr_assert_eq(check_secret(k), -EKEYREJECTED, "a byte follows");
	pub[p.len++] = 0;
	cr_assert_eq(check_public(p), -EKEYREJECTED, "a byte follows");
	p.len--;
	for (size_t i = 0; i < 10; i++) /* headers, sign, the first bit of n */
		for (unsigned int bit = i == 9 ? 128 : 1; bit < 256; bit *= 2) {
			pub[i] ^= (uint8_t)bit;
			cr_assert_eq(check_public(p), -EKEYREJECTED,
				     "byte %zu", i);
			pub[i] ^= (uint8_t)bit;
		}
	pub[p.len - 1] ^= 1; /* e is even */
	cr_assert_eq(check_public(p), -EKEYREJECTED);
	pub[p.len - 1] ^= 1;
	pub[p.len - 3] = 0; /* two zeros before e */
	cr_assert_eq(check_public(p), -EKEYREJECTED);
	pub[p.len - 3] = 1;
	cr_assert_eq(check_public(p), 0);
}

Test(openssl, rsa_verifies_what_it_signed_and_nothing_else)
{
	static const uint32_t mechs[] = { RSA, UKCF_MECH_RSA_PSS_SHA2_256 };
	uint8_t der[2048], pub[UKCF_KEY_PUBLIC_MAX], sig[512], other[512];
	struct ukcf_bytes k = unhex(rsa_secret, der), s = { sig, 256 };

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t mech = mechs[i];
		struct ukcf_bytes in = { message, 300 }, p = { pub, 0 };
		struct ukcf_job job = { .op = UKCF_OP_SIGN,
					.mech = mech,
					.key = k,
					.in = in,
					.out = sig,
					.out_size = 255 };
		const struct ukcf_offer *o = offered_by(openssl, mech);

		p.len = (size_t)public_by(openssl, mech, k, pub);
		o->ops->sign(openssl->instance, &job);
		cr_assert_eq(job.res, -ENOBUFS);
		job.out_size = sizeof(sig);
		o->ops->sign(openssl->instance, &job);
		cr_assert_eq(job.res, 256);
		job.out = other;
		o->ops->sign(openssl->instance, &job);
		cr_assert_eq(memcmp(sig, other, 256) == 0, mech == RSA,
			     "PSS has a salt");
		cr_assert_eq(verify_by(openssl, mech, p, in, s), 0);
		cr_assert_eq(verify_by(openssl, mechs[1 - i], p, in, s),
			     -EBADMSG);
		for (size_t at = 0; at < 256 * 8; at += 37) {
			sig[at / 8] ^= (uint8_t)(1u << at % 8);
			cr_assert_eq(verify_by(openssl, mech, p, in, s),
				     -EBADMSG);
			sig[at / 8] ^= (uint8_t)(1u << at % 8);
		}
		in.len--;
		cr_assert_eq(verify_by(openssl, mech, p, in, s), -EBADMSG);
		in.len++;
		for (s.len = 0; s.len < 256; s.len += 15)
			cr_assert_eq(verify_by(openssl, mech, p, in, s),
				     -EBADMSG);
		s.len = 257;
		cr_assert_eq(verify_by(openssl, mech, p, in, s), -EBADMSG);
		s.len = 256;
		memset(sig, 0, sizeof(sig));
		cr_assert_eq(verify_by(openssl, mech, p, in, s), -EBADMSG);
		memset(sig, 0xff, sizeof(sig)); /* above the modulus */
		cr_assert_eq(verify_by(openssl, mech, p, in, s), -EBADMSG);
	}
}

static int64_t rsa_job(uint32_t mech, uint32_t op, struct ukcf_bytes k,
		       struct ukcf_bytes in, struct ukcf_bytes label,
		       const void *tmpl, uint8_t *to)
{
	struct ukcf_job job = { .op = op,
				.mech = mech,
				.key = k,
				.in = in,
				.aux = label,
				.tmpl = tmpl,
				.out = to,
				.out_size = 512 };
	ukcf_job_fn fn = mech_entry(offered_by(openssl, mech), op);

	cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
	cr_assert_eq(job.res == -EBADMSG, job.detail == UKCF_DETAIL_AUTH);
	return job.res;
}

static int64_t rsa_encrypt(uint32_t mech, struct ukcf_bytes p,
			   struct ukcf_bytes in, uint8_t *to)
{
	return rsa_job(mech, UKCF_OP_ENCRYPT, p, in, no_bytes, NULL, to);
}

static int64_t rsa_decrypt(uint32_t mech, struct ukcf_bytes k,
			   struct ukcf_bytes in, uint8_t *to)
{
	return rsa_job(mech, UKCF_OP_DECRYPT, k, in, no_bytes, NULL, to);
}

static const struct {
	uint32_t mech;
	size_t less;
} rsaes[] = {
	{ UKCF_MECH_RSA_PKCS1, 11 },
	{ UKCF_MECH_RSA_OAEP_SHA1, 42 },
	{ UKCF_MECH_RSA_OAEP_SHA2_256, 66 },
};

Test(openssl, rsa_decrypts_what_it_encrypted_of_every_size_that_fits)
{
	uint8_t der[2048], pub[1024], sealed[512], other[512], plain[512];
	struct ukcf_bytes k = unhex(rsa_secret, der);
	struct ukcf_bytes p = unhex(rsa_public, pub), c = { sealed, 256 };

	for (unsigned int i = 0; i < 3; i++) {
		uint32_t mech = rsaes[i].mech;
		size_t most = 256 - rsaes[i].less;

		for (size_t n = 0; n <= most; n += n == most ? 1 : most / 5) {
			struct ukcf_bytes in = { n ? message : NULL, n };

			cr_assert_eq(rsa_encrypt(mech, p, in, sealed), 256);
			cr_assert_eq(rsa_encrypt(mech, p, in, other), 256);
			cr_assert_neq(memcmp(sealed, other, 256), 0);
			cr_assert_eq(rsa_decrypt(mech, k, c, plain),
				     (int64_t)n, "%zu bytes", n);
			cr_assert_eq(memcmp(plain, message, n), 0);
		}
		cr_assert_eq(rsa_encrypt(mech, p,
					 (struct ukcf_bytes){ message,
							      most + 1 },
					 sealed), -EMSGSIZE);
		/* keys are not mixed up */
		cr_assert_eq(rsa_encrypt(mech, k, no_bytes, sealed),
			     -EKEYREJECTED);
		cr_assert_eq(rsa_decrypt(mech, p, c, plain), -EKEYREJECTED);
	}
}

/* Whatever is wrong with it, all that is said of OAEP is that it is wrong. */
Test(openssl, rsa_oaep_refuses_another_ciphertext_label_digest_or_size)
{
	uint8_t der[2048], pub[1024], sealed[513] = { 0 }, plain[512];
	struct ukcf_bytes k = unhex(rsa_secret, der);
	struct ukcf_bytes p = unhex(rsa_public, pub), c = { sealed, 256 };
	struct ukcf_bytes in = { message, 20 }, label = { aad, 30 };

	for (unsigned int i = 1; i < 3; i++) {
		uint32_t mech = rsaes[i].mech, d = UKCF_OP_DECRYPT;

		cr_assert_eq(rsa_job(mech, UKCF_OP_ENCRYPT, p, in, label, NULL,
				     sealed), 256);
		cr_assert_eq(rsa_job(mech, d, k, c, label, NULL, plain), 20);
		for (size_t at = 8; at < 256 * 8; at += 97) {
			sealed[at / 8] ^= (uint8_t)(1u << at % 8);
			cr_assert_eq(rsa_job(mech, d, k, c, label, NULL,
					     plain), -EBADMSG);
			sealed[at / 8] ^= (uint8_t)(1u << at % 8);
		}
		cr_assert_eq(rsa_decrypt(mech, k, c, plain), -EBADMSG);
		cr_assert_eq(rsa_job(rsaes[3 - i].mech, d, k, c, label, NULL,
				     plain), -EBADMSG);
		for (c.len = 0; c.len <= 513; c.len += 171)
			cr_assert_eq(rsa_job(mech, d, k, c, label, NULL,
					     plain), -EBADMSG);
		c.len = 256;
		cr_assert_eq(rsa_job(mech, d, k, c, label, NULL, plain), 20);
	}
}

/* Numbers of 2048 bits below n, big-endian; the slow way that needs no library:
 * this binary is not linked to one. */
static void add_mod(uint8_t *a, const uint8_t *b, const uint8_t *n)
{
	unsigned int carry = 0, borrow = 0;
	uint8_t less[256];

	for (size_t i = 256; i-- > 0;) {
		carry += (unsigned int)a[i] + b[i];
		a[i] = (uint8_t)carry;
		carry >>= 8;
	}
	for (size_t i = 256; i-- > 0;) {
		unsigned int v = 256u + a[i] - n[i] - borrow;

		less[i] = (uint8_t)v;
		borrow = v < 256;
	}
	if (carry || !borrow)
		memcpy(a, less, 256);
}

static void mul_mod(uint8_t *a, const uint8_t *b, const uint8_t *n)
{
	uint8_t r[256] = { 0 };

	for (size_t bit = 0; bit < 2048; bit++) {
		uint8_t twice[256];

		memcpy(twice, r, 256);
		add_mod(r, twice, n);
		if (b[bit / 8] >> (7 - bit % 8) & 1)
			add_mod(r, a, n);
	}
	memcpy(a, r, 256);
}

/* em -> its ciphertext, of any padding: em to the power of 65537. */
static void raise_to_e(const uint8_t *em, uint8_t *to)
{
	uint8_t pub[1024], square[256];
	const uint8_t *n = unhex(rsa_public, pub).data + 9;

	memcpy(to, em, 256);
	for (unsigned int i = 0; i < 16; i++) {
		memcpy(square, to, 256);
		mul_mod(to, square, n);
	}
	mul_mod(to, em, n);
}

/* Nobody can tell a wrong padding of v1.5 from a right one. */
Test(openssl, rsa_v15_answers_a_wrong_padding_with_the_same_bytes_always)
{
	static const struct {
		size_t at;
		uint8_t is;
		bool right;
	} cases[] = {
		{ 2, 1, true },	   { 0, 1, false },   { 1, 1, false },
		{ 1, 0, false },   { 2, 0, false },   { 9, 0, false },
		{ 10, 0, true },   { 255, 0, true },
	};
	uint8_t der[2048], em[256], sealed[256], plain[512], again[512];
	struct ukcf_bytes k = unhex(rsa_secret, der), c = { sealed, 256 };
	int64_t len;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(em, 0x55, sizeof(em));
		em[0] = 0;
		em[1] = 2;
		if (cases[i].at < 255)
			em[200] = 0;
		em[cases[i].at] = cases[i].is;
		raise_to_e(em, sealed);
		len = rsa_decrypt(UKCF_MECH_RSA_PKCS1, k, c, plain);
		cr_assert_geq(len, 0, "case %zu", i);
		cr_assert_leq(len, 245, "case %zu", i);
		cr_assert_eq(rsa_decrypt(UKCF_MECH_RSA_PKCS1, k, c, again),
			     len);
		cr_assert_eq(memcmp(plain, again, (size_t)len), 0);
		cr_assert_eq(len < 250 && memcmp(em + 256 - len, plain,
						 (size_t)len) == 0 &&
				     em[255 - len] == 0 && len > 0,
			     cases[i].right && cases[i].at != 255, "case %zu",
			     i);
	}
	memset(em, 0x55, sizeof(em)); /* no zero at all */
	em[0] = 0;
	em[1] = 2;
	raise_to_e(em, sealed);
	cr_assert_geq(rsa_decrypt(UKCF_MECH_RSA_PKCS1, k, c, plain), 0);
	/* what everybody can see is said: a size, a number above the modulus */
	c.len = 255;
	cr_assert_eq(rsa_decrypt(UKCF_MECH_RSA_PKCS1, k, c, plain), -EBADMSG);
	c.len = 256;
	memset(sealed, 0xff, sizeof(sealed));
	cr_assert_eq(rsa_decrypt(UKCF_MECH_RSA_PKCS1, k, c, plain), -EBADMSG);
}

/* With a template as with the key, by many threads' worth of jobs. */
Test(openssl, rsa_with_a_template_is_rsa_with_the_key)
{
	uint8_t der[2048], pub[1024], sig[2][512], sealed[512], plain[512];
	struct ukcf_bytes k = unhex(rsa_secret, der);
	struct ukcf_bytes p = unhex(rsa_public, pub), in = { message, 100 };
	const struct ukcf_offer *o = offered_by(openssl, RSA);
	uint8_t tmpl[2][64];

	for (unsigned int i = 0; i < 2; i++) { /* of a pair, a public key */
		struct ukcf_job job = { .op = UKCF_OP_TMPL_CREATE,
					.mech = RSA,
					.key = i ? no_bytes : k,
					.pub = p,
					.out = tmpl[i],
					.out_size = o->tmpl_size };

		cr_assert_leq(o->tmpl_size, sizeof(tmpl[i]));
		cr_assert_eq(o->ops->init_tmpl(openssl->instance, &job),
			     UKCF_DONE);
		cr_assert_gt(job.res, 0);
	}
	cr_assert_eq(rsa_job(RSA, UKCF_OP_SIGN, k, in, no_bytes, NULL, sig[0]),
		     256);
	for (unsigned int i = 0; i < 3; i++) {
		cr_assert_eq(rsa_job(RSA, UKCF_OP_SIGN, k, in, no_bytes,
				     tmpl[0], sig[1]), 256);
		cr_assert_eq(memcmp(sig[0], sig[1], 256), 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t mech = UKCF_MECH_RSA_OAEP_SHA1;
		struct ukcf_bytes c = { sealed, 256 };

		cr_assert_eq(rsa_job(mech, UKCF_OP_ENCRYPT, p, in, no_bytes,
				     tmpl[i], sealed), 256);
		cr_assert_eq(rsa_job(mech, UKCF_OP_DECRYPT, k, c, no_bytes,
				     tmpl[0], plain), 100);
		cr_assert_eq(memcmp(plain, message, 100), 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		struct ukcf_job job = { .op = UKCF_OP_TMPL_DESTROY,
					.mech = RSA,
					.tmpl = tmpl[i] };

		cr_assert_eq(o->ops->drop_tmpl(openssl->instance, &job),
			     UKCF_DONE);
	}
}

Test(openssl, rsa_makes_keys_of_the_size_that_is_asked_for)
{
	uint8_t der[UKCF_KEY_BYTES_MAX], pub[UKCF_KEY_PUBLIC_MAX];
	struct ukcf_job job = { .op = UKCF_OP_KEY_GENERATE,
				.mech = RSA,
				.out = der,
				.out_size = sizeof(der),
				.tag_len = 2048 };
	ukcf_job_fn fn = offered_by(openssl, RSA)->ops->generate;
	struct ukcf_bytes k = { der, 0 };

	cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
	cr_assert_gt(job.res, 1024);
	k.len = (size_t)job.res;
	cr_assert_eq(check_secret(k), 0);
	cr_assert_eq(public_by(openssl, RSA, k, pub), 270);
	for (job.tag_len = 0; job.tag_len < 5000; job.tag_len += 512) {
		if (job.tag_len == 0 || job.tag_len == 2048 ||
		    job.tag_len == 3072 || job.tag_len == 4096)
			continue;
		cr_assert_eq(fn(openssl->instance, &job), UKCF_DONE);
		cr_assert_eq(job.res, -EINVAL, "%zu bits", job.tag_len);
		cr_assert_eq(job.detail, UKCF_DETAIL_KEY_SIZE);
	}
}

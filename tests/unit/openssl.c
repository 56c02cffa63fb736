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
	cr_assert_eq(provider_load("openssl"), 0);
	cr_assert_eq(provider_load("sodium"), 0);
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
	cr_assert_geq(openssl->spi->n_offers, 26);
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
					UKCF_OP_ENCRYPT, UKCF_OP_DERIVE };

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
	const struct ukcf_mech_ops ops = { .digest = flipped,
					   .mac = flipped,
					   .encrypt = flipped,
					   .derive = flipped };

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		struct ukcf_offer o = openssl->spi->offers[i];
		const char *what = "";

		cr_assert_neq(producing_op(&o), UKCF_OP_NOP);
		real = &openssl->spi->offers[i];
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

/* Of a fixed size: it has a test of its own. */
static bool is_kex(uint32_t mech)
{
	return UKCF_MECH_CLASS(mech) == UKCF_CLASS_KEX;
}

Test(openssl, agrees_with_sodium_on_every_size)
{
	unsigned int shared = 0;

	for (uint32_t i = 0; i < openssl->spi->n_offers; i++) {
		uint32_t mech = openssl->spi->offers[i].mech;

		if (!offered_by(sodium, mech) || is_kex(mech))
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

		if (!offered_by(sodium, mech) || is_kex(mech))
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
					.out_size = sizeof(a) };

		if (!fn)
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

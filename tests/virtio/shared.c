/* SPDX-License-Identifier: MIT */
/*
 * shared PROVIDER LEN COUNT own|held: COUNT encryptions of LEN bytes (AES-CBC,
 * PROVIDER or "any") in registered buffers, with a key of the consumer's own or
 * one that the daemon holds.  All must be what libcrypto makes; says how long one
 * took.  457-virtio-shared.sh starts it.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define LEN_MAX 65536u
#define MECH UKCF_MECH_AES_256_CBC

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key key;
static uint8_t key_bytes[32], iv[16], right[LEN_MAX];
static struct rng rng;
static uint16_t provider; /* 0: any */

static void find_provider(const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX);

	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			provider = rows[i].id;
	if (!provider && strcmp(name, "any") != 0)
		check_bail("no provider %s", name);
}

static void make_key(bool own)
{
	rng_fill(&rng, key_bytes, sizeof(key_bytes));
	if (own ? ukcf_key_local(u, MECH, UKCF_USE_DEFAULT, key_bytes,
				 sizeof(key_bytes), &key) :
		  ukcf_key_import(u, NULL, MECH, UKCF_USE_DEFAULT, 0, key_bytes,
				  sizeof(key_bytes), &key))
		check_bail("no key");
}

static void make_right(size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!ctx ||
	    !EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key_bytes, iv) ||
	    !EVP_EncryptUpdate(ctx, right, &n, ukcf_buffer_data(in), (int)len))
		check_bail("libcrypto");
	EVP_CIPHER_CTX_free(ctx);
}

/* Return: nanoseconds; it is right. */
static uint64_t one(size_t len, bool *is_right)
{
	struct ukcf_sqe s = { .user_data = 1 };
	const struct ukcf_cqe *c;
	uint64_t begun = clock_ns();

	if (ukcf_prep_encrypt(ring, &s, MECH, key, iv, sizeof(iv),
			      UKCF_SPAN_NONE, ukcf_buffer_span(in, 0, len),
			      ukcf_buffer_span(out, 0, len)))
		check_bail("it cannot be prepared");
	s.provider = provider;
	if (ukcf_submit_sqes(ring, &s, 1) != 1 ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("no completion");
	*is_right = c->res == (int64_t)len &&
		    memcmp(ukcf_buffer_data(out), right, len) == 0;
	ukcf_cqe_seen(ring);
	return clock_ns() - begun;
}

int main(int argc, char **argv)
{
	size_t len = argc > 2 ? (size_t)atoi(argv[2]) : 0;
	unsigned int n = argc > 3 ? (unsigned int)atoi(argv[3]) : 0, good = 0;
	uint64_t total = 0;

	if (argc != 5 || !len || len > LEN_MAX || len % 16)
		check_bail("usage: shared PROVIDER LEN COUNT own|held");
	rng_init(&rng, 1);
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 4, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, LEN_MAX, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, LEN_MAX, &out))
		check_bail("no ring");
	find_provider(argv[1]);
	make_key(strcmp(argv[4], "own") == 0);
	rng_fill(&rng, ukcf_buffer_data(in), len);
	make_right(len);
	for (unsigned int i = 0; i < n; i++) {
		bool is_right;

		total += one(len, &is_right);
		good += is_right;
	}
	note("%zu bytes, %s key: %llu ns each", len, argv[4],
	     (unsigned long long)(total / (n ? n : 1)));
	check(good == n, "%u of %u are right", good, n);
	ukcf_disconnect(u);
	return check_done();
}

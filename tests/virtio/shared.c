/* SPDX-License-Identifier: MIT */
/*
 * shared PROVIDER LEN COUNT own|held|anew [FILE]: COUNT encryptions of LEN bytes
 * (or more, until FILE exists; AES-CBC; to PROVIDER or "any") in registered
 * buffers, one by one, with a key of the consumer's own or one that the daemon
 * holds; anew: its own, and other buffers each time.  Each is answered once, with
 * what libcrypto makes; says how long one took.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"
#include "tests/support/tally.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define LEN_MAX 65536u
#define TALLY_MAX UINT64_C(1000000)
#define MECH UKCF_MECH_AES_256_CBC

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static struct ukcf_key key;
static uint8_t key_bytes[32], iv[16], right[LEN_MAX];
static struct rng rng;
static struct tally tally;
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

static void make_buffers(void)
{
	if (ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, LEN_MAX, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, LEN_MAX, &out))
		check_bail("no buffers");
}

static void change_buffers(void)
{
	ukcf_buffer_free(in);
	ukcf_buffer_free(out);
	make_buffers();
}

/* Return: nanoseconds. */
static uint64_t one(size_t len)
{
	struct ukcf_sqe s = { .user_data = tally.sent };
	const struct ukcf_cqe *c;
	uint64_t begun = clock_ns(), took;

	if (ukcf_prep_encrypt(ring, &s, MECH, key, iv, sizeof(iv),
			      UKCF_SPAN_NONE, ukcf_buffer_span(in, 0, len),
			      ukcf_buffer_span(out, 0, len)))
		check_bail("it cannot be prepared");
	s.provider = provider;
	tally_sent(&tally, s.user_data);
	if (ukcf_submit_sqes(ring, &s, 1) != 1 ||
	    ukcf_wait_cqe(ring, &c, WAIT_NS))
		check_bail("no completion");
	took = clock_ns() - begun;
	tally_answer(&tally, c->user_data,
		     c->res == (int64_t)len &&
			     memcmp(ukcf_buffer_data(out), right, len) == 0);
	ukcf_cqe_seen(ring);
	return took;
}

/* Return: nanoseconds, of all. */
static uint64_t run(size_t len, uint64_t count, bool anew, const char *until)
{
	uint64_t total = 0;

	while (tally.sent < count ||
	       (until && tally.sent < tally.n && access(until, F_OK) < 0)) {
		if (anew)
			change_buffers();
		/* what was right before is wrong now */
		rng_fill(&rng, iv, sizeof(iv));
		rng_fill(&rng, ukcf_buffer_data(in), len);
		make_right(len);
		total += one(len);
	}
	return total;
}

int main(int argc, char **argv)
{
	size_t len = argc > 2 ? (size_t)atoi(argv[2]) : 0;
	uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, total;

	if (argc < 5 || argc > 6 || !len || len > LEN_MAX || len % 16 || !n ||
	    n > TALLY_MAX)
		check_bail("usage: shared PROVIDER LEN COUNT own|held|anew "
			   "[FILE]");
	rng_init(&rng, (uint64_t)getpid());
	tally_init(&tally, argc == 6 ? TALLY_MAX : n);
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 4, &ring))
		check_bail("no ring");
	make_buffers();
	find_provider(argv[1]);
	make_key(strcmp(argv[4], "held") != 0);
	total = run(len, n, strcmp(argv[4], "anew") == 0,
		    argc == 6 ? argv[5] : NULL);
	note("%" PRIu64 " requests, %zu bytes, %s key: %" PRIu64 " ns each",
	     tally.sent, len, argv[4], total / tally.sent);
	check(tally.answered == tally.sent && tally_clean(&tally),
	      "%" PRIu64 " of %" PRIu64 " were answered, %" PRIu64
	      " twice, %" PRIu64 " wrong", tally.answered, tally.sent,
	      tally.twice, tally.wrong);
	ukcf_disconnect(u);
	tally_free(&tally);
	return check_done();
}

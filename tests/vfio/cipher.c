/* SPDX-License-Identifier: MIT */
/*
 * cipher PROVIDER COUNT DEPTH [FILE]: COUNT random requests (or more, until FILE
 * exists) to a provider, or to "any"; of AES-CBC, AES-CTR and AES-XTS, in both
 * directions, with several keys, of random sizes, DEPTH of them in flight.  Each
 * is answered once, with the bytes that libcrypto makes, which is asked here and
 * not through a provider.  At the end, who did how many.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/mech-table.h"
#include "tests/support/check.h"
#include "tests/support/tally.h"

#define WAIT_NS (INT64_C(60000000000) * slowness())
#define SIZE_MAX_OF_ONE 8192u
#define DEPTH_MAX 256u
#define KEYS 16u
#define MODES_MAX 16u
#define TALLY_MAX UINT64_C(4000000)

struct mode {
	const struct mech_row *row;
	EVP_CIPHER *cipher;
};

struct key {
	const struct mode *mode;
	struct ukcf_key handle;
	uint8_t bytes[64];
	unsigned int in_flight;
};

/* A request in flight, and what it must give. */
struct slot {
	bool busy;
	struct key *key;
	size_t len;
	uint64_t sent_ns;
	uint8_t want[SIZE_MAX_OF_ONE];
};

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static EVP_CIPHER_CTX *evp;
static struct mode modes[MODES_MAX];
static unsigned int n_modes, depth;
static struct key keys[KEYS];
static struct slot slots[DEPTH_MAX];
static uint16_t provider; /* 0: any */
static uint64_t of_provider[UKCF_PAGE_PROVIDERS_MAX + 1];
static uint64_t longest_ns;
static struct tally tally;
static struct rng rng;
static char first_wrong[160];

/* ------------------------------------------------------------------ set-up */

static void find_provider(const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX + 1];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX + 1);

	if (strcmp(name, "any") == 0)
		return;
	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			provider = rows[i].id;
	if (!provider)
		check_bail("no provider %s", name);
}

static bool is_plain_mode(const char *name)
{
	const char *end = strrchr(name, '-');

	return end && (!strcmp(end, "-cbc") || !strcmp(end, "-ctr") ||
		       !strcmp(end, "-xts"));
}

static void find_modes(void)
{
	static struct ukcf_page_mech rows[UKCF_PAGE_MECHS_MAX];
	int n = ukcf_mech_list(u, rows, UKCF_PAGE_MECHS_MAX);

	for (int i = 0; i < n && n_modes < MODES_MAX; i++) {
		struct mode *m = &modes[n_modes];

		if (!is_plain_mode(rows[i].name) ||
		    (provider && !(rows[i].providers >> provider & 1)))
			continue;
		m->row = mech_row_by_id(rows[i].id);
		m->cipher = EVP_CIPHER_fetch(NULL, m->row->name, NULL);
		if (!m->cipher)
			check_bail("libcrypto has no %s", m->row->name);
		n_modes++;
	}
	if (!n_modes)
		check_bail("nobody offers AES-CBC, AES-CTR or AES-XTS");
}

static void make_key(struct key *k)
{
	k->mode = &modes[rng_below(&rng, n_modes)];
	rng_fill(&rng, k->bytes, sizeof(k->bytes));
	if (ukcf_key_import(u, NULL, k->mode->row->id, UKCF_USE_DEFAULT, 0,
			    k->bytes, k->mode->row->key_max, &k->handle))
		check_bail("%s: a key was refused", k->mode->row->name);
}

/* A device has a few places for keys: they must make room for each other. */
static void replace_key(struct key *k)
{
	if (k->in_flight)
		return;
	if (ukcf_key_destroy(u, k->handle))
		check_bail("a key could not be destroyed");
	make_key(k);
}

/* ---------------------------------------------------------------- requests */

static size_t some_size(const struct mech_row *row)
{
	size_t most = rng_below(&rng, 8) ? 512 : SIZE_MAX_OF_ONE;
	size_t len = (size_t)rng_below(&rng, most + 1);

	len -= len % row->block;
	return len < row->in_min ? row->in_min : len < 1 ? row->block : len;
}

static void ask_libcrypto(struct slot *s, const uint8_t *iv,
			  const uint8_t *data, bool encrypt)
{
	int len = 0;

	if (EVP_CipherInit_ex2(evp, s->key->mode->cipher, s->key->bytes, iv,
			       encrypt, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(evp, 0) != 1 ||
	    EVP_CipherUpdate(evp, s->want, &len, data, (int)s->len) != 1 ||
	    len != (int)s->len)
		check_bail("libcrypto does not do %s of %zu bytes",
			   s->key->mode->row->name, s->len);
}

static void prepare(struct slot *s, struct ukcf_sqe *e)
{
	size_t i = (size_t)(s - slots), at = i * SIZE_MAX_OF_ONE;
	uint8_t *data = (uint8_t *)ukcf_buffer_data(in) + at, iv[16];
	bool encrypt = rng_below(&rng, 2);
	const struct mech_row *row;
	struct ukcf_span from, to;
	int err;

	s->key = &keys[rng_below(&rng, KEYS)];
	if (rng_below(&rng, 32) == 0)
		replace_key(s->key);
	row = s->key->mode->row;
	s->len = some_size(row);
	rng_fill(&rng, data, s->len);
	rng_fill(&rng, iv, sizeof(iv));
	ask_libcrypto(s, iv, data, encrypt);
	from = ukcf_buffer_span(in, at, s->len);
	to = ukcf_buffer_span(out, at, s->len);
	*e = (struct ukcf_sqe){ .user_data = tally.sent * DEPTH_MAX + i };
	err = encrypt ? ukcf_prep_encrypt(ring, e, row->id, s->key->handle, iv,
					  sizeof(iv), UKCF_SPAN_NONE, from, to) :
			ukcf_prep_decrypt(ring, e, row->id, s->key->handle, iv,
					  sizeof(iv), UKCF_SPAN_NONE, from, to);
	if (err)
		check_bail("%s of %zu bytes cannot be prepared: %d", row->name,
			   s->len, err);
	e->provider = provider;
	s->busy = true;
	s->key->in_flight++;
	s->sent_ns = clock_ns();
	tally_sent(&tally, tally.sent);
}

static void fill(void)
{
	struct ukcf_sqe entries[DEPTH_MAX];
	unsigned int n = 0, sent = 0;

	for (unsigned int i = 0; i < depth; i++)
		if (!slots[i].busy)
			prepare(&slots[i], &entries[n++]);
	while (sent < n) {
		int rc = ukcf_submit_sqes(ring, entries + sent, n - sent);

		if (rc <= 0)
			check_bail("the ring is full: %d", rc);
		sent += (unsigned int)rc;
	}
}

static bool is_right(const struct slot *s, const struct ukcf_cqe *c)
{
	const uint8_t *got = (const uint8_t *)ukcf_buffer_data(out) +
			     (size_t)(s - slots) * SIZE_MAX_OF_ONE;

	if (c->res == (int64_t)s->len && memcmp(got, s->want, s->len) == 0 &&
	    (!provider || c->provider == provider))
		return true;
	if (!first_wrong[0])
		snprintf(first_wrong, sizeof(first_wrong),
			 ": %s of %zu bytes by provider %u gave %" PRId64
			 " (%s)%s", s->key->mode->row->name, s->len,
			 c->provider, c->res, ukcf_detail_name(c->detail),
			 c->res == (int64_t)s->len ? ", wrong bytes" : "");
	return false;
}

static void take(const struct ukcf_cqe *c)
{
	struct slot *s = &slots[c->user_data % DEPTH_MAX];
	uint64_t took = clock_ns() - s->sent_ns;

	tally_answer(&tally, c->user_data / DEPTH_MAX,
		     s->busy && is_right(s, c));
	if (!s->busy)
		return;
	if (c->provider <= UKCF_PAGE_PROVIDERS_MAX)
		of_provider[c->provider]++;
	if (took > longest_ns)
		longest_ns = took;
	s->key->in_flight--;
	s->busy = false;
}

static void take_all(void)
{
	const struct ukcf_cqe *c;
	int rc = ukcf_wait_cqe(ring, &c, WAIT_NS);

	if (rc)
		check_bail("no completion: %s", ukcf_strerror(rc));
	do {
		take(c);
		ukcf_cqe_seen(ring);
	} while (ukcf_peek_cqe(ring, &c) == 0);
}

/* ------------------------------------------------------------------ report */

static void report_providers(void)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX + 1];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX + 1);

	for (int i = 0; i < n; i++)
		if (of_provider[rows[i].id])
			note("%s did %" PRIu64, rows[i].name,
			     of_provider[rows[i].id]);
}

static bool wants_more(uint64_t count, const char *until)
{
	return tally.sent < tally.n - DEPTH_MAX &&
	       (tally.sent < count || (until && access(until, F_OK) < 0));
}

static void run(uint64_t count, const char *until)
{
	uint64_t begin = clock_ns();

	for (;;) {
		if (wants_more(count, until))
			fill();
		else if (tally.answered >= tally.sent)
			break;
		take_all();
	}
	note("%" PRIu64 " requests, %u in flight, %u modes, %" PRIu64
	     " us each, the longest %" PRIu64 " us", tally.sent, depth,
	     n_modes, (clock_ns() - begin) / 1000 / (tally.sent + 1),
	     longest_ns / 1000);
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (argc < 4 || argc > 5)
		check_bail("usage: cipher PROVIDER COUNT DEPTH [FILE]");
	count = strtoull(argv[2], NULL, 10);
	depth = (unsigned int)strtoul(argv[3], NULL, 10);
	if (!count || count > TALLY_MAX / 2 || !depth || depth > DEPTH_MAX)
		check_bail("COUNT or DEPTH is out of range");
	rng_init(&rng, depth);
	tally_init(&tally, argc == 5 ? TALLY_MAX : count + 2 * DEPTH_MAX);
	evp = EVP_CIPHER_CTX_new();
	if (!evp || ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, DEPTH_MAX, &ring) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT,
			      (size_t)depth * SIZE_MAX_OF_ONE, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT,
			      (size_t)depth * SIZE_MAX_OF_ONE, &out))
		check_bail("no ring");
	find_provider(argv[1]);
	find_modes();
	for (unsigned int i = 0; i < KEYS; i++)
		make_key(&keys[i]);
	run(count, argc == 5 ? argv[4] : NULL);
	report_providers();
	check(tally.answered == tally.sent && tally_clean(&tally),
	      "%" PRIu64 " of %" PRIu64 " were answered, %" PRIu64
	      " twice, %" PRIu64 " wrong%s", tally.answered, tally.sent,
	      tally.twice, tally.wrong, first_wrong);
	EVP_CIPHER_CTX_free(evp);
	for (unsigned int i = 0; i < n_modes; i++)
		EVP_CIPHER_free(modes[i].cipher);
	ukcf_disconnect(u);
	tally_free(&tally);
	return check_done();
}

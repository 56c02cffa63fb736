/* SPDX-License-Identifier: MIT */
/*
 * ukcf-demo [FILE]: the main job on a real file.  Each step says one line;
 * where a program of others can judge a result it is asked.
 */
#include "tools/demo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/demo-outside.h"
#include "tools/output.h"

#define REPEAT_NS UINT64_C(50000000)
#define REPEAT_MAX 1000
#define KEY 32
#define NONCE 12
#define TAG 16
#define DIGEST 32
#define SIGNATURE 64

/* A synchronous call, made often enough to be timed. */
struct work {
	struct demo *d;
	struct ukcf *u;
	struct ukcf_key key;
	uint32_t mech;
	const uint8_t *nonce;
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t room;
	const uint8_t *sig;
};

typedef int64_t (*work_fn)(const struct work *w);

void demo_held(struct demo *d, bool held, const char *fmt, ...)
{
	va_list ap;

	printf("%s ", held ? "ok:    " : "FAILED:");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!held)
		d->failed = true;
}

/* The last result; each call goes into the account under where it ran. */
static int64_t repeat(const struct work *w, const char *what, const char *mech,
		      work_fn fn)
{
	uint64_t begin = clock_ns(), before = begin;
	int64_t res = 0;

	for (int i = 0; i < REPEAT_MAX; i++) {
		const struct ukcf_call *last;
		uint64_t now;

		res = fn(w);
		now = clock_ns();
		last = ukcf_last_call();
		if (res < 0) {
			complain_call(what, res);
			break;
		}
		tally_add(&w->d->tally, what, mech, last->where, 1,
			  now - before, w->in_len);
		if (w->u == w->d->u && last->where != UKCF_WHERE_CALLER)
			w->d->over_rings++;
		if (now - begin > REPEAT_NS)
			break;
		before = clock_ns();
	}
	return res;
}

static int64_t do_digest(const struct work *w)
{
	return ukcf_digest(w->u, w->mech, w->in, w->in_len, w->out, w->room);
}

static int64_t do_mac(const struct work *w)
{
	return ukcf_mac(w->u, w->mech, w->key, w->in, w->in_len, w->out,
			w->room);
}

static int64_t do_encrypt(const struct work *w)
{
	return ukcf_encrypt(w->u, w->mech, w->key, w->nonce, NONCE, NULL, 0,
			    w->in, w->in_len, w->out, w->room);
}

static int64_t do_decrypt(const struct work *w)
{
	return ukcf_decrypt(w->u, w->mech, w->key, w->nonce, NONCE, NULL, 0,
			    w->in, w->in_len, w->out, w->room);
}

static int64_t do_sign(const struct work *w)
{
	return ukcf_sign(w->u, w->mech, w->key, w->in, w->in_len, w->out,
			 w->room);
}

static int64_t do_verify(const struct work *w)
{
	return ukcf_verify(w->u, w->mech, w->key, w->in, w->in_len, w->sig,
			   SIGNATURE);
}

static struct work work_on_file(struct demo *d, uint32_t mech)
{
	return (struct work){ .d = d,
			      .u = d->u,
			      .mech = mech,
			      .in = d->file.data,
			      .in_len = d->file.len };
}

/* ------------------------------------------------------------------- steps */

static void say_opinion(struct demo *d, enum opinion o, const char *who,
			const char *what)
{
	if (o == OPINION_NONE)
		printf("        (no %s here to judge the %s)\n", who, what);
	else
		demo_held(d, o == OPINION_YES, "%s: %s agrees", what, who);
}

static void demo_digest(struct demo *d)
{
	uint8_t here[DIGEST] = { 0 }, there[DIGEST] = { 0 };
	struct work w = work_on_file(d, UKCF_MECH_SHA2_256);
	int64_t n, m;

	w.out = here;
	w.room = sizeof(here);
	n = repeat(&w, "digest", "sha2-256", do_digest);
	demo_held(d, n == DIGEST, "digest: sha2-256 of %zu bytes, %s",
		  d->file.len, tally_where(ukcf_last_call()->where));
	say_opinion(d, outside_sha256(d->path, here), "sha256sum", "digest");
	w.u = d->no_caller;
	w.out = there;
	m = repeat(&w, "digest over a ring", "sha2-256", do_digest);
	demo_held(d, m == DIGEST && memcmp(here, there, DIGEST) == 0,
		  "digest: the daemon makes the same");
}

/* The daemon's key and the caller's have the same bytes. */
static void demo_mac(struct demo *d)
{
	uint8_t raw[KEY], here[DIGEST] = { 0 }, there[DIGEST] = { 1 };
	struct work w = work_on_file(d, UKCF_MECH_HMAC_SHA2_256);
	struct ukcf_key own, held;
	int64_t err = ukcf_random(d->u, raw, sizeof(raw));

	if (err == KEY)
		err = ukcf_key_import(d->u, NULL, w.mech, UKCF_USE_DEFAULT, 0,
				      raw, sizeof(raw), &held);
	if (!err)
		err = ukcf_key_local(d->u, w.mech, UKCF_USE_DEFAULT, raw,
				     sizeof(raw), &own);
	secmem_wipe(raw, sizeof(raw));
	if (err) {
		complain_call("a key for the MAC", err);
		d->failed = true;
		return;
	}
	w.key = held;
	w.out = there;
	w.room = sizeof(there);
	err = repeat(&w, "mac, daemon's key", "hmac-sha2-256", do_mac);
	demo_held(d, err == DIGEST, "mac: with a key that the daemon holds");
	w.key = own;
	w.out = here;
	err = repeat(&w, "mac, own key", "hmac-sha2-256", do_mac);
	demo_held(d, err == DIGEST && memcmp(here, there, DIGEST) == 0,
		  "mac: with the same key in the caller it is the same");
	there[0] ^= 1;
	demo_held(d, ukcf_mac_verify(d->u, w.mech, held, w.in, w.in_len, here,
				     sizeof(here)) == 0 &&
		  ukcf_mac_verify(d->u, w.mech, held, w.in, w.in_len, there,
				  sizeof(there)) == -EBADMSG,
		  "mac: it verifies, and a changed one does not");
}

/* aes-256-gcm needs instructions that not every processor has. */
static uint32_t aead_here(struct demo *d, const char **name)
{
	struct ukcf_page_mech row;

	*name = "aes-256-gcm";
	if (ukcf_mech_info(d->u, UKCF_MECH_AES_256_GCM, &row) == 0)
		return UKCF_MECH_AES_256_GCM;
	*name = "chacha20-poly1305";
	return UKCF_MECH_CHACHA20_POLY1305;
}

static void encrypt_and_back(struct demo *d, struct work *w, const char *name,
			     uint8_t *sealed, uint8_t *back)
{
	size_t sealed_len = d->file.len + TAG;
	int64_t n;

	w->out = sealed;
	w->room = sealed_len;
	n = repeat(w, "encrypt, daemon's key", name, do_encrypt);
	demo_held(d, n == (int64_t)sealed_len,
		  "encrypt: %s with a key that nobody else ever sees", name);
	w->in = sealed;
	w->in_len = sealed_len;
	w->out = back;
	w->room = d->file.len;
	n = repeat(w, "decrypt, daemon's key", name, do_decrypt);
	demo_held(d, n == (int64_t)d->file.len &&
		  (n == 0 || memcmp(back, d->file.data, (size_t)n) == 0),
		  "decrypt: the file came back");
	sealed[sealed_len / 2] ^= 1;
	demo_held(d, do_decrypt(w) == -EBADMSG,
		  "decrypt: with one bit changed it is refused");
}

static void demo_encrypt(struct demo *d)
{
	uint8_t *sealed = malloc(d->file.len + TAG);
	uint8_t *back = malloc(d->file.len + 1);
	uint8_t nonce[NONCE];
	const char *name;
	struct work w = work_on_file(d, aead_here(d, &name));
	int64_t err = -ENOMEM;

	if (sealed && back)
		err = ukcf_key_generate(d->u, NULL, w.mech, UKCF_USE_DEFAULT,
					0, &w.key);
	if (!err)
		err = ukcf_random(d->u, nonce, sizeof(nonce));
	w.nonce = nonce;
	if (err < 0) {
		complain_call("a key for the encryption", err);
		d->failed = true;
	} else {
		/* the same message again: a nonce may say it twice */
		encrypt_and_back(d, &w, name, sealed, back);
	}
	free(sealed);
	free(back);
}

static void demo_sign(struct demo *d)
{
	uint8_t sig[SIGNATURE] = { 0 }, pub[KEY] = { 0 };
	struct work w = work_on_file(d, UKCF_MECH_ED25519);
	int64_t n = ukcf_key_generate(d->u, NULL, w.mech, UKCF_USE_DEFAULT, 0,
				      &w.key);

	if (!n)
		n = ukcf_key_public(d->u, w.key, pub, sizeof(pub));
	if (n != KEY) {
		complain_call("a key for the signature", n);
		d->failed = true;
		return;
	}
	w.out = sig;
	w.room = sizeof(sig);
	n = repeat(&w, "sign, daemon's key", "ed25519", do_sign);
	demo_held(d, n == SIGNATURE, "sign: ed25519");
	w.sig = sig;
	n = repeat(&w, "verify, daemon's key", "ed25519", do_verify);
	demo_held(d, n == 0, "verify: the signature is right");
	if (d->file.len) /* openssl 3.0 takes no empty file */
		say_opinion(d, outside_ed25519(d->path, pub, sig), "openssl",
			    "signature");
	sig[SIGNATURE / 4] ^= 1;
	demo_held(d, do_verify(&w) == -EBADMSG,
		  "verify: with one bit changed it is wrong");
}

/* The daemon's own count, against ours. */
static void demo_counts(struct demo *d)
{
	struct ukcf_counts c = { 0 };
	int err = ukcf_counts_get(d->u, &c);

	demo_held(d, !err && c.completed >= d->over_rings &&
		  c.accepted == c.completed,
		  "the daemon took %llu requests of this connection, and "
		  "answered every one once", (unsigned long long)c.accepted);
}

static int prepare(struct demo *d)
{
	int err;

	if (input_whole(d->path, UKCF_ONESHOT_MAX,
			"the demo signs it whole; name a smaller file",
			&d->file) < 0)
		return -1;
	d->u = connect_daemon();
	if (!d->u)
		return -1;
	err = ukcf_connect(&d->no_caller, NULL, UKCF_CONNECT_NO_CALLER);
	if (!err)
		return 0;
	connect_explain(err);
	return -1;
}

static void demo(struct demo *d)
{
	printf("%s: %zu bytes\n\n", d->path, d->file.len);
	demo_digest(d);
	demo_mac(d);
	demo_encrypt(d);
	demo_sign(d);
	demo_batch(d);
	demo_counts(d);
	printf("\nwhat ran where, how often, how fast:\n\n");
	if (tally_print(&d->tally) < 0)
		d->failed = true;
	printf("\n%s\n", d->failed ? "not all of it held" :
				     "all of it held");
}

int main(int argc, char **argv)
{
	struct demo *d = calloc(1, sizeof(*d));

	complain_as("ukcf-demo");
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fputs("usage: ukcf-demo [FILE]\n", stderr);
		free(d);
		return 2;
	}
	if (!d) {
		complain("no memory");
		return 1;
	}
	d->path = argc == 2 ? argv[1] : "README.md";
	if (prepare(d) == 0)
		demo(d);
	else
		d->failed = true;
	message_free(&d->file);
	ukcf_disconnect(d->u);
	ukcf_disconnect(d->no_caller);
	argc = d->failed || output_flush() < 0 ? 1 : 0;
	free(d);
	return argc;
}

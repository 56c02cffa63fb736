/* SPDX-License-Identifier: MIT */
/*
 * The daemon is stopped in the middle of everything: each public call returns,
 * those that wait by the deadline that they promise.  symbols.sh sees to it that
 * no function is left out.
 *
 * A call that waited without a bound would not return: then this program is
 * ended by its own alarm, which names it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/probe.h"

#define TIMEOUT_NS UINT64_C(50000000)
#define ALARM_S (60 * slowness())
#define MAC UKCF_MECH_HMAC_SHA2_256
#define AEAD UKCF_MECH_CHACHA20_POLY1305
#define SIGN UKCF_MECH_ED25519
#define KEX UKCF_MECH_X25519
#define KDF UKCF_MECH_HKDF_SHA2_256

static struct ukcf *u;
static struct ukcf_ring *ring, *idle;
static struct ukcf_buffer *in, *out;
static struct ukcf_key mac, aead, sign, kex, kdf, tmpl, local;
static struct ukcf_dual dual;
static struct ukcf_stream *stream;
static const uint8_t nonce[12], bytes[128] = "some bytes";
static uint8_t room[256];
static pid_t daemon_pid;
static const char *volatile at = "the beginning";

/* ------------------------------------------------------------- those that wait */

static int64_t counts_get(void)
{
	struct ukcf_counts c;

	return ukcf_counts_get(u, &c);
}

static int64_t ring_open(void)
{
	struct ukcf_ring *r;

	return ukcf_ring_open(u, 8, &r);
}

static int64_t buffer_alloc(void)
{
	struct ukcf_buffer *b;

	return ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 4096, &b);
}

static int64_t wait_cqe(void)
{
	const struct ukcf_cqe *c;

	return ukcf_wait_cqe(ring, &c, (int64_t)TIMEOUT_NS);
}

static int64_t digest(void)
{
	return ukcf_digest(u, UKCF_MECH_SHA2_256, bytes, sizeof(bytes), room,
			   32);
}

static int64_t make_mac(void)
{
	return ukcf_mac(u, MAC, mac, bytes, sizeof(bytes), room, 32);
}

static int64_t mac_verify(void)
{
	return ukcf_mac_verify(u, MAC, mac, bytes, 64, bytes, 32);
}

static int64_t encrypt(void)
{
	return ukcf_encrypt(u, AEAD, aead, nonce, sizeof(nonce), NULL, 0,
			    bytes, 64, room, 80);
}

static int64_t encrypt_nonce(void)
{
	uint8_t made[sizeof(nonce)];

	return ukcf_encrypt_nonce(u, AEAD, aead, made, sizeof(made), NULL, 0,
				  bytes, 64, room, 80);
}

static int64_t decrypt(void)
{
	return ukcf_decrypt(u, AEAD, aead, nonce, sizeof(nonce), NULL, 0,
			    bytes, 64, room, 48);
}

static int64_t make_signature(void)
{
	return ukcf_sign(u, SIGN, sign, bytes, sizeof(bytes), room, 64);
}

static int64_t verify(void)
{
	return ukcf_verify(u, SIGN, sign, bytes, 64, bytes, 64);
}

static int64_t derive(void)
{
	return ukcf_derive(u, KEX, kex, bytes, 32, room, 32);
}

static int64_t make_kdf(void)
{
	return ukcf_kdf(u, KDF, kdf, NULL, 0, bytes, 8, room, 32);
}

static int64_t encrypt_mac(void)
{
	return ukcf_encrypt_mac(u, &dual, NULL, 0, bytes, 16, room,
				sizeof(room));
}

static int64_t mac_decrypt(void)
{
	return ukcf_mac_decrypt(u, &dual, NULL, 0, bytes, 64, room,
				sizeof(room));
}

static int64_t mac_verify_decrypt(void)
{
	return ukcf_mac_verify_decrypt(u, &dual, NULL, 0, bytes, 64, bytes, 32,
				       room, sizeof(room));
}

static int64_t make_random(void)
{
	return ukcf_random(u, room, 32);
}

static int64_t key_generate(void)
{
	struct ukcf_key k;

	return ukcf_key_generate(u, NULL, MAC, UKCF_USE_DEFAULT, 0, &k);
}

static int64_t key_import(void)
{
	struct ukcf_key k;

	return ukcf_key_import(u, NULL, MAC, UKCF_USE_DEFAULT, 0, bytes, 32,
			       &k);
}

static int64_t key_open(void)
{
	struct ukcf_key k;

	return ukcf_key_open(u, "some-name", &k);
}

static int64_t key_public(void)
{
	return ukcf_key_public(u, sign, room, 32);
}

static int64_t key_export(void)
{
	return ukcf_key_export(u, mac, room, 32);
}

static int64_t key_register(void)
{
	return ukcf_key_register(u, local);
}

static int64_t key_destroy(void)
{
	return ukcf_key_destroy(u, kdf);
}

static int64_t key_list(void)
{
	struct ukcf_key_info rows[4];

	return ukcf_key_list(u, rows, 4);
}

static int64_t key_nonces(void)
{
	struct ukcf_key_nonces n;

	return ukcf_key_nonces(u, aead, &n);
}

static int64_t tmpl_create(void)
{
	struct ukcf_key t;

	return ukcf_tmpl_create(u, MAC, mac, 0, &t);
}

static int64_t tmpl_destroy(void)
{
	return ukcf_tmpl_destroy(u, tmpl);
}

/* Its key has to be registered first; so with all that take a key. */
static int64_t prep_mac(void)
{
	struct ukcf_sqe s;

	return ukcf_prep_mac(ring, &s, MAC, local,
			     ukcf_buffer_span(in, 0, 8),
			     ukcf_buffer_span(out, 0, 32));
}

static const struct {
	const char *name;
	int64_t (*call)(void);
} waits[] = {
	{ "ukcf_counts_get", counts_get },
	{ "ukcf_ring_open", ring_open },
	{ "ukcf_buffer_alloc", buffer_alloc },
	{ "ukcf_wait_cqe", wait_cqe },
	{ "ukcf_digest", digest },
	{ "ukcf_mac", make_mac },
	{ "ukcf_mac_verify", mac_verify },
	{ "ukcf_encrypt", encrypt },
	{ "ukcf_encrypt_nonce", encrypt_nonce },
	{ "ukcf_decrypt", decrypt },
	{ "ukcf_sign", make_signature },
	{ "ukcf_verify", verify },
	{ "ukcf_derive", derive },
	{ "ukcf_kdf", make_kdf },
	{ "ukcf_encrypt_mac", encrypt_mac },
	{ "ukcf_mac_decrypt", mac_decrypt },
	{ "ukcf_mac_verify_decrypt", mac_verify_decrypt },
	{ "ukcf_random", make_random },
	{ "ukcf_key_generate", key_generate },
	{ "ukcf_key_import", key_import },
	{ "ukcf_key_open", key_open },
	{ "ukcf_key_public", key_public },
	{ "ukcf_key_export", key_export },
	{ "ukcf_key_register", key_register },
	{ "ukcf_key_destroy", key_destroy },
	{ "ukcf_key_list", key_list },
	{ "ukcf_key_nonces", key_nonces },
	{ "ukcf_tmpl_create", tmpl_create },
	{ "ukcf_tmpl_destroy", tmpl_destroy },
	{ "ukcf_prep_mac", prep_mac },
};

#define N_WAITS (sizeof(waits) / sizeof(waits[0]))

/* -------------------------------------------------------------- the others */

static bool ring_calls_return(void)
{
	struct ukcf_sqe s = { 0 }, *staged = ukcf_get_sqe(ring);
	const struct ukcf_cqe *c;
	bool ok;

	ukcf_prep_nop(&s);
	if (staged)
		ukcf_prep_nop(staged);
	ok = staged && ukcf_submit(ring) == 1;
	ok &= ukcf_submit_sqes(ring, &s, 1) == 1;
	ok &= ukcf_submit_retry(ring, &s) == 0;
	ok &= ukcf_peek_cqe(ring, &c) == -EAGAIN;
	ok &= ukcf_ring_arm(ring) == 0;
	ukcf_fd_clear(u);
	/* One that is there was seen before the daemon was stopped. */
	ok &= ukcf_peek_cqe(idle, &c) == 0;
	ukcf_cqe_seen(idle);
	return ok && ukcf_fd(u) >= 0;
}

static bool page_calls_return(void)
{
	struct ukcf_page_mech m;
	uint32_t id;

	return ukcf_mech_lookup(u, "sha2-256", &id) == 0 &&
	       ukcf_mech_info(u, id, &m) == 0 &&
	       ukcf_mech_list(u, NULL, 0) > 0 &&
	       ukcf_provider_list(u, NULL, 0) > 0 && ukcf_boot_gen(u) != 0;
}

static bool words_return(void)
{
	return ukcf_version() && ukcf_strerror(-EIO) && ukcf_detail_name(1) &&
	       ukcf_event_name(UKCF_EVENT_MANY) && ukcf_last_call();
}

/* Without a module there is none, and its calls are in the caller only. */
static bool stream_calls_return(void)
{
	struct ukcf_stream *s = NULL;
	bool ok = ukcf_stream_open(u, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
				   UKCF_KEY_NONE, &s) == -EOPNOTSUPP;

	if (!stream)
		return ok;
	ok &= ukcf_stream_update(stream, bytes, 8) == 0;
	ok &= ukcf_stream_final(stream, room, 32) == 32;
	ukcf_stream_close(stream);
	return ok;
}

static bool memory_calls_return(void)
{
	struct ukcf_key k;
	bool ok = ukcf_buffer_data(in) && ukcf_buffer_size(in) >= 4096 &&
		  ukcf_buffer_index(in) == ukcf_buffer_span(in, 0, 1).buf;

	return ok && ukcf_key_local(u, MAC, UKCF_USE_DEFAULT, bytes, 32,
				    &k) == 0;
}

/* They tell the daemon, and do not insist that it hears. */
static bool closing_returns(struct ukcf *second)
{
	ukcf_buffer_free(in);
	ukcf_buffer_free(out);
	ukcf_ring_close(ring);
	ukcf_ring_close(idle);
	ukcf_disconnect(u);
	ukcf_disconnect(second);
	return true;
}

/* ---------------------------------------------------------------- the test */

static void too_long(int sig)
{
	static const char words[] = "FAILED: does not return: ";

	(void)sig;
	kill(daemon_pid, SIGCONT);
	if (write(STDOUT_FILENO, words, sizeof(words) - 1) < 0 ||
	    write(STDOUT_FILENO, at, strlen(at)) < 0 ||
	    write(STDOUT_FILENO, "\n", 1) < 0)
		_exit(99);
	_exit(1);
}

static void go_on(void)
{
	kill(daemon_pid, SIGCONT);
}

static void make_keys(void)
{
	const uint32_t use = UKCF_USE_DEFAULT;

	if (ukcf_key_generate(u, NULL, MAC, use, 0, &mac) ||
	    ukcf_key_generate(u, NULL, AEAD, use, 0, &aead) ||
	    ukcf_key_generate(u, NULL, SIGN, use, 0, &sign) ||
	    ukcf_key_generate(u, NULL, KEX, use, 0, &kex) ||
	    ukcf_key_generate(u, NULL, KDF, use, 0, &kdf) ||
	    ukcf_key_local(u, MAC, use, bytes, 32, &local) ||
	    ukcf_tmpl_create(u, MAC, mac, 0, &tmpl))
		check_bail("no keys");
	dual = (struct ukcf_dual){ .cipher = AEAD, .mac = MAC,
				   .cipher_key = aead, .mac_key = mac,
				   .nonce = nonce, .nonce_len = sizeof(nonce) };
}

static void open_all(void)
{
	struct ukcf_sqe s = { 0 };

	ukcf_prep_nop(&s);
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(u, 8, &ring) || ukcf_ring_open(u, 8, &idle) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_INPUT, 4096, &in) ||
	    ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, 4096, &out))
		check_bail("no ring");
	make_keys();
	if (ukcf_submit_sqes(idle, &s, 1) != 1)
		check_bail("no entry");
	while (ukcf_ring_arm(idle) == 0)
		probe_pause(); /* until its result is there */
	if (ukcf_set_timeout(u, TIMEOUT_NS))
		check_bail("no deadline");
}

static void stop_daemon(void)
{
	daemon_pid = probe_pid();
	atexit(go_on);
	signal(SIGALRM, too_long);
	alarm(ALARM_S);
	if (kill(daemon_pid, SIGSTOP) < 0)
		check_bail("the daemon cannot be stopped: %m");
	while (!probe_stopped(daemon_pid))
		probe_pause();
}

/* Several at a time: none waits for its turn longer than for the daemon. */
static void *ask_too(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)(ring_open() == -ETIMEDOUT);
}

static bool all_ask_at_once(void)
{
	pthread_t threads[8];
	intptr_t good = 0;
	void *ok;

	for (unsigned int i = 0; i < 8; i++)
		if (pthread_create(&threads[i], NULL, ask_too, NULL))
			check_bail("no thread");
	for (unsigned int i = 0; i < 8; i++) {
		pthread_join(threads[i], &ok);
		good += (intptr_t)ok;
	}
	return good == 8;
}

static bool connect_returns(void)
{
	struct ukcf *v;

	return ukcf_connect(&v, NULL, 0) == -ETIMEDOUT;
}

int main(void)
{
	struct ukcf *second = NULL;
	int64_t res;

	open_all();
	/* A stream is made where modules may be loaded, and used later. */
	if (ukcf_connect(&second, NULL, 0) == 0 &&
	    ukcf_stream_open(second, UKCF_OP_DIGEST, UKCF_MECH_SHA2_256,
			     UKCF_KEY_NONE, &stream))
		stream = NULL;
	stop_daemon();
	for (unsigned int i = 0; i < N_WAITS; i++) {
		at = waits[i].name;
		res = waits[i].call();
		check(res == -ETIMEDOUT, "%s: %s", at, ukcf_strerror(res));
	}
	at = "several threads";
	check(all_ask_at_once(), "%s that ask at once", at);
	at = "calls of a ring";
	check(ring_calls_return(), "%s return at once", at);
	at = "calls that look at the page";
	check(page_calls_return(), "%s return at once", at);
	at = "words";
	check(words_return(), "%s are there", at);
	at = "streams";
	check(stream_calls_return(), "%s go on in the caller", at);
	at = "memory and local keys";
	check(memory_calls_return(), "%s need no daemon", at);
	at = "ukcf_connect";
	check(connect_returns(), "%s: the deadline passed", at);
	at = "closing";
	check(closing_returns(second), "%s returns", at);
	at = "the end";
	go_on();
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER))
		check_bail("it does not go on");
	check(digest() == 32, "a daemon that goes on serves as before");
	ukcf_disconnect(u);
	return check_done();
}

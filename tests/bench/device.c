/* SPDX-License-Identifier: MIT */
#include "tests/bench/device.h"

#include <errno.h>
#include <stdio.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/cipher.h"
#include "tests/bench/session.h"
#include "tests/bench/stat.h"

#define MECH UKCF_MECH_AES_256_CBC
#define LEN_MAX (64u << 10)
#define DEPTH_MAX 32u
#define ROUNDS_MAX 15u
#define PROVIDERS_MAX 16

const uint32_t device_sizes[DEVICE_SIZES] = { 256, 1024, 4096, 16384, LEN_MAX };
const unsigned int device_depths[DEVICE_DEPTHS] = { 1, DEPTH_MAX };

struct asker {
	struct session s;
	struct ukcf_key key, own;
	uint16_t id[DEVICE_KINDS]; /* of providers; 0: there is none */
};

/* The first of each kind that has the mechanism. */
static int find(struct asker *a, struct devices *d)
{
	struct ukcf_page_provider rows[PROVIDERS_MAX];
	struct ukcf_page_mech info = { 0 };
	int n = ukcf_provider_list(a->s.u, rows, PROVIDERS_MAX);

	if (n < 0)
		return n;
	if (ukcf_mech_info(a->s.u, MECH, &info) < 0)
		return 0;
	for (int i = 0; i < n && i < PROVIDERS_MAX; i++) {
		enum device_kind k = rows[i].kind == UKCF_PROVIDER_HARDWARE ?
					     DEVICE_HARDWARE :
					     DEVICE_SOFTWARE;

		if (a->id[k] || !(info.providers >> rows[i].id & 1))
			continue;
		a->id[k] = rows[i].id;
		snprintf(d->name[k], sizeof(d->name[k]), "%.31s", rows[i].name);
	}
	a->id[DEVICE_SHARED] = a->id[DEVICE_HARDWARE];
	snprintf(d->name[DEVICE_SHARED], sizeof(d->name[DEVICE_SHARED]),
		 "%.31s, own key", d->name[DEVICE_HARDWARE]);
	return 0;
}

static int ask(struct asker *a, enum device_kind k, unsigned int slot,
	       uint32_t len)
{
	static const uint8_t iv[16];
	struct ukcf_sqe *sqe = ukcf_get_sqe(a->s.ring);
	size_t at = (size_t)slot * LEN_MAX;
	int rc;

	if (!sqe)
		return -ENOSPC;
	rc = ukcf_prep_encrypt(a->s.ring, sqe, MECH,
			       k == DEVICE_SHARED ? a->own : a->key, iv,
			       sizeof(iv), UKCF_SPAN_NONE,
			       ukcf_buffer_span(a->s.in, at, len),
			       ukcf_buffer_span(a->s.out, at, len));
	if (rc)
		return rc;
	sqe->user_data = slot;
	sqe->provider = a->id[k];
	rc = ukcf_submit(a->s.ring);
	return rc < 0 ? rc : 0;
}

/* n of them, depth in flight. */
static int run(struct asker *a, enum device_kind k, uint32_t len,
	       unsigned int depth, unsigned int n)
{
	unsigned int sent = 0, done = 0;
	struct ukcf_cqe c;
	int rc = 0;

	for (; !rc && sent < depth && sent < n; sent++)
		rc = ask(a, k, sent, len);
	for (; !rc && done < n; done++) {
		rc = session_answer(&a->s, &c);
		if (!rc && sent < n) {
			rc = ask(a, k, (unsigned int)c.user_data, len);
			sent++;
		}
	}
	return rc;
}

/* ns: of one, by kind */
static int measure(struct asker *a, uint32_t len, unsigned int depth,
		   unsigned int rounds, double ns[DEVICE_KINDS])
{
	double v[DEVICE_KINDS][ROUNDS_MAX];
	unsigned int n = 4 * depth;
	int rc = 0;

	for (unsigned int k = 0; !rc && k < DEVICE_KINDS; k++)
		rc = run(a, k, len, depth, n); /* everybody wakes up */
	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int k = 0; !rc && k < DEVICE_KINDS; k++) {
			uint64_t begin = clock_ns();

			rc = run(a, k, len, depth, n);
			v[k][i] = (double)(clock_ns() - begin) / n;
		}
	for (unsigned int k = 0; !rc && k < DEVICE_KINDS; k++)
		ns[k] = median(v[k], rounds);
	return rc;
}

static int measure_all(struct asker *a, struct devices *d, unsigned int rounds)
{
	double ns[DEVICE_KINDS];
	int rc = 0;

	for (unsigned int i = 0; i < DEVICE_SIZES; i++)
		for (unsigned int j = 0; !rc && j < DEVICE_DEPTHS; j++) {
			rc = measure(a, device_sizes[i], device_depths[j],
				     rounds, ns);
			for (unsigned int k = 0; !rc && k < DEVICE_KINDS; k++)
				d->ns[k][i][j] = ns[k];
		}
	return rc;
}

static int make_keys(struct asker *a)
{
	int err = ukcf_key_import(a->s.u, NULL, MECH, UKCF_USE_DEFAULT, 0,
				  cipher_key(), 32, &a->key);

	return err ? err : ukcf_key_local(a->s.u, MECH, UKCF_USE_DEFAULT,
					  cipher_key(), 32, &a->own);
}

int devices_measure(struct devices *d, bool quick)
{
	struct asker a = { .id = { 0 } };
	int err = session_open(&a.s, DEPTH_MAX, DEPTH_MAX * LEN_MAX,
			       DEPTH_MAX * LEN_MAX);

	if (!err)
		err = find(&a, d);
	if (!err && !a.id[DEVICE_HARDWARE])
		d->missing = "no device that has aes-256-cbc is in use";
	else if (!err && !a.id[DEVICE_SOFTWARE])
		d->missing = "no software has aes-256-cbc";
	if (!err && !d->missing)
		err = make_keys(&a);
	if (!err && !d->missing)
		err = measure_all(&a, d, quick ? 3 : ROUNDS_MAX);
	session_close(&a.s);
	if (err)
		fprintf(stderr, "ukcf-bench: device and software: %s\n",
			ukcf_strerror(err));
	return err;
}

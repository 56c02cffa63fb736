/* SPDX-License-Identifier: MIT */
/* See call.h. */
#include <errno.h>
#include <string.h>

#include "tests/kat/call.h"

#define POISON 0xa5
#define WAIT_NS INT64_C(30000000000)

/* Where the parts of a request lie in the input buffer. */
#define AAD_OFF CALL_OUT_MAX
#define TAG_OFF (2 * CALL_OUT_MAX)
#define IN_SIZE (3 * CALL_OUT_MAX)

static struct ukcf *conn[KAT_PATHS];
static struct ukcf_ring *ring;
static struct ukcf_buffer *in_buf, *out_buf;
static uint8_t before[CALL_OUT_MAX];
static uint8_t out[CALL_OUT_MAX];
static char unavailable[96];
static uint16_t provider; /* sqe.provider */

struct ukcf *call_connection(enum kat_path path)
{
	return conn[path];
}

const char *call_unavailable(enum kat_path path)
{
	return path == KAT_CALLER && unavailable[0] ? unavailable : NULL;
}

int call_ask(const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(conn[KAT_RING], rows,
				   UKCF_PAGE_PROVIDERS_MAX);

	for (int i = 0; i < n; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		provider = rows[i].id;
		snprintf(unavailable, sizeof(unavailable),
			 "a call in the caller cannot ask for a provider");
		return 0;
	}
	return -ENODEV;
}

uint16_t call_provider(void)
{
	return provider;
}

static const char *reason_text(uint16_t reason)
{
	static const char *const words[] = {
		[UKCF_REASON_NONE] = "no reason given",
		[UKCF_REASON_KEY] = "the daemon holds the key",
		[UKCF_REASON_OP] = "an operation of the daemon",
		[UKCF_REASON_NO_MODULE] = "no module offers it",
		[UKCF_REASON_REFUSED] = "modules were refused",
		[UKCF_REASON_UNTRUSTED] = "the peer may not give us code",
		[UKCF_REASON_LOAD] = "the module could not be loaded",
		[UKCF_REASON_PAGE] = "the page was being written",
	};

	return reason <= UKCF_REASON_PAGE ? words[reason] : "unknown reason";
}

/* Is there a path in the caller at all? */
static void look_for_caller(void)
{
	const struct ukcf_call *last;
	uint8_t md[32];

	if (ukcf_digest(conn[KAT_CALLER], UKCF_MECH_SHA2_256, NULL, 0, md,
			sizeof(md)) == sizeof(md) &&
	    ukcf_last_call()->where == UKCF_WHERE_CALLER)
		return;
	last = ukcf_last_call();
	snprintf(unavailable, sizeof(unavailable),
		 "nothing runs in the caller: %s", reason_text(last->reason));
}

int call_open(void)
{
	int err = ukcf_connect(&conn[KAT_CALLER], NULL, 0);

	if (!err)
		err = ukcf_connect(&conn[KAT_RING], NULL,
				   UKCF_CONNECT_NO_CALLER);
	if (!err)
		err = ukcf_ring_open(conn[KAT_RING], 4, &ring);
	if (!err)
		err = ukcf_buffer_alloc(conn[KAT_RING], UKCF_BUFFER_INPUT,
					IN_SIZE, &in_buf);
	if (!err)
		err = ukcf_buffer_alloc(conn[KAT_RING], UKCF_BUFFER_OUTPUT,
					CALL_OUT_MAX, &out_buf);
	if (!err)
		look_for_caller();
	return err;
}

void call_close(void)
{
	ukcf_disconnect(conn[KAT_RING]);
	ukcf_disconnect(conn[KAT_CALLER]);
}

/* ------------------------------------------------------------- by a ring */

static struct ukcf_span put(size_t off, const struct kat_bytes *b)
{
	if (b->len == 0)
		return UKCF_SPAN_NONE;
	memcpy((uint8_t *)ukcf_buffer_data(in_buf) + off, b->data, b->len);
	return ukcf_buffer_span(in_buf, off, b->len);
}

static struct ukcf_span out_span(size_t len)
{
	return len ? ukcf_buffer_span(out_buf, 0, len) : UKCF_SPAN_NONE;
}

static int prepare(const struct call *c, struct ukcf_sqe *sqe)
{
	struct ukcf_span in = put(0, &c->in), aad = put(AAD_OFF, &c->aad);
	struct ukcf_span tag = put(TAG_OFF, &c->tag), o = out_span(c->out_len);

	switch (c->op) {
	case UKCF_OP_DIGEST:
		return ukcf_prep_digest(sqe, c->mech, in, o);
	case UKCF_OP_MAC:
		return ukcf_prep_mac(ring, sqe, c->mech, c->key, in, o);
	case UKCF_OP_MAC_VERIFY:
		return ukcf_prep_mac_verify(ring, sqe, c->mech, c->key, in,
					    tag);
	case UKCF_OP_ENCRYPT:
		return ukcf_prep_encrypt(ring, sqe, c->mech, c->key,
					 c->nonce.data, c->nonce.len, aad, in,
					 o);
	case UKCF_OP_DECRYPT:
		return ukcf_prep_decrypt(ring, sqe, c->mech, c->key,
					 c->nonce.data, c->nonce.len, aad, in,
					 o);
	case UKCF_OP_SIGN:
		return ukcf_prep_sign(ring, sqe, c->mech, c->key, in, o);
	case UKCF_OP_VERIFY:
		return ukcf_prep_verify(ring, sqe, c->mech, c->key, in, tag);
	case UKCF_OP_DERIVE:
		if (c->kdf)
			return ukcf_prep_kdf(ring, sqe, c->mech, c->key, in,
					     aad, o);
		return ukcf_prep_derive(ring, sqe, c->mech, c->key, in, o);
	case UKCF_OP_RANDOM:
		return ukcf_prep_random(sqe, o);
	default:
		return -EOPNOTSUPP;
	}
}

static int submit_and_wait(struct answer *a, uint64_t user_data)
{
	const struct ukcf_cqe *cqe;
	int rc = ukcf_submit(ring);

	if (rc != 1)
		return rc < 0 ? rc : -EAGAIN;
	rc = ukcf_wait_cqe(ring, &cqe, WAIT_NS);
	if (rc)
		return rc;
	a->res = cqe->res;
	a->detail = cqe->detail;
	rc = cqe->user_data == user_data ? 0 : -EPROTO;
	ukcf_cqe_seen(ring);
	return rc;
}

static void ring_call(const struct call *c, struct answer *a)
{
	static uint64_t serial;
	struct ukcf_sqe *sqe = ukcf_get_sqe(ring);
	int err;

	a->right_place = true;
	if (!sqe) {
		a->res = -EAGAIN;
		return;
	}
	err = prepare(c, sqe);
	if (err) {
		/* The entry is staged already: let it do nothing. */
		ukcf_prep_nop(sqe);
		sqe->user_data = ++serial;
		a->res = submit_and_wait(a, serial) ? -EIO : err;
		a->in_library = true;
		return;
	}
	if (c->tag_len)
		sqe->tag_len = (uint8_t)c->tag_len;
	if (c->op != UKCF_OP_RANDOM) /* which only fills the output */
		sqe->provider = provider;
	sqe->user_data = ++serial;
	err = submit_and_wait(a, serial);
	if (err)
		a->res = err;
}

/* Only the daemon can write the output buffer: have it fill it. */
static int fill_output(size_t len)
{
	struct call c = { .op = UKCF_OP_RANDOM, .out_len = len };
	struct answer a = { 0 };

	if (len == 0)
		return 0;
	ring_call(&c, &a);
	memcpy(before, ukcf_buffer_data(out_buf), len);
	return a.res == (int64_t)len ? 0 : -EIO;
}

static void do_ring(const struct call *c, struct answer *a)
{
	int err = fill_output(c->out_len);

	if (err) {
		a->res = err;
		return;
	}
	ring_call(c, a);
	memcpy(out, ukcf_buffer_data(out_buf), c->out_len);
	a->withheld = memcmp(out, before, c->out_len) == 0;
	a->out = out;
}

/* --------------------------------------------------------- in the caller */

static int64_t caller_call(const struct call *c)
{
	struct ukcf *u = conn[KAT_CALLER];
	uint8_t *o = c->out_len ? out : NULL;

	switch (c->op) {
	case UKCF_OP_DIGEST:
		return ukcf_digest(u, c->mech, c->in.data, c->in.len, o,
				   c->out_len);
	case UKCF_OP_MAC:
		return ukcf_mac(u, c->mech, c->key, c->in.data, c->in.len, o,
				c->out_len);
	case UKCF_OP_MAC_VERIFY:
		return ukcf_mac_verify(u, c->mech, c->key, c->in.data,
				       c->in.len, c->tag.data, c->tag.len);
	case UKCF_OP_ENCRYPT:
		return ukcf_encrypt(u, c->mech, c->key, c->nonce.data,
				    c->nonce.len, c->aad.data, c->aad.len,
				    c->in.data, c->in.len, o, c->out_len);
	case UKCF_OP_DECRYPT:
		return ukcf_decrypt(u, c->mech, c->key, c->nonce.data,
				    c->nonce.len, c->aad.data, c->aad.len,
				    c->in.data, c->in.len, o, c->out_len);
	case UKCF_OP_SIGN:
		return ukcf_sign(u, c->mech, c->key, c->in.data, c->in.len, o,
				 c->out_len);
	case UKCF_OP_VERIFY:
		return ukcf_verify(u, c->mech, c->key, c->in.data, c->in.len,
				   c->tag.data, c->tag.len);
	case UKCF_OP_DERIVE:
		if (c->kdf)
			return ukcf_kdf(u, c->mech, c->key, c->in.data,
					c->in.len, c->aad.data, c->aad.len, o,
					c->out_len);
		return ukcf_derive(u, c->mech, c->key, c->in.data, c->in.len,
				   o, c->out_len);
	default:
		return -EOPNOTSUPP;
	}
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void do_caller(const struct call *c, struct answer *a)
{
	const struct ukcf_call *last;

	memset(out, POISON, c->out_len);
	a->res = caller_call(c);
	last = ukcf_last_call();
	a->detail = last->detail;
	a->in_library = last->where == UKCF_WHERE_NONE;
	a->right_place = last->where == UKCF_WHERE_CALLER ||
			 (a->in_library && a->res < 0);
	if (!a->right_place)
		snprintf(a->place, sizeof(a->place), "ran on a ring: %s",
			 reason_text(last->reason));
	a->withheld = all_zero(out, c->out_len);
	a->out = out;
}

void call_do(enum kat_path path, const struct call *c, struct answer *a)
{
	*a = (struct answer){ .right_place = true };
	if (c->in.len > CALL_OUT_MAX || c->aad.len > CALL_OUT_MAX ||
	    c->tag.len > CALL_OUT_MAX || c->out_len > CALL_OUT_MAX) {
		a->res = -EMSGSIZE;
		return;
	}
	if (path == KAT_RING)
		do_ring(c, a);
	else
		do_caller(c, a);
}

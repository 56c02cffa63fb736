/* SPDX-License-Identifier: MIT */
/*
 * Every mechanism that is offered, with sizes around its limits that no honest
 * consumer sends: over a ring and in the caller.  libsodium aborts the process
 * on some of them, so none may reach it: each request gets one answer, that is
 * one of those that sizes can have, and the daemon is the same process after
 * all of them.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/probe.h"

#define MECHS_MAX 512u
#define ROOM 4096u
#define BATCH 32u
#define WAIT_NS INT64_C(20000000000)

static struct ukcf *ring_conn, *caller;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in_buf, *out_buf;
static unsigned long asked, done, strange;

/* ------------------------------------------------------------- which sizes */

struct set {
	uint32_t at[40];
	unsigned int n;
};

/* Around n, and nothing that an input has no room for. */
static void around(struct set *s, uint64_t n)
{
	for (int d = -1; d <= 1; d++) {
		uint64_t v = n + (uint64_t)(int64_t)d;
		bool known = v > ROOM || s->n == 40;

		for (unsigned int i = 0; i < s->n; i++)
			known = known || s->at[i] == v;
		if (!known)
			s->at[s->n++] = (uint32_t)v;
	}
}

static struct set sizes_of(const uint64_t *v, unsigned int n)
{
	struct set s = { .n = 0 };

	for (unsigned int i = 0; i < n; i++)
		around(&s, v[i]);
	return s;
}

/* -------------------------------------------------------------- the answer */

/* What a size, or what it makes of a request, can come to.  -EIO is none: then
 * a provider saw what it should not. */
static bool is_of_sizes(int64_t res)
{
	switch (res) {
	case -EINVAL:
	case -EBADMSG:
	case -EMSGSIZE:
	case -ENOBUFS:
	case -EKEYREJECTED:
	case -EOPNOTSUPP:
		return true;
	default:
		return res >= 0 && res <= (int64_t)ROOM;
	}
}

static void judge(const char *path, const char *mech, uint32_t op,
		  const struct ukcf_sqe *s, int64_t res)
{
	asked++;
	done += res >= 0;
	if (is_of_sizes(res) || strange++ > 9)
		return;
	note("%s: %s op %u, in %u out %u aux %u tag %u/%u nonce %u: %lld", path,
	     mech, op, s->in.len, s->out.len, s->aux.len, s->tag.len,
	     s->tag_len, s->param_len, (long long)res);
}

/* ------------------------------------------------------------ the two ways */

static struct ukcf_sqe batch[BATCH];
static const char *batch_mech;
static unsigned int batched;

static void flush(void)
{
	const struct ukcf_cqe *cqe;
	unsigned int n = batched;

	if (n && ukcf_submit_sqes(ring, batch, n) != (int)n)
		check_bail("the ring is full");
	for (; n > 0; n--) {
		int rc = ukcf_wait_cqe(ring, &cqe, WAIT_NS);

		if (rc)
			check_bail("no answer: %s", ukcf_strerror(rc));
		if (cqe->user_data >= batched)
			check_bail("an answer to nothing");
		judge("ring", batch_mech, batch[cqe->user_data].op,
		      &batch[cqe->user_data], cqe->res);
		ukcf_cqe_seen(ring);
	}
	batched = 0;
}

static void over_ring(const struct ukcf_sqe *s, const char *mech)
{
	batch_mech = mech;
	batch[batched] = *s;
	batch[batched].user_data = batched;
	if (++batched == BATCH)
		flush();
}

static void in_caller(const struct ukcf_sqe *s, struct ukcf_key k,
		      const char *mech)
{
	static uint8_t in[ROOM + 1], out[ROOM + 1], aux[ROOM + 1] = { 1 };
	static const uint8_t param[UKCF_PARAM_MAX];
	const uint32_t m = s->mech[0];
	int64_t res;

	memcpy(aux, ukcf_buffer_data(in_buf), 8);
	switch (s->op) {
	case UKCF_OP_DIGEST:
		res = ukcf_digest(caller, m, in, s->in.len, out, s->out.len);
		break;
	case UKCF_OP_MAC:
		res = ukcf_mac(caller, m, k, in, s->in.len, out, s->out.len);
		break;
	case UKCF_OP_MAC_VERIFY:
		res = ukcf_mac_verify(caller, m, k, in, s->in.len, aux,
				      s->tag.len);
		break;
	case UKCF_OP_ENCRYPT:
		res = ukcf_encrypt(caller, m, k, param, s->param_len, aux,
				   s->aux.len, in, s->in.len, out, s->out.len);
		break;
	case UKCF_OP_DECRYPT:
		res = ukcf_decrypt(caller, m, k, param, s->param_len, aux,
				   s->aux.len, in, s->in.len, out, s->out.len);
		break;
	case UKCF_OP_SIGN:
		res = ukcf_sign(caller, m, k, in, s->in.len, out, s->out.len);
		break;
	case UKCF_OP_VERIFY:
		res = ukcf_verify(caller, m, k, in, s->in.len, aux, s->tag.len);
		break;
	default:
		res = UKCF_MECH_CLASS(m) == UKCF_CLASS_KDF ?
			      ukcf_kdf(caller, m, k, in, s->in.len, aux,
				       s->aux.len, out, s->out.len) :
			      ukcf_derive(caller, m, k, in, s->in.len, out,
					  s->out.len);
		break;
	}
	judge("caller", mech, s->op, s, res);
}

/* ----------------------------------------------------------------- the walk */

struct walk {
	const struct ukcf_page_mech *m;
	uint32_t op;
	struct ukcf_key held, local;
	struct set in, out, aux, tag, tag_len, param;
};

static bool takes(uint32_t op, uint32_t what)
{
	static const uint32_t takers[] = {
		/* out, aux, tag, param */
		1u << UKCF_OP_DIGEST | 1u << UKCF_OP_MAC |
			1u << UKCF_OP_ENCRYPT | 1u << UKCF_OP_DECRYPT |
			1u << UKCF_OP_SIGN | 1u << UKCF_OP_DERIVE,
		1u << UKCF_OP_ENCRYPT | 1u << UKCF_OP_DECRYPT |
			1u << UKCF_OP_DERIVE,
		1u << UKCF_OP_MAC_VERIFY | 1u << UKCF_OP_VERIFY,
		1u << UKCF_OP_ENCRYPT | 1u << UKCF_OP_DECRYPT,
	};

	return takers[what] >> op & 1;
}

static struct set only(uint32_t v)
{
	return (struct set){ .at = { v }, .n = 1 };
}

static void choose_sizes(struct walk *w)
{
	const struct ukcf_page_mech *m = w->m;
	const uint64_t make = (uint64_t)m->tag_max + m->growth + m->padding;
	const uint64_t in[] = { 0, 16, 64, 128, make, m->in_min + make,
				m->pub_len, m->data_max };
	const uint64_t out[] = { 0, 16, 64, m->out_len, m->tag_min,
				 64 + make, m->data_max };
	const uint64_t aux[] = { 0, 8, m->aad_max };
	const uint64_t tag[] = { 0, m->tag_min, m->tag_max, m->out_len };
	const uint64_t tag_len[] = { 1, m->tag_min, m->tag_max, 254 };
	const uint64_t param[] = { 1, m->nonce_len, UKCF_PARAM_MAX - 1 };

	w->in = sizes_of(in, 8);
	w->out = takes(w->op, 0) ? sizes_of(out, 7) : only(0);
	w->aux = takes(w->op, 1) ? sizes_of(aux, 3) : only(0);
	w->tag = takes(w->op, 2) ? sizes_of(tag, 4) : only(0);
	w->tag_len = sizes_of(tag_len, 4);
	w->param = takes(w->op, 3) ? sizes_of(param, 3) : only(0);
}

static struct ukcf_sqe request(const struct walk *w)
{
	struct ukcf_sqe s = { .op = (uint8_t)w->op, .mech = { w->m->id } };

	s.obj[0] = w->held.id;
	for (unsigned int i = 0; i < 4; i++)
		s.buf[i] = ukcf_buffer_index(i == UKCF_RANGE_OUT ? out_buf :
								   in_buf);
	return s;
}

/* One dimension at a time beside the input's and the output's: what is wrong
 * in two ways is refused for the first. */
static void ask(const struct walk *w, uint32_t in, uint32_t out, uint32_t aux,
		uint32_t tag, uint32_t tag_len, uint32_t param)
{
	struct ukcf_sqe s = request(w);

	s.in.len = in;
	s.out.len = out;
	s.aux.len = aux;
	s.tag.len = tag;
	s.tag_len = (uint8_t)tag_len;
	s.param_len = (uint8_t)param;
	over_ring(&s, w->m->name);
	if (s.tag_len == 0 && (!w->held.id || w->local.id))
		in_caller(&s, w->local, w->m->name);
}

static void walk_op(struct walk *w)
{
	const uint32_t right_tag = takes(w->op, 2) ? w->m->out_len : 0;
	const uint32_t right_param = takes(w->op, 3) ? w->m->nonce_len : 0;
	const uint32_t right_aux = w->op == UKCF_OP_DERIVE &&
						   w->m->aad_max == 8 ?
					   8 :
					   0;

	choose_sizes(w);
	for (unsigned int i = 0; i < w->in.n; i++)
		for (unsigned int o = 0; o < w->out.n; o++) {
			const uint32_t in = w->in.at[i], out = w->out.at[o];

			for (unsigned int k = 0; k < w->aux.n; k++)
				ask(w, in, out, w->aux.at[k], right_tag, 0,
				    right_param);
			for (unsigned int k = 0; k < w->tag.n; k++)
				ask(w, in, out, right_aux, w->tag.at[k], 0,
				    right_param);
			for (unsigned int k = 0; k < w->tag_len.n; k++)
				ask(w, in, out, right_aux, right_tag,
				    w->tag_len.at[k], right_param);
			for (unsigned int k = 0; k < w->param.n; k++)
				ask(w, in, out, right_aux, right_tag, 0,
				    w->param.at[k]);
		}
	flush();
}

/* Keys of every size around the limits; the right ones stay. */
static bool make_keys(struct walk *w)
{
	static const uint8_t bytes[ROOM + 1] = { 1 };
	const uint64_t around_key[] = { w->m->key_min, w->m->key_max, 0 };
	const struct set s = sizes_of(around_key, 3);
	struct ukcf_key k;

	for (unsigned int i = 0; i < s.n; i++) {
		const uint32_t n = s.at[i];
		bool fits = n >= w->m->key_min && n <= w->m->key_max;
		int rc = ukcf_key_import(ring_conn, NULL, w->m->id, 0, 0,
					 bytes, n, &k);

		if (rc == 0)
			rc = ukcf_key_destroy(ring_conn, k);
		if ((rc == 0) != fits || (rc && rc != -EKEYREJECTED))
			check(false, "%s: a key of %u bytes: %s", w->m->name, n,
			      ukcf_strerror(rc));
	}
	return ukcf_key_generate(ring_conn, NULL, w->m->id, 0, 0, &w->held) ==
		       0 &&
	       ukcf_key_local(caller, w->m->id, 0, bytes, w->m->key_max,
			      &w->local) == 0;
}

static void walk_mech(const struct ukcf_page_mech *m)
{
	struct walk w = { .m = m };
	uint32_t class_ = UKCF_MECH_CLASS(m->id);

	/* Keys of RSA have a form; of curves, values that are none. */
	if ((m->flags & UKCF_PAGE_MECH_BY_KEY) || m->pub_len > 32)
		return;
	if (m->key_max && !make_keys(&w)) {
		check(false, "%s: no key: %s", m->name,
		      ukcf_detail_name(ukcf_last_call()->detail));
		return;
	}
	for (w.op = UKCF_OP_DIGEST; w.op <= UKCF_OP_DERIVE; w.op++)
		if (m->ops >> w.op & 1)
			walk_op(&w);
	if (w.held.id && ukcf_key_destroy(ring_conn, w.held))
		check(false, "%s: the key can be destroyed", m->name);
	if (class_ == UKCF_CLASS_RNG)
		note("random: has no sizes but one");
}

static void connect_both(void)
{
	int rc = ukcf_connect(&ring_conn, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_connect(&caller, NULL, 0);
	if (!rc)
		rc = ukcf_ring_open(ring_conn, BATCH, &ring);
	if (!rc)
		rc = ukcf_buffer_alloc(ring_conn, UKCF_BUFFER_INPUT, ROOM,
				       &in_buf);
	if (!rc)
		rc = ukcf_buffer_alloc(ring_conn, UKCF_BUFFER_OUTPUT, ROOM,
				       &out_buf);
	if (rc)
		check_bail("no daemon: %s", ukcf_strerror(rc));
}

int main(void)
{
	/* what argon2id is to cost; to all others they are bytes */
	static const uint8_t cost[8] = { 1, 0, 0, 0, 8, 0, 0, 0 };
	static struct ukcf_page_mech mechs[MECHS_MAX];
	unsigned int walked = 0;
	pid_t pid;
	int n;

	connect_both();
	pid = probe_pid();
	memcpy(ukcf_buffer_data(in_buf), cost, sizeof(cost));
	n = ukcf_mech_list(caller, mechs, MECHS_MAX);
	for (int i = 0; i < n && i < (int)MECHS_MAX; i++) {
		walk_mech(&mechs[i]);
		walked++;
	}
	check(walked > 20 && done > 1000, "%u mechanisms, %lu requests, %lu of "
	      "them done", walked, asked, done);
	check(strange == 0, "every answer is one that sizes can have");
	check(probe_pid() == pid, "the daemon is the same process");
	ukcf_disconnect(caller);
	ukcf_disconnect(ring_conn);
	return check_done();
}

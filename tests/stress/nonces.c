/* SPDX-License-Identifier: MIT */
/*
 * Nonces that the daemon chooses: what is refused, and that none comes twice
 * under a key while the daemon is killed (kill -9) again and again with
 * requests in flight.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"
#include "tests/support/probe.h"

#define DEPTH 32u
#define MSG 48u
#define TAG 16u
#define COUNTED 12u
#define RANDOM 24u
#define OUT 96u /* bytes of output per request: 48 + 16 + 24 and some */
#define KILLS 10u
#define WAIT_NS INT64_C(20000000000)

struct seen {
	uint8_t nonce[RANDOM];
};

struct run {
	struct ukcf *u;
	struct ukcf_ring *r;
	struct ukcf_buffer *in, *out;
	uint32_t mech;
	struct ukcf_key key;
	size_t len; /* of a nonce */
	struct seen *seen;
	uint64_t n, wanted, sent, in_flight, replayed;
};

/* --------------------------------------------------------- the judgement */

static int order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seen));
}

/* Return: nonces that were there before. */
static uint64_t repeated(struct seen *s, uint64_t n)
{
	uint64_t twice = 0;

	qsort(s, n, sizeof(*s), order);
	for (uint64_t i = 1; i < n; i++)
		twice += memcmp(&s[i - 1], &s[i], sizeof(*s)) == 0;
	return twice;
}

static void control(void)
{
	struct seen s[5] = { { { 1 } }, { { 2 } }, { { 3 } }, { { 2 } },
			     { { 4 } } };

	check(repeated(s, 5) == 1, "control: a nonce that comes twice is found");
}

/* ------------------------------------------------------------- under fire */

static void send_one(struct run *t, unsigned int slot)
{
	struct ukcf_span in = ukcf_buffer_span(t->in, slot * MSG, MSG);
	struct ukcf_span out = ukcf_buffer_span(t->out, slot * OUT,
						MSG + TAG + t->len);
	struct ukcf_sqe *sqe = ukcf_get_sqe(t->r);
	int rc;

	if (!sqe)
		check_bail("the ring is full");
	rc = ukcf_prep_encrypt_nonce(t->r, sqe, t->mech, t->key,
				     UKCF_SPAN_NONE, in, out);
	if (rc)
		check_bail("prep: %s", ukcf_strerror(rc));
	/* Half of them wait in a queue when the daemon dies. */
	if (slot % 2)
		sqe->flags |= UKCF_SQE_QUEUE;
	sqe->user_data = slot;
	t->sent++;
	t->in_flight++;
}

/* It opens with the nonce that came with it. */
static bool opens(const struct run *t, unsigned int slot)
{
	const uint8_t *out = ukcf_buffer_data(t->out);
	const uint8_t *in = ukcf_buffer_data(t->in);
	uint8_t plain[MSG];

	out += slot * OUT;
	return ukcf_decrypt(t->u, t->mech, t->key, out + MSG + TAG, t->len,
			    NULL, 0, out, MSG + TAG, plain, MSG) == MSG &&
	       memcmp(plain, in + slot * MSG, MSG) == 0;
}

static bool take(struct run *t, const struct ukcf_cqe *cqe)
{
	unsigned int slot = (unsigned int)cqe->user_data;
	const uint8_t *out = ukcf_buffer_data(t->out);
	int64_t want = (int64_t)(MSG + TAG + t->len);

	if ((cqe->flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT) {
		ukcf_cqe_seen(t->r);
		return true;
	}
	t->in_flight--;
	t->replayed += (cqe->flags & UKCF_CQE_F_REPLAYED) != 0;
	if (cqe->res != want)
		return check(false, "request has res %lld (%s), not %lld",
			     (long long)cqe->res,
			     ukcf_detail_name(cqe->detail), (long long)want);
	memcpy(t->seen[t->n].nonce, out + slot * OUT + MSG + TAG, t->len);
	t->n++;
	ukcf_cqe_seen(t->r);
	if (t->n % 64 == 0 && !opens(t, slot))
		return check(false, "message %llu opens with its nonce",
			     (unsigned long long)t->n);
	if (t->sent < t->wanted)
		send_one(t, slot);
	return true;
}

static bool reap(struct run *t)
{
	const struct ukcf_cqe *cqe;
	int rc = ukcf_wait_cqe(t->r, &cqe, WAIT_NS);

	if (rc)
		return check(false, "a result: %s", ukcf_strerror(rc));
	do {
		if (!take(t, cqe))
			return false;
	} while (ukcf_peek_cqe(t->r, &cqe) == 0);
	rc = ukcf_submit(t->r);
	if (rc < 0 && rc != -EAGAIN)
		return check(false, "submit: %s", ukcf_strerror(rc));
	return true;
}

static bool kill_daemon(void)
{
	pid_t pid = probe_pid();

	if (kill(pid, SIGKILL) < 0)
		check_bail("kill: %s", strerror(errno));
	return check(probe_restarted(pid, 10000) >= 0 || soaking(),
		     "the daemon came back");
}

static bool spread(const struct run *t)
{
	for (uint64_t i = 1; i < t->n; i++)
		if (memcmp(t->seen[0].nonce, t->seen[i].nonce, 4) != 0)
			return false;
	return true;
}

static void under_fire(struct run *t, const char *what)
{
	uint64_t kills = scaled(KILLS, 10 * KILLS), every;
	uint64_t next;

	t->n = t->sent = t->in_flight = t->replayed = 0;
	t->wanted = scaled(5000, 500000);
	every = t->wanted / (kills + 1);
	next = every;
	for (unsigned int i = 0; i < DEPTH; i++)
		send_one(t, i);
	if (ukcf_submit(t->r) < 0)
		check_bail("submit");
	while (t->in_flight && reap(t)) {
		if (t->n < next)
			continue;
		if (!kill_daemon())
			return;
		next += every;
	}
	check(t->n == t->wanted, "%s: %llu nonces, %llu requests ran again",
	      what, (unsigned long long)t->n,
	      (unsigned long long)t->replayed);
	if (t->len == COUNTED)
		check(spread(t), "all of them begin with the key's four bytes");
	check(repeated(t->seen, t->n) == 0, "%s: none came twice", what);
}

/* ----------------------------------------------------------- what is refused */

static void refused(struct run *t, const char *what, struct ukcf_sqe *s,
		    int64_t res, unsigned int detail)
{
	const struct ukcf_cqe *cqe;
	int rc = ukcf_submit_sqes(t->r, s, 1);

	if (rc == 1)
		rc = ukcf_wait_cqe(t->r, &cqe, WAIT_NS);
	if (rc)
		check_bail("%s: %s", what, ukcf_strerror(rc));
	check(cqe->res == res && cqe->detail == detail, "%s: %lld, %s", what,
	      (long long)cqe->res, ukcf_detail_name(cqe->detail));
	ukcf_cqe_seen(t->r);
}

static struct ukcf_sqe request(struct run *t, uint32_t mech,
			       struct ukcf_key key, size_t room)
{
	struct ukcf_sqe s = { 0 };
	int rc = ukcf_prep_encrypt_nonce(t->r, &s, mech, key, UKCF_SPAN_NONE,
					 ukcf_buffer_span(t->in, 0, MSG),
					 ukcf_buffer_span(t->out, 0, room));

	if (rc)
		check_bail("prep: %s", ukcf_strerror(rc));
	return s;
}

static void refusals(struct run *t)
{
	static const uint8_t bytes[32] = "thirty-two bytes of a local key";
	const uint32_t x = UKCF_MECH_XCHACHA20_POLY1305;
	struct ukcf_key local, xlocal, stream;
	struct ukcf_sqe s;

	s = request(t, t->mech, t->key, MSG + TAG + COUNTED - 1);
	refused(t, "a byte too little room", &s, -ENOBUFS,
		UKCF_DETAIL_OUT_SIZE);
	s = request(t, t->mech, t->key, COUNTED - 1);
	refused(t, "no room for the nonce alone", &s, -ENOBUFS,
		UKCF_DETAIL_OUT_SIZE);
	s = request(t, t->mech, t->key, OUT);
	s.param_len = COUNTED;
	refused(t, "a nonce beside it", &s, -EINVAL, UKCF_DETAIL_NONCE_SIZE);
	s = request(t, t->mech, t->key, OUT);
	s.subflags = 0;
	s.param_len = COUNTED;
	refused(t, "a nonce for a key that takes none", &s, -EKEYREJECTED,
		UKCF_DETAIL_KEY_USAGE);
	s = request(t, t->mech, t->key, OUT);
	s.op = UKCF_OP_DECRYPT;
	refused(t, "to decrypt", &s, -EINVAL, UKCF_DETAIL_FLAGS);
	s = request(t, t->mech, t->key, OUT);
	s.flags |= UKCF_SQE_LINK;
	s.link_dst = UKCF_LINK_KEEP;
	s.out.off = 0; /* a chain keeps it in no buffer */
	s.buf[UKCF_RANGE_OUT] = 0;
	refused(t, "what a chain keeps", &s, -EINVAL, UKCF_DETAIL_LINK);
	s = request(t, t->mech, t->key, OUT); /* the chain ends with it */
	refused(t, "what follows that", &s, -ECANCELED, UKCF_DETAIL_LINK);
	if (ukcf_key_generate(t->u, NULL, UKCF_MECH_CHACHA20, 0, 0, &stream) ||
	    ukcf_key_local(t->u, t->mech, 0, bytes, 32, &local) ||
	    ukcf_key_local(t->u, x, 0, bytes, 32, &xlocal))
		check_bail("keys: %s", ukcf_strerror(ukcf_last_call()->res));
	s = request(t, UKCF_MECH_CHACHA20, stream, OUT);
	refused(t, "of a cipher", &s, -EINVAL, UKCF_DETAIL_FLAGS);
	s = request(t, t->mech, local, OUT);
	refused(t, "counted, for a local key", &s, -EKEYREJECTED,
		UKCF_DETAIL_KEY_USAGE);
	s = request(t, x, xlocal, OUT);
	refused(t, "random, for a local key, is not refused", &s,
		MSG + TAG + RANDOM, UKCF_DETAIL_NONE);
	check(ukcf_key_generate(t->u, NULL, UKCF_MECH_HMAC_SHA2_256, 0,
				UKCF_KEY_DAEMON_NONCE, &stream) == -EINVAL &&
		      ukcf_last_call()->detail == UKCF_DETAIL_FLAGS,
	      "a MAC key that encrypts with nonces of the daemon");
}

static void synchronous(struct run *t)
{
	uint8_t nonce[RANDOM], out[MSG + TAG], back[MSG], again[RANDOM];
	uint8_t *in = ukcf_buffer_data(t->in);
	int64_t n = ukcf_encrypt_nonce(t->u, t->mech, t->key, nonce, COUNTED,
				       "aad", 3, in, MSG, out, sizeof(out));

	check(n == MSG + TAG && ukcf_last_call()->res == n,
	      "ukcf_encrypt_nonce: %lld bytes", (long long)n);
	check(ukcf_decrypt(t->u, t->mech, t->key, nonce, COUNTED, "aad", 3,
			   out, (size_t)n, back, MSG) == MSG &&
		      memcmp(in, back, MSG) == 0,
	      "and back");
	check(ukcf_encrypt_nonce(t->u, t->mech, t->key, again, COUNTED, NULL,
				 0, in, MSG, out, sizeof(out)) == n &&
		      memcmp(nonce, again, COUNTED) != 0,
	      "another call, another nonce");
	check(ukcf_encrypt_nonce(t->u, t->mech, t->key, nonce, COUNTED - 1,
				 NULL, 0, in, MSG, out, sizeof(out)) == -EINVAL,
	      "room for a shorter nonce");
	check(ukcf_encrypt_nonce(t->u, t->mech, t->key, nonce, COUNTED, NULL, 0,
				 in, MSG, out, sizeof(out) - 1) == -ENOBUFS,
	      "room for less than ciphertext and tag");
	check(ukcf_encrypt_nonce(t->u, UKCF_MECH_CHACHA20, t->key, nonce,
				 COUNTED, NULL, 0, in, MSG, out,
				 sizeof(out)) == -EOPNOTSUPP,
	      "of a cipher");
}

static void used_at_least(struct run *t, uint64_t n)
{
	struct ukcf_key_info row;
	int rows = ukcf_key_list(t->u, &row, 1);

	check(rows == 1 && strcmp(row.name, "nonces") == 0 && row.uses >= n,
	      "the list counts what the key was used for: %llu times",
	      rows == 1 ? (unsigned long long)row.uses : 0);
}

int main(void)
{
	struct run t = { .mech = UKCF_MECH_CHACHA20_POLY1305, .len = COUNTED };
	int rc;

	control();
	rc = ukcf_connect(&t.u, NULL, UKCF_CONNECT_NO_CALLER);
	if (!rc)
		rc = ukcf_ring_open(t.u, 2 * DEPTH, &t.r);
	if (!rc)
		rc = ukcf_buffer_alloc(t.u, UKCF_BUFFER_INPUT, DEPTH * MSG,
				       &t.in);
	if (!rc)
		rc = ukcf_buffer_alloc(t.u, UKCF_BUFFER_OUTPUT, DEPTH * OUT,
				       &t.out);
	if (!rc)
		rc = ukcf_key_generate(t.u, "nonces", t.mech, 0,
				       UKCF_KEY_DAEMON_NONCE, &t.key);
	t.seen = calloc(scaled(5000, 500000), sizeof(*t.seen));
	if (rc || !t.seen)
		check_bail("no daemon, or no memory: %s", ukcf_strerror(rc));
	memset(ukcf_buffer_data(t.in), 'm', DEPTH * MSG);
	refusals(&t);
	synchronous(&t);
	under_fire(&t, "counted");
	used_at_least(&t, t.n);
	memset(t.seen, 0, scaled(5000, 500000) * sizeof(*t.seen));
	t.mech = UKCF_MECH_XCHACHA20_POLY1305;
	t.len = RANDOM;
	rc = ukcf_key_generate(t.u, NULL, t.mech, 0, 0, &t.key);
	if (rc)
		check_bail("key: %s", ukcf_strerror(rc));
	under_fire(&t, "random");
	free(t.seen);
	ukcf_disconnect(t.u);
	return check_done();
}

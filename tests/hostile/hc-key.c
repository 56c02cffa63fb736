/* SPDX-License-Identifier: MIT */
/* Attacks on keys: guessing, use after destroy, forged completions, names. */
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/hostile/hc.h"

static const uint8_t key_bytes[32] = "somebody's key of 32 bytes, hc4x";

/* ---------------------------------------------------------------- guessing */

static const uint8_t guess_ops[] = { UKCF_OP_MAC, UKCF_OP_KEY_DESTROY,
				     UKCF_OP_KEY_PUBLIC, UKCF_OP_KEY_EXPORT };

static struct ukcf_sqe guess(struct hc_conn *c, uint8_t op, uint64_t handle,
			     uint64_t user_data)
{
	struct ukcf_sqe s = raw_mac(user_data, handle, &c->in, 0, 16, &c->out,
				    0);

	s.op = op;
	if (op == UKCF_OP_MAC)
		return s;
	s.in = s.aux = (struct ukcf_range){ 0, 0 };
	s.mech[0] = 0;
	if (op == UKCF_OP_KEY_DESTROY)
		s.out = (struct ukcf_range){ 0, 0 };
	return s;
}

/* Near the real one: a bit or a byte changed; or anything. */
static uint64_t handle_guess(struct rng *r, uint64_t real)
{
	switch (rng_below(r, 4)) {
	case 0:
		return real ^ (UINT64_C(1) << rng_below(r, 64));
	case 1:
		return real ^ (rng_below(r, 256) << 8 * rng_below(r, 8));
	case 2:
		return real + rng_below(r, 4096) - 2048;
	default:
		return rng_u64(r);
	}
}

static void hc_40(struct hc *h)
{
	uint64_t n = scaled(100000, 1000000), sent = 0, got = 0, hits = 0;
	struct ukcf_cqe cqe, none[4], theirs[4];
	struct ukcf_sqe s;
	struct hc_conn c;

	if (!h->can_drop)
		hc_skip("needs another user: run it as root");
	hc_open(&c, 7, 4096);
	for (unsigned int i = 0; i < 4; i++) {
		s = guess(&c, guess_ops[i], UINT64_C(0x123456789abcdef), i);
		raw_do(&c.q, &s, &none[i]);
		s = guess(&c, guess_ops[i], h->foreign_key, i);
		raw_do(&c.q, &s, &theirs[i]);
		hc_want(none[i].res == -ENOKEY, "no such key: op %u gives %lld",
			guess_ops[i], (long long)none[i].res);
		hc_want(theirs[i].res == none[i].res &&
				theirs[i].detail == none[i].detail &&
				theirs[i].provider == none[i].provider,
			"op %u tells a key of another user from none: "
			"%lld/%u, %lld/%u",
			guess_ops[i], (long long)theirs[i].res,
			theirs[i].detail, (long long)none[i].res,
			none[i].detail);
	}
	while (got < n) {
		s = guess(&c, guess_ops[sent % 4],
			  handle_guess(&h->rng, h->foreign_key), sent % 4);
		while (sent < n && raw_submit(&c.q, &s) == 0) {
			sent++;
			s = guess(&c, guess_ops[sent % 4],
				  handle_guess(&h->rng, h->foreign_key),
				  sent % 4);
		}
		if (raw_cqe(&c.q, &cqe, RAW_WAIT_MS))
			hc_bail("no answer");
		if ((cqe.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT)
			continue;
		got++;
		hits += cqe.res >= 0;
		hc_want(cqe.user_data < 4 &&
				cqe.res == none[cqe.user_data & 3].res &&
				(cqe.detail == none[cqe.user_data & 3].detail ||
				 cqe.detail == UKCF_DETAIL_TMPL),
			"op %llu: a guess gives %lld/%u",
			(unsigned long long)cqe.user_data,
			(long long)cqe.res, cqe.detail);
	}
	hc_want(hits == 0, "%llu hits", (unsigned long long)hits);
	hc_close(&c);
}

/* ------------------------------------------------------- use and destroy */

struct race {
	struct raw r;
	struct raw_ring q[2];
	struct raw_buf in, out;
	uint64_t key;	    /* the one in use; 0: none */
	uint64_t destroyed; /* the last one whose destroy was answered */
	uint32_t stop;
	uint64_t used, late;
};

/* Uses on a ring of its own.  A use submitted after the destroy's answer must
 * not succeed. */
static void *race_use(void *arg)
{
	struct race *x = arg;
	struct ukcf_cqe cqe;
	struct ukcf_sqe s;
	uint64_t key, gone;
	int64_t res;

	while (!load_acquire_u32(&x->stop)) {
		key = load_acquire_u64(&x->key);
		if (!key)
			continue;
		gone = load_acquire_u64(&x->destroyed);
		s = raw_mac(1, key, &x->in, 512, 64, &x->out, 0);
		res = raw_do(&x->q[1], &s, &cqe);
		if (res == 32)
			x->used++;
		hc_want(res == 32 || res == -ENOKEY || res == -EKEYREVOKED,
			"a use gives %lld", (long long)res);
		x->late += res == 32 && gone == key;
	}
	return NULL;
}

/* A request that uses the key is under way: destroy's answer comes after its
 * answer, not before. */
static void destroy_in_use(void)
{
	const uint32_t len = 4u << 20;
	struct ukcf_cqe cqe[2];
	struct hc_conn c;
	struct ukcf_sqe s;
	int64_t key;

	hc_open(&c, 4, len + 16);
	for (unsigned int i = 0; i < 20; i++) {
		key = raw_key(&c.q, &c.in, UKCF_OP_KEY_GENERATE,
			      UKCF_MECH_CHACHA20_POLY1305, NULL, 0, NULL, 0);
		s = (struct ukcf_sqe){
			.op = UKCF_OP_ENCRYPT, .user_data = 1,
			.mech = { UKCF_MECH_CHACHA20_POLY1305 },
			.obj = { (uint64_t)key }, .param_len = 12,
			.in = { 0, len }, .out = { 0, len + 16 },
			.buf = { c.in.index, c.out.index },
		};
		raw_submit(&c.q, &s);
		s = (struct ukcf_sqe){ .op = UKCF_OP_KEY_DESTROY,
				       .user_data = 2,
				       .obj = { (uint64_t)key } };
		raw_submit(&c.q, &s);
		for (unsigned int j = 0; j < 2; j++)
			if (raw_cqe(&c.q, &cqe[j], RAW_WAIT_MS))
				hc_bail("no answer");
		hc_want(cqe[0].user_data == 1 && cqe[0].res == len + 16 &&
				cqe[1].res == 0,
			"destroyed before its last use ended: %llu gives "
			"%lld, %llu gives %lld",
			(unsigned long long)cqe[0].user_data,
			(long long)cqe[0].res,
			(unsigned long long)cqe[1].user_data,
			(long long)cqe[1].res);
	}
	hc_works(&c);
	hc_close(&c);
}

static void hc_41(struct hc *h)
{
	uint64_t n = scaled(3000, 200000), again = 0;
	static struct race x;
	struct ukcf_sqe s;
	pthread_t th;
	int64_t key, res;
	int rc = raw_connect(&x.r);

	(void)h;
	for (unsigned int i = 0; i < 2 && !rc; i++)
		rc = raw_ring_new(&x.r, 4, &x.q[i]);
	if (!rc)
		rc = raw_buf_new(&x.r, UKCF_BUFFER_INPUT, 4096, &x.in);
	if (!rc)
		rc = raw_buf_new(&x.r, UKCF_BUFFER_OUTPUT, 4096, &x.out);
	if (rc || pthread_create(&th, NULL, race_use, &x))
		hc_bail("cannot start: %s", strerror(-rc));
	for (uint64_t i = 0; i < n; i++) {
		key = raw_key(&x.q[0], &x.in, UKCF_OP_KEY_IMPORT,
			      UKCF_MECH_HMAC_SHA2_256, NULL, 0, key_bytes, 32);
		if (!hc_want(key > 0, "import gives %lld", (long long)key))
			break;
		store_release_u64(&x.key, (uint64_t)key);
		for (unsigned int j = 0; j < i % 7; j++) {
			s = raw_nop(j);
			raw_do(&x.q[0], &s, NULL);
		}
		s = (struct ukcf_sqe){ .op = UKCF_OP_KEY_DESTROY,
				       .obj = { (uint64_t)key } };
		res = raw_do(&x.q[0], &s, NULL);
		hc_want(res == 0, "destroy gives %lld", (long long)res);
		store_release_u64(&x.destroyed, (uint64_t)key);
		res = raw_do(&x.q[0], &s, NULL);
		again += res >= 0;
	}
	store_release_u32(&x.stop, 1);
	pthread_join(th, NULL);
	printf("#   %llu keys, %llu uses\n", (unsigned long long)n,
	       (unsigned long long)x.used);
	hc_want(x.used > 0, "no use ever got in between");
	hc_want(x.late == 0, "%llu uses after destroy's answer",
		(unsigned long long)x.late);
	hc_want(again == 0, "%llu keys destroyed twice",
		(unsigned long long)again);
	raw_close(&x.r);
	destroy_in_use();
}

/* -------------------------------------------- others' completions, tags */

static int same_names(void *arg)
{
	uint64_t n = scaled(20000, 500000), sent = 0, got = 0;
	uint8_t want[32], tag = *(uint8_t *)arg;
	struct ukcf_cqe cqe;
	struct ukcf_sqe s;
	struct hc_conn c;

	hc_open(&c, 6, 4096);
	memset(c.in.p, tag, 64);
	crypto_hash_sha256(want, c.in.p, 64);
	while (got < n) {
		s = raw_digest(sent, &c.in, 0, 64, &c.out, 0);
		while (sent < n && raw_submit(&c.q, &s) == 0)
			s.user_data = ++sent;
		if (raw_cqe(&c.q, &cqe, RAW_WAIT_MS))
			hc_bail("answers are missing: %llu of %llu",
				(unsigned long long)got,
				(unsigned long long)n);
		hc_want(cqe.res == 32 && cqe.user_data < n,
			"an answer of somebody else's");
		hc_want(memcmp(want, c.out.p, 32) == 0,
			"a digest of somebody else's");
		got++;
	}
	hc_want(raw_cqe(&c.q, &cqe, 0) == -ETIMEDOUT, "an answer too many");
	hc_close(&c);
	return hc_status();
}

/* The same user_data in several connections at once. */
static void hc_43(struct hc *h)
{
	uint8_t tag[3] = { 1, 2, 3 };
	int status, bad = 0;

	(void)h;
	for (unsigned int i = 0; i < 3; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(same_names(&tag[i]));
		}
	while (wait(&status) > 0)
		bad += status != 0;
	hc_want(bad == 0, "%d connections got wrong answers", bad);
}

static void bad_tag(struct hc_conn *c, uint32_t mech, uint64_t key,
		    uint32_t len, uint32_t flip_at)
{
	uint8_t before[4096], *ct = c->in.p + 8192;
	struct ukcf_sqe s = {
		.op = UKCF_OP_ENCRYPT, .mech = { mech }, .obj = { key },
		.param_len = 12, .in = { 0, len }, .out = { 0, len + 16 },
		.buf = { c->in.index, c->out.index },
	};
	int64_t res = raw_do(&c->q, &s, NULL);

	if (!hc_want(res == len + 16, "seal %u gives %lld", len,
		     (long long)res))
		return;
	memcpy(ct, c->out.p, len + 16);
	ct[flip_at] ^= 0x40;
	s = (struct ukcf_sqe){
		.op = UKCF_OP_RANDOM, .mech = { UKCF_MECH_RANDOM },
		.out = { 0, sizeof(before) },
		.buf = { [UKCF_RANGE_OUT] = c->out.index },
	};
	raw_do(&c->q, &s, NULL);
	memcpy(before, c->out.p, sizeof(before));
	s = (struct ukcf_sqe){
		.op = UKCF_OP_DECRYPT, .mech = { mech }, .obj = { key },
		.param_len = 12, .in = { 8192, len + 16 }, .out = { 0, len },
		.buf = { c->in.index, c->out.index },
	};
	res = raw_do(&c->q, &s, NULL);
	hc_want(res == -EBADMSG, "open of a changed %u gives %lld", len,
		(long long)res);
	hc_want(memcmp(before, c->out.p, sizeof(before)) == 0,
		"mech %#x: open of a changed %u wrote its output", mech, len);
}

static void hc_47(struct hc *h)
{
	static const uint32_t mechs[] = { UKCF_MECH_AES_256_GCM,
					  UKCF_MECH_CHACHA20_POLY1305 };
	static const uint32_t lens[] = { 0, 1, 15, 16, 17, 64, 256, 2048 };
	struct hc_conn c;
	int64_t key;

	(void)h;
	hc_open(&c, 4, 16384);
	for (unsigned int m = 0; m < 2; m++) {
		for (unsigned int own = 0; own < 2; own++) {
			key = raw_key(&c.q, &c.in, UKCF_OP_KEY_IMPORT,
				      mechs[m], NULL, own ? UKCF_KEY_OWN : 0,
				      key_bytes, 32);
			if (!hc_want(key > 0, "mech %#x: import gives %lld",
				     mechs[m], (long long)key))
				continue;
			for (unsigned int i = 0; i < 8; i++) {
				bad_tag(&c, mechs[m], (uint64_t)key, lens[i],
					lens[i] + 15);
				bad_tag(&c, mechs[m], (uint64_t)key, lens[i],
					0);
			}
		}
	}
	hc_works(&c);
	hc_close(&c);
}

/* -------------------------------------------------------------------- names */

static int64_t generate(struct hc_conn *c, const char name[UKCF_KEY_NAME_MAX])
{
	struct ukcf_key_req *req = (struct ukcf_key_req *)c->in.p;
	struct ukcf_sqe s = {
		.op = UKCF_OP_KEY_GENERATE,
		.mech = { UKCF_MECH_HMAC_SHA2_256 },
		.in = { 0, sizeof(*req) },
		.buf = { c->in.index },
	};

	memset(req, 0, sizeof(*req));
	memcpy(req->name, name, UKCF_KEY_NAME_MAX);
	return raw_do(&c->q, &s, NULL);
}

static void hc_58(struct hc *h)
{
	static const char *const bad[] = {
		".hidden", "-rf", "..", "../../etc/passwd", "a/b", "a b",
		"a\nukcfd[1]: forged line", "\033[2J\033[31m", "%s%n%n%n",
		"\xff\xfe", "caf\xc3\xa9", "a\tb", "a;b", "$(reboot)", "a\x7f",
		"a*", "~root",
	};
	char name[UKCF_KEY_NAME_MAX];
	struct hc_conn c;
	int64_t res;

	(void)h;
	prctl(PR_SET_NAME, "\033[2J%n%s\n");
	hc_open(&c, 4, 4096);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(name, 0, sizeof(name));
		strncpy(name, bad[i], sizeof(name) - 1);
		res = generate(&c, name);
		hc_want(res == -EINVAL, "name %u gives %lld", i,
			(long long)res);
	}
	memset(name, 'a', sizeof(name));
	res = generate(&c, name);
	hc_want(res == -EINVAL, "a name without its NUL gives %lld",
		(long long)res);
	memset(name, 0, sizeof(name));
	name[0] = 'a';
	name[5] = 'b';
	res = generate(&c, name);
	hc_want(res == -EINVAL, "bytes behind the NUL give %lld",
		(long long)res);
	hc_works(&c);
	hc_close(&c);
}

const struct hc_case hc_key_cases[] = {
	{ "40", "guessing handles of another user", hc_40, 0, 0, NULL },
	{ "41", "use and destroy raced", hc_41, 0, 0, NULL },
	{ "43", "the same user_data in several connections", hc_43, 0, 0, NULL },
	{ "47", "a wrong tag leaves the output alone", hc_47, 0, 0, NULL },
	{ "58", "hostile names", hc_58, 0, 0, NULL },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* See run.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/call.h"
#include "tests/kat/run.h"

#define MONTE_ROUNDS 1000 /* SHAVS section 6.4 */

/* A vector on its way through one path. */
struct run {
	const struct kat_vector *v;
	enum kat_path path;
	struct ukcf_page_mech info;
	unsigned int limit; /* enum ukcf_detail: the limit it breaks, or 0 */
	struct ukcf_key key;
	uint8_t *sealed; /* ciphertext || tag */
	size_t sealed_len;
	char *why;
	size_t why_size;
};

const char *kat_path_name(enum kat_path path)
{
	return path == KAT_RING ? "ring" : "caller";
}

static void let_go(enum kat_path path);

int kat_run_open(void)
{
	return call_open();
}

void kat_run_close(void)
{
	for (enum kat_path p = 0; p < KAT_PATHS; p++)
		let_go(p);
	call_close();
}

int kat_run_provider(const char *name)
{
	return call_ask(name);
}

__attribute__((format(printf, 3, 4))) static enum kat_outcome
because(struct run *r, enum kat_outcome o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->why_size, fmt, ap);
	va_end(ap);
	return o;
}

static enum kat_outcome unexpected(struct run *r, const char *op,
				   const struct answer *a)
{
	return because(r, KAT_FAILED, "%s returned %lld (%s; %s)", op,
		       (long long)a->res,
		       a->res < 0 ? ukcf_strerror(a->res) : "bytes",
		       ukcf_detail_name(a->detail));
}

/* --------------------------------------------------------------- refusal */

static unsigned int broken_limit(const struct kat_vector *v,
				 const struct ukcf_page_mech *m)
{
	size_t key = v->f[KAT_KEY].len, tag = v->f[KAT_TAG].len;
	bool keyed = v->kind == KAT_AEAD || v->kind == KAT_CIPHER ||
		     v->kind == KAT_MAC ||
		     v->kind == KAT_DERIVE || v->kind == KAT_KDF ||
		     v->kind == KAT_SEALED;

	if (keyed && (key < m->key_min || key > m->key_max))
		return UKCF_DETAIL_KEY_SIZE;
	if ((v->kind == KAT_AEAD || v->kind == KAT_CIPHER) &&
	    v->f[KAT_NONCE].len != m->nonce_len)
		return UKCF_DETAIL_NONCE_SIZE;
	if ((v->kind == KAT_AEAD || v->kind == KAT_MAC) &&
	    (tag < m->tag_min || tag > m->tag_max))
		return UKCF_DETAIL_TAG_SIZE;
	return 0;
}

/* Was a key of a wrong size refused here and, on the ring, by the daemon? */
static enum kat_outcome judge_key(struct run *r, int err)
{
	const struct kat_bytes *k = &r->v->f[KAT_KEY];
	struct ukcf_key key;

	if (r->limit != UKCF_DETAIL_KEY_SIZE)
		return because(r, KAT_FAILED, "the key was refused: %s",
			       ukcf_strerror(err));
	if (err != -EKEYREJECTED)
		return because(r, KAT_FAILED, "key of wrong size: %s",
			       ukcf_strerror(err));
	if (r->path == KAT_CALLER)
		return KAT_REFUSED;
	err = ukcf_key_import(call_connection(r->path), NULL, r->info.id,
			      UKCF_USE_DEFAULT, 0, k->data, k->len, &key);
	if (err == -EKEYREJECTED &&
	    ukcf_last_call()->detail == UKCF_DETAIL_KEY_SIZE)
		return KAT_REFUSED;
	return because(r, KAT_FAILED, "the daemon on a key of wrong size: %s",
		       err ? ukcf_strerror(err) : "took it");
}

/* The answer to a request with a nonce or a tag of a wrong size. */
static bool rightly_refused(const struct run *r, const struct call *c,
			    const struct answer *a)
{
	if (a->res == -EINVAL && a->detail == r->limit)
		return true;
	/* The prep functions have no way to tell the detail. */
	if (r->path == KAT_RING && a->in_library)
		return a->res == -EINVAL;
	/* A call in the caller cannot name a tag size: it is short of bytes. */
	if (r->path != KAT_CALLER || r->limit != UKCF_DETAIL_TAG_SIZE ||
	    r->v->kind != KAT_AEAD)
		return false;
	if (c->op == UKCF_OP_ENCRYPT)
		return a->res == -ENOBUFS;
	return a->res == -EBADMSG || (a->res == -EINVAL && c->in.len < 16);
}

static enum kat_outcome judge_refusal(struct run *r, const char *op,
				      const struct call *c,
				      const struct answer *a)
{
	return rightly_refused(r, c, a) ? KAT_REFUSED : unexpected(r, op, a);
}

/* ----------------------------------------------------------------- kinds */

static struct call aead_call(const struct run *r, bool encrypt)
{
	const struct kat_vector *v = r->v;
	size_t tag = v->f[KAT_TAG].len;
	struct call c = {
		.op = encrypt ? UKCF_OP_ENCRYPT : UKCF_OP_DECRYPT,
		.mech = r->info.id,
		.key = r->key,
		.nonce = v->f[KAT_NONCE],
		.aad = v->f[KAT_AAD],
		.in = { r->sealed, r->sealed_len },
		.out_len = v->f[KAT_CT].len,
	};

	if (encrypt) {
		c.in = v->f[KAT_MSG];
		c.out_len = c.in.len + tag;
	}
	if (r->limit == UKCF_DETAIL_TAG_SIZE)
		c.tag_len = tag;
	return c;
}

static enum kat_outcome run_encrypt(struct run *r)
{
	struct call c = aead_call(r, true);
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "encrypt %s", a.place);
	if (r->limit)
		return judge_refusal(r, "encrypt", &c, &a);
	if (a.res != (int64_t)r->sealed_len)
		return unexpected(r, "encrypt", &a);
	if (memcmp(a.out, r->sealed, r->sealed_len) != 0)
		return because(r, KAT_FAILED, "wrong ciphertext or tag");
	return KAT_PASSED;
}

static enum kat_outcome run_decrypt(struct run *r)
{
	const struct kat_bytes *msg = &r->v->f[KAT_MSG];
	struct call c = aead_call(r, false);
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "decrypt %s", a.place);
	if (r->limit)
		return judge_refusal(r, "decrypt", &c, &a);
	if (r->v->verdict == KAT_INVALID) {
		if (a.res != -EBADMSG)
			return unexpected(r, "decrypt of a forgery", &a);
		if (!a.withheld)
			return because(r, KAT_FAILED,
				       "a forgery's output was not %s",
				       r->path == KAT_RING ? "left alone" :
							     "zeroed");
		return KAT_PASSED;
	}
	if (a.res != (int64_t)msg->len)
		return unexpected(r, "decrypt", &a);
	if (msg->len && memcmp(a.out, msg->data, msg->len) != 0)
		return because(r, KAT_FAILED, "wrong plaintext");
	return KAT_PASSED;
}

static enum kat_outcome run_aead(struct run *r)
{
	const struct kat_bytes *ct = &r->v->f[KAT_CT], *tag = &r->v->f[KAT_TAG];
	enum kat_outcome o;

	r->sealed_len = ct->len + tag->len;
	r->sealed = malloc(r->sealed_len + 1);
	if (!r->sealed)
		return because(r, KAT_FAILED, "no memory");
	if (ct->len)
		memcpy(r->sealed, ct->data, ct->len);
	if (tag->len)
		memcpy(r->sealed + ct->len, tag->data, tag->len);
	o = run_decrypt(r);
	if (r->v->verdict == KAT_VALID && (o == KAT_PASSED || o == KAT_REFUSED))
		o = run_encrypt(r);
	free(r->sealed);
	return o;
}

static struct call cipher_call(const struct run *r, bool encrypt)
{
	const struct kat_vector *v = r->v;
	const struct kat_bytes *ct = &v->f[KAT_CT];
	size_t less = r->info.growth + (r->info.padding ? 1u : 0u);
	struct call c = {
		.op = encrypt ? UKCF_OP_ENCRYPT : UKCF_OP_DECRYPT,
		.mech = r->info.id,
		.key = r->key,
		.nonce = v->f[KAT_NONCE],
		.in = *ct,
		.out_len = ct->len > less ? ct->len - less : 0,
	};

	if (encrypt) {
		c.in = v->f[KAT_MSG];
		c.out_len = ct->len;
	}
	return c;
}

/* A padding, wrapped key or size that nobody can have made. */
static bool is_refusal_of_data(const struct answer *a)
{
	return (a->res == -EBADMSG && a->detail == UKCF_DETAIL_AUTH) ||
	       (a->res == -EINVAL && a->detail == UKCF_DETAIL_IN_SIZE);
}

static enum kat_outcome judge_bytes(struct run *r, const char *op,
				    const struct answer *a,
				    const struct kat_bytes *want)
{
	if (a->res != (int64_t)want->len)
		return unexpected(r, op, a);
	if (want->len && memcmp(a->out, want->data, want->len) != 0)
		return because(r, KAT_FAILED, "%s: wrong bytes", op);
	return KAT_PASSED;
}

static enum kat_outcome run_cipher_one(struct run *r, bool encrypt)
{
	const struct kat_vector *v = r->v;
	const char *op = encrypt ? "encrypt" : "decrypt";
	struct call c = cipher_call(r, encrypt);
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "%s %s", op, a.place);
	if (r->limit)
		return judge_refusal(r, op, &c, &a);
	if (v->verdict != KAT_INVALID)
		return judge_bytes(r, op, &a,
				   &v->f[encrypt ? KAT_CT : KAT_MSG]);
	if (!is_refusal_of_data(&a))
		return unexpected(r, "decrypt of what nobody made", &a);
	if (!a.withheld)
		return because(r, KAT_FAILED, "its output was touched");
	return KAT_PASSED;
}

static enum kat_outcome run_cipher(struct run *r)
{
	enum kat_outcome o = run_cipher_one(r, false);

	if (r->v->verdict != KAT_INVALID && o == KAT_PASSED)
		o = run_cipher_one(r, true);
	return o;
}

/* MAC_VERIFY and VERIFY: the tag is right or -EBADMSG. */
static enum kat_outcome run_verify(struct run *r)
{
	const struct kat_vector *v = r->v;
	struct call c = {
		.op = v->kind == KAT_MAC ? UKCF_OP_MAC_VERIFY : UKCF_OP_VERIFY,
		.mech = r->info.id,
		.key = r->key,
		.in = v->f[KAT_MSG],
		.tag = v->f[KAT_TAG],
	};
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "verify %s", a.place);
	if (r->limit)
		return judge_refusal(r, "verify", &c, &a);
	if (v->verdict == KAT_VALID ? a.res == 0 : a.res == -EBADMSG)
		return KAT_PASSED;
	if (v->verdict == KAT_ACCEPTABLE && a.res == 0)
		return KAT_PASSED;
	return unexpected(r, "verify", &a);
}

static enum kat_outcome run_mac(struct run *r)
{
	const struct kat_vector *v = r->v;
	const struct kat_bytes *tag = &v->f[KAT_TAG];
	struct call c = {
		.op = UKCF_OP_MAC,
		.mech = r->info.id,
		.key = r->key,
		.in = v->f[KAT_MSG],
		.out_len = tag->len,
	};
	enum kat_outcome o = run_verify(r);
	struct answer a;
	bool equal;

	if (o != KAT_PASSED)
		return o;
	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "mac %s", a.place);
	if (a.res != (int64_t)tag->len)
		return unexpected(r, "mac", &a);
	equal = memcmp(a.out, tag->data, tag->len) == 0;
	if (v->verdict != KAT_ACCEPTABLE && equal != (v->verdict == KAT_VALID))
		return because(r, KAT_FAILED, "the MAC is %s",
			       equal ? "the forged one" : "wrong");
	return KAT_PASSED;
}

/* An answer to a ciphertext that nobody made.  With v1.5 it must not tell that:
 * there are bytes, always the same. */
static enum kat_outcome judge_forged(struct run *r, const struct call *c,
				     const struct answer *a)
{
	bool no_modulus = c->in.len == 0 || c->in.len > r->info.out_len;
	uint8_t first[512];
	struct answer b;

	if (a->res == -EBADMSG && a->detail == UKCF_DETAIL_AUTH)
		/* a size that none has is seen before anything is run */
		return a->withheld || no_modulus ? KAT_PASSED :
				     because(r, KAT_FAILED,
					     "its output was touched");
	if (r->info.id != UKCF_MECH_RSA_PKCS1 || a->res < 0 ||
	    (size_t)a->res > sizeof(first))
		return unexpected(r, "decrypt of a forgery", a);
	memcpy(first, a->out, (size_t)a->res);
	call_do(r->path, c, &b);
	if (b.res != a->res || memcmp(first, b.out, (size_t)b.res) != 0)
		return because(r, KAT_FAILED, "a forgery gives other bytes "
			       "when it is asked about again");
	return KAT_PASSED;
}

static enum kat_outcome judge_message(struct run *r, const char *op,
				      const struct answer *a)
{
	const struct kat_bytes *msg = &r->v->f[KAT_MSG];

	if (!a->right_place)
		return because(r, KAT_FAILED, "%s %s", op, a->place);
	return judge_bytes(r, op, a, msg);
}

/* Room for what is made of c.in; of RSA it is that of the largest key. */
static size_t sealed_room(const struct run *r, const struct call *c)
{
	const size_t more = r->info.growth;

	if (r->info.out_len)
		return r->info.out_len;
	if (c->op == UKCF_OP_ENCRYPT)
		return c->in.len + more;
	return c->in.len > more ? c->in.len - more : 0;
}

/* Encrypt anew, since that is random, and decrypt that. */
static enum kat_outcome seal_and_open(struct run *r, struct call c)
{
	static uint8_t sealed[CALL_OUT_MAX];
	struct answer a;

	c.op = UKCF_OP_ENCRYPT;
	c.in = r->v->f[KAT_MSG];
	c.out_len = sealed_room(r, &c);
	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "encrypt %s", a.place);
	if (a.res != (int64_t)r->v->f[KAT_CT].len)
		return unexpected(r, "encrypt", &a);
	memcpy(sealed, a.out, (size_t)a.res);
	c.op = UKCF_OP_DECRYPT;
	c.in = (struct kat_bytes){ sealed, (size_t)a.res };
	c.out_len = sealed_room(r, &c);
	call_do(r->path, &c, &a);
	return judge_message(r, "decrypt of our own", &a);
}

static enum kat_outcome run_sealed(struct run *r)
{
	const struct kat_vector *v = r->v;
	struct call c = {
		.op = UKCF_OP_DECRYPT,
		.mech = r->info.id,
		.key = r->key,
		.aad = v->f[KAT_AAD],
		.in = v->f[KAT_CT],
	};
	enum kat_outcome o;
	struct answer a;

	c.out_len = sealed_room(r, &c);
	call_do(r->path, &c, &a);
	if (v->verdict == KAT_INVALID)
		return a.right_place ? judge_forged(r, &c, &a) :
				       because(r, KAT_FAILED, "decrypt %s",
					       a.place);
	o = judge_message(r, "decrypt", &a);
	return o == KAT_PASSED ? seal_and_open(r, c) : o;
}

static bool is_zero(const struct kat_bytes *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i])
			return false;
	return true;
}

/* It is on no curve, or in another form than is taken; x25519 takes any bytes. */
static bool is_refused_point(const struct run *r, const struct answer *a)
{
	if (r->v->verdict == KAT_VALID || !a->withheld)
		return false;
	return (a->res == -EKEYREJECTED &&
		a->detail == UKCF_DETAIL_KEY_VALUE) ||
	       (a->res == -EINVAL && a->detail == UKCF_DETAIL_IN_SIZE &&
		r->v->f[KAT_MSG].len != r->info.pub_len);
}

static enum kat_outcome run_derive(struct run *r)
{
	const struct kat_vector *v = r->v;
	const struct kat_bytes *want = &v->f[KAT_TAG];
	struct call c = {
		.op = UKCF_OP_DERIVE,
		.mech = r->info.id,
		.key = r->key,
		.in = v->f[KAT_MSG],
		.out_len = r->info.out_len,
	};
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "derive %s", a.place);
	if (is_refused_point(r, &a))
		return v->verdict == KAT_INVALID ? KAT_PASSED : KAT_REFUSED;
	if (v->verdict == KAT_INVALID && a.res == (int64_t)want->len &&
	    !is_zero(want) && memcmp(a.out, want->data, want->len) != 0)
		return KAT_PASSED; /* what was changed is the result */
	if (v->verdict != KAT_VALID && is_zero(want)) {
		if (a.res == -EKEYREJECTED &&
		    a.detail == UKCF_DETAIL_LOW_ORDER && a.withheld)
			return KAT_PASSED;
		return unexpected(r, "derive of a low-order point", &a);
	}
	if (a.res != (int64_t)want->len)
		return unexpected(r, "derive", &a);
	if (memcmp(a.out, want->data, want->len) == 0)
		return KAT_PASSED;
	return because(r, KAT_FAILED, "wrong shared secret");
}

static enum kat_outcome run_kdf(struct run *r)
{
	const struct kat_vector *v = r->v;
	const struct kat_bytes *want = &v->f[KAT_TAG];
	struct call c = {
		.op = UKCF_OP_DERIVE,
		.mech = r->info.id,
		.key = r->key,
		.in = v->f[KAT_MSG],
		.aad = v->f[KAT_AAD],
		.out_len = v->size,
		.kdf = true,
	};
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "derive %s", a.place);
	if (v->verdict == KAT_INVALID && v->size > r->info.data_max) {
		if (a.res == -EMSGSIZE && a.detail == UKCF_DETAIL_OUT_SIZE)
			return KAT_PASSED;
		return unexpected(r, "derive of too much", &a);
	}
	if (a.res != (int64_t)want->len)
		return unexpected(r, "derive", &a);
	if (memcmp(a.out, want->data, want->len) == 0)
		return KAT_PASSED;
	return because(r, KAT_FAILED, "wrong bytes");
}

static enum kat_outcome run_digest(struct run *r)
{
	const struct kat_bytes *want = &r->v->f[KAT_TAG];
	struct call c = {
		.op = UKCF_OP_DIGEST,
		.mech = r->info.id,
		.in = r->v->f[KAT_MSG],
		.out_len = want->len,
	};
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "digest %s", a.place);
	if (a.res != (int64_t)want->len)
		return unexpected(r, "digest", &a);
	if (memcmp(a.out, want->data, want->len) == 0)
		return KAT_PASSED;
	return because(r, KAT_FAILED, "wrong digest");
}

/* Each round digests the last three digests. */
static enum kat_outcome run_monte(struct run *r)
{
	const struct kat_bytes *seed = &r->v->f[KAT_MSG];
	const struct kat_bytes *want = &r->v->f[KAT_TAG];
	size_t n = want->len;
	uint8_t m[3 * 64];
	struct call c = {
		.op = UKCF_OP_DIGEST,
		.mech = r->info.id,
		.in = { m, 3 * n },
		.out_len = n,
	};
	struct answer a;

	for (unsigned int i = 0; i < 3; i++)
		memcpy(m + i * n, seed->data, n);
	for (unsigned int i = 0; i < MONTE_ROUNDS; i++) {
		call_do(r->path, &c, &a);
		if (!a.right_place)
			return because(r, KAT_FAILED, "digest %s", a.place);
		if (a.res != (int64_t)n)
			return unexpected(r, "digest", &a);
		memmove(m, m + n, 2 * n);
		memcpy(m + 2 * n, a.out, n);
	}
	if (memcmp(m + 2 * n, want->data, n) == 0)
		return KAT_PASSED;
	return because(r, KAT_FAILED, "wrong digest");
}

/* The signature, and that it verifies under the public key of this secret, and
 * no longer with another message. */
static enum kat_outcome run_sign(struct run *r)
{
	const struct kat_vector *v = r->v;
	const struct kat_bytes *want = &v->f[KAT_TAG];
	struct call c = {
		.op = UKCF_OP_SIGN,
		.mech = r->info.id,
		.key = r->key,
		.in = v->f[KAT_MSG],
		.out_len = want->len,
	};
	struct answer a;

	call_do(r->path, &c, &a);
	if (!a.right_place)
		return because(r, KAT_FAILED, "sign %s", a.place);
	if (a.res != (int64_t)want->len)
		return unexpected(r, "sign", &a);
	if (memcmp(a.out, want->data, want->len) != 0)
		return because(r, KAT_FAILED, "wrong signature");
	if (run_verify(r) != KAT_PASSED)
		return KAT_FAILED;
	c.op = UKCF_OP_VERIFY;
	c.tag = *want;
	c.out_len = 0;
	c.in = v->f[KAT_CT];
	call_do(r->path, &c, &a);
	return a.res == -EBADMSG ? KAT_PASSED :
				   unexpected(r, "verify of another", &a);
}

static enum kat_outcome (*const kinds[])(struct run *) = {
	[KAT_AEAD] = run_aead,	   [KAT_MAC] = run_mac,
	[KAT_CIPHER] = run_cipher,
	[KAT_VERIFY] = run_verify, [KAT_SEALED] = run_sealed,
	[KAT_DERIVE] = run_derive,
	[KAT_KDF] = run_kdf,	   [KAT_SIGN] = run_sign,
	[KAT_DIGEST] = run_digest, [KAT_MONTE] = run_monte,
};

static bool too_large(const struct kat_vector *v)
{
	for (unsigned int i = 0; i < KAT_FIELDS; i++)
		if (v->f[i].len > CALL_OUT_MAX - 64)
			return true;
	return v->size > CALL_OUT_MAX;
}

/* Looking at a secret key of RSA takes a tenth of a second, and vectors of one
 * key follow each other: the last key of each path is kept. */
static struct kept {
	struct ukcf_key key;
	uint32_t mech;
	uint8_t bytes[UKCF_KEY_BYTES_MAX];
	size_t len;
} kept[KAT_PATHS];

static void let_go(enum kat_path path)
{
	if (kept[path].len &&
	    ukcf_key_destroy(call_connection(path), kept[path].key) < 0)
		fprintf(stderr, "a key could not be destroyed\n");
	kept[path].len = 0;
}

static enum kat_outcome run_with_kept(struct run *r)
{
	const struct kat_bytes *k = &r->v->f[KAT_KEY];
	struct kept *have = &kept[r->path];
	int err;

	if (have->mech == r->info.id && have->len == k->len &&
	    memcmp(have->bytes, k->data, k->len) == 0) {
		r->key = have->key;
		return run_sealed(r);
	}
	let_go(r->path);
	err = ukcf_key_local(call_connection(r->path), r->info.id,
			     UKCF_USE_DEFAULT, k->data, k->len, &r->key);
	if (err)
		return judge_key(r, err);
	have->key = r->key;
	have->mech = r->info.id;
	memcpy(have->bytes, k->data, k->len);
	have->len = k->len;
	return run_sealed(r);
}

static enum kat_outcome run_keyed(struct run *r)
{
	const struct kat_bytes *k = &r->v->f[KAT_KEY];
	struct ukcf *u = call_connection(r->path);
	bool keyed = r->v->kind != KAT_DIGEST && r->v->kind != KAT_MONTE;
	enum kat_outcome o;
	int err = 0;

	if (keyed)
		err = ukcf_key_local(u, r->info.id,
				     r->v->kind == KAT_VERIFY ?
					     UKCF_USE_VERIFY :
					     UKCF_USE_DEFAULT,
				     k->data, k->len, &r->key);
	if (err)
		return judge_key(r, err);
	if (r->limit == UKCF_DETAIL_KEY_SIZE)
		o = because(r, KAT_FAILED, "a key of %zu bytes was taken",
			    k->len);
	else
		o = kinds[r->v->kind](r);
	if (keyed && ukcf_key_destroy(u, r->key) < 0 && o != KAT_FAILED)
		o = because(r, KAT_FAILED, "the key could not be destroyed");
	return o;
}

enum kat_outcome kat_run(const struct kat_vector *v, enum kat_path path,
			 char *why, size_t size)
{
	struct run r = { .v = v, .path = path, .why = why, .why_size = size };
	struct ukcf *u = call_connection(path);
	uint32_t mech;

	why[0] = '\0';
	if (call_unavailable(path))
		return because(&r, KAT_SKIPPED, "%s", call_unavailable(path));
	if (ukcf_mech_lookup(u, v->mech, &mech) < 0 ||
	    ukcf_mech_info(u, mech, &r.info) < 0)
		return because(&r, KAT_SKIPPED, "the daemon does not offer %s",
			       v->mech);
	if (call_provider() && !(r.info.providers >> call_provider() & 1))
		return because(&r, KAT_SKIPPED,
			       "the provider does not offer %s", v->mech);
	if (too_large(v))
		return because(&r, KAT_SKIPPED, "larger than %u bytes",
			       CALL_OUT_MAX - 64);
	r.limit = broken_limit(v, &r.info);
	if (v->kind == KAT_SEALED && !r.limit)
		return run_with_kept(&r);
	return run_keyed(&r);
}

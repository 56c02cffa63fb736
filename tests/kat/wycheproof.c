/* SPDX-License-Identifier: MIT */
/* Reads the JSON files of project Wycheproof (C2SP, testvectors_v1). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/vector.h"

/* Name of a member, where it goes. */
struct member {
	const char *name;
	enum kat_field field;
};

/* What a (type of group, algorithm, curve) is here. */
struct suite {
	const char *type;
	const char *algorithm;
	const char *curve; /* NULL: has none */
	unsigned int key_bits; /* of the group; 0: any */
	enum kat_kind kind;
	const char *mech;
	struct member members[6];
	size_t nonce_len; /* shorter ones end in zeros; 0: as they are */
	size_t number; /* of elliptic curves: bytes of a number */
};

#define AEAD                                                                  \
	{ { "key", KAT_KEY }, { "iv", KAT_NONCE }, { "aad", KAT_AAD },        \
	  { "msg", KAT_MSG }, { "ct", KAT_CT },	   { "tag", KAT_TAG } }
#define MAC { { "key", KAT_KEY }, { "msg", KAT_MSG }, { "tag", KAT_TAG } }

#define CIPHER                                                                \
	{ { "key", KAT_KEY }, { "iv", KAT_NONCE }, { "msg", KAT_MSG },         \
	  { "ct", KAT_CT } }
#define WRAP { { "key", KAT_KEY }, { "msg", KAT_MSG }, { "ct", KAT_CT } }
#define HKDF                                                                  \
	{ { "ikm", KAT_KEY }, { "salt", KAT_MSG }, { "info", KAT_AAD },       \
	  { "okm", KAT_TAG } }

/* The row without a key size has the keys of any other size, too: those are
 * to be refused. */
static const struct suite suites[] = {
	{ "AeadTest", "AES-GCM", NULL, 128, KAT_AEAD, "aes-128-gcm", AEAD, 0, 0 },
	{ "AeadTest", "AES-GCM", NULL, 192, KAT_AEAD, "aes-192-gcm", AEAD, 0, 0 },
	{ "AeadTest", "AES-GCM", NULL, 0, KAT_AEAD, "aes-256-gcm", AEAD, 0, 0 },
	{ "AeadTest", "CHACHA20-POLY1305", NULL, 0, KAT_AEAD,
	  "chacha20-poly1305", AEAD, 0, 0 },
	{ "AeadTest", "XCHACHA20-POLY1305", NULL, 0, KAT_AEAD,
	  "xchacha20-poly1305", AEAD, 0, 0 },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 128, KAT_CIPHER,
	  "aes-128-cbc-pad", CIPHER, 0, 0 },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 192, KAT_CIPHER,
	  "aes-192-cbc-pad", CIPHER, 0, 0 },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 0, KAT_CIPHER,
	  "aes-256-cbc-pad", CIPHER, 0, 0 },
	{ "IndCpaTest", "AES-XTS", NULL, 256, KAT_CIPHER, "aes-128-xts",
	  CIPHER, 16, 0 },
	{ "IndCpaTest", "AES-XTS", NULL, 0, KAT_CIPHER, "aes-256-xts", CIPHER,
	  16, 0 },
	{ "KeywrapTest", "AES-WRAP", NULL, 128, KAT_CIPHER, "aes-128-kw",
	  WRAP, 0, 0 },
	{ "KeywrapTest", "AES-WRAP", NULL, 192, KAT_CIPHER, "aes-192-kw",
	  WRAP, 0, 0 },
	{ "KeywrapTest", "AES-WRAP", NULL, 0, KAT_CIPHER, "aes-256-kw", WRAP,
	  0, 0 },
	{ "MacTest", "HMACSHA1", NULL, 0, KAT_MAC, "hmac-sha1", MAC, 0, 0 },
	{ "MacTest", "HMACSHA224", NULL, 0, KAT_MAC, "hmac-sha2-224", MAC, 0, 0 },
	{ "MacTest", "HMACSHA256", NULL, 0, KAT_MAC, "hmac-sha2-256", MAC, 0, 0 },
	{ "MacTest", "HMACSHA384", NULL, 0, KAT_MAC, "hmac-sha2-384", MAC, 0, 0 },
	{ "MacTest", "HMACSHA512", NULL, 0, KAT_MAC, "hmac-sha2-512", MAC, 0, 0 },
	{ "MacTest", "SipHash-2-4", NULL, 0, KAT_MAC, "siphash-2-4", MAC, 0, 0 },
	{ "MacTest", "AES-CMAC", NULL, 128, KAT_MAC, "aes-128-cmac", MAC, 0, 0 },
	{ "MacTest", "AES-CMAC", NULL, 192, KAT_MAC, "aes-192-cmac", MAC, 0, 0 },
	{ "MacTest", "AES-CMAC", NULL, 0, KAT_MAC, "aes-256-cmac", MAC, 0, 0 },
	{ "EddsaVerify", "EDDSA", "edwards25519", 0, KAT_VERIFY, "ed25519",
	  { { "msg", KAT_MSG }, { "sig", KAT_TAG } }, 0, 0 },
	{ "EcdsaVerify", "ECDSA", "secp256r1", 0, KAT_VERIFY,
	  "ecdsa-p256-sha2-256", { { "msg", KAT_MSG }, { "sig", KAT_TAG } }, 0,
	  32 },
	{ "EcdsaVerify", "ECDSA", "secp384r1", 0, KAT_VERIFY,
	  "ecdsa-p384-sha2-384", { { "msg", KAT_MSG }, { "sig", KAT_TAG } }, 0,
	  48 },
	{ "EcdsaP1363Verify", "ECDSA", "secp256r1", 0, KAT_VERIFY,
	  "ecdsa-p256-sha2-256", { { "msg", KAT_MSG }, { "sig", KAT_TAG } }, 0,
	  0 },
	{ "EcdsaP1363Verify", "ECDSA", "secp384r1", 0, KAT_VERIFY,
	  "ecdsa-p384-sha2-384", { { "msg", KAT_MSG }, { "sig", KAT_TAG } }, 0,
	  0 },
	{ "HkdfTest", "HKDF-SHA-256", NULL, 0, KAT_KDF, "hkdf-sha2-256", HKDF, 0, 0 },
	{ "HkdfTest", "HKDF-SHA-384", NULL, 0, KAT_KDF, "hkdf-sha2-384", HKDF, 0, 0 },
	{ "HkdfTest", "HKDF-SHA-512", NULL, 0, KAT_KDF, "hkdf-sha2-512", HKDF, 0, 0 },
	{ "XdhComp", "XDH", "curve25519", 0, KAT_DERIVE, "x25519",
	  { { "private", KAT_KEY }, { "public", KAT_MSG },
	    { "shared", KAT_TAG } }, 0, 0 },
};

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* The key object of a group of signatures; older files call it "key". */
static const json_t *group_key(const json_t *group)
{
	const json_t *k = json_object_get(group, "publicKey");

	return k ? k : json_object_get(group, "key");
}

static const char *group_curve(const json_t *group)
{
	const char *s = text(group, "curve");

	return *s ? s : text(group_key(group), "curve");
}

static const struct suite *suite_of(const char *algorithm, const json_t *group)
{
	json_int_t bits = json_integer_value(json_object_get(group, "keySize"));

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		const struct suite *s = &suites[i];

		if (strcmp(s->type, text(group, "type")) == 0 &&
		    strcmp(s->algorithm, algorithm) == 0 &&
		    (!s->key_bits || s->key_bits == bits) &&
		    (!s->curve || strcmp(s->curve, group_curve(group)) == 0))
			return s;
	}
	return NULL;
}

static int read_verdict(const json_t *test, enum kat_verdict *v)
{
	const char *s = text(test, "result");

	if (strcmp(s, "valid") == 0)
		*v = KAT_VALID;
	else if (strcmp(s, "invalid") == 0)
		*v = KAT_INVALID;
	else if (strcmp(s, "acceptable") == 0)
		*v = KAT_ACCEPTABLE;
	else
		return -EINVAL;
	return 0;
}

/* A DER INTEGER that fits n bytes, not negative, in its shortest form, as n
 * bytes at to.  Return: bytes of it, 0: it is none. */
static size_t take_integer(const uint8_t *der, size_t len, uint8_t *to,
			   size_t n)
{
	size_t size = len > 2 ? der[1] : 0, zero;

	if (size == 0 || size > 0x7f || der[0] != 2 || len < 2 + size ||
	    der[2] & 0x80)
		return 0;
	zero = der[2] == 0 && size > 1;
	if ((zero && !(der[3] & 0x80)) || size - zero > n)
		return 0;
	memset(to, 0, n);
	memcpy(to + n - (size - zero), der + 2 + zero, size - zero);
	return 2 + size;
}

/* SEQUENCE { r, s } -> r || s.  False: it has no such form. */
static bool to_p1363(struct kat_bytes *sig, size_t n)
{
	const uint8_t *d = sig->data;
	size_t len = sig->len, r, s;
	uint8_t raw[2 * 48];

	if (len < 3 || d[0] != 0x30 || d[1] > 0x7f || d[1] != len - 2)
		return false;
	r = take_integer(d + 2, len - 2, raw, n);
	s = r ? take_integer(d + 2 + r, len - 2 - r, raw + n, n) : 0;
	if (!s || 2 + r + s != len)
		return false;
	free(sig->data);
	sig->data = malloc(2 * n);
	sig->len = sig->data ? 2 * n : 0;
	if (sig->data)
		memcpy(sig->data, raw, 2 * n);
	return sig->data != NULL;
}

static const char *public_of(const json_t *key)
{
	const char *s = text(key, "uncompressed");

	return *s ? s : text(key, "pk");
}

static int read_test(const struct suite *s, const json_t *group,
		     const json_t *test, struct kat_vector *v)
{
	int err = read_verdict(test, &v->verdict);

	snprintf(v->id, sizeof(v->id), "tcId %lld: %.60s",
		 (long long)json_integer_value(json_object_get(test, "tcId")),
		 text(test, "comment"));
	if (!err && s->kind == KAT_VERIFY)
		err = kat_field_hex(v, KAT_KEY, public_of(group_key(group)));
	v->size = (size_t)json_integer_value(json_object_get(test, "size"));
	for (size_t i = 0; !err && i < 6 && s->members[i].name; i++) {
		const json_t *m = json_object_get(test, s->members[i].name);

		if (!json_is_string(m))
			return -EINVAL;
		err = kat_field_hex(v, s->members[i].field,
				    json_string_value(m));
	}
	if (!err && s->nonce_len)
		err = kat_field_extend(v, KAT_NONCE, s->nonce_len);
	return err;
}

static int read_group(const char *algorithm, const json_t *group,
		      const struct kat_sink *sink, char *error, size_t size)
{
	const struct suite *s = suite_of(algorithm, group);
	const json_t *tests = json_object_get(group, "tests");
	size_t n = json_array_size(tests);
	char reason[160];

	if (!s) {
		snprintf(reason, sizeof(reason),
			 "no mechanism here for %.40s (%.30s)%s%.30s",
			 algorithm, text(group, "type"),
			 *group_curve(group) ? " on " : "",
			 group_curve(group));
		sink->skip(sink->arg, (unsigned int)n, reason);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct kat_vector v = { .kind = s->kind, .mech = s->mech };
		int err = read_test(s, group, json_array_get(tests, i), &v);

		if (!err && s->number && !to_p1363(&v.f[KAT_TAG], s->number))
			sink->skip(sink->arg, 1, "a signature whose DER is "
				   "no r || s");
		else if (!err)
			sink->vector(sink->arg, &v);
		else
			snprintf(error, size, "%s is malformed", v.id);
		kat_vector_free(&v);
		if (err)
			return err;
	}
	return 0;
}

int wycheproof_read(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size)
{
	json_error_t je;
	json_t *root = json_loadf(in, JSON_REJECT_DUPLICATES, &je);
	const json_t *groups = json_object_get(root, "testGroups");
	size_t n = json_array_size(groups);
	int err = 0;

	if (!root) {
		snprintf(error, size, "line %d: %.120s", je.line, je.text);
		return -EINVAL;
	}
	if (n == 0) {
		snprintf(error, size, "no testGroups: not Wycheproof");
		err = -EINVAL;
	}
	for (size_t i = 0; !err && i < n; i++)
		err = read_group(text(root, "algorithm"),
				 json_array_get(groups, i), sink, error, size);
	json_decref(root);
	return err;
}

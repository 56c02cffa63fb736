/* SPDX-License-Identifier: MIT */
/* Reads the JSON files of project Wycheproof (C2SP, testvectors_v1). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/number.h"
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
	const char *sha; /* of the group; NULL: it has none */
	const char *mgf_sha; /* of MGF1 */
	json_int_t salt; /* sLen of the group; 0: has none */
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

#define ANY NULL, NULL, 0 /* no digest, no MGF1, no salt */
#define SIGNATURE { { "msg", KAT_MSG }, { "sig", KAT_TAG } }
#define SEALED { { "msg", KAT_MSG }, { "ct", KAT_CT } }
#define BOX { { "key", KAT_KEY }, { "msg", KAT_MSG }, { "ct", KAT_CT } }
#define OAEP { { "msg", KAT_MSG }, { "ct", KAT_CT }, { "label", KAT_AAD } }
#define ECDH                                                                  \
	{ { "private", KAT_KEY }, { "public", KAT_MSG }, { "shared", KAT_TAG } }

/* The row without a key size has the keys of any other size, too: those are
 * to be refused. */
static const struct suite suites[] = {
	{ "AeadTest", "AES-GCM", NULL, 128, KAT_AEAD, "aes-128-gcm", AEAD, 0, 0, ANY },
	{ "AeadTest", "AES-GCM", NULL, 192, KAT_AEAD, "aes-192-gcm", AEAD, 0, 0, ANY },
	{ "AeadTest", "AES-GCM", NULL, 0, KAT_AEAD, "aes-256-gcm", AEAD, 0, 0, ANY },
	{ "AeadTest", "CHACHA20-POLY1305", NULL, 0, KAT_AEAD,
	  "chacha20-poly1305", AEAD, 0, 0, ANY },
	{ "AeadTest", "XCHACHA20-POLY1305", NULL, 0, KAT_AEAD,
	  "xchacha20-poly1305", AEAD, 0, 0, ANY },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 128, KAT_CIPHER,
	  "aes-128-cbc-pad", CIPHER, 0, 0, ANY },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 192, KAT_CIPHER,
	  "aes-192-cbc-pad", CIPHER, 0, 0, ANY },
	{ "IndCpaTest", "AES-CBC-PKCS5", NULL, 0, KAT_CIPHER,
	  "aes-256-cbc-pad", CIPHER, 0, 0, ANY },
	{ "IndCpaTest", "AES-XTS", NULL, 256, KAT_CIPHER, "aes-128-xts",
	  CIPHER, 16, 0, ANY },
	{ "IndCpaTest", "AES-XTS", NULL, 0, KAT_CIPHER, "aes-256-xts", CIPHER,
	  16, 0, ANY },
	{ "KeywrapTest", "AES-WRAP", NULL, 128, KAT_CIPHER, "aes-128-kw",
	  WRAP, 0, 0, ANY },
	{ "KeywrapTest", "AES-WRAP", NULL, 192, KAT_CIPHER, "aes-192-kw",
	  WRAP, 0, 0, ANY },
	{ "KeywrapTest", "AES-WRAP", NULL, 0, KAT_CIPHER, "aes-256-kw", WRAP,
	  0, 0, ANY },
	{ "MacTest", "HMACSHA1", NULL, 0, KAT_MAC, "hmac-sha1", MAC, 0, 0, ANY },
	{ "MacTest", "HMACSHA224", NULL, 0, KAT_MAC, "hmac-sha2-224", MAC, 0, 0, ANY },
	{ "MacTest", "HMACSHA256", NULL, 0, KAT_MAC, "hmac-sha2-256", MAC, 0, 0, ANY },
	{ "MacTest", "HMACSHA384", NULL, 0, KAT_MAC, "hmac-sha2-384", MAC, 0, 0, ANY },
	{ "MacTest", "HMACSHA512", NULL, 0, KAT_MAC, "hmac-sha2-512", MAC, 0, 0, ANY },
	{ "MacTest", "AES-CMAC", NULL, 128, KAT_MAC, "aes-128-cmac", MAC, 0, 0, ANY },
	{ "MacTest", "AES-CMAC", NULL, 192, KAT_MAC, "aes-192-cmac", MAC, 0, 0, ANY },
	{ "MacTest", "AES-CMAC", NULL, 0, KAT_MAC, "aes-256-cmac", MAC, 0, 0, ANY },
	{ "MacTest", "SipHash-2-4", NULL, 0, KAT_MAC, "siphash-2-4", MAC, 0, 0, ANY },
	{ "EddsaVerify", "EDDSA", "edwards25519", 0, KAT_VERIFY, "ed25519",
	  SIGNATURE, 0, 0, ANY },
	{ "EcdsaVerify", "ECDSA", "secp256r1", 0, KAT_VERIFY,
	  "ecdsa-p256-sha2-256", SIGNATURE, 0,
	  32, ANY },
	{ "EcdsaVerify", "ECDSA", "secp384r1", 0, KAT_VERIFY,
	  "ecdsa-p384-sha2-384", SIGNATURE, 0,
	  48, ANY },
	{ "EcdsaP1363Verify", "ECDSA", "secp256r1", 0, KAT_VERIFY,
	  "ecdsa-p256-sha2-256", SIGNATURE, 0,
	  0, ANY },
	{ "EcdsaP1363Verify", "ECDSA", "secp384r1", 0, KAT_VERIFY,
	  "ecdsa-p384-sha2-384", SIGNATURE, 0,
	  0, ANY },
	{ "HkdfTest", "HKDF-SHA-256", NULL, 0, KAT_KDF, "hkdf-sha2-256", HKDF, 0,
	  0, ANY },
	{ "HkdfTest", "HKDF-SHA-384", NULL, 0, KAT_KDF, "hkdf-sha2-384", HKDF, 0,
	  0, ANY },
	{ "HkdfTest", "HKDF-SHA-512", NULL, 0, KAT_KDF, "hkdf-sha2-512", HKDF, 0,
	  0, ANY },
	{ "XdhComp", "XDH", "curve25519", 0, KAT_DERIVE, "x25519", ECDH, 0, 0, ANY },
	{ "EcdhTest", "ECDH", "secp256r1", 0, KAT_DERIVE, "ecdh-p256", ECDH, 0,
	  32, ANY },
	{ "EcdhTest", "ECDH", "secp384r1", 0, KAT_DERIVE, "ecdh-p384", ECDH, 0,
	  48, ANY },
	{ "EcdhEcpointTest", "ECDH", "secp256r1", 0, KAT_DERIVE, "ecdh-p256",
	  ECDH, 0, 32, ANY },
	{ "EcdhEcpointTest", "ECDH", "secp384r1", 0, KAT_DERIVE, "ecdh-p384",
	  ECDH, 0, 48, ANY },
	{ "RsassaPkcs1Verify", "RSASSA-PKCS1-v1_5", NULL, 0, KAT_VERIFY,
	  "rsa-pkcs1-sha2-256", SIGNATURE, 0, 0, "SHA-256", NULL, 0 },
	{ "RsassaPkcs1Verify", "RSASSA-PKCS1-v1_5", NULL, 0, KAT_VERIFY,
	  "rsa-pkcs1-sha2-384", SIGNATURE, 0, 0, "SHA-384", NULL, 0 },
	{ "RsassaPkcs1Verify", "RSASSA-PKCS1-v1_5", NULL, 0, KAT_VERIFY,
	  "rsa-pkcs1-sha2-512", SIGNATURE, 0, 0, "SHA-512", NULL, 0 },
	{ "RsassaPssVerify", "RSASSA-PSS", NULL, 0, KAT_VERIFY,
	  "rsa-pss-sha2-256", SIGNATURE, 0, 0, "SHA-256", "SHA-256", 32 },
	{ "RsassaPssVerify", "RSASSA-PSS", NULL, 0, KAT_VERIFY,
	  "rsa-pss-sha2-384", SIGNATURE, 0, 0, "SHA-384", "SHA-384", 48 },
	{ "RsassaPssVerify", "RSASSA-PSS", NULL, 0, KAT_VERIFY,
	  "rsa-pss-sha2-512", SIGNATURE, 0, 0, "SHA-512", "SHA-512", 64 },
	{ "RsaesPkcs1Decrypt", "RSAES-PKCS1-v1_5", NULL, 0, KAT_SEALED,
	  "rsa-pkcs1", SEALED, 0, 0, ANY },
	{ "RsaesOaepDecrypt", "RSAES-OAEP", NULL, 0, KAT_SEALED,
	  "rsa-oaep-sha1", OAEP, 0, 0, "SHA-1", "SHA-1", 0 },
	{ "RsaesOaepDecrypt", "RSAES-OAEP", NULL, 0, KAT_SEALED,
	  "rsa-oaep-sha2-256", OAEP, 0, 0, "SHA-256", "SHA-256", 0 },
	/* ours: there is none of theirs */
	{ "SealedBoxOpen", "X25519-SEALED-BOX", NULL, 0, KAT_SEALED,
	  "x25519-sealed-box", BOX, 0, 0, ANY },
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
		    (!s->sha || strcmp(s->sha, text(group, "sha")) == 0) &&
		    (!s->mgf_sha ||
		     strcmp(s->mgf_sha, text(group, "mgfSha")) == 0) &&
		    (!s->salt || s->salt == json_integer_value(json_object_get(
						     group, "sLen"))) &&
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

/* A key of RSA is the group's, in DER. */
static const char *rsa_key(const struct suite *s, const json_t *group)
{
	if (s->kind == KAT_SEALED)
		return text(group, "privateKeyPkcs8");
	return *text(group, "publicKeyAsn") ? text(group, "publicKeyAsn") :
					      text(group, "keyAsn");
}

/* ECDH: the secret key is a number, the public one a point or
 * SubjectPublicKeyInfo (RFC 5480) around it.  NULL: none of these. */
static const char *point_of(const struct suite *s, const char *public)
{
	static const char *const before[] = {
		"3059301306072a8648ce3d020106082a8648ce3d030107034200",
		"3076301006072a8648ce3d020106052b81040022036200",
	};
	size_t n = strlen(before[s->number == 48]);

	if (strcmp(s->type, "EcdhEcpointTest") == 0)
		return public;
	return strncmp(public, before[s->number == 48], n) == 0 ? public + n :
								  NULL;
}

static int read_ecdh(const struct suite *s, const json_t *test,
		     struct kat_vector *v, const char **skip)
{
	const char *point = point_of(s, text(test, "public"));
	struct number secret;
	int err;

	*skip = NULL;
	if (!point)
		*skip = "a public key that is in no form of a named curve";
	else if (!number_hex(text(test, "private"), s->number, &secret))
		*skip = "a secret key that is longer than the order";
	if (*skip)
		return 0;
	err = kat_field_hex(v, KAT_KEY, secret.hex);
	if (!err)
		err = kat_field_hex(v, KAT_MSG, point);
	return err;
}

static int read_test(const struct suite *s, const json_t *group,
		     const json_t *test, struct kat_vector *v)
{
	int err = read_verdict(test, &v->verdict);

	snprintf(v->id, sizeof(v->id), "tcId %lld: %.60s",
		 (long long)json_integer_value(json_object_get(test, "tcId")),
		 text(test, "comment"));
	if (!err && strncmp(s->algorithm, "RSA", 3) == 0)
		err = kat_field_hex(v, KAT_KEY, rsa_key(s, group));
	else if (!err && s->kind == KAT_VERIFY)
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

static void why_none(const char *algorithm, const json_t *group, char *reason,
		     size_t size)
{
	int n = snprintf(reason, size,
			 "no mechanism here for %.40s (%.30s)%s%.30s",
			 algorithm, text(group, "type"),
			 *group_curve(group) ? " on " : "",
			 group_curve(group));

	if (*text(group, "sha") && (size_t)n < size)
		n += snprintf(reason + n, size - (size_t)n, " with %.16s",
			      text(group, "sha"));
	if (*text(group, "mgfSha") && (size_t)n < size)
		n += snprintf(reason + n, size - (size_t)n, ", MGF1 with %.16s",
			      text(group, "mgfSha"));
	if (json_object_get(group, "sLen") && (size_t)n < size)
		snprintf(reason + n, size - (size_t)n, ", a salt of %lld bytes",
			 (long long)json_integer_value(
				 json_object_get(group, "sLen")));
}

/* Of RSA: keys of some sizes only. */
static bool is_taken(const struct suite *s, const json_t *group, char *reason,
		     size_t size)
{
	const json_t *key = s->kind == KAT_SEALED ?
				    json_object_get(group, "privateKey") :
				    group_key(group);

	if (strncmp(s->algorithm, "RSA", 3) != 0)
		return true;
	return number_is_rsa(text(key, "modulus"), text(key, "publicExponent"),
			     reason, size);
}

static int read_group(const char *algorithm, const json_t *group,
		      const struct kat_sink *sink, char *error, size_t size)
{
	const struct suite *s = suite_of(algorithm, group);
	const json_t *tests = json_object_get(group, "tests");
	size_t n = json_array_size(tests);
	char reason[160];

	if (!s)
		why_none(algorithm, group, reason, sizeof(reason));
	if (!s || !is_taken(s, group, reason, sizeof(reason))) {
		sink->skip(sink->arg, (unsigned int)n, reason);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct kat_vector v = { .kind = s->kind, .mech = s->mech };
		const json_t *test = json_array_get(tests, i);
		int err = read_test(s, group, test, &v);
		const char *skip = NULL;

		if (!err && s->number && s->kind == KAT_DERIVE)
			err = read_ecdh(s, test, &v, &skip);
		if (!err && skip)
			sink->skip(sink->arg, 1, skip);
		else if (!err && s->number && s->kind == KAT_VERIFY &&
			 !to_p1363(&v.f[KAT_TAG], s->number))
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

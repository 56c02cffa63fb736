/* SPDX-License-Identifier: MIT */
/*
 * Reads NIST CAVP response files (.rsp).  A file is a list of records of
 * "Name = value" lines, each ended by a blank line; "[Name = value]" lines say
 * what holds for the records that follow.  Which algorithm it is follows from
 * the names in a record, and for digests from the heading comment, since
 * SHA-256 and SHA-512/256 records look alike.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/kat/vector.h"

enum rsp_have {
	HAVE_COUNT = 0x01,
	HAVE_LEN = 0x02,
	HAVE_MD = 0x04,
	HAVE_SEED = 0x08,
	HAVE_TAG = 0x10,
	HAVE_IV = 0x20,
	HAVE_MAC = 0x40,
	HAVE_KEY = 0x80,
	HAVE_OTHER = 0x100,
	HAVE_CT = 0x200,
	HAVE_UNIT = 0x400,
	HAVE_OKM = 0x800,
	HAVE_SIZE = 0x1000,
	HAVE_HASH = 0x2000
};

struct rsp {
	struct kat_vector v; /* the record that is being read */
	unsigned int have;   /* enum rsp_have */
	unsigned int lines;  /* of the record */
	unsigned long len_bits;
	unsigned long digest_len; /* [L = 32] */
	const char *digest;	  /* mechanism or mode, by the heading */
	const char *kdf;	  /* by the record's hash; NULL: unknown here */
	char seed[132];		  /* Monte: hex */
	char other[32];		  /* a name that is not known here */
	const struct kat_sink *sink;
};

static const struct {
	const char *name;
	unsigned int have;
	int field; /* enum kat_field, -1: not bytes */
} names[] = {
	{ "Count", HAVE_COUNT, -1 },
	{ "Len", HAVE_LEN, -1 },
	{ "Klen", 0, -1 },
	{ "Tlen", 0, -1 },
	{ "Msg", 0, KAT_MSG },
	{ "MD", HAVE_MD, KAT_TAG },
	{ "Key", HAVE_KEY, KAT_KEY },
	{ "IV", HAVE_IV, KAT_NONCE },
	{ "AAD", 0, KAT_AAD },
	{ "PT", 0, KAT_MSG },
	{ "CT", HAVE_CT, KAT_CT },
	{ "PLAINTEXT", 0, KAT_MSG },
	{ "CIPHERTEXT", HAVE_CT, KAT_CT },
	{ "K", 0, KAT_KEY },
	{ "P", 0, KAT_MSG },
	{ "C", HAVE_CT, KAT_CT },
	{ "i", 0, KAT_NONCE },
	{ "DataUnitLen", HAVE_UNIT, -1 },
	{ "Tag", HAVE_TAG, KAT_TAG },
	{ "Mac", HAVE_MAC, KAT_TAG },
	{ "Message", 0, KAT_MSG },
	{ "Output", HAVE_MAC, KAT_TAG },
	{ "Hash", HAVE_HASH, -1 },
	{ "IKM", 0, KAT_KEY },
	{ "salt", 0, KAT_MSG },
	{ "info", 0, KAT_AAD },
	{ "L", HAVE_SIZE, -1 },
	{ "PRK", 0, -1 },
	{ "OKM", HAVE_OKM, KAT_TAG },
};

static const struct {
	const char *hash;
	const char *mech;
} kdfs[] = {
	{ "SHA-256", "hkdf-sha2-256" },
	{ "SHA-384", "hkdf-sha2-384" },
	{ "SHA-512", "hkdf-sha2-512" },
};

/* Headings: longer names first. */
static const struct {
	const char *text;
	const char *mech; /* NULL: unknown here */
} headings[] = {
	{ "inverse cipher", NULL },
	{ " test data for CBC", "cbc" },
	{ "AES Counter ", "ctr" },
	{ "XTSGen ", "xts" },
	{ " KW-AE ", "kw" },
	{ " KW-AD ", "kw" },
	{ "HMAC-SHA-1", "hmac-sha1" },
	{ "HMAC-SHA224", "hmac-sha2-224" },
	{ "HMAC-SHA256", "hmac-sha2-256" },
	{ "HMAC-SHA384", "hmac-sha2-384" },
	{ "HMAC-SHA512", "hmac-sha2-512" },
	{ "HMAC-", NULL },
	{ "AES-128-CMAC", "aes-128-cmac" },
	{ "AES-192-CMAC", "aes-192-cmac" },
	{ "AES-256-CMAC", "aes-256-cmac" },
	{ "SHA-512/256 ", "sha2-512-256" },
	{ "SHA-512/", NULL },
	{ "SHA3-224 ", "sha3-224" },
	{ "SHA3-256 ", "sha3-256" },
	{ "SHA3-384 ", "sha3-384" },
	{ "SHA3-512 ", "sha3-512" },
	{ "SHAKE", NULL },
	{ "BLAKE2b ", "blake2b" },
	{ "SHA-1 ", "sha1" },
	{ "SHA-224 ", "sha2-224" },
	{ "SHA-256 ", "sha2-256" },
	{ "SHA-384 ", "sha2-384" },
	{ "SHA-512 ", "sha2-512" },
};

static void record_reset(struct rsp *r)
{
	kat_vector_free(&r->v);
	memset(&r->v, 0, sizeof(r->v));
	r->have = 0;
	r->lines = 0;
	r->kdf = NULL;
	r->other[0] = '\0';
}

static void skip(struct rsp *r, const char *reason)
{
	r->sink->skip(r->sink->arg, 1, reason);
}

static void give(struct rsp *r, enum kat_kind kind, const char *mech)
{
	r->v.kind = kind;
	r->v.mech = mech;
	r->sink->vector(r->sink->arg, &r->v);
}

static void end_digest(struct rsp *r)
{
	if (!r->digest || r->v.f[KAT_TAG].len != r->digest_len) {
		skip(r, "no mechanism here for this digest");
		return;
	}
	if (r->len_bits % 8 || r->len_bits / 8 > r->v.f[KAT_MSG].len) {
		skip(r, "message of a number of bits that is no whole byte");
		return;
	}
	r->v.f[KAT_MSG].len = r->len_bits / 8;
	give(r, KAT_DIGEST, r->digest);
}

static void end_monte(struct rsp *r)
{
	size_t n = r->v.f[KAT_TAG].len;

	if (r->digest && strncmp(r->digest, "sha3-", 5) == 0) {
		skip(r, "the Monte Carlo test of SHA-3 is another");
		return;
	}
	if (!r->digest || kat_field_hex(&r->v, KAT_MSG, r->seed) < 0 ||
	    n != r->digest_len || r->v.f[KAT_MSG].len != n) {
		skip(r, "no mechanism here for this digest");
		return;
	}
	give(r, KAT_MONTE, r->digest);
	for (size_t i = 0; i < n && i < 64; i++)
		snprintf(r->seed + 2 * i, 3, "%02x", r->v.f[KAT_TAG].data[i]);
}

static void end_mac(struct rsp *r)
{
	bool named = r->digest && strstr(r->digest, "mac");

	if (named)
		give(r, KAT_MAC, r->digest);
	else if (r->digest_len == 32)
		give(r, KAT_MAC, "hmac-sha2-256");
	else
		skip(r, "HMAC with a digest that the file does not name");
}

static void end_gcm(struct rsp *r)
{
	switch (r->v.f[KAT_KEY].len) {
	case 16:
		return give(r, KAT_AEAD, "aes-128-gcm");
	case 24:
		return give(r, KAT_AEAD, "aes-192-gcm");
	default: /* refused, if it is not 32 */
		return give(r, KAT_AEAD, "aes-256-gcm");
	}
}

/* Modes of AES by the size of their keys. */
static const struct {
	const char *mode;
	size_t key_len;
	const char *mech;
} ciphers[] = {
	{ "cbc", 16, "aes-128-cbc" }, { "cbc", 24, "aes-192-cbc" },
	{ "cbc", 32, "aes-256-cbc" }, { "ctr", 16, "aes-128-ctr" },
	{ "ctr", 24, "aes-192-ctr" }, { "ctr", 32, "aes-256-ctr" },
	{ "xts", 32, "aes-128-xts" }, { "xts", 64, "aes-256-xts" },
	{ "kw", 16, "aes-128-kw" },   { "kw", 24, "aes-192-kw" },
	{ "kw", 32, "aes-256-kw" },
};

static void end_cipher(struct rsp *r)
{
	if ((r->have & HAVE_UNIT) && r->len_bits % 8) {
		skip(r, "data unit of a number of bits that is no whole byte");
		return;
	}
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (r->digest && strcmp(r->digest, ciphers[i].mode) == 0 &&
		    r->v.f[KAT_KEY].len == ciphers[i].key_len) {
			give(r, KAT_CIPHER, ciphers[i].mech);
			return;
		}
	skip(r, "no mechanism here for this cipher");
}

static void end_kdf(struct rsp *r)
{
	if (!r->kdf)
		skip(r, "no mechanism here for HKDF with this digest");
	else if (r->v.size != r->v.f[KAT_TAG].len)
		skip(r, "HKDF: L is not the length of OKM");
	else
		give(r, KAT_KDF, r->kdf);
}

static void end_record(struct rsp *r)
{
	char reason[96];

	if (r->lines == 0)
		return;
	if ((r->have & (HAVE_OTHER | HAVE_SEED)) == HAVE_OTHER) {
		snprintf(reason, sizeof(reason),
			 "CAVP record with %s: not known here", r->other);
		skip(r, reason);
	} else if (r->have & HAVE_OKM) {
		end_kdf(r);
	} else if ((r->have & HAVE_MAC) ||
		   (r->have & (HAVE_KEY | HAVE_MD)) == (HAVE_KEY | HAVE_MD)) {
		end_mac(r);
	} else if ((r->have & HAVE_TAG) && (r->have & HAVE_IV)) {
		end_gcm(r);
	} else if ((r->have & (HAVE_TAG | HAVE_KEY | HAVE_CT)) ==
		   (HAVE_TAG | HAVE_KEY)) {
		give(r, KAT_MAC, "poly1305"); /* or refused by its sizes */
	} else if (r->have & HAVE_CT) {
		end_cipher(r);
	} else if (r->have & HAVE_LEN) {
		end_digest(r);
	} else if ((r->have & HAVE_MD) && r->seed[0]) {
		end_monte(r);
	} else if (!(r->have & HAVE_SEED)) {
		skip(r, "CAVP record without anything to compare");
	}
	record_reset(r);
}

static void read_heading(struct rsp *r, const char *line)
{
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++) {
		if (!strstr(line, headings[i].text))
			continue;
		r->digest = headings[i].mech;
		return;
	}
}

/* "[L = 32]"; SHA-3's files count bits. */
static void read_section(struct rsp *r, const char *line)
{
	if (sscanf(line, "[L = %lu", &r->digest_len) != 1 &&
	    sscanf(line, "[L=%lu", &r->digest_len) != 1)
		return;
	if (r->digest_len > 64)
		r->digest_len /= 8;
}

static const char *kdf_of(const char *hash)
{
	for (size_t i = 0; i < sizeof(kdfs) / sizeof(kdfs[0]); i++)
		if (strcmp(kdfs[i].hash, hash) == 0)
			return kdfs[i].mech;
	return NULL;
}

static int read_value(struct rsp *r, const char *name, const char *value)
{
	if (strcasecmp(name, "Seed") == 0) {
		r->have |= HAVE_SEED;
		snprintf(r->seed, sizeof(r->seed), "%s", value);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(names[i].name, name) != 0)
			continue;
		r->have |= names[i].have;
		if (names[i].have == HAVE_COUNT || names[i].have == HAVE_LEN)
			snprintf(r->v.id, sizeof(r->v.id), "%s %.20s", name,
				 value);
		if (names[i].have == HAVE_LEN || names[i].have == HAVE_UNIT)
			r->len_bits = strtoul(value, NULL, 10);
		if (names[i].have == HAVE_SIZE)
			r->v.size = strtoul(value, NULL, 10);
		if (names[i].have == HAVE_HASH)
			r->kdf = kdf_of(value);
		if (names[i].field < 0)
			return 0;
		return kat_field_hex(&r->v, (enum kat_field)names[i].field,
				     value);
	}
	r->have |= HAVE_OTHER;
	snprintf(r->other, sizeof(r->other), "%.31s", name);
	return 0;
}

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

/* RFC 5869's records have blank lines behind their number, and before what is
 * expected. */
static bool goes_on(const struct rsp *r)
{
	return r->have == HAVE_COUNT ||
	       (r->have & (HAVE_HASH | HAVE_OKM)) == HAVE_HASH;
}

static int read_line(struct rsp *r, char *line)
{
	char *eq;

	line = trim(line);
	if (*line == '\0') {
		if (!goes_on(r))
			end_record(r);
		return 0;
	}
	if (*line == '#') {
		if (r->lines == 0)
			read_heading(r, line);
		return 0;
	}
	if (*line == '[') {
		end_record(r);
		read_section(r, line);
		return 0;
	}
	r->lines++;
	eq = strchr(line, '=');
	if (!eq) {
		if (strcmp(line, "FAIL") != 0)
			return -EINVAL;
		r->v.verdict = KAT_INVALID;
		return 0;
	}
	*eq = '\0';
	return read_value(r, trim(line), trim(eq + 1));
}

int rsp_read(FILE *in, const struct kat_sink *sink, char *error, size_t size)
{
	struct rsp r = { .sink = sink };
	unsigned int n = 0;
	size_t room = 0;
	char *line = NULL;
	int err = 0;

	while (!err && getline(&line, &room, in) > 0) {
		n++;
		err = read_line(&r, line);
	}
	if (err)
		snprintf(error, size, "line %u: not a CAVP response file", n);
	else
		end_record(&r);
	record_reset(&r);
	free(line);
	return err;
}

/* SPDX-License-Identifier: MIT */
/* Owns the form in which a test vector leaves its file and enters a run. */
#ifndef TESTS_KAT_VECTOR_H
#define TESTS_KAT_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum kat_kind {
	KAT_AEAD,   /* KEY, NONCE, AAD, MSG, CT, TAG */
	KAT_CIPHER, /* KEY, NONCE, MSG, CT */
	KAT_MAC,    /* KEY, MSG, TAG */
	KAT_VERIFY, /* KEY = public key, MSG, TAG = signature */
	KAT_SEALED, /* KEY = secret key, AAD = label, MSG, CT: encryption to its
		       public part */
	KAT_DERIVE, /* KEY = secret key, MSG = the peer's public key, TAG */
	KAT_KDF,    /* KEY, MSG = salt, AAD = info, TAG = what is derived */
	KAT_DIGEST, /* MSG, TAG = digest */
	KAT_SIGN,   /* KEY = secret key, CT = public key, MSG, TAG = signature */
	KAT_MONTE   /* MSG = seed, TAG = the digest after 1000 rounds */
};

enum kat_verdict { KAT_VALID, KAT_INVALID, KAT_ACCEPTABLE };

enum kat_field {
	KAT_KEY,
	KAT_NONCE,
	KAT_AAD,
	KAT_MSG,
	KAT_CT,
	KAT_TAG,
	KAT_FIELDS
};

struct kat_bytes {
	uint8_t *data; /* NULL iff len is 0 */
	size_t len;
};

struct kat_vector {
	enum kat_kind kind;
	enum kat_verdict verdict;
	const char *mech; /* name */
	char id[96];	  /* for people: "tcId 17: modified tag" */
	struct kat_bytes f[KAT_FIELDS];
	size_t size; /* KAT_KDF: bytes to derive */
};

/* Where a reader puts what it finds. */
struct kat_sink {
	void (*vector)(void *arg, const struct kat_vector *v);
	/* n vectors that nobody here can run, and why. */
	void (*skip)(void *arg, unsigned int n, const char *reason);
	void *arg;
};

/* Replace a field by the bytes that hex spells.  0, -EINVAL, -ENOMEM. */
int kat_field_hex(struct kat_vector *v, enum kat_field f, const char *hex);
/* Lengthen a shorter one to len bytes, by zeros.  0, -ENOMEM. */
int kat_field_extend(struct kat_vector *v, enum kat_field f, size_t len);
void kat_vector_free(struct kat_vector *v);

/*
 * Wycheproof JSON, sign.input, NIST CAVP response files: 0, -EINVAL (malformed: error says
 * what), -errno.
 */
int wycheproof_read(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size);
int sign_input_read(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size);
int rsp_read(FILE *in, const struct kat_sink *sink, char *error, size_t size);
/* CAVP files of key pairs, text files of RSA encryption. */
int pairs_read(FILE *in, const struct kat_sink *sink, char *error, size_t size);
int pkcs_read(FILE *in, const struct kat_sink *sink, char *error, size_t size);

#endif

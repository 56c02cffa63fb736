/* SPDX-License-Identifier: MIT */
/*
 * Owns what signatures and encryption by RSA share: the reader of keys, and the
 * library's object for a key, which is a template's or made for the job.
 */
#ifndef PROVIDERS_OPENSSL_RSA_H
#define PROVIDERS_OPENSSL_RSA_H

#include <openssl/evp.h>

#include "providers/openssl/openssl.h"

#define RSA_MODULUS_MAX 512u /* bytes */

/* In the order of RSAPrivateKey. */
enum { N, E, D, P, Q, DP, DQ, QINV, NUMBERS };

/* The numbers of a key, big-endian without leading zeros: they point into its
 * DER. */
struct rsa_key {
	struct ukcf_bytes n[NUMBERS];
	unsigned int count; /* 2: a public key */
};

/* False: it is none, or of another size than is offered. */
int ossl_rsa_read(struct ukcf_bytes der, int secret, struct rsa_key *k);

/* The job's key, whose numbers are k: its template's, or a new one.  NULL: no
 * memory. */
EVP_PKEY *ossl_rsa_borrow(const struct ukcf_instance *self,
			  const struct ukcf_job *job, const struct rsa_key *k);
/* Afterwards; NULL is allowed. */
void ossl_rsa_return(const struct ukcf_job *job, EVP_PKEY *key);

enum ukcf_status ossl_rsa_refuse_key(struct ukcf_job *job);

/* What all kinds of RSA have. */
enum ukcf_status ossl_rsa_generate(struct ukcf_instance *self,
				   struct ukcf_job *job);
enum ukcf_status ossl_rsa_public_key(struct ukcf_instance *self,
				     struct ukcf_job *job);
enum ukcf_status ossl_rsa_check_key(struct ukcf_instance *self,
				    struct ukcf_job *job);
enum ukcf_status ossl_rsa_init_tmpl(struct ukcf_instance *self,
				    struct ukcf_job *job);

#define OSSL_RSA_KEYS                                                         \
	.generate = ossl_rsa_generate, .public_key = ossl_rsa_public_key,     \
	.check_key = ossl_rsa_check_key, .init_tmpl = ossl_rsa_init_tmpl,     \
	.drop_tmpl = ossl_drop_key

#endif

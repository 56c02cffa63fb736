/* SPDX-License-Identifier: MIT */
/*
 * Owns what the files of this provider share: its instance and one table of
 * entry points per kind of mechanism.
 *
 * What a multipart state or a template points to is the library's: none is
 * flat.
 *
 * The EVP interface allocates in every job, so no offer is NOSLEEP; and it
 * does not say how often it reads its input, so none is single-pass: the
 * daemon gives it private copies.
 */
#ifndef PROVIDERS_OPENSSL_OPENSSL_H
#define PROVIDERS_OPENSSL_OPENSSL_H

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <ukcf/provider.h>

#define OSSL_OFFERS_MAX 64
#define OSSL_CTX_SIZE 32u /* bytes of a multipart state: what it points to */
#define OSSL_TMPL_SIZE sizeof(void *) /* likewise of a template */

/*
 * A library context of our own: neither the configuration nor the engines of
 * the process that we are a guest in change what a mechanism does.
 */
struct ukcf_instance {
	OSSL_LIB_CTX *lib;
	/* What fetch() of the row with this index made. */
	void *algo[OSSL_OFFERS_MAX];
};

/* A row of the provider: an offer, and the algorithm beneath it. */
struct ossl_row {
	struct ukcf_offer offer;
	const struct ossl_kind *kind;
	const char *name;   /* for fetch() */
	uint16_t key_bytes; /* that generate() makes; 0: there is none */
};

/* How the algorithm of a row is had and given back. */
struct ossl_kind {
	void *(*fetch)(OSSL_LIB_CTX *lib, const char *name);
	void (*release)(void *algo);
	struct ukcf_mech_ops ops;
};

extern const struct ossl_kind ossl_digest;
extern const struct ossl_kind ossl_hmac;
extern const struct ossl_kind ossl_cmac;
extern const struct ossl_kind ossl_aead;
extern const struct ossl_kind ossl_cbc;
extern const struct ossl_kind ossl_cbc_pad;
extern const struct ossl_kind ossl_ctr;
extern const struct ossl_kind ossl_xts;
extern const struct ossl_kind ossl_kw;
extern const struct ossl_kind ossl_hkdf;
extern const struct ossl_kind ossl_kex;
extern const struct ossl_kind ossl_eddsa;
extern const struct ossl_kind ossl_ecdsa;
extern const struct ossl_kind ossl_ecdh;
extern const struct ossl_kind ossl_rsa_pkcs1;
extern const struct ossl_kind ossl_rsa_pss;
extern const struct ossl_kind ossl_rsaes_pkcs1;
extern const struct ossl_kind ossl_rsaes_oaep;

/* AES in counter mode and HMAC over its ciphertext, in one pass (dual.c). */
enum ukcf_status ossl_ctr_hmac(struct ukcf_instance *self,
			       struct ukcf_dual_job *job);

/* The fetched algorithm of the job's mechanism. */
void *ossl_algo(const struct ukcf_instance *self, const struct ukcf_job *job);

/* The name of the row of the job's mechanism. */
const char *ossl_name(const struct ukcf_job *job);

const struct ossl_kind *ossl_kind_of(const struct ukcf_job *job);

/* generate for keys that any bytes are: random ones from the kernel */
enum ukcf_status ossl_generate(struct ukcf_instance *self,
			       struct ukcf_job *job);

/* A template that is a key: init_tmpl, whose key (NULL: no memory) is the
 * template's from now on; what a job finds there; drop_tmpl. */
enum ukcf_status ossl_keep_key(struct ukcf_job *job, EVP_PKEY *key);
EVP_PKEY *ossl_kept_key(const struct ukcf_job *job);
enum ukcf_status ossl_drop_key(struct ukcf_instance *self,
			       struct ukcf_job *job);

static inline enum ukcf_status ossl_done(struct ukcf_job *job, int64_t res)
{
	job->res = res;
	return UKCF_DONE;
}

static inline enum ukcf_status ossl_refuse(struct ukcf_job *job, int err,
					   enum ukcf_detail detail)
{
	job->res = err;
	job->detail = detail;
	return UKCF_DONE;
}

/* The library could not: for want of memory, as all sizes are right. */
static inline enum ukcf_status ossl_no_memory(struct ukcf_job *job)
{
	return ossl_refuse(job, -ENOMEM, UKCF_DETAIL_NONE);
}

#endif

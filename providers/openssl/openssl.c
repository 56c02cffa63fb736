/* SPDX-License-Identifier: MIT */
/*
 * The provider's description and entry point.  Costs are rough: the daemon
 * replaces them by what it measures.
 */
#include "providers/openssl/openssl.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROW_(mech_, flags_, kind_, name_, key_, ns, ps)                       \
	{ .offer = { .mech = UKCF_MECH_##mech_,                               \
		     .flags = UKCF_OFFER_CALLER | flags_,                     \
		     .cost_ns = ns,                                           \
		     .cost_ps_per_byte = ps },                                \
	  .kind = &ossl_##kind_,                                              \
	  .name = name_,                                                      \
	  .key_bytes = key_ }

#define ROW(mech_, ...) ROW_(mech_, 0, __VA_ARGS__)
#define SLOW(mech_, ...) ROW_(mech_, UKCF_OFFER_SLOW, __VA_ARGS__)

static const struct ossl_row rows[] = {
	ROW(SHA1, digest, "SHA1", 0, 300, 1000),
	ROW(SHA2_224, digest, "SHA2-224", 0, 300, 2000),
	ROW(SHA2_256, digest, "SHA2-256", 0, 300, 2000),
	ROW(SHA2_384, digest, "SHA2-384", 0, 350, 1300),
	ROW(SHA2_512, digest, "SHA2-512", 0, 350, 1300),
	ROW(SHA2_512_256, digest, "SHA2-512/256", 0, 350, 1300),
	ROW(SHA3_224, digest, "SHA3-224", 0, 500, 2000),
	ROW(SHA3_256, digest, "SHA3-256", 0, 500, 2100),
	ROW(SHA3_384, digest, "SHA3-384", 0, 500, 2700),
	ROW(SHA3_512, digest, "SHA3-512", 0, 500, 3900),
	ROW(HMAC_SHA1, hmac, "SHA1", 20, 1000, 1000),
	ROW(HMAC_SHA2_224, hmac, "SHA2-224", 28, 1000, 2000),
	ROW(HMAC_SHA2_256, hmac, "SHA2-256", 32, 1000, 2000),
	ROW(HMAC_SHA2_384, hmac, "SHA2-384", 48, 1400, 1300),
	ROW(HMAC_SHA2_512, hmac, "SHA2-512", 64, 1400, 1300),
	ROW(AES_128_CMAC, cmac, "AES-128-CBC", 16, 900, 700),
	ROW(AES_192_CMAC, cmac, "AES-192-CBC", 24, 900, 850),
	ROW(AES_256_CMAC, cmac, "AES-256-CBC", 32, 900, 1000),
	ROW(AES_128_GCM, aead, "AES-128-GCM", 16, 600, 250),
	ROW(AES_192_GCM, aead, "AES-192-GCM", 24, 600, 270),
	ROW(AES_256_GCM, aead, "AES-256-GCM", 32, 600, 300),
	ROW(CHACHA20_POLY1305, aead, "ChaCha20-Poly1305", 32, 700, 600),
	ROW(AES_128_CBC, cbc, "AES-128-CBC", 16, 500, 700),
	ROW(AES_192_CBC, cbc, "AES-192-CBC", 24, 500, 700),
	ROW(AES_256_CBC, cbc, "AES-256-CBC", 32, 500, 700),
	ROW(AES_128_CBC_PAD, cbc_pad, "AES-128-CBC", 16, 500, 700),
	ROW(AES_192_CBC_PAD, cbc_pad, "AES-192-CBC", 24, 500, 700),
	ROW(AES_256_CBC_PAD, cbc_pad, "AES-256-CBC", 32, 500, 700),
	ROW(AES_128_CTR, ctr, "AES-128-CTR", 16, 500, 200),
	ROW(AES_192_CTR, ctr, "AES-192-CTR", 24, 500, 200),
	ROW(AES_256_CTR, ctr, "AES-256-CTR", 32, 500, 200),
	ROW(AES_128_XTS, xts, "AES-128-XTS", 32, 600, 250),
	ROW(AES_256_XTS, xts, "AES-256-XTS", 64, 600, 250),
	ROW(AES_128_KW, kw, "AES-128-WRAP", 16, 600, 30000),
	ROW(AES_192_KW, kw, "AES-192-WRAP", 24, 600, 30000),
	ROW(AES_256_KW, kw, "AES-256-WRAP", 32, 600, 30000),
	SLOW(ED25519, eddsa, "ED25519", 32, 100000, 3000),
	SLOW(ECDSA_P256, ecdsa, "P-256", 32, 120000, 2000),
	SLOW(ECDSA_P384, ecdsa, "P-384", 48, 1000000, 1300),
	SLOW(RSA_PKCS1_SHA2_256, rsa_pkcs1, "SHA2-256", 0, 1500000, 2000),
	SLOW(RSA_PKCS1_SHA2_384, rsa_pkcs1, "SHA2-384", 0, 1500000, 1300),
	SLOW(RSA_PKCS1_SHA2_512, rsa_pkcs1, "SHA2-512", 0, 1500000, 1300),
	SLOW(RSA_PSS_SHA2_256, rsa_pss, "SHA2-256", 0, 1500000, 2000),
	SLOW(RSA_PSS_SHA2_384, rsa_pss, "SHA2-384", 0, 1500000, 1300),
	SLOW(RSA_PSS_SHA2_512, rsa_pss, "SHA2-512", 0, 1500000, 1300),
	SLOW(RSA_PKCS1, rsaes_pkcs1, "RSA", 0, 1500000, 0),
	SLOW(RSA_OAEP_SHA1, rsaes_oaep, "SHA1", 0, 1500000, 0),
	SLOW(RSA_OAEP_SHA2_256, rsaes_oaep, "SHA2-256", 0, 1500000, 0),
	SLOW(X25519, kex, "X25519", 32, 60000, 0),
	SLOW(ECDH_P256, ecdh, "P-256", 32, 120000, 0),
	SLOW(ECDH_P384, ecdh, "P-384", 48, 1000000, 0),
	ROW(HKDF_SHA2_256, hkdf, "SHA2-256", 32, 3000, 15000),
	ROW(HKDF_SHA2_384, hkdf, "SHA2-384", 48, 3500, 15000),
	ROW(HKDF_SHA2_512, hkdf, "SHA2-512", 64, 3500, 12000),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(N_ROWS <= OSSL_OFFERS_MAX, "struct ukcf_instance has the room");

static struct ukcf_offer offers[N_ROWS];
static struct ukcf_mech_ops guarded[N_ROWS];

static size_t row_of(uint32_t mech)
{
	size_t i = 0;

	while (i < N_ROWS - 1 && rows[i].offer.mech != mech)
		i++;
	return i;
}

void *ossl_algo(const struct ukcf_instance *self, const struct ukcf_job *job)
{
	return self->algo[row_of(job->mech)];
}

const char *ossl_name(const struct ukcf_job *job)
{
	return rows[row_of(job->mech)].name;
}

const struct ossl_kind *ossl_kind_of(const struct ukcf_job *job)
{
	return rows[row_of(job->mech)].kind;
}

enum ukcf_status ossl_generate(struct ukcf_instance *self, struct ukcf_job *job)
{
	size_t n = rows[row_of(job->mech)].key_bytes;

	(void)self;
	if (job->out_size < n)
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	/* Up to 256 bytes come whole, getrandom(2). */
	if (getrandom(job->out, n, 0) != (ssize_t)n)
		return ossl_refuse(job, -EIO, UKCF_DETAIL_PROVIDER_FAILED);
	return ossl_done(job, (int64_t)n);
}

enum ukcf_status ossl_keep_key(struct ukcf_job *job, EVP_PKEY *key)
{
	if (!key)
		return ossl_no_memory(job);
	if (job->out_size < sizeof(key)) {
		EVP_PKEY_free(key);
		return ossl_refuse(job, -ENOBUFS, UKCF_DETAIL_OUT_SIZE);
	}
	memcpy(job->out, &key, sizeof(key));
	return ossl_done(job, (int64_t)sizeof(key));
}

EVP_PKEY *ossl_kept_key(const struct ukcf_job *job)
{
	EVP_PKEY *key;

	memcpy(&key, job->tmpl, sizeof(key));
	return key;
}

enum ukcf_status ossl_drop_key(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	EVP_PKEY_free(ossl_kept_key(job)); /* wipes what is secret */
	return ossl_done(job, 0);
}

static void stop(struct ukcf_instance *self)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (self->algo[i])
			rows[i].kind->release(self->algo[i]);
	OSSL_LIB_CTX_free(self->lib);
	free(self);
}

static int start(const struct ukcf_host *host, struct ukcf_instance **self)
{
	struct ukcf_instance *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->lib = OSSL_LIB_CTX_new();
	for (size_t i = 0; in->lib && i < N_ROWS; i++) {
		in->algo[i] = rows[i].kind->fetch(in->lib, rows[i].name);
		if (in->algo[i])
			continue;
		host->log(host->host, 3, "libcrypto has no %s: %s",
			  rows[i].name,
			  ERR_reason_error_string(ERR_peek_last_error()));
		stop(in);
		return -ENOENT;
	}
	if (!in->lib) {
		free(in);
		return -ENOMEM;
	}
	*self = in;
	return 0;
}

/*
 * In the caller this thread's queue of errors is the program's own: what the
 * library puts there when it refuses a forgery, say, would look like an error
 * of the program's next TLS record.
 */
#define GUARD(op)                                                             \
	static enum ukcf_status guarded_##op(struct ukcf_instance *self,      \
					     struct ukcf_job *job)            \
	{                                                                     \
		enum ukcf_status status;                                      \
                                                                              \
		ERR_set_mark();                                               \
		status = ossl_kind_of(job)->ops.op(self, job);                \
		ERR_pop_to_mark();                                            \
		return status;                                                \
	}

#define ALL(X)                                                                \
	X(digest) X(mac) X(mac_verify) X(encrypt) X(decrypt) X(sign)          \
	X(verify) X(derive) X(generate) X(public_key) X(init) X(update)       \
	X(final) X(drop) X(copy) X(check_key) X(init_tmpl) X(drop_tmpl)

ALL(GUARD)

static struct ukcf_mech_ops guard(const struct ukcf_mech_ops *ops)
{
	struct ukcf_mech_ops g = { 0 };

#define SET(op) g.op = ops->op ? guarded_##op : NULL;
	ALL(SET)
#undef SET
	return g;
}

/* One job, and each byte is in the cache when it comes to its
 * turn again. */
#define DUAL(bits)                                                            \
	{ .cipher = UKCF_MECH_AES_##bits##_CTR,                               \
	  .mac = UKCF_MECH_HMAC_SHA2_256,                                     \
	  .ops = UKCF_DUAL_ALL,                                               \
	  .run = guarded_dual,                                                \
	  .cost_ns = 1300,                                                    \
	  .cost_ps_per_byte = 2150 }

static enum ukcf_status guarded_dual(struct ukcf_instance *self,
				     struct ukcf_dual_job *job)
{
	enum ukcf_status status;

	ERR_set_mark();
	status = ossl_ctr_hmac(self, job);
	ERR_pop_to_mark();
	return status;
}

static const struct ukcf_dual_offer duals[] = { DUAL(128), DUAL(192),
						DUAL(256) };

static struct ukcf_provider provider = {
	.struct_size = sizeof(provider),
	.spi_version = UKCF_SPI_VERSION,
	.name = "openssl",
	.description = "OpenSSL's libcrypto in software",
	.kind = UKCF_PROVIDER_SOFTWARE,
	.n_offers = N_ROWS,
	.offers = offers,
	.start = start,
	.stop = stop,
	.duals = duals,
	.n_duals = sizeof(duals) / sizeof(duals[0]),
};

__attribute__((visibility("default"))) const struct ukcf_provider *
ukcf_provider_init(const struct ukcf_host *host);

const struct ukcf_provider *ukcf_provider_init(const struct ukcf_host *host)
{
	(void)host;
	for (size_t i = 0; i < N_ROWS; i++) {
		offers[i] = rows[i].offer;
		guarded[i] = guard(&rows[i].kind->ops);
		offers[i].ops = &guarded[i];
		if (offers[i].ops->init)
			offers[i].ctx_size = OSSL_CTX_SIZE;
		if (offers[i].ops->init_tmpl)
			offers[i].tmpl_size = OSSL_TMPL_SIZE;
	}
	provider.version = OpenSSL_version(OPENSSL_VERSION_STRING);
	return &provider;
}

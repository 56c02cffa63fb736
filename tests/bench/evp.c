/* SPDX-License-Identifier: MIT */
#include "tests/bench/evp.h"

#include <errno.h>

#ifdef HAVE_CRYPTO

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define TAG 16
#define MAC 32

static EVP_CIPHER_CTX *seal;
static EVP_MAC_CTX *hmac;
static bool works;

void evp_open(const uint8_t *key, bool gcm)
{
	OSSL_PARAM params[2];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						     (char *)"SHA256", 0);
	params[1] = OSSL_PARAM_construct_end();
	seal = EVP_CIPHER_CTX_new();
	hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	works = seal && hmac && EVP_MAC_init(hmac, key, 32, params) == 1 &&
		EVP_EncryptInit_ex(seal,
				   gcm ? EVP_aes_256_gcm() :
					 EVP_chacha20_poly1305(),
				   NULL, key, NULL) == 1;
}

void evp_close(void)
{
	EVP_CIPHER_CTX_free(seal);
	EVP_MAC_CTX_free(hmac);
}

const char *evp_missing(void)
{
	return works ? NULL : "libcrypto does not start";
}

int evp_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *nonce)
{
	int n, rest;

	if (EVP_EncryptInit_ex(seal, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(seal, out, &n, in, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(seal, out + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_GET_TAG, TAG,
				out + len) != 1)
		return -EIO;
	return 0;
}

int evp_mac(uint8_t *out, const uint8_t *in, size_t len)
{
	size_t n;

	/* Without a key: as it was. */
	if (EVP_MAC_init(hmac, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(hmac, in, len) != 1 ||
	    EVP_MAC_final(hmac, out, &n, MAC) != 1)
		return -EIO;
	return 0;
}

#else

void evp_open(const uint8_t *key, bool gcm)
{
	(void)key;
	(void)gcm;
}

void evp_close(void)
{
}

const char *evp_missing(void)
{
	return "built without libcrypto (package libssl-dev)";
}

int evp_seal(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *nonce)
{
	(void)out;
	(void)in;
	(void)len;
	(void)nonce;
	return -EIO;
}

int evp_mac(uint8_t *out, const uint8_t *in, size_t len)
{
	(void)out;
	(void)in;
	(void)len;
	return -EIO;
}

#endif

/* SPDX-License-Identifier: MIT */
#include "providers/virtio/work.h"

#include <string.h>

static const struct work_row {
	uint32_t mech;
	const struct work_kind *kind;
	uint16_t algo, hash;
} rows[] = {
	{ UKCF_MECH_AES_128_CBC, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_192_CBC, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_256_CBC, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_128_CBC_PAD, &work_cipher,
	  VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_192_CBC_PAD, &work_cipher,
	  VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_256_CBC_PAD, &work_cipher,
	  VIRTIO_CRYPTO_CIPHER_AES_CBC, 0 },
	{ UKCF_MECH_AES_128_CTR, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CTR, 0 },
	{ UKCF_MECH_AES_192_CTR, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CTR, 0 },
	{ UKCF_MECH_AES_256_CTR, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_CTR, 0 },
	{ UKCF_MECH_AES_128_XTS, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_XTS, 0 },
	{ UKCF_MECH_AES_256_XTS, &work_cipher, VIRTIO_CRYPTO_CIPHER_AES_XTS, 0 },
	{ UKCF_MECH_RSA_PKCS1_SHA2_256, &work_rsa, VIRTIO_CRYPTO_AKCIPHER_RSA,
	  VIRTIO_CRYPTO_RSA_SHA256 },
	{ UKCF_MECH_RSA_PKCS1_SHA2_384, &work_rsa, VIRTIO_CRYPTO_AKCIPHER_RSA,
	  VIRTIO_CRYPTO_RSA_SHA384 },
	{ UKCF_MECH_RSA_PKCS1_SHA2_512, &work_rsa, VIRTIO_CRYPTO_AKCIPHER_RSA,
	  VIRTIO_CRYPTO_RSA_SHA512 },
	/* there is no session without a digest, though none is made */
	{ UKCF_MECH_RSA_PKCS1, &work_rsaes, VIRTIO_CRYPTO_AKCIPHER_RSA,
	  VIRTIO_CRYPTO_RSA_SHA256 },
	{ WORK_RSA_PADDED, &work_rsaes, VIRTIO_CRYPTO_AKCIPHER_RSA,
	  VIRTIO_CRYPTO_RSA_SHA256 },
};

enum ukcf_status work_begin(struct work *w, struct ukcf_job *job, size_t room)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].mech != job->mech)
			continue;
		*w = (struct work){ .job = job,
				    .kind = rows[i].kind,
				    .session.algo = rows[i].algo,
				    .session.hash = rows[i].hash,
				    .key = job->key,
				    .room = room };
		return w->kind->begin(w);
	}
	return UKCF_RETRY_ELSEWHERE;
}

void work_wipe(struct work *w)
{
	explicit_bzero(w, sizeof(*w));
}

/* SPDX-License-Identifier: MIT */
#include "providers/virtio/known.h"

#include <errno.h>
#include <string.h>

#include "providers/virtio/known-rsa.h"
#include "providers/virtio/work.h"

#define BYTES_MAX 1200u /* a secret key of RSA */

/* Hexadecimal. */
struct known {
	uint32_t mech;
	const char *key, *iv, *in, *out;
};

/* SP 800-38A appendix F: its two first blocks */
#define AES_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define AES_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define AES_256                                                               \
	"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define CBC_IV "000102030405060708090a0b0c0d0e0f"
#define CTR_IV "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define TWO_BLOCKS                                                            \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"

/* Padded CBC is CBC to the device. */
static const struct known table[] = {
	{ UKCF_MECH_AES_128_CBC, AES_128, CBC_IV, TWO_BLOCKS,
	  "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2" },
	{ UKCF_MECH_AES_192_CBC, AES_192, CBC_IV, TWO_BLOCKS,
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a" },
	{ UKCF_MECH_AES_256_CBC, AES_256, CBC_IV, TWO_BLOCKS,
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d" },
	{ UKCF_MECH_AES_128_CTR, AES_128, CTR_IV, TWO_BLOCKS,
	  "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff" },
	{ UKCF_MECH_AES_192_CTR, AES_192, CTR_IV, TWO_BLOCKS,
	  "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94" },
	{ UKCF_MECH_AES_256_CTR, AES_256, CTR_IV, TWO_BLOCKS,
	  "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5" },
	/* NIST CAVP XTSGenAES128.rsp and XTSGenAES256.rsp: data units of 200
	 * and of 384 bits */
	{ UKCF_MECH_AES_128_XTS,
	  "394c97881abd989d29c703e48a72b397a7acf51b59649eeea9b33274d8541df4",
	  "4b15c684a152d485fe9937d39b168c29",
	  "2f3b9dcfbae729583b1d1ffdd16bb6fe2757329435662a78f0",
	  "f3473802e38a3ffef4d4fb8e6aa266ebde553a64528a06463e" },
	{ UKCF_MECH_AES_256_XTS,
	  "266c336b3b01489f3267f52835fd92f674374b88b4e1ebd2d36a5f457581d9d0"
	  "42c3eef7b0b7e5137b086496b4d9e6ac658d7196a23f23f036172fdb8faee527",
	  "06b209a7a22f486ecbfadb0f3137ba42",
	  "ca7d65ef8d3dfad345b61ccddca1ad81de830b9e86c7b426d76cb7db766852d9"
	  "81c6b21409399d78f42cc0b33a7bbb06",
	  "c73256870cc2f4dd57acc74b5456dbd776912a128bc1f77d72cdebbf270044b7"
	  "a43ceed29025e1e8be211fa3c3ed002d" },
};

struct bytes {
	uint8_t data[BYTES_MAX];
	size_t len;
};

static unsigned int nibble(char c)
{
	return c <= '9' ? (unsigned int)(c - '0')
			: (unsigned int)(c - 'a' + 10);
}

static struct ukcf_bytes unhex(struct bytes *b, const char *s)
{
	for (b->len = 0; *s && b->len < BYTES_MAX; s += 2)
		b->data[b->len++] = (uint8_t)(nibble(s[0]) << 4 |
					      nibble(s[1]));
	return (struct ukcf_bytes){ b->data, b->len };
}

static int gives(struct engine *e, const struct known *k, uint32_t op)
{
	struct bytes key, iv, in, want;
	uint8_t out[BYTES_MAX];
	struct ukcf_job job = {
		.op = op,
		.mech = k->mech,
		.key = unhex(&key, k->key),
		.param = unhex(&iv, k->iv),
		.in = unhex(&in, op == UKCF_OP_ENCRYPT ? k->in : k->out),
		.out = out,
		.out_size = sizeof(out),
	};
	enum ukcf_status status = engine_run(e, &job);

	unhex(&want, op == UKCF_OP_ENCRYPT ? k->out : k->in);
	if (status == UKCF_FAILED)
		return -EIO;
	return status == UKCF_DONE && job.res == (int64_t)want.len &&
	       memcmp(out, want.data, want.len) == 0;
}

static enum ukcf_status run_right(struct engine *e, struct ukcf_job *job,
				  const struct bytes *want)
{
	enum ukcf_status status = engine_run(e, job);

	if (status != UKCF_DONE || job->res != (int64_t)want->len ||
	    memcmp(job->out, want->data, want->len) != 0)
		return status == UKCF_DONE ? UKCF_RETRY_ELSEWHERE : status;
	return UKCF_DONE;
}

/* 1, 0 or -EIO of an answer that is not the one. */
static int not_given(enum ukcf_status status)
{
	return status == UKCF_FAILED ? -EIO : 0;
}

/* It verifies a signature; not with another bit. */
static int verifies(struct engine *e, struct ukcf_job *verify,
		    struct bytes *signature)
{
	enum ukcf_status status;

	verify->tag = (struct ukcf_bytes){ signature->data, signature->len };
	status = engine_run(e, verify);
	if (status != UKCF_DONE || verify->res != 0)
		return not_given(status);
	signature->data[signature->len - 1] ^= 1;
	status = engine_run(e, verify);
	if (status != UKCF_DONE)
		return not_given(status);
	return verify->res == -EBADMSG;
}

/*
 * It signs, and what it signed it verifies.  With SHA-256 that is a known
 * signature; with the others the daemon's known answers have one to verify, by
 * which this one is right, too.
 */
static int gives_rsa(struct engine *e, uint32_t mech)
{
	struct bytes secret, public, in, signature;
	uint8_t out[BYTES_MAX];
	struct ukcf_job sign = {
		.op = UKCF_OP_SIGN,
		.mech = mech,
		.key = unhex(&secret, rsa_secret),
		.in = unhex(&in, rsa_rs256_message),
		.out = out,
		.out_size = sizeof(out),
	};
	struct ukcf_job verify = {
		.op = UKCF_OP_VERIFY,
		.mech = mech,
		.key = unhex(&public, rsa_public),
		.in = sign.in,
	};
	enum ukcf_status status;

	unhex(&signature, rsa_rs256_signature);
	if (mech == UKCF_MECH_RSA_PKCS1_SHA2_256) {
		status = run_right(e, &sign, &signature);
	} else {
		status = engine_run(e, &sign);
		if (status == UKCF_DONE &&
		    sign.res != (int64_t)signature.len)
			return 0;
		memcpy(signature.data, out, signature.len);
	}
	return status == UKCF_DONE ? verifies(e, &verify, &signature) :
				     not_given(status);
}

/* What it encrypts it decrypts; if only padding and all, it is not to.  How it
 * ends if the padding is wrong the daemon's known answers have. */
static int gives_rsaes(struct engine *e)
{
	struct bytes secret, public, in;
	uint8_t sealed[BYTES_MAX], opened[BYTES_MAX];
	struct ukcf_job encrypt = {
		.op = UKCF_OP_ENCRYPT,
		.mech = UKCF_MECH_RSA_PKCS1,
		.key = unhex(&public, rsa_public),
		.in = unhex(&in, TWO_BLOCKS),
		.out = sealed,
		.out_size = sizeof(sealed),
	};
	struct ukcf_job decrypt = {
		.op = UKCF_OP_DECRYPT,
		.mech = UKCF_MECH_RSA_PKCS1,
		.key = unhex(&secret, rsa_secret),
		.out = opened,
		.out_size = sizeof(opened),
	};
	enum ukcf_status status = engine_run(e, &encrypt);

	if (status != UKCF_DONE || encrypt.res <= 0)
		return not_given(status);
	decrypt.in = (struct ukcf_bytes){ sealed, (size_t)encrypt.res };
	status = run_right(e, &decrypt, &in);
	if (status == UKCF_DONE || status == UKCF_FAILED)
		return status == UKCF_DONE ? 1 : -EIO;
	decrypt.mech = WORK_RSA_PADDED;
	decrypt.out_size = in.len;
	status = run_right(e, &decrypt, &in);
	return status == UKCF_DONE ? KNOWN_ENCRYPTS : not_given(status);
}

static uint32_t unpadded(uint32_t mech)
{
	switch (mech) {
	case UKCF_MECH_AES_128_CBC_PAD:
		return UKCF_MECH_AES_128_CBC;
	case UKCF_MECH_AES_192_CBC_PAD:
		return UKCF_MECH_AES_192_CBC;
	case UKCF_MECH_AES_256_CBC_PAD:
		return UKCF_MECH_AES_256_CBC;
	default:
		return mech;
	}
}

int known_mech(struct engine *e, uint32_t mech)
{
	if (mech == UKCF_MECH_RSA_PKCS1)
		return gives_rsaes(e);
	if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_SIGN)
		return gives_rsa(e, mech);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int given;

		if (table[i].mech != unpadded(mech))
			continue;
		given = gives(e, &table[i], UKCF_OP_ENCRYPT);
		return given > 0 ? gives(e, &table[i], UKCF_OP_DECRYPT) : given;
	}
	return 0;
}

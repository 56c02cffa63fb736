/* SPDX-License-Identifier: MIT */
#include "lib/shared/sizes.h"

#include <errno.h>

#include <ukcf/abi.h>

static int refuse(unsigned int *detail, unsigned int why, int err)
{
	*detail = why;
	return err;
}

static int check_tag_len(const struct mech_limits *m, const struct op_sizes *s,
			 uint32_t *tag_len, unsigned int *detail)
{
	*tag_len = s->tag_len ? s->tag_len : m->tag_max;
	if (s->tag_len && (s->tag_len < m->tag_min || s->tag_len > m->tag_max))
		return refuse(detail, UKCF_DETAIL_TAG_SIZE, -EINVAL);
	return 0;
}

/* The null mechanisms take their nonce or leave it: it programs a delay. */
static int check_nonce(uint32_t mech, const struct mech_limits *m,
		       const struct op_sizes *s, unsigned int *detail)
{
	uint32_t class_ = UKCF_MECH_CLASS(mech);
	int optional = class_ != UKCF_CLASS_AEAD && class_ != UKCF_CLASS_CIPHER;

	if (s->nonce == m->nonce_len || (optional && s->nonce == 0))
		return 0;
	return refuse(detail, UKCF_DETAIL_NONCE_SIZE, -EINVAL);
}

static int check_aead(uint32_t op, const struct mech_limits *m,
		      const struct op_sizes *s, uint64_t tag_len,
		      unsigned int *detail)
{
	uint64_t len = s->in, need;

	if (op == UKCF_OP_DECRYPT) {
		/* Too short to hold a tag: it cannot be authentic. */
		if (len < tag_len)
			return refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
		len -= tag_len;
		need = len;
	} else {
		need = len + tag_len;
	}
	if (len > m->data_max)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (s->aux > m->aad_max)
		return refuse(detail, UKCF_DETAIL_AUX_SIZE, -EMSGSIZE);
	if (s->out < need)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	return 0;
}

uint64_t sizes_made(uint32_t op, const struct mech_limits *m, uint64_t in,
		    uint32_t tag_len)
{
	if (m->by_key)
		return m->out_len;
	if (op == UKCF_OP_DECRYPT)
		return in - tag_len - m->growth - (m->padding ? 1u : 0u);
	if (m->padding)
		return (in / m->padding + 1) * m->padding;
	return in + m->growth + tag_len;
}

uint64_t sizes_least(const struct mech_limits *m)
{
	return (uint64_t)m->in_min + m->growth + m->padding;
}

/* Ciphertext of a size that no plaintext has cannot have been made: its size is
 * no secret, so this is not a failed authentication. */
static int check_cipher(uint32_t op, const struct mech_limits *m,
			const struct op_sizes *s, unsigned int *detail)
{
	uint64_t least = m->in_min, most = m->data_max, unit = m->block;

	if (op == UKCF_OP_DECRYPT) {
		least += m->growth + m->padding;
		if (m->padding)
			unit = m->padding;
		most = sizes_made(UKCF_OP_ENCRYPT, m, most, 0);
	}
	if (s->aux)
		return refuse(detail, UKCF_DETAIL_AUX_RANGE, -EINVAL);
	if (s->in > most)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (s->in < least || (unit && s->in % unit))
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EINVAL);
	if (s->out < sizes_made(op, m, s->in, 0))
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	return 0;
}

/* in = salt, aux = info; out is filled */
static int check_kdf(const struct mech_limits *m, const struct op_sizes *s,
		     unsigned int *detail)
{
	if (s->out == 0)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	if (s->out > m->data_max)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -EMSGSIZE);
	if (s->aux > m->aad_max)
		return refuse(detail, UKCF_DETAIL_AUX_SIZE, -EMSGSIZE);
	return 0;
}

/* aux = label.  Ciphertext of another size than the modulus is an invalid one,
 * and room is wanted for the largest key: how long a plaintext is must not show
 * in an error. */
static int check_pke(uint32_t op, const struct mech_limits *m,
		     const struct op_sizes *s, unsigned int *detail)
{
	if (s->aux && !m->aad_max)
		return refuse(detail, UKCF_DETAIL_AUX_RANGE, -EINVAL);
	if (s->aux > m->aad_max)
		return refuse(detail, UKCF_DETAIL_AUX_SIZE, -EMSGSIZE);
	if (s->out < sizes_made(op, m, s->in, 0))
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	if (op == UKCF_OP_ENCRYPT && s->in > m->data_max)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (op == UKCF_OP_DECRYPT && !sizes_fit_signature(m, s->in))
		return refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
	return 0;
}

/* What is sealed has one size, as of an AEAD, and no label. */
static int check_seal(uint32_t op, const struct mech_limits *m,
		      const struct op_sizes *s, unsigned int *detail)
{
	if (s->aux)
		return refuse(detail, UKCF_DETAIL_AUX_RANGE, -EINVAL);
	/* Too short to hold what is added: it cannot be authentic. */
	if (op == UKCF_OP_DECRYPT && s->in < m->growth)
		return refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
	if (op == UKCF_OP_ENCRYPT && s->in > m->data_max)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (s->out < sizes_made(op, m, s->in, 0))
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	return 0;
}

static int check_plain(uint32_t op, const struct mech_limits *m,
		       const struct op_sizes *s, uint64_t tag_len,
		       unsigned int *detail)
{
	uint64_t need = m->out_len;

	if (s->aux)
		return refuse(detail, UKCF_DETAIL_AUX_RANGE, -EINVAL);
	switch (op) {
	case UKCF_OP_DIGEST:
		need = sizes_digest(m, (uint32_t)tag_len);
		break;
	case UKCF_OP_MAC:
		need = tag_len;
		break;
	case UKCF_OP_MAC_VERIFY:
		if (s->tag < m->tag_min || s->tag > m->tag_max)
			return refuse(detail, UKCF_DETAIL_TAG_SIZE, -EINVAL);
		need = 0;
		break;
	case UKCF_OP_VERIFY:
		/* A signature of another length is an invalid signature. */
		if (!sizes_fit_signature(m, s->tag))
			return refuse(detail, UKCF_DETAIL_AUTH, -EBADMSG);
		need = 0;
		break;
	case UKCF_OP_DERIVE:
		if (s->in != m->pub_len)
			return refuse(detail, UKCF_DETAIL_IN_SIZE, -EINVAL);
		break;
	case UKCF_OP_RANDOM:
		if (s->out > m->data_max)
			return refuse(detail, UKCF_DETAIL_OUT_SIZE, -EMSGSIZE);
		break;
	default:
		break;
	}
	if (s->in > m->data_max)
		return refuse(detail, UKCF_DETAIL_IN_SIZE, -EMSGSIZE);
	if (s->out < need)
		return refuse(detail, UKCF_DETAIL_OUT_SIZE, -ENOBUFS);
	return 0;
}

int sizes_check(uint32_t op, uint32_t mech, const struct mech_limits *m,
		const struct op_sizes *s, uint32_t *tag_len,
		unsigned int *detail)
{
	int err = check_tag_len(m, s, tag_len, detail);

	if (!err)
		err = check_nonce(mech, m, s, detail);
	if (err)
		return err;
	if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_AEAD)
		return check_aead(op, m, s, *tag_len, detail);
	if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_CIPHER)
		return check_cipher(op, m, s, detail);
	if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_KDF)
		return check_kdf(m, s, detail);
	if (UKCF_MECH_CLASS(mech) == UKCF_CLASS_PKE)
		return (m->by_key ? check_pke : check_seal)(op, m, s, detail);
	return check_plain(op, m, s, *tag_len, detail);
}

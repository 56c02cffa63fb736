/* SPDX-License-Identifier: MIT */
/*
 * Owns the rules for sizes of cryptographic operations, as the mechanism table
 * limits them: the same for a request over a ring and for a call in the
 * caller, so that a provider never sees a size that it has to judge.
 */
#ifndef LIB_SHARED_SIZES_H
#define LIB_SHARED_SIZES_H

#include <stdbool.h>
#include <stdint.h>

/* The limits of a mechanism, in bytes (struct ukcf_page_mech has the same). */
struct mech_limits {
	uint32_t key_min, key_max;
	uint32_t nonce_len;
	uint32_t tag_min, tag_max;
	uint32_t out_len;
	uint32_t pub_len; /* of SIGN, KEX and PKE */
	bool by_key; /* out_len and pub_len are the most that a key has */
	bool chunks; /* of an AEAD: each part has a tag */
	uint64_t data_max, aad_max;
	/* of class CIPHER, growth also of PKE; mech.def says what they are */
	uint8_t in_min, block, growth, padding;
};

/* May a public key have so many bytes? */
static inline bool sizes_fit_public(const struct mech_limits *m, uint64_t len)
{
	return m->by_key ? len > 0 && len <= m->pub_len : len == m->pub_len;
}

/* May a signature? */
static inline bool sizes_fit_signature(const struct mech_limits *m,
				       uint64_t len)
{
	return m->by_key ? len > 0 && len <= m->out_len : len == m->out_len;
}

/* What a request brings, in bytes. */
struct op_sizes {
	uint64_t in, out, aux;
	uint64_t tag;	  /* of what is to be verified */
	uint32_t tag_len; /* wanted; 0: the mechanism's full tag */
	uint32_t nonce;
};

/**
 * sizes_check() - may this operation of this mechanism have these sizes?
 * @op: enum ukcf_op; the mechanism's class offers it
 * @mech: id; its class decides what a nonce is
 * @tag_len: receives the tag's length, defaults filled in
 * @detail: receives enum ukcf_detail
 * Return: 0 or -EINVAL, -EMSGSIZE, -ENOBUFS; -EBADMSG where nothing of that
 * size can be authentic.
 */
int sizes_check(uint32_t op, uint32_t mech, const struct mech_limits *m,
		const struct op_sizes *s, uint32_t *tag_len,
		unsigned int *detail);

/**
 * sizes_made() - the most that ENCRYPT or DECRYPT makes of so many bytes
 * @in: bytes of input, of a size that sizes_check() allowed
 * @tag_len: bytes; 0 if there is none
 * Return: bytes; of DECRYPT that removes padding, and where they depend on the
 * key, it may be fewer.
 */
uint64_t sizes_made(uint32_t op, const struct mech_limits *m, uint64_t in,
		    uint32_t tag_len);

/* Has a digest the size that is asked for?  As of a MAC it is the tag's. */
static inline bool sizes_vary(const struct mech_limits *m)
{
	return m->tag_max > 0;
}

/* Bytes that DIGEST makes; tag_len as sizes_check() filled it in. */
static inline uint32_t sizes_digest(const struct mech_limits *m,
				    uint32_t tag_len)
{
	return sizes_vary(m) ? tag_len : m->out_len;
}

/* The shortest input of ENCRYPT and DECRYPT alike that sizes_check() allows. */
uint64_t sizes_least(const struct mech_limits *m);

#endif

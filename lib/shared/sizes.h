/* SPDX-License-Identifier: MIT */
/*
 * Owns the rules for sizes of cryptographic operations, as the mechanism table
 * limits them: the same for a request over a ring and for a call in the
 * caller, so that a provider never sees a size that it has to judge.
 */
#ifndef LIB_SHARED_SIZES_H
#define LIB_SHARED_SIZES_H

#include <stdint.h>

/* The limits of a mechanism, in bytes (struct ukcf_page_mech has the same). */
struct mech_limits {
	uint32_t key_min, key_max;
	uint32_t nonce_len;
	uint32_t tag_min, tag_max;
	uint32_t out_len;
	uint64_t data_max, aad_max;
};

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

#endif

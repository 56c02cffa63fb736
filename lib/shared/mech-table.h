/* SPDX-License-Identifier: MIT */
/* Owns the built-in mechanism table (mech.def) and the lookup of names. */
#ifndef LIB_SHARED_MECH_TABLE_H
#define LIB_SHARED_MECH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct mech_row {
	uint32_t id;
	const char *name;
	uint32_t key_min, key_max;
	uint32_t nonce_len;
	uint32_t tag_min, tag_max;
	uint32_t out_len;
	uint32_t pub_len; /* of a key pair's public part; 0: has none */
	bool by_key; /* out_len and pub_len are the most that a key has */
	bool chunks; /* of an AEAD: each part has a tag */
	uint64_t data_max, aad_max;
	uint8_t in_min, block, growth, padding; /* of ciphers; see mech.def */
	const char *pkcs11, *openssl, *source;
};

/* Rows in the order of mech.def. */
extern const struct mech_row mech_rows[];
extern const unsigned int mech_n_rows;

const struct mech_row *mech_row_by_id(uint32_t id);
/* Does name mean this mechanism?  Its name, or an alias; case is ignored. */
bool mech_name_matches(const char *name, const char *row_name,
		       const char *pkcs11, const char *openssl);
/* UKCF_USE_* bits that a class allows, and its default. */
uint32_t mech_class_usage(uint32_t id);
/* Those of them that a public key alone can do. */
uint32_t mech_public_usage(uint32_t id);
/* Is the public key what this operation (enum ukcf_op) runs with? */
bool mech_takes_public(uint32_t id, uint32_t op);
const char *mech_class_name(uint32_t id);
/* "encrypt" for UKCF_OP_ENCRYPT; NULL if unknown. */
const char *mech_op_name(uint32_t op);

#endif

/* SPDX-License-Identifier: MIT */
#include "lib/shared/mech-table.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <ukcf/abi.h>

const struct mech_row mech_rows[] = {
#define UKCF_MECH(sym, index, name_, class_, kmin, kmax, nonce, tmin, tmax,  \
		  out, dmax, amax, p11, ossl, source_)                       \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = kmin,                                                   \
	  .key_max = kmax,                                                   \
	  .nonce_len = nonce,                                                \
	  .tag_min = tmin,                                                   \
	  .tag_max = tmax,                                                   \
	  .out_len = out,                                                    \
	  .data_max = dmax,                                                  \
	  .aad_max = amax,                                                   \
	  .pkcs11 = p11,                                                     \
	  .openssl = ossl,                                                   \
	  .source = source_ },
#define UKCF_CIPHER(sym, index, name_, key, nonce, min, block_, growth_,     \
		    padding_, dmax, p11, ossl, source_)                       \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = key,                                                    \
	  .key_max = key,                                                    \
	  .nonce_len = nonce,                                                \
	  .in_min = min,                                                     \
	  .block = block_,                                                   \
	  .growth = growth_,                                                 \
	  .padding = padding_,                                               \
	  .data_max = dmax,                                                  \
	  .pkcs11 = p11,                                                     \
	  .openssl = ossl,                                                   \
	  .source = source_ },
#define UKCF_PAIR(sym, index, name_, class_, key, pub, nonce, out, dmax,     \
		  p11, ossl, source_)                                         \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = key,                                                    \
	  .key_max = key,                                                    \
	  .pub_len = pub,                                                    \
	  .nonce_len = nonce,                                                \
	  .out_len = out,                                                    \
	  .data_max = dmax,                                                  \
	  .pkcs11 = p11,                                                     \
	  .openssl = ossl,                                                   \
	  .source = source_ },
#define UKCF_RSA(sym, index, name_, dmax, p11, source_)                      \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = 1024,                                                   \
	  .key_max = 2432,                                                   \
	  .pub_len = 560,                                                    \
	  .by_key = true,                                                    \
	  .out_len = 512,                                                    \
	  .data_max = dmax,                                                  \
	  .pkcs11 = p11,                                                     \
	  .openssl = "",                                                     \
	  .source = source_ },
#define UKCF_RSAES(sym, index, name_, less, amax, p11, source_)              \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = 1024,                                                   \
	  .key_max = 2432,                                                   \
	  .pub_len = 560,                                                    \
	  .by_key = true,                                                    \
	  .out_len = 512,                                                    \
	  .data_max = 512 - (less),                                          \
	  .aad_max = amax,                                                   \
	  .pkcs11 = p11,                                                     \
	  .openssl = "",                                                     \
	  .source = source_ },
#define UKCF_SEAL(sym, index, name_, key, pub, growth_, dmax, source_)       \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = key,                                                    \
	  .key_max = key,                                                    \
	  .pub_len = pub,                                                    \
	  .growth = growth_,                                                 \
	  .data_max = dmax,                                                  \
	  .pkcs11 = "",                                                      \
	  .openssl = "",                                                     \
	  .source = source_ },
#define UKCF_CHUNKS(sym, index, name_, key, nonce, tag, dmax, source_)       \
	{ .id = UKCF_MECH_##sym,                                             \
	  .name = name_,                                                     \
	  .key_min = key,                                                    \
	  .key_max = key,                                                    \
	  .nonce_len = nonce,                                                \
	  .tag_min = tag,                                                    \
	  .tag_max = tag,                                                    \
	  .chunks = true,                                                    \
	  .data_max = dmax,                                                  \
	  .pkcs11 = "",                                                      \
	  .openssl = "",                                                     \
	  .source = source_ },
#include <ukcf/mech.def>
#undef UKCF_MECH
#undef UKCF_CHUNKS
#undef UKCF_CIPHER
#undef UKCF_PAIR
#undef UKCF_RSA
#undef UKCF_RSAES
#undef UKCF_SEAL
};

const unsigned int mech_n_rows = sizeof(mech_rows) / sizeof(mech_rows[0]);

static const struct {
	const char *name;
	uint32_t usage;
} classes[] = {
	[UKCF_CLASS_DIGEST] = { "digest", 0 },
	[UKCF_CLASS_MAC] = { "mac", UKCF_USE_MAC | UKCF_USE_MAC_VERIFY },
	[UKCF_CLASS_AEAD] = { "aead", UKCF_USE_ENCRYPT | UKCF_USE_DECRYPT },
	[UKCF_CLASS_CIPHER] = { "cipher", UKCF_USE_ENCRYPT | UKCF_USE_DECRYPT },
	[UKCF_CLASS_SIGN] = { "sign", UKCF_USE_SIGN | UKCF_USE_VERIFY },
	[UKCF_CLASS_KEX] = { "kex", UKCF_USE_DERIVE },
	[UKCF_CLASS_KDF] = { "kdf", UKCF_USE_DERIVE },
	[UKCF_CLASS_RNG] = { "rng", 0 },
	[UKCF_CLASS_PKE] = { "pke", UKCF_USE_ENCRYPT | UKCF_USE_DECRYPT },
};

#define N_CLASSES (sizeof(classes) / sizeof(classes[0]))

static const char *const ops[UKCF_OP_LAST] = {
	[UKCF_OP_NOP] = "nop",
	[UKCF_OP_DIGEST] = "digest",
	[UKCF_OP_MAC] = "mac",
	[UKCF_OP_MAC_VERIFY] = "mac-verify",
	[UKCF_OP_ENCRYPT] = "encrypt",
	[UKCF_OP_DECRYPT] = "decrypt",
	[UKCF_OP_SIGN] = "sign",
	[UKCF_OP_VERIFY] = "verify",
	[UKCF_OP_DERIVE] = "derive",
	[UKCF_OP_RANDOM] = "random",
	[UKCF_OP_KEY_GENERATE] = "key-generate",
	[UKCF_OP_KEY_IMPORT] = "key-import",
	[UKCF_OP_KEY_OPEN] = "key-open",
	[UKCF_OP_KEY_PUBLIC] = "key-public",
	[UKCF_OP_KEY_EXPORT] = "key-export",
	[UKCF_OP_KEY_DESTROY] = "key-destroy",
	[UKCF_OP_KEY_LIST] = "key-list",
	[UKCF_OP_KEY_NONCES] = "key-nonces",
	[UKCF_OP_CANCEL] = "cancel",
	[UKCF_OP_CANCEL_CTX] = "cancel-ctx",
	[UKCF_OP_NOTIFY_SPACE] = "notify-space",
	[UKCF_OP_NOTIFY_EVENTS] = "notify-events",
	[UKCF_OP_INIT] = "init",
	[UKCF_OP_UPDATE] = "update",
	[UKCF_OP_FINAL] = "final",
	[UKCF_OP_CTX_COPY] = "ctx-copy",
	[UKCF_OP_TMPL_CREATE] = "tmpl-create",
	[UKCF_OP_TMPL_DESTROY] = "tmpl-destroy",
	[UKCF_OP_ENCRYPT_MAC] = "encrypt-mac",
	[UKCF_OP_MAC_DECRYPT] = "mac-decrypt",
	[UKCF_OP_MAC_VERIFY_DECRYPT] = "mac-verify-decrypt",
};

const struct mech_row *mech_row_by_id(uint32_t id)
{
	for (unsigned int i = 0; i < mech_n_rows; i++)
		if (mech_rows[i].id == id)
			return &mech_rows[i];
	return NULL;
}

bool mech_name_matches(const char *name, const char *row_name,
		       const char *pkcs11, const char *openssl)
{
	if (!name || !*name)
		return false;
	return strcasecmp(name, row_name) == 0 ||
	       (pkcs11 && strcasecmp(name, pkcs11) == 0) ||
	       (openssl && strcasecmp(name, openssl) == 0);
}

uint32_t mech_class_usage(uint32_t id)
{
	uint32_t c = UKCF_MECH_CLASS(id);

	return c < N_CLASSES ? classes[c].usage : 0;
}

uint32_t mech_public_usage(uint32_t id)
{
	switch (UKCF_MECH_CLASS(id)) {
	case UKCF_CLASS_SIGN:
		return UKCF_USE_VERIFY;
	case UKCF_CLASS_PKE:
		return UKCF_USE_ENCRYPT;
	default:
		return 0;
	}
}

bool mech_takes_public(uint32_t id, uint32_t op)
{
	return op == UKCF_OP_VERIFY ||
	       (op == UKCF_OP_ENCRYPT &&
		UKCF_MECH_CLASS(id) == UKCF_CLASS_PKE);
}

const char *mech_class_name(uint32_t id)
{
	uint32_t c = UKCF_MECH_CLASS(id);

	return c < N_CLASSES ? classes[c].name : NULL;
}

const char *mech_op_name(uint32_t op)
{
	return op < UKCF_OP_LAST ? ops[op] : NULL;
}

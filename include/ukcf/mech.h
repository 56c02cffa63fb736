/* SPDX-License-Identifier: MIT */
/*
 * Mechanism ids and classes.
 *
 * A mechanism is an algorithm with a name ("aes-256-gcm") and a 32-bit id,
 * class << 16 | index.  Ids are ABI: never reused, never renumbered.  An index
 * of 0x8000 and above is given at run time to a mechanism that the built-in
 * table does not know and stays valid until the daemon is stopped.
 */
#ifndef UKCF_MECH_H
#define UKCF_MECH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Mechanism classes; the upper half of an id. */
enum ukcf_class {
	UKCF_CLASS_DIGEST = 1,
	UKCF_CLASS_MAC = 2,
	UKCF_CLASS_AEAD = 3,
	UKCF_CLASS_CIPHER = 4,
	UKCF_CLASS_SIGN = 5,
	UKCF_CLASS_KEX = 6,
	UKCF_CLASS_KDF = 7,
	UKCF_CLASS_RNG = 8,
	UKCF_CLASS_PKE = 9 /* public-key encryption */
};

#define UKCF_MECH_ID(class_, index_) ((uint32_t)(class_) << 16 | (index_))
#define UKCF_MECH_CLASS(id) ((uint32_t)(id) >> 16)
#define UKCF_MECH_INDEX(id) ((uint32_t)(id) & 0xffff)
#define UKCF_MECH_DYNAMIC 0x8000 /* first index given at run time */

/* Longest mechanism or provider name with its NUL: KCF's CRYPTO_MAX_MECH_NAME */
#define UKCF_NAME_MAX 32

/** The built-in mechanisms: UKCF_MECH_SHA2_256 and so on. */
enum ukcf_mech_builtin {
#define UKCF_MECH(sym, index, name, class_, kmin, kmax, nonce, tmin, tmax, \
		  out, dmax, amax, p11, ossl, source)                      \
	UKCF_MECH_##sym = UKCF_CLASS_##class_ << 16 | (index),
#include <ukcf/mech.def>
#undef UKCF_MECH
	UKCF_MECH_NONE = 0
};

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the rules for what a provider computes of a key before it does anything
 * else: made once, at a first use, while others run from the key; given back
 * and wiped when nobody uses it any more, or when the provider goes.
 *
 * Whose it is, and where its bytes lie, is the caller's: of a template
 * (template.h) or of a key (prepared.h).
 */
#ifndef DAEMON_CORE_COMPUTED_H
#define DAEMON_CORE_COMPUTED_H

#include <stddef.h>
#include <stdint.h>

struct key;
struct mech_offer;
struct provider;
struct ukcf_offer;

#define COMPUTED_STATES 2 /* providers that compute of one key */

/* What one provider computed; zeroed memory is one that has nothing. */
struct computed {
	uint32_t step; /* atomic, enum in computed.c */
	uint32_t mech;
	const struct mech_offer *offer; /* atomic, of READY */
	const struct ukcf_offer *spi;	/* what it was then */
};

/* COMPUTED_STATES of them, and the secret memory of size bytes for each. */
struct computed_set {
	struct computed *of;
	uint8_t *bytes;
	size_t size;
};

/* What the offer's provider computed of this key, which is held, or NULL: use
 * the key. */
const void *computed_get(struct computed_set s, const struct mech_offer *offer,
			 const struct key *key);

/* All of it is given back, or what is p's.  Nobody uses it. */
void computed_end(struct computed_set s);
void computed_forget(struct computed_set s, const struct provider *p);

#endif

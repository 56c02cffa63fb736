/* SPDX-License-Identifier: MIT */
/*
 * Owns what providers keep of keys without being asked to: an object of their
 * library, say, that takes longer to make than an operation with it.  Those are
 * the offers whose templates can be given back (drop_tmpl) and fit; others want
 * a template that somebody creates (template.h).
 *
 * It is made at the key's first use and ends with the key.
 */
#ifndef DAEMON_CORE_PREPARED_H
#define DAEMON_CORE_PREPARED_H

struct key;
struct mech_offer;
struct provider;

int prepared_open(void); /* 0 or -ENOMEM */
void prepared_close(void);

/* What the offer's provider keeps of this key, which is held, or NULL: use the
 * key. */
const void *prepared_state(const struct key *key,
			   const struct mech_offer *offer);

/* What a provider keeps is given back.  No request may be with it. */
void prepared_forget(const struct provider *p);

#endif

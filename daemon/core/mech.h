/* SPDX-License-Identifier: MIT */
/*
 * Owns the mechanism table of the daemon: limits, which providers offer what,
 * enabled or not.  Rows are added at load time and never removed or moved, so
 * a pointer to one stays valid; flags and offers change atomically.
 */
#ifndef DAEMON_CORE_MECH_H
#define DAEMON_CORE_MECH_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "lib/shared/sizes.h"

#define MECH_OFFERS_MAX 8

struct provider;

/* One provider's offer of a mechanism; once made, it is there for ever. */
struct mech_offer {
	struct provider *provider;
	const struct ukcf_offer *offer; /* atomic; NULL: not any more */
	uint32_t index;	   /* among all that were ever made */
	uint32_t disabled; /* atomic: by the administrator */
	uint32_t promised; /* atomic: a manifest says that it has it */
	const struct ukcf_offer *learned; /* of which is predicted: */
	/* predicted ns by size class (log2 of the bytes) and operation; see
	 * predict.h */
	uint32_t predicted[16][28];
	uint32_t passed_ns[16][28]; /* spent by others since the last try */
	uint32_t measured[16][28]; /* times, up to PREDICT_EARLY */
};

struct mech {
	uint32_t id;
	const char *name;
	struct mech_limits limits;
	const char *pkcs11, *openssl;
	uint32_t enabled; /* atomic */
	struct mech_offer *offers[MECH_OFFERS_MAX]; /* atomic; in order */
	unsigned int n_offers;			    /* atomic */
};

int mech_init(void);
/* Constant time in the number of mechanisms; NULL if unknown.  Any thread. */
const struct mech *mech_find(uint32_t id);
/* By its name, or an alias; NULL if unknown. */
const struct mech *mech_by_name(const char *name);
/* main/loader: a provider came, or came back.  -EINVAL: unknown id or no
 * operation; -ENOSPC: MECH_OFFERS_MAX others offer it. */
int mech_add_offer(struct provider *p, const struct ukcf_offer *o);
/* What p offered until now, nobody may ask of it any more. */
void mech_withdraw(struct provider *p);
/* Likewise, of a mechanism that may be another one than o->mech says. */
int mech_add_offer_as(struct provider *p, const struct mech *m,
		      const struct ukcf_offer *o);
/*
 * The row of a mechanism that a provider describes; made if there is none.
 * @why: in words, if it cannot be: NULL is returned
 */
const struct mech *mech_describe(const struct ukcf_mech_desc *d,
				 const char **why);
/* A manifest says that p offers m once it is loaded; -ENOSPC, -ENOMEM. */
int mech_promise(struct provider *p, const struct mech *m);
/* None says so any more of anything. */
void mech_forget_promises(const struct provider *p);
/* The i-th offer of it, i < m->n_offers.  Any thread. */
struct mech_offer *mech_offer_at(const struct mech *m, unsigned int i);
/* What is behind it now, or NULL.  Any thread. */
const struct ukcf_offer *mech_offer_now(const struct mech_offer *o);
unsigned int mech_count(void);
const struct mech *mech_at(unsigned int i);
/* Entry point of an operation in an offer, NULL if it is not offered. */
ukcf_job_fn mech_entry(const struct ukcf_offer *o, uint32_t op);
/* enum ukcf_op bits that an offer performs. */
uint32_t mech_ops(const struct ukcf_offer *o);
/* The first usable offer for op (constraint: a provider id or
 * UKCF_PROVIDER_ANY), NULL if there is none.  Any thread. */
struct mech_offer *mech_choose(const struct mech *m, uint32_t op,
			       uint16_t constraint);
/* Rows and offers are enabled or not as policy.h says, from now on; offers that
 * are added later are judged when they are. */
void mech_judge(void);
/* How many offers were ever made.  Any thread. */
uint32_t mech_offers_made(void);
/* main: p's offer of m; NULL: there is none. */
const struct mech_offer *mech_offer_of(const struct mech *m,
				       const struct provider *p);
bool mech_is_offered(const struct mech *m, const struct provider *p);
/* Write the page's tables anew. */
void mech_publish(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * To the rest of the daemon it is an offer like any other, whose only entry
 * point is ours to call.  Each kind of dual operation is predicted under the
 * operation of its first half: no two have the same.
 */
#include "daemon/core/native.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/dispatch.h"
#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "daemon/core/predict.h"
#include "daemon/core/trust.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

/* What is behind an offer; never freed, as a thread may have read of it. */
struct form {
	struct ukcf_offer as; /* first: the offer's `offer' */
	const struct ukcf_dual_offer *dual;
	struct form *older;
};

struct native {
	struct mech_offer offer; /* first */
	uint32_t cipher, mac;
	struct form *forms; /* all that ever were; under the lock */
};

static struct native *table[NATIVE_MAX]; /* in order */
static uint32_t n_table; /* atomic; only grows */
/* Guards changes; readers take none. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const struct form *form_of(const struct mech_offer *o)
{
	return (const struct form *)(const void *)mech_offer_now(o);
}

ukcf_dual_fn native_entry(const struct mech_offer *o)
{
	const struct form *f = form_of(o);

	return f ? f->dual->run : NULL;
}

/* ------------------------------------------------------------ come and go */

static void put_behind(struct native *n, struct form *f)
{
	store_release_ptr((void **)(void *)&n->offer.offer, f ? &f->as : NULL);
}

/* Locked. */
static struct native *get(struct provider *p, const struct ukcf_dual_offer *d)
{
	struct native *n;

	for (uint32_t i = 0; i < n_table; i++)
		if (table[i]->offer.provider == p &&
		    table[i]->cipher == d->cipher && table[i]->mac == d->mac)
			return table[i];
	n = n_table < NATIVE_MAX ? calloc(1, sizeof(*n)) : NULL;
	if (!n)
		return NULL;
	n->offer.provider = p;
	n->cipher = d->cipher;
	n->mac = d->mac;
	table[n_table] = n;
	store_release_u32(&n_table, n_table + 1);
	return n;
}

/* Locked. */
static struct form *form_new(struct native *n, const struct ukcf_dual_offer *d)
{
	static const struct ukcf_mech_ops none;
	struct form *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->dual = d;
	f->as = (struct ukcf_offer){
		.mech = d->cipher,
		.flags = d->flags,
		.ops = &none,
		.cost_ns = d->cost_ns,
		.cost_ps_per_byte = d->cost_ps_per_byte,
	};
	f->older = n->forms;
	n->forms = f;
	return f;
}

/* Locked.  What was learned of the same code holds. */
static int add_locked(struct provider *p, const struct ukcf_dual_offer *d)
{
	struct native *n = get(p, d);
	struct form *f;

	if (!n)
		return -ENOSPC;
	for (f = n->forms; f && f->dual != d; f = f->older)
		;
	if (!f)
		f = form_new(n, d);
	if (!f)
		return -ENOMEM;
	put_behind(n, f);
	if (n->offer.learned != &f->as)
		predict_init(&n->offer);
	n->offer.learned = &f->as;
	return 0;
}

int native_add(struct provider *p, const struct ukcf_dual_offer *d)
{
	int err;

	pthread_mutex_lock(&lock);
	err = add_locked(p, d);
	pthread_mutex_unlock(&lock);
	return err;
}

void native_withdraw(const struct provider *p)
{
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < n_table; i++)
		if (table[i]->offer.provider == p)
			put_behind(table[i], NULL);
	pthread_mutex_unlock(&lock);
}

/* ---------------------------------------------------------------- the choice */

static uint32_t bit_of(const struct dual_plan *plan)
{
	if (plan->step[0].half == DUAL_CIPHER)
		return UKCF_DUAL_ENCRYPT_MAC;
	return plan->step[0].op == UKCF_OP_MAC ? UKCF_DUAL_MAC_DECRYPT :
						 UKCF_DUAL_MAC_VERIFY_DECRYPT;
}

/* May p be asked for m alone? */
static bool may_do(const struct provider *p, const struct mech *m)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++) {
		const struct mech_offer *o = mech_offer_at(m, i);

		if (o->provider == p)
			return mech_offer_now(o) &&
			       !load_relaxed_u32(&o->disabled);
	}
	return false;
}

/* Was it ever for these two?  What is withdrawn says no more what it did. */
static bool is_of(const struct native *n, const struct dual_plan *plan)
{
	const struct form *f = form_of(&n->offer);

	return n->cipher == plan->mech[DUAL_CIPHER]->id &&
	       n->mac == plan->mech[DUAL_MAC]->id &&
	       (!f || (f->dual->ops & bit_of(plan)));
}

/* Why it cannot be this one; SCHED_SLOWER: it can. */
static enum sched_reason judge(const struct native *n,
			       const struct dual_plan *plan,
			       const struct sched_needs *needs)
{
	const struct provider *p = n->offer.provider;

	if (needs->provider && needs->provider != p->id)
		return SCHED_EXCLUDED;
	if (needs->require_hw)
		return SCHED_NOT_HARDWARE;
	if (!form_of(&n->offer))
		return SCHED_NOT_LOADED;
	if (!provider_is_usable(p))
		return SCHED_NOT_READY;
	if (trust_is_limited(&p->trust))
		return SCHED_CHECKED;
	if (needs->tried >> p->id & 1)
		return SCHED_TRIED;
	return may_do(p, plan->mech[DUAL_CIPHER]) &&
			       may_do(p, plan->mech[DUAL_MAC]) ?
		       SCHED_SLOWER :
		       SCHED_DISABLED;
}

struct mech_offer *native_find(const struct dual_plan *plan,
			       const struct dispatch_wish *wish)
{
	uint32_t n = load_acquire_u32(&n_table), least = UINT32_MAX;
	struct mech_offer *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct mech_offer *o = &table[i]->offer;
		uint32_t ns = predict_ns(o, wish->op, wish->bytes);

		if (ns >= least || !is_of(table[i], plan) ||
		    judge(table[i], plan, &wish->needs) != SCHED_SLOWER)
			continue;
		best = o;
		least = ns;
	}
	return best;
}

unsigned int native_judge(const struct dual_plan *plan,
			  const struct dispatch_wish *wish,
			  struct sched_candidate *c, struct mech_offer **of)
{
	uint32_t all = load_acquire_u32(&n_table);
	unsigned int n = 0;

	for (uint32_t i = 0; i < all; i++) {
		struct mech_offer *o = &table[i]->offer;

		if (!is_of(table[i], plan))
			continue;
		of[n] = o;
		c[n++] = (struct sched_candidate){
			.service_ns = predict_ns(o, wish->op, wish->bytes),
			.provider = o->provider->id,
			.reason = judge(table[i], plan, &wish->needs),
		};
	}
	return n;
}

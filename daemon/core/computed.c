/* SPDX-License-Identifier: MIT */
#include "daemon/core/computed.h"

#include <pthread.h>
#include <stdbool.h>

#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

enum { NOTHING = 0, BEGUN = 1, READY = 2 };

/* A key may end while a provider goes: what is both's is given back once, and
 * before the provider stops. */
static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

static uint8_t *bytes_at(const struct computed_set *s, unsigned int i)
{
	return s->bytes + i * s->size;
}

static bool compute(const struct mech_offer *offer, const struct key *key,
		    uint8_t *out, size_t size)
{
	struct ukcf_job job = { .op = UKCF_OP_TMPL_CREATE,
				.mech = key_mech(key),
				.key = key_secret(key),
				.pub = key_public(key),
				.out = out,
				.out_size = size };
	ukcf_job_fn fn = offer->offer->ops->init_tmpl;

	return fn(offer->provider->instance, &job) == UKCF_DONE && job.res > 0;
}

static void set_offer(struct computed *c, const struct mech_offer *offer,
		      uint32_t mech)
{
	c->spi = offer->offer;
	c->mech = mech;
	store_release_ptr((void **)(void *)&c->offer,
			  (void *)(uintptr_t)offer);
}

static const struct mech_offer *offer_of(const struct computed *c)
{
	return load_acquire_ptr((void *const *)(const void *)&c->offer);
}

/* Still READY when it was seen to be offer's: else what was of another one is
 * being forgotten, and made anew. */
static bool is_of(const struct computed *c, const struct mech_offer *offer)
{
	return offer_of(c) == offer && load_acquire_u32(&c->step) == READY;
}

const void *computed_get(struct computed_set s, const struct mech_offer *offer,
			 const struct key *key)
{
	for (unsigned int i = 0; i < COMPUTED_STATES; i++) {
		struct computed *c = &s.of[i];
		uint32_t step = load_acquire_u32(&c->step);

		if (step == READY && is_of(c, offer))
			return bytes_at(&s, i);
		if (step == READY)
			continue;
		if (step == BEGUN || !compare_swap_u32(&c->step, &step, BEGUN))
			return NULL; /* somebody is at it: perhaps for us */
		set_offer(c, offer, key_mech(key));
		if (compute(offer, key, bytes_at(&s, i), s.size)) {
			store_release_u32(&c->step, READY);
			return bytes_at(&s, i);
		}
		secmem_wipe(bytes_at(&s, i), s.size);
		store_release_u32(&c->step, NOTHING);
		return NULL;
	}
	return NULL;
}

/* Locked. */
static void give_back(const struct computed *c, const uint8_t *bytes)
{
	ukcf_job_fn drop = c->spi->ops->drop_tmpl;
	struct ukcf_job job = { .op = UKCF_OP_TMPL_DESTROY,
				.mech = c->mech,
				.tmpl = bytes };

	if (drop)
		drop(offer_of(c)->provider->instance, &job);
}

/* p: NULL: any provider's */
static void end(const struct computed_set *s, unsigned int i,
		const struct provider *p)
{
	struct computed *c = &s->of[i];

	if (load_relaxed_u32(&c->step) == NOTHING)
		return;
	pthread_mutex_lock(&ending);
	if (load_acquire_u32(&c->step) == READY &&
	    (!p || offer_of(c)->provider == p)) {
		give_back(c, bytes_at(s, i));
		secmem_wipe(bytes_at(s, i), s->size);
		store_release_u32(&c->step, NOTHING);
	}
	pthread_mutex_unlock(&ending);
}

void computed_end(struct computed_set s)
{
	for (unsigned int i = 0; i < COMPUTED_STATES; i++)
		end(&s, i, NULL);
}

void computed_forget(struct computed_set s, const struct provider *p)
{
	for (unsigned int i = 0; i < COMPUTED_STATES; i++)
		end(&s, i, p);
}

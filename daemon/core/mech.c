/* SPDX-License-Identifier: MIT */
/*
 * Rows are the built-in table, in its order; a small open-addressed index
 * finds them by id.  Offers are added and withdrawn under the lock and read by
 * service threads without it: an offer, once made, keeps its place and is never
 * freed; what is behind it comes and goes.
 */
#include "daemon/core/mech.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/page.h"
#include "daemon/core/policy.h"
#include "daemon/core/predict.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "lib/shared/mech-table.h"
#include "lib/shared/ring-ops.h"

#define ROWS_MAX UKCF_PAGE_MECHS_MAX
#define INDEX_SIZE 1024 /* power of two, sparse */

static struct mech rows[ROWS_MAX];
static unsigned int n_rows;
static uint16_t by_id[INDEX_SIZE]; /* row + 1 */
static uint32_t n_made; /* offers; atomic */
/* Guards changes of offers; readers take none. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t hash(uint32_t id)
{
	return (id * 2654435761u) >> 22; /* Knuth's multiplier, 10 bits */
}

static void index_add(unsigned int row)
{
	uint32_t h = hash(rows[row].id);

	while (by_id[h % INDEX_SIZE])
		h++;
	by_id[h % INDEX_SIZE] = (uint16_t)(row + 1);
}

int mech_init(void)
{
	for (unsigned int i = 0; i < mech_n_rows; i++) {
		const struct mech_row *r = &mech_rows[i];

		rows[i] = (struct mech){
			.id = r->id,
			.name = r->name,
			.limits = {
				.key_min = r->key_min,
				.key_max = r->key_max,
				.nonce_len = r->nonce_len,
				.tag_min = r->tag_min,
				.tag_max = r->tag_max,
				.out_len = r->out_len,
				.pub_len = r->pub_len,
				.by_key = r->by_key,
				.data_max = r->data_max,
				.aad_max = r->aad_max,
				.in_min = r->in_min,
				.block = r->block,
				.growth = r->growth,
				.padding = r->padding,
			},
			.pkcs11 = r->pkcs11,
			.openssl = r->openssl,
			.enabled = policy_permits("", r->name),
		};
	}
	n_rows = mech_n_rows;
	memset(by_id, 0, sizeof(by_id));
	for (unsigned int i = 0; i < n_rows; i++)
		index_add(i);
	return 0;
}

const struct mech *mech_find(uint32_t id)
{
	uint32_t h = hash(id);
	uint16_t row;

	while ((row = by_id[h % INDEX_SIZE])) {
		if (rows[row - 1].id == id)
			return &rows[row - 1];
		h++;
	}
	return NULL;
}

const struct mech *mech_by_name(const char *name)
{
	for (unsigned int i = 0; i < n_rows; i++)
		if (mech_name_matches(name, rows[i].name, rows[i].pkcs11,
				      rows[i].openssl))
			return &rows[i];
	return NULL;
}

unsigned int mech_count(void)
{
	return n_rows;
}

const struct mech *mech_at(unsigned int i)
{
	return i < n_rows ? &rows[i] : NULL;
}

ukcf_job_fn mech_entry(const struct ukcf_offer *o, uint32_t op)
{
	const struct ukcf_mech_ops *f = o->ops;

	switch (op) {
	case UKCF_OP_DIGEST:
		return f->digest;
	case UKCF_OP_MAC:
		return f->mac;
	case UKCF_OP_MAC_VERIFY:
		return f->mac_verify;
	case UKCF_OP_ENCRYPT:
		return f->encrypt;
	case UKCF_OP_DECRYPT:
		return f->decrypt;
	case UKCF_OP_SIGN:
		return f->sign;
	case UKCF_OP_VERIFY:
		return f->verify;
	case UKCF_OP_DERIVE:
		return f->derive;
	case UKCF_OP_RANDOM:
		return f->random;
	case UKCF_OP_KEY_GENERATE:
		return f->generate;
	case UKCF_OP_KEY_PUBLIC:
		return f->public_key;
	case UKCF_OP_INIT:
		return f->init;
	case UKCF_OP_UPDATE:
		return f->update;
	case UKCF_OP_FINAL:
		return f->final;
	case UKCF_OP_TMPL_CREATE:
		return f->init_tmpl;
	default:
		return NULL;
	}
}

uint32_t mech_ops(const struct ukcf_offer *o)
{
	uint32_t ops = 0;

	for (uint32_t op = 0; op < 32; op++)
		if (mech_entry(o, op))
			ops |= 1u << op;
	return ops;
}

static struct mech *row_of(uint32_t id)
{
	return (struct mech *)(uintptr_t)mech_find(id);
}

static void judge_offer(struct mech_offer *o, const struct mech *m)
{
	store_release_u32(&o->disabled,
			  !policy_permits(o->provider->name, m->name));
}

const struct ukcf_offer *mech_offer_now(const struct mech_offer *o)
{
	return load_acquire_ptr((void *const *)(const void *)&o->offer);
}

static void put_behind(struct mech_offer *mo, const struct ukcf_offer *o)
{
	store_release_ptr((void **)(void *)&mo->offer, (void *)(uintptr_t)o);
}

/* Locked. */
static struct mech_offer *find_offer(const struct mech *m,
				     const struct provider *p)
{
	for (unsigned int i = 0; i < m->n_offers; i++)
		if (m->offers[i]->provider == p)
			return m->offers[i];
	return NULL;
}

/* Locked. */
static struct mech_offer *new_offer(struct mech *m, struct provider *p, int *err)
{
	struct mech_offer *mo;

	*err = m->n_offers < MECH_OFFERS_MAX ? -ENOMEM : -ENOSPC;
	mo = *err == -ENOMEM ? calloc(1, sizeof(*mo)) : NULL;
	if (!mo)
		return NULL;
	*err = 0;
	mo->provider = p;
	mo->index = n_made;
	store_release_u32(&n_made, n_made + 1);
	store_release_ptr((void **)&m->offers[m->n_offers], mo);
	store_release_u32(&m->n_offers, m->n_offers + 1);
	return mo;
}

/* Locked.  What was learned of the same code holds. */
static int add_locked(struct mech *m, struct provider *p,
		      const struct ukcf_offer *o)
{
	struct mech_offer *mo = find_offer(m, p);
	int err = 0;

	if (!mo)
		mo = new_offer(m, p, &err);
	if (!mo)
		return err;
	judge_offer(mo, m);
	put_behind(mo, o);
	if (mo->learned != o)
		predict_init(mo);
	mo->learned = o;
	return 0;
}

int mech_add_offer(struct provider *p, const struct ukcf_offer *o)
{
	struct mech *m = row_of(o->mech);
	int err;

	if (!m || !o->ops || !mech_ops(o))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	err = add_locked(m, p, o);
	pthread_mutex_unlock(&lock);
	return err;
}

void mech_withdraw(struct provider *p)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < n_rows; i++) {
		struct mech_offer *o = find_offer(&rows[i], p);

		if (o)
			put_behind(o, NULL);
	}
	pthread_mutex_unlock(&lock);
}

struct mech_offer *mech_choose(const struct mech *m, uint32_t op,
			       uint16_t constraint)
{
	unsigned int n = load_acquire_u32(&m->n_offers);

	for (unsigned int i = 0; i < n; i++) {
		struct mech_offer *o = load_acquire_ptr(
			(void *const *)(uintptr_t)&m->offers[i]);
		const struct ukcf_offer *now = mech_offer_now(o);

		if (constraint != UKCF_PROVIDER_ANY &&
		    o->provider->id != constraint)
			continue;
		if (!load_relaxed_u32(&o->disabled) && now &&
		    provider_is_usable(o->provider) && mech_entry(now, op))
			return o;
	}
	return NULL;
}

/* -------------------------------------------------------------- permission */

void mech_judge(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < n_rows; i++) {
		struct mech *m = &rows[i];

		store_release_u32(&m->enabled, policy_permits("", m->name));
		for (unsigned int k = 0; k < m->n_offers; k++)
			judge_offer(m->offers[k], m);
	}
	pthread_mutex_unlock(&lock);
}

uint32_t mech_offers_made(void)
{
	return load_acquire_u32(&n_made);
}

const struct mech_offer *mech_offer_of(const struct mech *m,
				       const struct provider *p)
{
	const struct mech_offer *found;

	pthread_mutex_lock(&lock);
	found = find_offer(m, p);
	pthread_mutex_unlock(&lock);
	return found;
}

bool mech_is_offered(const struct mech *m, const struct provider *p)
{
	return mech_offer_of(m, p) != NULL;
}

/* --------------------------------------------------------------- the page */

/* May callers run it themselves? */
static bool serves_callers(const struct provider *p, const struct ukcf_offer *o)
{
	const struct module *m = load_module(p);

	return provider_is_usable(p) && m && m->caller_gen &&
	       (o->flags & UKCF_OFFER_CALLER);
}

static void page_offers(const struct mech *m, struct ukcf_page_mech *row)
{
	for (unsigned int i = 0; i < m->n_offers; i++) {
		const struct mech_offer *o = m->offers[i];
		const struct provider *p = o->provider;

		if (o->disabled || !o->offer || !provider_is_loaded(p))
			continue;
		row->providers |= UINT64_C(1) << p->id;
		row->ops |= mech_ops(o->offer);
		if (!row->caller && serves_callers(p, o->offer))
			row->caller = p->id;
	}
}

static void page_mech(const struct mech *m, struct ukcf_page_mech *row)
{
	*row = (struct ukcf_page_mech){
		.id = m->id,
		.flags = (m->enabled ? UKCF_PAGE_MECH_ENABLED : 0u) |
			 (m->limits.by_key ? UKCF_PAGE_MECH_BY_KEY : 0u),
		.nonce_len = (uint16_t)m->limits.nonce_len,
		.key_min = (uint16_t)m->limits.key_min,
		.key_max = (uint16_t)m->limits.key_max,
		.tag_min = (uint16_t)m->limits.tag_min,
		.tag_max = (uint16_t)m->limits.tag_max,
		.out_len = (uint16_t)m->limits.out_len,
		.pub_len = (uint16_t)m->limits.pub_len,
		.in_min = m->limits.in_min,
		.block = m->limits.block,
		.growth = m->limits.growth,
		.padding = m->limits.padding,
		.data_max = m->limits.data_max,
		.aad_max = m->limits.aad_max,
	};
	strncpy(row->name, m->name, sizeof(row->name) - 1);
	strncpy(row->pkcs11, m->pkcs11, sizeof(row->pkcs11) - 1);
	strncpy(row->openssl, m->openssl, sizeof(row->openssl) - 1);
	page_offers(m, row);
}

static void page_provider(const struct provider *p,
			  struct ukcf_page_provider *row)
{
	const struct ukcf_provider *spi =
		load_acquire_ptr((void *const *)(const void *)&p->spi);
	const struct module *m = load_module(p);

	*row = (struct ukcf_page_provider){
		.id = p->id,
		.kind = (uint8_t)load_relaxed_u32(&p->kind),
		.state = (uint8_t)load_acquire_u32(&p->state),
		.module_gen = m ? m->caller_gen : 0,
		.n_mechs = spi ? spi->n_offers : 0,
	};
	snprintf(row->name, sizeof(row->name), "%s", p->name);
	if (spi && spi->version)
		strncpy(row->version, spi->version, sizeof(row->version) - 1);
}

void mech_publish(void)
{
	static struct ukcf_page_mech mechs[ROWS_MAX];
	static struct ukcf_page_provider providers[UKCF_PAGE_PROVIDERS_MAX + 1];
	unsigned int n_mechs = 0, n_providers = provider_count();

	pthread_mutex_lock(&lock);
	/* A mechanism that nobody ever offered is not on the page. */
	for (unsigned int i = 0; i < n_rows; i++)
		if (rows[i].n_offers)
			page_mech(&rows[i], &mechs[n_mechs++]);
	for (unsigned int i = 0; i < n_providers; i++)
		page_provider(provider_at(i), &providers[i]);
	page_publish(providers, n_providers, mechs, n_mechs);
	pthread_mutex_unlock(&lock);
}

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
static uint32_t n_rows;		     /* atomic; grows under the lock */
static uint32_t by_id[INDEX_SIZE]; /* atomic; row + 1 */
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
	store_release_u32(&by_id[h % INDEX_SIZE], row + 1);
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
				.chunks = r->chunks,
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
	uint32_t row;

	while ((row = load_acquire_u32(&by_id[h % INDEX_SIZE]))) {
		if (rows[row - 1].id == id)
			return &rows[row - 1];
		h++;
	}
	return NULL;
}

const struct mech *mech_by_name(const char *name)
{
	for (unsigned int i = 0; i < mech_count(); i++)
		if (mech_name_matches(name, rows[i].name, rows[i].pkcs11,
				      rows[i].openssl))
			return &rows[i];
	return NULL;
}

unsigned int mech_count(void)
{
	return load_acquire_u32(&n_rows);
}

const struct mech *mech_at(unsigned int i)
{
	return i < mech_count() ? &rows[i] : NULL;
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

struct mech_offer *mech_offer_at(const struct mech *m, unsigned int i)
{
	return load_acquire_ptr((void *const *)(uintptr_t)&m->offers[i]);
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

int mech_add_offer_as(struct provider *p, const struct mech *m,
		      const struct ukcf_offer *o)
{
	int err;

	if (!m || !o->ops || !mech_ops(o))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	err = add_locked(row_of(m->id), p, o);
	pthread_mutex_unlock(&lock);
	return err;
}

int mech_add_offer(struct provider *p, const struct ukcf_offer *o)
{
	return mech_add_offer_as(p, mech_find(o->mech), o);
}

/* ---------------------------------------- mechanisms that providers describe */

/* Those that can be tested without known answers. */
#define CLASSES                                                     \
	(1u << UKCF_CLASS_DIGEST | 1u << UKCF_CLASS_MAC |           \
	 1u << UKCF_CLASS_CIPHER | 1u << UKCF_CLASS_AEAD)

static bool is_own_name(const char *name)
{
	static const char may[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = name ? strnlen(name, UKCF_NAME_MAX) : 0;

	return n > 2 && n < UKCF_NAME_MAX && strncmp(name, "x-", 2) == 0 &&
	       strspn(name, may) == n;
}

static const char *wrong_with(const struct ukcf_mech_desc *d)
{
	if (!is_own_name(d->name))
		return "the name of a mechanism of its own is x- and [a-z0-9-]";
	if (d->class_ > 15 || !(CLASSES >> d->class_ & 1))
		return "a mechanism of its own is a digest, MAC, cipher or "
		       "AEAD";
	if (d->key_min > d->key_max || d->key_max > UKCF_KEY_BYTES_MAX ||
	    d->nonce_len > UKCF_PARAM_MAX || d->tag_min > d->tag_max ||
	    d->tag_max > 64 || d->out_len > 64 ||
	    d->data_max > UKCF_ONESHOT_MAX || d->aad_max > UKCF_ONESHOT_MAX)
		return "sizes of a mechanism of its own are out of range";
	if ((d->class_ == UKCF_CLASS_DIGEST) != (d->out_len > 0) ||
	    (d->class_ == UKCF_CLASS_DIGEST) != (d->key_max == 0))
		return "a digest has an output size and no key, others a key";
	return NULL;
}

/* FNV-1a of the name, folded: the same in every daemon, now and after a
 * restart, so keys and consumers may keep it. */
static uint32_t own_id(const struct ukcf_mech_desc *d)
{
	uint32_t h = 2166136261u;

	for (const char *s = d->name; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	h = (h ^ h >> 15) & (UKCF_MECH_DYNAMIC - 1);
	return UKCF_MECH_ID(d->class_, UKCF_MECH_DYNAMIC + h);
}

static struct mech_limits limits_of(const struct ukcf_mech_desc *d)
{
	return (struct mech_limits){
		.key_min = d->key_min,	   .key_max = d->key_max,
		.nonce_len = d->nonce_len, .tag_min = d->tag_min,
		.tag_max = d->tag_max,	   .out_len = d->out_len,
		.data_max = d->data_max,   .aad_max = d->aad_max,
	};
}

static bool is_as_described(const struct mech_limits *l,
			    const struct ukcf_mech_desc *d)
{
	return l->key_min == d->key_min && l->key_max == d->key_max &&
	       l->nonce_len == d->nonce_len && l->tag_min == d->tag_min &&
	       l->tag_max == d->tag_max && l->out_len == d->out_len &&
	       l->data_max == d->data_max && l->aad_max == d->aad_max;
}

static const struct mech *same_as(const struct mech *m,
				  const struct ukcf_mech_desc *d,
				  const char **why)
{
	*why = NULL;
	if (strcmp(m->name, d->name) != 0)
		*why = "a mechanism of its own gets the id of another one: "
		       "give it another name";
	else if (!is_as_described(&m->limits, d))
		*why = "it describes a mechanism in another way than it was "
		       "before: restart the daemon";
	return *why ? NULL : m;
}

/* Locked. */
static const struct mech *add_row(uint32_t id, const struct ukcf_mech_desc *d,
				  const char **why)
{
	char *name = n_rows < ROWS_MAX ? strdup(d->name) : NULL;
	struct mech *m = &rows[n_rows];

	*why = "there is no room for one more mechanism";
	if (!name)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->id = id;
	m->name = name;
	m->limits = limits_of(d);
	m->pkcs11 = "";
	m->openssl = "";
	m->enabled = policy_permits("", name);
	index_add(n_rows);
	store_release_u32(&n_rows, n_rows + 1);
	return m;
}

const struct mech *mech_describe(const struct ukcf_mech_desc *d,
				 const char **why)
{
	const struct mech *m;
	uint32_t id;

	*why = wrong_with(d);
	if (*why)
		return NULL;
	id = own_id(d);
	pthread_mutex_lock(&lock);
	m = mech_find(id);
	m = m ? same_as(m, d, why) : add_row(id, d, why);
	pthread_mutex_unlock(&lock);
	return m;
}

int mech_promise(struct provider *p, const struct mech *m)
{
	struct mech *row = row_of(m->id);
	struct mech_offer *mo;
	int err = 0;

	pthread_mutex_lock(&lock);
	mo = find_offer(row, p);
	if (!mo)
		mo = new_offer(row, p, &err);
	if (mo) {
		judge_offer(mo, row);
		store_release_u32(&mo->promised, 1);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void mech_forget_promises(const struct provider *p)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < n_rows; i++) {
		struct mech_offer *o = find_offer(&rows[i], p);

		if (o)
			store_release_u32(&o->promised, 0);
	}
	pthread_mutex_unlock(&lock);
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
		struct mech_offer *o = mech_offer_at(m, i);
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

	/* Callers do not know which one a described mechanism is. */
	return provider_is_usable(p) && m && m->caller_gen &&
	       (o->flags & UKCF_OFFER_CALLER) &&
	       UKCF_MECH_INDEX(o->mech) < UKCF_MECH_DYNAMIC;
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
			 (m->limits.by_key ? UKCF_PAGE_MECH_BY_KEY : 0u) |
			 (m->limits.chunks ? UKCF_PAGE_MECH_CHUNKS : 0u),
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

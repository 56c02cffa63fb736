/* SPDX-License-Identifier: MIT */
/*
 * The table is changed in place and read without a lock: a row's id never
 * changes once it is there, nor do the limits of an id; what does change
 * (enabled, the module) is one word each.  Objects that a reader may have in
 * hand are freed with the connection; there is one per mechanism and module
 * generation.
 */
#include "lib/mechs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/connection.h"
#include "lib/module.h"
#include "lib/shared/msg.h"
#include "lib/shared/ring-ops.h"

#define MASK ((1u << MECHS_ORDER) - 1)

int mechs_init(struct mechs *m)
{
	m->slots = calloc(1u << MECHS_ORDER, sizeof(*m->slots));
	if (!m->slots)
		return -ENOMEM;
	return -pthread_mutex_init(&m->lock, NULL);
}

void mechs_deinit(struct mechs *m)
{
	if (m->slots)
		pthread_mutex_destroy(&m->lock);
	while (m->callers) {
		struct caller *next = m->callers->next;

		free(m->callers);
		m->callers = next;
	}
	free(m->slots);
}

static uint32_t place_of(uint32_t id)
{
	return (id * UINT32_C(2654435761)) >> (32 - MECHS_ORDER);
}

/* The row of id, or the free one where it belongs. */
static struct mech_slot *probe(const struct mechs *m, uint32_t id)
{
	for (uint32_t i = place_of(id);; i = (i + 1) & MASK) {
		uint32_t at = load_acquire_u32(&m->slots[i].id);

		if (at == id || at == 0)
			return &m->slots[i];
	}
}

/* ----------------------------------------------------------------- renewal */

static const struct ukcf_offer *offer_of(const struct module *m, uint32_t mech)
{
	for (uint32_t i = 0; i < m->spi->n_offers; i++)
		if (m->spi->offers[i].mech == mech)
			return &m->spi->offers[i];
	return NULL;
}

static const struct module *fetch(struct ukcf *u, uint64_t deadline_ns,
				  const struct ukcf_page_provider *p)
{
	struct msg_module want = { .provider = p->id }, got;
	int fd, err;

	err = control_ask(u, &(struct control_call){
		.verb = MSG_MODULE_GET,
		.body = &want, .body_len = sizeof(want),
		.reply = &got, .reply_len = sizeof(got),
		.fds = &fd, .n_fds = 1,
		.deadline_ns = deadline_ns,
	});
	return err ? NULL : module_load(fd, p->name);
}

static struct caller *known(const struct mechs *m, uint32_t mech,
			    const struct ukcf_page_provider *p)
{
	for (struct caller *c = m->callers; c; c = c->next)
		if (c->provider == p->id && c->module_gen == p->module_gen &&
		    c->offer->mech == mech)
			return c;
	return NULL;
}

static struct caller *caller_new(struct mechs *m, const struct module *mod,
				 uint32_t mech,
				 const struct ukcf_page_provider *p)
{
	const struct ukcf_offer *o = offer_of(mod, mech);
	struct caller *c;

	if (!o || !o->ops || !(o->flags & UKCF_OFFER_CALLER))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	*c = (struct caller){
		.fn = {
			[UKCF_OP_DIGEST] = o->ops->digest,
			[UKCF_OP_MAC] = o->ops->mac,
			[UKCF_OP_MAC_VERIFY] = o->ops->mac_verify,
			[UKCF_OP_ENCRYPT] = o->ops->encrypt,
			[UKCF_OP_DECRYPT] = o->ops->decrypt,
			[UKCF_OP_SIGN] = o->ops->sign,
			[UKCF_OP_VERIFY] = o->ops->verify,
			[UKCF_OP_DERIVE] = o->ops->derive,
			[UKCF_OP_RANDOM] = o->ops->random,
		},
		.next = m->callers,
		.offer = o,
		.instance = mod->instance,
		.module_gen = p->module_gen,
		.provider = p->id,
	};
	m->callers = c;
	return c;
}

static const struct ukcf_page_provider *provider_row(const struct ukcf_page *p,
						     uint16_t id)
{
	for (uint32_t i = 0; i < p->n_providers; i++)
		if (p->providers[i].id == id)
			return &p->providers[i];
	return NULL;
}

/* One that failed, or is being taken out, runs nothing here either. */
static bool may_run(const struct ukcf_page_provider *p)
{
	return p->state == UKCF_PROVIDER_READY || p->state == UKCF_PROVIDER_BUSY;
}

/* The module of each provider is asked for once per renewal. */
struct fetched {
	uint64_t deadline_ns; /* of all of them */
	const struct module *module[UKCF_PAGE_PROVIDERS_MAX + 1];
	bool asked[UKCF_PAGE_PROVIDERS_MAX + 1];
};

static struct caller *find_caller(struct ukcf *u, const struct ukcf_page *page,
				  const struct ukcf_page_mech *row,
				  struct fetched *f, uint32_t *reason)
{
	const struct ukcf_page_provider *p = provider_row(page, row->caller);
	struct caller *c;

	*reason = UKCF_REASON_NO_MODULE;
	if (!row->caller || !p || p->id > UKCF_PAGE_PROVIDERS_MAX ||
	    !may_run(p))
		return NULL;
	*reason = u->no_caller;
	if (u->no_caller)
		return NULL;
	c = known(&u->mechs, row->id, p);
	if (c)
		return c;
	*reason = UKCF_REASON_LOAD;
	if (!f->asked[p->id]) {
		f->asked[p->id] = true;
		f->module[p->id] = fetch(u, f->deadline_ns, p);
	}
	if (!f->module[p->id])
		return NULL;
	return caller_new(&u->mechs, f->module[p->id], row->id, p);
}

static void fill_limits(struct mech_slot *s, const struct ukcf_page_mech *row)
{
	s->limits = (struct mech_limits){
		.key_min = row->key_min,
		.key_max = row->key_max,
		.nonce_len = row->nonce_len,
		.tag_min = row->tag_min,
		.tag_max = row->tag_max,
		.out_len = row->out_len,
		.pub_len = row->pub_len,
		.by_key = row->flags & UKCF_PAGE_MECH_BY_KEY,
		.chunks = row->flags & UKCF_PAGE_MECH_CHUNKS,
		.data_max = row->data_max,
		.aad_max = row->aad_max,
		.in_min = row->in_min,
		.block = row->block,
		.growth = row->growth,
		.padding = row->padding,
	};
}

static void renew_row(struct ukcf *u, const struct ukcf_page *page,
		      const struct ukcf_page_mech *row, struct fetched *f)
{
	struct mech_slot *s = probe(&u->mechs, row->id);
	uint32_t reason;
	struct caller *c = find_caller(u, page, row, f, &reason);

	if (!s->id)
		fill_limits(s, row);
	store_release_u32(&s->reason, reason);
	store_release_ptr(&s->caller, c);
	store_release_u32(&s->enabled,
			  row->flags & UKCF_PAGE_MECH_ENABLED ? 1 : 0);
	store_release_u32(&s->id, row->id);
}

/* A mechanism that is not on the page any more is offered by nobody. */
static void retire_missing(struct mechs *m, const struct ukcf_page *page)
{
	for (uint32_t i = 0; i <= MASK; i++) {
		struct mech_slot *s = &m->slots[i];
		bool there = false;

		for (uint32_t k = 0; s->id && k < page->n_mechs; k++)
			there = there || page->mechs[k].id == s->id;
		if (!s->id || there)
			continue;
		store_release_ptr(&s->caller, NULL);
		store_release_u32(&s->reason, UKCF_REASON_NO_MODULE);
	}
}

/* Return: false if the page was being written all the time. */
static bool renew(struct ukcf *u)
{
	struct mechs *m = &u->mechs;
	const struct ukcf_page *page;
	struct fetched f = { .deadline_ns = control_deadline(u) };
	bool fresh;

	pthread_mutex_lock(&m->lock);
	page = view_lock(u, &fresh);
	if (fresh && (!m->ready || page->epoch != m->epoch)) {
		for (uint32_t i = 0; i < page->n_mechs; i++)
			renew_row(u, page, &page->mechs[i], &f);
		retire_missing(m, page);
		store_release_u32(&m->epoch, page->epoch);
		store_release_u32(&m->ready, 1);
	}
	view_unlock(u);
	pthread_mutex_unlock(&m->lock);
	return fresh;
}

const struct mech_slot *mechs_find(struct ukcf *u, uint32_t id, bool *stale)
{
	struct mechs *m = &u->mechs;
	const struct mech_slot *s;

	*stale = false;
	if (load_acquire_u32(&u->page->epoch) != load_acquire_u32(&m->epoch) ||
	    !load_acquire_u32(&m->ready))
		*stale = !renew(u);
	if (!id)
		return NULL;
	s = probe(m, id);
	return load_acquire_u32(&s->id) ? s : NULL;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/api/offers.h"

#include <stdio.h>
#include <string.h>

#include "daemon/api/ring.h"
#include "daemon/core/mech.h"
#include "daemon/core/policy.h"
#include "daemon/core/tally.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

/* Rows are counted from the first one; a window of them is kept. */
struct list {
	struct msg_offer *rows;
	uint32_t from, n, room, at;
};

static struct msg_offer *next_row(struct list *l)
{
	if (l->at++ < l->from || l->n == l->room)
		return NULL;
	l->rows[l->n] = (struct msg_offer){ 0 };
	return &l->rows[l->n++];
}

/* The rule about the mechanism stands before that about the offer. */
static void judge(struct msg_offer *row, const char *provider, const char *mech)
{
	enum policy_by by;

	_Static_assert((int)MSG_BY_FILE == (int)POLICY_BY_FILE &&
			       (int)MSG_BY_ADMINISTRATOR ==
				       (int)POLICY_BY_ADMINISTRATOR,
		       "one meaning");
	row->enabled = policy_judge("", mech, &by);
	if (row->enabled && *provider) {
		enum policy_by general = by;

		row->enabled = policy_judge(provider, mech, &by);
		if (by == POLICY_BY_NOBODY)
			by = general;
	}
	row->by = (uint8_t)by;
}

static void fill_tally(const struct mech *m, const struct provider *p,
		       struct msg_tally *to)
{
	const struct mech_offer *o = mech_offer_of(m, p);
	struct tally sum = { 0 };

	if (!o)
		return;
	ring_tally_offer(o->index, &sum);
	*to = (struct msg_tally){ sum.done, sum.failed, sum.bytes,
				  sum.queue_ns, sum.service_ns };
}

/* Return: NULL: it is not asked for. */
static struct msg_offer *add(struct list *l, const char *provider,
			     const struct provider *p, const char *mech)
{
	struct msg_offer *row = next_row(l);

	if (!row)
		return NULL;
	snprintf(row->provider, sizeof(row->provider), "%s", provider);
	snprintf(row->mech, sizeof(row->mech), "%s", mech);
	if (p) {
		row->id = p->id;
		row->state = (uint8_t)load_acquire_u32(&p->state);
	}
	judge(row, provider, mech);
	return row;
}

static void add_offers(struct list *l, const struct provider *p)
{
	for (unsigned int i = 0; i < mech_count(); i++) {
		const struct mech *m = mech_at(i);
		struct msg_offer *row = NULL;

		if (mech_is_offered(m, p))
			row = add(l, p->name, p, m->name);
		if (row)
			fill_tally(m, p, &row->tally);
	}
}

/* Is it about something that no row of an offer shows? */
static bool is_about_nothing(const struct policy_rule *r)
{
	const struct mech *m = mech_by_name(r->mech);

	if (r->provider[0])
		return !provider_by_name(r->provider);
	return !m || !load_acquire_u32(&m->n_offers);
}

static bool has_rule(const struct policy_rules *r, const struct policy_rule *of)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (strcmp(r->rules[i].provider, of->provider) == 0 &&
		    strcmp(r->rules[i].mech, of->mech) == 0)
			return true;
	return false;
}

static void add_rules(struct list *l, const struct policy_rules *r,
		      const struct policy_rules *above)
{
	for (unsigned int i = 0; i < r->n; i++) {
		const struct policy_rule *rule = &r->rules[i];

		if (is_about_nothing(rule) &&
		    !(above && has_rule(above, rule)))
			add(l, rule->provider, NULL, rule->mech);
	}
}

uint32_t offers_list(uint32_t from, struct msg_offer *rows, uint32_t n)
{
	struct list l = { .rows = rows, .from = from, .room = n };

	for (unsigned int i = 0; i < provider_count(); i++)
		add_offers(&l, provider_at(i));
	add_rules(&l, policy_kept(), NULL);
	add_rules(&l, policy_filed(), policy_kept());
	return l.n;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/core/policy.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemon/core/queue.h"

static struct policy_rules kept, filed;
static struct policy_shares shares; /* main only */
/* Guards kept and filed against readers that are not main. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------------ rules */

/* A name that fits, and that a line of text can hold. */
static bool is_name(const char *s)
{
	size_t n = strnlen(s, UKCF_NAME_MAX);

	if (n == UKCF_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._+/-", s[i]))
			return false;
	return true;
}

static int find(const struct policy_rules *r, const char *provider,
		const char *mech)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (strcmp(r->rules[i].provider, provider) == 0 &&
		    strcmp(r->rules[i].mech, mech) == 0)
			return (int)i;
	return -1;
}

/* The order is kept: a file that is compared with an older one shows what was
 * done. */
static void drop(struct policy_rules *r, unsigned int i)
{
	memmove(&r->rules[i], &r->rules[i + 1],
		(--r->n - i) * sizeof(r->rules[0]));
}

static void drop_all(struct policy_rules *r, const char *provider)
{
	for (unsigned int i = r->n; i-- > 0;)
		if (strcmp(r->rules[i].provider, provider) == 0)
			drop(r, i);
}

static int add(struct policy_rules *r, const char *provider, const char *mech,
	       bool on)
{
	struct policy_rule *rule = &r->rules[r->n];

	if (r->n == POLICY_RULES_MAX)
		return -ENOSPC;
	*rule = (struct policy_rule){ .on = on };
	strcpy(rule->provider, provider);
	strcpy(rule->mech, mech);
	r->n++;
	return 1;
}

static unsigned int count(const struct policy_rules *r, const char *provider)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->n; i++)
		n += strcmp(r->rules[i].provider, provider) == 0;
	return n;
}

/* Does r decide it, one way or the other? */
static bool speaks(const struct policy_rules *r, const char *provider,
		   const char *mech)
{
	return r && (find(r, provider, mech) >= 0 ||
		     (*provider && find(r, provider, POLICY_ALL) >= 0));
}

static int set_all(struct policy_rules *r, const struct policy_rules *base,
		   const char *provider, bool on)
{
	bool needed = !on || (base && policy_rules_name(base, provider));
	unsigned int before = count(r, provider);
	int i = find(r, provider, POLICY_ALL);

	if (!needed && before == 0)
		return 0;
	if (needed && before == 1 && i >= 0 && r->rules[i].on == on)
		return 0;
	if (needed && before == 0 && r->n == POLICY_RULES_MAX)
		return -ENOSPC;
	drop_all(r, provider);
	return needed ? add(r, provider, POLICY_ALL, on) : 1;
}

static bool are_names(const char *provider, const char *mech)
{
	bool all = strcmp(mech, POLICY_ALL) == 0;

	return is_name(provider) && is_name(mech) && *mech &&
	       (!all || *provider);
}

/* Without a rule of its own: is it as wanted? */
static bool goes_without_saying(const struct policy_rules *r,
				const struct policy_rules *base,
				const char *provider, const char *mech, bool on)
{
	if (!speaks(r, provider, mech) && speaks(base, provider, mech))
		return false;
	return policy_rules_permit(r, provider, mech) == on;
}

int policy_rules_set_above(struct policy_rules *r,
			   const struct policy_rules *base,
			   const char *provider, const char *mech, bool on)
{
	int i;

	if (!are_names(provider, mech))
		return -EINVAL;
	if (strcmp(mech, POLICY_ALL) == 0)
		return set_all(r, base, provider, on);
	i = find(r, provider, mech);
	if (i >= 0 && r->rules[i].on == on)
		return 0;
	if (i >= 0) /* the exception; perhaps nothing is left to be said */
		drop(r, (unsigned int)i);
	if (goes_without_saying(r, base, provider, mech, on))
		return i >= 0;
	return add(r, provider, mech, on);
}

int policy_rules_set(struct policy_rules *r, const char *provider,
		     const char *mech, bool on)
{
	return policy_rules_set_above(r, NULL, provider, mech, on);
}

int policy_rules_say(struct policy_rules *r, const char *provider,
		     const char *mech, bool on)
{
	int i;

	if (!are_names(provider, mech))
		return -EINVAL;
	i = find(r, provider, mech);
	if (strcmp(mech, POLICY_ALL) == 0)
		drop_all(r, provider);
	else if (i >= 0)
		drop(r, (unsigned int)i);
	return add(r, provider, mech, on) < 0 ? -ENOSPC : 0;
}

bool policy_rules_permit(const struct policy_rules *r, const char *provider,
			 const char *mech)
{
	int i = find(r, provider, mech);

	if (i < 0 && *provider)
		i = find(r, provider, POLICY_ALL);
	return i < 0 || r->rules[i].on;
}

bool policy_rules_name(const struct policy_rules *r, const char *provider)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (strcmp(r->rules[i].provider, provider) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------------ shares */

static bool is_for(const struct policy_share *s, enum policy_whose whose,
		   const struct policy_identity *who)
{
	if (s->whose != whose)
		return false;
	if (whose == POLICY_UNIT)
		return strcmp(s->unit, who->unit) == 0;
	return s->id == (whose == POLICY_UID ? who->uid : who->gid);
}

static struct policy_share *find_share(const struct policy_shares *all,
				       enum policy_whose whose,
				       const struct policy_identity *who)
{
	for (unsigned int i = 0; i < all->n; i++)
		if (is_for(&all->rows[i], whose, who))
			return (struct policy_share *)(uintptr_t)&all->rows[i];
	return NULL;
}

int policy_shares_set(struct policy_shares *all, const struct policy_share *s)
{
	const struct policy_identity who = { s->id, s->id, s->unit };
	struct policy_share *old = find_share(all, s->whose, &who);

	if (!old && all->n == POLICY_SHARES_MAX)
		return -ENOSPC;
	*(old ? old : &all->rows[all->n++]) = *s;
	return 0;
}

uint32_t policy_shares_weight(const struct policy_shares *all,
			      const struct policy_identity *who)
{
	for (enum policy_whose w = POLICY_UID; w < POLICY_WHOSE; w++) {
		const struct policy_share *s = find_share(all, w, who);

		if (s)
			return s->weight;
	}
	return QUEUE_WEIGHT_USUAL;
}

/* -------------------------------------------------------------- the daemon */

void policy_keep(const struct policy_rules *r)
{
	pthread_mutex_lock(&lock);
	if (r != &kept)
		kept = *r;
	pthread_mutex_unlock(&lock);
}

const struct policy_rules *policy_kept(void)
{
	return &kept;
}

void policy_keep_filed(const struct policy_rules *r,
		       const struct policy_shares *s)
{
	pthread_mutex_lock(&lock);
	filed = *r;
	pthread_mutex_unlock(&lock);
	shares = *s;
}

const struct policy_rules *policy_filed(void)
{
	return &filed;
}

uint32_t policy_weight(const struct policy_identity *who)
{
	return policy_shares_weight(&shares, who);
}

static enum policy_by whose_word(const char *provider, const char *mech)
{
	if (speaks(&kept, provider, mech))
		return POLICY_BY_ADMINISTRATOR;
	return speaks(&filed, provider, mech) ? POLICY_BY_FILE :
						POLICY_BY_NOBODY;
}

bool policy_judge(const char *provider, const char *mech, enum policy_by *by)
{
	enum policy_by whose;
	bool on;

	pthread_mutex_lock(&lock);
	whose = whose_word(provider, mech);
	on = policy_rules_permit(whose == POLICY_BY_ADMINISTRATOR ? &kept :
								    &filed,
				 provider, mech);
	pthread_mutex_unlock(&lock);
	if (by)
		*by = whose;
	return on;
}

bool policy_permits(const char *provider, const char *mech)
{
	return policy_judge(provider, mech, NULL);
}

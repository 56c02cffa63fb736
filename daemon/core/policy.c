/* SPDX-License-Identifier: MIT */
#include "daemon/core/policy.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct policy_rules kept;
/* Guards kept against readers that are not main. */
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

static int set_all(struct policy_rules *r, const char *provider, bool on)
{
	bool was_off = !policy_rules_permit(r, provider, POLICY_ALL);
	unsigned int before = r->n;

	drop_all(r, provider);
	if (!on && add(r, provider, POLICY_ALL, false) < 0)
		return -ENOSPC;
	return r->n != before || was_off == on;
}

int policy_rules_set(struct policy_rules *r, const char *provider,
		     const char *mech, bool on)
{
	bool all = strcmp(mech, POLICY_ALL) == 0;
	int i;

	if (!is_name(provider) || !is_name(mech) || !*mech ||
	    (all && !*provider))
		return -EINVAL;
	if (all)
		return set_all(r, provider, on);
	if (policy_rules_permit(r, provider, mech) == on)
		return 0;
	i = find(r, provider, mech);
	if (i >= 0) { /* the exception; without it, it is as wanted */
		drop(r, (unsigned int)i);
		return 1;
	}
	return add(r, provider, mech, on);
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

bool policy_permits(const char *provider, const char *mech)
{
	bool on;

	pthread_mutex_lock(&lock);
	on = policy_rules_permit(&kept, provider, mech);
	pthread_mutex_unlock(&lock);
	return on;
}

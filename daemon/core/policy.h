/* SPDX-License-Identifier: MIT */
/*
 * Owns what the administrator allows and forbids: which mechanisms, and of
 * which providers.  Rules name what they are about, so they outlive a provider
 * that is not there now.
 *
 * A set of rules is changed by main; its questions are asked by any thread.
 */
#ifndef DAEMON_CORE_POLICY_H
#define DAEMON_CORE_POLICY_H

#include <stdbool.h>

#include <ukcf/mech.h>

#define POLICY_RULES_MAX 1024
#define POLICY_ALL "all" /* every mechanism of a provider, also future ones */

struct policy_rule {
	char provider[UKCF_NAME_MAX]; /* "": the mechanism, whoever offers it */
	char mech[UKCF_NAME_MAX];     /* its own name, or POLICY_ALL */
	bool on;		      /* an exception from a provider's "all" */
};

/* What no rule speaks of is allowed. */
struct policy_rules {
	struct policy_rule rules[POLICY_RULES_MAX];
	unsigned int n;
};

/*
 * Allow or forbid, with as few rules as say it.
 * @provider: "": the mechanism, whoever offers it
 * @mech: or POLICY_ALL, with a provider
 * Return: whether anything changed; -EINVAL: a name is empty, too long or has
 * other than letters, digits and "._+/-"; -ENOSPC.
 */
int policy_rules_set(struct policy_rules *r, const char *provider,
		     const char *mech, bool on);
bool policy_rules_permit(const struct policy_rules *r, const char *provider,
			 const char *mech);
/* Is there a rule about this provider? */
bool policy_rules_name(const struct policy_rules *r, const char *provider);

/* main: these are the rules from now on (mech_judge() makes them felt). */
void policy_keep(const struct policy_rules *r);
/* main: the rules as they are; valid until the next policy_keep(). */
const struct policy_rules *policy_kept(void);
/* Any thread. */
bool policy_permits(const char *provider, const char *mech);

#endif

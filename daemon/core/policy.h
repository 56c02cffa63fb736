/* SPDX-License-Identifier: MIT */
/*
 * Owns what the administrator allows and forbids: which mechanisms, and of
 * which providers; and what share of the queues a consumer has.  Rules name
 * what they are about, so they outlive a provider that is not there now.
 *
 * There are two sets of rules: those of the policy files, and above them those
 * that cryptoctl(1) was told.  They are changed by main; whether something is
 * permitted is asked by any thread.
 */
#ifndef DAEMON_CORE_POLICY_H
#define DAEMON_CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

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
 * Allow or forbid, with as few rules as say it above those of base.
 * @base: what holds where r says nothing; NULL: everything is allowed
 * @provider: "": the mechanism, whoever offers it
 * @mech: or POLICY_ALL, with a provider
 * Return: whether anything changed; -EINVAL: a name is empty, too long or has
 * other than letters, digits and "._+/-"; -ENOSPC.
 */
int policy_rules_set_above(struct policy_rules *r,
			   const struct policy_rules *base,
			   const char *provider, const char *mech, bool on);
/* Above nothing. */
int policy_rules_set(struct policy_rules *r, const char *provider,
		     const char *mech, bool on);
/* Say it, whether or not it is so already.  Return: 0, -EINVAL, -ENOSPC. */
int policy_rules_say(struct policy_rules *r, const char *provider,
		     const char *mech, bool on);
bool policy_rules_permit(const struct policy_rules *r, const char *provider,
			 const char *mech);
/* Is there a rule about this provider? */
bool policy_rules_name(const struct policy_rules *r, const char *provider);

/* ------------------------------------------------------------------ shares */

#define POLICY_SHARES_MAX 512
#define POLICY_UNIT_MAX 48 /* of a name in a policy file, with its NUL */

/* Whom a share is for; the first one that fits a consumer decides.  A user can
 * come by another unit (by cron, for example), never by another uid. */
enum policy_whose { POLICY_UID, POLICY_UNIT, POLICY_GID, POLICY_WHOSE };

struct policy_share {
	enum policy_whose whose;
	uint32_t id;		    /* of a user or a group */
	char unit[POLICY_UNIT_MAX]; /* of systemd */
	uint32_t weight;	    /* 1 to QUEUE_WEIGHT_MAX */
};

struct policy_shares {
	struct policy_share rows[POLICY_SHARES_MAX];
	unsigned int n;
};

/* Who a consumer is, by the kernel's word. */
struct policy_identity {
	uint32_t uid, gid;
	const char *unit; /* "": none */
};

/* Set the weight of s->whose and s->id or s->unit.  Return: 0, -ENOSPC. */
int policy_shares_set(struct policy_shares *all, const struct policy_share *s);
/* QUEUE_WEIGHT_USUAL where no share fits. */
uint32_t policy_shares_weight(const struct policy_shares *all,
			      const struct policy_identity *who);

/* -------------------------------------------------------------- the daemon */

/* main: these are the administrator's rules from now on (mech_judge() makes
 * them felt). */
void policy_keep(const struct policy_rules *r);
/* main: the rules as they are; valid until the next policy_keep(). */
const struct policy_rules *policy_kept(void);
/* Likewise what the policy files say. */
void policy_keep_filed(const struct policy_rules *r,
		       const struct policy_shares *s);
const struct policy_rules *policy_filed(void);
/* main */
uint32_t policy_weight(const struct policy_identity *who);

/* Whose word it is. */
enum policy_by { POLICY_BY_NOBODY, POLICY_BY_FILE, POLICY_BY_ADMINISTRATOR };

/* Any thread; by may be NULL. */
bool policy_judge(const char *provider, const char *mech, enum policy_by *by);
bool policy_permits(const char *provider, const char *mech);

#endif

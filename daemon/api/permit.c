/* SPDX-License-Identifier: MIT */
#include "daemon/api/permit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "daemon/api/change.h"
#include "daemon/api/consumer.h"
#include "daemon/api/policy-file.h"
#include "daemon/api/state-file.h"
#include "daemon/core/mech.h"
#include "daemon/core/policy.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"

static char state_dir[PATH_MAX], policy_dir[PATH_MAX];

static void keep_files(const struct policy_files *f)
{
	policy_keep_filed(&f->rules, &f->shares);
	quota_set_users(&f->quotas);
}

int permit_init(const char *state, const char *policy, FILE *errors)
{
	static struct policy_rules r;
	static struct policy_files f;
	int err = state_file_load(state, &r, errors), err2;

	snprintf(state_dir, sizeof(state_dir), "%s", state);
	snprintf(policy_dir, sizeof(policy_dir), "%s", policy);
	err2 = policy_files_load(&f, policy, errors);
	if (err || err2)
		return err ? err : err2;
	policy_keep(&r);
	keep_files(&f);
	return 0;
}

static void felt(void)
{
	mech_judge();
	mech_publish();
}

int permit_refresh(bool dry, unsigned int *files, FILE *errors)
{
	static struct policy_files f;
	int err = policy_files_load(&f, policy_dir, errors);

	*files = f.n;
	if (err || dry)
		return err;
	keep_files(&f);
	felt();
	consumer_weigh();
	return 0;
}

static void carry_out(const struct policy_rules *r)
{
	policy_keep(r);
	felt();
}

/* What is said of it: "sha2-512 of sodium". */
struct subject {
	const char *provider; /* "": all */
	const char *mech;     /* its own name, or POLICY_ALL */
	const char *words;    /* as the administrator named it */
};

static bool has_rules(const char *provider)
{
	return policy_rules_name(policy_kept(), provider) ||
	       policy_rules_name(policy_filed(), provider);
}

/* A provider that is not here can be enabled: it has rules of its own. */
static int find_provider(const struct msg_change *c, struct msg_changed *r,
			 const struct mech *m, bool on)
{
	const struct provider *p = provider_by_name(c->provider);

	if (!p)
		return on && has_rules(c->provider) ?
			       0 :
			       change_no_provider(r, c->provider);
	if (m && !mech_is_offered(m, p))
		return change_say(r, -ENOENT, "provider %s does not offer %s: "
				  "'cryptoctl explain -m %s' shows who does",
				  c->provider, c->argument, c->argument);
	return 0;
}

/* A mechanism that nobody knows now can be enabled, too. */
static int find_subject(const struct msg_change *c, struct msg_changed *r,
			bool on, struct subject *s)
{
	bool all = strcmp(c->argument, POLICY_ALL) == 0;
	const struct mech *m = all ? NULL : mech_by_name(c->argument);

	*s = (struct subject){ .provider = c->provider,
			       .mech = m ? m->name : c->argument,
			       .words = c->argument };
	if (!all && !m &&
	    (!on || policy_rules_permit(policy_kept(), s->provider, s->mech)))
		return change_say(r, -ENOENT, "no mechanism %s: 'cryptoctl "
				  "list -m' shows them", c->argument);
	if (all && !c->provider[0])
		return change_say(r, -EINVAL,
				  "all mechanisms of which provider?");
	return c->provider[0] ? find_provider(c, r, m, on) : 0;
}

static int done(const struct subject *s, struct msg_changed *r, bool on,
		const char *how)
{
	return change_say(r, 0, "%s%s%s %s %s", s->words,
			  s->provider[0] ? " of " : "", s->provider, how,
			  on ? "enabled" : "disabled");
}

static int keep(const struct policy_rules *next, struct msg_changed *r)
{
	static struct policy_rules old;
	char path[PATH_MAX];
	int err;

	old = *policy_kept();
	carry_out(next);
	err = state_file_save(state_dir, next, path, sizeof(path));
	if (!err)
		return 0;
	carry_out(&old);
	return change_say(r, err, "%.160s: cannot be written: %s: nothing is "
			  "changed", path, strerror(-err));
}

/* Enabled as a whole, a device that had failed too often may try again. */
static void forgive(const char *provider)
{
	struct provider *p = provider_by_name(provider);

	if (p)
		recover_forgive(p);
}

int permit_change(const struct msg_change *c, struct msg_changed *r, bool on)
{
	static struct policy_rules next;
	struct subject s;
	int err = find_subject(c, r, on, &s), changed;

	if (err)
		return err;
	next = *policy_kept();
	changed = policy_rules_set_above(&next, policy_filed(), s.provider,
					 s.mech, on);
	if (changed < 0)
		return change_say(r, changed, "%s: there are %u rules already",
				  c->argument, next.n);
	if (c->flags & MSG_CHANGE_DRY_RUN)
		return done(&s, r, on, changed ? "would be" : "is already");
	err = changed ? keep(&next, r) : 0;
	if (!err && on && strcmp(s.mech, POLICY_ALL) == 0)
		forgive(s.provider);
	return err ? err : done(&s, r, on, "is");
}

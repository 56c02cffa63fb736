/* SPDX-License-Identifier: MIT */
#include "daemon/api/change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/mech.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"
#include "lib/shared/ring-ops.h"

__attribute__((format(printf, 3, 4))) static int
say(struct msg_changed *r, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return err;
}

static struct provider *find(const char *name)
{
	for (unsigned int i = 0; i < provider_count(); i++)
		if (strcmp(provider_at(i)->name, name) == 0)
			return provider_at(i);
	return NULL;
}

static int no_provider(struct msg_changed *r, const char *name)
{
	return say(r, -ENOENT, "no provider %s is loaded: 'cryptoctl list' "
			       "shows them", name);
}

static int control(const struct msg_change *c, struct msg_changed *r)
{
	struct provider *p = find(c->provider);
	int err;

	if (!p)
		return no_provider(r, c->provider);
	if (!p->spi->control)
		return say(r, -EOPNOTSUPP, "provider %s takes no commands",
			   p->name);
	err = p->spi->control(p->instance, c->argument);
	if (err == -EINVAL)
		return say(r, err, "provider %s does not know '%s', or not "
				   "this value", p->name, c->argument);
	return say(r, err, "provider %s: %s: %s", p->name, c->argument,
		   err ? strerror(-err) : "done");
}

static int test(const struct msg_change *c, struct msg_changed *r)
{
	struct provider *p = find(c->provider);

	if (!p)
		return no_provider(r, c->provider);
	if (load_acquire_u32(&p->state) != UKCF_PROVIDER_FAILED)
		provider_set_state(p, UKCF_PROVIDER_FAILED);
	recover_now(p);
	return say(r, 0, "provider %s gives its known answers, and works "
			 "again if they are right", p->name);
}

/* Of all its providers, or of one; mechanism "all": whatever that one offers. */
static int enable(const struct msg_change *c, struct msg_changed *r, bool on)
{
	bool all = strcmp(c->argument, "all") == 0;
	const struct mech *m = all ? NULL : mech_by_name(c->argument);
	struct provider *p = NULL;

	if (!all && !m)
		return say(r, -ENOENT, "no mechanism %s: 'cryptoctl list -m' "
				       "shows them", c->argument);
	if (c->provider[0]) {
		p = find(c->provider);
		if (!p)
			return no_provider(r, c->provider);
	} else if (all) {
		return say(r, -EINVAL, "all mechanisms of which provider?");
	}
	if (mech_enable(m, p, on) == 0)
		return say(r, -ENOENT, "provider %s does not offer %s",
			   c->provider, c->argument);
	mech_publish();
	return say(r, 0, "%s%s%s is %s", c->argument, p ? " of " : "",
		   c->provider, on ? "enabled" : "disabled");
}

static int enable_on(const struct msg_change *c, struct msg_changed *r)
{
	return enable(c, r, true);
}

static int enable_off(const struct msg_change *c, struct msg_changed *r)
{
	return enable(c, r, false);
}

static int (*const changes[MSG_CHANGE_LAST])(const struct msg_change *,
					     struct msg_changed *) = {
	[MSG_CHANGE_CONTROL] = control,
	[MSG_CHANGE_TEST] = test,
	[MSG_CHANGE_ENABLE] = enable_on,
	[MSG_CHANGE_DISABLE] = enable_off,
};

/* Parse, then trust: both texts end, and hold nothing that a log or a terminal
 * would obey. */
static bool is_text(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

int change_run(const struct msg_change *c, struct msg_changed *r)
{
	*r = (struct msg_changed){ 0 };
	if (c->what >= MSG_CHANGE_LAST || !changes[c->what] || c->reserved)
		return say(r, -EOPNOTSUPP, "this daemon knows no such change");
	if (!is_text(c->provider, sizeof(c->provider)) ||
	    !is_text(c->argument, sizeof(c->argument)))
		return say(r, -EINVAL, "a name is too long, or not printable");
	return changes[c->what](c, r);
}

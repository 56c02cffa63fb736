/* SPDX-License-Identifier: MIT */
#include "daemon/api/change.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/permit.h"
#include "daemon/api/provider-change.h"
#include "daemon/spi/manifest.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

int change_say(struct msg_changed *r, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	return err;
}

int change_no_provider(struct msg_changed *r, const char *name)
{
	char known[160] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < provider_count() && n < sizeof(known); i++)
		if (provider_is_loaded(provider_at(i)))
			n += (size_t)snprintf(known + n, sizeof(known) - n,
					      "%s%s", n ? ", " : "",
					      provider_at(i)->name);
	return change_say(r, -ENOENT, "no provider %s is loaded; there are %s",
			  name, known);
}

static bool is_dry(const struct msg_change *c)
{
	return c->flags & MSG_CHANGE_DRY_RUN;
}

/* On main, while the loader's thread may be about to stop it: not then. */
static int control(const struct msg_change *c, struct msg_changed *r,
		   uint64_t ticket)
{
	struct provider *p = provider_by_name(c->provider);
	int err;

	(void)ticket;
	if (!p || !provider_is_loaded(p))
		return change_no_provider(r, c->provider);
	if (load_acquire_u32(&p->leaving))
		return change_say(r, -EBUSY, "provider %s is being taken out",
				  p->name);
	if (load_acquire_u32(&p->unstarted))
		return change_say(r, -ENODEV, "provider %s did not start",
				  p->name);
	if (!p->spi->control)
		return change_say(r, -EOPNOTSUPP,
				  "provider %s takes no commands", p->name);
	if (is_dry(c))
		return change_say(r, 0, "provider %s would be told '%s'",
				  p->name, c->argument);
	err = p->spi->control(p->instance, c->argument);
	if (err == -EINVAL)
		return change_say(r, err, "provider %s does not know '%s', or "
				  "not this value", p->name, c->argument);
	return change_say(r, err, "provider %s: %s: %s", p->name, c->argument,
			  err ? strerror(-err) : "done");
}

static int enable_on(const struct msg_change *c, struct msg_changed *r,
		     uint64_t ticket)
{
	(void)ticket;
	return permit_change(c, r, true);
}

static int enable_off(const struct msg_change *c, struct msg_changed *r,
		      uint64_t ticket)
{
	(void)ticket;
	return permit_change(c, r, false);
}

/* The first line of what was said to f, without its line feed. */
static int say_first(struct msg_changed *r, int err, const char *text)
{
	return change_say(r, err, "%.*s%s", (int)strcspn(text, "\n"), text,
			  strchr(text, '\n') &&
					  strchr(text, '\n')[1] ?
				  " (and more, in the log)" :
				  "");
}

static int refresh(const struct msg_change *c, struct msg_changed *r,
		   uint64_t ticket)
{
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	unsigned int n = 0, manifests = 0;
	int err = -ENOMEM;

	(void)ticket;
	if (!errors)
		return change_say(r, err, "%s", strerror(-err));
	/* All of it is right, or nothing changes. */
	err = manifest_reload(true, &manifests, errors);
	if (!err)
		err = permit_refresh(is_dry(c), &n, errors);
	if (!err && !is_dry(c))
		err = manifest_reload(false, &manifests, errors);
	if (fclose(errors) || (err && !len))
		change_say(r, err ? err : -ENOMEM, "%s", strerror(ENOMEM));
	else if (err)
		say_first(r, err, text);
	else
		change_say(r, 0, "%u policy file%s and %u manifest%s %s", n,
			   n == 1 ? "" : "s", manifests,
			   manifests == 1 ? "" : "s",
			   is_dry(c) ? "would hold" : "hold from now on");
	if (err && text)
		fputs(text, stderr);
	free(text);
	return err;
}

static int (*const changes[MSG_CHANGE_LAST])(const struct msg_change *,
					     struct msg_changed *,
					     uint64_t ticket) = {
	[MSG_CHANGE_CONTROL] = control,
	[MSG_CHANGE_TEST] = provider_change,
	[MSG_CHANGE_ENABLE] = enable_on,
	[MSG_CHANGE_DISABLE] = enable_off,
	[MSG_CHANGE_LOAD] = provider_change,
	[MSG_CHANGE_UNLOAD] = provider_change,
	[MSG_CHANGE_DRAIN] = provider_change,
	[MSG_CHANGE_REFRESH] = refresh,
	[MSG_CHANGE_INSTALL] = provider_change,
	[MSG_CHANGE_UNINSTALL] = provider_change,
	[MSG_CHANGE_RESET] = provider_change,
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

static uint32_t flags_of(uint32_t what)
{
	return MSG_CHANGE_DRY_RUN |
	       (provider_change_drains(what) ? MSG_CHANGE_FORCE : 0);
}

int change_run(const struct msg_change *c, struct msg_changed *r,
	       uint64_t ticket)
{
	*r = (struct msg_changed){ 0 };
	if (c->what >= MSG_CHANGE_LAST || !changes[c->what] ||
	    (c->flags & ~flags_of(c->what)))
		return change_say(r, -EOPNOTSUPP,
				  "this daemon knows no such change");
	if (!is_text(c->provider, sizeof(c->provider)) ||
	    !is_text(c->argument, sizeof(c->argument)))
		return change_say(r, -EINVAL,
				  "a name is too long, or not printable");
	return changes[c->what](c, r, ticket);
}

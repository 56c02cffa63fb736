/* SPDX-License-Identifier: MIT */
#include "daemon/api/provider-change.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/admin.h"
#include "daemon/api/change.h"
#include "daemon/core/drain.h"
#include "daemon/core/service.h"
#include "daemon/loop.h"
#include "daemon/spi/load.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/manifest.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define RUNNING_MAX 16u /* changes at once */
/* In which parts that run end, when those after them are not let in. */
#define FORCED_NS UINT64_C(1000000000)

struct running {
	struct loader_job job; /* first */
	struct running *next;
	uint32_t what;
	char name[UKCF_NAME_MAX];
	struct provider *p; /* NULL: to be loaded for the first time */
	const char *would;  /* a dry run's answer, if it can be done; or NULL */
	provider_ticket ticket;
	bool draining;	      /* waits until nobody uses p */
	bool force, forcing;  /* when its time is up: take contexts away */
	uint64_t deadline_ns; /* of that */
	struct msg_changed r;
};

static struct running *all;
static unsigned int n_all;
static struct loop_source *timer;

static struct running *running_of(struct loader_job *job)
{
	return (struct running *)(void *)job;
}

/* -------------------------------------------------------------- its answer */

static void end(struct running *g)
{
	struct running **at = &all;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	n_all--;
	admin_answer(g->ticket, &g->r);
	free(g);
}


/* main, after the work: a manifest is written, or removed. */
static void finish_install(struct running *g)
{
	char path[PATH_MAX];
	int err;

	if (g->r.err)
		return;
	err = manifest_install(provider_by_name(g->name), path, sizeof(path));
	g->r.err = change_say(&g->r, err, err ? "provider %s: %.150s: %s" :
						"provider %s is installed: "
						"%.150s%s",
			      g->name, path, err ? strerror(-err) : "");
}

static void finish_uninstall(struct running *g)
{
	char path[PATH_MAX];
	int err;

	if (g->r.err)
		return;
	err = manifest_uninstall(g->name, path, sizeof(path));
	change_say(&g->r, err, err ? "provider %s is unloaded; %.150s: %s" :
				     "provider %s is uninstalled",
		   g->name, path, strerror(-err));
	g->r.err = err;
}

static void say(struct running *g, int err, const char *what)
{
	g->r.err = change_say(&g->r, err, "provider %s %s", g->name, what);
}

/* The reason is what this thread said last. */
static void say_why(struct running *g, int err, const char *what)
{
	const char *why = log_last_error();

	g->r.err = change_say(&g->r, err, "provider %s %s: %s", g->name, what,
			      *why ? why : strerror(-err));
}

static void done(struct loader_job *job)
{
	struct running *g = running_of(job);

	if (g->what == MSG_CHANGE_INSTALL && !g->would)
		finish_install(g);
	else if (g->what == MSG_CHANGE_UNINSTALL)
		finish_uninstall(g);
	end(g);
}

/* ----------------------------------------------------- on the loader's thread */

/* It was drained, and may have failed before or since. */
static void run_return(struct running *g)
{
	int err;

	store_release_u32(&g->p->leaving, 0);
	if (provider_returns(g->p)) {
		say(g, 0, "is given requests again");
		return;
	}
	err = recover_by_hand(g->p);
	if (err)
		say_why(g, err, "is out, and is tried again by and by");
	else
		say(g, 0, "gives the right answers, and is given requests "
			  "again");
}

static void run_load(struct loader_job *job)
{
	struct running *g = running_of(job);
	int err;

	log_forget_error();
	if (g->p && provider_is_usable(g->p)) { /* to be installed */
		say(g, 0, "is loaded already");
		return;
	}
	if (g->p && provider_is_loaded(g->p)) {
		run_return(g);
		return;
	}
	err = load_provider(g->name);
	if (err)
		say_why(g, err, "is not loaded");
	else
		say(g, 0, "is loaded");
	service_again();
}

/* No code of it runs: what that would say of itself stays open. */
static void run_load_dry(struct loader_job *job)
{
	struct running *g = running_of(job);
	bool loaded = g->p && provider_is_loaded(g->p);
	int err;

	log_forget_error();
	err = loaded ? 0 : load_check(g->name);
	if (err)
		say_why(g, err, "is not loaded");
	else
		say(g, 0, g->would);
}

static void run_unload(struct loader_job *job)
{
	struct running *g = running_of(job);
	int err;

	store_release_u32(&g->p->held, 1); /* until it is loaded on request */
	if (!provider_is_loaded(g->p)) { /* to be uninstalled */
		say(g, 0, "is not loaded");
		return;
	}
	log_forget_error();
	err = load_unload(g->p);
	if (err)
		say_why(g, err, "stays");
	else
		say(g, 0, "is unloaded");
}

/* One that works gives its known answers beside its work. */
static void run_test(struct loader_job *job)
{
	struct running *g = running_of(job);
	bool out = load_acquire_u32(&g->p->state) == UKCF_PROVIDER_FAILED;
	int err;

	log_forget_error();
	err = out ? recover_by_hand(g->p) : load_test(g->p);
	if (!err) {
		say(g, 0, "gives the right answers");
		return;
	}
	say_why(g, err, "is out, and is tried again by and by");
	provider_fail(g->p);
}

/* It fails first: what it has goes to others, and it gets no more. */
static void run_reset(struct loader_job *job)
{
	struct running *g = running_of(job);
	int err;

	log_forget_error();
	provider_fail(g->p);
	err = recover_by_hand(g->p);
	if (err)
		say_why(g, err, "is out, and is tried again by and by");
	else
		say(g, 0, "was reset, and gives the right answers");
}

/* ----------------------------------------------------------------- draining */

static void set_timer(void)
{
	uint64_t first = 0, now = clock_ns();

	for (const struct running *g = all; g; g = g->next)
		if (g->draining && (!first || g->deadline_ns < first))
			first = g->deadline_ns;
	if (first)
		loop_timer_set(timer, first > now ? first - now : 1);
}

static void stop_draining(struct running *g)
{
	g->draining = false;
	drain_end();
}

static void drained(struct running *g)
{
	stop_draining(g);
	if (g->what == MSG_CHANGE_DRAIN) {
		say(g, 0, "is loaded, and nobody uses it");
		end(g);
	} else {
		loader_post(&g->job);
	}
}

/* Who drains wants it idle, however long it takes; who unloads gives up. */
static void not_drained(struct running *g, const struct drain_use *use)
{
	bool stays = g->what == MSG_CHANGE_DRAIN, works = false;

	stop_draining(g);
	if (!stays) {
		store_release_u32(&g->p->leaving, 0);
		works = provider_returns(g->p);
		loader_look(); /* else it is out, and is to be tried again */
	}
	g->r.err = change_say(&g->r, -EBUSY,
			      "provider %s is still in use: %u requests, %u "
			      "multipart contexts: %s", g->name, use->requests,
			      use->contexts,
			      stays ? "it gets no new ones; load brings it back" :
			      works ? "it works on; try again, with more time" :
				      "it is out; try again, with more time");
	end(g);
}

static struct drain_use use_of(struct running *g)
{
	struct drain_use use = drain_look(g->p);

	if (g->force && !g->forcing && use.contexts &&
	    clock_ns() >= g->deadline_ns) {
		log_msg(LOG_NOTICE, "provider %s: %u multipart contexts are "
			"taken away", g->name, use.contexts);
		g->forcing = true;
		g->deadline_ns += FORCED_NS;
	}
	return g->forcing ? drain_force(g->p) : use;
}

static void look(void)
{
	struct running *g, *next;

	for (g = all; g; g = next) {
		struct drain_use use;

		next = g->next;
		if (!g->draining)
			continue;
		use = use_of(g);
		if (!use.requests && !use.contexts)
			drained(g);
		else if (clock_ns() >= g->deadline_ns)
			not_drained(g, &use);
	}
	set_timer();
}

static void on_drain(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	drain_seen();
	look();
}

static void on_timer(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	look();
}

static void on_loaded(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	loader_collect();
}

int provider_change_start(struct loop *l)
{
	struct loop_source *s;
	int err = loop_timer_new(l, on_timer, NULL, &timer);

	if (!err)
		err = loop_watch(l, drain_fd(), POLLIN, on_drain, NULL, &s);
	if (!err)
		err = loop_watch(l, loader_done_fd(), POLLIN, on_loaded, NULL,
				 &s);
	return err;
}

/* ------------------------------------------------------------------- begin */

static int wants_loaded(const struct msg_change *c, struct msg_changed *r,
			const struct provider *p)
{
	if (p && provider_is_loaded(p))
		return 0;
	return change_no_provider(r, c->provider);
}

static int wants_absent(const struct msg_change *c, struct msg_changed *r,
			const struct provider *p)
{
	if (!p || !provider_is_loaded(p) || load_acquire_u32(&p->leaving))
		return 0;
	return change_say(r, -EEXIST, "provider %s is loaded already",
			  c->provider);
}

static int wants_no_manifest(const struct msg_change *c, struct msg_changed *r,
			     const struct provider *p)
{
	(void)p;
	if (!manifest_is_there(c->provider))
		return 0;
	return change_say(r, -EEXIST, "provider %s is installed already",
			  c->provider);
}

static int wants_manifest(const struct msg_change *c, struct msg_changed *r,
			  const struct provider *p)
{
	if (!p || !manifest_is_there(c->provider))
		return change_say(r, -ENOENT, "provider %s is not installed",
				  c->provider);
	if (manifest_is_installed(c->provider))
		return 0;
	return change_say(r, -EPERM, "the manifest of provider %s was not made "
			  "by install: remove the file, and 'cryptoctl "
			  "refresh'", c->provider);
}

static int wants_device(const struct msg_change *c, struct msg_changed *r,
			const struct provider *p)
{
	int err = wants_loaded(c, r, p);

	if (err)
		return err;
	if (!p->spi->reset)
		return change_say(r, -EOPNOTSUPP, "provider %s has nothing to "
				  "reset", c->provider);
	if (!load_acquire_u32(&p->leaving))
		return 0;
	return change_say(r, -EBUSY, "provider %s is drained: 'cryptoctl load' "
			  "brings it back", c->provider);
}

static const struct kind {
	uint32_t what;
	bool drains;
	const char *would;
	int (*check)(const struct msg_change *c, struct msg_changed *r,
		     const struct provider *p);
	void (*run)(struct loader_job *job); /* NULL: only drains */
	void (*dry)(struct loader_job *job); /* NULL: check() said all */
} kinds[] = {
	{ MSG_CHANGE_LOAD, false, "would be loaded", wants_absent, run_load,
	  run_load_dry },
	{ MSG_CHANGE_UNLOAD, true, "would be drained, and unloaded",
	  wants_loaded, run_unload, NULL },
	{ MSG_CHANGE_DRAIN, true, "would get no more requests", wants_loaded,
	  NULL, NULL },
	{ MSG_CHANGE_INSTALL, false, "would be loaded, and installed",
	  wants_no_manifest, run_load, run_load_dry },
	{ MSG_CHANGE_UNINSTALL, true,
	  "would be drained, unloaded and uninstalled", wants_manifest,
	  run_unload, NULL },
	{ MSG_CHANGE_TEST, false, "would give its known answers", wants_loaded,
	  run_test, NULL },
	{ MSG_CHANGE_RESET, false, "would be reset, and give its known answers",
	  wants_device, run_reset, NULL },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(uint32_t what)
{
	for (unsigned int i = 0; i < N_KINDS; i++)
		if (kinds[i].what == what)
			return &kinds[i];
	return NULL; /* not ours */
}

bool provider_change_drains(uint32_t what)
{
	const struct kind *k = kind_of(what);

	return k && k->drains;
}

static bool is_at_work(const char *name)
{
	for (const struct running *g = all; g; g = g->next)
		if (strcmp(g->name, name) == 0)
			return true;
	return false;
}

/* Seconds, or nothing. */
static int read_limit(const struct msg_change *c, struct msg_changed *r,
		      uint64_t *ns)
{
	unsigned long s = PROVIDER_DRAIN_S;
	char *end;

	if (c->argument[0]) {
		errno = 0;
		s = strtoul(c->argument, &end, 10);
		if (errno || c->argument[0] < '0' || c->argument[0] > '9' ||
		    *end || s > MSG_DRAIN_SECONDS_MAX)
			return change_say(r, -EINVAL,
					  "%s: it may take 0 to %u seconds",
					  c->argument, MSG_DRAIN_SECONDS_MAX);
	}
	*ns = (uint64_t)s * 1000000000u;
	return 0;
}

static int check(const struct msg_change *c, struct msg_changed *r,
		 const struct kind *k, const struct provider *p)
{
	int err = c->provider[0] ? k->check(c, r, p) :
				   change_say(r, -EINVAL, "which provider?");

	if (!err && (is_at_work(c->provider) || n_all >= RUNNING_MAX))
		err = change_say(r, -EBUSY, "another change of provider %s "
				 "has not ended yet: try again", c->provider);
	return err;
}

static void start_draining(struct running *g, uint64_t limit_ns)
{
	store_release_u32(&g->p->leaving, 1);
	provider_drains(g->p); /* not if it has failed: it gets none anyway */
	g->draining = true;
	g->deadline_ns = clock_ns() + limit_ns;
	drain_begin();
	look();
}

int provider_change(const struct msg_change *c, struct msg_changed *r,
		    provider_ticket ticket)
{
	struct provider *p = provider_by_name(c->provider);
	const struct kind *k = kind_of(c->what);
	uint64_t limit_ns = 0;
	bool dry = c->flags & MSG_CHANGE_DRY_RUN;
	struct running *g;
	int err = check(c, r, k, p);

	if (!err && k->drains)
		err = read_limit(c, r, &limit_ns);
	if (err)
		return err;
	if (dry && !k->dry)
		return change_say(r, 0, "provider %s %s", c->provider,
				  k->would);
	g = calloc(1, sizeof(*g));
	if (!g)
		return change_say(r, -ENOMEM, "no memory");
	*g = (struct running){
		.job = { .run = dry ? k->dry : k->run, .done = done },
		.next = all, .what = c->what, .p = p, .ticket = ticket,
		.would = dry ? k->would : NULL,
		.force = c->flags & MSG_CHANGE_FORCE,
	};
	snprintf(g->name, sizeof(g->name), "%s", c->provider);
	all = g;
	n_all++;
	if (k->drains)
		start_draining(g, limit_ns);
	else
		loader_post(&g->job);
	return -EINPROGRESS;
}

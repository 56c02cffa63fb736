/* SPDX-License-Identifier: MIT */
#include "daemon/spi/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/core/device.h"
#include "daemon/core/mech.h"
#include "daemon/core/native.h"
#include "daemon/core/prepared.h"
#include "daemon/core/template.h"
#include "daemon/spi/errand.h"
#include "daemon/spi/host.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/manifest.h"
#include "daemon/spi/module-file.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/visit.h"
#include "daemon/spi/selftest.h"
#include "daemon/spi/share.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define MECHS_MAX 64u /* that a provider describes */
#define DUALS_MAX 32u /* that it offers natively */

static int complain(const struct provider *p, const char *what)
{
	log_err("provider %s: refused: %s", p->name, what);
	return -EINVAL;
}

/* ------------------------------------------------------------------- module */

static void module_free(struct module *m)
{
	if (m->dl)
		dlclose(m->dl);
	close(m->fd);
	free(m);
}

/* The descriptor's path names the module to the loader, so the descriptor
 * stays open as long as the module is loaded. */
static int load_code(struct provider *p, struct module *m)
{
	ukcf_provider_init_fn init;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", m->fd);
	m->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!m->dl) {
		log_err("provider %s: %s", p->name, dlerror());
		return -ELIBBAD;
	}
	*(void **)&init = dlsym(m->dl, UKCF_PROVIDER_SYMBOL);
	if (!init) {
		log_err("provider %s: does not export %s", p->name,
			UKCF_PROVIDER_SYMBOL);
		return -ELIBBAD;
	}
	m->spi = init(&p->host);
	if (!m->spi) {
		log_err("provider %s: cannot work here", p->name);
		return -ENODEV;
	}
	return 0;
}

static const struct ukcf_mech_desc *desc_of(const struct ukcf_provider *s,
					    const struct ukcf_offer *o)
{
	uint32_t i = UKCF_MECH_INDEX(o->mech) - UKCF_MECH_DYNAMIC;

	if (!s->mechs || i >= s->n_mechs ||
	    s->mechs[i].class_ != UKCF_MECH_CLASS(o->mech))
		return NULL;
	return &s->mechs[i];
}

const struct mech *load_mech(const struct ukcf_provider *s,
			     const struct ukcf_offer *o)
{
	const struct ukcf_mech_desc *d;

	if (UKCF_MECH_INDEX(o->mech) < UKCF_MECH_DYNAMIC)
		return mech_find(o->mech);
	d = desc_of(s, o);
	return d ? mech_by_name(d->name) : NULL;
}

static int add_mechs(const struct provider *p, const struct ukcf_provider *s)
{
	if (s->n_mechs > MECHS_MAX || (s->n_mechs && !s->mechs))
		return complain(p, "its description is malformed");
	for (uint32_t i = 0; i < s->n_mechs; i++) {
		const char *why;

		if (!mech_describe(&s->mechs[i], &why))
			return complain(p, why);
	}
	return 0;
}

static int check_offers(const struct provider *p, const struct ukcf_provider *s)
{
	for (uint32_t i = 0; i < s->n_offers; i++) {
		const struct ukcf_offer *o = &s->offers[i];

		if (!load_mech(s, o) || !o->ops || !mech_ops(o))
			return complain(p, "it offers a mechanism that is not "
					   "known, or without operations");
	}
	return 0;
}

/* One, of software, and of what was built before there could be more. */
static uint32_t n_instances(const struct provider *p,
			    const struct ukcf_provider *s)
{
	uint32_t n = s->struct_size > UKCF_PROVIDER_SIZE_2 && s->instances &&
				     s->kind == UKCF_PROVIDER_HARDWARE ?
			     s->instances(&p->host) :
			     1;

	return n < UKCF_INSTANCES_MAX ? n : UKCF_INSTANCES_MAX;
}

/* None, of one that was built before there were any. */
static uint32_t n_duals(const struct ukcf_provider *s)
{
	return s->struct_size >= UKCF_PROVIDER_SIZE_2 ? s->n_duals : 0;
}

static const struct ukcf_offer *offer_of(const struct ukcf_provider *s,
					 uint32_t mech)
{
	for (uint32_t i = 0; i < s->n_offers; i++)
		if (s->offers[i].mech == mech)
			return &s->offers[i];
	return NULL;
}

static bool is_cipher(uint32_t mech)
{
	return UKCF_MECH_CLASS(mech) == UKCF_CLASS_CIPHER ||
	       UKCF_MECH_CLASS(mech) == UKCF_CLASS_AEAD;
}

static const char *wrong_with(const struct ukcf_provider *s,
			      const struct ukcf_dual_offer *d)
{
	if (!d->run || !d->ops || d->ops & ~(uint32_t)UKCF_DUAL_ALL ||
	    d->flags & ~(uint32_t)(UKCF_OFFER_SLOW | UKCF_OFFER_NO_CALIBRATE))
		return "a dual offer without an entry point or operation, or "
		       "with unknown ones";
	if (!is_cipher(d->cipher) || UKCF_MECH_CLASS(d->mac) != UKCF_CLASS_MAC ||
	    UKCF_MECH_INDEX(d->cipher) >= UKCF_MECH_DYNAMIC ||
	    UKCF_MECH_INDEX(d->mac) >= UKCF_MECH_DYNAMIC)
		return "a dual offer is of a built-in cipher and MAC";
	if (!offer_of(s, d->cipher) || !offer_of(s, d->mac))
		return "a dual offer of mechanisms that it does not offer one "
		       "by one";
	return NULL;
}

static int check_duals(const struct provider *p, const struct ukcf_provider *s)
{
	uint32_t n = n_duals(s);

	if (n > DUALS_MAX || (n && !s->duals))
		return complain(p, "its description is malformed");
	if (n && s->kind != UKCF_PROVIDER_SOFTWARE)
		return complain(p, "dual offers are of software");
	for (uint32_t i = 0; i < n; i++) {
		const char *why = wrong_with(s, &s->duals[i]);

		if (why)
			return complain(p, why);
	}
	return 0;
}

static int check_spi(const struct provider *p, const struct ukcf_provider *s)
{
	if (s->spi_version != UKCF_SPI_VERSION ||
	    s->struct_size < UKCF_PROVIDER_SIZE_1)
		return complain(p, "built for another version of the provider "
				   "interface");
	if (!s->name || strcmp(s->name, p->module_name) != 0)
		return complain(p, "its name is not that of its file");
	if (s->kind > UKCF_PROVIDER_REMOTE || !s->start || !s->offers ||
	    s->n_offers == 0 || s->n_offers > UKCF_PAGE_MECHS_MAX)
		return complain(p, "its description is malformed");
	if (p->module && s->kind != p->kind)
		return complain(p, "it was of another kind before: restart "
				   "the daemon");
	if (add_mechs(p, s) || check_offers(p, s) || check_duals(p, s))
		return -EINVAL;
	if (!manifest_agrees(p->module_name, s))
		return complain(p, "it does not offer what its manifest says");
	return 0;
}

static bool serves_callers(const struct ukcf_provider *s)
{
	for (uint32_t i = 0; i < s->n_offers; i++)
		if (s->offers[i].flags & UKCF_OFFER_CALLER)
			return true;
	return false;
}

const struct module *load_module(const struct provider *p)
{
	return load_acquire_ptr((void *const *)(const void *)&p->module);
}

/* Has this very code been loaded before? */
static struct module *find_same(const struct provider *p,
				const struct module *m, unsigned int *known)
{
	for (struct module *old = p->module; old; old = old->next, ++*known)
		if (old->gen == m->gen && module_file_same(old->fd, m->fd))
			return old;
	return NULL;
}

/* Return: the module of the file as it is now, or NULL and *err. */
static struct module *module_get(struct provider *p, int *err)
{
	struct module *m = calloc(1, sizeof(*m)), *same;
	unsigned int known = 0;

	*err = -ENOMEM;
	if (!m)
		return NULL;
	m->fd = module_file_open(provider_config()->provider_dir,
				 p->module_name, &m->gen);
	if (m->fd < 0) {
		*err = m->fd;
		free(m);
		return NULL;
	}
	same = find_same(p, m, &known);
	if (same) {
		module_free(m);
		*err = 0;
		return same;
	}
	*err = known < LOAD_MODULES_MAX ?
		       load_code(p, m) :
		       complain(p, "too many versions of it are loaded: "
				   "restart the daemon");
	if (!*err)
		*err = check_spi(p, m->spi);
	if (!*err) {
		m->caller_gen = serves_callers(m->spi) ? m->gen : 0;
		return m;
	}
	module_free(m);
	return NULL;
}

/* ------------------------------------------------------------ known answers */

static int test(struct ukcf_instance *self, const struct mech *m,
		const struct ukcf_offer *o, const char **what)
{
	return UKCF_MECH_INDEX(o->mech) < UKCF_MECH_DYNAMIC ?
		       selftest_offer(self, o, what) :
		       selftest_described(self, m, o, what);
}

static int test_dual(struct ukcf_instance *self, const struct ukcf_provider *s,
		     const struct ukcf_dual_offer *d, const char **what)
{
	const struct selftest_dual t = {
		.self = self,
		.cipher = offer_of(s, d->cipher),
		.mac = offer_of(s, d->mac),
		.dual = d,
	};

	return selftest_dual(&t, what);
}

static int run_test_duals(const struct provider *p, struct ukcf_instance *self)
{
	for (uint32_t i = 0; i < n_duals(p->spi); i++) {
		const struct ukcf_dual_offer *d = &p->spi->duals[i];
		const char *what = "";

		if (!test_dual(self, p->spi, d, &what))
			continue;
		log_err("provider %s: %s and %s in one: SELF-TEST FAILED (%s)",
			p->name, mech_find(d->cipher)->name,
			mech_find(d->mac)->name, what);
		return -EIO;
	}
	return 0;
}

static int run_test(struct provider *p, struct ukcf_instance *self)
{
	for (uint32_t i = 0; i < p->spi->n_offers; i++) {
		const struct ukcf_offer *o = &p->spi->offers[i];
		const struct mech *m = load_mech(p->spi, o);
		const char *what = "";

		if (test(self, m, o, &what) != -EIO)
			continue;
		log_err("provider %s: %s: SELF-TEST FAILED (%s)", p->name,
			m->name, what);
		return -EIO;
	}
	return run_test_duals(p, self);
}

int load_test(struct provider *p)
{
	return visit(p, "known answers", run_test);
}

int load_test_mech(struct provider *p, const struct mech *m,
		   const struct ukcf_offer *o)
{
	const char *what = "";

	return !o || test(p->instance, m, o, &what) == -EIO ? -EIO : 0;
}

/* The start of an instance, and what it can. */
struct trial {
	struct errand errand; /* first */
	struct provider *p;
	const struct ukcf_provider *spi;
	struct ukcf_instance *instance;
	char why[200]; /* it failed */
	bool passed[UKCF_PAGE_MECHS_MAX];
	bool dual_passed[DUALS_MAX];
};

/* A mechanism that fails its known answers stays out; the others come in. */
static bool passes(const struct trial *t, const struct mech *m,
		   const struct ukcf_offer *o)
{
	const struct provider *p = t->p;
	const char *what = "", *name = m->name;
	int err = test(t->instance, m, o, &what);

	if (err == -ENOENT)
		log_err("provider %s: %s: no known answers, not used",
			p->name, name);
	else if (err)
		log_err("provider %s: %s: SELF-TEST FAILED (%s), not used",
			p->name, name, what);
	return !err;
}

/* Return: how many of its offers passed, marked. */
static unsigned int test_offers(struct trial *t)
{
	const struct ukcf_provider *s = t->spi;
	unsigned int n = 0;

	for (uint32_t i = 0; i < s->n_offers; i++)
		n += t->passed[i] = passes(t, load_mech(s, &s->offers[i]),
					   &s->offers[i]);
	return n;
}

/* Its halves may come in all the same. */
static void test_duals(struct trial *t)
{
	const struct ukcf_provider *s = t->spi;

	for (uint32_t i = 0; i < n_duals(s); i++) {
		const struct ukcf_dual_offer *d = &s->duals[i];
		const char *what = "";

		t->dual_passed[i] = !test_dual(t->instance, s, d, &what);
		if (!t->dual_passed[i])
			log_err("provider %s: %s and %s in one: SELF-TEST "
				"FAILED (%s), not used", t->p->name,
				mech_find(d->cipher)->name,
				mech_find(d->mac)->name, what);
	}
}

static void add_duals(struct provider *p, const bool *passed)
{
	native_withdraw(p);
	for (uint32_t i = 0; i < n_duals(p->spi); i++)
		if (passed[i] && native_add(p, &p->spi->duals[i]))
			log_err("provider %s: %u dual offers are there already",
				p->name, NATIVE_MAX);
}

static unsigned int add_offers(struct provider *p, const bool *passed)
{
	const struct ukcf_provider *s = p->spi;
	unsigned int added = 0;

	mech_withdraw(p); /* what an older module offered */
	for (uint32_t i = 0; i < s->n_offers; i++) {
		const struct mech *m = load_mech(s, &s->offers[i]);

		if (!passed[i])
			continue;
		if (mech_add_offer_as(p, m, &s->offers[i]) == 0)
			added++;
		else
			log_err("provider %s: %s: %u providers offer it "
				"already", p->name, m->name, MECH_OFFERS_MAX);
	}
	return added;
}

/* ------------------------------------------------------------- life of one */

/* Hardware has a queue of its own. */
static int start_device(struct provider *p)
{
	const struct config *c = provider_config();
	const struct device_settings s = {
		.slots = c->queue_slots,
		.limit_ns = c->device_limit_ms * 1000000,
	};

	return provider_is_hardware(p) ? device_start(p, &s) : 0;
}

/* Its own section of the configuration stands above the kind's. */
static void set_trust(struct provider *p)
{
	const struct config *c = provider_config();
	const char *own = host_option_of(p, "cross_check");
	uint32_t every = load_relaxed_u32(&p->kind) == UKCF_PROVIDER_SOFTWARE ?
				 c->cross_check_software : c->cross_check;

	if (own)
		config_rate(own, &every); /* it was looked at when read */
	store_relaxed_u32(&p->trust.every, every);
}

static void use(struct provider *p, struct module *m)
{
	store_relaxed_u32(&p->kind, m->spi->kind);
	store_release_ptr((void **)(void *)&p->spi,
			  (void *)(uintptr_t)m->spi);
	set_trust(p);
	if (p->module == m)
		return;
	for (struct module **at = &p->module; *at; at = &(*at)->next) {
		if (*at != m)
			continue;
		*at = m->next; /* an older one is in use again */
		break;
	}
	m->next = p->module;
	store_release_ptr((void **)&p->module, m);
}

static int run_stop(struct provider *p, struct ukcf_instance *self)
{
	p->spi->stop(self);
	return 0;
}

/* Nobody is inside. */
static int stop(struct provider *p)
{
	if (device_stop(p) < 0) {
		log_err("provider %s: jobs did not come back: it is reset and "
			"tested",
			p->name);
		return -EBUSY;
	}
	provider_keeps_keys(p, false);
	share_provider_goes(p);
	if (p->instance && p->spi->stop)
		visit(p, "stop", run_stop); /* its end is its own affair */
	p->instance = NULL;
	return 0;
}

static void end_trial(struct trial *t)
{
	if (t->instance && t->spi->stop)
		t->spi->stop(t->instance);
	t->instance = NULL;
}

/* Started, and has shown what it can.  Nobody can ask it for anything yet. */
static int try_out(struct trial *t)
{
	int err = t->spi->start(&t->p->host, &t->instance);

	if (err) {
		log_err("provider %s: it does not start: %s", t->p->name,
			strerror(-err));
		t->instance = NULL;
		return err;
	}
	if (test_offers(t) > 0) {
		test_duals(t);
		return 0;
	}
	end_trial(t);
	return complain(t->p, "none of its mechanisms can be used");
}

static int run_trial(struct errand *e)
{
	struct trial *t = (struct trial *)(void *)e;
	int err;

	log_forget_error();
	err = try_out(t);
	snprintf(t->why, sizeof(t->why), "%s", log_last_error());
	return err;
}

/* Its provider is FAILED; it may be started again from now on. */
static void late_trial(struct errand *e)
{
	struct trial *t = (struct trial *)(void *)e;
	struct provider *p = t->p;

	if (!t->errand.result)
		end_trial(t);
	free(t);
	log_warn("provider %s: its start has returned, too late: unload it, "
		 "and load it again", p->name);
	store_release_u32(&p->inside, 0);
}

static struct trial *trial_new(struct provider *p, struct module *m)
{
	struct trial *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->errand.run = run_trial;
	t->errand.late = late_trial;
	t->p = p;
	t->spi = m->spi;
	return t;
}

/* The thread that hangs in its code uses it: it is known from now on, and
 * stays mapped. */
static void left_behind(struct provider *p, struct module *m)
{
	char why[PROVIDER_REASON_MAX];

	use(p, m);
	if (!p->id && provider_enlist(p))
		log_err("provider %s: there is no place for it", p->name);
	store_release_u32(&p->unstarted, 1);
	store_release_u32(&p->leaving, 0); /* it is to be unloaded first */
	snprintf(why, sizeof(why), "start did not return in %llu ms",
		 (unsigned long long)provider_config()->start_limit_ms);
	provider_hangs(p, why);
}

static int come_in(struct provider *p, struct module *m, const struct trial *t)
{
	int err = 0;

	use(p, m);
	provider_keeps_keys(p, true);
	if (!p->id)
		err = provider_enlist(p);
	if (!err)
		err = start_device(p);
	if (!err && add_offers(p, t->passed) == 0)
		err = -ENOSPC;
	if (!err)
		add_duals(p, t->dual_passed);
	if (err) {
		log_err("provider %s: %s", p->name, strerror(-err));
		stop(p);
		return err;
	}
	share_provider_came(p);
	return 0;
}

static int bring_up(struct provider *p, struct module *m)
{
	struct trial *t = trial_new(p, m);
	int err;

	if (!t)
		return -ENOMEM;
	store_release_u32(&p->inside, 1);
	if (!errand_run(&t->errand,
			provider_config()->start_limit_ms * 1000000)) {
		left_behind(p, m);
		return -ETIMEDOUT;
	}
	store_release_u32(&p->inside, 0);
	log_keep_error(t->why);
	err = t->errand.result;
	p->instance = t->instance;
	if (!err)
		err = come_in(p, m, t);
	free(t);
	return err;
}

static bool has_file(const char *module)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.so",
		 provider_config()->provider_dir, module);
	return access(path, F_OK) == 0;
}

/* NAME-2 is the second device of the module NAME, unless it is a module. */
static uint32_t instance_of(const char *name, char module[UKCF_NAME_MAX])
{
	const char *dash = strrchr(name, '-');

	snprintf(module, UKCF_NAME_MAX, "%s", name);
	if (!dash || dash == name || dash - name >= UKCF_NAME_MAX ||
	    dash[1] < '2' || dash[1] > '0' + (int)UKCF_INSTANCES_MAX ||
	    dash[2] || has_file(name))
		return 0;
	module[dash - name] = '\0';
	if (has_file(module))
		return (uint32_t)(dash[1] - '1');
	snprintf(module, UKCF_NAME_MAX, "%s", name);
	return 0;
}

struct provider *load_new(const char *name)
{
	struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	host_init(p, provider_config());
	p->host.instance = instance_of(name, p->module_name);
	return p;
}

static bool has_module(const struct provider *p, const struct module *m)
{
	for (const struct module *at = p->module; at; at = at->next)
		if (at == m)
			return true;
	return false;
}

/* It is as it was before; one that nobody has heard of is forgotten. */
static void give_up(struct provider *p, struct module *m)
{
	bool known = p->id;

	if (m && (!known || !has_module(p, m)))
		module_free(m);
	if (known) {
		provider_goes(p);
		return;
	}
	device_free(p);
	free(p);
}

/* *n: its module drives so many devices. */
static int load_one(const char *name, uint32_t *n)
{
	struct provider *p = provider_by_name(name);
	struct module *m;
	int err;

	*n = 1;
	if (!p)
		p = load_new(name);
	if (!p)
		return -ENOMEM;
	if (visit_is_over(p) < 0)
		return -EBUSY;
	if (!provider_loads(p))
		return -EEXIST;
	store_release_u32(&p->unstarted, 0);
	m = module_get(p, &err);
	if (!err) {
		*n = n_instances(p, m->spi);
		if (p->host.instance && p->host.instance >= *n)
			err = complain(p, "there is no such device of its "
					  "module in the configuration");
	}
	if (!err)
		err = bring_up(p, m);
	if (!err) {
		store_release_u32(&p->leaving, 0);
		store_release_u32(&p->held, 0);
		recover_begins(p);
		provider_works_again(p);
		log_info("provider %s (%s) is ready", p->name,
			 m->spi->version ? m->spi->version : "no version");
		return 0;
	}
	if (!load_acquire_u32(&p->unstarted)) /* else it is FAILED */
		give_up(p, m);
	return err;
}

/* One that does not come is no reason for the others not to. */
int load_provider(const char *name)
{
	char why[PROVIDER_REASON_MAX], other[UKCF_NAME_MAX + 12];
	uint32_t n, more;
	int err = load_one(name, &n), e;

	if (n < 2 || instance_of(name, other))
		return err;
	snprintf(why, sizeof(why), "%s", log_last_error());
	for (uint32_t i = 2; i <= n; i++) {
		snprintf(other, sizeof(other), "%s-%u", name, i);
		e = strlen(other) < UKCF_NAME_MAX ? load_one(other, &more) :
						    -ENAMETOOLONG;
		if (e && e != -EEXIST)
			log_err("provider %s is left out: %s", other,
				strerror(-e));
	}
	log_keep_error(why);
	return err;
}

int load_check(const char *name)
{
	char module[UKCF_NAME_MAX];
	uint32_t gen;
	int fd;

	instance_of(name, module);
	fd = module_file_open(provider_config()->provider_dir, module, &gen);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int load_unload(struct provider *p)
{
	int err;

	if (p->instance && visit_is_over(p) < 0) {
		store_release_u32(&p->leaving, 0);
		provider_fail(p);
		return -EBUSY;
	}
	/* An instance may not know another's. */
	template_forget(p);
	prepared_forget(p);
	err = stop(p);
	if (err) {
		start_device(p);
		provider_fail(p);
		store_release_u32(&p->leaving, 0);
		loader_look();
		return err;
	}
	provider_goes(p);
	log_info("provider %s is unloaded", p->name);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/spi/visit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/spi/errand.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/provider.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

struct visitor {
	struct errand errand; /* first */
	struct provider *p;
	struct ukcf_instance *self;
	visit_fn fn;
	const char *what;
	char why[200]; /* it failed */
};

static int run(struct errand *e)
{
	struct visitor *v = (struct visitor *)(void *)e;
	int err;

	log_forget_error();
	err = v->fn(v->p, v->self);
	snprintf(v->why, sizeof(v->why), "%s", log_last_error());
	return err;
}

static void late(struct errand *e)
{
	struct visitor *v = (struct visitor *)(void *)e;

	log_warn("provider %s: its %s has returned, too late", v->p->name,
		 v->what);
	store_release_u32(&v->p->inside, 0);
	free(v);
	loader_look();
}

int visit_is_over(const struct provider *p)
{
	if (!load_acquire_u32(&p->inside))
		return 0;
	log_err("provider %s: a thread has not returned from its code yet",
		p->name);
	return -EBUSY;
}

int visit(struct provider *p, const char *what, visit_fn fn)
{
	uint64_t limit_ms = provider_config()->start_limit_ms;
	struct visitor *v;
	int err = visit_is_over(p);

	if (err)
		return err;
	v = malloc(sizeof(*v));
	if (!v) {
		log_err("provider %s: no memory for its %s", p->name, what);
		return -ENOMEM;
	}
	*v = (struct visitor){ .errand = { .run = run, .late = late },
			       .p = p, .self = p->instance, .fn = fn,
			       .what = what };
	store_release_u32(&p->inside, 1);
	if (!errand_run(&v->errand, limit_ms * 1000000)) {
		log_err("provider %s: its %s did not return in %llu ms",
			p->name, what, (unsigned long long)limit_ms);
		return -ETIMEDOUT;
	}
	store_release_u32(&p->inside, 0);
	log_keep_error(v->why);
	err = v->errand.result;
	if (err && !*v->why) /* no thread, or a module that says nothing */
		log_err("provider %s: its %s: %s", p->name, what,
			strerror(-err));
	free(v);
	return err;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/spi/recover.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/core/device.h"
#include "daemon/spi/load.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

uint64_t recover_pause_ns(uint32_t attempts)
{
	uint64_t ns = RECOVER_FIRST_NS;

	while (attempts-- > 0 && ns < RECOVER_LONGEST_NS)
		ns *= 2;
	return ns < RECOVER_LONGEST_NS ? ns : RECOVER_LONGEST_NS;
}

bool recover_counts(struct recovery_plan *plan, uint64_t now_ns,
		    unsigned int limit)
{
	unsigned int n = 0;

	memmove(plan->failed_ns + 1, plan->failed_ns,
		sizeof(plan->failed_ns) - sizeof(plan->failed_ns[0]));
	plan->failed_ns[0] = now_ns;
	for (unsigned int i = 0; i < RECOVER_FAILURES_MAX; i++)
		n += plan->failed_ns[i] &&
		     now_ns - plan->failed_ns[i] < RECOVER_WINDOW_NS;
	return limit && n >= limit;
}

void recover_forgive(struct provider *p)
{
	store_release_u32(&p->plan.forgiven, 1);
	loader_look();
}

void recover_unplugged(struct provider *p)
{
	store_release_u32(&p->plan.unplugged, 1);
	provider_fail(p);
}

/* It is seen to be out for the first time. */
static void begin(struct provider *p)
{
	unsigned int limit = provider_config()->device_failures;
	struct recovery_plan *plan = &p->plan;

	plan->next_ns = clock_ns() + recover_pause_ns(0);
	if (exchange_u32(&plan->unplugged, 0) || !provider_is_hardware(p) ||
	    !recover_counts(plan, clock_ns(), limit))
		return;
	plan->stays_out = true;
	log_err("provider %s failed %u times in ten minutes: it stays out; "
		"put it right, then 'cryptoctl enable provider=%s "
		"mechanism=all'", p->name, limit, p->name);
}

static int reset(struct provider *p)
{
	int err = p->spi->reset ? p->spi->reset(p->instance) : 0;

	if (!err && p->device)
		device_was_reset(p->device);
	return err;
}

/* A failure that came after failures were counted is not forgotten. */
static bool comes_back(struct provider *p, uint32_t failures)
{
	if (load_acquire_u32(&p->failures) != failures ||
	    !provider_works_again(p))
		return false;
	if (load_acquire_u32(&p->failures) == failures)
		return true;
	provider_fail(p);
	return false;
}

int recover_attempt(struct provider *p)
{
	uint32_t failures = load_acquire_u32(&p->failures);
	struct recovery_plan *plan = &p->plan;
	int err;

	if (load_acquire_u32(&p->unstarted)) {
		log_err("provider %s did not start: unload it, and load it "
			"again", p->name);
		return -ENODEV;
	}
	err = reset(p);

	if (!err)
		err = load_test(p);
	if (!err && !comes_back(p, failures))
		err = -EIO; /* it failed meanwhile */
	if (!err) {
		log_info("provider %s works again", p->name);
		plan->next_ns = 0;
		plan->attempts = 0;
		plan->stays_out = false;
		return 0;
	}
	plan->next_ns = clock_ns() + recover_pause_ns(++plan->attempts);
	log_warn("provider %s is still out (%s): tried again in %llu s",
		 p->name, strerror(-err),
		 (unsigned long long)(recover_pause_ns(plan->attempts) /
				      1000000000u));
	return err;
}

/* One that lied too often is not asked by itself. */
static bool is_out(const struct provider *p)
{
	return load_acquire_u32(&p->state) == UKCF_PROVIDER_FAILED &&
	       !load_acquire_u32(&p->leaving) &&
	       !load_acquire_u32(&p->unstarted) &&
	       !load_acquire_u32(&p->trust.lost);
}

uint64_t recover_pass(void)
{
	uint64_t next = 0;

	for (unsigned int i = 0; i < provider_count(); i++) {
		struct provider *p = provider_at(i);
		struct recovery_plan *plan = &p->plan;

		if (exchange_u32(&plan->forgiven, 0))
			*plan = (struct recovery_plan){
				.next_ns = plan->next_ns ? clock_ns() : 0,
			};
		if (!is_out(p))
			continue;
		if (!plan->next_ns)
			begin(p);
		if (plan->stays_out)
			continue;
		if (clock_ns() >= plan->next_ns)
			recover_attempt(p);
		if (plan->next_ns && (!next || plan->next_ns < next))
			next = plan->next_ns;
	}
	return next;
}

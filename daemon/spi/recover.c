/* SPDX-License-Identifier: MIT */
#include "daemon/spi/recover.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/core/device.h"
#include "daemon/spi/load.h"
#include "daemon/spi/loader.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/visit.h"
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

bool recover_counts(struct recovery_plan *plan, enum recover_cause cause,
		    uint64_t now_ns, unsigned int limit)
{
	uint64_t *times = plan->times_ns[cause];
	unsigned int n = 0;

	memmove(times + 1, times, sizeof(plan->times_ns[0]) - sizeof(*times));
	times[0] = now_ns;
	for (unsigned int i = 0; i < RECOVER_FAILURES_MAX; i++)
		n += times[i] && now_ns - times[i] < RECOVER_WINDOW_NS;
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

void recover_lied(struct provider *p)
{
	fetch_add_u32(&p->plan.lies, 1);
}

bool recover_stays_out(const struct provider *p)
{
	return load_acquire_u32(&p->plan.stays_out);
}

static void forget(struct recovery_plan *plan)
{
	plan->next_ns = 0;
	plan->attempts = 0;
	memset(plan->times_ns, 0, sizeof(plan->times_ns));
	exchange_u32(&plan->lies, 0);
	exchange_u32(&plan->forgiven, 0);
	store_release_u32(&plan->stays_out, 0);
}

void recover_begins(struct provider *p)
{
	forget(&p->plan);
	exchange_u32(&p->plan.unplugged, 0);
}

/* The reason goes on: why it failed, and why nobody tries it again. */
static void keep_out(struct provider *p, enum recover_cause cause,
		     unsigned int limit)
{
	static const char *const what[RECOVER_CAUSES] = {
		[RECOVER_FAILED] = "failed %u times",
		[RECOVER_LIED] = "gave %u wrong answers",
	};
	char why[PROVIDER_REASON_MAX], did[32];

	snprintf(did, sizeof(did), what[cause], limit);
	snprintf(why, sizeof(why),
		 "%s in ten minutes: it stays out until it is tested", did);
	provider_adds_reason(p, why);
	store_release_u32(&p->plan.stays_out, 1);
	log_err("provider %s %s; put it right, then 'cryptoctl test "
		"provider=%s'", p->name, why, p->name);
}

static void count(struct provider *p, enum recover_cause cause,
		  unsigned int limit)
{
	if (recover_counts(&p->plan, cause, clock_ns(), limit) &&
	    !recover_stays_out(p))
		keep_out(p, cause, limit);
}

static void count_lies(struct provider *p)
{
	uint32_t n = exchange_u32(&p->plan.lies, 0);

	while (n-- > 0)
		count(p, RECOVER_LIED, RECOVER_LIES);
}

/* It is seen to be out for the first time. */
static void begin(struct provider *p)
{
	p->plan.next_ns = clock_ns() + recover_pause_ns(0);
	if (!exchange_u32(&p->plan.unplugged, 0) && provider_is_hardware(p))
		count(p, RECOVER_FAILED, provider_config()->device_failures);
}

static int run_reset(struct provider *p, struct ukcf_instance *self)
{
	int err = p->spi->reset ? p->spi->reset(self) : 0;

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

static int attempt(struct provider *p)
{
	uint32_t failures = load_acquire_u32(&p->failures);
	struct recovery_plan *plan = &p->plan;
	int err;

	if (load_acquire_u32(&p->unstarted)) {
		log_err("provider %s did not start: unload it, and load it "
			"again", p->name);
		return -ENODEV;
	}
	err = visit(p, "reset", run_reset);
	if (!err)
		err = load_test(p);
	if (!err && !comes_back(p, failures))
		err = -EIO; /* it failed meanwhile */
	if (!err) {
		log_info("provider %s works again", p->name);
		plan->next_ns = 0;
		plan->attempts = 0;
		store_release_u32(&plan->stays_out, 0);
		return 0;
	}
	plan->next_ns = clock_ns() + recover_pause_ns(++plan->attempts);
	log_warn("provider %s is still out (%s): tried again in %llu s",
		 p->name, strerror(-err),
		 (unsigned long long)(recover_pause_ns(plan->attempts) /
				      1000000000u));
	return err;
}

int recover_by_hand(struct provider *p)
{
	forget(&p->plan);
	return attempt(p);
}

static bool is_out(const struct provider *p)
{
	return load_acquire_u32(&p->state) == UKCF_PROVIDER_FAILED &&
	       !load_acquire_u32(&p->leaving) &&
	       !load_acquire_u32(&p->unstarted) &&
	       !load_acquire_u32(&p->inside);
}

static void look_at(struct provider *p)
{
	struct recovery_plan *plan = &p->plan;
	bool waited = plan->next_ns;

	if (exchange_u32(&plan->forgiven, 0)) {
		forget(plan);
		plan->next_ns = waited ? clock_ns() : 0;
	}
	if (!is_out(p))
		return;
	count_lies(p);
	if (!plan->next_ns)
		begin(p);
	if (!recover_stays_out(p) && clock_ns() >= plan->next_ns)
		attempt(p);
}

uint64_t recover_pass(void)
{
	uint64_t next = 0;

	for (unsigned int i = 0; i < provider_count(); i++) {
		struct provider *p = provider_at(i);
		uint64_t at;

		look_at(p);
		at = is_out(p) && !recover_stays_out(p) ? p->plan.next_ns : 0;
		if (at && (!next || at < next))
			next = at;
	}
	return next;
}

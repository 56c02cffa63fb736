/* SPDX-License-Identifier: MIT */
#include "daemon/spi/recover.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "daemon/core/device.h"
#include "daemon/core/event-count.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

static struct {
	pthread_t thread;
	bool running;
	struct event_count event;
	uint32_t stopping; /* atomic */
} r;

uint64_t recover_pause_ns(uint32_t attempts)
{
	uint64_t ns = RECOVER_FIRST_NS;

	while (attempts-- > 0 && ns < RECOVER_LONGEST_NS)
		ns *= 2;
	return ns < RECOVER_LONGEST_NS ? ns : RECOVER_LONGEST_NS;
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
	if (load_acquire_u32(&p->failures) != failures)
		return false;
	provider_set_state(p, UKCF_PROVIDER_READY);
	if (load_acquire_u32(&p->failures) == failures)
		return true;
	provider_set_state(p, UKCF_PROVIDER_FAILED);
	return false;
}

static void attempt(struct provider *p)
{
	uint32_t failures = load_acquire_u32(&p->failures);
	struct recovery_plan *plan = &p->plan;
	int err = reset(p);

	if (!err)
		err = provider_test(p);
	if (!err && !comes_back(p, failures))
		err = -EIO; /* it failed meanwhile */
	if (!err) {
		log_info("provider %s works again", p->name);
		*plan = (struct recovery_plan){ 0 };
		return;
	}
	plan->next_ns = clock_ns() + recover_pause_ns(++plan->attempts);
	log_warn("provider %s is still out (%s): tried again in %llu s",
		 p->name, strerror(-err),
		 (unsigned long long)(recover_pause_ns(plan->attempts) /
				      1000000000u));
}

/* Return: when to look again; 0: when told. */
static uint64_t look(void)
{
	uint64_t next = 0;

	for (unsigned int i = 0; i < provider_count(); i++) {
		struct provider *p = provider_at(i);
		struct recovery_plan *plan = &p->plan;

		if (load_acquire_u32(&p->state) != UKCF_PROVIDER_FAILED)
			continue;
		if (!plan->next_ns)
			plan->next_ns = clock_ns() + recover_pause_ns(0);
		if (exchange_u32(&plan->at_once, 0) ||
		    clock_ns() >= plan->next_ns)
			attempt(p);
		if (plan->next_ns && (!next || plan->next_ns < next))
			next = plan->next_ns;
	}
	return next;
}

static void *recover_main(void *arg)
{
	(void)arg;
	while (!load_acquire_u32(&r.stopping)) {
		uint32_t seen = event_look(&r.event);
		uint64_t next = look();

		if (!load_acquire_u32(&r.stopping))
			event_wait(&r.event, seen, next);
	}
	return NULL;
}

int recover_start(void)
{
	int err;

	r.stopping = 0;
	err = pthread_create(&r.thread, NULL, recover_main, NULL);
	if (err)
		return -err;
	pthread_setname_np(r.thread, "ukcf-recover");
	r.running = true;
	return 0;
}

void recover_stop(void)
{
	if (!r.running)
		return;
	store_release_u32(&r.stopping, 1);
	event_signal(&r.event, 1);
	pthread_join(r.thread, NULL);
	r.running = false;
}

void recover_look(void)
{
	event_signal(&r.event, 1);
}

void recover_now(struct provider *p)
{
	store_release_u32(&p->plan.at_once, 1);
	recover_look();
}

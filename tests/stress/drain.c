/* SPDX-License-Identifier: MIT */
/*
 * A provider is taken out and stopped again and again while threads give it
 * requests as service threads do: never is one with it when it has stopped, and
 * never is main left waiting for one that has gone.
 *
 * Control: built a second time with PLANTED_NO_BARRIER, where main looks at the
 * requests without the barrier that makes it see them.  There, one of the two
 * must happen.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/drain.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"

#define THREADS 3u
#ifdef PLANTED_NO_BARRIER
#define WAIT_MS 1000
#else
#define WAIT_MS 10000
#endif

static struct ukcf_provider spi = { .name = "unit", .version = "1" };
static struct provider provider = { .id = 1,
				    .name = "unit",
				    .spi = &spi,
				    .state = UKCF_PROVIDER_READY };
static uint32_t stopped; /* atomic */
static uint32_t over;	 /* atomic: end */
static uint64_t caught;	 /* atomic: with it when it had stopped */

static struct user {
	pthread_t thread;
	_Alignas(128) struct request req;
	struct rec_entry entry;
	uint64_t done, refused;
} users[THREADS];

/* The linker sends these here (--wrap): there is no ring and no page. */
unsigned int __wrap_ring_uses(const struct provider *p);
void __wrap_mech_publish(void);

unsigned int __wrap_ring_uses(const struct provider *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < THREADS; i++)
		n += request_is_with(&users[i].req, p);
	return n;
}

void __wrap_mech_publish(void)
{
}

#ifdef PLANTED_NO_BARRIER
void __wrap_drain_begin(void);

void __wrap_drain_begin(void)
{
	store_relaxed_u32(&drain_waiting, 1);
}
#endif

static enum ukcf_status perform(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	(void)job;
	for (unsigned int i = 0; i < 20; i++) {
		if (load_relaxed_u32(&stopped)) {
			fetch_add_u64(&caught, 1);
			break;
		}
		cpu_relax();
	}
	return UKCF_DONE;
}

static const struct ukcf_mech_ops ops = { .digest = perform };
static const struct ukcf_offer offer = { .mech = UKCF_MECH_SHA2_256,
					 .ops = &ops,
					 .cost_ns = 100 };

static void *use(void *arg)
{
	struct user *u = arg;
	unsigned int detail;

	while (!load_relaxed_u32(&over)) {
		if (dispatch_choose(&u->req, &detail)) {
			u->refused++;
			continue;
		}
		u->req.offer->offer->ops->digest(NULL, NULL);
		request_lets_go(&u->req);
		u->done++;
	}
	return NULL;
}

static void start(struct user *u)
{
	static const struct op_rule rule = { .kind = OP_CRYPTO };

	u->entry.sqe.op = UKCF_OP_DIGEST;
	u->req.entry = &u->entry;
	u->req.rule = &rule;
	u->req.mech = mech_find(UKCF_MECH_SHA2_256);
	if (pthread_create(&u->thread, NULL, use, u))
		check_bail("no thread");
}

/* Return: whether everybody let go in time. */
static bool drain(void)
{
	struct pollfd told = { .fd = drain_fd(), .events = POLLIN };
	bool idle = true;

	provider_drains(&provider);
	drain_begin();
	while (drain_look(&provider).requests && idle) {
		idle = poll(&told, 1, WAIT_MS * (int)slowness()) == 1;
		drain_seen();
	}
	drain_end();
	return idle;
}

static void pass_time(void)
{
	for (unsigned int i = 0; i < 100; i++)
		cpu_relax();
}

/* Stopped for as long as a store may need to be seen. */
static void stop_and_start(void)
{
	store_release_u32(&stopped, 1);
	pass_time();
	store_release_u32(&stopped, 0);
	provider_returns(&provider);
	pass_time();
}

int main(void)
{
	static const struct dispatch_settings decisions = {
		.inline_ns = 20000, .timeout_ns = UINT64_C(30000000000)
	};
	uint64_t cycles = scaled(100000, 5000000) / slowness(), i;
	uint64_t done = 0, refused = 0;

	clock_init();
	dispatch_init(&decisions);
	if (drain_init() || mech_init() || mech_add_offer(&provider, &offer))
		check_bail("no provider");
	for (unsigned int k = 0; k < THREADS; k++)
		start(&users[k]);
	for (i = 0; i < cycles; i++) {
		if (!drain())
			break;
		stop_and_start();
#ifdef PLANTED_NO_BARRIER
		if (load_relaxed_u64(&caught))
			break;
#endif
	}
	store_relaxed_u32(&over, 1);
	for (unsigned int k = 0; k < THREADS; k++) {
		pthread_join(users[k].thread, NULL);
		done += users[k].done;
		refused += users[k].refused;
	}
	note("%llu times taken out; %llu requests were done, %llu refused",
	     (unsigned long long)i, (unsigned long long)done,
	     (unsigned long long)refused);
#ifdef PLANTED_NO_BARRIER
	check(caught > 0 || i < cycles,
	      "control: without the barrier %llu requests were with a stopped "
	      "provider, and main was%s left waiting",
	      (unsigned long long)caught, caught ? " not" : "");
#else
	check(i == cycles, "every time it became idle");
	check(done > 0 && refused > 0, "requests came before, meanwhile, and "
				       "after");
	check(caught == 0, "%llu requests were with it when it had stopped",
	      (unsigned long long)caught);
#endif
	return check_done();
}

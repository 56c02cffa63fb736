/* SPDX-License-Identifier: MIT */
/*
 * Events to consumers, under a daemon with sodium, openssl and nullhw
 * (490-events.sh).  Listeners look at the page only when an event tells them
 * to; so if they know what it shows, none was lost.  Beside them: one that never
 * reads, and one that opens and closes rings.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ukcf/ukcf.h>

#include "lib/shared/msg.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/change.h"
#include "tests/support/check.h"

#define LISTENERS 4u
#define ENTRIES 2u
#define EVENTS 1u /* user_data */
#define WAIT_S (10 * (time_t)slowness())
#define WAIT_NS (INT64_C(1000000000) * WAIT_S)

static uint32_t over; /* atomic */

/* What the page shows of the two that change. */
static uint32_t look(struct ukcf *u)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX);
	struct ukcf_page_mech m = { 0 };
	uint32_t view = 0;

	for (int i = 0; i < n; i++) {
		uint32_t state = rows[i].state;

		if (state == UKCF_PROVIDER_BUSY)
			state = UKCF_PROVIDER_READY;
		if (strcmp(rows[i].name, "nullhw") == 0)
			view = state << 16;
	}
	if (ukcf_mech_info(u, UKCF_MECH_SHA2_512, &m))
		return UINT32_MAX;
	return view | (uint32_t)m.providers << 1 |
	       (m.flags & UKCF_PAGE_MECH_ENABLED);
}

/* --------------------------------------------------------------- listeners */

struct listener {
	pthread_t thread;
	struct ukcf *u;
	struct ukcf_ring *r;
	bool busy;	   /* has requests of its own in flight, too */
	uint32_t view;	   /* guarded by lock */
	uint64_t n_events; /* likewise */
	uint64_t n_many, n_results;
};

static struct listener listeners[LISTENERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t seen = PTHREAD_COND_INITIALIZER;

static void submit(struct ukcf_ring *r, bool events)
{
	struct ukcf_sqe *s = ukcf_get_sqe(r);

	if (!s)
		return;
	if (events)
		ukcf_prep_notify_events(s, UKCF_EVENTS_ALL);
	else
		ukcf_prep_nop(s);
	s->user_data = events ? EVENTS : 0;
	if (ukcf_submit(r) != 1)
		check_bail("a ring takes no entry");
}

static void open_ring(struct ukcf **u, struct ukcf_ring **r)
{
	const struct ukcf_cqe *cqe;

	if (ukcf_connect(u, NULL, 0) || ukcf_ring_open(*u, ENTRIES, r))
		check_bail("no ring");
	submit(*r, true);
	if (ukcf_wait_cqe(*r, &cqe, WAIT_NS) || cqe->res != 0)
		check_bail("no events");
	ukcf_cqe_seen(*r);
}

static void show(struct listener *l)
{
	uint32_t view = look(l->u);

	pthread_mutex_lock(&lock);
	l->view = view;
	l->n_events++;
	pthread_cond_broadcast(&seen);
	pthread_mutex_unlock(&lock);
}

static void *listen_to(void *arg)
{
	struct listener *l = arg;
	const struct ukcf_cqe *cqe;

	if (l->busy)
		submit(l->r, false);
	while (!load_acquire_u32(&over)) {
		/* It may be long until something happens; main has the
		 * patience. */
		if (ukcf_wait_cqe(l->r, &cqe, INT64_C(100000000)))
			continue;
		if ((cqe->flags & UKCF_CQE_KIND) == UKCF_CQE_EVENT) {
			l->n_many += cqe->res == UKCF_EVENT_MANY;
			ukcf_cqe_seen(l->r);
			show(l);
			continue;
		}
		l->n_results++;
		ukcf_cqe_seen(l->r);
		submit(l->r, false);
	}
	return NULL;
}

static bool all_see(uint32_t view)
{
	for (unsigned int i = 0; i < LISTENERS; i++)
		if (listeners[i].view != view)
			return false;
	return true;
}

/* Return: whether all know it in time. */
static bool await(uint32_t view)
{
	struct timespec end;
	bool all;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += WAIT_S;
	pthread_mutex_lock(&lock);
	while (!(all = all_see(view)))
		if (pthread_cond_timedwait(&seen, &lock, &end))
			break;
	pthread_mutex_unlock(&lock);
	return all;
}

/* Opens and closes rings, some in the middle of an event. */
static void *come_and_go(void *arg)
{
	uint64_t *n = arg;

	while (!load_acquire_u32(&over)) {
		struct ukcf_ring *r;
		struct ukcf *u;

		open_ring(&u, &r);
		ukcf_ring_close(r);
		ukcf_disconnect(u);
		++*n;
	}
	return NULL;
}

/* ----------------------------------------------------------- administrator */

static const struct wish {
	enum msg_change_what what;
	const char *provider, *argument;
} wishes[] = {
	{ MSG_CHANGE_DISABLE, "", "sha2-512" },
	{ MSG_CHANGE_ENABLE, "", "sha2-512" },
	{ MSG_CHANGE_DISABLE, "openssl", "sha2-512" },
	{ MSG_CHANGE_ENABLE, "openssl", "sha2-512" },
	{ MSG_CHANGE_UNLOAD, "nullhw", "" },
	{ MSG_CHANGE_LOAD, "nullhw", "" },
	{ MSG_CHANGE_DRAIN, "nullhw", "" },
	{ MSG_CHANGE_TEST, "nullhw", "" },
	{ MSG_CHANGE_DISABLE, "openssl", "all" },
	{ MSG_CHANGE_ENABLE, "openssl", "all" },
};
#define N_WISHES (sizeof(wishes) / sizeof(wishes[0]))

/* What cannot be now is refused. */
static bool make(const struct wish *w)
{
	return change(w->what, w->provider, w->argument) == 0;
}

/* Changes at random; after each burst of them everybody must know. */
static void random_changes(struct ukcf *u)
{
	uint64_t bursts = scaled(40, 2000), done = 0, made = 0;
	bool known = true;
	struct rng rng;

	rng_init(&rng, 1);
	for (; known && done < bursts; done++) {
		for (uint64_t n = 1 + rng_below(&rng, 5); n > 0; n--)
			made += make(&wishes[rng_below(&rng, N_WISHES)]);
		known = await(look(u));
	}
	check(known, "burst %llu: everybody knows what the page shows",
	      (unsigned long long)done);
	check(made > bursts / 2, "%llu changes were made",
	      (unsigned long long)made);
}

static void many_changes(struct ukcf *u, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (!make(&wishes[i % 2]))
			check_bail("refused");
	check(await(look(u)), "after %llu changes everybody knows the last one",
	      (unsigned long long)n);
}

/* Its first event and one for all that it missed; then it is up to date. */
static void wake_up_late(struct ukcf_ring *lazy)
{
	const struct ukcf_cqe *cqe;
	bool one, many;

	/* of many, too, if the daemon was late */
	one = ukcf_peek_cqe(lazy, &cqe) == 0;
	ukcf_cqe_seen(lazy);
	many = ukcf_wait_cqe(lazy, &cqe, WAIT_NS) == 0 &&
	       cqe->res == UKCF_EVENT_MANY;
	check(one && many, "who never read has one event, then one of many");
	if (many)
		ukcf_cqe_seen(lazy);
	check(ukcf_wait_cqe(lazy, &cqe, 1000000) == -ETIMEDOUT, "and no more");
}

static void start(struct listener *l, unsigned int i)
{
	open_ring(&l->u, &l->r);
	l->busy = i & 1;
	l->view = UINT32_MAX; /* it was told nothing yet */
	if (pthread_create(&l->thread, NULL, listen_to, l))
		check_bail("no thread");
}

static void stop(struct listener *l, unsigned int i)
{
	pthread_join(l->thread, NULL);
	check(l->n_events > 0 && (l->n_results > 0) == l->busy,
	      "listener %u: %llu events, %llu of many; %llu results", i,
	      (unsigned long long)l->n_events, (unsigned long long)l->n_many,
	      (unsigned long long)l->n_results);
	ukcf_disconnect(l->u);
}

int main(void)
{
	struct ukcf_ring *lazy;
	uint64_t n_gone = 0;
	pthread_t restless;
	struct ukcf *u;

	open_ring(&u, &lazy);
	for (unsigned int i = 0; i < LISTENERS; i++)
		start(&listeners[i], i);
	if (!make(&wishes[0]) || !make(&wishes[1]))
		check_bail("the administrator is not heard");
	if (!check(await(look(u)), "everybody knows of the first changes"))
		return 1;
	if (pthread_create(&restless, NULL, come_and_go, &n_gone))
		check_bail("no thread");
	random_changes(u);
	for (size_t i = 0; i < N_WISHES; i++)
		if (wishes[i].what == MSG_CHANGE_ENABLE)
			make(&wishes[i]);
	many_changes(u, scaled(2000, 10000));
	store_release_u32(&over, 1);
	pthread_join(restless, NULL);
	check(n_gone > 0, "%llu rings closed meanwhile",
	      (unsigned long long)n_gone);
	for (unsigned int i = 0; i < LISTENERS; i++)
		stop(&listeners[i], i);
	wake_up_late(lazy);
	ukcf_disconnect(u);
	return check_done();
}

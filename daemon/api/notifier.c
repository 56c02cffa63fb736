/* SPDX-License-Identifier: MIT */
/*
 * A consumer's place here is its record's index: a bit says that a byte is
 * due, a pointer whom for.  A place is reused only after the consumer is gone,
 * and a due byte holds a reference, so nothing is ever overwritten.
 */
#include "daemon/api/notifier.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/api/burden.h"
#include "daemon/api/consumer.h"
#include "daemon/core/recovery.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

#define WORDS (REC_CONSUMERS_MAX / 64)

static struct {
	uint64_t due[WORDS];		  /* atomic bits */
	void *whom[REC_CONSUMERS_MAX];	  /* atomic; valid while due */
	uint32_t asleep;		  /* atomic: a post must write wake_fd */
	uint32_t stopping;		  /* atomic */
	int wake_fd;
	bool running;
	pthread_t thread;
	/* the thread's own, by place */
	struct {
		uint64_t serial; /* whose */
		struct burden is;
	} burden[REC_CONSUMERS_MAX];
} n = { .wake_fd = -1 };

static void wake(void)
{
	uint64_t one = 1;

	/* Pairs with the exchange in sleep_until_due(). */
	if (exchange_u32(&n.asleep, 0) == 0)
		return;
	if (write(n.wake_fd, &one, sizeof(one)) < 0)
		return; /* full: awake already */
}

void notifier_post(struct consumer *c)
{
	if (load_relaxed_u32(&c->notify_dead) ||
	    exchange_u32(&c->notify_pending, 1))
		return;
	store_release_ptr(&n.whom[c->rec], consumer_ref(c));
	fetch_or_u64(&n.due[c->rec / 64], UINT64_C(1) << c->rec % 64);
	full_fence();
	wake();
}

static void end_notifications(struct consumer *c, const char *why)
{
	store_release_u32(&c->notify_dead, 1);
	shutdown(c->notify_fd, SHUT_RDWR);
	log_warn("consumer %llu (uid %u, pid %d): no more notifications: %s",
		 (unsigned long long)c->serial, c->uid, (int)c->pid, why);
}

static struct burden *burden_of(const struct consumer *c)
{
	if (n.burden[c->rec].serial != c->serial) {
		n.burden[c->rec].serial = c->serial;
		n.burden[c->rec].is = (struct burden){ 0 };
	}
	return &n.burden[c->rec].is;
}

static void send_one(struct consumer *c)
{
	uint64_t begin;
	ssize_t rc;

	/* Before the send: what is posted from here on needs another byte. */
	store_fence_u32(&c->notify_pending, 0);
	if (load_relaxed_u32(&c->notify_dead))
		return;
	begin = burden_begin();
	rc = send(c->notify_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (rc < 0 && errno != EAGAIN && errno != EINTR) {
		store_release_u32(&c->notify_dead, 1); /* it closed its end */
		return;
	}
	if (burden_is_too_much(burden_of(c), begin))
		end_notifications(c, "it makes them slow");
}

static bool send_due(void)
{
	bool any = false;

	for (unsigned int w = 0; w < WORDS; w++) {
		uint64_t bits = load_relaxed_u64(&n.due[w]);

		if (!bits)
			continue;
		bits = exchange_u64(&n.due[w], 0);
		any = any || bits;
		for (; bits; bits &= bits - 1) {
			unsigned int i = 64 * w +
					 (unsigned int)__builtin_ctzll(bits);
			struct consumer *c = load_acquire_ptr(&n.whom[i]);

			send_one(c);
			consumer_unref(c);
		}
	}
	return any;
}

static void sleep_until_due(void)
{
	uint64_t count;

	store_fence_u32(&n.asleep, 1);
	if (send_due() || load_acquire_u32(&n.stopping)) {
		store_relaxed_u32(&n.asleep, 0);
		return;
	}
	if (read(n.wake_fd, &count, sizeof(count)) < 0 && errno != EINTR)
		log_err("notifier: %m");
}

static void *notifier_main(void *arg)
{
	(void)arg;
	while (!load_acquire_u32(&n.stopping))
		if (!send_due())
			sleep_until_due();
	send_due();
	return NULL;
}

int notifier_start(void)
{
	int err;

	n.stopping = 0;
	n.asleep = 0;
	n.wake_fd = eventfd(0, EFD_CLOEXEC);
	if (n.wake_fd < 0)
		return -errno;
	err = pthread_create(&n.thread, NULL, notifier_main, NULL);
	if (err)
		return -err;
	n.running = true;
	pthread_setname_np(n.thread, "ukcf-notify");
	return 0;
}

void notifier_stop(void)
{
	uint64_t one = 1;

	if (!n.running)
		return;
	store_release_u32(&n.stopping, 1);
	if (write(n.wake_fd, &one, sizeof(one)) < 0)
		log_err("notifier: %m");
	pthread_join(n.thread, NULL);
	close(n.wake_fd);
	n.wake_fd = -1;
	n.running = false;
}

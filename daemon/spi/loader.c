/* SPDX-License-Identifier: MIT */
#include "daemon/spi/loader.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/event-count.h"
#include "daemon/core/service.h"
#include "daemon/spi/load.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"

struct list {
	struct loader_job *first, **last;
};

static struct {
	pthread_t thread;
	bool running;
	struct event_count event;
	uint32_t stopping;    /* atomic */
	pthread_mutex_t lock; /* guards both lists; rank: innermost */
	struct list todo, done;
	int done_fd;
} l = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.todo = { NULL, &l.todo.first },
	.done = { NULL, &l.done.first },
	.done_fd = -1,
};

static void append(struct list *list, struct loader_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&l.lock);
	*list->last = job;
	list->last = &job->next;
	pthread_mutex_unlock(&l.lock);
}

static struct loader_job *take(struct list *list)
{
	struct loader_job *job;

	pthread_mutex_lock(&l.lock);
	job = list->first;
	if (job) {
		list->first = job->next;
		if (!list->first)
			list->last = &list->first;
	}
	pthread_mutex_unlock(&l.lock);
	return job;
}

static void work(struct loader_job *job)
{
	uint64_t one = 1;

	job->run(job);
	append(&l.done, job);
	if (write(l.done_fd, &one, sizeof(one)) < 0)
		return; /* full: main has not looked yet */
}

/* One that cannot be loaded is not tried again for the next request. */
static void bring(struct provider *p)
{
	int err = load_provider(p->name);

	if (err && err != -EEXIST) {
		store_release_u32(&p->held, 1);
		log_err("provider %s was wanted by a request, and is not any "
			"more: put it right, then 'cryptoctl load "
			"provider=%s'", p->name, p->name);
	}
	service_again();
}

static bool bring_wanted(void)
{
	bool any = false;

	for (unsigned int i = 0; i < provider_count(); i++) {
		struct provider *p = provider_at(i);

		if (!load_relaxed_u32(&p->wanted))
			continue;
		any = true;
		bring(p);
		/* Last: who wanted it meanwhile is parked, and was told. */
		store_release_u32(&p->wanted, 0);
		service_again();
	}
	return any;
}

static void *loader_main(void *arg)
{
	(void)arg;
	while (!load_acquire_u32(&l.stopping)) {
		uint32_t seen = event_look(&l.event);
		struct loader_job *job = take(&l.todo);
		uint64_t next;

		if (job) {
			work(job);
			continue;
		}
		if (bring_wanted())
			continue;
		next = recover_pass();
		if (!load_acquire_u32(&l.stopping))
			event_wait(&l.event, seen, next);
	}
	return NULL;
}

int loader_start(void)
{
	int err;

	if (l.done_fd < 0)
		l.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l.done_fd < 0)
		return -errno;
	l.stopping = 0;
	err = pthread_create(&l.thread, NULL, loader_main, NULL);
	if (err)
		return -err;
	pthread_setname_np(l.thread, "ukcf-loader");
	l.running = true;
	return 0;
}

void loader_stop(void)
{
	if (!l.running)
		return;
	store_release_u32(&l.stopping, 1);
	event_signal(&l.event, 1);
	pthread_join(l.thread, NULL);
	l.running = false;
}

void loader_post(struct loader_job *job)
{
	append(&l.todo, job);
	event_signal(&l.event, 1);
}

int loader_done_fd(void)
{
	return l.done_fd;
}

void loader_collect(void)
{
	struct loader_job *job;
	uint64_t n;

	if (read(l.done_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return;
	while ((job = take(&l.done)))
		job->done(job);
}

void loader_want(struct provider *p)
{
	if (!exchange_u32(&p->wanted, 1))
		loader_look();
}

void loader_look(void)
{
	event_signal(&l.event, 1);
}

/* SPDX-License-Identifier: MIT */
#include "providers/virtio/engine-parts.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "providers/virtio/clock.h"
#include "providers/virtio/distrust.h"
#include "providers/virtio/order.h"

#define LOG_ERR 3

/* ------------------------------------------------------------------ trouble */

void engine_fail(struct engine *e, const char *what)
{
	if (!e->trouble)
		e->trouble = what;
}

uint64_t engine_deadline(const struct engine *e)
{
	return clock_now_ns() + e->settings.timeout_ms * UINT64_C(1000000);
}

/* ----------------------------------------------------------------- arrivals */

/* Does the device see its data where it is? */
static bool is_shared(struct engine *e, struct slot *s)
{
	const struct work *w = &s->work;
	const struct ukcf_job *job = w->job;

	return e->settings.share && job->in.len >= e->settings.share &&
	       w->kind->may_share && w->kind->may_share(w) &&
	       share_find(&e->shares, job->in.data, job->in.len, false,
			  &s->in_iova) &&
	       share_find(&e->shares, job->out, job->in.len, true,
			  &s->out_iova);
}

static void admit(struct engine *e, struct ukcf_job *job)
{
	struct slot *s = e->slots;
	enum ukcf_status status;

	while (s->state != SLOT_FREE)
		s++; /* there is one: held is bounded by the depth */
	status = work_begin(&s->work, job, e->settings.buffer);
	if (status != UKCF_QUEUED) {
		work_wipe(&s->work);
		engine_give_back(e, job, status);
		return;
	}
	s->shared = s->waits_for_close = is_shared(e, s);
	s->state = SLOT_NEEDS;
	e->busy++;
}

static unsigned int admit_all(struct engine *e)
{
	struct ukcf_job *jobs[ENGINE_DEPTH_MAX];
	unsigned int n;

	if (!order_own_load(&e->waiting))
		return 0;
	pthread_mutex_lock(&e->lock);
	n = e->waiting;
	memcpy(jobs, e->arrivals, n * sizeof(jobs[0]));
	order_own_store(&e->waiting, 0);
	pthread_mutex_unlock(&e->lock);
	for (unsigned int i = 0; i < n; i++)
		admit(e, jobs[i]);
	return n;
}

/* -------------------------------------------------------------------- waits */

/*
 * Return: when this turn of the thread begins.  A machine that did not let it
 * run, when it should have looked long ago, has not let the device run either,
 * as far as one can know: such time is not counted against it.
 */
static uint64_t begin_turn(struct engine *e)
{
	uint64_t now = clock_now_ns(), gap = now - e->looked_ns;

	e->looked_ns = now;
	if (gap <= e->settings.timeout_ms * UINT64_C(500000))
		return now;
	e->ctrl_deadline_ns += gap;
	for (unsigned int i = 0; i < e->settings.depth; i++)
		e->slots[i].deadline_ns += gap;
	return now;
}

/* What was not there when it was looked for, after its time, is late.  turn:
 * when that began. */
static void watch(struct engine *e, uint64_t turn)
{
	if (e->ctrl != CTRL_IDLE && turn >= e->ctrl_deadline_ns)
		engine_fail(e, "a control request did not come back in time");
	for (unsigned int i = 0; e->out && i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_OUT &&
		    turn >= e->slots[i].deadline_ns)
			engine_fail(e, "a request did not come back in time");
}

static void drain(int fd)
{
	uint64_t n;

	while (fd >= 0 && read(fd, &n, sizeof(n)) == sizeof(n))
		;
}

static bool has_news(struct engine *e)
{
	return order_own_load(&e->waiting) || order_own_load(&e->has_mail) ||
	       virtqueue_has_news(&e->device.data) ||
	       virtqueue_has_news(&e->device.ctrl);
}

/* Not before it has seen what came at the last moment: a job that it left would
 * be done after a reset, when it is somebody else's memory. */
static bool must_stop(struct engine *e)
{
	bool stopping;

	pthread_mutex_lock(&e->lock);
	stopping = e->stopping && !e->waiting;
	pthread_mutex_unlock(&e->lock);
	return stopping;
}

/* The interrupts that say that something is wrong. */
static void look_at(struct engine *e, const struct pollfd *fds)
{
	int err = 0;

	if (fds[TRANSPORT_IRQ_GO].revents) {
		e->unplugged = !e->trouble;
		engine_fail(e, "somebody wants the device back");
	}
	if (fds[TRANSPORT_IRQ_ERROR].revents)
		engine_fail(e, "the bus reports an error of it");
	if (fds[TRANSPORT_IRQ_CONFIG].revents ||
	    (e->device.t->vectors < TRANSPORT_VECTORS &&
	     fds[TRANSPORT_IRQ_DATA].revents))
		err = device_look(&e->device);
	if (err)
		engine_fail(e, err == -ENODEV ? "it has gone" :
						"it wants a reset");
}

void engine_sleep_ms(struct engine *e, int ms)
{
	struct pollfd fds[TRANSPORT_IRQS + 1];

	for (unsigned int i = 0; i < TRANSPORT_IRQS; i++)
		fds[i] = (struct pollfd){ .fd = e->device.t->irq[i],
					  .events = POLLIN };
	fds[TRANSPORT_IRQS] =
		(struct pollfd){ .fd = e->wake, .events = POLLIN };
	if (poll(fds, TRANSPORT_IRQS + 1, ms) <= 0)
		return;
	look_at(e, fds);
	for (unsigned int i = 0; i <= TRANSPORT_IRQS; i++)
		if (fds[i].revents)
			drain(fds[i].fd);
}

/* Nothing to do: look again for a while, then sleep until an interrupt. */
static void rest(struct engine *e)
{
	bool waits = e->out || e->ctrl != CTRL_IDLE;
	uint64_t end = clock_now_ns() + e->settings.spin_us * UINT64_C(1000);
	bool news = false;

	while (waits && e->settings.spin_us && !(news = has_news(e)) &&
	       clock_now_ns() < end)
		order_relax();
	if (news)
		return;
	order_own_exchange(&e->asleep, 1); /* pairs with engine_wake() */
	news = virtqueue_irq_on(&e->device.data);
	news |= virtqueue_irq_on(&e->device.ctrl);
	if (!news && !has_news(e))
		engine_sleep_ms(e, waits ? (int)e->settings.timeout_ms / 4 + 1 :
					   -1);
	order_own_store(&e->asleep, 0);
	virtqueue_irq_off(&e->device.data);
	virtqueue_irq_off(&e->device.ctrl);
}

void engine_wake(struct engine *e)
{
	const uint64_t one = 1;

	if (order_own_exchange(&e->asleep, 0)) /* a full one wakes, too */
		(void)!write(e->wake, &one, sizeof(one));
}

/* ---------------------------------------------------------------- the thread */

/* Of shared memory only if it is closed: then it writes there no more. */
static void end_slots(struct engine *e, bool closed)
{
	for (unsigned int i = 0; i < e->settings.depth; i++) {
		struct slot *s = &e->slots[i];

		if (s->state != SLOT_FREE && (closed || !s->waits_for_close))
			engine_end_slot(e, s, UKCF_RETRY_ELSEWHERE);
	}
}

/* What it had goes elsewhere; then it is closed, and reaches nothing any more.
 * The daemon hears of it before a job is refused: else it would take that for
 * the reason, and count a device that was only taken away as one that failed. */
static void break_down(struct engine *e)
{
	if (!order_own_load(&e->resetting)) {
		e->host->log(e->host->host, LOG_ERR, "device %s: %s",
			     e->address, e->trouble);
		e->host->notify(e->host->host, e->unplugged ?
						       UKCF_PROVIDER_ABSENT :
						       UKCF_PROVIDER_FAILED);
	}
	pthread_mutex_lock(&e->lock);
	e->works = false;
	pthread_mutex_unlock(&e->lock);
	end_slots(e, false);
	admit_all(e);
	end_slots(e, false);
	engine_close(e);
	end_slots(e, true);
}

void *engine_main(void *arg)
{
	struct engine *e = arg;

	e->looked_ns = clock_now_ns();
	while (!e->trouble) {
		uint64_t turn = begin_turn(e);
		unsigned int n = admit_all(e);

		if (order_own_load(&e->resetting))
			engine_fail(e, "it is reset");
		engine_read_mail(e);
		n += engine_collect_ctrl(e);
		n += engine_collect(e);
		engine_find_sessions(e);
		n += engine_next_ctrl(e);
		n += engine_post_ready(e);
		watch(e, turn);
		if (n || e->trouble)
			continue;
		if (!e->busy && e->ctrl == CTRL_IDLE && must_stop(e))
			return NULL;
		rest(e);
	}
	break_down(e);
	return NULL;
}

/* --------------------------------------------------------------- from others */

int engine_share(struct engine *e, void *mem, size_t len, bool writable)
{
	return e->settings.share ? share_add(&e->shares, mem, len, writable) :
				   -EOPNOTSUPP;
}

void engine_unshare(struct engine *e, void *mem)
{
	share_remove(&e->shares, mem);
}

/* As many as its queue has descriptors for: slots are filled from the first. */
static unsigned int depth_now(const struct engine *e)
{
	unsigned int fit = e->device.data.size / VIRTQUEUE_PARTS_MAX;

	return fit < e->settings.depth ? fit : e->settings.depth;
}

enum ukcf_status engine_submit(struct engine *e, struct ukcf_job *job)
{
	enum ukcf_status status = UKCF_QUEUED;

	pthread_mutex_lock(&e->lock);
	if (!e->works) {
		status = UKCF_FAILED;
	} else if (e->held >= depth_now(e)) {
		status = UKCF_BUSY;
	} else {
		e->held++;
		e->arrivals[e->waiting] = job;
		order_own_store(&e->waiting, e->waiting + 1);
	}
	pthread_mutex_unlock(&e->lock);
	if (status == UKCF_QUEUED)
		engine_wake(e);
	return status;
}

enum ukcf_status engine_run(struct engine *e, struct ukcf_job *job)
{
	enum ukcf_status status;

	pthread_mutex_lock(&e->lock);
	e->own = job;
	pthread_mutex_unlock(&e->lock);
	status = engine_submit(e, job);
	if (status != UKCF_QUEUED)
		return status;
	pthread_mutex_lock(&e->lock); /* what is out ends: see watch() */
	while (e->own == job)
		pthread_cond_wait(&e->ran, &e->lock);
	pthread_mutex_unlock(&e->lock);
	return job->status;
}

/* SPDX-License-Identifier: MIT */
/*
 * Jobs come through `arrivals' under the lock; all else is the thread's.  A job
 * has a slot, and goes
 *
 *	NEEDS -> WAITS -> READY -> OUT -> (READY again, or its end)
 *
 * needs a session, waits until that is created, is ready to be posted, is out
 * in the device.  The device sees pools of this module alone: data is copied in
 * and out, so when it is in trouble jobs can go elsewhere at once, whatever it
 * still writes; nobody uses its buffers again before it was closed, and opened
 * anew.
 *
 * Whatever a device says that cannot be is trouble: it is closed, the daemon is
 * told, and what it had is done by others.  The daemon asks for a reset, and
 * for known answers, before it gives it anything again.
 *
 * Forgetting a key comes from completion context: through mailboxes without a
 * lock, and when these are full all sessions that nobody uses are forgotten.
 */
#include "providers/virtio/engine.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "providers/virtio/clock.h"
#include "providers/virtio/device.h"
#include "providers/virtio/distrust.h"
#include "providers/virtio/order.h"
#include "providers/virtio/pool.h"
#include "providers/virtio/session.h"
#include "providers/virtio/work.h"

#define LOG_ERR 3
#define LOG_INFO 6

#define PAGE 4096u
#define CANARY 16u /* bytes behind what the device may write */
#define STALE_SESSIONS 256u /* QEMU's, which outlive every reset */
#define MAILBOXES 64u

/* Below VT-d's 39 bits, and below the interrupt range at 0xfee00000. */
#define IOVA_READ UINT64_C(0x40000000)
#define IOVA_WRITE UINT64_C(0x60000000)
#define IOVA_KEY UINT64_C(0x80000000)

enum slot_state { SLOT_FREE, SLOT_NEEDS, SLOT_WAITS, SLOT_READY, SLOT_OUT };

struct slot {
	enum slot_state state;
	struct work work;
	struct session *session;
	struct piece ask, answer;
	uint32_t len; /* of the answer that is wanted, without its status */
	size_t ask_max, answer_max; /* bytes used, over all steps */
	uint64_t poison;
	uint64_t deadline_ns;
};

enum mailbox_state { MAIL_EMPTY, MAIL_WRITTEN, MAIL_SENT };

struct mailbox {
	uint32_t state; /* atomic, enum mailbox_state */
	uint8_t digest[SHA256_BYTES];
};

enum ctrl_state { CTRL_IDLE, CTRL_CREATES, CTRL_DESTROYS };

struct engine {
	const struct ukcf_host *host;
	struct engine_settings settings;
	char address[256];

	/* The device, and what it sees. */
	struct device device;
	struct pool read, write, key;
	struct slot slots[ENGINE_DEPTH_MAX];
	unsigned int out, busy; /* slots: in the device; not free */
	struct session_table sessions;
	struct piece ctrl_ask, ctrl_answer;
	enum ctrl_state ctrl;
	struct session *ctrl_session;
	uint64_t ctrl_deadline_ns;
	uint64_t looked_ns; /* when the thread last began a turn */
	uint64_t random; /* for poison; not 0 */
	const char *trouble;
	bool unplugged; /* that is the trouble */

	struct mailbox mail[MAILBOXES];
	uint32_t mail_overflow; /* atomic: forget all */
	uint32_t has_mail;	/* atomic */
	uint32_t resetting;	/* atomic: end, whatever is in flight */

	pthread_t thread;
	bool has_thread;
	int wake; /* eventfd */
	uint32_t asleep;  /* atomic */
	uint32_t waiting; /* atomic: arrivals; written under the lock */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t ran;   /* an engine_run() has ended */
	struct ukcf_job *arrivals[ENGINE_DEPTH_MAX];
	unsigned int held; /* jobs here, not ended */
	const struct ukcf_job *own; /* engine_run()'s, until it has ended */
	bool works, stopping;
};

/* ------------------------------------------------------------------ trouble */

static void fail(struct engine *e, const char *what)
{
	if (!e->trouble)
		e->trouble = what;
}

static uint64_t draw(struct engine *e)
{
	/* xorshift64 (Marsaglia) */
	e->random ^= e->random << 13;
	e->random ^= e->random >> 7;
	e->random ^= e->random << 17;
	return e->random;
}

static uint64_t deadline(const struct engine *e)
{
	return clock_now_ns() + e->settings.timeout_ms * UINT64_C(1000000);
}

/* ----------------------------------------------------------------- job ends */

static void give_back(struct engine *e, struct ukcf_job *job,
		      enum ukcf_status status)
{
	bool own;

	job->status = status;
	pthread_mutex_lock(&e->lock);
	e->held--;
	own = e->own == job;
	if (own) {
		e->own = NULL;
		pthread_cond_broadcast(&e->ran);
	}
	pthread_mutex_unlock(&e->lock);
	if (!own)
		e->host->complete(e->host->host, job);
}

static void wipe_slot(struct slot *s)
{
	explicit_bzero(s->ask.mem, s->ask_max);
	explicit_bzero(s->answer.mem, s->answer_max);
	s->ask_max = s->answer_max = 0;
	work_wipe(&s->work);
}

static void end_slot(struct engine *e, struct slot *s, enum ukcf_status status)
{
	struct ukcf_job *job = s->work.job;

	if (s->session)
		session_leave(s->session);
	s->session = NULL;
	wipe_slot(s);
	s->state = SLOT_FREE;
	e->busy--;
	give_back(e, job, status);
}

/* -------------------------------------------------------------------- posts */

static uint16_t index_of(const struct engine *e, const struct slot *s)
{
	return (uint16_t)(s - e->slots);
}

/* Where a block is looked at: everywhere in a short answer, here and there and
 * at the end of a long one. */
static size_t next_probe(size_t at, size_t len)
{
	size_t step = len <= PAGE ? 16 : 512;

	if (at + step < len)
		return at + step;
	return at + 16 < len ? len - 16 : len;
}

static void put_poison(struct slot *s, uint32_t len)
{
	for (size_t at = 0; at + 16 <= len; at = next_probe(at, len)) {
		memcpy(s->answer.mem + at, &s->poison, 8);
		memcpy(s->answer.mem + at + 8, &s->poison, 8);
	}
	s->answer.mem[len] = CRYPTO_UNANSWERED;
	for (size_t i = 0; i < CANARY / 8; i++)
		memcpy(s->answer.mem + len + 1 + 8 * i, &s->poison, 8);
}

static bool is_poison(const struct slot *s, size_t at)
{
	return memcmp(s->answer.mem + at, &s->poison, 8) == 0 &&
	       memcmp(s->answer.mem + at + 8, &s->poison, 8) == 0;
}

static bool is_untouched(const struct slot *s)
{
	for (size_t at = 0; at + 16 <= s->len; at = next_probe(at, s->len))
		if (is_poison(s, at))
			return true;
	return false;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void post(struct engine *e, struct slot *s)
{
	size_t n = s->work.kind->fill(&s->work, s->session->id, s->ask.mem,
				      &s->len);

	s->ask_max = larger(s->ask_max, n);
	s->answer_max = larger(s->answer_max, s->len + 1 + CANARY);
	s->poison = draw(e);
	put_poison(s, s->len);
	virtqueue_post(&e->device.data, index_of(e, s), s->ask.iova,
		       (uint32_t)n, s->answer.iova, s->len + 1);
	s->deadline_ns = deadline(e);
	s->state = SLOT_OUT;
	e->out++;
}

static unsigned int post_ready(struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; e->busy && i < e->settings.depth; i++) {
		struct slot *s = &e->slots[i];

		if (s->state != SLOT_READY)
			continue;
		if (e->device.data.in_flight * 2 + 2 > e->device.data.size)
			break;
		post(e, s);
		n++;
	}
	if (n && virtqueue_publish(&e->device.data) &&
	    device_notify(&e->device, &e->device.data))
		fail(e, "its doorbell is gone");
	return n;
}

/* ------------------------------------------------------------------ answers */

/* A status that is no answer, or an answer that was not written. */
static const char *what_is_wrong(const struct slot *s, uint8_t status,
				 uint32_t len)
{
	uint32_t room = s->len + 1;

	if (distrusts(len > room))
		return "it says that it wrote more than it may";
	if (distrusts(status == CRYPTO_UNANSWERED))
		return "it ended a request without a status";
	if (status != VIRTIO_CRYPTO_OK)
		return NULL;
	if (distrusts(len < room))
		return "it says that it wrote less than it has to";
	if (distrusts(is_untouched(s)))
		return "it ended a request well and wrote no answer";
	return NULL;
}

static bool is_overrun(const struct slot *s)
{
	for (size_t i = 0; i < CANARY / 8; i++)
		if (memcmp(s->answer.mem + s->len + 1 + 8 * i, &s->poison, 8))
			return true;
	return false;
}

/* It came back: on to the next step, or to its end. */
static void settle(struct engine *e, struct slot *s, uint8_t status)
{
	struct work *w = &s->work;

	if (status == VIRTIO_CRYPTO_OK) {
		if (w->kind->take(w, s->answer.mem))
			s->state = SLOT_READY;
		else
			end_slot(e, s, UKCF_DONE);
		return;
	}
	if (w->kind->refused && w->kind->refused(w, status)) {
		end_slot(e, s, UKCF_DONE);
		return;
	}
	if (status == VIRTIO_CRYPTO_INVSESS)
		fail(e, "it does not know a session that it made");
	end_slot(e, s, UKCF_RETRY_ELSEWHERE);
}

static void come_back(struct engine *e, struct slot *s, uint32_t len)
{
	uint8_t status = order_load8(s->answer.mem + s->len);
	const char *wrong = what_is_wrong(s, status, len);

	e->out--;
	if (!wrong && distrusts(is_overrun(s)))
		wrong = "it wrote behind an answer";
	if (!wrong) {
		settle(e, s, status);
		return;
	}
	fail(e, wrong);
	end_slot(e, s, UKCF_RETRY_ELSEWHERE);
}

static unsigned int collect(struct engine *e)
{
	unsigned int n = 0;
	uint32_t len;
	uint16_t i;
	int got;

	while (!e->trouble &&
	       (got = virtqueue_take(&e->device.data, &i, &len)) != 0) {
		if (got < 0 || distrusts(i >= e->settings.depth ||
					 e->slots[i].state != SLOT_OUT)) {
			fail(e, "it ended a request that it does not have");
			break;
		}
		come_back(e, &e->slots[i], len);
		n++;
	}
	return n;
}

/* ----------------------------------------------------------------- sessions */

static bool ctrl_post(struct engine *e, size_t n, size_t answer)
{
	memset(e->ctrl_answer.mem, CRYPTO_UNANSWERED, answer);
	virtqueue_post(&e->device.ctrl, 0, e->ctrl_ask.iova, (uint32_t)n,
		       e->ctrl_answer.iova, (uint32_t)answer);
	e->ctrl_deadline_ns = deadline(e);
	if (virtqueue_publish(&e->device.ctrl) &&
	    device_notify(&e->device, &e->device.ctrl)) {
		fail(e, "its doorbell is gone");
		return false;
	}
	return true;
}

/* Who has its key? */
static const struct slot *waits_for(const struct engine *e,
				    const struct session *s)
{
	for (unsigned int i = 0; i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_WAITS &&
		    e->slots[i].session == s)
			return &e->slots[i];
	return NULL;
}

static void create(struct engine *e, struct session *s)
{
	const struct slot *w = waits_for(e, s);
	size_t n;

	if (!w) {
		s->state = SESSION_FREE;
		return;
	}
	n = crypto_create(e->ctrl_ask.mem, s->kind, w->work.key);
	s->state = SESSION_MAKING;
	e->ctrl_session = s;
	e->ctrl = CTRL_CREATES;
	ctrl_post(e, n, sizeof(struct virtio_crypto_session_input));
}

static void destroy(struct engine *e, struct session *s)
{
	size_t n = crypto_destroy(e->ctrl_ask.mem, s->kind, s->id);

	s->state = SESSION_ENDING;
	e->ctrl_session = s;
	e->ctrl = CTRL_DESTROYS;
	ctrl_post(e, n, sizeof(struct virtio_crypto_inhdr));
}

/* Those that wait for it go on, or elsewhere. */
static void let_go(struct engine *e, struct session *s, bool made)
{
	for (unsigned int i = 0; i < e->settings.depth; i++) {
		struct slot *w = &e->slots[i];

		if (w->state != SLOT_WAITS || w->session != s)
			continue;
		if (made)
			w->state = SLOT_READY;
		else
			end_slot(e, w, UKCF_RETRY_ELSEWHERE);
	}
}

static void created(struct engine *e, struct session *s)
{
	struct virtio_crypto_session_input in;
	uint32_t status;

	memcpy(&in, e->ctrl_answer.mem, sizeof(in));
	status = le32toh(in.status);
	if (status == VIRTIO_CRYPTO_OK) {
		if (session_made(&e->sessions, s, le64toh(in.session_id)) < 0)
			fail(e, "it gave two sessions one id");
		else
			let_go(e, s, true);
		return;
	}
	if (status == UINT32_MAX)
		fail(e, "it ended a control request without a status");
	let_go(e, s, false);
	s->state = SESSION_FREE;
}

/* The key's page holds it until the device has answered, and not longer. */
static void ctrl_end(struct engine *e)
{
	struct session *s = e->ctrl_session;
	enum ctrl_state was = e->ctrl;

	explicit_bzero(e->ctrl_ask.mem, CRYPTO_CTRL_MAX);
	e->ctrl = CTRL_IDLE;
	e->ctrl_session = NULL;
	if (was == CTRL_CREATES)
		created(e, s);
	else if (*e->ctrl_answer.mem != VIRTIO_CRYPTO_OK)
		fail(e, "it keeps a session that has to go");
	else
		*s = (struct session){ .state = SESSION_FREE };
}

static unsigned int collect_ctrl(struct engine *e)
{
	uint32_t len;
	uint16_t i;
	int got = virtqueue_take(&e->device.ctrl, &i, &len);

	if (got == 0)
		return 0;
	if (got < 0 || distrusts(e->ctrl == CTRL_IDLE)) {
		fail(e, "it ended a control request that it does not have");
		return 0;
	}
	ctrl_end(e);
	return 1;
}

static unsigned int next_ctrl(struct engine *e)
{
	struct session *s;

	if (e->ctrl != CTRL_IDLE || e->trouble)
		return 0;
	s = session_unwanted(&e->sessions);
	if (s) {
		destroy(e, s);
		return 1;
	}
	s = session_wanted(&e->sessions);
	if (!s)
		return 0;
	create(e, s);
	return 1;
}

/* A slot that has no session yet finds one, or asks for it. */
static void find_session(struct engine *e, struct slot *s)
{
	uint8_t digest[SHA256_BYTES];

	/* As the host has it: what it will say that ends. */
	session_digest(&e->sessions, s->work.job->key, digest);
	s->session = session_use(&e->sessions, s->work.session, digest);
	if (!s->session)
		return;
	s->state = s->session->state == SESSION_READY ? SLOT_READY :
							SLOT_WAITS;
}

static void find_sessions(struct engine *e)
{
	for (unsigned int i = 0; e->busy && i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_NEEDS)
			find_session(e, &e->slots[i]);
}

static void read_mail(struct engine *e)
{
	if (!order_own_exchange(&e->has_mail, 0))
		return;
	for (unsigned int i = 0; i < MAILBOXES; i++) {
		struct mailbox *m = &e->mail[i];

		if (order_own_load(&m->state) != MAIL_SENT)
			continue;
		session_forget(&e->sessions, m->digest);
		order_own_store(&m->state, MAIL_EMPTY);
	}
	if (order_own_exchange(&e->mail_overflow, 0))
		session_forget_all(&e->sessions);
}

/* ----------------------------------------------------------------- arrivals */

static void admit(struct engine *e, struct ukcf_job *job)
{
	struct slot *s = e->slots;
	enum ukcf_status status;

	while (s->state != SLOT_FREE)
		s++; /* there is one: held is bounded by the depth */
	status = work_begin(&s->work, job, e->settings.buffer);
	if (status != UKCF_QUEUED) {
		work_wipe(&s->work);
		give_back(e, job, status);
		return;
	}
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
		fail(e, "a control request did not come back in time");
	for (unsigned int i = 0; e->out && i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_OUT &&
		    turn >= e->slots[i].deadline_ns)
			fail(e, "a request did not come back in time");
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

static bool must_stop(struct engine *e)
{
	bool stopping;

	pthread_mutex_lock(&e->lock);
	stopping = e->stopping;
	pthread_mutex_unlock(&e->lock);
	return stopping;
}

/* The interrupts that say that something is wrong. */
static void look_at(struct engine *e, const struct pollfd *fds)
{
	int err = 0;

	if (fds[TRANSPORT_IRQ_GO].revents) {
		e->unplugged = !e->trouble;
		fail(e, "somebody wants the device back");
	}
	if (fds[TRANSPORT_IRQ_ERROR].revents)
		fail(e, "the bus reports an error of it");
	if (fds[TRANSPORT_IRQ_CONFIG].revents ||
	    (e->device.t->vectors < TRANSPORT_VECTORS &&
	     fds[TRANSPORT_IRQ_DATA].revents))
		err = device_look(&e->device);
	if (err)
		fail(e, err == -ENODEV ? "it has gone" : "it wants a reset");
}

/* ms: -1, until something comes */
static void sleep_ms(struct engine *e, int ms)
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
	order_own_exchange(&e->asleep, 1); /* pairs with wake_up() */
	news = virtqueue_irq_on(&e->device.data);
	news |= virtqueue_irq_on(&e->device.ctrl);
	if (!news && !has_news(e))
		sleep_ms(e, waits ? (int)e->settings.timeout_ms / 4 + 1 : -1);
	order_own_store(&e->asleep, 0);
	virtqueue_irq_off(&e->device.data);
	virtqueue_irq_off(&e->device.ctrl);
}

static void wake_up(struct engine *e)
{
	const uint64_t one = 1;

	if (order_own_exchange(&e->asleep, 0)) /* a full one wakes, too */
		(void)!write(e->wake, &one, sizeof(one));
}

/* ---------------------------------------------------------------- the thread */

/* What it had goes elsewhere; then it is closed, and reaches nothing any more.
 * The daemon hears of it first, so that nothing new comes. */
static void break_down(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->works = false;
	pthread_mutex_unlock(&e->lock);
	if (!order_own_load(&e->resetting)) {
		e->host->log(e->host->host, LOG_ERR, "device %s: %s",
			     e->address, e->trouble);
		e->host->notify(e->host->host, e->unplugged ?
						       UKCF_PROVIDER_ABSENT :
						       UKCF_PROVIDER_FAILED);
	}
	for (unsigned int i = 0; i < e->settings.depth; i++)
		if (e->slots[i].state != SLOT_FREE)
			end_slot(e, &e->slots[i], UKCF_RETRY_ELSEWHERE);
	admit_all(e);
	for (unsigned int i = 0; i < e->settings.depth; i++)
		if (e->slots[i].state != SLOT_FREE)
			end_slot(e, &e->slots[i], UKCF_RETRY_ELSEWHERE);
	e->device.t->ops->close(e->device.t);
	e->device.t = NULL;
}

static void *engine_main(void *arg)
{
	struct engine *e = arg;

	e->looked_ns = clock_now_ns();
	while (!e->trouble) {
		uint64_t turn = begin_turn(e);
		unsigned int n = admit_all(e);

		if (order_own_load(&e->resetting))
			fail(e, "it is reset");
		read_mail(e);
		n += collect_ctrl(e);
		n += collect(e);
		find_sessions(e);
		n += next_ctrl(e);
		n += post_ready(e);
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

/* ---------------------------------------------------------- up, down, reset */

/* Before the thread runs: one control request, to its end. */
static int ctrl_run(struct engine *e, size_t n, size_t answer)
{
	uint32_t len;
	uint16_t i;
	int got = 0;

	if (!ctrl_post(e, n, answer))
		return -EIO;
	while ((got = virtqueue_take(&e->device.ctrl, &i, &len)) == 0) {
		if (clock_now_ns() >= e->ctrl_deadline_ns)
			return -ETIMEDOUT;
		if (!virtqueue_irq_on(&e->device.ctrl))
			sleep_ms(e, 10);
		if (e->trouble)
			return -EIO;
	}
	return got < 0 ? got : 0;
}

/* Sessions of before, this daemon's or another driver's, hold keys, and nothing
 * else ends them.  Of those that there are not the device says so. */
static int end_stale_sessions(struct engine *e)
{
	const struct session_kind kind = {
		.service = VIRTIO_CRYPTO_SERVICE_CIPHER,
	};
	int err = 0;

	for (uint64_t id = 0; id < STALE_SESSIONS && !err; id++)
		err = ctrl_run(e, crypto_destroy(e->ctrl_ask.mem, kind, id),
			       sizeof(struct virtio_crypto_inhdr));
	return err;
}

static void forget_state(struct engine *e)
{
	pool_wipe(&e->read);
	pool_wipe(&e->write);
	pool_wipe(&e->key);
	e->out = e->busy = 0;
	e->ctrl = CTRL_IDLE;
	e->ctrl_session = NULL;
	e->trouble = NULL;
	e->unplugged = false;
	session_table_clear(&e->sessions);
}

static int map_pools(struct engine *e)
{
	int err = pool_map(&e->read, e->device.t);

	if (!err)
		err = pool_map(&e->write, e->device.t);
	if (!err)
		err = pool_map(&e->key, e->device.t);
	if (err)
		e->host->log(e->host->host, LOG_ERR,
			     "device %s: %zu bytes cannot be mapped for it "
			     "(RLIMIT_MEMLOCK?): %s",
			     e->address,
			     e->read.size + e->write.size + e->key.size,
			     strerror(-err));
	return err;
}

static int bring_up(struct engine *e)
{
	int err = map_pools(e);

	if (!err)
		err = device_up(&e->device);
	if (!err) {
		err = end_stale_sessions(e);
		if (err)
			e->host->log(e->host->host, LOG_ERR,
				     "device %s: its sessions: %s", e->address,
				     e->trouble ? e->trouble : strerror(-err));
	}
	return err;
}

static int go_up(struct engine *e)
{
	int err;

	forget_state(e);
	err = e->settings.kind->open(e->host, e->address, &e->device.t);
	if (err)
		return err;
	err = bring_up(e);
	pthread_mutex_lock(&e->lock);
	e->stopping = false;
	e->works = !err;
	pthread_mutex_unlock(&e->lock);
	if (!err)
		err = -pthread_create(&e->thread, NULL, engine_main, e);
	e->has_thread = !err;
	if (err) {
		e->works = false;
		e->device.t->ops->close(e->device.t);
		e->device.t = NULL;
	}
	return err;
}

/* The thread ends by itself when the device is in trouble. */
static void go_down(struct engine *e)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	e->works = false;
	pthread_mutex_unlock(&e->lock);
	if (e->has_thread) {
		/* A full one wakes, too. */
		(void)!write(e->wake, &one, sizeof(one));
		pthread_join(e->thread, NULL);
		e->has_thread = false;
	}
	if (!e->device.t)
		return;
	if (end_stale_sessions(e) || device_reset(&e->device))
		e->host->log(e->host->host, LOG_ERR,
			     "device %s: it does not end in good order",
			     e->address);
	e->device.t->ops->close(e->device.t);
	e->device.t = NULL;
}

int engine_reset(struct engine *e)
{
	order_own_store(&e->resetting, 1);
	go_down(e);
	order_own_store(&e->resetting, 0);
	return go_up(e);
}

/* ------------------------------------------------------------------- memory */

static size_t round_up(size_t n)
{
	return (n + 63) / 64 * 64;
}

static int make_pools(struct engine *e)
{
	const uint32_t depth = e->settings.depth, room = e->settings.buffer;
	size_t ask = round_up(CRYPTO_DATA_HEAD + CRYPTO_IV + room);
	size_t answer = round_up(room + 1 + CANARY);
	int err = pool_init(&e->read, 2 * VIRTQUEUE_READ_BYTES + depth * ask,
			    IOVA_READ, false);

	if (!err)
		err = pool_init(&e->write, 2 * VIRTQUEUE_WRITE_BYTES + PAGE +
						   depth * answer,
				IOVA_WRITE, true);
	if (!err)
		err = pool_init(&e->key, PAGE, IOVA_KEY, false);
	if (err)
		return err;
	virtqueue_init(&e->device.data, &e->read, &e->write);
	virtqueue_init(&e->device.ctrl, &e->read, &e->write);
	e->ctrl_ask = pool_take(&e->key, CRYPTO_CTRL_MAX, 64);
	e->ctrl_answer = pool_take(&e->write, PAGE, PAGE);
	for (unsigned int i = 0; i < depth; i++) {
		e->slots[i].ask = pool_take(&e->read, ask, 64);
		e->slots[i].answer = pool_take(&e->write, answer, 64);
	}
	return 0;
}

static void release(struct engine *e)
{
	pool_deinit(&e->read);
	pool_deinit(&e->write);
	pool_deinit(&e->key);
	if (e->wake >= 0)
		close(e->wake);
	pthread_cond_destroy(&e->ran);
	pthread_mutex_destroy(&e->lock);
	explicit_bzero(e, sizeof(*e));
	free(e);
}

int engine_new(const struct ukcf_host *host, const struct engine_settings *s,
	       struct engine **ep)
{
	struct engine *e = calloc(1, sizeof(*e));
	int err = 0;

	if (!e)
		return -ENOMEM;
	e->host = e->device.host = host;
	e->settings = *s;
	strncpy(e->address, s->address, sizeof(e->address) - 1);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->ran, NULL);
	e->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->wake < 0 ||
	    getrandom(&e->random, sizeof(e->random), 0) != sizeof(e->random))
		err = -EIO;
	e->random |= 1;
	if (!err)
		err = session_table_init(&e->sessions);
	if (!err)
		err = make_pools(e);
	if (err)
		host->log(host->host, LOG_ERR,
			  "memory for the device cannot be locked: see "
			  "RLIMIT_MEMLOCK, or smaller depth and buffer_kib");
	if (!err)
		err = go_up(e);
	if (err)
		release(e);
	else
		*ep = e;
	return err;
}

void engine_free(struct engine *e)
{
	go_down(e);
	release(e);
}

/* --------------------------------------------------------------- from others */

enum ukcf_status engine_submit(struct engine *e, struct ukcf_job *job)
{
	enum ukcf_status status = UKCF_QUEUED;

	pthread_mutex_lock(&e->lock);
	if (!e->works) {
		status = UKCF_FAILED;
	} else if (e->held >= e->settings.depth) {
		status = UKCF_BUSY;
	} else {
		e->held++;
		e->arrivals[e->waiting] = job;
		order_own_store(&e->waiting, e->waiting + 1);
	}
	pthread_mutex_unlock(&e->lock);
	if (status == UKCF_QUEUED)
		wake_up(e);
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

void engine_forget(struct engine *e, struct ukcf_bytes key)
{
	bool sent = false;

	if (!key.len)
		return;
	for (unsigned int i = 0; i < MAILBOXES && !sent; i++) {
		struct mailbox *m = &e->mail[i];

		if (!order_own_change(&m->state, MAIL_EMPTY, MAIL_WRITTEN))
			continue;
		session_digest(&e->sessions, key, m->digest);
		order_own_store(&m->state, MAIL_SENT);
		sent = true;
	}
	if (!sent)
		order_own_store(&e->mail_overflow, 1);
	order_own_store(&e->has_mail, 1);
	wake_up(e);
}

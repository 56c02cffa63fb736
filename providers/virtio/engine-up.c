/* SPDX-License-Identifier: MIT */
/*
 * Life and death: memory, the device opened and brought up, closed, and both
 * again for a reset.
 */
#include "providers/virtio/engine-parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "providers/virtio/clock.h"
#include "providers/virtio/order.h"

#define LOG_ERR 3
#define STALE_SESSIONS 256u /* QEMU's, which outlive every reset */

/* Below VT-d's 39 bits, and below the interrupt range at 0xfee00000. */
#define IOVA_READ UINT64_C(0x40000000)
#define IOVA_WRITE UINT64_C(0x60000000)
#define IOVA_KEY UINT64_C(0x80000000)

/* ---------------------------------------------------------- up, down, reset */

/* Before the thread runs: one control request, to its end. */
static int ctrl_run(struct engine *e, size_t n, size_t answer)
{
	uint32_t len;
	uint16_t i;
	int got = 0;

	if (!engine_ctrl_post(e, n, answer))
		return -EIO;
	while ((got = virtqueue_take(&e->device.ctrl, &i, &len)) == 0) {
		if (clock_now_ns() >= e->ctrl_deadline_ns)
			return -ETIMEDOUT;
		if (!virtqueue_irq_on(&e->device.ctrl))
			engine_sleep_ms(e, 10);
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

static void wipe_pools(struct engine *e)
{
	pool_wipe(&e->read);
	pool_wipe(&e->write);
	pool_wipe(&e->key);
}

static void forget_state(struct engine *e)
{
	wipe_pools(e);
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

/* Only now is what it saw nobody's: a key that it had not answered for, and what
 * it wrote after its jobs had gone elsewhere.  It may stay out for long. */
void engine_close(struct engine *e)
{
	share_device(&e->shares, NULL);
	e->device.t->ops->close(e->device.t);
	e->device.t = NULL;
	wipe_pools(e);
}

static int go_up(struct engine *e)
{
	int err;

	forget_state(e);
	err = e->settings.kind->open(e->host, e->address, &e->device.t);
	if (err)
		return err;
	err = bring_up(e);
	if (!err)
		share_device(&e->shares, e->device.t);
	pthread_mutex_lock(&e->lock);
	e->stopping = false;
	e->works = !err;
	pthread_mutex_unlock(&e->lock);
	if (!err)
		err = -pthread_create(&e->thread, NULL, engine_main, e);
	e->has_thread = !err;
	if (err) {
		e->works = false;
		engine_close(e);
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
	engine_close(e);
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
	size_t answer = round_up(room + 1 + ENGINE_CANARY);
	int err = pool_init(&e->read, 2 * VIRTQUEUE_READ_BYTES + depth * ask,
			    IOVA_READ, false);

	if (!err)
		err = pool_init(&e->write,
				2 * VIRTQUEUE_WRITE_BYTES + ENGINE_PAGE +
					depth * answer,
				IOVA_WRITE, true);
	if (!err)
		err = pool_init(&e->key, ENGINE_PAGE, IOVA_KEY, false);
	if (err)
		return err;
	virtqueue_init(&e->device.data, &e->read, &e->write);
	virtqueue_init(&e->device.ctrl, &e->read, &e->write);
	e->ctrl_ask = pool_take(&e->key, CRYPTO_CTRL_MAX, 64);
	e->ctrl_answer = pool_take(&e->write, ENGINE_PAGE, ENGINE_PAGE);
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
	share_deinit(&e->shares);
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
	share_init(&e->shares);
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

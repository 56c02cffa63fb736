/* SPDX-License-Identifier: MIT */
/*
 * A submission entry is read once: the slots of a ring lie on a closed page
 * while the daemon takes, judges and answers each entry.  Only the generation
 * word, which it polls, may be read more often; of the next slot nothing else
 * is read.
 *
 * The ring is the daemon's, without its threads: this program stands for the
 * service thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/api/memfd.h"
#include "daemon/api/ring.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/service.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/trace/trace.h"

#define ORDER 5u /* a page of slots */
#define SLOTS (1u << ORDER)
#define SLOT sizeof(struct ukcf_sqe)
#define GEN sizeof(uint32_t)

/* The linker sends the daemon's calls here (--wrap). */
void *__real_memfd_map(int fd, uint64_t size, enum memfd_writer writer);
void *__wrap_memfd_map(int fd, uint64_t size, enum memfd_writer writer);
void __wrap_service_attach(struct ring *r);

static void *mapped; /* the daemon's view of the SQ half */

void *__wrap_memfd_map(int fd, uint64_t size, enum memfd_writer writer)
{
	void *p = __real_memfd_map(fd, size, writer);

	if (writer == MEMFD_CONSUMER_WRITES)
		mapped = p;
	return p;
}

void __wrap_service_attach(struct ring *r)
{
	(void)r;
}

/* ---------------------------------------------------------------- fixture */

static struct consumer consumer = { .magic = CONSUMER_MAGIC, .refs = 1,
				    .serial = 1, .pidfd = -1,
				    .control_fd = -1, .doorbell_fd = -1,
				    .notify_fd = -1 };
static struct ring *ring;
static struct ukcf_sq_head *sq; /* the consumer's view */
static struct ukcf_sqe *sqes;
static uint64_t tail; /* entries made */

static void must(const char *what, int err)
{
	if (err)
		check_bail("%s: %s", what, strerror(-err));
}

static void set_up(void)
{
	bool taken_over;
	int fds[2];
	void *p;

	clock_init();
	must("mechanisms", mech_init());
	must("recovery", recovery_open(-1, &taken_over));
	must("keys", keystore_open(-1, 10));
	must("rings", ring_init());
	must("ring", ring_create(&consumer, ORDER, 1, &ring, fds));
	p = mmap(NULL, ring_sq_size(ring), PROT_READ | PROT_WRITE, MAP_SHARED,
		 fds[0], 0);
	if (p == MAP_FAILED)
		must("mmap", -errno);
	memset(p, 0, ring_sq_size(ring));
	sq = p;
	sqes = (void *)((uint8_t *)p + UKCF_RING_SLOTS);
	must("ready", ring_ready(ring));
	close(fds[0]);
	close(fds[1]);
	trace_init((uint8_t *)mapped + UKCF_RING_SLOTS, SLOTS * SLOT);
}

/* Every kind of entry: sensible ones, and any bytes. */
static void make_entry(struct rng *rng, struct ukcf_sqe *e)
{
	memset(e, 0, sizeof(*e));
	switch (rng_below(rng, 3)) {
	case 0:
		break; /* NOP */
	case 1:
		e->op = (uint8_t)rng_below(rng, UKCF_OP_LAST);
		e->mech[0] = UKCF_MECH_SHA2_256;
		e->in.len = (uint32_t)rng_below(rng, 100);
		e->out.len = 32;
		break;
	default:
		rng_fill(rng, e, sizeof(*e));
		break;
	}
	e->user_data = tail;
}

static void submit(const struct ukcf_sqe *e)
{
	struct ukcf_sqe *slot = &sqes[tail % SLOTS];

	memcpy((uint8_t *)slot + GEN, (const uint8_t *)e + GEN, SLOT - GEN);
	store_release_u32(&slot->gen, ring_gen_sqe(tail, ORDER));
	store_release_u32(&sq->tail, (uint32_t)++tail);
}

/* --------------------------------------------------------------- one entry */

/* As a service thread does.  Return: whether the copy is what was sent. */
static bool serve_one(const struct ukcf_sqe *sent)
{
	unsigned int detail = UKCF_DETAIL_NONE;
	struct request *req;
	bool same;
	int err;

	if (!ring_has_entry(ring))
		return false;
	req = ring_take(ring, clock_ticks());
	if (!req)
		return false;
	same = memcmp((const uint8_t *)&req->entry->sqe + GEN,
		      (const uint8_t *)sent + GEN, SLOT - GEN) == 0;
	err = decode_request(req, ring_consumer(ring), &detail);
	req->refused = err != 0;
	ring_no_ack(req);
	if (ring_keep_event(req))
		ring_drop_event(ring);
	request_result(req, err, detail);
	ring_post(req);
	ring_flush(ring);
	ring_has_entry(ring); /* the poll for the next one */
	return same;
}

static const char *judge(size_t slot, const char *trouble)
{
	const struct trace_range ranges[] = {
		{ .off = slot * SLOT, .len = SLOT, .n_often = GEN },
		{ .off = (slot + 1) % SLOTS * SLOT, .len = GEN,
		  .n_often = GEN },
	};
	bool touched;
	const char *wrong = trace_judge(ranges, 2, &touched);

	return trouble ? trouble : wrong;
}

static bool take(const struct ukcf_sqe *sent, size_t slot)
{
	const char *wrong;
	bool same;

	trace_start();
	same = serve_one(sent);
	wrong = judge(slot, trace_stop());
	if (same && !wrong)
		return true;
	check(false, "entry %llu, operation %u: %s",
	      (unsigned long long)(tail - 1), sent->op,
	      wrong ? wrong : "the copy differs");
	return false;
}

/* n entries published together, then taken. */
static bool burst(struct rng *rng, unsigned int n)
{
	struct ukcf_sqe sent[SLOTS];
	uint64_t first = tail;
	bool ok = true;

	for (unsigned int i = 0; i < n; i++) {
		make_entry(rng, &sent[i]);
		submit(&sent[i]);
	}
	if (!ring_cq_acquire(ring))
		check_bail("the CQ has another owner");
	for (unsigned int i = 0; i < n && ok; i++)
		ok = take(&sent[i], (first + i) % SLOTS);
	ring_cq_release(ring);
	ring_publish_head(ring);
	store_release_u32(&sq->cq_head, (uint32_t)tail);
	return ok;
}

/* Going to sleep, and being woken by an entry that came meanwhile. */
static bool arm(bool entry)
{
	const struct trace_range gen = {
		.off = tail % SLOTS * SLOT, .len = GEN, .n_often = GEN };
	const char *trouble, *wrong;
	bool armed, touched;

	if (entry)
		submit(&(struct ukcf_sqe){ .op = UKCF_OP_NOP });
	trace_start();
	armed = ring_arm(ring);
	trouble = trace_stop();
	wrong = trace_judge(&gen, 1, &touched);
	if (!check(!trouble && !wrong && armed != entry,
		   "arming reads a generation word only, %s an entry%s%s",
		   entry ? "finds" : "without",
		   wrong ? ": " : "", wrong ? wrong : ""))
		return false;
	return true;
}

/* --------------------------------------------------------------- controls */

/* The careless copy: judged in the slot, then copied. */
static __attribute__((noinline)) void
copy_after_a_look(struct ukcf_sqe *to, const struct ukcf_sqe *slot)
{
	const volatile uint8_t *op = &slot->op;

	if (*op < UKCF_OP_LAST)
		ring_copy_sqe(to, slot);
}

static __attribute__((noinline)) void
copy_but_the_end(struct ukcf_sqe *to, const struct ukcf_sqe *slot)
{
	const volatile uint64_t *from = (const volatile uint64_t *)slot;
	uint64_t *d = (uint64_t *)to;

	for (unsigned int i = 0; i < SLOT / 8 - 1; i++)
		d[i] = from[i];
}

static void plain_copy(struct ukcf_sqe *to, const struct ukcf_sqe *slot)
{
	ring_copy_sqe(to, slot);
}

static void control(const char *what,
		    void (*copy)(struct ukcf_sqe *, const struct ukcf_sqe *),
		    const char *finding)
{
	struct ukcf_sqe to;
	const char *wrong;

	trace_start();
	copy(&to, (const struct ukcf_sqe *)(const void *)trace_base());
	wrong = judge(0, trace_stop());
	if (finding)
		check(wrong && strstr(wrong, finding),
		      "control: %s is found: %s", what,
		      wrong ? wrong : "nothing");
	else
		check(!wrong, "control: %s reads each byte once%s%s", what,
		      wrong ? ": " : "", wrong ? wrong : "");
}

int main(void)
{
	const unsigned int bursts = (unsigned int)scaled(300, 20000);
	const char *why = trace_unavailable();
	unsigned int n = 0;
	struct rng rng;

	if (!why && sysconf(_SC_PAGESIZE) != (long)(SLOTS * SLOT))
		why = "the pages here are not of 4096 bytes";
	if (why)
		check_skip("%s", why);
	rng_init(&rng, 0);
	set_up();
	control("ring_copy_sqe()", plain_copy, NULL);
	control("a copy after a look at op", copy_after_a_look,
		"reads byte 4 of 128 twice");
	control("a copy of all but the end", copy_but_the_end,
		"does not read byte 120");
	while (n < bursts &&
	       burst(&rng, 1 + (unsigned int)rng_below(&rng, SLOTS)))
		n++;
	check(n == bursts, "%llu entries were read once each, their "
	      "generation words apart", (unsigned long long)tail);
	if (arm(false))
		arm(true);
	return check_done();
}

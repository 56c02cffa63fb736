/* SPDX-License-Identifier: MIT */
/*
 * Pretend hardware and its troubles.  Under a daemon with sodium, nullhw and
 * nullhw2, whose jobs are lost after 300 ms (450-device.sh):
 *
 *	device cases	one trouble after the other, each observed
 *	device evicted	what waits for a device that breaks; jobs are not lost
 *	device storm	troubles at random under load: every request ends once,
 *			with the right answer or with an error that it may have
 *	device traffic	likewise while providers are drained, unloaded, loaded
 *			and tested; also with openssl
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "lib/shared/ring-ops.h"
#include "tests/support/change.h"
#include "tests/support/check.h"
#include "tests/support/entry.h"
#include "tests/support/probe.h"
#include "tests/support/provider.h"
#include "tools/admin.h"

#define ENTRIES 64
#define CONSUMERS 8
#define LEN 512
#define TROUBLE 1000 /* requests that one may last */
#define WAIT_NS (INT64_C(60000000000) * slowness())

static struct ukcf *conn;
static struct ukcf_ring *ring;
static struct ukcf_buffer *in, *out;
static uint8_t want[32];
static uint16_t hw, hw2;

static unsigned int state_of(uint16_t id)
{
	struct ukcf_page_provider rows[8];
	int n = ukcf_provider_list(conn, rows, 8);

	for (int i = 0; i < n; i++)
		if (rows[i].id == id)
			return rows[i].state;
	return UKCF_PROVIDER_ABSENT;
}

static void open_all(void)
{
	uint8_t *p;

	if (ukcf_connect(&conn, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_ring_open(conn, ENTRIES, &ring) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_INPUT, LEN, &in) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, 32 * ENTRIES, &out))
		check_bail("no ring");
	p = ukcf_buffer_data(in);
	for (unsigned int i = 0; i < LEN; i++)
		p[i] = (uint8_t)(i * 7 + (unsigned int)getpid());
	crypto_hash_sha256(want, p, LEN);
	hw = provider_named(conn, "nullhw");
	hw2 = provider_named(conn, "nullhw2");
}

static void must_tell(const char *provider, const char *word)
{
	if (tell_provider(provider, word))
		check_bail("%s: %s was refused", provider, word);
}

/* The digest of the input, into place user_data of the output. */
static struct ukcf_sqe digest(uint64_t user_data, uint16_t provider)
{
	struct ukcf_sqe s = { .user_data = user_data };

	if (ukcf_prep_digest(&s, UKCF_MECH_SHA2_256,
			     ukcf_buffer_span(in, 0, LEN),
			     ukcf_buffer_span(out, user_data % ENTRIES * 32,
					      32)))
		check_bail("prep");
	s.provider = provider;
	return s;
}

static struct ukcf_cqe result(void)
{
	struct ukcf_cqe c;

	do {
		c = entry_next(ring, WAIT_NS);
	} while ((c.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT);
	return c;
}

static bool is_right(const struct ukcf_cqe *c)
{
	const uint8_t *p = ukcf_buffer_data(out);

	return c->res == 32 &&
	       memcmp(p + c->user_data % ENTRIES * 32, want, 32) == 0;
}

static struct ukcf_cqe run(const struct ukcf_sqe *s)
{
	entry_submit(ring, s, 1);
	return result();
}

static bool comes_to(uint16_t id, unsigned int state)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;

	while (state_of(id) != state && clock_ns() < end)
		probe_pause();
	return state_of(id) == state;
}

static struct msg_queue queues[8];

/* Return: how many of them there are. */
static size_t ask_queues(void)
{
	const struct admin_call call = {
		.verb = MSG_ADMIN_QUEUES,
		.reply = queues, .reply_max = sizeof(queues),
		.row_len = sizeof(queues[0]),
	};
	int n = admin_ask(&call);

	return n > 0 ? (size_t)n / sizeof(queues[0]) : 0;
}

/* So many wait for it, and one is in it. */
static bool has_waiting(uint16_t id, uint32_t waiting)
{
	size_t n = ask_queues();

	for (size_t i = 0; i < n; i++)
		if (queues[i].id == id)
			return queues[i].in_flight == 1 &&
			       queues[i].waiting == waiting;
	return false;
}

static void await_waiting(uint16_t id, uint32_t waiting)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;

	while (!has_waiting(id, waiting))
		if (clock_ns() >= end)
			check_bail("%u do not wait for provider %u", waiting,
				   id);
		else
			probe_pause();
}

/* ------------------------------------------------------------------- cases */

static void performs(void)
{
	struct ukcf_sqe s = digest(1, hw);
	struct ukcf_cqe c = run(&s);

	check(is_right(&c) && c.provider == hw &&
		      (c.flags & UKCF_CQE_F_IRQCTX) &&
		      !(c.flags & UKCF_CQE_F_INLINE),
	      "async, hardware asked for by id: done there, in completion "
	      "context");
	s = digest(2, 0);
	s.subflags = UKCF_SUB_REQUIRE_HW;
	s.mode = UKCF_MODE_SYNC;
	c = run(&s);
	check(is_right(&c) && (c.provider == hw || c.provider == hw2) &&
		      c.u.t.service_ns > 0,
	      "sync, hardware required: done by one of them");
	s = digest(3, 0);
	c = run(&s);
	check(is_right(&c) && c.provider != hw && c.provider != hw2,
	      "no wish: software, which is predicted to be faster");
	s = digest(4, 0);
	s.mech[0] = UKCF_MECH_SHA2_512;
	s.out.len = 64;
	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	check(c.res == -EOPNOTSUPP && c.detail == UKCF_DETAIL_PROVIDER,
	      "hardware required where there is none: said so");
}

/* One in the device, two in its queue, no more. */
static void queue_of_its_own(void)
{
	struct ukcf_sqe s, cancel = { .user_data = 9 };
	unsigned int queued = 0, rejected = 0, space = 0;
	uint64_t last = 0;
	int64_t cancelled = 1, ended = 0;

	must_tell("nullhw", "hang=1");
	s = digest(1, hw);
	s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE;
	entry_submit(ring, &s, 1);
	ukcf_prep_notify_space(&cancel, hw, 2);
	entry_submit(ring, &cancel, 1);
	while (entry_next(ring, WAIT_NS).flags % 4 != UKCF_CQE_SPACE)
		; /* it is in the device now */
	for (unsigned int i = 2; i < 5; i++) {
		s = digest(i, hw);
		s.flags = UKCF_SQE_QUEUE | UKCF_SQE_WANT_HANDLE |
			  UKCF_SQE_NOTIFY_SPACE;
		entry_submit(ring, &s, 1);
	}
	while (queued + rejected < 3) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		if (c.flags % 4 == UKCF_CQE_QUEUED) {
			last = c.u.value;
			queued++;
		} else {
			rejected += c.res == -EAGAIN && c.provider == hw;
		}
	}
	check(queued == 2 && rejected == 1,
	      "a full hardware queue: %u found a place, %u got EAGAIN and its "
	      "name", queued, rejected);
	ukcf_prep_cancel(&cancel, last);
	cancel.user_data = 10;
	entry_submit(ring, &cancel, 1);
	while (cancelled == 1 || ended == 0 || !space) {
		struct ukcf_cqe c = entry_next(ring, WAIT_NS);

		space += c.flags % 4 == UKCF_CQE_SPACE && c.provider == hw;
		if (c.flags % 4 != UKCF_CQE_RESULT)
			continue;
		if (c.user_data == 10)
			cancelled = c.res;
		else if (c.res == -ECANCELED)
			ended = c.res;
	}
	check(cancelled == 0 && ended == -ECANCELED && space == 1,
	      "what waits for hardware can be cancelled, which makes room, "
	      "and who was rejected is told");
	must_tell("nullhw", "release");
	for (unsigned int n = 0; n < 2; n++) {
		struct ukcf_cqe c = result();

		check(is_right(&c), "request %llu is done after all",
		      (unsigned long long)c.user_data);
	}
}

/* What one cannot do, another does. */
static void failover(void)
{
	struct ukcf_sqe s = digest(1, 0);
	struct ukcf_cqe c;

	s.subflags = UKCF_SUB_REQUIRE_HW;
	must_tell("nullhw", "fail=1");
	must_tell("nullhw2", "fail=1");
	c = run(&s);
	check(c.res == -EIO && c.detail == UKCF_DETAIL_PROVIDER_FAILED,
	      "both devices fail, no other may: EIO");
	must_tell("nullhw", "calm");
	must_tell("nullhw2", "calm");
	must_tell("nullhw", "fail=1");
	for (unsigned int i = 0; i < 3; i++) {
		c = run(&s);
		check(is_right(&c), "one device fails: right, by provider %u",
		      c.provider);
	}
	must_tell("nullhw", "calm");
	must_tell("nullhw", "busy=3");
	s = digest(2, hw);
	c = run(&s);
	check(is_right(&c) && c.provider == hw,
	      "a busy device is asked again");
}

/* A job comes back when the ring of its request has gone.  That what it reads
 * then is still there is not seen here: libsodium reads it, which no sanitizer
 * watches. */
static void late_nonce(void)
{
	struct ukcf_sqe s = { 0 };
	const struct ukcf_span none = { 0 };
	const struct ukcf_cqe *c;
	struct ukcf_ring *other, *next;
	struct ukcf_buffer *room;
	struct ukcf_key k;
	int64_t res = 0;

	if (ukcf_ring_open(conn, 8, &other) ||
	    ukcf_buffer_alloc(conn, UKCF_BUFFER_OUTPUT, 4096, &room) ||
	    ukcf_key_generate(conn, NULL, UKCF_MECH_CHACHA20_POLY1305, 0, 0,
			      &k) ||
	    ukcf_prep_encrypt_nonce(other, &s, UKCF_MECH_CHACHA20_POLY1305, k,
				    none, ukcf_buffer_span(in, 0, LEN),
				    ukcf_buffer_span(room, 0, LEN + 28)))
		check_bail("no ring");
	must_tell("nullhw", "hang=1");
	s.provider = hw;
	s.timeout_us = 50000;
	if (ukcf_submit_sqes(other, &s, 1) != 1)
		check_bail("the ring is full");
	if (ukcf_wait_cqe(other, &c, WAIT_NS) == 0) {
		res = c->res;
		ukcf_cqe_seen(other);
	}
	ukcf_ring_close(other);
	/* Two more turns of who frees it. */
	if (ukcf_ring_open(conn, 8, &next) || ukcf_key_destroy(conn, k))
		check_bail("no ring");
	ukcf_ring_close(next);
	ukcf_buffer_free(room);
	must_tell("nullhw", "release");
	check(res == -ETIMEDOUT && comes_to(hw, UKCF_PROVIDER_READY),
	      "a job that is late for its ring: %lld", (long long)res);
}

static void hang(void)
{
	struct ukcf_sqe s = digest(1, 0);
	struct ukcf_cqe c;

	must_tell("nullhw", "hang=1");
	must_tell("nullhw2", "hang=1");
	s.subflags = UKCF_SUB_REQUIRE_HW;
	s.timeout_us = 100000;
	c = run(&s);
	check(c.res == -ETIMEDOUT, "a hung device and a short deadline: "
				   "ETIMEDOUT");
	check(state_of(hw) == UKCF_PROVIDER_READY &&
		      state_of(hw2) == UKCF_PROVIDER_READY,
	      "which does not take the device out");
	must_tell("nullhw", "release");
	must_tell("nullhw2", "release");
	must_tell("nullhw", "hang=1");
	must_tell("nullhw2", "calm");
	s = digest(2, hw);
	c = run(&s);
	check(c.res == -EIO, "a hung device that was asked for by id: EIO");
	check(comes_to(hw, UKCF_PROVIDER_READY), "it is reset, tested, and "
						 "works again");
	s = digest(3, hw);
	c = run(&s);
	check(is_right(&c) && c.provider == hw, "indeed");
}

/* The judge of all the others: it sees what is wrong. */
static void wrong_answer(void)
{
	struct ukcf_sqe s = digest(1, hw);
	struct ukcf_cqe c;

	must_tell("nullhw", "wrong=1");
	c = run(&s);
	check(c.res == 32 && !is_right(&c), "control: a wrong answer is seen");
	c = run(&s);
	check(is_right(&c), "control: and the next one is right");
}

static void vanish(void)
{
	struct ukcf_sqe s = digest(1, hw);
	struct ukcf_cqe c;

	must_tell("nullhw", "vanish");
	check(state_of(hw) == UKCF_PROVIDER_FAILED, "an unplugged device is "
						    "out at once");
	c = run(&s);
	check(c.res == -ENODEV, "asked for by id: ENODEV");
	s = digest(2, 0);
	s.subflags = UKCF_SUB_REQUIRE_HW;
	c = run(&s);
	check(is_right(&c) && c.provider == hw2, "the other one does it");
	must_tell("nullhw", "back");
	check(comes_to(hw, UKCF_PROVIDER_READY), "plugged in again, it comes "
						 "back by itself");
}

/* Those that wait for one that breaks were not begun: another does them.  Two
 * places in each queue, one job in each device, no limit that matters. */
static void evicted(void)
{
	unsigned int right = 0, lost_one = 0;

	must_tell("nullhw", "hang=1");
	must_tell("nullhw2", "hang=1");
	for (unsigned int i = 0; i < 6; i++) {
		struct ukcf_sqe s = digest(i, i < 2 ? (i ? hw2 : hw) : 0);

		s.flags = UKCF_SQE_QUEUE;
		s.subflags = i < 2 ? 0 : UKCF_SUB_REQUIRE_HW;
		entry_submit(ring, &s, 1);
		if (i < 2)
			await_waiting(s.provider, 0);
	}
	await_waiting(hw, 2);
	await_waiting(hw2, 2);
	must_tell("nullhw", "vanish");
	await_waiting(hw2, 4);
	must_tell("nullhw2", "release");
	for (unsigned int i = 0; i < 6; i++) {
		struct ukcf_cqe c = result();

		lost_one += c.user_data == 0 && c.res == -EIO;
		right += is_right(&c) && c.provider == hw2;
	}
	check(lost_one == 1 && right == 5,
	      "a device breaks: what waits for it is done by the other one, "
	      "%u of 5", right);
	must_tell("nullhw", "back");
	must_tell("nullhw", "release");
	check(comes_to(hw, UKCF_PROVIDER_READY), "and it comes back");
}

/* ------------------------------------------------------------------- storm */

static bool may_be_none; /* none may be loaded */

static bool may_end_so(const struct ukcf_cqe *c)
{
	/* Both out at a time: that may be said. */
	if (c->res == -EIO || c->res == -ENODEV)
		return true;
	return may_be_none && c->res == -EOPNOTSUPP &&
	       (c->detail == UKCF_DETAIL_PROVIDER ||
		c->detail == UKCF_DETAIL_NO_PROVIDER);
}

/* A consumer that keeps some in flight until told to stop. */
static int consumer(unsigned int index, const uint32_t *stop, uint64_t *done)
{
	uint64_t sent = 0, ended = 0, wrong = 0;
	struct rng rng;

	rng_init(&rng, index);
	open_all();
	while (!load_acquire_u32(stop) || ended < sent) {
		struct ukcf_cqe c;

		while (!load_acquire_u32(stop) && sent - ended < 8) {
			struct ukcf_sqe s = digest(sent, 0);

			if (rng_below(&rng, 4))
				s.subflags = UKCF_SUB_REQUIRE_HW;
			entry_submit(ring, &s, 1);
			sent++;
		}
		if (ended == sent)
			continue;
		c = result();
		ended++;
		store_relaxed_u64(done, ended);
		wrong += !is_right(&c) && !may_end_so(&c);
	}
	ukcf_disconnect(conn);
	return wrong ? 1 : 0;
}

/* Jobs that did not come back, of both. */
static uint64_t lost(void)
{
	size_t n = ask_queues();
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += queues[i].lost;
	return sum;
}

/* Under load a job comes that hangs, and is given up. */
static void lose_one(void)
{
	uint64_t end = clock_ns() + (uint64_t)WAIT_NS;

	must_tell("nullhw", "hang=1");
	while (lost() == 0 && clock_ns() < end)
		probe_pause();
}

static struct {
	uint32_t *stop;
	uint64_t *done; /* atomic: ended, by each consumer */
} load;

static void start_consumers(void)
{
	load.stop = shared_alloc(sizeof(*load.stop));
	load.done = shared_alloc(CONSUMERS * sizeof(*load.done));
	for (unsigned int i = 0; i < CONSUMERS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(consumer(i, load.stop, &load.done[i]));
		if (pid < 0)
			check_bail("fork: %m");
	}
}

static uint64_t ended(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < CONSUMERS; i++)
		sum += load_relaxed_u64(&load.done[i]);
	return sum;
}

/* A trouble lasts for so many requests of the load, or, where none comes
 * through, until jobs are given up and they go elsewhere. */
static void let_end(uint64_t n)
{
	uint64_t until = ended() + n, end = clock_ns() + (uint64_t)WAIT_NS;

	while (ended() < until && clock_ns() < end)
		probe_pause();
	if (ended() < until)
		check_bail("requests do not end any more");
}

static void end_consumers(const char *what, uint64_t n)
{
	unsigned int good = 0;
	uint64_t sum;
	int status;

	store_release_u32(load.stop, 1);
	while (wait(&status) > 0)
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	sum = ended();
	check(good == CONSUMERS && sum > n,
	      "%llu %s, %llu requests: each ended once, with the right "
	      "answer or an error that it may have (%u of %u consumers)",
	      (unsigned long long)n, what, (unsigned long long)sum, good,
	      CONSUMERS);
}

static void storm(void)
{
	static const char *const words[] = {
		"fail=1", "fail=20", "hang=1", "busy=50", "broken=1",
		"vanish", "jitter_us=300", "delay_us=100", "release",
	};
	uint64_t troubles = scaled(60, 1000);
	struct rng rng;

	rng_init(&rng, 99);
	start_consumers();
	lose_one();
	for (uint64_t i = 0; i < troubles; i++) {
		const char *who = rng_below(&rng, 2) ? "nullhw" : "nullhw2";
		const char *word = words[rng_below(&rng, sizeof(words) /
							 sizeof(words[0]))];

		must_tell(who, word);
		let_end(rng_below(&rng, TROUBLE));
		must_tell(who, "calm");
		must_tell(who, "back");
	}
	end_consumers("troubles", troubles);
	check(lost() > 0, "%llu jobs were lost on the way",
	      (unsigned long long)lost());
	open_all();
	must_tell("nullhw", "release");
	must_tell("nullhw2", "release");
	check(comes_to(hw, UKCF_PROVIDER_READY) &&
		      comes_to(hw2, UKCF_PROVIDER_READY),
	      "both devices are back in the end");
}

/* ------------------------------------------------------------------- liars */

/* Each answer of theirs is made once more by another: none that is wrong comes
 * through, and who gave it is out until it is tested. */
static void liars(void)
{
	uint64_t lies = scaled(30, 1000), found = 0;
	struct rng rng;

	rng_init(&rng, 5);
	open_all();
	start_consumers();
	for (uint64_t i = 0; i < lies; i++) {
		bool first = rng_below(&rng, 2);
		const char *who = first ? "nullhw" : "nullhw2";
		char word[16];

		snprintf(word, sizeof(word), "wrong=%llu",
			 1 + (unsigned long long)rng_below(&rng, 20));
		must_tell(who, word);
		let_end(1 + rng_below(&rng, TROUBLE));
		found += state_of(first ? hw : hw2) == UKCF_PROVIDER_FAILED;
		must_tell(who, "calm");
		change(MSG_CHANGE_TEST, who, "");
	}
	end_consumers("lies", lies);
	check(found > 0, "%llu times the liar was out",
	      (unsigned long long)found);
	check(comes_to(hw, UKCF_PROVIDER_READY) &&
		      comes_to(hw2, UKCF_PROVIDER_READY),
	      "tested again, both are back in the end");
}

/* ----------------------------------------------------------------- traffic */

static const char *const all[] = { "sodium", "openssl", "nullhw", "nullhw2" };

#define ALL (sizeof(all) / sizeof(all[0]))

/* Out and in again, or looked at; the hardware in trouble now and then.
 * Return: whether that went as it may. */
static bool one_change(struct rng *rng, const char *who)
{
	static const uint32_t ways_out[] = {
		MSG_CHANGE_UNLOAD, MSG_CHANGE_UNLOAD, MSG_CHANGE_DRAIN
	};
	bool hardware = strncmp(who, "nullhw", 6) == 0;
	int err;

	if (hardware && rng_below(rng, 3) == 0)
		tell_provider(who, rng_below(rng, 2) ? "hang=1" : "fail=3");
	if (rng_below(rng, 4) == 0) {
		err = change(MSG_CHANGE_TEST, who, "");
		return !err || hardware;
	}
	err = change(ways_out[rng_below(rng, 3)], who, "5");
	if (err)
		return err == -EBUSY && hardware; /* a job was lost */
	/* one that failed is tested first, and may fail that */
	return change(MSG_CHANGE_LOAD, who, "") == 0 || hardware;
}

static void traffic(void)
{
	uint64_t changes = scaled(100, 1000) / slowness(), odd = 0;
	bool ready = true;
	struct rng rng;

	rng_init(&rng, 7);
	may_be_none = true;
	start_consumers();
	for (uint64_t i = 0; i < changes; i++)
		odd += !one_change(&rng, all[rng_below(&rng, ALL)]);
	check(odd == 0, "%llu of them went as they may not",
	      (unsigned long long)odd);
	end_consumers("changes of providers", changes);
	open_all();
	for (unsigned int i = 0; i < ALL; i++) {
		tell_provider(all[i], "calm");
		tell_provider(all[i], "release");
		ready &= comes_to(provider_named(conn, all[i]), UKCF_PROVIDER_READY);
	}
	check(ready, "all of them are back in the end");
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		check_bail("libsodium cannot start");
	if (argc == 2 && !strcmp(argv[1], "cases")) {
		open_all();
		performs();
		queue_of_its_own();
		failover();
		late_nonce();
		hang();
		wrong_answer();
		vanish();
	} else if (argc == 2 && !strcmp(argv[1], "evicted")) {
		open_all();
		evicted();
	} else if (argc == 2 && !strcmp(argv[1], "storm")) {
		storm();
	} else if (argc == 2 && !strcmp(argv[1], "liars")) {
		liars();
	} else if (argc == 2 && !strcmp(argv[1], "traffic")) {
		traffic();
	} else {
		check_bail("usage: device cases | evicted | storm | liars | "
			   "traffic");
	}
	return check_done();
}

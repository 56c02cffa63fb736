/* SPDX-License-Identifier: MIT */
/* Attacks on the ring: entries, generations, header words, the doorbell. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/hostile/hc.h"
#include "tests/support/probe.h"

#define MS UINT64_C(1000000)
#define WORDS(type) (sizeof(type) / sizeof(uint32_t))

/* A thread that writes random values over words of shared memory. */
struct flipper {
	uint32_t *at;
	const uint8_t *skip; /* skip[i]: leave word i of each entry alone */
	size_t n, entry;     /* words in all, words per entry */
	struct rng rng;
	uint32_t stop;
	uint64_t writes;
	pthread_t th;
};

static void *flip(void *arg)
{
	struct flipper *f = arg;
	uint64_t i;

	while (!load_relaxed_u32(&f->stop)) {
		i = rng_below(&f->rng, f->n);
		if (f->skip && f->skip[i % f->entry])
			continue;
		store_relaxed_u32(&f->at[i], (uint32_t)rng_u64(&f->rng) >>
						     rng_below(&f->rng, 32));
		f->writes++;
	}
	return NULL;
}

static void flipper_start(struct flipper *f, struct hc *h, void *at,
			  size_t words, size_t entry, const uint8_t *skip)
{
	*f = (struct flipper){ .at = at, .n = words, .entry = entry,
			       .skip = skip, .rng = { rng_u64(&h->rng) } };
	if (pthread_create(&f->th, NULL, flip, f))
		hc_bail("no thread");
}

static void flipper_stop(struct flipper *f)
{
	store_relaxed_u32(&f->stop, 1);
	pthread_join(f->th, NULL);
}

static bool plausible(int64_t res)
{
	return res >= 0 || res >= -4095;
}

/* Every field of the entries but gen and user_data: each request is answered
 * once, with something. */
static void hc_01_fields(struct hc *h, uint64_t n)
{
	static const uint8_t skip[32] = { [0] = 1, [2] = 1, [3] = 1 };
	uint64_t sent = 0, got = 0;
	struct ukcf_sqe sqe;
	struct ukcf_cqe cqe;
	struct flipper f;
	struct hc_conn c;
	bool order = true;

	hc_open(&c, 5, 4096);
	flipper_start(&f, h, c.q.sqes, 32 * WORDS(struct ukcf_sqe),
		      WORDS(struct ukcf_sqe), skip);
	while (got < n) {
		sqe = raw_digest(sent, &c.in, 0, 64, &c.out, 0);
		while (sent < n && raw_submit(&c.q, &sqe) == 0)
			sqe.user_data = ++sent;
		if (raw_cqe(&c.q, &cqe, RAW_WAIT_MS)) {
			hc_want(false, "%llu of %llu were never answered",
				(unsigned long long)(n - got),
				(unsigned long long)n);
			break;
		}
		if ((cqe.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT)
			continue;
		got++;
		order &= cqe.user_data < n && plausible(cqe.res);
	}
	flipper_stop(&f);
	hc_want(order, "an answer names no request");
	hc_want(f.writes > n / 10, "only %llu words were flipped",
		(unsigned long long)f.writes);
	memset(c.q.sqes, 0, 32 * sizeof(struct ukcf_sqe));
	for (unsigned int i = 0; i < 16 && !raw_cqe(&c.q, &cqe, 0); i++)
		hc_want((cqe.flags & UKCF_CQE_KIND) != UKCF_CQE_RESULT,
			"an answer too many");
	hc_close(&c);
}

/* Everything, generations too: the daemon and the others go on. */
static void hc_01_all(struct hc *h, uint64_t ms)
{
	uint64_t end = clock_ns() + ms * MS;
	struct ukcf_sqe sqe;
	struct ukcf_cqe cqe;
	struct flipper f;
	struct hc_conn c;

	hc_open(&c, 5, 4096);
	flipper_start(&f, h, c.q.sqes, 32 * WORDS(struct ukcf_sqe), 1, NULL);
	while (clock_ns() < end) {
		sqe = raw_digest(1, &c.in, 0, 64, &c.out, 0);
		raw_submit(&c.q, &sqe);
		raw_kick(&c.r);
		while (raw_cqe(&c.q, &cqe, 0) == 0)
			;
	}
	flipper_stop(&f);
	hc_close(&c);
}

static void hc_01(struct hc *h)
{
	hc_01_fields(h, scaled(20000, 1000000));
	hc_01_all(h, scaled(1000, 20000));
	hc_fresh_works();
}

/* Reserved opcodes, flags and fields are refused, one by one. */
static void hc_02(struct hc *h)
{
	struct ukcf_sqe base, s;
	struct hc_conn c;
	int64_t res;

	(void)h;
	hc_open(&c, 4, 4096);
	base = raw_digest(7, &c.in, 0, 64, &c.out, 0);
	for (unsigned int op = 0; op < 256; op++) {
		if ((op <= UKCF_OP_RANDOM) ||
		    (op >= UKCF_OP_KEY_GENERATE && op <= UKCF_OP_KEY_NONCES))
			continue;
		s = base;
		s.op = (uint8_t)op;
		res = raw_do(&c.q, &s, NULL);
		hc_want(res == -EINVAL || res == -EOPNOTSUPP,
			"op %u gives %lld", op, (long long)res);
	}
	for (unsigned int bit = 0; bit < 16; bit++) {
		s = base;
		s.flags = (uint16_t)(1u << bit);
		res = raw_do(&c.q, &s, NULL);
		/* LINK: the next entry, which is refused, ends the chain */
		hc_want(s.flags & (UKCF_SQE_FLAGS | UKCF_SQE_LINK) ?
				res == 32 :
				res == -EINVAL,
			"flag %#x gives %lld", s.flags, (long long)res);
		s = base;
		s.subflags = (uint16_t)(1u << bit);
		res = raw_do(&c.q, &s, NULL);
		hc_want(res < 0, "subflag %#x gives %lld", s.subflags,
			(long long)res);
	}
	s = base;
	s.subflags = UKCF_SUB_IOV;
	hc_want(raw_do(&c.q, &s, NULL) == -EINVAL, "a list of spans");
	s = base;
	s.reserved[2] = 1;
	hc_want(raw_do(&c.q, &s, NULL) == -EINVAL, "reserved");
	s = base;
	s.link_src = 1;
	hc_want(raw_do(&c.q, &s, NULL) == -EINVAL, "link_src");
	s = base;
	s.link_dst = 1;
	hc_want(raw_do(&c.q, &s, NULL) == -EINVAL, "link_dst");
	s = base;
	s.mode = 2;
	hc_want(raw_do(&c.q, &s, NULL) == -EINVAL, "mode 2");
	s = base;
	s.param_len = UKCF_PARAM_MAX + 1;
	hc_want(raw_do(&c.q, &s, NULL) < 0, "param_len 25");
	s = base;
	s.provider = 64;
	hc_want(raw_do(&c.q, &s, NULL) < 0, "provider 64");
	hc_works(&c);
	hc_close(&c);
}

/* Indices go round: generations of CQEs wrap at 2^16 rounds. */
static void wraps(uint8_t order, uint64_t n)
{
	uint64_t sent = 0, got = 0;
	struct ukcf_cqe cqe;
	struct ukcf_sqe sqe;
	struct hc_conn c;

	hc_open(&c, order, 4096);
	while (got < n) {
		sqe = raw_nop(sent);
		while (sent < n && raw_submit(&c.q, &sqe) == 0)
			sqe.user_data = ++sent;
		if (raw_cqe(&c.q, &cqe, RAW_WAIT_MS)) {
			hc_want(false, "order %u stopped at %llu of %llu",
				order, (unsigned long long)got,
				(unsigned long long)n);
			break;
		}
		if (!hc_want(cqe.user_data == got && cqe.res == 0,
			     "order %u: answer %llu is %llu", order,
			     (unsigned long long)got,
			     (unsigned long long)cqe.user_data))
			break;
		got++;
	}
	hc_works(&c);
	hc_close(&c);
}

/* The tail is a hint and never a bound. */
static void random_tails(struct hc *h, uint64_t n)
{
	struct flipper f;
	struct hc_conn c;
	bool good = true;

	hc_open(&c, 4, 4096);
	flipper_start(&f, h, &c.q.sq->tail, 1, 1, NULL);
	for (uint64_t i = 0; good && i < n; i++)
		good = hc_works(&c);
	flipper_stop(&f);
	hc_close(&c);
}

static void random_gens(struct hc *h, uint64_t ms)
{
	static const uint8_t skip[32] = { 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					  1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					  1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	uint64_t end = clock_ns() + ms * MS;
	struct ukcf_cqe cqe;
	struct flipper f;
	struct hc_conn c;

	hc_open(&c, 6, 4096);
	flipper_start(&f, h, c.q.sqes, 64 * WORDS(struct ukcf_sqe),
		      WORDS(struct ukcf_sqe), skip);
	while (clock_ns() < end) {
		raw_kick(&c.r);
		while (raw_cqe(&c.q, &cqe, 0) == 0)
			hc_want(cqe.res <= 0, "a made-up entry gives %lld",
				(long long)cqe.res);
	}
	flipper_stop(&f);
	hc_close(&c);
}

static void hc_04(struct hc *h)
{
	wraps(1, scaled(300000, 3000000));
	wraps(7, scaled(300000, 100000000));
	random_tails(h, scaled(5000, 200000));
	random_gens(h, scaled(500, 10000));
	hc_fresh_works();
}

/* Whatever the header says, geometry is the daemon's own. */
static void hc_05(struct hc *h)
{
	uint64_t end = clock_ns() + scaled(1500, 20000) * MS;
	struct ukcf_sqe sqe;
	struct ukcf_cqe cqe;
	struct flipper f;
	struct hc_conn c;

	hc_open(&c, 4, 4096);
	flipper_start(&f, h, c.q.sq, sizeof(*c.q.sq) / 4, 1, NULL);
	while (clock_ns() < end) {
		sqe = raw_digest(5, &c.in, 0, 64, &c.out, 0);
		raw_submit(&c.q, &sqe);
		raw_kick(&c.r);
		while (raw_cqe(&c.q, &cqe, 0) == 0)
			;
	}
	flipper_stop(&f);
	hc_close(&c);
	hc_fresh_works();
}

/* CQEs are not reaped: the ring stalls, nothing is dropped, memory is flat. */
static void hc_10(struct hc *h)
{
	uint64_t end = clock_ns() + 20000 * MS;
	uint64_t sent = 0, got = 0, before;
	long rss = probe_rss_kb(h->daemon);
	struct ukcf_cqe cqe;
	struct ukcf_sqe sqe;
	struct hc_conn c;

	hc_open(&c, 6, 4096);
	while (clock_ns() < end) {
		sqe = raw_nop(sent);
		if (raw_submit(&c.q, &sqe) == 0)
			sent++;
		else if (load_relaxed_u32(&c.q.cq->flags) & UKCF_RING_STALLED)
			break;
	}
	hc_want(load_relaxed_u32(&c.q.cq->flags) & UKCF_RING_STALLED,
		"the ring does not say STALLED after %llu entries",
		(unsigned long long)sent);
	hc_want(sent <= (UINT64_C(3) << c.q.sq_order) * 2,
		"%llu entries were taken", (unsigned long long)sent);
	before = sent;
	hc_want(victim_progress(h->v, 500, 20000), "the victim waits too");
	sqe = raw_nop(sent);
	while (raw_submit(&c.q, &sqe) == 0)
		sqe = raw_nop(++sent);
	hc_want(sent - before <= 1u << c.q.sq_order, "the stall has no end");
	hc_want(probe_rss_kb(h->daemon) - rss < 8192,
		"the daemon grew from %ld to %ld KiB", rss,
		probe_rss_kb(h->daemon));
	while (got < sent && raw_cqe(&c.q, &cqe, RAW_WAIT_MS) == 0) {
		hc_want(cqe.user_data == got, "answer %llu is %llu",
			(unsigned long long)got,
			(unsigned long long)cqe.user_data);
		got++;
	}
	hc_want(got == sent, "%llu of %llu answered after reaping",
		(unsigned long long)got, (unsigned long long)sent);
	hc_works(&c);
	hc_close(&c);
}

static void hc_11(struct hc *h)
{
	uint64_t end = clock_ns() + scaled(1000, 20000) * MS;
	struct ukcf_sqe sqe;
	struct ukcf_cqe cqe;
	struct hc_conn c;

	hc_open(&c, 4, 4096);
	while (clock_ns() < end) {
		sqe = raw_nop(11);
		raw_submit(&c.q, &sqe);
		store_release_u32(&c.q.sq->cq_head,
				  (uint32_t)rng_u64(&h->rng) >>
					  rng_below(&h->rng, 32));
		raw_kick(&c.r);
		raw_cqe(&c.q, &cqe, 0);
	}
	hc_close(&c);
	hc_fresh_works();
}

static int storm(void *arg)
{
	uint64_t n = *(uint64_t *)arg;
	struct hc_conn c;

	hc_open(&c, 4, 4096);
	while (n--)
		raw_kick(&c.r);
	return hc_works(&c) ? 0 : 1;
}

/* Share of a core that the daemon uses while fn runs. */
static double daemon_share(struct hc *h, void (*fn)(struct hc *h, uint64_t n),
			   uint64_t n)
{
	uint64_t t0 = clock_ns(), cpu = probe_cpu_ns(h->daemon);

	fn(h, n);
	return (double)(probe_cpu_ns(h->daemon) - cpu) /
	       (double)(clock_ns() - t0);
}

static void no_storm(struct hc *h, uint64_t n)
{
	hc_want(victim_progress(h->v, n, 20000), "the victim stands still");
}

static void one_storm(struct hc *h, uint64_t n)
{
	(void)h;
	hc_want(storm(&n) == 0, "its ring does not serve after the storm");
}

static void four_storms(struct hc *h, uint64_t n)
{
	int status, bad = 0;

	for (unsigned int i = 0; i < 3; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(storm(&n));
		}
	bad += storm(&n) != 0;
	while (wait(&status) > 0)
		bad += status != 0;
	hc_want(bad == 0, "%d rings do not serve after the storm", bad);
	hc_want(victim_progress(h->v, 500, 20000), "the victim waits");
}

/* One storm leaves the daemon a processor, so that is where muting shows. */
static void hc_12(struct hc *h)
{
	uint64_t n = scaled(250000, 2500000);
	double idle, one, four;

	idle = daemon_share(h, no_storm, 2000);
	victim_reset(h->v);
	one = daemon_share(h, one_storm, 4 * n);
	four = daemon_share(h, four_storms, n);
	printf("#   daemon: %.1f %% of a core, %.1f %% in a storm, %.1f %% in "
	       "four\n", 100 * idle, 100 * one, 100 * four);
	hc_want(one < idle + 0.20,
		"a storm costs the daemon more than 20 %% of a core");
	hc_want(four < idle + 0.60,
		"four storms cost the daemon more than 60 %% of a core");
}

/* The doorbell full, drained, blocking: own harm only. */
static void hc_14(struct hc *h)
{
	uint64_t v = UINT64_MAX - 1;
	struct hc_conn c;
	ssize_t n;

	hc_open(&c, 4, 4096);
	n = write(c.r.doorbell, &v, sizeof(v));
	hc_want(n == sizeof(v) || errno == EAGAIN, "fill: %s",
		strerror(errno));
	victim_progress(h->v, 100, 10000);
	n = read(c.r.doorbell, &v, sizeof(v));
	hc_want(n == sizeof(v), "drain: %s", strerror(errno));
	fcntl(c.r.doorbell, F_SETFL, 0);
	fcntl(c.r.notify, F_SETFL, 0);
	fcntl(c.r.sock, F_SETFL, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		raw_kick(&c.r);
		n = read(c.r.doorbell, &v, sizeof(v));
	}
	hc_works(&c);
	/* Notifications by socket that nobody reads. */
	store_release_u32(&c.q.sq->notify, UKCF_NOTIFY_SOCKET);
	for (unsigned int i = 0; i < 20000; i++) {
		struct ukcf_sqe sqe = raw_nop(i);
		struct ukcf_cqe cqe;

		store_fence_u32(&c.q.sq->cq_event, (uint32_t)c.q.cq_next);
		raw_submit(&c.q, &sqe);
		while (raw_cqe(&c.q, &cqe, 0) == 0)
			;
	}
	hc_want(victim_progress(h->v, 100, 10000), "the victim waits");
	hc_close(&c);
	hc_fresh_works();
}

const struct hc_case hc_ring_cases[] = {
	{ "01", "entries changed while they are taken", hc_01, 0, 0, NULL },
	{ "02", "reserved opcodes, flags and fields", hc_02, 0, 0, NULL },
	{ "04", "index wrap, forged tails and generations", hc_04, 0, 0, NULL },
	{ "05", "own header words rewritten all the time", hc_05, 0, 0, NULL },
	{ "10", "completions never reaped", hc_10, 0, 0, NULL },
	{ "11", "forged CQ heads", hc_11, 0, 0, NULL },
	{ "12", "storm on the doorbell", hc_12, 0, 0, NULL },
	{ "14", "doorbell filled, drained, made blocking", hc_14, 0, 0, NULL },
	{ 0 },
};

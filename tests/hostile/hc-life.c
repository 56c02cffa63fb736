/* SPDX-License-Identifier: MIT */
/* Attacks by dying, and while the daemon is down. */
#include <errno.h>
#include <signal.h>
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

/* Everything a consumer can have under way, until it is killed. */
static __attribute__((noreturn)) void busy(uint64_t seed)
{
	struct ukcf_sqe s;
	struct ukcf_cqe cqe;
	struct raw_buf b;
	struct hc_conn c;
	struct rng r = { seed };
	int64_t key;

	for (;;) {
		hc_open(&c, 5, 65536);
		key = raw_key(&c.q, &c.in, UKCF_OP_KEY_GENERATE,
			      UKCF_MECH_ED25519, NULL, 0, NULL, 0);
		for (unsigned int i = 0; i < 500; i++) {
			s = raw_digest(i, &c.in, 0,
				       (uint32_t)rng_below(&r, 65536), &c.out,
				       0);
			if (i % 4 == 0 && key > 0) {
				s.op = UKCF_OP_SIGN;
				s.mech[0] = UKCF_MECH_ED25519;
				s.obj[0] = (uint64_t)key;
				s.out.len = 64;
			}
			raw_submit(&c.q, &s);
			while (raw_cqe(&c.q, &cqe, 0) == 0)
				;
		}
		if (raw_buf_new(&c.r, UKCF_BUFFER_OUTPUT, 1 << 20, &b) == 0)
			raw_buf_free(&b);
		hc_close(&c);
	}
}

static void kill_one(struct hc *h)
{
	struct timespec ts = { .tv_nsec = (long)rng_below(&h->rng, 20 * MS) };
	uint64_t seed = rng_u64(&h->rng);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (become(other_uid()))
			_exit(99);
		busy(seed);
	}
	/* A random moment of its life, not a wait for an event. */
	nanosleep(&ts, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	hc_want(WIFSIGNALED(status), "the consumer ended by itself: %x",
		status);
}

static void hc_53(struct hc *h)
{
	uint64_t n = scaled(50, 500);
	long rss;
	int fds, have;

	/* The first deaths bring the allocator's memory to its height. */
	fds = probe_fds(h->daemon);
	for (unsigned int i = 0; i < 10; i++)
		kill_one(h);
	probe_fds_settle(h->daemon, fds, 5000 * slowness());
	rss = probe_rss_kb(h->daemon);
	for (uint64_t i = 0; i < n; i++)
		kill_one(h);
	have = probe_fds_settle(h->daemon, fds, 10000 * slowness());
	printf("#   %llu deaths: %d -> %d descriptors, %ld -> %ld KiB\n",
	       (unsigned long long)n, fds, have, rss,
	       probe_rss_kb(h->daemon));
	hc_want(have <= fds, "%d descriptors are left over", have - fds);
	hc_want(slowness() > 1 || probe_rss_kb(h->daemon) - rss < 4096,
		"the daemon grew from %ld to %ld KiB", rss,
		probe_rss_kb(h->daemon));
}

/* Parent of the daemon: it holds the descriptors and starts it again. */
static pid_t parent_of(pid_t pid)
{
	return (pid_t)probe_status(pid, "PPid");
}

/* Old entries made ready again, other words made up, while nobody looks. */
static void edit(struct hc *h, struct hc_conn *c)
{
	uint32_t n = 1u << c->q.sq_order;
	uint64_t i;

	for (i = c->q.tail - n; i != c->q.tail; i++) {
		struct ukcf_sqe *s = &c->q.sqes[i & (n - 1)];

		s->user_data = 0xdead;
		store_release_u32(&s->gen, ring_gen_sqe(i, c->q.sq_order));
	}
	store_release_u32(&c->q.sq->tail, (uint32_t)rng_u64(&h->rng));
	store_release_u32(&c->q.sq->cq_event, (uint32_t)rng_u64(&h->rng));
}

/* The parent is stopped, so the daemon stays down until it goes on. */
static void while_down(struct hc *h, struct hc_conn *c)
{
	pid_t pid = probe_pid(), parent = parent_of(pid);

	if (parent <= 1 || kill(parent, SIGSTOP) < 0)
		hc_skip("cannot stop the daemon's parent: %s",
			strerror(errno));
	if (kill(pid, SIGKILL) < 0) {
		kill(parent, SIGCONT);
		hc_bail("kill: %s", strerror(errno));
	}
	edit(h, c);
	kill(parent, SIGCONT);
	hc_want(probe_restarted(pid, 10000) > 0, "the daemon came back");
}

static void hc_54(struct hc *h)
{
	uint64_t next = 1, want = 1;
	struct ukcf_sqe s;
	struct ukcf_cqe cqe;
	struct hc_conn c;

	hc_open(&c, 4, 4096);
	for (unsigned int round = 0; round < scaled(5, 50); round++) {
		for (unsigned int i = 0; i < 40 + 3 * round; i++) {
			s = raw_nop(next++);
			if (raw_do(&c.q, &s, &cqe) != 0 ||
			    cqe.user_data != want++)
				hc_bail("a NOP gives %lld, %llx",
					(long long)cqe.res,
					(unsigned long long)cqe.user_data);
		}
		while_down(h, &c);
	}
	s = raw_nop(next);
	hc_want(raw_do(&c.q, &s, &cqe) == 0 && cqe.user_data == next,
		"after the restarts: res %lld for %llx", (long long)cqe.res,
		(unsigned long long)cqe.user_data);
	hc_want(raw_cqe(&c.q, &cqe, 200) == -ETIMEDOUT,
		"an old entry was run again: %llx",
		(unsigned long long)cqe.user_data);
	hc_works(&c);
	hc_close(&c);
}

const struct hc_case hc_life_cases[] = {
	{ "53", "consumers killed at random", hc_53, 1, 0, NULL },
	{ "54", "the ring edited while the daemon is down", hc_54, 1, 1, NULL },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/*
 * The harness itself: see hc.h.  hc [NN...] runs all cases or those named; hc
 * -l lists them.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/ring-ops.h"
#include "tests/hostile/hc.h"
#include "tests/support/probe.h"

#define MS UINT64_C(1000000)
#define CASE_S 60  /* longest that a case may take, before slowness() */
#define OTHER_S 15 /* and another user in it */

static const struct hc_case *const groups[] = {
	hc_ring_cases, hc_memory_cases, hc_control_cases, hc_key_cases,
	hc_life_cases,
};

static uint32_t wants_failed;

static void vsay(const char *fmt, va_list ap)
{
	char line[400];

	vsnprintf(line, sizeof(line), fmt, ap);
	printf("#   %s\n", line);
	fflush(stdout);
}

bool hc_want(bool cond, const char *fmt, ...)
{
	va_list ap;

	if (cond)
		return true;
	/* The first ones say enough. */
	if (fetch_add_u32(&wants_failed, 1) < 10) {
		va_start(ap, fmt);
		vsay(fmt, ap);
		va_end(ap);
	}
	return false;
}

int hc_status(void)
{
	fflush(stdout);
	return load_relaxed_u32(&wants_failed) ? 1 : 0;
}

void hc_bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	_exit(1);
}

void hc_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	_exit(CHECK_SKIP);
}

void hc_open(struct hc_conn *c, uint8_t order, uint64_t size)
{
	int rc = raw_connect(&c->r);

	if (!rc)
		rc = raw_ring_new(&c->r, order, &c->q);
	if (!rc)
		rc = raw_buf_new(&c->r, UKCF_BUFFER_INPUT, size, &c->in);
	if (!rc)
		rc = raw_buf_new(&c->r, UKCF_BUFFER_OUTPUT, size, &c->out);
	if (rc)
		hc_bail("cannot connect: %s", strerror(-rc));
}

void hc_close(struct hc_conn *c)
{
	munmap(c->q.sq, c->q.sq_size);
	munmap((void *)(uintptr_t)c->q.cq, c->q.cq_size);
	munmap(c->in.p, c->in.size);
	munmap(c->out.p, c->out.size);
	close(c->q.sq_fd);
	close(c->q.cq_fd);
	close(c->in.fd);
	close(c->out.fd);
	raw_close(&c->r);
}

bool hc_works(struct hc_conn *c)
{
	struct ukcf_sqe sqe = raw_digest(0x776f726b, &c->in, 0, 64, &c->out, 0);
	uint8_t msg[64], want[32];
	int64_t res;

	memset(msg, 0x5a, sizeof(msg));
	memcpy(c->in.p, msg, sizeof(msg));
	res = raw_do(&c->q, &sqe, NULL);
	crypto_hash_sha256(want, msg, sizeof(msg));
	return hc_want(res == 32, "a plain digest gives %lld",
		       (long long)res) &&
	       hc_want(memcmp(want, c->out.p, 32) == 0,
		       "a plain digest is wrong");
}

void hc_fresh_works(void)
{
	struct hc_conn c;

	hc_open(&c, 4, 4096);
	hc_works(&c);
	hc_close(&c);
}

static int exit_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int hc_child(int (*fn)(void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(arg));
	}
	return exit_status(pid);
}

int hc_other(struct hc *h)
{
	struct pollfd p = { .fd = h->other, .events = POLLIN };
	int status = -1;

	fflush(stdout);
	if (send(h->other, &status, sizeof(status), MSG_NOSIGNAL) < 0 ||
	    poll(&p, 1, OTHER_S * 1000 * (int)slowness()) != 1 ||
	    recv(h->other, &status, sizeof(status), 0) != sizeof(status))
		return -1;
	return status;
}

/* ------------------------------------------------------ the other's keeper */

/*
 * An attacker has given up the right to become somebody else, so a process
 * that has it is made first.  It runs other() once per message, in a child.
 */
static __attribute__((noreturn)) void keeper(struct hc *h, int sock,
					     const struct hc_case *c)
{
	int status;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (recv(sock, &status, sizeof(status), 0) == sizeof(status)) {
		pid = fork();
		if (pid == 0) {
			close(sock);
			alarm(OTHER_S * slowness());
			if (h->can_drop && become(HC_OTHER))
				hc_bail("cannot become yet another user");
			_exit(c->other());
		}
		status = exit_status(pid);
		if (send(sock, &status, sizeof(status), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

static void keep_other(struct hc *h, const struct hc_case *c)
{
	int s[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		hc_bail("socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		hc_bail("fork: %s", strerror(errno));
	if (pid == 0) {
		close(s[0]);
		keeper(h, s[1], c);
	}
	close(s[1]);
	h->other = s[0];
}

/* ------------------------------------------------------------ the referee */

static int attacker(struct hc *h, const struct hc_case *c)
{
	struct rlimit nofile;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm((unsigned int)scaled(CASE_S, 20 * CASE_S) * slowness());
	getrlimit(RLIMIT_NOFILE, &nofile);
	nofile.rlim_cur = nofile.rlim_max;
	setrlimit(RLIMIT_NOFILE, &nofile);
	rng_init(&h->rng, (uint64_t)atoi(c->no));
	if (c->other)
		keep_other(h, c);
	if (!c->as_self && become(other_uid()))
		hc_bail("cannot become another user");
	c->fn(h);
	return hc_status();
}

/* What a case must not have done to the others. */
static bool bystanders(struct hc *h, const struct hc_case *c, int fds)
{
	struct victim *v = h->v;
	bool good = true;
	pid_t pid = probe_pid();
	int have;

	good &= hc_want(c->restarts || pid == h->daemon,
			"the daemon was killed by it");
	h->daemon = pid;
	good &= hc_want(victim_progress(v, 50, 20000),
			"the victim stands still");
	good &= hc_want(v->wrong == 0, "the victim got %llu wrong results",
			(unsigned long long)v->wrong);
	good &= hc_want(v->errors == 0, "the victim got %llu errors, last: %s",
			(unsigned long long)v->errors,
			ukcf_strerror(v->last_error));
	v->wrong = v->errors = 0;
	if (c->restarts)
		return good;
	have = probe_fds_settle(pid, fds, 5000 * slowness());
	good &= hc_want(have <= fds, "the daemon keeps %d descriptors, had %d",
			have, fds);
	return good;
}

static void run(struct hc *h, const struct hc_case *c)
{
	int fds = probe_fds(h->daemon), status = 0;
	bool good;
	pid_t pid;

	fflush(stdout);
	wants_failed = 0;
	victim_reset(h->v);
	pid = fork();
	if (pid == 0)
		_exit(attacker(h, c));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		check_bail("fork: %s", strerror(errno));
	good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (WIFSIGNALED(status))
		printf("#   %s\n", WTERMSIG(status) == SIGALRM ?
					   "took too long" :
					   strsignal(WTERMSIG(status)));
	good &= bystanders(h, c, fds);
	printf("#   victim: p50 %.0f us, p99 %.0f us, max %.1f ms; heartbeat "
	       "p99 %.0f us, max %.1f ms\n",
	       (double)victim_percentile_ns(&h->v->ring, 50) / 1e3,
	       (double)victim_percentile_ns(&h->v->ring, 99) / 1e3,
	       (double)h->v->ring.max_ns / 1e6,
	       (double)victim_percentile_ns(&h->v->beat, 99) / 1e3,
	       (double)h->v->beat.max_ns / 1e6);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIP)
		printf("hc-%s %s: SKIP see above\n", c->no, c->what);
	else
		printf("hc-%s %s: %s\n", c->no, c->what,
		       good ? "ok" : "FAILED");
	if (!good && !(WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIP))
		check(false, "hc-%s", c->no);
	fflush(stdout);
}

static bool wanted(const struct hc_case *c, char **argv)
{
	if (!*argv)
		return true;
	for (; *argv; argv++)
		if (strncmp(*argv, c->no, strlen(*argv)) == 0)
			return true;
	return false;
}

static void foreign_key(struct hc *h, struct ukcf **up)
{
	struct ukcf_key k;
	int rc = ukcf_connect(up, NULL, UKCF_CONNECT_NO_CALLER);

	if (!rc)
		rc = ukcf_key_generate(*up, "hc.foreign",
				       UKCF_MECH_HMAC_SHA2_256, 0,
				       UKCF_KEY_EXPORTABLE, &k);
	if (rc)
		check_bail("cannot make a key: %s", ukcf_strerror(rc));
	h->foreign_key = k.id;
}

int main(int argc, char **argv)
{
	struct hc h = { .can_drop = geteuid() == 0 };
	bool list = argc > 1 && strcmp(argv[1], "-l") == 0;
	const struct hc_case *c;
	struct ukcf *u = NULL;

	if (!list) {
		if (sodium_init() < 0)
			check_bail("libsodium does not start");
		signal(SIGPIPE, SIG_IGN);
		h.daemon = probe_pid();
		h.v = victim_start(h.can_drop ? HC_BYSTANDER : geteuid());
		foreign_key(&h, &u);
	}
	for (unsigned int g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		for (c = groups[g]; c->no; c++) {
			if (list)
				printf("hc-%s %s\n", c->no, c->what);
			else if (wanted(c, argv + 1))
				run(&h, c);
		}
	if (list)
		return 0;
	check(victim_stop(h.v), "the victim ended in order");
	ukcf_disconnect(u);
	return check_done();
}

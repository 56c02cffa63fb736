/* SPDX-License-Identifier: MIT */
/*
 * The whole daemon and its consumers as threads of one process, over the same
 * mappings, so that ThreadSanitizer sees both sides of every ring: submission
 * by two threads at once, polling and sleeping both ways, results posted by
 * service threads and workers, keys and buffers and rings that go while they
 * are used, and the daemon's end under load.  Every request must be answered
 * exactly once.
 *
 * The linker sends mmap() and munmap() here (--wrap), and what is mapped twice
 * gets one address: ThreadSanitizer knows memory by its address.
 *
 * Control: built a second time with PLANTED_RACE, where the consumer looks at
 * a completion without acquiring it, ThreadSanitizer must speak.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/core/recovery.h"
#include "daemon/daemon.h"
#include "lib/shared/clock.h"
#include "lib/shared/ring-ops.h"
#include "tests/stress/ring-tsan-client.h"
#include "tests/support/check.h"

#define S UINT64_C(1000000000) /* ns */
#define STREAMS 3
#define LOADS 3

/* --------------------------------------------------- one address for all */

#define VIEWS_MAX 4096

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __real_munmap(void *addr, size_t len);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off);
int __wrap_munmap(void *addr, size_t len);

static struct view {
	void *addr; /* NULL: unused */
	size_t len;
	dev_t dev;
	ino_t ino;
	int prot;
	unsigned int refs;
} views[VIEWS_MAX]; /* guarded by views_lock */
static pthread_mutex_t views_lock = PTHREAD_MUTEX_INITIALIZER;

static struct view *view_of_file(const struct stat *st)
{
	struct view *unused = NULL;

	for (unsigned int i = 0; i < VIEWS_MAX; i++) {
		struct view *v = &views[i];

		if (!v->addr)
			unused = unused ? unused : v;
		else if (v->dev == st->st_dev && v->ino == st->st_ino)
			return v;
	}
	return unused;
}

static void *view_map(struct view *v, const struct stat *st, size_t len,
		      int prot, int flags, int fd)
{
	void *p = v->addr;

	/* Who may write comes second: the same place, with more rights. */
	if (!p || (prot & ~v->prot))
		p = __real_mmap(p, len, prot | (p ? v->prot : 0),
				flags | (p ? MAP_FIXED : 0), fd, 0);
	if (p == MAP_FAILED)
		return p;
	if (!v->addr)
		*v = (struct view){ .addr = p, .len = len, .dev = st->st_dev,
				    .ino = st->st_ino };
	v->prot |= prot;
	v->refs++;
	return p;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t off)
{
	struct stat st;
	struct view *v;
	void *p;

	if (addr || off || fd < 0 || !(flags & MAP_SHARED) ||
	    fstat(fd, &st) < 0)
		return __real_mmap(addr, len, prot, flags, fd, off);
	pthread_mutex_lock(&views_lock);
	v = view_of_file(&st);
	if (!v || (v->addr && v->len != len))
		check_bail("mapped in two ways, or too much");
	p = view_map(v, &st, len, prot, flags, fd);
	pthread_mutex_unlock(&views_lock);
	return p;
}

int __wrap_munmap(void *addr, size_t len)
{
	int rc = -1;

	pthread_mutex_lock(&views_lock);
	for (unsigned int i = 0; i < VIEWS_MAX && rc < 0; i++) {
		struct view *v = &views[i];

		if (v->addr != addr)
			continue;
		rc = 0;
		if (--v->refs == 0) {
			rc = __real_munmap(addr, len);
			v->addr = NULL;
		}
	}
	pthread_mutex_unlock(&views_lock);
	return rc < 0 ? __real_munmap(addr, len) : rc;
}

/* ------------------------------------------------------------- the daemon */

static char dir[] = "/tmp/ukcf-ring-tsan-XXXXXX";
static char sock[128], admin[128];
static pthread_t daemon_thread;
static struct config config;

static void *daemon_main(void *arg)
{
	struct daemon_options *o = arg;
	int rc = daemon_run(o, &config);

	check(rc == DAEMON_EXIT_OK, "the daemon stops in order: %d", rc);
	return NULL;
}

static void wait_for_daemon(void)
{
	uint64_t end = clock_ns() + 30 * S;
	struct raw r;

	while (raw_connect(&r)) {
		if (clock_ns() > end)
			check_bail("the daemon does not start");
		sched_yield();
	}
	raw_close(&r);
}

static void start_daemon(void)
{
	static char sets[6][256], providers[3072];
	static struct daemon_options o = { .captive = true,
					   .log_level = "err" };
	const char *top = getenv("top_builddir");
	unsigned int n = 0;

	if (!mkdtemp(dir))
		check_bail("%s: %s", dir, strerror(errno));
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	snprintf(admin, sizeof(admin), "%s/admin", dir);
	setenv("UKCF_SOCKET", sock, 1);
	snprintf(providers, sizeof(providers), "%s/providers/.libs",
		 top ? top : ".");
	if (providers[0] != '/' && !realpath("providers/.libs", providers))
		check_bail("providers/.libs: run this from the build tree");
	o.provider_dir = providers;
	snprintf(sets[n++], 256, "daemon.socket=%s", sock);
	snprintf(sets[n++], 256, "daemon.admin_socket=%s", admin);
	/* two of each, and a queue that is full at times */
	snprintf(sets[n++], 256, "daemon.service_threads=2");
	snprintf(sets[n++], 256, "daemon.bulk_workers=2");
	snprintf(sets[n++], 256, "daemon.queue_slots=12");
	for (unsigned int i = 0; i < n; i++)
		o.sets[o.n_sets++] = sets[i];
	if (daemon_configure(&o, &config, stderr))
		check_bail("configuration");
	clock_init(); /* before there are threads that read it */
	if (pthread_create(&daemon_thread, NULL, daemon_main, &o))
		check_bail("pthread_create");
	wait_for_daemon();
}

static void remove_dir(void)
{
	unlink(sock);
	unlink(admin);
	rmdir(dir);
}

/* -------------------------------------------------------------- the others */

static uint32_t streams_left; /* atomic */

/* A thread that must end in time. */
static void join(pthread_t t, const char *what)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += soaking() ? 7200 : 240;
	if (!pthread_timedjoin_np(t, NULL, &ts))
		return;
	check(false, "%s ends in time", what);
	_exit(1);
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg))
		check_bail("pthread_create");
	return t;
}

static void *stream_main(void *arg)
{
	client_stream(arg);
	fetch_sub_u32(&streams_left, 1);
	return NULL;
}

static void *load_main(void *arg)
{
	client_load(arg);
	return NULL;
}

static void *churn_main(void *arg)
{
	struct churn *c = arg;

	while (load_acquire_u32(&streams_left) && client_churn(c))
		;
	return NULL;
}

static void *keys_main(void *arg)
{
	uint64_t *n = arg;

	client_keys(&streams_left, n);
	return NULL;
}

/* Counters read, and the configuration read anew, while all of it runs. */
static void *admin_main(void *arg)
{
	static struct msg_in m; /* this thread's */
	uint64_t *n = arg;
	struct raw r;

	if (raw_open(&r, admin))
		return NULL;
	while (load_acquire_u32(&streams_left) && *n < 300) {
		uint32_t verb = *n & 1 ? MSG_ADMIN_CONSUMERS : MSG_ADMIN_STATUS;

		if (raw_send(&r, verb, NULL, 0) ||
		    raw_recv(&r, &m, RAW_WAIT_MS) || m.h.err)
			break;
		if (*n % 16 == 0)
			pthread_kill(daemon_thread, SIGHUP);
		(*n)++;
	}
	raw_close(&r);
	return NULL;
}

/* ------------------------------------------------------------------ phases */

static void judge_stream(struct stream *s, unsigned int i)
{
	struct ukcf_counts *c = &s->counts;

	check(!s->error[0], "stream %u: no error: %s", i, s->error);
	check(client_exactly_once(s), "stream %u: each of %llu + %llu requests "
	      "is answered once", i, (unsigned long long)s->sent[0],
	      (unsigned long long)s->sent[1]);
	check(s->wrong == 0, "stream %u: %llu wrong results", i,
	      (unsigned long long)s->wrong);
	check(c->accepted == s->sent[0] + s->sent[1] &&
	      c->completed == c->accepted, "stream %u: the daemon counted %llu "
	      "taken, %llu answered", i, (unsigned long long)c->accepted,
	      (unsigned long long)c->completed);
}

/* Something of everything happened. */
static void judge_sum(const struct stream *s)
{
	uint64_t bells = 0, wakes = 0, queued = 0, refused = 0, full = 0;

	for (unsigned int i = 0; i < STREAMS; i++) {
		bells += s[i].counts.doorbells;
		wakes += s[i].counts.wakes;
		queued += s[i].counts.queued;
		refused += s[i].counts.refused;
		full += s[i].full;
	}
	check(bells > 0 && wakes > 0, "%llu wake-ups of the daemon, %llu of "
	      "consumers", (unsigned long long)bells,
	      (unsigned long long)wakes);
	check(queued > 0 && refused > 0, "%llu from a queue, %llu refused; %llu "
	      "times a queue was full", (unsigned long long)queued,
	      (unsigned long long)refused, (unsigned long long)full);
}

static void phase_streams(uint64_t goal)
{
	static struct stream s[STREAMS];
	static struct churn churn[2];
	uint64_t keys = 0, looks = 0, ends = 0;
	pthread_t st[STREAMS], ct[2], kt, at;
	bool all;

	store_release_u32(&streams_left, STREAMS);
	for (unsigned int i = 0; i < STREAMS; i++) {
		s[i].index = i;
		s[i].goal[0] = goal;
		s[i].goal[1] = goal / 4;
		st[i] = start(stream_main, &s[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		churn[i].index = i;
		rng_init(&churn[i].rng, 100 + i);
		ct[i] = start(churn_main, &churn[i]);
	}
	kt = start(keys_main, &keys);
	at = start(admin_main, &looks);
	for (unsigned int i = 0; i < STREAMS; i++)
		join(st[i], "a stream");
	join(kt, "the maker of keys");
	join(at, "the administrator");
	for (unsigned int i = 0; i < STREAMS; i++)
		judge_stream(&s[i], i);
	judge_sum(s);
	for (unsigned int i = 0; i < 2; i++) {
		join(ct[i], "a consumer that goes");
		check(!churn[i].error[0], "consumer %u that goes: no error: %s",
		      i, churn[i].error);
		ends += churn[i].n;
	}
	all = check(ends > 20, "%llu consumers, rings and buffers went with "
		    "requests in flight", (unsigned long long)ends);
	check(all && keys > 20 && looks > 20,
	      "%llu keys came and went in use, %llu looks at the counters",
	      (unsigned long long)keys, (unsigned long long)looks);
}

static uint64_t entries_of(uint32_t rec, uint32_t state)
{
	const struct rec_entry *e = recovery_entries(rec);
	uint64_t n = 0;

	for (unsigned int i = 0; i < 1u << recovery->rings[rec].sq_order; i++)
		n += e[i].state == state;
	return n;
}

/* The daemon is gone; what it recorded is what the consumer saw. */
static void judge_load(struct stream *s, unsigned int n)
{
	for (uint32_t i = 0; i < REC_RINGS_MAX; i++) {
		const struct rec_ring *r = &recovery->rings[i];
		uint64_t answered = s->answered[0], left;

		if (r->state != REC_LIVE ||
		    recovery->consumers[r->consumer].serial !=
			    s->r.welcome.consumer)
			continue;
		left = entries_of(i, REC_ENTRY_ACCEPTED);
		check(!s->error[0] && s->wrong == 0 && !s->twice &&
		      answered == r->counts.completed &&
		      r->counts.accepted == answered + left &&
		      r->counts.accepted <= s->sent[0],
		      "load %u at the daemon's end: %llu sent, %llu taken, "
		      "%llu answered, %llu recorded for the next daemon %s", n,
		      (unsigned long long)s->sent[0],
		      (unsigned long long)r->counts.accepted,
		      (unsigned long long)answered, (unsigned long long)left,
		      s->error);
		return;
	}
	check(false, "load %u: its ring is recorded", n);
}

static void phase_stop(uint64_t before)
{
	static struct stream s[LOADS];
	pthread_t t[LOADS];

	for (unsigned int i = 0; i < LOADS; i++) {
		s[i].index = 50 + i;
		s[i].goal[0] = before * 100;
		t[i] = start(load_main, &s[i]);
	}
	for (unsigned int i = 0; i < LOADS; i++)
		while (load_acquire_u64(&s[i].progress) < before)
			sched_yield();
	pthread_kill(daemon_thread, SIGTERM);
	join(daemon_thread, "the daemon");
	for (unsigned int i = 0; i < LOADS; i++)
		store_release_u32(&s[i].over, 1);
	for (unsigned int i = 0; i < LOADS; i++)
		join(t[i], "a load");
	for (unsigned int i = 0; i < LOADS; i++)
		judge_load(&s[i], i);
}

static int run(void)
{
	if (sodium_init() < 0)
		check_bail("libsodium");
	check(client_account_works(), "control: a lost answer and one given "
	      "twice are found");
	start_daemon();
	phase_streams(scaled(60000, 2000000));
	phase_stop(1000);
	remove_dir();
	return check_done();
}

#ifdef PLANTED_RACE

#define SPOKEN 66 /* ThreadSanitizer's exit status */

/* In a process of its own, whose status and words are judged. */
static void judge_planted(FILE *words, pid_t pid)
{
	bool said = false;
	char line[512];
	int status;

	while (fgets(line, sizeof(line), words))
		said |= strstr(line, "ThreadSanitizer: data race") != NULL;
	if (waitpid(pid, &status, 0) < 0)
		check_bail("waitpid: %s", strerror(errno));
	check(said && WIFEXITED(status) && WEXITSTATUS(status) == SPOKEN,
	      "control: a completion read without acquiring it is found");
}

int main(int argc, char **argv)
{
	int ends[2];
	pid_t pid;

	if (argc > 1)
		return run();
	if (!ring_tsan_is_on())
		check_skip("a race is planted here, which only "
			   "ThreadSanitizer can find: "
			   "--with-sanitizer=thread");
	if (pipe(ends) < 0)
		check_bail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		setenv("TSAN_OPTIONS", "exitcode=66:halt_on_error=1", 1);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/proc/self/exe", argv[0], "run", NULL);
		_exit(99);
	}
	close(ends[1]);
	judge_planted(fdopen(ends[0], "r"), pid);
	return check_done();
}

#else

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!ring_tsan_is_on())
		note("not under ThreadSanitizer: only the counts are judged");
	return run();
}

#endif

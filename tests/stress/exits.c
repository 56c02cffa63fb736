/* SPDX-License-Identifier: MIT */
/*
 * A program may end at any time and in any order: with everything open, from a
 * thread, in handlers that run at exit, while other threads wait or call, in a
 * child.  Each case is a process of its own that must end as it wants to, with
 * nothing said by a sanitizer; and the daemon serves the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define WELL 7 /* exit status of a case that went as it should */
#define ALARM_S (60 * slowness())

static struct ukcf *u;
static struct ukcf_ring *ring;
static struct ukcf_buffer *out;
static struct ukcf_key key;

static void must(int64_t res)
{
	if (res < 0)
		_exit(99);
}

static void open_all(void)
{
	static const uint8_t bytes[32];

	must(ukcf_connect(&u, NULL, 0));
	must(ukcf_ring_open(u, 8, &ring));
	must(ukcf_buffer_alloc(u, UKCF_BUFFER_OUTPUT, 4096, &out));
	must(ukcf_key_local(u, UKCF_MECH_HMAC_SHA2_256, UKCF_USE_DEFAULT, bytes,
			    sizeof(bytes), &key));
}

/* In the caller, and over a ring of the library's. */
static void call(void)
{
	uint8_t digest[32];
	struct ukcf_counts c;

	must(ukcf_digest(u, UKCF_MECH_SHA2_256, "abc", 3, digest, 32));
	must(ukcf_counts_get(u, &c));
}

static void leave_in_flight(void)
{
	struct ukcf_sqe s = { 0 };

	must(ukcf_prep_random(&s, ukcf_buffer_span(out, 0, 4096)));
	s.flags = UKCF_SQE_QUEUE;
	must(ukcf_submit_sqes(ring, &s, 1));
}

/* Until thread tid sleeps: it waits for what will not come. */
static void await_sleep(pid_t tid)
{
	char path[64], line[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	for (;;) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
		if (fd >= 0)
			close(fd);
		line[n > 0 ? n : 0] = '\0';
		end = strrchr(line, ')');
		if (end && end[1] == ' ' && end[2] == 'S')
			return;
		probe_pause();
	}
}

/* ------------------------------------------------------------------- cases */

static void with_all_open(void)
{
	open_all();
	call();
	leave_in_flight();
	exit(WELL);
}

static void after_disconnect(void)
{
	open_all();
	leave_in_flight();
	ukcf_disconnect(u);
	exit(WELL);
}

static void *exit_here(void *arg)
{
	(void)arg;
	call();
	exit(WELL);
}

static void from_a_thread(void)
{
	pthread_t t;

	open_all();
	must(-pthread_create(&t, NULL, exit_here, NULL));
	pthread_join(t, NULL);
}

static void call_at_exit(void)
{
	call();
	leave_in_flight();
	ukcf_disconnect(u);
}

/* Handlers run in the opposite order; the library's own, if it had any, would
 * have been registered when it was loaded or at its first use. */
static void in_a_handler(void)
{
	atexit(call_at_exit);
	open_all();
	call();
	exit(WELL);
}

static void in_a_late_handler(void)
{
	open_all();
	call();
	atexit(call_at_exit);
	exit(WELL);
}

/* Destructors of the program run after those handlers. */
static int at_the_very_end;

__attribute__((destructor)) static void end(void)
{
	if (at_the_very_end)
		call_at_exit();
}

static void in_a_destructor(void)
{
	open_all();
	at_the_very_end = 1;
	exit(WELL);
}

static void close_it(void *r)
{
	ukcf_ring_close(r);
}

static pthread_key_t slot;

static void *have_a_ring(void *arg)
{
	struct ukcf_ring *mine;

	(void)arg;
	must(ukcf_ring_open(u, 4, &mine));
	pthread_setspecific(slot, mine);
	return NULL;
}

static void when_a_thread_ends(void)
{
	pthread_t t;

	open_all();
	must(-pthread_key_create(&slot, close_it));
	must(-pthread_create(&t, NULL, have_a_ring, NULL));
	pthread_join(t, NULL);
	exit(WELL);
}

static uint32_t waiter; /* atomic: its tid */

static void *wait_for_ever(void *arg)
{
	const struct ukcf_cqe *c;

	(void)arg;
	store_release_u32(&waiter, (uint32_t)gettid());
	must(ukcf_wait_cqe(ring, &c, -1)); /* does not return */
	return NULL;
}

static void while_one_waits(void)
{
	pthread_t t;
	uint32_t tid;

	open_all();
	must(-pthread_create(&t, NULL, wait_for_ever, NULL));
	while (!(tid = load_acquire_u32(&waiter)))
		probe_pause();
	await_sleep((pid_t)tid);
	exit(WELL);
}

static void *call_for_ever(void *arg)
{
	uint32_t *n = arg;
	uint8_t digest[32];
	struct ukcf_counts c;

	while (ukcf_digest(u, UKCF_MECH_SHA2_256, "abc", 3, digest, 32) == 32 &&
	       ukcf_counts_get(u, &c) == 0)
		fetch_add_u32(n, 1);
	return NULL;
}

static void while_others_call(void)
{
	static uint32_t n; /* atomic */
	pthread_t t;

	open_all();
	for (unsigned int i = 0; i < 2; i++)
		must(-pthread_create(&t, NULL, call_for_ever, &n));
	while (load_acquire_u32(&n) < 20)
		probe_pause();
	exit(WELL);
}

static void at_once(void)
{
	open_all();
	leave_in_flight();
	_exit(WELL);
}

static void quickly(void)
{
	open_all();
	at_quick_exit(call_at_exit);
	quick_exit(WELL);
}

static int status_of(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(99);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The child ends; the parent's goes on. */
static void child_ends(void (*how)(int))
{
	pid_t pid;

	open_all();
	pid = fork();
	if (pid == 0)
		how(WELL);
	if (status_of(pid) != WELL)
		exit(98);
	call();
	leave_in_flight();
	exit(WELL);
}

static void a_child_at_once(void)
{
	child_ends(_exit);
}

static void a_child(void)
{
	child_ends(exit);
}

static void disconnect_and_exit(int status)
{
	ukcf_disconnect(u);
	exit(status);
}

static void a_child_that_disconnects(void)
{
	child_ends(disconnect_and_exit);
}

static void close_all_and_exit(int status)
{
	ukcf_ring_close(ring);
	ukcf_buffer_free(out);
	disconnect_and_exit(status);
}

static void a_child_that_closes_all(void)
{
	child_ends(close_all_and_exit);
}

/* Of a parent with threads in the library: they may have held its locks. */
static void a_child_of_threads(void)
{
	static uint32_t n; /* atomic */
	pthread_t t;

	open_all();
	for (unsigned int i = 0; i < 2; i++)
		must(-pthread_create(&t, NULL, call_for_ever, &n));
	for (unsigned int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(ukcf_random(u, &i, 1) == -ESTALE ? WELL : 97);
		if (status_of(pid) != WELL)
			exit(98);
	}
	exit(WELL);
}

static void by_exec(void)
{
	open_all();
	leave_in_flight();
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(99);
}

static const struct {
	const char *what;
	void (*run)(void);
} cases[] = {
	{ "exit with all open", with_all_open },
	{ "exit after disconnect", after_disconnect },
	{ "exit from a thread", from_a_thread },
	{ "calls in a handler registered before", in_a_handler },
	{ "calls in a handler registered after", in_a_late_handler },
	{ "calls in a destructor of the program", in_a_destructor },
	{ "a ring closed when its thread ends", when_a_thread_ends },
	{ "exit while another thread waits for a completion", while_one_waits },
	{ "exit while others call", while_others_call },
	{ "_exit with all open", at_once },
	{ "quick_exit", quickly },
	{ "_exit in a child", a_child_at_once },
	{ "exit in a child", a_child },
	{ "disconnect and exit in a child", a_child_that_disconnects },
	{ "close, disconnect, exit in a child", a_child_that_closes_all },
	{ "children of a parent with threads in calls", a_child_of_threads },
	{ "exec", by_exec },
};

#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static int run(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(ALARM_S); /* one that hangs has not ended */
		body();
		_exit(96);
	}
	return status_of(pid);
}

static void crash(void)
{
	abort();
}

static void hang(void)
{
	alarm(1);
	pause();
}

int main(void)
{
	int status;

	check(run(crash) == -SIGABRT && run(hang) == -SIGALRM,
	      "control: a crash and a hang are seen");
	fflush(stdout);
	for (unsigned int i = 0; i < N_CASES; i++) {
		status = run(cases[i].run);
		check(status == WELL, "%s (%d)", cases[i].what, status);
		fflush(stdout); /* once, not in each child too */
	}
	open_all();
	call();
	check(true, "and the daemon serves the next one");
	ukcf_disconnect(u);
	return check_done();
}

/* SPDX-License-Identifier: MIT */
/* See trace.h. */
#include "tests/perf/trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tests/perf/threads.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define MS UINT64_C(1000000)

static pid_t tracer;
static const char *trace_file;

static long tracer_of(pid_t pid, pid_t tid)
{
	char path[64], line[128];
	long t = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %ld", &t) == 1)
			break;
	if (f)
		fclose(f);
	return t;
}

static bool attached(pid_t other)
{
	struct threads s;

	if (tracer_of(getpid(), getpid()) != tracer ||
	    threads_read(other, &s) < 0)
		return false;
	for (unsigned int i = 0; i < s.n; i++)
		if (tracer_of(other, s.t[i].tid) != tracer)
			return false;
	return true;
}

static void exec_strace(pid_t self, pid_t other)
{
	char a[16], b[16];

	snprintf(a, sizeof(a), "%d", self);
	snprintf(b, sizeof(b), "%d", other);
	unsetenv("LD_PRELOAD");
	execlp("strace", "strace", "-f", "-qq", "-ttt", "-o", trace_file, "-p",
	       a, "-p", b, (char *)NULL);
	_exit(127);
}

void trace_start(const char *file, pid_t other)
{
	uint64_t end = clock_ns() + 10000 * MS;
	pid_t self = getpid();

	trace_file = file;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	tracer = fork();
	if (tracer < 0)
		check_bail("fork: %s", strerror(errno));
	if (tracer == 0)
		exec_strace(self, other);
	while (!attached(other)) {
		if (waitpid(tracer, NULL, WNOHANG) == tracer)
			check_skip("strace is missing or may not attach: "
				   "system calls are not counted");
		if (clock_ns() > end) {
			kill(tracer, SIGKILL);
			check_skip("strace does not attach: system calls are "
				   "not counted");
		}
		probe_pause();
	}
}

uint64_t trace_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts); /* strace's clock */
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* "PID SECONDS.MICROSECONDS name(args..." */
static void count_line(struct trace_span *spans, unsigned int n,
		       const char *line, pid_t self)
{
	unsigned long long s, us;
	uint64_t at;
	int pid;

	if (sscanf(line, "%d %llu.%6llu", &pid, &s, &us) != 3)
		return;
	if (strstr(line, " resumed>") || strstr(line, "+++ ") ||
	    strstr(line, "--- "))
		return; /* the second half of a call, an end, a signal */
	at = (s * 1000000u + us) * 1000u;
	for (unsigned int i = 0; i < n; i++) {
		if (at < spans[i].from_ns || at > spans[i].to_ns)
			continue;
		if (pid == self)
			spans[i].own++;
		else
			spans[i].other++;
	}
}

void trace_stop(struct trace_span *spans, unsigned int n)
{
	pid_t self = getpid();
	size_t room = 0;
	char *line = NULL;
	FILE *f;

	kill(tracer, SIGINT);
	waitpid(tracer, NULL, 0);
	f = fopen(trace_file, "re");
	if (!f)
		check_bail("no trace: %s", strerror(errno));
	while (getline(&line, &room, f) > 0)
		count_line(spans, n, line, self);
	free(line);
	fclose(f);
}

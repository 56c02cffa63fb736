/* SPDX-License-Identifier: MIT */
/* See trace.h. */
#include "tests/perf/trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tests/perf/threads.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define MARK 0x5ee00u /* no process has this id */
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
	execlp("strace", "strace", "-f", "-qq", "-o", trace_file, "-p", a, "-p",
	       b, (char *)NULL);
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

void trace_mark(unsigned int i)
{
	if (getpriority(PRIO_PROCESS, MARK + i) != -1)
		note("somebody has process id %u", MARK + i);
}

/* "PID name(args..." */
static void count_line(struct trace_counts *c, const char *line, int *section,
		       pid_t self)
{
	unsigned int who;
	int pid;

	if (sscanf(line, "%d getpriority(PRIO_PROCESS, %u", &pid, &who) == 2 &&
	    pid == self && who >= MARK && who < MARK + TRACE_MARKS) {
		*section = (int)(who - MARK);
		return;
	}
	if (*section < 0 || sscanf(line, "%d", &pid) != 1)
		return;
	if (strstr(line, " resumed>") || strstr(line, "+++ ") ||
	    strstr(line, "--- "))
		return; /* the second half of a call, an end, a signal */
	if (pid == self)
		c->own[*section]++;
	else
		c->other[*section]++;
}

void trace_stop(struct trace_counts *c)
{
	pid_t self = getpid();
	int section = -1;
	size_t room = 0;
	char *line = NULL;
	FILE *f;

	kill(tracer, SIGINT);
	waitpid(tracer, NULL, 0);
	memset(c, 0, sizeof(*c));
	f = fopen(trace_file, "re");
	if (!f)
		check_bail("no trace: %s", strerror(errno));
	while (getline(&line, &room, f) > 0)
		count_line(c, line, &section, self);
	free(line);
	fclose(f);
}

/* SPDX-License-Identifier: MIT */
/* See probe.h. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define MS UINT64_C(1000000) /* ns */

static pid_t read_pid(void)
{
	const char *path = getenv("UKCF_DAEMON_PIDFILE");
	FILE *f;
	int pid = -1;

	if (!path)
		check_bail("UKCF_DAEMON_PIDFILE is not set: start this under "
			   "`ukcfd --run --`");
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%d", &pid) != 1)
		pid = -1;
	fclose(f);
	return pid;
}

pid_t probe_pid(void)
{
	pid_t pid = probe_restarted(-1, 10000);

	if (pid <= 0)
		check_bail("the daemon is not running");
	return pid;
}

pid_t probe_restarted(pid_t old, unsigned int timeout_ms)
{
	uint64_t end = clock_ns() + timeout_ms * MS;
	pid_t pid;

	for (;;) {
		pid = read_pid();
		if (pid > 0 && pid != old && probe_fds(pid) != -1)
			return pid;
		if (clock_ns() > end)
			return -1;
		probe_pause();
	}
}

int probe_fds(pid_t pid)
{
	char path[64];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return -1;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

long probe_status(pid_t pid, const char *name)
{
	char path[64], line[128];
	size_t n = strlen(name);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			value = strtol(line + n + 1, NULL, 10);
	fclose(f);
	return value;
}

long probe_rss_kb(pid_t pid)
{
	return probe_status(pid, "VmRSS");
}

static bool is_stopped(pid_t pid, const char *task)
{
	char path[300], line[512], *end;
	bool stopped = true; /* or gone */
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)pid, task);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f)) {
		end = strrchr(line, ')');
		stopped = end && end[1] == ' ' && end[2] == 'T';
	}
	if (f)
		fclose(f);
	return stopped;
}

bool probe_stopped(pid_t pid)
{
	bool stopped = true;
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (!d)
		check_bail("%s: %m", path);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			stopped &= is_stopped(pid, e->d_name);
	closedir(d);
	return stopped;
}

uint64_t probe_cpu_ns(pid_t pid)
{
	char path[64], line[512];
	unsigned long ut = 0, st = 0;
	char *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		sscanf(p + 1,
		       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &ut, &st);
	fclose(f);
	return (ut + st) * (1000 * MS / (uint64_t)sysconf(_SC_CLK_TCK));
}

int probe_fds_settle(pid_t pid, int n, unsigned int timeout_ms)
{
	uint64_t end = clock_ns() + timeout_ms * MS;
	int have;

	for (;;) {
		have = probe_fds(pid);
		if (have <= n || clock_ns() > end)
			return have;
		probe_pause();
	}
}

void probe_pause(void)
{
	struct timespec ts = { .tv_nsec = 1000000 };

	nanosleep(&ts, NULL);
}

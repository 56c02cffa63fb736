/* SPDX-License-Identifier: MIT */
/* See daemon.h. */
#include "tests/bench/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVICE_COMM "ukcf-svc"

int daemon_cpus(int *mine, int *theirs)
{
	int found[2], n = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET((size_t)i, &set))
			found[n++] = i;
	if (n < 2)
		return -ENODEV;
	*mine = found[0];
	*theirs = found[1];
	return 0;
}

#define ANYWHERE -1 /* of those that the kernel lets it have */

static int self_cpu = ANYWHERE, daemon_cpu = ANYWHERE; /* where they belong */

static int pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (i == cpu || cpu == ANYWHERE)
			CPU_SET((size_t)i, &set);
	return sched_setaffinity(tid, sizeof(set), &set) < 0 ? -errno : 0;
}

int daemon_pin_self(int cpu)
{
	self_cpu = cpu;
	return pin(0, cpu);
}

/* The build tree's daemon, seen from this program (which libtool may have put
 * one directory deeper), with its providers. */
static bool in_build_tree(char *ukcfd, char *option, size_t size)
{
	static const char *const up[] = { "../..", "../../.." };
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(ukcfd, size, "%s/%s/daemon/ukcfd", self, up[i]);
		snprintf(option, size, "--provider-dir=%s/%s/providers/.libs",
			 self, up[i]);
		if (access(ukcfd, X_OK) == 0)
			return true;
	}
	return false;
}

void daemon_reexecute(char **argv)
{
	static char ukcfd[PATH_MAX + 64], option[PATH_MAX + 64], self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *args[16];
	unsigned int n = 0;

	if (len < 0)
		return;
	args[n++] = (char *)"ukcfd";
	args[n++] = (char *)"--run";
	if (in_build_tree(ukcfd, option, sizeof(ukcfd)))
		args[n++] = option;
	else
		strcpy(ukcfd, "ukcfd");
	args[n++] = (char *)"--";
	args[n++] = self;
	while (*++argv && n < 15)
		args[n++] = *argv;
	args[n] = NULL;
	execvp(ukcfd, args);
	fprintf(stderr, "ukcf-bench: cannot start %s: %s\n", ukcfd,
		strerror(errno));
}

/* The listening socket may be another process's (the captive daemon's
 * parent), so the pid file goes first. */
pid_t daemon_pid(void)
{
	const char *path = getenv("UKCF_DAEMON_PIDFILE");
	const char *sock_path = getenv("UKCF_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct ucred cr = { .pid = -ESRCH };
	socklen_t len = sizeof(cr);
	FILE *f = path ? fopen(path, "re") : NULL;
	int pid = 0, fd;

	if (f) {
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	if (pid > 0)
		return pid;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s",
		 sock_path ? sock_path : "/run/ukcf/ukcfd.sock");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cr, &len) < 0)
		cr.pid = -errno;
	close(fd);
	return cr.pid;
}

static bool is_service(pid_t pid, const char *tid)
{
	char path[PATH_MAX], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return strncmp(comm, SERVICE_COMM, strlen(SERVICE_COMM)) == 0;
}

static int pin_service(pid_t pid, int cpu)
{
	struct dirent *e;
	char path[64];
	int n = 0, err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while (!err && (e = readdir(d))) {
		if (!is_service(pid, e->d_name))
			continue;
		err = pin(atoi(e->d_name), cpu);
		n++;
	}
	closedir(d);
	return err ? err : n;
}

int daemon_pin(pid_t pid, int cpu)
{
	int n = pin_service(pid, cpu);

	if (n > 0)
		daemon_cpu = cpu;
	return n;
}

bool daemon_is_captive(void)
{
	return getenv("UKCF_DAEMON_PIDFILE");
}

void daemon_unpin(void)
{
	pin(0, ANYWHERE);
	pin_service(daemon_pid(), ANYWHERE);
}

void daemon_pin_again(void)
{
	pin(0, self_cpu);
	if (daemon_cpu != ANYWHERE)
		pin_service(daemon_pid(), daemon_cpu);
}

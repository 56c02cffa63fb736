/* SPDX-License-Identifier: MIT */
/* See threads.h. */
#include "tests/perf/threads.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

static FILE *open_file(pid_t pid, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	return fopen(path, "re");
}

static int read_schedstat(pid_t pid, struct thread_state *t)
{
	FILE *f = open_file(pid, t->tid, "schedstat");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%" SCNu64 " %*u %" SCNu64, &t->run_ns, &t->slices);
	fclose(f);
	return n == 2 ? 0 : -ENOENT;
}

static int read_status(pid_t pid, struct thread_state *t)
{
	FILE *f = open_file(pid, t->tid, "status");
	char line[128];
	uint64_t n;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Name: %15s", t->comm) == 1)
			continue;
		if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &n) == 1)
			t->switches += n;
		if (sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &n) !=
		    1)
			continue;
		t->switches += n;
		t->preempted = n;
	}
	fclose(f);
	return 0;
}

int threads_read(pid_t pid, struct threads *s)
{
	char path[64];
	struct dirent *e;
	int err = 0;
	DIR *d;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (!d)
		return -errno;
	while (!err && (e = readdir(d)) && s->n < THREADS_MAX) {
		struct thread_state *t = &s->t[s->n];

		t->tid = atoi(e->d_name);
		if (t->tid <= 0)
			continue;
		err = read_schedstat(pid, t);
		if (!err)
			err = read_status(pid, t);
		s->n++;
	}
	closedir(d);
	return err;
}

bool threads_differ(const struct threads *a, const struct threads *b, bool say)
{
	bool differ = a->n != b->n;

	for (unsigned int i = 0; i < a->n && i < b->n; i++) {
		const struct thread_state *x = &a->t[i], *y = &b->t[i];

		if (x->tid == y->tid && x->run_ns == y->run_ns &&
		    x->slices == y->slices && x->switches == y->switches)
			continue;
		differ = true;
		if (say)
			note("%s (%d): ran %" PRIu64 " ns in %" PRIu64
			     " slices, %" PRIu64 " switches",
			     y->comm, y->tid, y->run_ns - x->run_ns,
			     y->slices - x->slices, y->switches - x->switches);
	}
	return differ;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/shared/log.h"

#define NAME_MAX_ 64

static char **names;
static int *fds;
static int n_fds;

int fdstore_init(void)
{
	int n = sd_listen_fds_with_names(1, &names);

	if (n < 0)
		return n;
	fds = calloc((size_t)n + 1, sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		fds[i] = SD_LISTEN_FDS_START + i;
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	}
	n_fds = n;
	return 0;
}

bool fdstore_active(void)
{
	return secure_getenv("NOTIFY_SOCKET") != NULL;
}

int fdstore_take(const char *name)
{
	for (int i = 0; i < n_fds; i++) {
		int fd = fds[i];

		if (fd < 0 || strcmp(names[i], name) != 0)
			continue;
		fds[i] = -1;
		return fd;
	}
	return -1;
}

static void notify_remove(const char *name)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void fdstore_drop_rest(void)
{
	for (int i = 0; i < n_fds; i++) {
		if (fds[i] >= 0) {
			log_debug("descriptor %s is of no use any more",
				  names[i]);
			close(fds[i]);
			notify_remove(names[i]);
		}
		free(names[i]);
	}
	free(names);
	free(fds);
	names = NULL;
	fds = NULL;
	n_fds = 0;
}

int fdstore_put(const char *name, int fd)
{
	char state[NAME_MAX_ + 32];
	int rc;

	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	rc = sd_pid_notify_with_fds(0, 0, state, &fd, 1);
	if (rc < 0)
		log_warn("descriptor %s is not stored, a restart will lose it: "
			 "%s", name, strerror(-rc));
	return rc < 0 ? rc : 0;
}

int fdstore_putf(int fd, const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return fdstore_put(name, fd);
}

int fdstore_takef(const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return fdstore_take(name);
}

void fdstore_removef(const char *fmt, ...)
{
	char name[NAME_MAX_];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	notify_remove(name);
}

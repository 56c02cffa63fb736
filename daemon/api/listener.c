/* SPDX-License-Identifier: MIT */
#include "daemon/api/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/api/hurry.h"
#include "daemon/fdstore.h"
#include "daemon/loop.h"
#include "lib/shared/log.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

#define BACKLOG 256
#define BURST 32			/* connections before others' turn */
#define BREATH_NS UINT64_C(1000000)	/* then a pause */
#define NO_FDS_NS UINT64_C(100000000)

struct listener {
	int fd;
	bool ours; /* the file is removed at the end */
	char path[108];
	struct loop_source *source;
	listener_fn fn;
};

static int address(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path)) {
		log_err("socket %s: the path is longer than %zu bytes", path,
			sizeof(sa->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(sa->sun_path, path);
	return 0;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX,
			SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static void say_who_serves(int fd, const char *path)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	log_err("socket %s: process %d (uid %u) serves it already: stop that "
		"one, or give this one another socket", path, (int)peer.pid,
		peer.uid);
}

/* A file that nobody listens at is what a crash left. */
static int clear_path(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(sa->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		log_err("socket %s: something else is there, which is not a "
			"socket: remove it", sa->sun_path);
		return -EEXIST;
	}
	fd = new_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ||
	    errno == EAGAIN) {
		say_who_serves(fd, sa->sun_path);
		err = -EADDRINUSE;
	} else if (errno != ECONNREFUSED) {
		err = -errno;
		log_err("socket %s: cannot tell whether it is served: %s",
			sa->sun_path, strerror(-err));
	} else if (unlink(sa->sun_path) < 0) {
		err = -errno;
		log_err("socket %s: cannot remove what is left of another "
			"start: %s", sa->sun_path, strerror(-err));
	}
	close(fd);
	return err;
}

static int complain(const char *path, int err)
{
	const char *slash = strrchr(path, '/');
	int n = slash && slash > path ? (int)(slash - path) : 1;

	if (err == -ENOENT)
		log_err("socket %s: there is no folder %.*s: make it (see "
			"tmpfiles.d), or name another in daemon.socket", path,
			n, path);
	else if (err == -EACCES || err == -EROFS || err == -EPERM)
		log_err("socket %s: folder %.*s is not writable for uid %u: %s",
			path, n, path, geteuid(), strerror(-err));
	else
		log_err("socket %s: %s", path, strerror(-err));
	return err;
}

static int make(const char *path, mode_t mode)
{
	struct sockaddr_un sa;
	int fd, err = address(path, &sa);

	if (!err)
		err = clear_path(&sa);
	if (err)
		return err;
	fd = new_socket();
	if (fd < 0)
		return complain(path, fd);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		err = -errno;
		close(fd);
		return complain(path, err);
	}
	return fd;
}

static bool is_seqpacket_listener(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening,
			  &len) == 0 &&
	       type == SOCK_SEQPACKET && listening;
}

/* Every message shall carry its sender's credentials, and no descriptor. */
static int set_options(int fd)
{
	int one = 1, zero = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof(zero)) < 0)
		hurry_init(); /* not before Linux 6.16 */
	return 0;
}

int listener_open(const char *name, const char *path, mode_t mode,
		  struct listener **lp)
{
	struct listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->fd = fdstore_take(name);
	if (l->fd >= 0 && !is_seqpacket_listener(l->fd)) {
		log_err("%s, as the service manager passed it, is not a "
			"listening SOCK_SEQPACKET socket", name);
		err = -EINVAL;
		goto fail;
	}
	if (l->fd < 0) {
		l->fd = make(path, mode);
		err = l->fd;
		if (err < 0)
			goto fail;
		l->ours = true;
		snprintf(l->path, sizeof(l->path), "%s", path);
		fdstore_put(name, l->fd);
	}
	err = set_options(l->fd);
	/* A service manager's would block in the last accept4() of a burst. */
	if (!err && fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0)
		err = -errno;
	if (!err) {
		*lp = l;
		return 0;
	}
fail:
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	return err;
}

/* Return: false: nothing more to accept for the moment. */
static bool accept_one(struct listener *l)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return false;
		if (errno == ECONNABORTED || errno == EINTR)
			return true;
		log_sparse(LOG_ERR, "cannot accept a connection: %m%s",
			   errno == EMFILE || errno == ENFILE ?
				   ": raise LimitNOFILE=" : "");
		loop_mute(l->source, NO_FDS_NS);
		return false;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    set_options(fd) < 0)
		hurry_close(fd);
	else
		l->fn(fd, &peer);
	return true;
}

static void on_connections(void *arg, uint32_t revents)
{
	struct listener *l = arg;

	(void)revents;
	for (unsigned int i = 0; i < BURST; i++)
		if (!accept_one(l))
			return;
	/* What is left is reported when the pause ends. */
	loop_mute(l->source, BREATH_NS);
}

int listener_start(struct listener *l, struct loop *loop, listener_fn fn)
{
	l->fn = fn;
	return loop_watch(loop, l->fd, POLLIN, on_connections, l, &l->source);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	loop_source_free(l->source);
	close(l->fd);
	if (l->ours && !fdstore_active())
		unlink(l->path);
	free(l);
}

/* SPDX-License-Identifier: MIT */
/*
 * Connecting, and what a connection is made of.
 *
 * A child of fork(2) has the memory of its parent but must not use the
 * parent's rings: a page that the kernel wipes in the child (MADV_WIPEONFORK)
 * tells the two apart in one load, also in a signal handler.
 */
#include "lib/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/ring.h"
#include "lib/shared/clock.h"
#include "lib/shared/msg.h"
#include "lib/stream.h"

#define CONNECT_NS UINT64_C(5000000000)
#define TIMEOUT_NS UINT64_C(30000000000) /* of synchronous ring calls */
#define TIMEOUT_MIN_NS UINT64_C(1000000)
#define TIMEOUT_MAX_NS UINT64_C(86400000000000)

/* ------------------------------------------------------------------- lists */

void connection_add(struct ukcf *u, struct member **list, struct member *m)
{
	pthread_mutex_lock(&u->lock);
	m->next = *list;
	m->prev = list;
	if (*list)
		(*list)->prev = &m->next;
	*list = m;
	pthread_mutex_unlock(&u->lock);
}

void connection_remove(struct ukcf *u, struct member *m)
{
	/* A child has one thread, and perhaps a lock that another held. */
	bool ours = connection_is_ours(u);

	if (ours)
		pthread_mutex_lock(&u->lock);
	*m->prev = m->next;
	if (m->next)
		m->next->prev = m->prev;
	if (ours)
		pthread_mutex_unlock(&u->lock);
}

/* ------------------------------------------------------------ fork detector */

static int watch_forks(struct ukcf *u)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	if (madvise(p, size, MADV_WIPEONFORK) < 0) {
		munmap(p, size);
		return -errno;
	}
	*p = 1;
	u->alive = p;
	return 0;
}

/* ----------------------------------------------------------------- socket */

static const char *socket_path(const char *path)
{
	const char *env;

	if (path)
		return path;
	env = secure_getenv("UKCF_SOCKET");
	return env ? env : UKCF_DEFAULT_SOCKET;
}

/* The peer's list of connections to accept may be full: wait for a place. */
static int connect_socket(const char *path)
{
	const struct timeval patience = { .tv_sec = CONNECT_NS / 1000000000u };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int sock, err = 0;

	if (!*path || strlen(path) >= sizeof(sa.sun_path))
		return -EINVAL;
	strcpy(sa.sun_path, path);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)) < 0 ||
	    connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		err = -errno;
	if (!err)
		return sock;
	close(sock);
	if (err == -EAGAIN)
		return -ETIMEDOUT;
	/* A socket of another type, or something that is no socket. */
	if (err == -EPROTOTYPE || err == -ENOTSOCK)
		return -EPROTO;
	return err == -EPERM ? -EACCES : err;
}

/*
 * May this peer give us code?  The kernel says who it is: root, ourselves, or
 * whoever owns the directory of the socket, if that is one below /run, where
 * only root makes directories.
 */
static bool owns_directory(uid_t uid, const char *path)
{
	char *dir = strdup(path), *real = NULL, *slash;
	struct stat st;
	bool yes = false;

	slash = dir ? strrchr(dir, '/') : NULL;
	if (slash && slash > dir) {
		*slash = '\0';
		real = realpath(dir, NULL);
	}
	if (real && strncmp(real, "/run/", 5) == 0 && !strchr(real + 5, '/') &&
	    lstat(real, &st) == 0)
		yes = S_ISDIR(st.st_mode) && st.st_uid == uid &&
		      !(st.st_mode & (S_IWGRP | S_IWOTH));
	free(real);
	free(dir);
	return yes;
}

static bool is_trusted(int sock, const char *path)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() ||
	       owns_directory(peer.uid, path);
}

/* --------------------------------------------------------------- handshake */

enum { FD_PAGE, FD_DOORBELL, FD_NOTIFY, N_FDS };

static int shake_hands(struct ukcf *u, uint64_t deadline, int fds[N_FDS])
{
	const struct msg_hello hello = { .abi_version = UKCF_ABI_VERSION };
	struct msg_challenge challenge;
	struct msg_welcome welcome;
	int err;

	err = control_call(&u->control, &(struct control_call){
		.verb = MSG_HELLO,
		.body = &hello, .body_len = sizeof(hello),
		.reply = &challenge, .reply_len = sizeof(challenge),
	}, deadline, &u->lost);
	if (err)
		return err;
	return control_call(&u->control, &(struct control_call){
		.verb = MSG_ANSWER,
		.body = &challenge, .body_len = sizeof(challenge),
		.reply = &welcome, .reply_len = sizeof(welcome),
		.fds = fds, .n_fds = N_FDS,
	}, deadline, &u->lost);
}

static int map_page(struct ukcf *u, int fd)
{
	struct stat st;
	void *p = MAP_FAILED;

	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size >= UKCF_PAGE_SIZE)
		p = mmap(NULL, UKCF_PAGE_SIZE, PROT_READ,
			 MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -EPROTO;
	u->page = p;
	if (u->page->magic != UKCF_PAGE_MAGIC ||
	    u->page->abi_version != UKCF_ABI_VERSION)
		return -EPROTO;
	return 0;
}

/* A daemon that died while it wrote the page is being started again. */
static int first_view(struct ukcf *u, uint64_t deadline)
{
	while (view_copy(u->view.copy, u->page) != 0)
		if (clock_ns() >= deadline)
			return -ETIMEDOUT;
	return 0;
}

/* A peer that hangs up here is no daemon of ours. */
static int as_connect_error(int err)
{
	return err == -ESTALE || err == -EBADMSG ? -EPROTO : err;
}

static int open_connection(struct ukcf *u, const char *path, unsigned int flags)
{
	uint64_t deadline = clock_ns() + CONNECT_NS;
	int fds[N_FDS], sock, err;

	sock = connect_socket(path);
	if (sock < 0)
		return sock;
	if (flags & UKCF_CONNECT_NO_CALLER)
		u->no_caller = UKCF_REASON_REFUSED;
	else if (!is_trusted(sock, path))
		u->no_caller = UKCF_REASON_UNTRUSTED;
	err = control_init(&u->control, sock);
	if (!err)
		err = as_connect_error(shake_hands(u, deadline, fds));
	if (err)
		return err;
	u->doorbell_fd = fds[FD_DOORBELL];
	u->notify_fd = fds[FD_NOTIFY];
	err = map_page(u, fds[FD_PAGE]);
	if (!err)
		err = first_view(u, deadline);
	return err;
}

/* ------------------------------------------------------------- life cycle */

static int init_parts(struct ukcf *u)
{
	int err = -pthread_mutex_init(&u->lock, NULL);

	if (!err)
		err = watch_forks(u);
	if (!err)
		err = view_init(&u->view);
	if (!err)
		err = mechs_init(&u->mechs);
	if (!err)
		err = local_keys_init(&u->keys);
	if (!err)
		err = lanes_init(&u->lanes);
	return err;
}

int ukcf_connect(struct ukcf **up, const char *path, unsigned int flags)
{
	struct ukcf *u;
	bool stale;
	int err;

	if (!up || (flags & ~(unsigned int)UKCF_CONNECT_NO_CALLER))
		return -EINVAL;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->timeout_ns = TIMEOUT_NS;
	u->control.sock = u->doorbell_fd = u->notify_fd = -1;
	err = init_parts(u);
	if (!err)
		err = open_connection(u, socket_path(path), flags);
	if (err) {
		ukcf_disconnect(u);
		return err;
	}
	mechs_find(u, 0, &stale); /* and load the modules */
	*up = u;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* In a child the mappings of the parent's rings are not there. */
static void end_members(struct ukcf *u, bool ours)
{
	while (u->streams)
		stream_destroy((struct ukcf_stream *)(void *)u->streams, ours);
	while (u->rings)
		ring_destroy((struct ukcf_ring *)(void *)u->rings, ours);
	while (u->buffers)
		buffer_destroy((struct ukcf_buffer *)(void *)u->buffers, ours,
			       0);
}

void ukcf_disconnect(struct ukcf *u)
{
	bool ours;

	if (!u)
		return;
	ours = u->alive && connection_is_ours(u);
	/* The daemon frees what is ours when it sees the socket closed: no
	 * need to ask for each. */
	store_release_u32(&u->lost, 1);
	end_members(u, ours);
	local_keys_deinit(&u->keys, ours);
	lanes_deinit(u, ours);
	mechs_deinit(&u->mechs);
	view_deinit(&u->view);
	control_deinit(&u->control, ours);
	close_fd(u->doorbell_fd);
	close_fd(u->notify_fd);
	if (u->page)
		munmap((void *)(uintptr_t)u->page, UKCF_PAGE_SIZE);
	if (u->alive)
		munmap((void *)(uintptr_t)u->alive,
		       (size_t)sysconf(_SC_PAGESIZE));
	free(u);
}

int ukcf_set_timeout(struct ukcf *u, uint64_t timeout_ns)
{
	if (!u || timeout_ns < TIMEOUT_MIN_NS || timeout_ns > TIMEOUT_MAX_NS)
		return -EINVAL;
	store_relaxed_u64(&u->timeout_ns, timeout_ns);
	return 0;
}

int ukcf_counts_get(struct ukcf *u, struct ukcf_counts *c)
{
	if (!u || !c)
		return -EINVAL;
	return control_ask(u, &(struct control_call){
		.verb = MSG_COUNTS, .reply = c, .reply_len = sizeof(*c),
	});
}

int ukcf_fd(struct ukcf *u)
{
	return u ? u->notify_fd : -EINVAL;
}

void ukcf_fd_clear(struct ukcf *u)
{
	char bytes[64];

	if (!u || !connection_is_ours(u))
		return;
	while (recv(u->notify_fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

const char *ukcf_version(void)
{
	return UKCF_VERSION;
}

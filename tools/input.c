/* SPDX-License-Identifier: MIT */
#include "tools/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"

#define FIRST_ROOM 65536

static int is_stdin(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

const char *input_name(const char *path)
{
	return is_stdin(path) ? "standard input" : path;
}

int input_open(const char *path)
{
	int fd;

	if (is_stdin(path))
		return STDIN_FILENO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	else /* the kernel reads on while we work on what is there */
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return fd;
}

void input_close(int fd)
{
	if (fd > STDIN_FILENO)
		close(fd);
}

uint64_t input_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ?
		       (uint64_t)st.st_size : 0;
}

ssize_t input_read(int fd, const char *path, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		complain("%s: %s", input_name(path), strerror(errno));
	return n;
}

/* realloc() would leave the old bytes behind. */
static int grow(struct message *m, size_t room)
{
	uint8_t *data = malloc(room);

	if (!data) {
		complain("no memory for %zu bytes", room);
		return -1;
	}
	if (m->len) {
		memcpy(data, m->data, m->len);
		secmem_wipe(m->data, m->len);
	}
	free(m->data);
	m->data = data;
	m->room = room;
	return 0;
}

static size_t first_room(int fd, size_t limit)
{
	const uint64_t size = input_size(fd);

	/* one byte more than the size: a read of 0 ends it */
	if (size)
		return size > limit ? limit + 1 : (size_t)size + 1;
	return limit < FIRST_ROOM ? limit + 1 : FIRST_ROOM;
}

static int read_whole(int fd, const char *path, size_t limit,
		      struct message *m)
{
	ssize_t n;

	if (grow(m, first_room(fd, limit)) < 0)
		return -1;
	while ((n = input_read(fd, path, m->data + m->len,
			       m->room - m->len)) > 0) {
		m->len += (size_t)n;
		if (m->len > limit)
			return 0;
		if (m->len == m->room &&
		    grow(m, m->room > limit / 2 ? limit + 1 : 2 * m->room) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

int input_whole_of(int fd, const char *path, size_t limit, const char *why,
		   struct message *m)
{
	int err;

	*m = (struct message){ 0 };
	err = read_whole(fd, path, limit, m);
	if (!err && m->len > limit) {
		complain("%s: longer than %zu bytes: %s", input_name(path),
			 limit, why);
		err = -1;
	}
	if (err)
		message_free(m);
	return err;
}

int input_whole(const char *path, size_t limit, const char *why,
		struct message *m)
{
	int fd = input_open(path);
	int err;

	*m = (struct message){ 0 };
	if (fd < 0)
		return -1;
	err = input_whole_of(fd, path, limit, why, m);
	input_close(fd);
	return err;
}

void message_free(struct message *m)
{
	if (m->data)
		secmem_wipe(m->data, m->len);
	free(m->data);
	*m = (struct message){ 0 };
}

/* SPDX-License-Identifier: MIT */
#include "tools/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/complain.h"

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int output_stream(const void *data, size_t len)
{
	if (write_all(STDOUT_FILENO, data, len) == 0)
		return 0;
	complain("standard output: %s", strerror(errno));
	return -1;
}

int output_write(const char *path, const void *data, size_t len,
		 unsigned int flags)
{
	struct outfile o;

	if (outfile_open(&o, path, flags) < 0)
		return -1;
	if (outfile_write(&o, data, len) == 0)
		return outfile_commit(&o);
	outfile_drop(&o);
	return -1;
}

int output_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	complain("standard output: %s", strerror(errno));
	return -1;
}

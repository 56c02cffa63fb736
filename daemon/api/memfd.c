/* SPDX-License-Identifier: MIT */
#include "daemon/api/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

static int create(const char *name)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

int memfd_new(const char *name, uint64_t size, enum memfd_writer writer)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	mode_t mode = writer == MEMFD_DAEMON_WRITES ? 0400 : 0600;
	int fd = create(name);
	int err;

	if (fd < 0)
		return fd;
	if (writer == MEMFD_DAEMON_WRITES)
		seals |= F_SEAL_SEAL;
	if (ftruncate(fd, (off_t)size) == 0 && fchmod(fd, mode) == 0 &&
	    fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int memfd_for_consumer(int fd, enum memfd_writer writer)
{
	char path[32];
	int copy;

	if (writer == MEMFD_CONSUMER_WRITES) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		copy = open(path, O_RDONLY | O_CLOEXEC);
	}
	return copy < 0 ? -errno : copy;
}

void *memfd_map(int fd, uint64_t size, enum memfd_writer writer)
{
	int prot = writer == MEMFD_DAEMON_WRITES ? PROT_READ | PROT_WRITE
						 : PROT_READ;
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_DONTFORK);
	return p;
}

int memfd_seal_late(int fd, uint64_t size)
{
	const int want = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE |
			 F_SEAL_SEAL;
	struct stat st;
	int have = fcntl(fd, F_GET_SEALS);

	if (have < 0)
		return -errno;
	if ((have & want) != want &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		return -EPROTO;
	/* After the seal, so that no hole can come after the check. */
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != size)
		return -EPROTO;
	if (lseek(fd, 0, SEEK_HOLE) != (off_t)size)
		return -EPROTO;
	return 0;
}

uint64_t memfd_round(uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

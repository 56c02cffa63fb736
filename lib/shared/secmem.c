/* SPDX-License-Identifier: MIT */
#include "lib/shared/secmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t whole_pages(size_t size)
{
	size_t page = page_size();

	return (size + page - 1) / page * page;
}

static void keep_private(void *p, size_t size)
{
	madvise(p, size, MADV_DONTDUMP);
	madvise(p, size, MADV_DONTFORK);
}

void *secmem_alloc(size_t size)
{
	size_t page = page_size(), inner = whole_pages(size);
	char *p;

	if (size == 0 || inner < size) {
		errno = EINVAL;
		return NULL;
	}
	p = mmap(NULL, inner + 2 * page, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + page, inner, PROT_READ | PROT_WRITE) < 0 ||
	    mlock(p + page, inner) < 0) {
		int err = errno;

		munmap(p, inner + 2 * page);
		errno = err;
		return NULL;
	}
	keep_private(p + page, inner);
	return p + page;
}

void secmem_free(void *p, size_t size)
{
	size_t page = page_size(), inner = whole_pages(size);

	if (!p)
		return;
	secmem_wipe(p, inner);
	munmap((char *)p - page, inner + 2 * page);
}

void secmem_wipe(void *p, size_t size)
{
	explicit_bzero(p, size);
}

bool secmem_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}

/* Secret memory faults in locked; an ordinary memfd must be locked. */
static int map_slab(int fd, size_t size, void **base, bool secret)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	if (!secret && mlock(p, size) < 0) {
		int err = -errno;

		munmap(p, size);
		return err;
	}
	keep_private(p, size);
	*base = p;
	return 0;
}

/* Only an ordinary memfd knows seals. */
static bool is_secret(int fd)
{
	return fcntl(fd, F_GET_SEALS) < 0;
}

int secmem_slab_open(int fd, size_t size, void **base, bool *secret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != (off_t)size)
		return -EPROTO;
	*secret = is_secret(fd);
	return map_slab(fd, size, base, *secret);
}

int secmem_slab_new(const char *name, size_t size, int *fd, void **base,
		    bool *secret)
{
	int f = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	int err;

	*secret = f >= 0;
	if (*secret && ftruncate(f, (off_t)size) == 0 &&
	    map_slab(f, size, base, true) == 0) {
		*fd = f;
		return 0;
	}
	if (f >= 0)
		close(f);
	*secret = false;
	f = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (f < 0)
		return -errno;
	err = ftruncate(f, (off_t)size) < 0 ? -errno
					    : map_slab(f, size, base, false);
	if (err) {
		close(f);
		return err;
	}
	*fd = f;
	return 0;
}

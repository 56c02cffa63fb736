/* SPDX-License-Identifier: MIT */
#include "daemon/core/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/api/memfd.h"
#include "daemon/fdstore.h"

#define RECOVERY_MAGIC UINT64_C(0x79726f6365726b75)
/* Raised with any change of the records' layout. */
#define RECOVERY_VERSION 3

struct recovery *recovery;

static int recovery_fd = -1;

#define TABLE_SIZE (REC_ENTRIES_MAX * sizeof(struct rec_entry))
#define WAITERS_SIZE (REC_WAITERS_MAX * sizeof(struct rec_waiter))

static uint64_t tables_at(void)
{
	return memfd_round(sizeof(struct recovery));
}

static uint64_t waiters_at(void)
{
	return tables_at() + (uint64_t)REC_RINGS_MAX * TABLE_SIZE;
}

static uint64_t recovery_size(void)
{
	return waiters_at() + (uint64_t)REC_RINGS_MAX * WAITERS_SIZE;
}

static int map(int fd)
{
	void *p = mmap(NULL, recovery_size(), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	madvise(p, recovery_size(), MADV_DONTDUMP);
	madvise(p, recovery_size(), MADV_DONTFORK);
	recovery = p;
	recovery_fd = fd;
	return 0;
}

static int take_over(int fd)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		err = -errno;
	else if ((uint64_t)st.st_size != recovery_size())
		err = -EPROTO;
	else
		err = map(fd);
	if (err) {
		close(fd);
		return err;
	}
	if (recovery->magic != RECOVERY_MAGIC ||
	    recovery->version != RECOVERY_VERSION) {
		recovery_close();
		return -EPROTO;
	}
	recovery->restarts++;
	recovery->boot_gen++;
	return 0;
}

static int start_new(void)
{
	int fd = memfd_new("ukcf-recovery", recovery_size(),
			   MEMFD_DAEMON_WRITES);
	int err;

	if (fd < 0)
		return fd;
	err = map(fd);
	if (err) {
		close(fd);
		return err;
	}
	if (getrandom(&recovery->boot_gen, sizeof(recovery->boot_gen), 0) < 0)
		recovery->boot_gen = (uint64_t)time(NULL);
	recovery->boot_gen &= UINT64_MAX >> 1; /* room to count up */
	recovery->started_s = (uint64_t)time(NULL);
	recovery->next_serial = 1;
	recovery->version = RECOVERY_VERSION;
	recovery->magic = RECOVERY_MAGIC;
	return fdstore_put("recovery", fd);
}

int recovery_open(int fd, bool *taken_over)
{
	*taken_over = fd >= 0;
	return fd >= 0 ? take_over(fd) : start_new();
}

void recovery_close(void)
{
	if (recovery)
		munmap(recovery, recovery_size());
	if (recovery_fd >= 0)
		close(recovery_fd);
	recovery = NULL;
	recovery_fd = -1;
}

struct rec_entry *recovery_entries(uint32_t ring)
{
	return (struct rec_entry *)(void *)((char *)recovery + tables_at() +
					    (uint64_t)ring * TABLE_SIZE);
}

struct rec_waiter *recovery_waiters(uint32_t ring)
{
	return (struct rec_waiter *)(void *)((char *)recovery + waiters_at() +
					     (uint64_t)ring * WAITERS_SIZE);
}

static void drop(uint64_t from, uint64_t size)
{
	/* Tables are whole pages, so a hole touches no neighbour. */
	_Static_assert(TABLE_SIZE % 4096 == 0, "tables are whole pages");
	_Static_assert(WAITERS_SIZE % 4096 == 0, "tables are whole pages");
	if (size % memfd_round(1) == 0 &&
	    fallocate(recovery_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)from, (off_t)size) == 0)
		return;
	memset((char *)recovery + from, 0, size);
}

void recovery_entries_drop(uint32_t ring)
{
	drop(tables_at() + (uint64_t)ring * TABLE_SIZE, TABLE_SIZE);
	drop(waiters_at() + (uint64_t)ring * WAITERS_SIZE, WAITERS_SIZE);
}

int recovery_consumer_new(void)
{
	for (int i = 0; i < REC_CONSUMERS_MAX; i++) {
		struct rec_consumer *c = &recovery->consumers[i];

		if (c->state != REC_FREE)
			continue;
		memset(c, 0, sizeof(*c));
		c->serial = recovery->next_serial++;
		c->state = REC_OPENING;
		return i;
	}
	return -1;
}

int recovery_ring_new(void)
{
	for (int i = 0; i < REC_RINGS_MAX; i++) {
		struct rec_ring *r = &recovery->rings[i];

		if (r->state != REC_FREE)
			continue;
		memset(r, 0, sizeof(*r));
		r->serial = recovery->next_serial++;
		return i;
	}
	return -1;
}

int recovery_buffer_new(void)
{
	for (int i = 0; i < REC_BUFFERS_MAX; i++) {
		struct rec_buffer *b = &recovery->buffers[i];

		if (b->state != REC_FREE)
			continue;
		memset(b, 0, sizeof(*b));
		return i;
	}
	return -1;
}

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/api/memfd.h"
#include "tests/support/check.h"
#include "tests/unit/fixture.h"

#define SIZE 16384u

static int fd;

static char *map(int f, int prot)
{
	char *p = mmap(NULL, SIZE, prot, MAP_SHARED, f, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int new(enum memfd_writer writer)
{
	fd = memfd_new("unit", SIZE, writer);
	cr_assert(fd >= 0);
	return fd;
}

/* As a consumer does before it says that it is ready. */
static char *prefaulted(int f)
{
	char *p = map(f, PROT_READ | PROT_WRITE);

	cr_assert_not_null(p);
	memset(p, 1, SIZE);
	return p;
}

Test(memfd, rounding_goes_up_to_whole_pages)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	cr_assert_eq(memfd_round(0), 0);
	cr_assert_eq(memfd_round(1), page);
	cr_assert_eq(memfd_round(page - 1), page);
	cr_assert_eq(memfd_round(page), page);
	cr_assert_eq(memfd_round(page + 1), 2 * page);
}

Test(memfd, neither_kind_can_be_made_longer_or_shorter)
{
	for (int w = 0; w < 2; w++) {
		new((enum memfd_writer)w);
		cr_assert_eq(ftruncate(fd, SIZE / 2), -1);
		cr_assert_eq(ftruncate(fd, 2 * SIZE), -1);
		cr_assert_eq(errno, EPERM);
		cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
}

Test(memfd, what_the_daemon_writes_cannot_be_sealed_any_more)
{
	new(MEMFD_DAEMON_WRITES);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	cr_assert_eq(errno, EPERM);
}

Test(memfd, a_consumer_gets_a_descriptor_through_which_nothing_is_written)
{
	int given;

	new(MEMFD_DAEMON_WRITES);
	given = memfd_for_consumer(fd, MEMFD_DAEMON_WRITES);
	cr_assert(given >= 0);
	cr_assert_eq(fcntl(given, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(write(given, "x", 1), -1);
	cr_assert_eq(fallocate(given, FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	cr_assert_null(map(given, PROT_READ | PROT_WRITE));
	cr_assert_not_null(map(given, PROT_READ));
	cr_assert(mprotect(map(given, PROT_READ), SIZE, PROT_WRITE) < 0);
}

/* In a child that is somebody else.  Return: how many ways led to a write. */
static int ways_to_write(int given, mode_t mode)
{
	char path[32];
	int n = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", given);
	n += open(path, O_RDWR) >= 0;
	n += open(path, O_WRONLY) >= 0;
	n += fchmod(given, mode) == 0;
	return n;
}

static int ways_of_another(int given)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (become(other_uid()))
			_exit(99);
		_exit(ways_to_write(given, 0666));
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 99);
	return WEXITSTATUS(status);
}

Test(memfd, another_user_cannot_reopen_it_for_writing)
{
	int given, open_to_all;

	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	new(MEMFD_DAEMON_WRITES);
	given = memfd_for_consumer(fd, MEMFD_DAEMON_WRITES);
	cr_assert_eq(ways_of_another(given), 0);
	/* the control: one that everybody may write */
	open_to_all = memfd_create("control", 0);
	cr_assert_eq(fchmod(open_to_all, 0666), 0);
	cr_assert_eq(ways_of_another(open_to_all), 2);
}

Test(memfd, the_daemon_maps_what_the_consumer_writes_read_only)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *theirs, *ours;

	new(MEMFD_CONSUMER_WRITES);
	ours = memfd_map(fd, SIZE, MEMFD_CONSUMER_WRITES);
	cr_assert_not_null(ours);
	theirs = prefaulted(fd);
	theirs[5] = 9;
	cr_assert_eq(ours[5], 9);
	cr_assert_eq(read(zero, ours, 1), -1);
	cr_assert_eq(errno, EFAULT);
	cr_assert_eq(read(zero, theirs, 1), 1);
}

/* Every way in which bytes could be taken away from under a reader. */
Test(memfd, after_the_late_seal_no_hole_can_be_made_and_no_writer_joins)
{
	int given;
	char *p;

	new(MEMFD_CONSUMER_WRITES);
	given = memfd_for_consumer(fd, MEMFD_CONSUMER_WRITES);
	p = prefaulted(given);
	cr_assert_eq(memfd_seal_late(fd, SIZE), 0);
	p[0] = 3; /* the mapping of before goes on */
	cr_assert_eq(fallocate(given, FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(madvise(p, 4096, MADV_REMOVE), -1);
	cr_assert_eq(ftruncate(given, 0), -1);
	cr_assert_eq(pwrite(given, "x", 1, 0), -1);
	cr_assert_null(map(given, PROT_READ | PROT_WRITE));
	cr_assert_eq(fcntl(given, F_ADD_SEALS, F_SEAL_WRITE), -1);
	cr_assert_eq(lseek(fd, 0, SEEK_HOLE), SIZE);
}

/* The control of the test above: before the seal all this is possible. */
Test(memfd, before_the_late_seal_holes_can_be_made)
{
	char *p;

	new(MEMFD_CONSUMER_WRITES);
	p = prefaulted(fd);
	cr_assert_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, 4096), 0);
	cr_assert_eq(madvise(p + 8192, 4096, MADV_REMOVE), 0);
	cr_assert_eq(pwrite(fd, "x", 1, 0), 1);
}

Test(memfd, holes_anywhere_are_found)
{
	for (uint32_t at = 0; at < SIZE; at += 4096) {
		new(MEMFD_CONSUMER_WRITES);
		prefaulted(fd);
		cr_assert_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				       FALLOC_FL_KEEP_SIZE, at, 4096), 0);
		cr_assert_eq(memfd_seal_late(fd, SIZE), -EPROTO);
	}
	new(MEMFD_CONSUMER_WRITES);
	cr_assert_eq(memfd_seal_late(fd, SIZE), -EPROTO, "all of it a hole");
}

Test(memfd, sealing_late_again_is_the_same)
{
	new(MEMFD_CONSUMER_WRITES);
	prefaulted(fd);
	cr_assert_eq(memfd_seal_late(fd, SIZE), 0);
	cr_assert_eq(memfd_seal_late(fd, SIZE), 0);
}

Test(memfd, another_size_is_EPROTO)
{
	new(MEMFD_CONSUMER_WRITES);
	prefaulted(fd);
	cr_assert_eq(memfd_seal_late(fd, SIZE - 4096), -EPROTO);
	cr_assert_eq(memfd_seal_late(fd, SIZE + 4096), -EPROTO);
}

/* Seals that the consumer sets itself do not get it past ours. */
Test(memfd, a_consumer_that_seals_first_gains_nothing)
{
	new(MEMFD_CONSUMER_WRITES);
	prefaulted(fd);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), 0);
	cr_assert_eq(memfd_seal_late(fd, SIZE), -EPROTO);
}

Test(memfd, a_mapping_is_left_out_of_dumps_and_forks)
{
	int status;
	pid_t pid;
	char *p;

	new(MEMFD_DAEMON_WRITES);
	p = memfd_map(fd, SIZE, MEMFD_DAEMON_WRITES);
	p[0] = 1;
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		p[0] = 2;
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(p[0], 1);
}

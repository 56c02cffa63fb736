/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/memfd.h"
#include "daemon/core/recovery.h"
#include "tests/unit/fixture.h"

static bool taken_over;

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(recovery_open(-1, &taken_over), 0);
	cr_assert_not(taken_over);
}

TestSuite(recovery, .init = setup);

/* The memfd behind the mapping, as the store would keep it. */
static int stored(void)
{
	struct stat st;
	char name[64];

	for (int fd = 3; fd < 100; fd++) {
		char link[32];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, name, sizeof(name) - 1);
		if (n <= 0)
			continue;
		name[n] = '\0';
		if (strstr(name, "ukcf-recovery") && fstat(fd, &st) == 0)
			return dup(fd);
	}
	cr_assert_fail("no recovery memfd");
	return -1;
}

Test(recovery, a_new_record_is_empty_and_knows_when_it_began)
{
	cr_assert_eq(recovery->restarts, 0);
	cr_assert_neq(recovery->boot_gen, 0);
	cr_assert_gt(recovery->started_s, 0);
	for (int i = 0; i < REC_RINGS_MAX; i++)
		cr_assert_eq(recovery->rings[i].state, REC_FREE);
}

Test(recovery, what_was_recorded_is_there_after_a_restart)
{
	uint64_t gen = recovery->boot_gen, serial;
	int fd = stored(), c = recovery_consumer_new();

	recovery->consumers[c].uid = 55;
	recovery_entries(REC_RINGS_MAX - 1)[REC_ENTRIES_MAX - 1].seq = 99;
	serial = recovery->next_serial;
	recovery_close();
	cr_assert_eq(recovery_open(fd, &taken_over), 0);
	cr_assert(taken_over);
	cr_assert_eq(recovery->consumers[c].uid, 55);
	cr_assert_eq(recovery->consumers[c].state, REC_OPENING);
	cr_assert_eq(recovery->next_serial, serial);
	cr_assert_eq(recovery->restarts, 1);
	cr_assert_neq(recovery->boot_gen, gen);
	cr_assert_eq(recovery_entries(REC_RINGS_MAX - 1)[REC_ENTRIES_MAX - 1]
			     .seq, 99);
}

Test(recovery, records_of_another_version_are_EPROTO_and_their_fd_is_closed)
{
	int fd, before, sizes[] = { 0, 4096 };

	fd = stored();
	recovery->version++;
	recovery_close();
	cr_assert_eq(recovery_open(fd, &taken_over), -EPROTO);
	cr_assert(!is_open_fd(fd));
	for (int i = 0; i < 2; i++) {
		before = next_fd();
		fd = memfd_new("short", (uint64_t)sizes[i],
			       MEMFD_DAEMON_WRITES);
		cr_assert_eq(recovery_open(fd, &taken_over), -EPROTO);
		cr_assert_eq(next_fd(), before, "the descriptor leaks");
	}
	cr_assert_eq(recovery_open(-1, &taken_over), 0, "and one begins anew");
}

Test(recovery, serials_are_never_given_twice)
{
	uint64_t last = 0;

	for (int i = 0; i < 1000; i++) {
		int c = recovery_consumer_new(), r = recovery_ring_new();

		cr_assert(recovery->consumers[c].serial > last);
		cr_assert(recovery->rings[r].serial >
			  recovery->consumers[c].serial);
		last = recovery->rings[r].serial;
		recovery->consumers[c].state = REC_FREE;
		recovery->rings[r].state = REC_FREE;
	}
}

Test(recovery, a_record_used_again_begins_with_zeros)
{
	int r = recovery_ring_new(), again;

	memset(&recovery->rings[r], 0xff, sizeof(recovery->rings[r]));
	recovery->rings[r].state = REC_FREE;
	again = recovery_ring_new();
	cr_assert_eq(again, r);
	cr_assert_eq(recovery->rings[r].sq_head, 0);
	cr_assert_eq(recovery->rings[r].counts.accepted, 0);
	cr_assert_eq(recovery->rings[r].state, REC_FREE,
		     "until its owner has filled it in");
}

Test(recovery, each_kind_of_record_ends_with_minus_one)
{
	for (int n = 0; n < REC_CONSUMERS_MAX; n++)
		cr_assert_eq(recovery_consumer_new(), n);
	cr_assert_eq(recovery_consumer_new(), -1);
	for (int n = 0; n < REC_RINGS_MAX; n++) {
		cr_assert_eq(recovery_ring_new(), n);
		recovery->rings[n].state = REC_OPENING;
	}
	cr_assert_eq(recovery_ring_new(), -1);
	for (int n = 0; n < REC_BUFFERS_MAX; n++) {
		cr_assert_eq(recovery_buffer_new(), n);
		recovery->buffers[n].state = REC_OPENING;
	}
	cr_assert_eq(recovery_buffer_new(), -1);
	recovery->buffers[77].state = REC_FREE;
	cr_assert_eq(recovery_buffer_new(), 77);
}

Test(recovery, a_dropped_table_is_zero_and_its_neighbours_are_not_touched)
{
	for (uint32_t r = 4; r < 7; r++)
		memset(recovery_entries(r), 0xee,
		       REC_ENTRIES_MAX * sizeof(struct rec_entry));
	recovery_entries_drop(5);
	for (int i = 0; i < REC_ENTRIES_MAX; i++) {
		cr_assert_eq(recovery_entries(5)[i].state, 0);
		cr_assert_eq(recovery_entries(5)[i].sqe.gen, 0);
	}
	cr_assert_eq(recovery_entries(4)[REC_ENTRIES_MAX - 1].state,
		     0xeeeeeeee);
	cr_assert_eq(recovery_entries(6)[0].sqe.gen, 0xeeeeeeee);
}

Test(recovery, an_idle_record_takes_little_memory)
{
	struct stat st;

	cr_assert_eq(fstat(stored(), &st), 0);
	cr_assert_gt(st.st_size, 1 << 30);
	cr_assert_lt(st.st_blocks, 4096, "512-byte blocks: 2 MiB");
}

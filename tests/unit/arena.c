/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/arena.h"
#include "lib/shared/ring-ops.h"
#include "tests/unit/fixture.h"

TestSuite(arena, .init = fixture_init);

/* 64 bits, no tricks. */
static bool inside(uint64_t off, uint64_t len)
{
	return off + len <= ARENA_SIZE;
}

Test(arena, every_corner_of_offset_and_length_stays_inside_or_is_refused)
{
	static const uint32_t v[] = { 0, 1, ARENA_SIZE - 1, ARENA_SIZE,
				      ARENA_SIZE + 1, 0x7fffffff, 0x80000000,
				      0xffffffff - ARENA_SIZE,
				      0xffffffff - ARENA_SIZE + 1,
				      0xfffffffe, 0xffffffff };
	const size_t n = sizeof(v) / sizeof(v[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct ukcf_range r = { v[i], v[k] };
			uint8_t *p = arena_bytes(fx.in, r);

			if (!v[k]) /* absent; nobody asks */
				continue;
			cr_assert_eq(p != NULL, inside(v[i], v[k]), "%u, %u",
				     v[i], v[k]);
			if (p)
				cr_assert_eq(p, fx.in->base + v[i]);
		}
}

Test(arena, only_the_indexes_of_ready_buffers_can_be_held)
{
	static const uint32_t bad[] = { 2, 63, 64, 65, 127, 128, 0x7fff, 0xffff,
					0x10000, 0x80000000, 0xffffffff };

	for (uint32_t i = 0; i < 2; i++) {
		struct arena *a = arena_hold(&fx.consumer, i);

		cr_assert_eq(a, i ? fx.out : fx.in);
		arena_release(a);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_null(arena_hold(&fx.consumer, bad[i]), "%u", bad[i]);
}

Test(arena, what_is_not_acknowledged_yet_cannot_be_held)
{
	struct arena *a;
	int fd;

	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_INPUT, 4096, 9, &a,
				  &fd), 0);
	cr_assert_null(arena_hold(&fx.consumer, a->index));
	cr_assert_eq(arena_ready(&fx.consumer, a), -EPROTO, "all holes");
	cr_assert_null(arena_hold(&fx.consumer, a->index));
	arena_remove(&fx.consumer, a);
	cr_assert_eq(recovery->buffers[2].state, REC_FREE);
}

Test(arena, one_that_is_hidden_from_devices_is_after_a_restart)
{
	struct arena *a, *again;
	int fd;

	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_OUTPUT, 4096, 9, &a,
				  &fd), 0);
	cr_assert(!a->hidden);
	arena_hide(a);
	cr_assert(a->hidden);
	cr_assert_eq(a->kind, UKCF_BUFFER_OUTPUT);
	cr_assert_eq(arena_ready(&fx.consumer, a), 0);
	cr_assert_eq(arena_restore(&fx.consumer, a->rec, dup(a->fd)), 0);
	again = fx.consumer.buffers[a->index];
	cr_assert_neq(again, a);
	cr_assert(again->hidden);
	cr_assert_eq(again->kind, UKCF_BUFFER_OUTPUT);
	cr_assert_eq(again->size, 4096);
	arena_remove(&fx.consumer, again);
	arena_remove(&fx.consumer, a); /* the old process's */
}

Test(arena, sizes_that_cannot_be_are_EINVAL)
{
	static const uint64_t bad[] = { 0, UKCF_BUFFER_SIZE_MAX + 1ull,
					UINT64_C(1) << 32, UINT64_MAX - 4094,
					UINT64_MAX };
	struct arena *a;
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_INPUT,
					  bad[i], 1, &a, &fd), -EINVAL);
	cr_assert_eq(arena_create(&fx.consumer, (enum ukcf_buffer_kind)2, 4096,
				  1, &a, &fd), -EINVAL);
}

Test(arena, a_connection_has_no_more_than_its_number_of_buffers)
{
	struct arena *a;
	int fd, n = 2;

	while (arena_create(&fx.consumer, UKCF_BUFFER_INPUT, 1, 1, &a, &fd) ==
	       0) {
		close(fd);
		n++;
	}
	cr_assert_eq(n, UKCF_BUFFERS_MAX);
	arena_remove(&fx.consumer, fx.consumer.buffers[17]);
	cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_INPUT, 1, 1, &a,
				  &fd), 0);
	cr_assert_eq(a->index, 17);
}

Test(arena, one_that_is_in_use_outlives_its_removal_until_released)
{
	struct pollfd p = { .fd = arena_reap_fd(), .events = POLLIN };
	struct arena *a = arena_hold(&fx.consumer, 0);
	int fd = a->fd;

	fx.user_in[7] = 42;
	arena_remove(&fx.consumer, a);
	cr_assert_null(arena_hold(&fx.consumer, 0));
	arena_reap();
	cr_assert_eq(a->base[7], 42);
	cr_assert_eq(recovery->buffers[0].state, REC_CLOSING);
	arena_release(a);
	cr_assert_eq(poll(&p, 1, 0), 1, "main is woken to free it");
	arena_reap();
	cr_assert_eq(recovery->buffers[0].state, REC_FREE);
	cr_assert_null(a->base);
	cr_assert(!is_open_fd(fd));
}

Test(arena, a_repeated_acknowledgement_changes_nothing)
{
	uint8_t *base = fx.in->base;

	cr_assert_eq(arena_ready(&fx.consumer, fx.in), 0);
	cr_assert_eq(fx.in->base, base);
	cr_assert_eq(fx.in->refs, 1);
}

Test(arena, an_output_buffer_is_given_read_only_also_the_second_time)
{
	int fd = arena_reopen(fx.out);

	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0), MAP_FAILED);
	fx.out->base[3] = 5;
	cr_assert_eq(fx.user_out[3], 5);
}

Test(arena, a_restored_buffer_has_its_bytes_and_is_held_again)
{
	int fd = dup(fx.in->fd);

	fx.user_in[100] = 77;
	fx.consumer.buffers[0] = NULL; /* a new process */
	cr_assert_eq(arena_restore(&fx.consumer, 0, fd), 0);
	cr_assert_neq(fx.consumer.buffers[0], fx.in);
	cr_assert_eq(arena_hold(&fx.consumer, 0)->base[100], 77);
}

/* Removed and made anew under the feet of a thread that holds. */
struct holder {
	uint32_t stop;
	uint64_t held; /* atomic */
};

static void *hold_for_ever(void *arg)
{
	struct holder *h = arg;

	while (!load_acquire_u32(&h->stop)) {
		struct arena *a = arena_hold(&fx.consumer, 1);

		if (!a)
			continue;
		/* Mapped as long as it is held. */
		fetch_add_u64(&h->held, a->base[0] == 0);
		arena_release(a);
	}
	return NULL;
}

Test(arena, holding_races_with_removal_and_never_meets_freed_memory)
{
	struct holder h = { 0 };
	struct arena *a;
	pthread_t t;
	int fd;

	cr_assert_eq(pthread_create(&t, NULL, hold_for_ever, &h), 0);
	/* On a busy machine the thread may take a while to begin. */
	for (int i = 0; i < 3000 || load_relaxed_u64(&h.held) < 100; i++) {
		arena_remove(&fx.consumer, fx.consumer.buffers[1]);
		arena_reap();
		cr_assert_eq(arena_create(&fx.consumer, UKCF_BUFFER_OUTPUT,
					  4096, 1, &a, &fd), 0);
		close(fd);
		cr_assert_eq(a->index, 1);
		cr_assert_eq(arena_ready(&fx.consumer, a), 0);
	}
	store_release_u32(&h.stop, 1);
	pthread_join(t, NULL);
	arena_reap();
	cr_assert_eq(fx.consumer.buffers[1]->refs, 1);
}

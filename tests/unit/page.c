/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/memfd.h"
#include "daemon/api/page.h"
#include "lib/shared/ring-ops.h"

static struct ukcf_page_mech mechs[UKCF_PAGE_MECHS_MAX];
static struct ukcf_page_provider providers[UKCF_PAGE_PROVIDERS_MAX + 1];

static const struct ukcf_page *view(void)
{
	int fd = page_reopen();
	void *p;

	cr_assert(fd >= 0);
	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	p = mmap(NULL, UKCF_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert(p != MAP_FAILED);
	close(fd);
	return p;
}

static void setup(void)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(page_open(-1, 77, 20000), 0);
}

TestSuite(page, .init = setup);

Test(page, says_who_it_is)
{
	const struct ukcf_page *p = view();

	cr_assert_eq(p->magic, UKCF_PAGE_MAGIC);
	cr_assert_eq(p->abi_version, UKCF_ABI_VERSION);
	cr_assert_eq(p->boot_gen, 77);
	cr_assert_eq(p->inline_ns, 20000);
	cr_assert_eq(p->seq % 2, 0);
}

Test(page, publishing_changes_the_epoch_and_leaves_the_count_even)
{
	const struct ukcf_page *p = view();
	uint32_t epoch = p->epoch, seq = p->seq;

	mechs[0].id = UKCF_MECH_SHA2_256;
	providers[1].id = 1;
	page_publish(providers, 2, mechs, 1);
	cr_assert_eq(p->n_mechs, 1);
	cr_assert_eq(p->n_providers, 2);
	cr_assert_eq(p->mechs[0].id, UKCF_MECH_SHA2_256);
	cr_assert_eq(p->providers[1].id, 1);
	cr_assert_neq(p->epoch, epoch);
	cr_assert_neq(p->seq, seq);
	cr_assert_eq(p->seq % 2, 0);
}

Test(page, more_rows_than_fit_are_left_out)
{
	const struct ukcf_page *p = view();

	page_publish(providers, UKCF_PAGE_PROVIDERS_MAX + 1, mechs,
		     UKCF_PAGE_MECHS_MAX);
	page_publish(providers, UINT32_MAX, mechs, UINT32_MAX);
	cr_assert_eq(p->n_mechs, UKCF_PAGE_MECHS_MAX);
	cr_assert_eq(p->n_providers, UKCF_PAGE_PROVIDERS_MAX + 1);
}

/* What the store gives back after the writer died in the middle. */
Test(page, a_restart_goes_on_in_the_same_memory_and_is_noticed)
{
	int fd = memfd_new("page", UKCF_PAGE_SIZE, MEMFD_DAEMON_WRITES);
	struct ukcf_page *old =
		memfd_map(fd, UKCF_PAGE_SIZE, MEMFD_DAEMON_WRITES);

	old->boot_gen = 1;
	old->seq = 7;
	old->epoch = 5;
	page_close();
	cr_assert_eq(page_open(fd, 2, 1), 0);
	cr_assert_eq(old->boot_gen, 2);
	cr_assert_neq(old->epoch, 5);
	cr_assert_eq(old->seq % 2, 0);
	cr_assert(old->seq > 7);
}

static void *publish_for_ever(void *arg)
{
	uint32_t *stop = arg;

	for (uint32_t n = 1; !load_acquire_u32(stop); n++) {
		for (unsigned int i = 0; i < 8; i++)
			mechs[i].id = n;
		page_publish(providers, 1, mechs, 8);
	}
	return NULL;
}

/* As libukcf reads: the count before and after, even and equal. */
Test(page, a_reader_that_checks_the_count_never_sees_a_mixture)
{
	const struct ukcf_page *p = view();
	struct ukcf_page_mech copy[8];
	uint32_t stop = 0, good = 0;
	pthread_t t;

	page_publish(providers, 1, mechs, 8);
	cr_assert_eq(pthread_create(&t, NULL, publish_for_ever, &stop), 0);
	for (unsigned int i = 0; i < 1000000 && good < 2000; i++) {
		uint32_t before = load_acquire_u32(&p->seq);

		memcpy(copy, p->mechs, sizeof(copy));
		read_fence();
		if (before % 2 || load_relaxed_u32(&p->seq) != before)
			continue;
		good++;
		for (unsigned int k = 1; k < 8; k++)
			cr_assert_eq(copy[k].id, copy[0].id);
	}
	store_release_u32(&stop, 1);
	pthread_join(t, NULL);
	cr_assert_gt(good, 0);
}

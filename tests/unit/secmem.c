/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/secmem.h"

static size_t page;

static void setup(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
}

TestSuite(secmem, .init = setup);

/* The VmFlags of the mapping that holds p, as " xx yy ". */
static const char *flags_of(const void *p)
{
	static char line[512];
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to, at = (unsigned long)p;
	bool here = false;

	cr_assert(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= at && at < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			break;
	}
	fclose(f);
	return here ? line : "";
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static bool is_locked(const void *p)
{
#ifdef __SANITIZE_ADDRESS__
	(void)p;
	return true; /* it makes mlock() do nothing */
#else
	return strstr(flags_of(p), " lo") != NULL;
#endif
}

/* Does an access fault?  Asked in a child, which may die of it. */
static bool faults(volatile char *p, bool write)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		if (write)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status);
}

Test(secmem, is_zeroed_locked_and_left_out_of_dumps_and_forks)
{
	static const char zero[5000];
	char *p = secmem_alloc(5000);

	cr_assert_not_null(p);
	cr_assert_eq(memcmp(p, zero, sizeof(zero)), 0);
	cr_assert(is_locked(p), "locked: %s", flags_of(p));
	cr_assert(strstr(flags_of(p), " dd"), "not dumped: %s", flags_of(p));
	cr_assert(strstr(flags_of(p), " dc"), "not forked: %s", flags_of(p));
	secmem_free(p, 5000);
}

Test(secmem, lies_between_pages_that_fault)
{
	char *p = secmem_alloc(2 * page);
	char *q = mmap(NULL, page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_not(faults(q, true), "the control: plain memory");
	cr_assert(faults(p - 1, false));
	cr_assert(faults(p + 2 * page, false));
	cr_assert(faults(p, false), "a child has none of it");
	memset(p, 1, 2 * page);
	secmem_free(p, 2 * page);
}

Test(secmem, sizes_that_cannot_be_are_refused)
{
	static const size_t sizes[] = { 0, SIZE_MAX, SIZE_MAX - 1,
					SIZE_MAX - 4095, SIZE_MAX - 4096,
					SIZE_MAX - 8191, SIZE_MAX - 8192,
					SIZE_MAX / 2 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		cr_assert_null(secmem_alloc(sizes[i]), "%zx", sizes[i]);
	secmem_free(NULL, 1);
}

Test(secmem, a_freed_page_is_gone)
{
	char *p = secmem_alloc(1);

	secmem_free(p, 1);
	cr_assert(faults(p, false));
}

Test(secmem, wipe_leaves_zeros)
{
	char buf[100], zero[100] = { 0 };

	memset(buf, 7, sizeof(buf));
	secmem_wipe(buf, sizeof(buf));
	cr_assert_eq(memcmp(buf, zero, sizeof(buf)), 0);
}

Test(secmem, equal_sees_every_single_bit)
{
	unsigned char a[33], b[33];

	for (size_t i = 0; i < sizeof(a); i++)
		a[i] = b[i] = (unsigned char)(i * 11);
	cr_assert(secmem_equal(a, b, sizeof(a)));
	cr_assert(secmem_equal(a, b, 0));
	for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
		b[bit / 8] ^= (unsigned char)(1u << bit % 8);
		cr_assert_not(secmem_equal(a, b, sizeof(a)), "bit %zu", bit);
		cr_assert_eq(secmem_equal(a, b, bit / 8), true);
		b[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

Test(secmem, a_slab_is_found_again_through_its_descriptor)
{
	void *first, *again;
	bool secret, still;
	int fd;

	cr_assert_eq(secmem_slab_new("unit", 4 * page, &fd, &first, &secret),
		     0);
	memcpy(first, "hello", 6);
	cr_assert_eq(munmap(first, 4 * page), 0);
	cr_assert_eq(secmem_slab_open(fd, 4 * page, &again, &still), 0);
	cr_assert_eq(secret, still);
	cr_assert_str_eq((char *)again, "hello");
	cr_assert(strstr(flags_of(again), " dc"), "%s", flags_of(again));
	cr_assert(is_locked(again), "%s", flags_of(again));
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* It would be read past its end: SIGBUS, or another release's layout. */
Test(secmem, a_slab_of_another_size_is_EPROTO)
{
	void *base;
	bool secret;
	int fd;

	cr_assert_eq(secmem_slab_new("unit", 4 * page, &fd, &base, &secret), 0);
	cr_assert_eq(secmem_slab_open(fd, 5 * page, &base, &secret), -EPROTO);
	cr_assert_eq(secmem_slab_open(fd, 3 * page, &base, &secret), -EPROTO);
	cr_assert_eq(secmem_slab_open(fd, 4 * page, &base, &secret), 0);
}

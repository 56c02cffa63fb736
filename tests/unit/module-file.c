/* SPDX-License-Identifier: MIT */
/* Every trick with the path of a module, beside the control that is fine. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/spi/module-file.h"
#include "lib/shared/log.h"
#include "tests/support/check.h"
#include "tests/unit/fixture.h"

static char dir[128], file[160];
static const char *top;
static uint32_t gen;
static char text[4096];

static void setup(void)
{
	umask(022);
	log_init("unit", LOG_INFO);
	top = temp_dir();
	snprintf(dir, sizeof(dir), "%s/providers", top);
	cr_assert_eq(mkdir(dir, 0755), 0);
	snprintf(file, sizeof(file), "%s/m.so", dir);
	temp_elf(dir, "m.so", "the code");
	cr_assert_eq(chmod(file, 0644), 0);
}

TestSuite(module_file, .init = setup);

static int open_named(const char *where, const char *name)
{
	int fd;

	catch_stderr();
	fd = module_file_open(where, name, &gen);
	snprintf(text, sizeof(text), "%s", caught_stderr());
	return fd;
}

static int open_m(void)
{
	return open_named(dir, "m");
}

/* Refused, with a message that names the file. */
#define REFUSED(err)                                              \
	do {                                                      \
		cr_assert_eq(open_m(), err, "%s", text);          \
		cr_assert(strstr(text, "m.so") != NULL, "%s", text); \
	} while (0)

Test(module_file, a_proper_file_becomes_a_copy_that_nobody_can_write)
{
	char buf[16] = "", path[32];
	int fd = open_m();

	cr_assert(fd >= 0, "%s", text);
	cr_assert_eq(pread(fd, buf, sizeof(buf), ELF_TEXT), 8);
	cr_assert_str_eq(buf, "the code");
	cr_assert_eq(pwrite(fd, "x", 1, 0), -1);
	cr_assert_eq(errno, EPERM);
	cr_assert_eq(ftruncate(fd, 0), -1);
	cr_assert_eq(ftruncate(fd, 100), -1);
	cr_assert_eq(mmap(NULL, 8, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	cr_assert_eq(fcntl(fd, F_GET_SEALS) & 0xf, F_SEAL_SEAL | F_SEAL_SHRINK |
		     F_SEAL_GROW | F_SEAL_WRITE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDWR);
	cr_assert(fd < 0 || pwrite(fd, "x", 1, 0) < 0);
}

Test(module_file, the_copy_does_not_follow_later_changes_of_the_file)
{
	char buf[16] = "";
	int fd = open_m();

	temp_elf(dir, "m.so", "other");
	cr_assert_eq(pread(fd, buf, sizeof(buf), ELF_TEXT), 8);
	cr_assert_str_eq(buf, "the code");
}

Test(module_file, its_number_names_the_content_and_is_never_zero)
{
	uint32_t first;

	cr_assert(open_m() >= 0);
	first = gen;
	cr_assert_neq(first, 0);
	cr_assert(open_m() >= 0);
	cr_assert_eq(gen, first);
	temp_elf(dir, "m.so", "the cods");
	cr_assert(open_m() >= 0);
	cr_assert_neq(gen, first);
	temp_elf(dir, "m.so", "");
	cr_assert(open_m() >= 0);
	cr_assert_neq(gen, 0);
}

Test(module_file, names_are_lower_case_letters_digits_and_dashes)
{
	static const char *const bad[] = {
		"", ".", "..", "../m", "m/", "/m", "m.so", "M", "m m", "m\n",
		"\xff", "abcdefghijklmnopqrstuvwxyz012345"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(open_named(dir, bad[i]), -EINVAL, "%s", bad[i]);
	cr_assert_eq(open_named(dir, "abcdefghijklmnopqrstuvwxyz01234"),
		     -ENOENT);
}

Test(module_file, a_symlink_in_place_of_the_file_is_refused)
{
	char other[160];

	snprintf(other, sizeof(other), "%s/real.so", dir);
	cr_assert_eq(rename(file, other), 0);
	cr_assert_eq(symlink("real.so", file), 0);
	REFUSED(-EACCES);
	cr_assert(strstr(text, "symlink"), "%s", text);
}

/* The directory's own spelling may have one: it is the administrator's. */
Test(module_file, a_symlink_on_the_way_to_the_directory_is_followed_first)
{
	char link[160];

	snprintf(link, sizeof(link), "%s/link", top);
	cr_assert_eq(symlink("providers", link), 0);
	cr_assert(open_named(link, "m") >= 0, "%s", text);
	/* ... and what it leads to is judged. */
	cr_assert_eq(chmod(dir, 0777), 0);
	cr_assert_eq(open_named(link, "m"), -EACCES);
}

Test(module_file, what_others_may_write_is_refused)
{
	static const mode_t bad[] = { 0664, 0646, 0666, 0777 };

	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(chmod(file, bad[i]), 0);
		REFUSED(-EACCES);
		cr_assert(strstr(text, "may change it"), "%s", text);
	}
	cr_assert_eq(chmod(file, 0400), 0);
	cr_assert(open_m() >= 0);
}

Test(module_file, a_directory_that_others_may_write_is_refused_at_any_depth)
{
	static const mode_t bad[] = { 0775, 0757, 0777 };
	const char *level[] = { dir, top };

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < 3; i++) {
			cr_assert_eq(chmod(level[k], bad[i]), 0);
			REFUSED(-EACCES);
		}
		cr_assert_eq(chmod(level[k], 01777), 0);
		cr_assert(open_m() >= 0, "sticky: entries stay ours: %s", text);
		cr_assert_eq(chmod(level[k], 0755), 0);
	}
}

Test(module_file, a_sticky_bit_makes_no_file_safe)
{
	cr_assert_eq(chmod(file, 01666), 0);
	REFUSED(-EACCES);
}

Test(module_file, what_another_user_owns_is_refused)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	cr_assert_eq(chown(file, other_uid(), 0), 0);
	REFUSED(-EACCES);
	cr_assert_eq(chown(file, 0, 0), 0);
	cr_assert_eq(chown(dir, other_uid(), 0), 0);
	REFUSED(-EACCES);
	cr_assert_eq(chown(dir, 0, 0), 0);
	cr_assert_eq(chown(top, other_uid(), 0), 0);
	REFUSED(-EACCES);
	cr_assert_eq(chown(top, 0, 0), 0);
	cr_assert(open_m() >= 0);
}

Test(module_file, what_is_no_regular_file_is_refused_without_waiting)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(file);
	REFUSED(-ENOENT);
	cr_assert_eq(mkfifo(file, 0600), 0);
	REFUSED(-EACCES);
	unlink(file);
	cr_assert_eq(mkdir(file, 0755), 0);
	REFUSED(-EACCES);
	rmdir(file);
	strcpy(sa.sun_path, file);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(chmod(file, 0600), 0);
	cr_assert_lt(open_m(), 0);
}

Test(module_file, a_missing_directory_and_a_file_as_directory_are_errors)
{
	cr_assert_eq(open_named("/nonexistent", "m"), -ENOENT);
	cr_assert(strstr(text, "/nonexistent"), "%s", text);
	cr_assert_lt(open_named(file, "m"), 0);
}

/* The loader would touch what the headers promise and die of it. */
Test(module_file, a_file_cut_short_at_any_length_is_refused)
{
	for (off_t n = (off_t)ELF_TEXT + 8; n-- > 0;) {
		temp_elf(dir, "m.so", "the code");
		cr_assert(open_m() >= 0, "%s", text);
		cr_assert_eq(truncate(file, n), 0);
		REFUSED(-ENOEXEC);
	}
	temp_file(dir, "m.so", "#!/bin/sh");
	REFUSED(-ENOEXEC);
}

/* Sums that would wrap. */
Test(module_file, headers_that_point_beyond_the_file_are_refused)
{
	static const uint64_t v[] = { 0, 1, 127, 128, 129, UINT64_C(1) << 32,
				      UINT64_C(1) << 63, UINT64_MAX - 127,
				      UINT64_MAX };
	const size_t n = sizeof(v) / sizeof(v[0]);
	const uint64_t size = ELF_TEXT + 8;

	for (size_t i = 0; i < n * n; i++) {
		ElfW(Phdr) ph = { .p_offset = v[i / n], .p_filesz = v[i % n] };
		bool good = ph.p_filesz <= size &&
			    ph.p_offset <= size - ph.p_filesz;
		int fd = open(file, O_WRONLY | O_CLOEXEC);

		cr_assert_eq(pwrite(fd, &ph, sizeof(ph), sizeof(ElfW(Ehdr))),
			     sizeof(ph));
		close(fd);
		fd = open_m();
		cr_assert_eq(fd >= 0, good, "%zu: %s", i, text);
		if (fd >= 0)
			close(fd);
	}
	for (size_t i = 3; i < n; i++) {
		ElfW(Off) at = v[i] + sizeof(ElfW(Ehdr));
		int fd = open(file, O_WRONLY | O_CLOEXEC);

		cr_assert_eq(pwrite(fd, &at, sizeof(at),
				    offsetof(ElfW(Ehdr), e_phoff)),
			     sizeof(at));
		close(fd);
		if (at + sizeof(ElfW(Phdr)) > size || at > size)
			REFUSED(-ENOEXEC);
	}
}

Test(module_file, an_endless_file_is_not_copied_endlessly)
{
	cr_assert_eq(truncate(file, (64 << 20) + 1), 0);
	REFUSED(-EFBIG);
}

Test(module_file, no_refusal_leaks_a_descriptor)
{
	int before = next_fd();

	chmod(file, 0666);
	for (int i = 0; i < 20; i++)
		open_m();
	unlink(file);
	open_m();
	cr_assert_eq(next_fd(), before);
}

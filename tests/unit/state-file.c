/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/api/state-file.h"
#include "tests/unit/fixture.h"

static struct policy_rules r;
static const char *dir;
static char path[512];

/* The system calls of a save, in order: the process dies before or after the
 * n-th, or the n-th fails. */
enum { NOTHING, DIES_BEFORE, DIES_AFTER, FAILS } what;
static int left;

static bool strikes(void)
{
	if (what == NOTHING || --left != 0)
		return false;
	if (what == DIES_BEFORE)
		raise(SIGKILL);
	return true;
}

#define WRAP(ret, name, params, args)                                         \
	ret __real_##name params;                                             \
	ret __wrap_##name params;                                             \
	ret __wrap_##name params                                              \
	{                                                                     \
		bool hit = strikes();                                         \
		ret rc = -1;                                                  \
									      \
		if (hit && what == FAILS)                                     \
			errno = EIO;                                          \
		else                                                          \
			rc = __real_##name args;                              \
		if (hit && what == DIES_AFTER)                                \
			raise(SIGKILL);                                       \
		return rc;                                                    \
	}

WRAP(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, renameat, (int a, const char *x, int b, const char *y), (a, x, b, y))
/* unlinkat, write, fchmod, fsync; unlinkat, renameat, fsync of the folder,
 * unlinkat */
#define CALLS 8
#define KEEPS_OLD 5 /* their places: that they fail is no failure */
#define ENDS 8

static int save(void)
{
	char to[512];

	return state_file_save(dir, &r, to, sizeof(to));
}

static int load(void)
{
	return state_file_load(dir, &r, stderr);
}

static void setup(void)
{
	dir = temp_dir();
	snprintf(path, sizeof(path), "%s/policy.conf", dir);
}

TestSuite(state_file, .init = setup);

static void put(const char *text)
{
	temp_file(dir, "policy.conf", text);
	chmod(path, 0644);
}

Test(state_file, none_is_no_rule)
{
	r.n = 5;
	cr_assert_eq(load(), 0);
	cr_assert_eq(r.n, 0);
	dir = "/none/at/all";
	cr_assert_eq(load(), 0);
	cr_assert_eq(save(), -ENOENT);
}

Test(state_file, what_was_saved_is_loaded)
{
	static struct policy_rules old;

	policy_rules_set(&r, "", "sha2-512", false);
	policy_rules_set(&r, "gone", POLICY_ALL, false);
	policy_rules_set(&r, "gone", "x-of-its-own", true);
	policy_rules_set(&r, "sodium", "blake2b", false);
	old = r;
	cr_assert_eq(save(), 0);
	cr_assert_eq(load(), 0);
	cr_assert_eq(r.n, 4);
	cr_assert_arr_eq(r.rules, old.rules, 4 * sizeof(r.rules[0]));
	cr_assert_eq(save(), 0, "and once more, over the old one");
}

Test(state_file, the_folder_is_made)
{
	char below[600];

	snprintf(below, sizeof(below), "%s/state", dir);
	dir = below;
	policy_rules_set(&r, "", "m", false);
	cr_assert_eq(save(), 0);
	cr_assert_eq(load(), 0);
	cr_assert_eq(r.n, 1);
	unlinkat(AT_FDCWD, strcat(strcpy(path, dir), "/policy.conf"), 0);
	rmdir(dir);
}

Test(state_file, all_rules_there_can_be)
{
	char name[40];

	for (unsigned int i = 0; i < POLICY_RULES_MAX; i++) {
		snprintf(name, sizeof(name), "mechanism-of-31-characters-%04u",
			 i);
		cr_assert_eq(policy_rules_set(&r, name, name, false), 1);
	}
	cr_assert_eq(save(), 0);
	cr_assert_eq(load(), 0);
	cr_assert_eq(r.n, POLICY_RULES_MAX);
}

static const struct {
	const char *text, *words;
} wrong[] = {
	{ "", "policy.conf: is cut off" },
	{ "ukcf-policy 1\n", "policy.conf:1: is cut off" },
	{ "ukcf-policy 1\nend", "policy.conf:2: not a line" },
	{ "ukcf-policy 2\nend\n", "policy.conf:1: does not begin" },
	{ "disable mechanism=m\nend\n", "policy.conf:1: does not begin" },
	{ "ukcf-policy 1\ndisable mechanism=m\n", "policy.conf:2: is cut off" },
	{ "ukcf-policy 1\ndisable mech", "policy.conf:2: not a line" },
	{ "ukcf-policy 1\nforbid mechanism=m\nend\n", ":2: not a line" },
	{ "ukcf-policy 1\ndisable mechanism=m x\nend\n", ":2: not a line" },
	{ "ukcf-policy 1\ndisable provider=p\nend\n", ":2: not a line" },
	{ "ukcf-policy 1\ndisable provider= mechanism=m\nend\n",
	  ":2: not a line" },
	{ "ukcf-policy 1\ndisable mechanism=all\nend\n", ":2: no name" },
	{ "ukcf-policy 1\ndisable mechanism=a;b\nend\n", ":2: no name" },
	{ "ukcf-policy 1\nend\ndisable mechanism=m\n", ":3: there is more" },
};

Test(state_file, what_is_no_policy_is_refused_with_its_line)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *said;

		put(wrong[i].text);
		catch_stderr();
		cr_assert_eq(load(), -EINVAL, "%s", wrong[i].text);
		said = caught_stderr();
		cr_assert(strstr(said, wrong[i].words), "%s: %s",
			  wrong[i].text, said);
		cr_assert(strstr(said, "remove it"), "%s", said);
	}
}

Test(state_file, every_shorter_beginning_is_refused)
{
	static const char text[] = "ukcf-policy 1\n"
				   "disable provider=p mechanism=m\nend\n";
	char part[sizeof(text)];

	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		memcpy(part, text, n);
		part[n] = '\0';
		put(part);
		catch_stderr();
		cr_assert_eq(load(), -EINVAL, "%zu bytes", n);
		caught_stderr();
	}
	put(text);
	cr_assert_eq(load(), 0);
}

static void is_refused(const char *words)
{
	const char *said;

	catch_stderr();
	cr_assert_lt(load(), 0);
	said = caught_stderr();
	cr_assert(strstr(said, words), "%s", said);
	cr_assert(strstr(said, "policy.conf"), "%s", said);
}

Test(state_file, a_file_that_others_can_change_is_not_trusted)
{
	const char *good = "ukcf-policy 1\nend\n";

	put(good);
	cr_assert_eq(load(), 0);
	chmod(path, 0664);
	is_refused("can be changed by others");
	chmod(path, 0644);
	chmod(dir, 0777);
	is_refused("its folder can be changed by others");
	chmod(dir, 0700);
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 12345, 0), 0);
		is_refused("can be changed by others");
	}
	unlink(path);
	temp_file(dir, "other", good);
	cr_assert_eq(symlink("other", path), 0);
	is_refused("is a symbolic link");
	unlink(path);
	cr_assert_eq(mkfifo(path, 0644), 0);
	is_refused("is not a file");
	unlink(path);
	cr_assert_eq(mkdir(path, 0755), 0);
	is_refused("is not a file");
	rmdir(path);
}

/* Which policy the file holds: 1 is old, 2 is new; it is always one of them. */
static unsigned int found(void)
{
	static struct policy_rules now;

	cr_assert_eq(state_file_load(dir, &now, stderr), 0);
	return now.n;
}

static void begin(void)
{
	r.n = 0;
	policy_rules_set(&r, "", "old", false);
	cr_assert_eq(save(), 0);
	policy_rules_set(&r, "", "new", false);
}

Test(state_file, a_daemon_killed_while_it_saves_leaves_the_old_or_the_new)
{
	unsigned int old = 0, new = 0;

	for (int i = 0; i < 2 * CALLS; i++) {
		int status;
		pid_t pid;

		begin();
		pid = fork();
		if (pid == 0) {
			what = i % 2 ? DIES_AFTER : DIES_BEFORE;
			left = i / 2 + 1;
			save();
			_exit(0);
		}
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status), "call %d was not made", i / 2);
		*(found() == 1 ? &old : &new) += 1;
		/* What it left is not in the way. */
		cr_assert_eq(save(), 0);
		cr_assert_eq(found(), 2);
	}
	/* until renameat() ran the old one, then the new one */
	cr_assert_eq(old, 2 * CALLS - 5);
	cr_assert_eq(new, 5);
}

Test(state_file, a_call_that_fails_is_told_and_leaves_no_other_file)
{
	char beside[520];

	snprintf(beside, sizeof(beside), "%s.new", path);
	for (int i = 1; i <= CALLS; i++) {
		bool fails;

		begin();
		what = FAILS;
		left = i;
		fails = i != KEEPS_OLD && i != ENDS;
		cr_assert_eq(save(), fails ? -EIO : 0, "call %d", i);
		cr_assert_leq(left, 0);
		what = NOTHING;
		cr_assert_eq(found(), fails ? 1 : 2, "call %d", i);
		cr_assert_neq(access(beside, F_OK), 0);
	}
}

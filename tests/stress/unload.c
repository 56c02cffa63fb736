/* SPDX-License-Identifier: MIT */
/*
 * The library as a plugin has it: unload PATH opens and closes it while it holds
 * a connection, and after.  What it left behind (modules, what it does at
 * fork(2)) must not lead to code that is gone.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "tests/support/check.h"

/* What of it is used here; nothing is linked. */
static int (*connect_)(struct ukcf **, const char *, unsigned int);
static void (*disconnect_)(struct ukcf *);
static int64_t (*digest_)(struct ukcf *, uint32_t, const void *, size_t, void *,
			  size_t);

static void *load(const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!dl)
		check_bail("%s", dlerror());
	*(void **)&connect_ = dlsym(dl, "ukcf_connect");
	*(void **)&disconnect_ = dlsym(dl, "ukcf_disconnect");
	*(void **)&digest_ = dlsym(dl, "ukcf_digest");
	if (!connect_ || !disconnect_ || !digest_)
		check_bail("%s: not libukcf", path);
	return dl;
}

static void use(struct ukcf **to)
{
	uint8_t digest[32];

	if (connect_(to, NULL, 0) ||
	    digest_(*to, UKCF_MECH_SHA2_256, "abc", 3, digest, 32) != 32)
		check_bail("no digest");
}

static bool child_lives(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static struct ukcf *u; /* the second stays open, and is no leak */

int main(int argc, char **argv)
{
	void *dl;

	if (argc != 2)
		check_bail("usage: unload PATH");
	dl = load(argv[1]);
	use(&u);
	disconnect_(u);
	dlclose(dl);
	check(child_lives(), "closed after it was used: a fork goes well");
	dl = load(argv[1]);
	use(&u);
	check(true, "opened once more, it works as before");
	dlclose(dl);
	check(child_lives(), "closed with a connection open: a fork goes well");
	return check_done(); /* and so does exit */
}

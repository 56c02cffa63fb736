/* SPDX-License-Identifier: MIT */
/*
 * refuse-syscall SYSCALL ERRNO CMD [ARG...]: run CMD where the kernel refuses
 * one system call, as the seccomp profile of a container does.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct word {
	const char *name;
	uint32_t value;
};

static const struct word calls[] = {
	{ "io_uring_setup", SYS_io_uring_setup },
#ifdef SYS_access
	{ "access", SYS_access },
#endif
	{ "acct", SYS_acct }, /* nobody needs it: for the control */
};

static const struct word errors[] = {
	{ "EPERM", EPERM },
	{ "ENOSYS", ENOSYS },
	{ "EMFILE", EMFILE },
};

static const struct word *find(const struct word *w, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(w[i].name, name) == 0)
			return &w[i];
	fprintf(stderr, "refuse-syscall: %s is not in its table\n", name);
	return NULL;
}

static int refuse(uint32_t nr, uint32_t err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]),
				   .filter = code };

	/* Without privileges a filter must not reach a set-uid program. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

int main(int argc, char **argv)
{
	const struct word *call, *err;

	if (argc < 4) {
		fputs("usage: refuse-syscall SYSCALL ERRNO CMD [ARG...]\n",
		      stderr);
		return 99;
	}
	call = find(calls, sizeof(calls) / sizeof(calls[0]), argv[1]);
	err = find(errors, sizeof(errors) / sizeof(errors[0]), argv[2]);
	if (!call || !err)
		return 99;
	if (refuse(call->value, err->value) < 0) {
		perror("refuse-syscall: this kernel takes no filter");
		return 77;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 99;
}

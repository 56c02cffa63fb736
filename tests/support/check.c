/* SPDX-License-Identifier: MIT */
/* See check.h. */
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"

#define UID_NOBODY 65534

static uint32_t failures; /* atomic: threads check too */

static void say(const char *prefix, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	printf("%s%s\n", prefix, line);
	fflush(stdout);
}

bool check(bool cond, const char *fmt, ...)
{
	va_list ap;

	if (!cond)
		fetch_add_u32(&failures, 1);
	va_start(ap, fmt);
	say(cond ? "ok: " : "FAILED: ", fmt, ap);
	va_end(ap);
	return cond;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("# ", fmt, ap);
	va_end(ap);
}

int check_done(void)
{
	return load_relaxed_u32(&failures) ? EXIT_FAILURE : EXIT_SUCCESS;
}

void check_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("SKIP: ", fmt, ap);
	va_end(ap);
	exit(CHECK_SKIP);
}

void check_bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("BAIL: ", fmt, ap);
	va_end(ap);
	exit(99);
}

bool soaking(void)
{
	const char *s = getenv("UKCF_SOAK");

	return s && *s && strcmp(s, "0") != 0;
}

uint64_t scaled(uint64_t quick, uint64_t full)
{
	return soaking() ? full : quick / (slowness() > 1 ? 4 : 1);
}

unsigned int slowness(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	return 8;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
	return 8;
#else
	return 1;
#endif
#else
	return 1;
#endif
}

void rng_init(struct rng *r, uint64_t stream)
{
	const char *s = getenv("UKCF_SEED");

	r->s = (s ? strtoull(s, NULL, 0) : 1) * UINT64_C(0xd1342543de82ef95) +
	       stream;
}

/* splitmix64, Steele, Lea, Flood, OOPSLA 2014 */
uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_u64(r) % n;
}

void rng_fill(struct rng *r, void *p, size_t n)
{
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)rng_u64(r);
}

void *shared_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		check_bail("no shared memory: %s", strerror(errno));
	return p;
}

uid_t other_uid(void)
{
	return geteuid() == 0 ? UID_NOBODY : geteuid();
}

int become(uid_t uid)
{
	int sig = 0;

	if (uid == geteuid())
		return 0;
	if (prctl(PR_GET_PDEATHSIG, &sig) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* Both are reset when the uid changes. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_PDEATHSIG, sig) < 0)
		return -errno;
	return 0;
}

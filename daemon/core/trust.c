/* SPDX-License-Identifier: MIT */
#include "daemon/core/trust.h"

#include <sys/random.h>

#include "lib/shared/clock.h"

static uint64_t fresh_for_ns;
static uint64_t secret;

void trust_init(uint64_t fresh_ns)
{
	fresh_for_ns = fresh_ns;
	if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) < 0)
		secret = clock_ns(); /* hard to guess, at least */
}

void trust_renew(struct trust *t)
{
	store_relaxed_u64(&t->fresh_ns,
			  fresh_for_ns ? clock_ns() + fresh_for_ns : 0);
}

static bool is_fresh(struct trust *t)
{
	uint64_t until = load_relaxed_u64(&t->fresh_ns);

	if (!until)
		return false;
	if (clock_ns() < until)
		return true;
	store_relaxed_u64(&t->fresh_ns, 0); /* no look at the clock any more */
	return false;
}

/* splitmix64 (Steele, Lea, Flood 2014): chance without a lock */
static uint64_t mix(uint64_t x)
{
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

bool trust_samples(struct trust *t)
{
	uint32_t every = load_relaxed_u32(&t->every);
	uint64_t n;

	if (!every)
		return false;
	n = fetch_add_u64(&t->asked, 1);
	if (every == 1 || is_fresh(t))
		return true;
	return mix(n + secret) % every == 0;
}

/* SPDX-License-Identifier: MIT */
#include "daemon/core/sched.h"

static const char *const names[SCHED_REASONS] = {
	[SCHED_CHOSEN] = "chosen",
	[SCHED_SLOWER] = "slower",
	[SCHED_FULL] = "its queue is full",
	[SCHED_BUSY] = "busy",
	[SCHED_TRIED] = "tried already",
	[SCHED_NOT_READY] = "not ready",
	[SCHED_NOT_LOADED] = "not loaded",
	[SCHED_DISABLED] = "disabled",
	[SCHED_NO_OP] = "does not offer the operation",
	[SCHED_TOO_LARGE] = "takes at most 64 MiB of it at once",
	[SCHED_NOT_HARDWARE] = "not hardware",
	[SCHED_EXCLUDED] = "another provider is asked for",
	[SCHED_CHECKED] = "its answers are checked, one by one",
};

const char *sched_reason_name(enum sched_reason r)
{
	return (unsigned int)r < SCHED_REASONS ? names[r] : "unknown";
}

/* Why it cannot be this one; SCHED_SLOWER: it can. */
static enum sched_reason judge(const struct sched_needs *needs,
			       const struct sched_candidate *c)
{
	if (needs->provider && c->provider != needs->provider)
		return SCHED_EXCLUDED;
	if (needs->require_hw && !c->hardware)
		return SCHED_NOT_HARDWARE;
	if (!c->has_op)
		return SCHED_NO_OP;
	if (c->disabled)
		return SCHED_DISABLED;
	if (!c->loaded)
		return SCHED_NOT_LOADED;
	if (c->too_large)
		return SCHED_TOO_LARGE;
	if (!c->ready)
		return SCHED_NOT_READY;
	if (needs->tried >> (c->provider & 63) & 1)
		return SCHED_TRIED;
	if (c->full)
		return SCHED_FULL;
	return c->busy ? SCHED_BUSY : SCHED_SLOWER;
}

static bool has_no_room(const struct sched_candidate *c)
{
	return c->full || c->busy;
}

static bool is_better(const struct sched_candidate *a,
		      const struct sched_candidate *b)
{
	if (has_no_room(a) != has_no_room(b))
		return has_no_room(b);
	return a->wait_ns + a->service_ns < b->wait_ns + b->service_ns;
}

int sched_choose(const struct sched_needs *needs, struct sched_candidate *c,
		 unsigned int n)
{
	int best = -1;

	for (unsigned int i = 0; i < n; i++) {
		c[i].reason = judge(needs, &c[i]);
		if (c[i].reason > SCHED_BUSY)
			continue;
		if (best < 0 || is_better(&c[i], &c[best]))
			best = (int)i;
	}
	if (best >= 0)
		c[best].reason = SCHED_CHOSEN;
	return best;
}

uint64_t sched_wait_ns(uint64_t backlog_ns, uint64_t running_ns,
		       unsigned int running, unsigned int servers)
{
	if (running < servers)
		return 0;
	return (backlog_ns + running_ns) / (servers ? servers : 1);
}

/* SPDX-License-Identifier: MIT */
#include "daemon/core/drain.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/api/ring.h"
#include "daemon/core/context.h"
#include "daemon/spi/provider.h"

#define SETTLE_NS 10000000 /* in which every store was seen */

uint32_t drain_waiting;

static int fd = -1;
static bool has_membarrier;

int drain_init(void)
{
	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	has_membarrier =
		syscall(SYS_membarrier,
			MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
	return fd < 0 ? -errno : 0;
}

int drain_fd(void)
{
	return fd;
}

void drain_seen(void)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return; /* EAGAIN: seen already */
}

void drain_tell(void)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* full: it is to be seen already */
}

/* Every thread of this process has done what it did before, or sees what was
 * done here before. */
static void barrier(void)
{
	const struct timespec settle = { .tv_nsec = SETTLE_NS };

	full_fence();
	if (has_membarrier &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
		return;
	nanosleep(&settle, NULL); /* an old kernel, or a filter */
}

void drain_begin(void)
{
	fetch_add_u32(&drain_waiting, 1);
	barrier();
}

void drain_end(void)
{
	fetch_sub_u32(&drain_waiting, 1);
}

/* Requests first: a context is counted before the request that made it lets
 * go. */
struct drain_use drain_look(const struct provider *p)
{
	struct drain_use use = { 0 };

	use.requests = ring_uses(p);
	use.contexts = load_acquire_u32(&p->contexts);
	return use;
}

struct drain_use drain_force(const struct provider *p)
{
	struct drain_use use;

	context_expel(p);
	barrier(); /* a part that comes now sees that, or is seen */
	use = drain_look(p);
	if (use.requests)
		return use;
	context_take_away(p);
	use.contexts = load_acquire_u32(&p->contexts);
	return use;
}

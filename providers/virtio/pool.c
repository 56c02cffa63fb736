/* SPDX-License-Identifier: MIT */
#include "providers/virtio/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

int pool_init(struct pool *p, size_t size, uint64_t iova, bool writable)
{
	void *mem;

	*p = (struct pool){ .size = (size + PAGE - 1) / PAGE * PAGE,
			    .iova = iova,
			    .writable = writable };
	mem = mmap(NULL, p->size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	p->mem = mem;
	if (mlock(mem, p->size) < 0 ||
	    madvise(mem, p->size, MADV_DONTDUMP) < 0 ||
	    madvise(mem, p->size, MADV_DONTFORK) < 0) {
		pool_deinit(p);
		return -ENOMEM;
	}
	return 0;
}

void pool_deinit(struct pool *p)
{
	if (!p->mem)
		return;
	pool_wipe(p);
	munmap(p->mem, p->size);
	p->mem = NULL;
}

int pool_map(const struct pool *p, struct transport *t)
{
	return t->ops->map(t, p->mem, p->size, p->iova, p->writable);
}

void pool_wipe(struct pool *p)
{
	explicit_bzero(p->mem, p->size);
}

struct piece pool_take(struct pool *p, size_t size, size_t align)
{
	size_t at = (p->taken + align - 1) & ~(align - 1);

	if (size > p->size || at > p->size - size)
		abort(); /* counted wrongly */
	p->taken = at + size;
	return (struct piece){ p->mem + at, p->iova + at };
}

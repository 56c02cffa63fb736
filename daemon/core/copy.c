/* SPDX-License-Identifier: MIT */
#include "daemon/core/copy.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/core/completion.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

#define ALIGN 64u
#define SMALL 4096u /* bytes; none is smaller */
#define LARGE (1u << 20) /* bytes; none that is kept is larger */
#define PAGE 4096u
#define SMALL_SPARES 16u
#define LARGE_SPARES 8u

static void *given_back; /* atomic: list of struct copy, through next */
/* Wiped, for the next that wants one: a dual operation of a few bytes would be
 * four system calls and a page fault otherwise, and a chunk of a file that is
 * decrypted 64 page faults, which take as long as the cipher. */
static struct spares {
	void **at; /* atomic; NULL: there is room for one */
	unsigned int n;
} small = { (void *[SMALL_SPARES]){ NULL }, SMALL_SPARES },
  large = { (void *[LARGE_SPARES]){ NULL }, LARGE_SPARES };

static size_t align(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static struct ukcf_bytes keep(uint8_t **at, struct ukcf_bytes from)
{
	struct ukcf_bytes b = { from.len ? *at : NULL, from.len };

	if (from.len)
		memcpy(*at, from.data, from.len);
	*at += align(from.len);
	return b;
}

static struct spares *spares_of(size_t size)
{
	return size <= SMALL ? &small : &large;
}

/* False: there are enough, or it is none. */
static bool becomes_spare(struct copy *c)
{
	const struct spares *s = spares_of(c->size);

	for (unsigned int i = 0; i < s->n && c->size <= LARGE; i++) {
		void *none = NULL;

		if (!load_acquire_ptr(&s->at[i]) &&
		    compare_swap_ptr(&s->at[i], &none, c))
			return true;
	}
	return false;
}

/* All of it is wiped after its use, so one that is far too large costs more than
 * it saves. */
static bool suits(const struct copy *c, size_t size)
{
	return c->size >= size && c->size / 2 <= size;
}

static struct copy *take_spare(size_t size)
{
	const struct spares *s = spares_of(size);

	for (unsigned int i = 0; i < s->n; i++) {
		struct copy *c = load_acquire_ptr(&s->at[i]) ?
					 exchange_ptr(&s->at[i], NULL) : NULL;

		if (!c)
			continue;
		if (suits(c, size))
			return c;
		if (!becomes_spare(c))
			munmap(c, c->size);
	}
	return NULL;
}

static struct copy *map(size_t size)
{
	struct copy *c;

	completion_forbids("a private copy is made");
	copy_reap();
	size = size < SMALL ? SMALL : (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	c = take_spare(size);
	if (c)
		return c;
	c = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	madvise(c, size, MADV_DONTDUMP);
	c->size = size;
	return c;
}

struct copy *copy_of(struct ukcf_bytes in, struct ukcf_bytes aux,
		     struct ukcf_bytes tag, size_t out_size)
{
	size_t size = align(sizeof(struct copy)) + align(in.len) +
		      align(aux.len) + align(tag.len) + align(out_size);
	struct copy *c = map(size);
	uint8_t *at;

	if (!c)
		return NULL;
	at = (uint8_t *)c + align(sizeof(*c));
	c->refs = 1;
	c->in = keep(&at, in);
	c->aux = keep(&at, aux);
	c->tag = keep(&at, tag);
	c->out = out_size ? at : NULL;
	c->out_size = out_size;
	return c;
}

static const uint8_t *moved(const uint8_t *p, const struct copy *from,
			    const struct copy *to)
{
	return p ? (const uint8_t *)to + (p - (const uint8_t *)from) : NULL;
}

struct copy *copy_clone(const struct copy *from)
{
	struct copy *c = map(from->size);
	size_t size;

	if (!c)
		return NULL;
	size = c->size; /* it may be larger */
	memcpy(c, from, from->size);
	c->size = size;
	c->refs = 1;
	c->in.data = moved(from->in.data, from, c);
	c->aux.data = moved(from->aux.data, from, c);
	c->tag.data = moved(from->tag.data, from, c);
	c->out = (uint8_t *)(uintptr_t)moved(from->out, from, c);
	return c;
}

static struct ukcf_bytes range(const struct request *req,
			       enum ukcf_range_index i, struct ukcf_range r)
{
	return (struct ukcf_bytes){ req->at[i], r.len };
}

struct copy *copy_make(const struct request *req, size_t out_size)
{
	const struct ukcf_sqe *s = &req->entry->sqe;

	return copy_of(range(req, UKCF_RANGE_IN, s->in),
		       range(req, UKCF_RANGE_AUX, s->aux),
		       range(req, UKCF_RANGE_TAG, s->tag), out_size);
}

struct copy *copy_hold(struct copy *c)
{
	fetch_add_u32(&c->refs, 1);
	return c;
}

void copy_put(struct copy *c)
{
	void *head = load_acquire_ptr(&given_back);
	size_t skip = align(sizeof(*c));

	if (fetch_sub_u32(&c->refs, 1) > 1)
		return;
	secmem_wipe((uint8_t *)c + skip, c->size - skip);
	do {
		c->next = head;
	} while (!compare_swap_ptr(&given_back, &head, c));
}

void copy_reap(void)
{
	struct copy *c = exchange_ptr(&given_back, NULL);

	while (c) {
		struct copy *next = c->next;

		if (!becomes_spare(c))
			munmap(c, c->size);
		c = next;
	}
}

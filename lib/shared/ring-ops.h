/* SPDX-License-Identifier: MIT */
/*
 * Access to words that two processes share: the only file that names memory
 * orders, and the index arithmetic of the rings.
 *
 * Every accessor takes a pointer into shared memory (or to a word shared
 * between threads) and touches it exactly once.
 */
#ifndef LIB_SHARED_RING_OPS_H
#define LIB_SHARED_RING_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ukcf/abi.h>

#define RING_OPS(type, suffix)                                                \
	static inline type load_relaxed_##suffix(const type *p)               \
	{                                                                     \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                  \
	}                                                                     \
	static inline type load_acquire_##suffix(const type *p)               \
	{                                                                     \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                  \
	}                                                                     \
	static inline void store_relaxed_##suffix(type *p, type v)            \
	{                                                                     \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);                     \
	}                                                                     \
	static inline void store_release_##suffix(type *p, type v)            \
	{                                                                     \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);                     \
	}                                                                     \
	/* Store, then a full fence: an xchg costs 5 ns, an mfence 21. */     \
	static inline type store_fence_##suffix(type *p, type v)              \
	{                                                                     \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);           \
	}                                                                     \
	static inline type fetch_add_##suffix(type *p, type v)                \
	{                                                                     \
		return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);            \
	}                                                                     \
	static inline type fetch_sub_##suffix(type *p, type v)                \
	{                                                                     \
		return __atomic_fetch_sub(p, v, __ATOMIC_ACQ_REL);            \
	}                                                                     \
	static inline type fetch_or_##suffix(type *p, type v)                 \
	{                                                                     \
		return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);             \
	}                                                                     \
	static inline type fetch_and_##suffix(type *p, type v)                \
	{                                                                     \
		return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);            \
	}                                                                     \
	static inline type exchange_##suffix(type *p, type v)                 \
	{                                                                     \
		return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);           \
	}                                                                     \
	/* On failure *expected is what was found. */                         \
	static inline bool compare_swap_##suffix(type *p, type *expected,     \
						 type v)                      \
	{                                                                     \
		return __atomic_compare_exchange_n(p, expected, v, false,     \
						   __ATOMIC_ACQ_REL,          \
						   __ATOMIC_ACQUIRE);         \
	}

RING_OPS(uint16_t, u16)
RING_OPS(uint32_t, u32)
RING_OPS(uint64_t, u64)
RING_OPS(int, int)

static inline void *load_acquire_ptr(void *const *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store_release_ptr(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void *exchange_ptr(void **p, void *v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
}

static inline bool compare_swap_ptr(void **p, void **expected, void *v)
{
	return __atomic_compare_exchange_n(p, expected, v, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Between a plain store and a load of another word (Dekker's pattern). */
static inline void full_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Order the copies of a seqlock's reader before its second sequence load. */
static inline void read_fence(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Order a seqlock writer's first sequence store before its data. */
static inline void write_fence(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Against reordering by the compiler, between a thread and its own handlers. */
static inline void signal_fence(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Bring a line nearer: nothing is read from it. */
static inline void prefetch(const void *p)
{
	__builtin_prefetch(p);
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

/* The generation word that makes the slot of index i ready. */
static inline uint32_t ring_gen_sqe(uint64_t i, unsigned int order)
{
	return (uint32_t)((i >> order) + 1);
}

static inline uint16_t ring_gen_cqe(uint64_t i, unsigned int order)
{
	return (uint16_t)((i >> order) + 1);
}

/* virtio's EVENT_IDX: does publishing [from, to) pass the index event? */
static inline bool ring_event_passed(uint32_t event, uint32_t to, uint32_t from)
{
	return (uint32_t)(to - event - 1) < (uint32_t)(to - from);
}

/*
 * Copy a slot to private memory, each byte once: volatile keeps the compiler
 * from reading it again later.  Pairs of words, since the copy is bound by the
 * number of its stores.
 */
typedef uint64_t ring_pair
	__attribute__((vector_size(16), aligned(8), may_alias));

static inline void ring_copy_sqe(struct ukcf_sqe *dst,
				 const struct ukcf_sqe *src)
{
	const volatile ring_pair *s = (const volatile ring_pair *)src;
	ring_pair *d = (ring_pair *)dst;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < sizeof(*dst) / sizeof(*d); i++)
		d[i] = s[i];
}

/* The other way: all but the first word, by stores that cross no line, then
 * that word with the generation in it, which makes the slot ready. */
static inline void ring_put_sqe(struct ukcf_sqe *slot,
				const struct ukcf_sqe *src, uint32_t gen)
{
	const ring_pair *s = (const ring_pair *)src;
	ring_pair *d = (ring_pair *)slot;
	uint64_t first;

	_Static_assert(offsetof(struct ukcf_sqe, gen) == 0 &&
			       offsetof(struct ukcf_sqe, user_data) == 8,
		       "first word");
	for (unsigned int i = sizeof(*src) / sizeof(*d) - 1; i > 0; i--)
		d[i] = s[i];
	slot->user_data = src->user_data;
	memcpy(&first, src, sizeof(first));
	first = (first & ~(uint64_t)UINT32_MAX) | gen;
	/* Pairs with the daemon's load of gen. */
	store_release_u64((uint64_t *)(void *)slot, first);
}

/*
 * Index below n, also under speculation: 0 where i >= n (both < 2^63).
 * Everything that a consumer chooses and that indexes memory goes through it.
 */
static inline uint64_t index_clamp(uint64_t i, uint64_t n)
{
	uint64_t mask = (uint64_t)((int64_t)(i - n) >> 63);

	__asm__ volatile("" : "+r"(mask)); /* keep it branchless */
	return i & mask;
}

#endif

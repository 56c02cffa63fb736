/* SPDX-License-Identifier: MIT */
/*
 * Access to words that the device also reads or writes: the one file of this
 * provider that names memory orders.  Little-endian, as the device has them.
 */
#ifndef PROVIDERS_VIRTIO_ORDER_H
#define PROVIDERS_VIRTIO_ORDER_H

#include <endian.h>
#include <stdint.h>

/* Pairs with the other side's release of the same word. */
static inline uint16_t order_load16(const uint16_t *p)
{
	return le16toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
}

static inline uint32_t order_load32(const uint32_t *p)
{
	return le32toh(__atomic_load_n(p, __ATOMIC_ACQUIRE));
}

static inline void order_store16(uint16_t *p, uint16_t v)
{
	__atomic_store_n(p, htole16(v), __ATOMIC_RELEASE);
}

/* Then a full fence: what is loaded after it is not older than the store. */
static inline void order_store16_fence(uint16_t *p, uint16_t v)
{
	__atomic_exchange_n(p, htole16(v), __ATOMIC_SEQ_CST);
}

/* One access, of the size of the word: the device may write it meanwhile. */
static inline uint8_t order_load8(const uint8_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Words of this provider's own threads. */
static inline uint32_t order_own_load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void order_own_store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Return: what was there. */
static inline uint32_t order_own_exchange(uint32_t *p, uint32_t v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

/* Return: 1 if it was from, and is to. */
static inline int order_own_change(uint32_t *p, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(p, &from, to, 0, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

static inline void order_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

#endif

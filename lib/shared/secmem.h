/* SPDX-License-Identifier: MIT */
/*
 * Owns secret memory: locked, left out of core dumps, wiped when freed, and
 * the constant-time compare.
 */
#ifndef LIB_SHARED_SECMEM_H
#define LIB_SHARED_SECMEM_H

#include <stdbool.h>
#include <stddef.h>

/* Whole pages of their own between guard pages, zeroed, mlock()ed,
 * MADV_DONTDUMP, MADV_DONTFORK.  NULL and errno on failure. */
void *secmem_alloc(size_t size);
/* Wipe and unmap.  NULL is allowed. */
void secmem_free(void *p, size_t size);
/* A store that the compiler keeps. */
void secmem_wipe(void *p, size_t size);
/* True if equal; the time depends on n only. */
bool secmem_equal(const void *a, const void *b, size_t n);
/*
 * A slab of secret memory with a descriptor: memfd_secret(2) where the kernel
 * has it, else a memfd, locked.  *base is mapped shared, not dumped, not
 * inherited.  *secret: true if memfd_secret did it.  -EPROTO: the slab at fd
 * is of another size, that is another release's.
 */
int secmem_slab_open(int fd, size_t size, void **base, bool *secret);
int secmem_slab_new(const char *name, size_t size, int *fd, void **base,
		    bool *secret);

#endif

/* SPDX-License-Identifier: MIT */
#include "daemon/spi/share.h"

#include <pthread.h>
#include <stdint.h>

#include "daemon/core/completion.h"
#include "daemon/spi/provider.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all of it */

static struct shared {
	void *mem; /* NULL: this place is free */
	size_t len;
	bool writable;
	uint64_t with; /* bit n: provider id n has it */
} all[SHARE_ARENAS_MAX];

static uint64_t takers; /* bit n: provider id n takes some */

static void give(struct provider *p, struct shared *a)
{
	if (p->spi->share(p->instance, a->mem, a->len, a->writable) == 0)
		a->with |= UINT64_C(1) << p->id;
}

static void take_back(struct provider *p, struct shared *a)
{
	if (!(a->with >> p->id & 1))
		return;
	p->spi->unshare(p->instance, a->mem);
	a->with &= ~(UINT64_C(1) << p->id);
}

static struct shared *place_of(const void *mem)
{
	for (unsigned int i = 0; i < SHARE_ARENAS_MAX; i++)
		if (all[i].mem == mem)
			return &all[i];
	return NULL;
}

void share_arena(void *mem, size_t len, bool writable)
{
	struct shared *a;

	completion_forbids("memory is shared");
	if (len > SHARE_BYTES_MAX)
		return;
	pthread_mutex_lock(&lock);
	a = place_of(NULL);
	if (a)
		*a = (struct shared){ .mem = mem,
				      .len = len,
				      .writable = writable };
	for (uint16_t id = 1; a && id < 64; id++)
		if (takers >> id & 1)
			give(provider_by_id(id), a);
	pthread_mutex_unlock(&lock);
}

void share_arena_ends(void *mem)
{
	struct shared *a;

	completion_forbids("memory is not shared any more");
	pthread_mutex_lock(&lock);
	a = place_of(mem);
	for (uint16_t id = 1; a && id < 64; id++)
		if (takers >> id & 1)
			take_back(provider_by_id(id), a);
	if (a)
		a->mem = NULL;
	pthread_mutex_unlock(&lock);
}

void share_provider_came(struct provider *p)
{
	if (p->spi->struct_size <= UKCF_PROVIDER_SIZE_2 || !p->spi->share ||
	    !p->spi->unshare || !provider_is_hardware(p))
		return;
	pthread_mutex_lock(&lock);
	takers |= UINT64_C(1) << p->id;
	for (unsigned int i = 0; i < SHARE_ARENAS_MAX; i++)
		if (all[i].mem)
			give(p, &all[i]);
	pthread_mutex_unlock(&lock);
}

void share_provider_goes(struct provider *p)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < SHARE_ARENAS_MAX; i++)
		if (all[i].mem)
			take_back(p, &all[i]);
	takers &= ~(UINT64_C(1) << p->id);
	pthread_mutex_unlock(&lock);
}

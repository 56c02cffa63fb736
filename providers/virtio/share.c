/* SPDX-License-Identifier: MIT */
#include "providers/virtio/share.h"

#include <errno.h>

/* A window for each place, behind all pools and below VT-d's 39 bits. */
#define IOVA_SHARES (UINT64_C(1) << 32)

static uint64_t iova_of(const struct share_table *s, const struct share *at)
{
	return IOVA_SHARES + (uint64_t)(at - s->all) * SHARE_BYTES_MAX;
}

void share_init(struct share_table *s)
{
	pthread_mutex_init(&s->lock, NULL);
}

void share_deinit(struct share_table *s)
{
	pthread_mutex_destroy(&s->lock);
}

static int map(struct share_table *s, struct share *at)
{
	int err = s->t->ops->map(s->t, at->mem, at->len, iova_of(s, at),
				 at->writable);

	at->mapped = !err;
	return err;
}

void share_device(struct share_table *s, struct transport *t)
{
	pthread_mutex_lock(&s->lock);
	s->t = t;
	for (unsigned int i = 0; i < SHARES_MAX; i++) {
		s->all[i].mapped = false;
		if (t && s->all[i].mem)
			map(s, &s->all[i]);
	}
	pthread_mutex_unlock(&s->lock);
}

static struct share *place_of(struct share_table *s, const void *mem)
{
	for (unsigned int i = 0; i < SHARES_MAX; i++)
		if (s->all[i].mem == mem)
			return &s->all[i];
	return NULL;
}

int share_add(struct share_table *s, void *mem, size_t len, bool writable)
{
	struct share *at;
	int err = 0;

	if (len > SHARE_BYTES_MAX)
		return -E2BIG;
	pthread_mutex_lock(&s->lock);
	at = place_of(s, NULL);
	if (!at)
		err = -ENOSPC;
	else
		*at = (struct share){ .mem = mem,
				      .len = len,
				      .writable = writable };
	if (!err && s->t)
		err = map(s, at);
	if (at && err)
		*at = (struct share){ 0 };
	pthread_mutex_unlock(&s->lock);
	return err;
}

void share_remove(struct share_table *s, void *mem)
{
	struct share *at;

	pthread_mutex_lock(&s->lock);
	at = place_of(s, mem);
	if (at && at->mapped)
		s->t->ops->unmap(s->t, iova_of(s, at), at->len);
	if (at)
		*at = (struct share){ 0 };
	pthread_mutex_unlock(&s->lock);
}

static bool is_within(const struct share *s, const uint8_t *at, size_t len)
{
	return s->mapped && at >= s->mem && len <= s->len &&
	       (size_t)(at - s->mem) <= s->len - len;
}

bool share_find(struct share_table *s, const uint8_t *at, size_t len,
		bool writable, uint64_t *iova)
{
	bool found = false;

	if (pthread_mutex_trylock(&s->lock))
		return false; /* one is being mapped, which takes long */
	for (unsigned int i = 0; i < SHARES_MAX && !found; i++) {
		const struct share *h = &s->all[i];

		found = is_within(h, at, len) && (h->writable || !writable);
		if (found)
			*iova = iova_of(s, h) + (uint64_t)(at - h->mem);
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

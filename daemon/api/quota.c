/* SPDX-License-Identifier: MIT */
#include "daemon/api/quota.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "daemon/config.h"

/* Half-open connections of one user: what a burst of threads may need. */
#define PENDING_MAX 32

/* An account exists while something is charged to it. */
struct account {
	struct account *next;
	uid_t uid;
	uint64_t used[QUOTA_KINDS];
};

static struct account *accounts;
static uint64_t limits[QUOTA_KINDS];
static struct quota_users users;

void quota_init(const struct config *c)
{
	limits[QUOTA_PENDING] = PENDING_MAX;
	limits[QUOTA_CONNECTIONS] = c->connections;
	limits[QUOTA_RINGS] = c->rings;
	limits[QUOTA_REQUESTS] = c->requests;
	limits[QUOTA_BUFFERS] = c->buffers;
	limits[QUOTA_BUFFER_BYTES] = c->buffer_bytes;
}

void quota_deinit(void)
{
	while (accounts) {
		struct account *next = accounts->next;

		free(accounts);
		accounts = next;
	}
}

void quota_set_users(const struct quota_users *u)
{
	users = *u;
}

static uint64_t limit_of(uid_t uid, enum quota_kind kind)
{
	for (unsigned int i = 0; i < users.n; i++)
		if (users.rows[i].uid == uid && users.rows[i].limit[kind])
			return users.rows[i].limit[kind];
	return limits[kind];
}

static struct account **find(uid_t uid)
{
	struct account **at = &accounts;

	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

static void settle(struct account **at)
{
	struct account *a = *at;

	for (unsigned int i = 0; i < QUOTA_KINDS; i++)
		if (a->used[i])
			return;
	*at = a->next;
	free(a);
}

static int charge(uid_t uid, enum quota_kind kind, uint64_t n, bool forced)
{
	struct account **at = find(uid), *a = *at;
	uint64_t used = a ? a->used[kind] : 0, limit = limit_of(uid, kind);

	if (!forced && (n > limit || used > limit - n))
		return -EDQUOT;
	if (n == 0)
		return 0;
	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a)
			return -ENOMEM;
		a->uid = uid;
		*at = a;
	}
	a->used[kind] += n;
	return 0;
}

int quota_charge(uid_t uid, enum quota_kind kind, uint64_t n)
{
	return charge(uid, kind, n, false);
}

int quota_adopt(uid_t uid, enum quota_kind kind, uint64_t n)
{
	return charge(uid, kind, n, true);
}

void quota_release(uid_t uid, enum quota_kind kind, uint64_t n)
{
	struct account **at = find(uid), *a = *at;

	if (!a)
		return;
	a->used[kind] -= n < a->used[kind] ? n : a->used[kind];
	settle(at);
}

uint64_t quota_left(uid_t uid, enum quota_kind kind)
{
	const struct account *a = *find(uid);
	uint64_t used = a ? a->used[kind] : 0, limit = limit_of(uid, kind);

	return used < limit ? limit - used : 0;
}

static int charge_both(uid_t uid, enum quota_kind one, enum quota_kind many,
		       uint64_t n, bool forced)
{
	int err = charge(uid, one, 1, forced);

	if (err)
		return err;
	err = charge(uid, many, n, forced);
	if (err)
		quota_release(uid, one, 1);
	return err;
}

int quota_charge_ring(uid_t uid, uint64_t entries)
{
	return charge_both(uid, QUOTA_RINGS, QUOTA_REQUESTS, entries, false);
}

int quota_adopt_ring(uid_t uid, uint64_t entries)
{
	return charge_both(uid, QUOTA_RINGS, QUOTA_REQUESTS, entries, true);
}

void quota_release_ring(uid_t uid, uint64_t entries)
{
	quota_release(uid, QUOTA_RINGS, 1);
	quota_release(uid, QUOTA_REQUESTS, entries);
}

int quota_charge_buffer(uid_t uid, uint64_t bytes)
{
	return charge_both(uid, QUOTA_BUFFERS, QUOTA_BUFFER_BYTES, bytes,
			   false);
}

int quota_adopt_buffer(uid_t uid, uint64_t bytes)
{
	return charge_both(uid, QUOTA_BUFFERS, QUOTA_BUFFER_BYTES, bytes, true);
}

void quota_release_buffer(uid_t uid, uint64_t bytes)
{
	quota_release(uid, QUOTA_BUFFERS, 1);
	quota_release(uid, QUOTA_BUFFER_BYTES, bytes);
}

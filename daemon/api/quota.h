/* SPDX-License-Identifier: MIT */
/*
 * Owns the account of each user: connections, rings, requests in flight,
 * buffers and their bytes, charged to the uid and not to the connection.  Keys
 * are the key store's to count.  Main thread.
 */
#ifndef DAEMON_API_QUOTA_H
#define DAEMON_API_QUOTA_H

#include <stdint.h>
#include <sys/types.h>

enum quota_kind {
	QUOTA_PENDING, /* connections that have not said who they are */
	QUOTA_CONNECTIONS,
	QUOTA_RINGS,
	QUOTA_REQUESTS, /* SQ entries: each has the daemon's memory behind it */
	QUOTA_BUFFERS,
	QUOTA_BUFFER_BYTES,
	QUOTA_KINDS
};

/* What one user may have instead of what all others may. */
struct quota_user {
	uid_t uid;
	uint64_t limit[QUOTA_KINDS]; /* 0: as all others */
};

#define QUOTA_USERS_MAX 256

struct quota_users {
	struct quota_user rows[QUOTA_USERS_MAX];
	unsigned int n;
};

struct config;

void quota_init(const struct config *c);
void quota_deinit(void);
/* From now on; what a user has beyond it stays. */
void quota_set_users(const struct quota_users *u);
/* Return: 0, -EDQUOT, -ENOMEM.  Nothing is charged on failure. */
int quota_charge(uid_t uid, enum quota_kind kind, uint64_t n);
/* Charge what already exists (after a restart), over the limit if need be. */
int quota_adopt(uid_t uid, enum quota_kind kind, uint64_t n);
void quota_release(uid_t uid, enum quota_kind kind, uint64_t n);
uint64_t quota_left(uid_t uid, enum quota_kind kind);

/* All that a ring of so many entries, or a buffer of so many bytes, costs. */
int quota_charge_ring(uid_t uid, uint64_t entries);
int quota_adopt_ring(uid_t uid, uint64_t entries);
void quota_release_ring(uid_t uid, uint64_t entries);
int quota_charge_buffer(uid_t uid, uint64_t bytes);
int quota_adopt_buffer(uid_t uid, uint64_t bytes);
void quota_release_buffer(uid_t uid, uint64_t bytes);

#endif

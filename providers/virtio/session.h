/* SPDX-License-Identifier: MIT */
/*
 * Owns what is known of the sessions of a device: which key and direction each
 * is for, who uses it, and which is to go.  It holds no key: a salted digest
 * tells them apart.  Of one thread.
 */
#ifndef PROVIDERS_VIRTIO_SESSION_H
#define PROVIDERS_VIRTIO_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "providers/virtio/sha256.h"

/* QEMU has 256; some of them may be somebody else's that went. */
#define SESSIONS_MAX 200u

enum session_state {
	SESSION_FREE,
	SESSION_WANTED, /* to be created */
	SESSION_MAKING,
	SESSION_READY,
	SESSION_ENDING, /* being destroyed */
};

/* Beside the key; a session is for one of these.  <linux/virtio_crypto.h> */
struct session_kind {
	uint16_t service; /* VIRTIO_CRYPTO_SERVICE_* */
	uint16_t algo;
	uint16_t op; /* direction; of RSA: public or private */
	uint16_t hash;	  /* of RSA */
	uint16_t padding; /* likewise */
};

struct session {
	enum session_state state;
	struct session_kind kind;
	uint8_t digest[SHA256_BYTES];
	uint64_t id; /* the device's */
	unsigned int users;
	bool forgotten; /* goes when nobody uses it */
	uint64_t last;	/* use: a count */
};

struct session_table {
	struct session all[SESSIONS_MAX];
	uint8_t salt[SHA256_BYTES];
	uint64_t uses;
};

/* A salt.  0 or -errno. */
int session_table_init(struct session_table *t);
void session_table_clear(struct session_table *t); /* the salt stays */
void session_digest(const struct session_table *t, struct ukcf_bytes key,
		    uint8_t digest[SHA256_BYTES]);
/* One for this key, made or to be made, with one user more.  NULL: there is no
 * place; the one that was not used for longest goes. */
struct session *session_use(struct session_table *t, struct session_kind kind,
			    const uint8_t digest[SHA256_BYTES]);
void session_leave(struct session *s);
/* The key has gone: so do its sessions. */
void session_forget(struct session_table *t,
		    const uint8_t digest[SHA256_BYTES]);
void session_forget_all(struct session_table *t);
/* One that is to be created, or destroyed; NULL: there is none. */
struct session *session_wanted(struct session_table *t);
struct session *session_unwanted(struct session_table *t);
/* The device made it.  -EPROTO: it has that id already. */
int session_made(struct session_table *t, struct session *s, uint64_t id);
unsigned int session_count(const struct session_table *t);

#endif

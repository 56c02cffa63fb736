/* SPDX-License-Identifier: MIT */
/*
 * What a job asks of the device: one request, or several in a row when the
 * message is longer than a buffer, or a mechanism needs it.  Knows of no device.
 */
#ifndef PROVIDERS_VIRTIO_WORK_H
#define PROVIDERS_VIRTIO_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "providers/virtio/crypto.h"
#include "providers/virtio/sha512.h"

/* RSA that the device decrypts, padding and all: it would say of each ciphertext
 * whether that was right, and is asked to show what it encrypts only.  The
 * message has as many bytes as there is room for.  No id of the daemon's. */
#define WORK_RSA_PADDED UKCF_MECH_ID(UKCF_CLASS_PKE, 0xffffu)
#define WORK_ROOM_MIN 1024u /* bytes of data of a buffer */

struct work {
	struct ukcf_job *job;
	const struct work_kind *kind;
	struct session_kind session;
	struct ukcf_bytes key; /* as the device wants it; of the job */
	size_t room;	       /* bytes of data that a request may have */
	size_t total, done;    /* bytes of the message, with its padding */
	size_t n;	       /* bytes of this request */
	unsigned int step;     /* of stealing ciphertext */
	uint8_t iv[CRYPTO_IV]; /* of the next request */
	uint8_t held[CRYPTO_IV], tail[CRYPTO_IV]; /* between two steps */
	uint8_t digest[SHA512_BYTES]; /* of RSA */
	size_t digest_len;
};

/* One per kind of mechanism. */
struct work_kind {
	/* Return: UKCF_QUEUED, the device is needed; UKCF_DONE, and job->res;
	 * UKCF_RETRY_ELSEWHERE. */
	enum ukcf_status (*begin)(struct work *w);
	/* The next request at `to', CRYPTO_DATA_HEAD + CRYPTO_IV + room bytes,
	 * to be answered by *answer bytes, up to room.  Return: its bytes. */
	size_t (*fill)(struct work *w, uint64_t session, uint8_t *to,
		       uint32_t *answer);
	/* What came back.  Return: true, there is more to do; false: job->res
	 * is the result. */
	bool (*take)(struct work *w, const uint8_t *answer);
	/* NULL: never.  Return: its input and output may be the device's own
	 * way, though somebody writes to the one and reads the other. */
	bool (*may_share)(const struct work *w);
	/* Likewise, of the head alone: *answer bytes of the message from
	 * w->done on are read, and written, where they are. */
	size_t (*fill_shared)(struct work *w, uint64_t session, uint8_t *to,
			      uint32_t *answer);
	/* NULL: what a device answers is never a result.  Return: it is, and
	 * so job->res is. */
	bool (*refused)(struct work *w, uint8_t status);
};

extern const struct work_kind work_cipher, work_rsa, work_rsaes;

/* Return: as begin() does; UKCF_RETRY_ELSEWHERE for what no row has. */
enum ukcf_status work_begin(struct work *w, struct ukcf_job *job, size_t room);
void work_wipe(struct work *w);
/* Two keys of XTS that are one: SP 800-38E forbids it. */
bool work_is_twice_the_same(struct ukcf_bytes key);

static inline enum ukcf_status work_end(struct work *w, int64_t res,
					uint32_t detail)
{
	w->job->res = res;
	w->job->detail = detail;
	return UKCF_DONE;
}

#endif

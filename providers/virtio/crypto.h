/* SPDX-License-Identifier: MIT */
/*
 * Owns the form of requests (virtio 1.1 sections 5.9.7 and 5.9.8): bytes for the
 * device to read, and what it answers.
 */
#ifndef PROVIDERS_VIRTIO_CRYPTO_H
#define PROVIDERS_VIRTIO_CRYPTO_H

#include <linux/virtio_crypto.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "providers/virtio/session.h"

#define CRYPTO_KEY_MAX 2432u /* secret RSA keys: mech.def */
#define CRYPTO_CTRL_MAX                                                       \
	(sizeof(struct virtio_crypto_op_ctrl_req) + CRYPTO_KEY_MAX)
#define CRYPTO_DATA_HEAD sizeof(struct virtio_crypto_op_data_req)
#define CRYPTO_IV 16u
#define CRYPTO_UNANSWERED 0xffu /* no status is */

/* Requests of the control queue at `to'.  Return: their bytes. */
size_t crypto_create(uint8_t *to, struct session_kind kind,
		     struct ukcf_bytes key);
size_t crypto_destroy(uint8_t *to, struct session_kind kind, uint64_t id);

/* Heads of the data queue's; data follows. */
size_t crypto_cipher(uint8_t *to, struct session_kind kind, uint64_t session,
		     const uint8_t iv[CRYPTO_IV], size_t len);
size_t crypto_rsa(uint8_t *to, struct session_kind kind, uint64_t session,
		  uint32_t opcode, size_t src_len, size_t dst_len);

#endif

/* SPDX-License-Identifier: MIT */
#include "providers/virtio/crypto.h"

#include <endian.h>
#include <string.h>

_Static_assert(sizeof(struct virtio_crypto_op_ctrl_req) == 72,
	       "a request of the control queue is 72 bytes, section 5.9.7.1");
_Static_assert(sizeof(struct virtio_crypto_op_data_req) == 72,
	       "and one of a data queue, section 5.9.7.4");

static void say_cipher(struct virtio_crypto_op_ctrl_req *r,
		       struct session_kind kind, size_t key_len)
{
	struct virtio_crypto_sym_create_session_req *s =
		&r->u.sym_create_session;

	r->header.opcode = htole32(VIRTIO_CRYPTO_CIPHER_CREATE_SESSION);
	s->u.cipher.para.algo = htole32(kind.algo);
	s->u.cipher.para.keylen = htole32((uint32_t)key_len);
	s->u.cipher.para.op = htole32(kind.op);
	s->op_type = htole32(VIRTIO_CRYPTO_SYM_OP_CIPHER);
}

static void say_rsa(struct virtio_crypto_op_ctrl_req *r,
		    struct session_kind kind, size_t key_len)
{
	struct virtio_crypto_akcipher_session_para *p =
		&r->u.akcipher_create_session.para;

	r->header.opcode = htole32(VIRTIO_CRYPTO_AKCIPHER_CREATE_SESSION);
	p->algo = htole32(kind.algo);
	p->keytype = htole32(kind.op);
	p->keylen = htole32((uint32_t)key_len);
	p->u.rsa.padding_algo = htole32(kind.padding);
	p->u.rsa.hash_algo = htole32(kind.hash);
}

size_t crypto_create(uint8_t *to, struct session_kind kind,
		     struct ukcf_bytes key)
{
	struct virtio_crypto_op_ctrl_req r = {
		.header.algo = htole32(kind.algo),
	};

	if (kind.service == VIRTIO_CRYPTO_SERVICE_CIPHER)
		say_cipher(&r, kind, key.len);
	else
		say_rsa(&r, kind, key.len);
	memcpy(to, &r, sizeof(r));
	memcpy(to + sizeof(r), key.data, key.len);
	return sizeof(r) + key.len;
}

size_t crypto_destroy(uint8_t *to, struct session_kind kind, uint64_t id)
{
	struct virtio_crypto_op_ctrl_req r = {
		.header.opcode = htole32(
			kind.service == VIRTIO_CRYPTO_SERVICE_CIPHER ?
				VIRTIO_CRYPTO_CIPHER_DESTROY_SESSION :
				VIRTIO_CRYPTO_AKCIPHER_DESTROY_SESSION),
		.u.destroy_session.session_id = htole64(id),
	};

	memcpy(to, &r, sizeof(r));
	return sizeof(r);
}

size_t crypto_cipher(uint8_t *to, struct session_kind kind, uint64_t session,
		     const uint8_t iv[CRYPTO_IV], size_t len)
{
	struct virtio_crypto_op_data_req r = {
		.header.opcode =
			htole32(kind.op == VIRTIO_CRYPTO_OP_ENCRYPT ?
					VIRTIO_CRYPTO_CIPHER_ENCRYPT :
					VIRTIO_CRYPTO_CIPHER_DECRYPT),
		.header.algo = htole32(kind.algo),
		.header.session_id = htole64(session),
		.u.sym_req.op_type = htole32(VIRTIO_CRYPTO_SYM_OP_CIPHER),
	};
	struct virtio_crypto_cipher_para *p =
		&r.u.sym_req.u.cipher.para;

	p->iv_len = htole32(CRYPTO_IV);
	p->src_data_len = htole32((uint32_t)len);
	p->dst_data_len = htole32((uint32_t)len);
	memcpy(to, &r, sizeof(r));
	memcpy(to + sizeof(r), iv, CRYPTO_IV);
	return sizeof(r) + CRYPTO_IV;
}

size_t crypto_rsa(uint8_t *to, struct session_kind kind, uint64_t session,
		  uint32_t opcode, size_t src_len, size_t dst_len)
{
	struct virtio_crypto_op_data_req r = {
		.header.opcode = htole32(opcode),
		.header.algo = htole32(kind.algo),
		.header.session_id = htole64(session),
		.u.akcipher_req.para.src_data_len = htole32((uint32_t)src_len),
		.u.akcipher_req.para.dst_data_len = htole32((uint32_t)dst_len),
	};

	memcpy(to, &r, sizeof(r));
	return sizeof(r);
}

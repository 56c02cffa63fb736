/* SPDX-License-Identifier: MIT */
/*
 * Owns every check on what a consumer asks for: turns a copied SQE into a
 * request, or says which field or rule it breaks.
 */
#ifndef DAEMON_API_DECODE_H
#define DAEMON_API_DECODE_H

#include <stdint.h>

#include <ukcf/abi.h>

struct consumer;
struct request;

enum op_kind {
	OP_UNKNOWN = 0,
	OP_NOP,
	OP_CRYPTO, /* goes to a provider */
	OP_KEY,	   /* goes to the key store, or the templates */
	OP_PART,   /* goes to a context */
	OP_RING	   /* acts on its ring: done at once by the service thread */
};

/* What an operation takes and what it needs. */
struct op_rule {
	uint8_t kind;	 /* enum op_kind */
	uint8_t ranges;	 /* bit n: may name range n (enum ukcf_range_index) */
	uint8_t needs;	 /* bit n: range n may not be absent */
	uint8_t key;	 /* takes a key in obj[0] */
	uint16_t classes; /* bit n: of mechanism class n; 0: takes none */
	uint16_t usage;	 /* that the key must have */
	uint16_t takes;	 /* TAKES_*: other fields that may be set */
};

#define TAKES_CTX 0x1
#define TAKES_OBJ 0x2
#define TAKES_PROVIDER 0x4
#define TAKES_AUTO 0x8
#define TAKES_PART 0x10 /* part_op, and all that begins an operation */
#define TAKES_SOURCE 0x20
#define TAKES_OPDONE 0x40
#define TAKES_DUAL 0x80 /* a second mechanism and key */
#define TAKES_NONCE 0x100 /* no nonce: the daemon chooses it */

/*
 * Judge req->entry->sqe and resolve it: mechanism, offer, key, arenas.
 * On success the references it took are the request's (request_release()).
 * Return: 0, or -errno with *detail (enum ukcf_detail); then nothing is held.
 */
int decode_request(struct request *req, struct consumer *c,
		   unsigned int *detail);

/* For the offer that was chosen: may it work on the arenas themselves? */
void decode_copy_class(struct request *req);

#endif

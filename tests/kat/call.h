/* SPDX-License-Identifier: MIT */
/* Owns one operation on either path, with the same question and answer. */
#ifndef TESTS_KAT_CALL_H
#define TESTS_KAT_CALL_H

#include <ukcf/ukcf.h>

#include "tests/kat/run.h"

#define CALL_OUT_MAX (256u << 10) /* bytes of output, of input, of aad */

struct call {
	enum ukcf_op op;
	uint32_t mech;
	struct ukcf_key key; /* of that path's connection */
	struct kat_bytes nonce, aad, in, tag;
	size_t out_len;
	size_t tag_len; /* AEAD: wanted; only a ring request can say it */
	bool kdf; /* DERIVE: in is the salt, aad the info */
};

struct answer {
	int64_t res;
	unsigned int detail; /* enum ukcf_detail */
	bool in_library;     /* refused before a ring saw it */
	bool right_place;    /* it ran where the path says */
	/* A failed call left (ring) or zeroed (caller) the output. */
	bool withheld;
	char place[80];
	const uint8_t *out;
};

int call_open(void);
void call_close(void);
struct ukcf *call_connection(enum kat_path path);
/* Let that provider alone answer, over the ring.  0, or -ENODEV. */
int call_ask(const char *provider);
uint16_t call_provider(void); /* its id, or 0: the daemon chooses */
/* NULL, or why no call can run on that path. */
const char *call_unavailable(enum kat_path path);
void call_do(enum kat_path path, const struct call *c, struct answer *a);

#endif

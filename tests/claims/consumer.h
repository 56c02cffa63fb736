/* SPDX-License-Identifier: MIT */
/*
 * Owns the consumer of a case: a connection, a ring with its buffers, and
 * requests whose right answer is known.  Every call gives the case up when
 * what is no part of the claim fails.
 */
#ifndef TESTS_CLAIMS_CONSUMER_H
#define TESTS_CLAIMS_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

#define ENTRIES 64
#define IN_SIZE (1u << 20)
#define OUT_SLOT 512u /* bytes of output of each request: by user_data */
#define MS UINT64_C(1000000)

extern struct ukcf *conn;
extern struct ukcf_ring *ring;
extern struct ukcf_buffer *in, *out;
extern uint8_t *text; /* random bytes: the input */

/* flags: of ukcf_connect() */
void consumer_open(unsigned int flags);
void consumer_close(void);

uint16_t provider_id(const char *name);
struct ukcf_page_provider provider_row(uint16_t id);
/* Until a provider is in this state. */
void await_state(uint16_t id, enum ukcf_provider_state state);
struct ukcf_page_mech mech_row(uint32_t mech);

/* The digest of the first len bytes of input, into its output slot. */
struct ukcf_sqe digest_of(uint64_t user_data, uint32_t mech, size_t len);
struct ukcf_sqe sha256(uint64_t user_data);
/* A request that keeps its server busy for so long (provider null). */
struct ukcf_sqe work(uint64_t user_data, uint64_t ns);
/* With QUEUE: it keeps the worker, of which there is one; returns when it
 * does.  Its own CQEs have been read, but for the result. */
void occupy_worker(uint64_t user_data, uint64_t ns);

void submit(const struct ukcf_sqe *s);
struct ukcf_cqe next_cqe(void);
/* The next of its kind; those of other kinds are dropped. */
struct ukcf_cqe next_of(unsigned int kind);
struct ukcf_cqe result(void);
/* Submit, and drop all but the result. */
struct ukcf_cqe run(const struct ukcf_sqe *s);
/* No CQE is there, nor comes while the daemon answers a NOP. */
bool is_quiet(void);
unsigned int kind_of(const struct ukcf_cqe *c);
/* What the daemon counted for this connection. */
struct ukcf_counts counts(void);

/* Was it right? */
const uint8_t *output(uint64_t user_data);
bool is_sha256(const struct ukcf_cqe *c);

/* A key of the daemon's. */
struct ukcf_key held_key(uint32_t mech);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the consumer side of the benchmark: a connection, a ring and buffers,
 * and the loops that keep them busy.  Every request is counted here, and the
 * daemon's count must be the same.
 */
#ifndef TESTS_BENCH_CONSUMER_H
#define TESTS_BENCH_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#define DEPTH 64
#define BATCH 16
#define SMALL 64	  /* bytes */
#define LARGE (16u << 10) /* bytes */

int consumer_open(void);
void consumer_close(void);

/* One request and its completion, polling.  0 or -errno. */
int consumer_nop(void);
int consumer_encrypt_small(void);
/* BATCH MACs of SMALL bytes with a key that the daemon holds, or with a template
 * of it. */
int consumer_mac_batch(bool tmpl);
/* chunk: n * BATCH completions at depth DEPTH; begin and end fill and drain
 * the pipe. */
int consumer_pipe_begin(bool encrypt);
int consumer_pipe_batches(bool encrypt, unsigned int n);
int consumer_pipe_end(bool encrypt);
/* sha2-256 of SMALL bytes, synchronous: 0 or -errno. */
int consumer_digest_small(void);
/* Did the last one? */
bool consumer_ran_in_caller(void);

/* Submitted by this program and counted by the daemon since the last call:
 * equal, or -EBADE. */
int consumer_counts_agree(void);
/* Does the last large result equal what libsodium makes of it? */
bool consumer_result_right(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the peers that are PKCS#11 tokens: SoftHSM2 in this process, and behind
 * `p11-kit server', another process that is asked over a socket.  Each has a
 * token of its own in a directory that is removed again.
 */
#ifndef TESTS_BENCH_TOKEN_H
#define TESTS_BENCH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

enum token { TOKEN_IN_PROCESS, TOKEN_REMOTE, TOKENS };

/* @key: 32 bytes, of HMAC-SHA-256.  What does not work is missing. */
void token_open(const uint8_t *key);
void token_close(void);
/* Why it cannot be measured, or NULL. */
const char *token_missing(enum token t);
/* out: 32 bytes.  0 or -EIO. */
int token_mac(enum token t, uint8_t *out, const uint8_t *in, size_t len);

#endif

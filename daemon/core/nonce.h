/* SPDX-License-Identifier: MIT */
/*
 * Owns the nonces that the daemon chooses (UKCF_SUB_NONCE): none is given twice
 * under a key, and a key gives no more of them than its mechanism allows.
 *
 * A nonce of 12 bytes is counted: SP 800-38D section 8.2.1, 4 bytes of the key
 * object, drawn when it is made, and its counter of 8, big-endian.  The counter
 * lies in the key's slot, which the next process takes over: what was taken
 * before a crash stays taken.  A request that runs again takes another, since
 * its input may be another by now, so counters skip and never repeat.  A nonce
 * of 24 bytes is random.
 */
#ifndef DAEMON_CORE_NONCE_H
#define DAEMON_CORE_NONCE_H

#include <stdint.h>

struct key;
struct request;
struct ukcf_key_nonces;

/* Most nonces that a key of this mechanism gives; ukcf_mech(7) says whose
 * number that is. */
uint64_t nonce_limit(uint32_t mech);
/*
 * Take one for an ENCRYPT whose mechanism and key are known.
 * Return: 0; -EOPNOTSUPP: none is made of that size; -EKEYREJECTED: the key has
 * given all, or others count on the same bytes; -EIO.
 */
int nonce_draw(struct request *req, unsigned int *detail);
/* How many k has given, and gives at most.  -EOPNOTSUPP: none. */
int nonce_count(const struct key *k, struct ukcf_key_nonces *n);
/* Its output is there, res bytes: what stands behind it.  Return: the bytes of
 * both; res itself if the request brought its nonce; -EIO: there is no room. */
int64_t nonce_deliver(const struct request *req, int64_t res);

#endif

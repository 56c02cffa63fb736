/* SPDX-License-Identifier: MIT */
/*
 * Owns the peer to compare with: a Unix SEQPACKET daemon (a forked process)
 * that does the same work with the same library, and a bare echo beside it.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <stdint.h>

#define PEER_BATCH 16
#define PEER_DATA 64

enum peer_op { PEER_NOP, PEER_ENCRYPT };

/* Fork both, on a CPU.  Before the process has threads.  0 or -errno. */
int peer_start(int cpu);
void peer_stop(void);
/* One request of PEER_DATA bytes and its reply.  0 or -errno. */
int peer_round_trip(enum peer_op op);
/* PEER_DATA bytes to the bare echo and back. */
int peer_bare_round_trip(void);
/* PEER_BATCH requests by sendmmsg(), replies by recvmmsg(). */
int peer_send(enum peer_op op);
int peer_receive(void);

#endif

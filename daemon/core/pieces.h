/* SPDX-License-Identifier: MIT */
/*
 * Owns the running of a large one-shot request in bounded pieces: after each
 * its worker looks for cancel and the deadline, and if others wait in the lane
 * the request goes back there with its state, so that none of them waits for
 * more than a piece of it.
 *
 * A piece is read once (a copy of it, unless the operation is single-pass), so
 * no private copy of the whole is made; plaintext is withheld whole until the
 * tag was verified.
 */
#ifndef DAEMON_CORE_PIECES_H
#define DAEMON_CORE_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#define PIECE (16u << 10) /* bytes */

struct request;
struct scratch;

int pieces_init(void);
void pieces_deinit(void);
/* Is it large, and does its provider take it in pieces? */
bool pieces_apply(const struct request *req);
/* Bytes that one turn of it takes. */
uint64_t pieces_turn_bytes(const struct request *req);
/* One turn, or more if nobody waits.  False: it is back in its lane, or with
 * another provider; else its result is set. */
bool pieces_run(struct request *req, struct scratch *s);
/* It has its result, or lost its turn for ever: wipe what it keeps. */
void pieces_drop(struct request *req);

#endif

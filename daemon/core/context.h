/* SPDX-License-Identifier: MIT */
/*
 * Owns multipart contexts: the state of an operation whose data comes in parts,
 * and the order of the parts.
 *
 * A context runs one part at a time.  A part that arrives while an earlier one
 * is queued or runs waits here, not in a lane; who ends the earlier one starts
 * it.  No thread waits for another.  A part that failed, was cancelled or came
 * too late poisons the context: the data after it would be the data of another
 * message, so later parts get the same error.  A part that was refused changed
 * nothing.
 *
 * A context belongs to a ring, whose service thread alone begins and ends it,
 * in the order of submission.  State lies in locked memory of this process: a
 * restart loses it, and the parts after it are told so.
 */
#ifndef DAEMON_CORE_CONTEXT_H
#define DAEMON_CORE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ukcf/abi.h>
#include <ukcf/provider.h>

#define CONTEXT_SLOTS 1024
#define CONTEXT_STATE_MAX 1024u /* bytes of a provider's ctx */

struct backlog;
struct context;
struct mech;
struct mech_offer;
struct provider;
struct request;

/* What INIT fixes; readable as long as the context is held.  All 0: it is a
 * chain of linked requests (chain.h). */
struct context_spec {
	uint32_t op;	/* enum ukcf_op */
	uint32_t tag_len;
	const struct mech *mech;
	struct mech_offer *offer;
	bool own;	/* the key is the consumer's own */
};

/* The contexts of a ring by id; its service thread's. */
struct context_table {
	struct context *at[UKCF_CONTEXTS_MAX + 1];
	/* Why what was begun is not there: -ESTALE, a restart; else how its
	 * beginning ended while it was parked.  Until begun anew. */
	int lost[UKCF_CONTEXTS_MAX + 1];
};

int context_init(unsigned int per_uid);
void context_deinit(void);
/* Where parts wait for their turn: its deadlines are to be watched. */
struct backlog *context_backlog(void);
unsigned int context_count(void);
void context_table_lost(struct context_table *t);
void context_table_free(struct context_table *t);

/* A new one, held; NULL: the quota, or no slot is left. */
struct context *context_new(uid_t uid, const struct context_spec *spec);
struct context *context_hold(struct context *c);
void context_put(struct context *c);
const struct context_spec *context_spec(const struct context *c);
bool context_is_chain(const struct context *c);
/* Bytes of data that its accepted parts have. */
uint64_t context_total(struct context *c);
uint8_t *context_state(struct context *c);

/*
 * Parts.  A decoded one has its context in req->context, and CTX_COPY the new
 * one in req->made; both are held for it.
 */

/* Service thread: is it this part's turn?  If so, it stays so. */
bool context_is_idle(const struct request *req);
/* It begins: it runs, or is queued in a lane. */
void context_begin(struct request *req);
/* It waits, if it is not its turn (ack: see backlog_put()).  False: it is, and
 * it has begun, if it had not. */
bool context_park(struct request *req, bool ack);
/* Service thread: it was accepted, so the table knows. */
void context_accepted(struct context_table *t, const struct ukcf_sqe *s,
		      struct context *c, struct context *made);
/* CANCEL_CTX. */
void context_end(struct context_table *t, uint64_t id);
/* Service thread: a part ended with err before it was taken in, so those after it
 * fail; last: it was FINAL. */
void context_part_lost(struct context_table *t, uint64_t id, int err,
		       bool last);
/* The error of a part before this one, which this one ends with too; 0: none. */
int context_failure(const struct request *req);
/*
 * It was taken away with its provider: begin anew.  After request_give(), so
 * that who takes it away sees the request, or this sees that it was.
 */
bool context_is_gone(const struct context *c);
/* Service thread: what is at id was taken away. */
void context_forget(struct context_table *t, uint64_t id);
/* main: no part of those that are with p starts any more. */
void context_expel(const struct provider *p);
/* main: those are let go, whoever has them.  No request is with p. */
void context_take_away(const struct provider *p);
/* INIT has begun it; the provider has let go of it (final). */
void context_begun(struct context *c);
void context_ended(struct context *c);

/* What a part that ended leaves to be done after its result was handed in. */
struct context_then {
	struct context *of, *made;
	bool was_active;
};

/* It has its result.  Nothing behind it starts until context_go_on(), so that
 * completions come in the order of the parts. */
struct context_then context_leave(struct request *req);
/* Start what waited for it.  Not in completion context. */
void context_go_on(struct context_then then);

/* Cancel its parts that do not run yet.  Return: how many. */
unsigned int context_cancel(struct context *c);

#endif

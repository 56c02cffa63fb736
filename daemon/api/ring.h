/* SPDX-License-Identifier: MIT */
/*
 * Owns the daemon's side of a ring: its two memfds, taking SQEs (each copied
 * once into the recovery memfd), posting CQEs, credits and wake-ups.
 *
 * Who may touch what: the SQ side belongs to the ring's service thread; the CQ
 * has one writer at a time, whoever owns it (ring_complete()); main makes and
 * closes rings.
 */
#ifndef DAEMON_API_RING_H
#define DAEMON_API_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>
#include <ukcf/ukcf.h>

struct chain_end;
struct consumer;
struct context_table;
struct parking;
struct provider;
struct rec_waiter;
struct request;
struct ring;
struct service;
struct tally;

/* main thread.  Return: 0 or -errno. */

/* Make both halves.  fds[0]: SQ half, read-write; fds[1]: CQ half, read-only;
 * the caller sends and closes them.  Puts the ring into c->rings[]; what the
 * caller has charged to the user's quota is the ring's then. */
int ring_create(struct consumer *c, unsigned int sq_order, uint32_t seq,
		struct ring **rp, int fds[2]);
/* Descriptors once more (a repeated request). */
int ring_reopen(struct ring *r, int fds[2]);
/* The consumer has mapped and prefaulted: seal, check, hand it to a service
 * thread.  Idempotent.  -EPROTO: holes, or it cannot be sealed. */
int ring_ready(struct ring *r);
/* Stop taking: requests that only wait are cancelled, those that run end, and
 * nobody sees their results.  Freed, and its user's quota given back, when the
 * last one ended.  Takes it out of c->rings[]. */
void ring_close(struct ring *r);
/* Those that there are, also those that are closing. */
unsigned int ring_count_all(void);
/* Requests of all rings, also of those that are closing, that are with a
 * provider. */
unsigned int ring_uses(const struct provider *p);
/* After a restart: from its record and the stored descriptors; replays what
 * was accepted and not answered.  Hand to a service thread by ring_ready(). */
int ring_restore(struct consumer *c, uint32_t rec, int sq_fd, int cq_fd);

/* Was it READY, perhaps in a former process? */
bool ring_is_live(const struct ring *r);
uint16_t ring_index(const struct ring *r);
uint32_t ring_open_seq(const struct ring *r);
uint8_t ring_sq_order(const struct ring *r);
uint8_t ring_cq_order(const struct ring *r);
uint64_t ring_entries(const struct ring *r); /* of its SQ */
uint64_t ring_sq_size(const struct ring *r);
uint64_t ring_cq_size(const struct ring *r);
/* A snapshot, any thread. */
void ring_counts(const struct ring *r, struct ukcf_counts *sum);

/* What ran of this ring, by offer (mech_offer.index), and all together; of all
 * rings there ever were.  Adds to sum.  Main. */
void ring_tally(const struct ring *r, struct tally *sum);
void ring_tally_offer(uint32_t offer, struct tally *sum);

struct consumer *ring_consumer(const struct ring *r);
uint64_t ring_serial(const struct ring *r);

/* Service thread of the ring: the SQ side. */

struct service *ring_service(const struct ring *r);
void ring_set_service(struct ring *r, struct service *s);
/* Its multipart contexts. */
struct context_table *ring_contexts(struct ring *r);
/* The chain that its last entry belongs to. */
struct chain_end *ring_chain(struct ring *r);
/* Those that wait for a provider to be loaded. */
struct parking *ring_parking(struct ring *r);
/* An accepted request that a former process left; NULL when there are none. */
struct request *ring_take_replay(struct ring *r, uint64_t now);
/* Of the entry NOTIFY_EVENTS: kinds of events (UKCF_EVENTS_*) that the ring is
 * told from now on; 0: none. */
void ring_want_events(struct request *req, uint32_t kinds);
/* Post what happened and the ring wants to know, if it may have it now. */
void ring_tell(struct ring *r);
/* Is there an entry to take? */
bool ring_has_entry(const struct ring *r);
/* The next entry, copied and accepted at tick now; NULL if there is none, or no
 * credit. */
struct request *ring_take(struct ring *r, uint64_t now);
/* There will be no QUEUED CQE: the slot promised for it is free again. */
void ring_no_ack(struct request *req);
/* The request leaves the service thread: it keeps the ring until posted. */
void ring_queued(struct request *req);
/* Was a CQ slot kept for an event of this request?  Then it is the caller's,
 * for a ring_event or to be given back. */
bool ring_keep_event(struct request *req);
void ring_drop_event(struct ring *r);
/* The request of this ring that its handle names, accepted and not answered;
 * NULL: there is none. */
struct request *ring_find(struct ring *r, uint64_t handle);
/* Tell the consumer which slots are free again; once per burst. */
void ring_publish_head(struct ring *r);
/* In the middle of one: before a result of it can be there. */
void ring_show_head(struct ring *r);
/* Ask for the doorbell.  False: there is something to take (nothing armed). */
bool ring_arm(struct ring *r);
void ring_disarm(struct ring *r);
/* Its doorbell was seen. */
void ring_count_doorbell(struct ring *r);
/* Any thread: it was closed, and what its requests would do is for nobody. */
bool ring_is_closing(const struct ring *r);
/* It is closing: look at n more of its requests, and cancel those that only
 * wait.  Return: whether these were the last. */
bool ring_sweep(struct ring *r, unsigned int n);
/* Are there places kept for events of it? */
bool ring_has_waiters(const struct ring *r);
/* The service thread lets go; after it nothing is taken any more. */
void ring_detached(struct ring *r);

/* The CQ has one writer at a time. */

bool ring_cq_acquire(struct ring *r);
/* Also posts what others completed meanwhile. */
void ring_cq_release(struct ring *r);
/* Owner, service thread: post the result of a request it ran itself, at the
 * latest with ring_flush() or ring_cq_release(). */
void ring_post(struct request *req);
/* The same for a part: at once, behind what others completed before, which may
 * be the parts before it. */
void ring_post_in_order(struct request *req);
/* Owner: post its QUEUED CQE. */
void ring_post_queued(struct request *req);
/* Somebody else's: leave it to the owner.  Before anybody can run the request,
 * so that its result comes later; then ring_look(). */
void ring_leave_queued(struct request *req);
/* What was left to the CQ's owner is posted now, if there is none. */
void ring_look(struct ring *r);
/* Owner: post what waits, and wake the consumer if it asked for it. */
void ring_flush(struct ring *r);
/* Any thread: hand in a finished request; posted at once, or by the CQ's
 * present owner.  Does not block. */
void ring_complete(struct request *req);
/* A CQE that answers no request (SPACE): the beginning of memory from
 * malloc(), which is freed when it is posted. */
struct ring_event {
	struct ring_event *next;
	struct ring *ring;
	struct rec_waiter *rec;
	struct ukcf_cqe cqe;
};

/* Service thread: a slot is kept for it (ring_keep_event()) by req, which asked
 * for so many slots; cqe is filled in.  Holds the ring, and is known to the next
 * process until it is posted.  -ENOMEM: as many wait as its CQ has slots. */
int ring_event_init(struct ring_event *e, const struct request *req,
		     unsigned int slots);
/* Service thread, before the first entry is taken: those that a former process
 * had not told of room are told, since nobody waits in this one. */
void ring_tell_waiters(struct ring *r);
/* Any thread but completion context. */
void ring_post_event(struct ring_event *e);
/* Free the rings whose last request ended; called when woken. */
void ring_reap(void);
int ring_init(void);
int ring_reap_fd(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the recovery memfd: what must outlive the daemon's process.
 *
 * Daemon-only, pointer-free, sparse.  Records hold what the daemon accepted
 * (private copies of SQEs), its private heads and tails, the in-flight table,
 * who waits for room, and which consumers, rings and buffers exist; the
 * descriptors themselves lie in the store (fdstore.h).  A result is recorded
 * here before its CQE is published.  Stores are in program order and seen by
 * the next process whole: what survives is a killed process, not a power
 * failure.
 */
#ifndef DAEMON_CORE_RECOVERY_H
#define DAEMON_CORE_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>
#include <ukcf/ukcf.h>

#define REC_CONSUMERS_MAX 512
#define REC_RINGS_MAX 2048
#define REC_BUFFERS_MAX 4096
#define REC_ENTRIES_MAX 4096 /* in flight per ring: 2^UKCF_SQ_ORDER_MAX */
#define REC_WAITERS_MAX 8192 /* for room, per ring: each has a place in its CQ */

enum rec_state { REC_FREE = 0, REC_OPENING = 1, REC_LIVE = 2, REC_CLOSING = 3 };

struct rec_consumer {
	uint32_t state;
	uint32_t uid;
	uint32_t gid;
	uint32_t pid;
	uint32_t last_seq; /* of its control socket */
	uint32_t pad;
	uint64_t serial; /* never reused: names the consumer in logs */
};

struct rec_ring {
	uint32_t state;
	uint32_t consumer; /* index of its rec_consumer */
	uint32_t open_seq; /* control seq that made it */
	uint16_t index;	   /* within the connection */
	uint8_t sq_order;
	uint8_t cq_order;
	uint64_t serial;   /* never reused: half of a request's id */
	uint64_t sq_head;  /* next SQE to take */
	uint64_t cq_tail;  /* next CQE to post */
	struct ukcf_counts counts; /* one writer each: ring-parts.h */
	uint64_t events_data; /* user_data of its EVENT CQEs */
	uint32_t events;      /* UKCF_EVENTS_* that it wants; stored last */
	uint32_t pad;
};

#define REC_BUFFER_HIDDEN 0x8000u /* with a kind: from devices */

struct rec_buffer {
	uint32_t state;
	uint32_t consumer;
	uint32_t open_seq;
	uint16_t index; /* within the connection */
	uint16_t kind;
	uint64_t size;
};

enum rec_entry_state {
	REC_ENTRY_FREE = 0,
	REC_ENTRY_ACCEPTED = 1, /* sqe is valid, seq says which */
	REC_ENTRY_DONE = 2	/* cqe is valid and has its place cq_index */
};

/* One request in flight. */
struct rec_entry {
	struct ukcf_sqe sqe;
	struct ukcf_cqe cqe;
	uint64_t seq;	   /* SQ index it was taken from */
	uint64_t cq_index; /* where its CQE goes */
	uint32_t state;	   /* enum rec_entry_state; stored last */
	uint32_t linked;   /* it waits for the entry before it */
	uint64_t ack;	   /* 1 + index of its QUEUED CQE; 0: none posted */
};

/* One that asked to be told of room, and was not told yet. */
struct rec_waiter {
	uint64_t user_data;
	uint64_t cq_index; /* 1 + where its SPACE CQE goes; 0: not known yet */
	uint32_t seq;	   /* low half of the SQ index of who asked ... */
	uint16_t entry;	   /* ... which had this place in the table */
	uint16_t queue;	   /* UKCF_QUEUE_*, or a provider's */
	uint32_t slots;
	uint32_t state; /* REC_FREE or REC_LIVE; stored last */
};

struct recovery {
	uint64_t magic;
	uint32_t version;
	uint32_t restarts;
	uint64_t boot_gen;
	uint64_t started_s;
	uint64_t next_serial;
	uint32_t clean; /* shut down in order: nothing to take over */
	uint32_t pad;
	struct rec_consumer consumers[REC_CONSUMERS_MAX];
	struct rec_ring rings[REC_RINGS_MAX];
	struct rec_buffer buffers[REC_BUFFERS_MAX];
};

extern struct recovery *recovery; /* mapped for the life of the process */

/*
 * Map fd (from the store) or make a new memfd and store it.
 * @taken_over: receives whether there is state of a former process
 * Return: 0 or -errno; then fd is closed.  A record of another version is
 * refused: -EPROTO.
 */
int recovery_open(int fd, bool *taken_over);
void recovery_close(void);

/* The in-flight table of a ring: REC_ENTRIES_MAX entries, sparse. */
struct rec_entry *recovery_entries(uint32_t ring);
/* Who waits for room: REC_WAITERS_MAX, sparse. */
struct rec_waiter *recovery_waiters(uint32_t ring);
/* Give the memory of a closed ring's tables back. */
void recovery_entries_drop(uint32_t ring);

/*
 * Find a free record, or -1.  main only.  A consumer's is OPENING; those of
 * rings and buffers stay FREE until the caller has filled them in: a record
 * that says OPENING before it says whose would be taken for consumer 0's.
 */
int recovery_consumer_new(void);
int recovery_ring_new(void);
int recovery_buffer_new(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the order in which requests leave a bounded queue: deficit round robin
 * over the consumers, in predicted nanoseconds, with weights (Shreedhar and
 * Varghese, Efficient Fair Queuing using Deficit Round Robin, 1996); deadlines;
 * and who is told of room, first come, first told.
 *
 * What is forced in stands beside the places: it takes none from those who come
 * and may be turned away, however much of it there is.
 *
 * Who waits for several places is passed by those who are content with one, but
 * not for ever: when a queueful was put meanwhile, what becomes free is saved
 * for it.
 *
 * A data structure: its user locks, and it knows no clock, no thread and, after
 * queue_init(), no allocation.  What waits embeds a struct qnode.
 */
#ifndef DAEMON_CORE_QUEUE_H
#define DAEMON_CORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define QUEUE_FLOWS 512 /* one per consumer record */
#define QUEUE_QUANTUM_NS 20000 /* of service per turn, at the usual weight */
#define QUEUE_WEIGHT_USUAL 100
#define QUEUE_WEIGHT_MAX 1000
#define QUEUE_TOOK_MAX_NS UINT64_C(3600000000000) /* longer is taken for this */
/* Taking one costs as much: a turn of requests that cost nothing must end. */
#define QUEUE_COST_MIN_NS 100

struct qflow;

struct qnode {
	struct qnode *next, *prev; /* of its flow */
	struct qflow *flow;	   /* the last one it was in */
	bool queued;
	bool beside;		   /* it was forced in, and has no place */
	uint64_t deadline_ns;	   /* set by the user before queue_put() */
	uint32_t cost_ns;	   /* likewise */
	/* a pairing heap by deadline */
	struct qnode *child, *sibling, *back;
};

/* One consumer's requests, first come, first served. */
struct qflow {
	struct qnode *first, *last;
	struct qflow *next, *prev; /* those that have requests: a circle */
	int64_t deficit;    /* nanoseconds that it may still use, or owes */
	uint64_t period;    /* in which it owes them */
	uint32_t weight;
	bool open;	    /* it had its quantum for this turn */
};

/* Somebody who waits for room; embedded by the user. */
struct qwaiter {
	struct qwaiter *next;
	uint64_t turn;	   /* queue_want() counts them */
	unsigned int want; /* slots, at least 1 */
	uint32_t flow;	   /* whose it is */
};

/* First come, first told. */
struct qline {
	struct qwaiter *first, **last;
};

struct queue {
	struct qflow *flows;
	struct qflow *turn; /* whose turn it is; NULL: all are idle */
	uint64_t period;    /* since nobody waited for the last time */
	struct qnode *first_deadline;
	struct qline ones, many; /* who wait for one slot, and for several */
	uint64_t turns;
	unsigned int slots;
	unsigned int promised; /* slots told of and not taken since */
	unsigned int passed; /* put while the first of many waits; to slots */
	unsigned int kept;   /* slots of the last of many that was told ... */
	uint32_t kept_for;   /* ... for its flow, till the queue is empty ... */
	unsigned int lapses; /* ... or others have put so many */
	uint32_t saves;	     /* atomic: no place is free for whoever comes */
	unsigned int n_active;
	unsigned int left;   /* that left since a place was taken; to slots */
	uint32_t taken;	     /* atomic: places */
	uint32_t depth;	     /* atomic */
	uint64_t backlog_ns; /* atomic: sum of the costs */
};

/* Return: 0 or -ENOMEM. */
int queue_init(struct queue *q, unsigned int slots);
void queue_deinit(struct queue *q);

/* @flow: below QUEUE_FLOWS; @weight: 1 to QUEUE_WEIGHT_MAX
 * Return: 0; -EAGAIN: full, or what is free is saved (never if forced). */
int queue_put(struct queue *q, struct qnode *n, uint32_t flow, uint32_t weight,
	      bool force);
/* What was taken and cannot be served: it is the next one again. */
void queue_put_first(struct queue *q, struct qnode *n);
/* The next one; NULL: empty. */
struct qnode *queue_take(struct queue *q);
/* One of f that was taken was charged so much, and took so long: f pays the
 * rest from its next turns, or is given it back.  What is over when nobody waits,
 * and what is still owed when nobody waits any more, is owed to nobody. */
void queue_settle(struct queue *q, struct qflow *f, uint64_t charged_ns,
		  uint64_t took_ns);
/* False: it is not queued (any more). */
bool queue_remove(struct queue *q, struct qnode *n);
/* One whose deadline is not after now, removed; NULL: there is none. */
struct qnode *queue_expired(struct queue *q, uint64_t now);
/* The first deadline; the queue is not empty. */
uint64_t queue_earliest(const struct queue *q);

/* Wait for w->want slots (more than there are: for an empty queue). */
void queue_want(struct queue *q, struct qwaiter *w);
/* The next one to be told now, no longer waiting; NULL: none.  To be asked
 * after whatever makes room, and after queue_want(). */
struct qwaiter *queue_told(struct queue *q);

/* Take those out of the lines that are `of' something, as the user says.
 * Return: them, through next, in their order.  Others may be told then. */
struct qwaiter *queue_forget(struct queue *q,
			     bool (*is)(const struct qwaiter *w,
					const void *of), const void *of);

/* Any thread, without the lock. */
unsigned int queue_depth(const struct queue *q);
/* Places that are free. */
unsigned int queue_room(const struct queue *q);
/* Would one who comes now be turned away?  As good as known. */
bool queue_is_full(const struct queue *q);
uint64_t queue_backlog_ns(const struct queue *q);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns a queue of requests that wait for a server: a lane of the software
 * queue for its workers, or the hardware queue of a provider for its device
 * thread.  Order and fairness are queue.h's; here are the lock, the deadlines
 * and who is told of room.
 *
 * A request in a backlog is WAITING.  Whoever moves that word on - a server to
 * RUNNING, cancel or a deadline to CANCELED - owns the request from then on.
 */
#ifndef DAEMON_CORE_BACKLOG_H
#define DAEMON_CORE_BACKLOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/event-count.h"
#include "daemon/core/queue.h"

struct request;
struct ring;

/* Since the start; written under the lock, read by anybody. */
struct backlog_counts {
	uint64_t taken;	    /* by a server */
	uint64_t rejected;  /* the queue was full */
	uint64_t cancelled; /* while they waited */
	uint64_t timed_out; /* likewise */
	uint64_t waited_ns; /* those that were taken, each time */
	uint64_t served_ns; /* by its servers; atomic addition, no lock */
};

struct backlog {
	pthread_mutex_t lock; /* guards q, counts, armed_ns; rank: innermost */
	struct backlog_counts counts;
	struct event_count arrived;
	struct queue q;
	uint16_t id;	     /* UKCF_QUEUE_*, or the provider's */
	uint32_t servers;    /* atomic */
	uint32_t running;    /* atomic: taken, and not ended yet ... */
	uint64_t running_ns; /* atomic: ... and their predicted costs */
	int timer_fd;	     /* earliest deadline; -1: its server looks */
	uint64_t armed_ns;   /* what timer_fd is set to; 0: nothing */
	uint32_t stopping;   /* atomic */
};

/* timed: deadlines by timer_fd, which main watches (backlog_expire()).
 * Return: 0 or -errno. */
int backlog_init(struct backlog *b, uint16_t id, unsigned int slots,
		 unsigned int servers, bool timed);
void backlog_free(struct backlog *b);

/* What a request that found no place leaves behind: tell me when there is
 * room for so many. */
struct want_space {
	const struct request *req; /* whose place in its ring's CQ is kept */
	unsigned int slots;
};

/*
 * Any thread but completion context.  The request must be ready to run, and is
 * WAITING afterwards.
 * @force: however full it is
 * @ack: its QUEUED CQE is left to the owner of the CQ, before it can run
 * @want: NULL, or registered in the same step if there is no place
 * Return: 0; -EAGAIN: full; -ENOMEM: full, and it could not be registered.
 */
int backlog_put(struct backlog *b, struct request *req, bool force, bool ack,
		const struct want_space *want);
/* The next one, RUNNING now; NULL: there is none.  Does not wait. */
struct request *backlog_take(struct backlog *b);
/* What was taken is not given back: there is room, for those who wait. */
void backlog_served(struct backlog *b);
/* Take, waiting, and served; NULL: stopping. */
struct request *backlog_wait(struct backlog *b);
/* One that was taken, with this predicted cost, is over or elsewhere.  Any
 * thread. */
void backlog_ended(struct backlog *b, uint32_t cost_ns);
/* What was predicted is not what it took: its consumer pays the rest later. */
void backlog_settle(struct backlog *b, struct qflow *whose, uint32_t cost_ns,
		    uint64_t ticks);
/* A server spent so much on one that it took.  Any thread, also in completion
 * context. */
void backlog_spent(struct backlog *b, uint64_t ticks);
/* A server cannot do it now: it is the next one again. */
void backlog_give_back(struct backlog *b, struct request *req);
/* Cancel won the request: take it out. */
void backlog_remove(struct backlog *b, struct request *req);
/* Those past their deadline end with -ETIMEDOUT. */
void backlog_expire(struct backlog *b);
/* Register for one SPACE event.  -ENOMEM. */
int backlog_want_space(struct backlog *b, const struct want_space *want);
/* A ring is closing: those of it that wait for room wait no more. */
void backlog_forget(struct backlog *b, const struct ring *r);
/* When the first of them must end; 0: there is none. */
uint64_t backlog_earliest(struct backlog *b);
/* Servers' waits end, for ever. */
void backlog_stop(struct backlog *b);

unsigned int backlog_depth(const struct backlog *b);
/* Would a request that is put now be turned away? */
bool backlog_is_full(const struct backlog *b);
/* Predicted nanoseconds until a request put now is taken. */
uint64_t backlog_wait_ns(const struct backlog *b);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the trace: what happened to requests, as events in a bounded ring of
 * this process.  Off unless an administrator looks.
 *
 * Any thread notes, also in completion context: no lock, no allocation; what
 * finds no place is counted as lost.  One reader, main.  An event says which
 * request and how long it took, never what is in it: no byte of a message or a
 * key, and no handle.
 */
#ifndef DAEMON_CORE_TRACE_H
#define DAEMON_CORE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/ring-ops.h"

struct request;

#define TRACE_EVENTS 32768 /* kept for a reader that is late; power of two */

enum trace_kind {
	TRACE_ACCEPTED = 1, /* taken from its ring */
	TRACE_QUEUED,	    /* waits in a queue */
	TRACE_STARTED,	    /* taken from its queue */
	TRACE_FAILED_OVER,  /* its provider could not do it */
	TRACE_DONE,	    /* it ran, well or not */
	TRACE_REJECTED,	    /* refused, or no place in its queue */
	TRACE_CANCELLED,
	TRACE_TIMED_OUT,
	TRACE_WRONG, /* an answer was wrong: the provider's that is named */
};

struct trace_event {
	uint64_t ticks;	   /* clock_ticks() */
	uint64_t consumer; /* serial */
	uint64_t seq;	   /* of the request in its ring */
	uint64_t bytes;
	int64_t res;	   /* of an end; 0: of a key operation that went well */
	uint32_t mech; /* of a dual operation its cipher */
	uint32_t queue_ns, service_ns;
	uint16_t ring;
	uint16_t provider; /* or the queue, UKCF_QUEUE_*; 0: none yet */
	uint8_t kind;	   /* enum trace_kind */
	uint8_t op;	   /* enum ukcf_op */
	uint8_t at_once;   /* it ran on the service thread */
	uint8_t native;	   /* a dual operation, in one job */
	uint8_t sync;	   /* its consumer waits for it */
	uint8_t queue;	   /* it asked for a queue */
	uint32_t mac;	   /* of a dual operation; else 0 */
};

/* 0: any. */
struct trace_filter {
	uint64_t consumer;
	uint32_t mech;
	uint16_t provider; /* leaves out what has none yet */
};

extern uint32_t trace_flag; /* atomic; this module's */

static inline bool trace_is_on(void)
{
	return __builtin_expect(load_relaxed_u32(&trace_flag), 0);
}

/* The caller has the request; if trace_is_on().  @provider: or a queue; 0. */
void trace_note(const struct request *req, enum trace_kind kind,
		uint16_t provider);
/* Likewise its end, as its result says. */
void trace_end(const struct request *req);

/* main */
void trace_turn_on(const struct trace_filter *f);
void trace_turn_off(void);
/* The oldest ones, at most n, taken out.  @lost: since the last call, before
 * some of these. */
unsigned int trace_read(struct trace_event *events, unsigned int n,
			uint64_t *lost);
/* Nanoseconds from trace_turn_on() to an event. */
uint64_t trace_ns(const struct trace_event *e);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the requests of a ring that wait for a provider to be loaded, in the
 * order in which they came.  Its service thread only.
 *
 * As long as one waits, those of the same ring that come after it wait too, but
 * for what concerns requests themselves (cancel, room in queues): so parts and
 * chains stay in order.  Other rings notice nothing.  What ends before its turn
 * is tied.h's.
 */
#ifndef DAEMON_CORE_PARKING_H
#define DAEMON_CORE_PARKING_H

#include <stdbool.h>
#include <stdint.h>

struct request;

struct parking {
	struct request *first, **last;
	bool broken; /* the next one that comes is linked to one that ended;
			never if it is empty */
};

void parking_init(struct parking *p);
bool parking_is_empty(const struct parking *p);
bool parking_has(const struct parking *p, const struct request *req);
/* One that is not empty: that which came last. */
const struct request *parking_newest(const struct parking *p);
/* Must one that comes now wait, too? */
bool parking_holds_up(const struct parking *p, const struct request *req);
void parking_add(struct parking *p, struct request *req);
/* The first one, taken out; NULL: there is none. */
struct request *parking_take(struct parking *p);
/* The one at this place, taken out. */
struct request *parking_take_at(struct parking *p, struct request **at);
/* The first one whose deadline has come; NULL: none. */
struct request *parking_late(const struct parking *p, uint64_t now_ns);
/* When the first one must end; 0: none waits. */
uint64_t parking_deadline(const struct parking *p);

#endif

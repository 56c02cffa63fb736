/* SPDX-License-Identifier: MIT */
/*
 * Owns the worker threads and the software queue that they serve, with its
 * lanes: bulk, and slow (asymmetric, password hashing).
 */
#ifndef DAEMON_CORE_WORKER_H
#define DAEMON_CORE_WORKER_H

#include <stdint.h>

struct backlog;

enum lane { LANE_BULK = 0, LANE_SLOW = 1, LANES = 2 };

int worker_start(const unsigned int threads[LANES], unsigned int slots);
void worker_stop(void);
/* Where requests wait for the workers of a lane. */
struct backlog *worker_backlog(enum lane lane);
unsigned int worker_threads(void);
unsigned int worker_depth(enum lane lane);

#endif

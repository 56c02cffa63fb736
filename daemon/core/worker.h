/* SPDX-License-Identifier: MIT */
/*
 * Owns the worker threads and the software queue that they serve, with its
 * lanes: bulk, and slow (asymmetric, password hashing).
 */
#ifndef DAEMON_CORE_WORKER_H
#define DAEMON_CORE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct request;

enum lane { LANE_BULK = 0, LANE_SLOW = 1, LANES = 2 };

int worker_start(const unsigned int threads[LANES], unsigned int slots);
void worker_stop(void);
/*
 * Queue a request.  force: a synchronous one, never refused.
 * Return: 0, or -EAGAIN if the lane is full.
 */
int worker_queue(enum lane lane, struct request *req, bool force);
unsigned int worker_threads(void);
unsigned int worker_depth(enum lane lane);

#endif

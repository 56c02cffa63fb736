/* SPDX-License-Identifier: MIT */
/* The time, for deadlines. */
#ifndef PROVIDERS_VIRTIO_CLOCK_H
#define PROVIDERS_VIRTIO_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC */
static inline uint64_t clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif

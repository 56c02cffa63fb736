/* SPDX-License-Identifier: MIT */
/*
 * Owns the comparison of a device with software: AES-256-CBC, asked of each by
 * name, by size, one request at a time and several in flight; of the device also
 * with a key of the consumer's own, with which it may work in the consumer's
 * buffers.  What is compared takes turns.
 */
#ifndef TESTS_BENCH_DEVICE_H
#define TESTS_BENCH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define DEVICE_SIZES 5
#define DEVICE_DEPTHS 2

enum device_kind {
	DEVICE_HARDWARE,
	DEVICE_SHARED, /* likewise, with the consumer's own key */
	DEVICE_SOFTWARE,
	DEVICE_KINDS
};

extern const uint32_t device_sizes[DEVICE_SIZES];	 /* bytes */
extern const unsigned int device_depths[DEVICE_DEPTHS]; /* in flight */

struct devices {
	const char *missing; /* why it was not measured, or NULL */
	char name[DEVICE_KINDS][48];
	/* ns per request, medians */
	double ns[DEVICE_KINDS][DEVICE_SIZES][DEVICE_DEPTHS];
};

/* 0, or -errno after a complaint. */
int devices_measure(struct devices *d, bool quick);

#endif

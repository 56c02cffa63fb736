/* SPDX-License-Identifier: MIT */
/*
 * Owns what the cases take for hardware: nullhw and nullhw2, which pretend to
 * be it; or, where UKCF_CLAIMS_DEVICES names two providers, those, which drive
 * real devices (tests/vfio).  The first of them holds jobs when it is told
 * "hang=1", until "release".
 */
#ifndef TESTS_CLAIMS_HARDWARE_H
#define TESTS_CLAIMS_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

bool hardware_is_real(void);
/* i: 0 or 1 */
const char *hardware_name(unsigned int i);

/* After consumer_open(). */
void hardware_open(void);
/* A request that hardware does: a digest, or, since real devices make none, the
 * encryption of SP 800-38A F.2.1 with a key of the daemon's. */
struct ukcf_sqe hardware_job(uint64_t user_data);
bool is_hardware_job(const struct ukcf_cqe *c);

#endif

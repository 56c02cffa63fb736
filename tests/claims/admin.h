/* SPDX-License-Identifier: MIT */
/* Owns what a claim test asks the daemon as its administrator. */
#ifndef TESTS_CLAIMS_ADMIN_H
#define TESTS_CLAIMS_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/shared/msg.h"

/* Say a word to a provider (ukcf-null(7)). */
void tell(const char *provider, const char *word);
/* A mechanism, at one provider or (NULL) at all of them. */
void enable(const char *provider, const char *mech);
void disable(const char *provider, const char *mech);
/* Not loaded, and known from a manifest only; and as it was before. */
void put_away(const char *provider);
void bring_back(const char *provider);
/* Undo all of it: between cases, with nobody connected. */
void calm_down(void);
/* The row of a queue as it is now; gives up if there is none. */
struct msg_queue queue_row(uint16_t id);
bool has_queue(uint16_t id);
/* Until so many wait in a queue, and exactly so many are in its device. */
void await_queue(uint16_t id, unsigned int waiting, unsigned int in_flight);
/* The provider that the daemon would choose, and whether it would run it at
 * once; 0: none. */
uint16_t explained(enum ukcf_op op, const char *mech, uint64_t size,
		   bool *at_once);
struct msg_status daemon_status(void);

#endif

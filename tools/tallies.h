/* SPDX-License-Identifier: MIT */
/* Owns asking the daemon for what it counts, as rows with names that end. */
#ifndef TOOLS_TALLIES_H
#define TOOLS_TALLIES_H

#include <stdint.h>

#include "lib/shared/msg.h"

/** struct tally_row - what was done by a provider, or of a mechanism */
struct tally_row {
	char name[UKCF_NAME_MAX];
	uint32_t id; /* of a provider; else 0 */
	struct msg_tally sum;
};

enum tally_by { TALLY_BY_PROVIDER, TALLY_BY_MECH };

/* Each receives rows, which the caller frees, and returns how many there are,
 * or -1 after a complaint; there is no row to free then. */
int tallies_queues(struct msg_queue **rows);
int tallies_sums(enum tally_by by, struct tally_row **rows);
int tallies_consumers(struct msg_consumer **rows);

#endif

/* SPDX-License-Identifier: MIT */
/* See tally.h. */
#include <stdlib.h>

#include "tests/support/check.h"
#include "tests/support/tally.h"

#define SENT 1
#define ANSWERED 2

void tally_init(struct tally *t, uint64_t n)
{
	*t = (struct tally){ .n = n, .state = calloc(n, 1) };
	if (!t->state)
		check_bail("no memory for the accounting");
}

void tally_free(struct tally *t)
{
	free(t->state);
	t->state = NULL;
}

void tally_sent(struct tally *t, uint64_t id)
{
	t->state[id] |= SENT;
	t->sent++;
}

void tally_unsent(struct tally *t, uint64_t id)
{
	t->state[id] &= (uint8_t)~SENT;
	t->sent--;
}

void tally_answer(struct tally *t, uint64_t id, bool right)
{
	if (id >= t->n || !(t->state[id] & SENT)) {
		t->unknown++;
		return;
	}
	if (t->state[id] & ANSWERED) {
		t->twice++;
		return;
	}
	t->state[id] |= ANSWERED;
	t->answered++;
	if (!right)
		t->wrong++;
}

uint64_t tally_lost(const struct tally *t)
{
	uint64_t lost = 0;

	for (uint64_t i = 0; i < t->n; i++)
		lost += t->state[i] == SENT;
	return lost;
}

bool tally_clean(const struct tally *t)
{
	return !t->twice && !t->unknown && !t->wrong && !tally_lost(t);
}

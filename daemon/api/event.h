/* SPDX-License-Identifier: MIT */
/*
 * Owns what happened to mechanisms and providers, for the rings that asked to
 * be told: a short log that whoever changes the page writes and service threads
 * read.
 *
 * A ring remembers how much of the log it was told; a service thread compares
 * that with how much there is.  So an event costs the same however many want
 * it, is kept for nobody, and one who is slow has missed some: he is told that
 * much has changed, and looks at the page.
 */
#ifndef DAEMON_API_EVENT_H
#define DAEMON_API_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/abi.h>

#define EVENT_LOG 32u /* events that can be told one by one */

struct event {
	uint8_t kind;	   /* enum ukcf_event */
	uint16_t provider; /* whose it is; 0: of a mechanism as such */
	uint32_t whom;	   /* mechanism or provider id; MANY: the epoch */
};

/* Tables of the page. */
struct event_tables {
	const struct ukcf_page_provider *providers;
	const struct ukcf_page_mech *mechs;
	unsigned int n_providers, n_mechs;
};

/*
 * What changes from one to the other.
 * @found: receives the first EVENT_LOG of them
 * Return: how many there are.
 */
unsigned int event_compare(const struct event_tables *from,
			   const struct event_tables *to,
			   struct event found[EVENT_LOG]);

/* The page shows it: tell whoever wants it.  Any thread but completion context,
 * one at a time (the page's lock); does not wait for any consumer. */
void event_publish(const struct event *events, unsigned int n);

/* Any thread. */

/* How many there were so far. */
uint64_t event_count_now(void);
/*
 * What to tell one who was told the first *seen of them, which becomes all.
 * @kinds: UKCF_EVENTS_* that he wants
 * Return: false: nothing.
 */
bool event_next(uint64_t *seen, uint32_t kinds, struct event *e);

#endif

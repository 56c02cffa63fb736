/* SPDX-License-Identifier: MIT */
/*
 * Owns a window of memory whose every read is seen: its pages are closed
 * (PROT_NONE); an instruction that touches one faults, is decoded, runs alone
 * with the page open, and the page is closed again.
 *
 * One window, one thread.
 */
#ifndef TESTS_TRACE_TRACE_H
#define TESTS_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One memory operand of one executed instruction, inside the window. */
struct trace_access {
	uintptr_t ip;
	size_t off; /* from the start of the window */
	unsigned int len;
	bool write;
};

/* Why this machine or this build cannot trace; NULL: it can. */
const char *trace_unavailable(void);
/* The window: whole pages that exist already, or NULL for new ones. */
void trace_init(void *base, size_t size);
uint8_t *trace_base(void);
void trace_start(void);
/* Open everything.  Return: what could not be judged, or NULL. */
const char *trace_stop(void);
unsigned int trace_count(void);
const struct trace_access *trace_at(unsigned int i);

/* A part of the window, each byte of which should be read exactly once. */
struct trace_range {
	size_t off, len;
	bool any_order;
	size_t often, n_often; /* bytes of it that may be read more often */
};

/*
 * Judge the accesses of the last run: every byte of every range read once,
 * forward unless any_order, nothing else read, nothing written.
 * @touched: receives whether any byte of a range was read
 * Return: NULL, or what is wrong, in words
 */
const char *trace_judge(const struct trace_range *ranges, unsigned int n,
			bool *touched);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the lease of the trace: one administrator has it at a time, for as long
 * as it is connected, and not longer than it said.  Main thread.
 */
#ifndef DAEMON_API_TRACER_H
#define DAEMON_API_TRACER_H

#include "lib/shared/msg.h"

struct loop;

int tracer_init(struct loop *loop);
/* @owner: the connection.  0 or -errno, with words either way. */
int tracer_start(const void *owner, const struct msg_trace *want,
		 struct msg_changed *r);
/* Up to n rows.  Return: how many; -ENODATA: the lease ended, and all was
 * read; -EPERM: it is not this owner's. */
int tracer_read(const void *owner, struct msg_event *rows, uint32_t n);
/* The connection ends, and its trace. */
void tracer_leave(const void *owner);

#endif

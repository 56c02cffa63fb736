/* SPDX-License-Identifier: MIT */
/*
 * Owns the question which systemd unit a process belongs to: the first part of
 * its control group's path that is no slice.  What a user's own service
 * manager makes lies below, so all of it is the unit user@UID.service.
 */
#ifndef DAEMON_API_UNIT_H
#define DAEMON_API_UNIT_H

#include <stddef.h>
#include <sys/types.h>

/* From the text of /proc/PID/cgroup; unit is "" where there is none, or it does
 * not fit. */
void unit_from_text(const char *text, char *unit, size_t size);
/* Of a process that is there: the caller holds it by a pidfd.  "": none, or it
 * cannot be seen. */
void unit_of(pid_t pid, char *unit, size_t size);

#endif

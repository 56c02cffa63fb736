/* SPDX-License-Identifier: MIT */
/* Owns the view of the captive daemon from outside: its process, descriptors,
 * memory and CPU time, read from /proc. */
#ifndef TESTS_SUPPORT_PROBE_H
#define TESTS_SUPPORT_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Pid of the daemon that runs at this moment ($UKCF_DAEMON_PIDFILE); bails
 * out if there is none within 10 s. */
pid_t probe_pid(void);
/* Wait for a daemon with another pid than old; its pid, or -1. */
pid_t probe_restarted(pid_t old, unsigned int timeout_ms);
/* Open descriptors; -1 if the process is gone or not ours to see. */
int probe_fds(pid_t pid);
/* The number behind a name in /proc/PID/status, proc(5); -1: none. */
long probe_status(pid_t pid, const char *name);
long probe_rss_kb(pid_t pid);
/* Are all its threads stopped by SIGSTOP?  Each by itself comes to that. */
bool probe_stopped(pid_t pid);
/* CPU time of all its threads. */
uint64_t probe_cpu_ns(pid_t pid);
/* Wait until the daemon has at most n descriptors; how many it has then. */
int probe_fds_settle(pid_t pid, int n, unsigned int timeout_ms);
/* Let others run for a moment: between two looks at a condition. */
void probe_pause(void);

#endif

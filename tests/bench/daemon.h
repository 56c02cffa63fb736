/* SPDX-License-Identifier: MIT */
/* Owns the benchmark's daemon: starting a captive one, pinning its service
 * threads. */
#ifndef TESTS_BENCH_DAEMON_H
#define TESTS_BENCH_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

/* Two CPUs that this process may use.  0, or -ENODEV. */
int daemon_cpus(int *mine, int *theirs);
int daemon_pin_self(int cpu);
/* Run this program again under `ukcfd --run'; returns only on failure. */
void daemon_reexecute(char **argv);
/* Of the daemon behind $UKCF_SOCKET, or -errno. */
pid_t daemon_pid(void);
/* Its service threads.  How many, or -errno. */
int daemon_pin(pid_t pid, int cpu);
/* Is it one that nobody else uses? */
bool daemon_is_captive(void);
/* Let this process and the service threads run anywhere, and as they were. */
void daemon_unpin(void);
void daemon_pin_again(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns every module of the daemon: the order in which they start and stop, and
 * the main thread's loop.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdio.h>

struct config;

#define DAEMON_SETS_MAX 64

/* Exit statuses; main.c prints them. */
enum daemon_exit {
	DAEMON_EXIT_OK = 0,
	DAEMON_EXIT_FAILURE = 1,
	DAEMON_EXIT_USAGE = 2,
	DAEMON_EXIT_CONFIG = 3,
	DAEMON_EXIT_PLATFORM = 4,
	DAEMON_EXIT_PROVIDER = 5,
	DAEMON_EXIT_SOCKET = 6,
	DAEMON_EXIT_CAPTIVE = 125, /* as env(1), timeout(1) */
};

/* What the command line says. */
struct daemon_options {
	const char *config_path;  /* NULL: the installed one */
	const char *provider_dir; /* NULL: the configuration's */
	const char *log_level;	  /* likewise */
	const char *sets[DAEMON_SETS_MAX];
	unsigned int n_sets;
	bool captive;
};

/* Defaults, files, command line, in this order.  0 or -errno, said to errors. */
int daemon_configure(const struct daemon_options *o, struct config *c,
		     FILE *errors);
/* Are its policy files right?  0 or -errno, said to errors. */
int daemon_check_policy(const struct config *c, FILE *errors);
/* Run until told to stop.  Return: enum daemon_exit. */
int daemon_run(const struct daemon_options *o, const struct config *c);

#endif

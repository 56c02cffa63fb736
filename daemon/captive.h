/* SPDX-License-Identifier: MIT */
/*
 * Owns a captive daemon: a private one for one command, on a runtime folder of
 * its own, by a parent that keeps its descriptors and starts it again when it
 * dies.
 */
#ifndef DAEMON_CAPTIVE_H
#define DAEMON_CAPTIVE_H

/*
 * Run command under a daemon of this program with daemon_argv.
 * Return: the command's exit status (128 + signal); 125: the daemon did not
 * work, 126 and 127: the command could not be run.
 */
int captive_run(char *const daemon_argv[], char *const command[]);

#endif

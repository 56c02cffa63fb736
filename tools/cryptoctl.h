/* SPDX-License-Identifier: MIT */
/*
 * Owns what the commands of cryptoctl share: the shape of a command, its
 * options and its exit status.
 */
#ifndef TOOLS_CRYPTOCTL_H
#define TOOLS_CRYPTOCTL_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/outfile.h"

enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_PARTIAL = 3, /* a part of the result went out */
	/* of the command status */
	STATUS_DOWN = 4,
	STATUS_DENIED = 5,
	STATUS_PROVIDER = 6,
	STATUS_MODULE = 7,
	STATUS_POLICY = 8,
};

/**
 * struct option_row - an option of a command
 * @letter: its place in invocation.value[]; an upper-case letter has no short
 *	form
 * @arg: what --help calls its argument; NULL: takes none
 */
struct option_row {
	char letter;
	bool required;
	const char *name;
	const char *arg;
	const char *help;
};

struct invocation;

/**
 * struct command - a row of the command table
 * @group: the word before its name, or NULL
 * @args: what --help calls its arguments, or NULL
 * @args_max: -1: any number
 * @options: ends with a row of zeros; NULL: has none
 */
struct command {
	const char *group;
	const char *name;
	const char *args;
	const char *help;
	const struct option_row *options;
	int args_min, args_max;
	enum status (*run)(struct invocation *in);
};

/** struct invocation - a command as it was called */
struct invocation {
	const struct command *command;
	const char *value[128]; /* by letter; "" if it takes none */
	char **args;
	int n_args;
};

/* The options of commands that write one file. */
#define OUTPUT_OPTIONS \
	{ 'o', false, "output", "OUT", "write there, not to standard output" }, \
	{ 'f', false, "force", NULL, "replace a file that is there" }

/* OUTFILE_*, as -f says. */
static inline unsigned int out_flags(const struct invocation *in)
{
	return in->value['f'] ? OUTFILE_FORCE : 0;
}

/* The rows of each cmd-*.c; each array ends with a row of zeros. */
extern const struct command status_commands[];
extern const struct command list_commands[];
extern const struct command digest_commands[];
extern const struct command key_commands[];
extern const struct command sign_commands[];
extern const struct command crypt_commands[];
extern const struct command random_commands[];
extern const struct command admin_commands[];
extern const struct command stats_commands[];
extern const struct command top_commands[];
extern const struct command trace_commands[];
extern const struct command bench_commands[];
extern const struct command device_commands[];

#endif

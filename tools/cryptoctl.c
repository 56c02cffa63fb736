/* SPDX-License-Identifier: MIT */
/*
 * The command line of cryptoctl: which command, with which options.  The rows
 * of the commands stand in cmd-*.c; help and parsing are made from them.
 */
#include "tools/cryptoctl.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <ukcf/version.h>

#include "tools/complain.h"
#include "tools/output.h"

#define OPTIONS_MAX 8

static const struct command *const tables[] = {
	status_commands, list_commands, digest_commands, key_commands,
	sign_commands,	 crypt_commands, random_commands, admin_commands,
	stats_commands,	 top_commands,	  trace_commands,   bench_commands,
	device_commands,
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static const struct {
	enum status status;
	const char *meaning;
} statuses[] = {
	{ STATUS_DONE, "done" },
	{ STATUS_FAILED, "failed, with a message; a wrong signature or tag" },
	{ STATUS_USAGE, "wrong usage" },
	{ STATUS_PARTIAL, "decrypt: failed, and a beginning went to a pipe" },
	{ STATUS_DOWN, "status: there is no daemon" },
	{ STATUS_DENIED, "status: this user may not use it" },
	{ STATUS_PROVIDER, "status: a provider failed, or none is ready" },
	{ STATUS_MODULE, "status: modules are refused here" },
	{ STATUS_POLICY, "status: mechanisms are disabled" },
};

/* -------------------------------------------------------------------- help */

static void print_option(const struct option_row *o)
{
	bool is_short = islower((unsigned char)o->letter);
	char left[48];

	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", is_short ? '-' : ' ',
		 is_short ? o->letter : ' ', is_short ? ", " : "  ", o->name,
		 o->arg ? "=" : "", o->arg ? o->arg : "");
	printf("      %-24s %s\n", left, o->help);
}

static void print_command(const struct command *c)
{
	printf("  %s%s%s%s%s\n      %s\n", c->group ? c->group : "",
	       c->group ? " " : "", c->name, c->args ? " " : "",
	       c->args ? c->args : "", c->help);
	for (const struct option_row *o = c->options; o && o->letter; o++)
		print_option(o);
}

/* group and name: NULL for all. */
static void print_commands(const char *group, const char *name)
{
	for (size_t i = 0; i < N_TABLES; i++)
		for (const struct command *c = tables[i]; c->name; c++)
			if ((!group || (c->group && !strcmp(group, c->group))) &&
			    (!name || !strcmp(name, c->name)))
				print_command(c);
}

static void print_statuses(void)
{
	printf("\nexit status:\n");
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		printf("  %d  %s\n", statuses[i].status, statuses[i].meaning);
}

static enum status help(void)
{
	printf("usage: cryptoctl COMMAND [OPTION...] [ARG...]\n"
	       "       cryptoctl [COMMAND] --help\n"
	       "       cryptoctl --version\n\n");
	print_commands(NULL, NULL);
	print_statuses();
	return output_flush() ? STATUS_FAILED : STATUS_DONE;
}

static enum status help_command(const struct command *c)
{
	printf("usage: cryptoctl\n");
	print_command(c);
	print_statuses();
	return output_flush() ? STATUS_FAILED : STATUS_DONE;
}

static enum status help_group(const char *group)
{
	printf("usage: cryptoctl\n");
	print_commands(group, NULL);
	print_statuses();
	return output_flush() ? STATUS_FAILED : STATUS_DONE;
}

static enum status version(void)
{
	printf("cryptoctl %s\n", UKCF_VERSION);
	return output_flush() ? STATUS_FAILED : STATUS_DONE;
}

/* ----------------------------------------------------------------- parsing */

static void say_usage(const struct command *c)
{
	complain("'cryptoctl %s%s%s --help' shows how it is used",
		 c->group ? c->group : "", c->group ? " " : "", c->name);
}

static const struct option_row *row_of(const struct command *c, int letter)
{
	for (const struct option_row *o = c->options; o && o->letter; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* The rows as getopt_long() wants them. */
static void options_of(const struct command *c, char *shorts,
		       struct option *longs)
{
	const struct option_row *o = c->options;
	size_t n = 0;

	*shorts++ = ':';
	for (; o && o->letter && n < OPTIONS_MAX; o++, n++) {
		longs[n] = (struct option){
			.name = o->name,
			.has_arg = o->arg ? required_argument : no_argument,
			.val = o->letter,
		};
		if (!islower((unsigned char)o->letter))
			continue;
		*shorts++ = o->letter;
		if (o->arg)
			*shorts++ = ':';
	}
	*shorts++ = 'h';
	*shorts = '\0';
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
}

static int take_option(struct invocation *in, int letter, char **argv)
{
	const struct option_row *o = row_of(in->command, letter);

	if (o) {
		in->value[letter] = o->arg ? optarg : "";
		return 0;
	}
	if (letter == ':')
		complain("%s: needs an argument", argv[optind - 1]);
	else if (optopt && !row_of(in->command, optopt))
		complain("-%c: unknown option", optopt);
	else
		complain("%s: unknown option, or it takes no argument",
			 argv[optind - 1]);
	return -1;
}

static int check_complete(const struct invocation *in)
{
	const struct command *c = in->command;

	for (const struct option_row *o = c->options; o && o->letter; o++) {
		if (!o->required || in->value[(unsigned char)o->letter])
			continue;
		complain("-%c is missing: %s", o->letter, o->help);
		return -1;
	}
	if (in->n_args < c->args_min) {
		complain("an argument is missing");
		return -1;
	}
	if (c->args_max >= 0 && in->n_args > c->args_max) {
		complain("%s: one argument too many", in->args[c->args_max]);
		return -1;
	}
	return 0;
}

/* argv[0] is the name of the command */
static enum status run(const struct command *c, int argc, char **argv)
{
	struct invocation in = { .command = c };
	char shorts[2 * OPTIONS_MAX + 4];
	struct option longs[OPTIONS_MAX + 2] = { 0 };
	int letter, err = 0;
	enum status status;

	options_of(c, shorts, longs);
	opterr = 0;
	while (!err &&
	       (letter = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		if (letter == 'h')
			return help_command(c);
		err = take_option(&in, letter, argv);
	}
	in.args = argv + optind;
	in.n_args = argc - optind;
	if (err || check_complete(&in) < 0) {
		say_usage(c);
		return STATUS_USAGE;
	}
	status = c->run(&in);
	if (output_flush() < 0)
		return STATUS_FAILED;
	return status;
}

static const struct command *find(const char *group, const char *name)
{
	for (size_t i = 0; i < N_TABLES; i++)
		for (const struct command *c = tables[i]; c->name; c++)
			if (strcmp(c->name, name) == 0 &&
			    strcmp(c->group ? c->group : "", group) == 0)
				return c;
	return NULL;
}

static bool is_group(const char *word)
{
	for (size_t i = 0; i < N_TABLES; i++)
		for (const struct command *c = tables[i]; c->name; c++)
			if (c->group && strcmp(c->group, word) == 0)
				return true;
	return false;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") ||
	       !strcmp(word, "help");
}

static enum status unknown(const char *group, const char *word)
{
	if (*word == '-')
		complain("%s: unknown option here: a command comes first; "
			 "'cryptoctl --help' shows them", word);
	else
		complain("%s%s%s: no such command; 'cryptoctl %s%s--help' "
			 "shows them", group, *group ? " " : "", word, group,
			 *group ? " " : "");
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *c;
	const char *group = "";

	if (argc < 2) {
		complain("a command is missing; 'cryptoctl --help' shows them");
		return STATUS_USAGE;
	}
	if (asks_for_help(argv[1]))
		return (int)help();
	if (strcmp(argv[1], "--version") == 0)
		return (int)version();
	argc--;
	argv++;
	if (is_group(argv[0])) {
		group = argv[0];
		if (argc < 2) {
			complain("%s: what? 'cryptoctl %s --help' shows it",
				 group, group);
			return STATUS_USAGE;
		}
		argc--;
		argv++;
		if (asks_for_help(argv[0]))
			return (int)help_group(group);
	}
	c = find(group, argv[0]);
	return (int)(c ? run(c, argc, argv) : unknown(group, argv[0]));
}

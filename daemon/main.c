/* SPDX-License-Identifier: MIT */
/* The command line of ukcfd. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ukcf/version.h>

#include "daemon/captive.h"
#include "daemon/config.h"
#include "daemon/daemon.h"

enum option_id {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_RUN,
	OPTION_PROVIDER_DIR,
	OPTION_SET,
	OPTION_LOG_LEVEL,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_CAPTIVE,
};

static const struct row {
	const char *name;
	const char *arg; /* what --help calls it; NULL: takes none */
	enum option_id id;
	const char *help; /* NULL: between the parent and the daemon only */
} rows[] = {
	{ "config", "FILE", OPTION_CONFIG,
	  "read FILE instead of " UKCF_SYSCONF_DIR "/ukcfd.conf" },
	{ "check-config", NULL, OPTION_CHECK,
	  "judge the configuration and the policy files, and exit" },
	{ "provider-dir", "DIR", OPTION_PROVIDER_DIR,
	  "load providers from DIR" },
	{ "set", "SECTION.KEY=VALUE", OPTION_SET,
	  "one more setting, after all files; repeatable" },
	{ "log-level", "LEVEL", OPTION_LOG_LEVEL,
	  "emerg, alert, crit, err, warning, notice, info, debug" },
	{ "run", NULL, OPTION_RUN,
	  "run CMD with a private daemon, which ends with it" },
	{ "version", NULL, OPTION_VERSION, "print the version and exit" },
	{ "help", NULL, OPTION_HELP, "print this and exit" },
	{ "captive", NULL, OPTION_CAPTIVE, NULL },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	int status;
	const char *meaning;
} statuses[] = {
	{ DAEMON_EXIT_OK, "stopped as told to; the configuration is right" },
	{ DAEMON_EXIT_FAILURE, "failed, with a message" },
	{ DAEMON_EXIT_USAGE, "wrong usage" },
	{ DAEMON_EXIT_CONFIG, "the configuration is wrong" },
	{ DAEMON_EXIT_PLATFORM, "io_uring or locked memory is not allowed" },
	{ DAEMON_EXIT_PROVIDER, "no provider could be loaded" },
	{ DAEMON_EXIT_SOCKET, "a socket cannot be made, or is served already" },
};

struct command_line {
	struct daemon_options options;
	bool check, run, done;
	/* the daemon's own command line, for --run */
	const char *argv[2 * DAEMON_SETS_MAX];
	unsigned int argc;
};

static void help(FILE *f)
{
	char left[64];

	fputs("usage: ukcfd [OPTION...]\n"
	      "       ukcfd [OPTION...] --run -- CMD [ARG...]\n\n", f);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!rows[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
			 rows[i].arg ? "=" : "",
			 rows[i].arg ? rows[i].arg : "");
		fprintf(f, "  %-24s %s\n", left, rows[i].help);
	}
	fputs("\nexit status:\n", f);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		fprintf(f, "  %-3d %s\n", statuses[i].status,
			statuses[i].meaning);
	fputs("With --run it is CMD's (128 + N: ended by signal N); 125: the\n"
	      "daemon did not work, 126 or 127: CMD could not be run.\n", f);
}

static const struct row *row_of(int id)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if ((int)rows[i].id == id)
			return &rows[i];
	return NULL;
}

/* For the daemon that --run starts: what was said, in its long form. */
static int remember(struct command_line *cl, const struct row *row,
		    const char *value)
{
	char *text;

	if (cl->argc + 2 >= sizeof(cl->argv) / sizeof(cl->argv[0])) {
		fputs("ukcfd: too many options\n", stderr);
		return -1;
	}
	if (asprintf(&text, "--%s%s%s", row->name, value ? "=" : "",
		     value ? value : "") < 0)
		return -1;
	cl->argv[cl->argc++] = text;
	return 0;
}

static int add_set(struct command_line *cl, const char *value)
{
	if (cl->options.n_sets == DAEMON_SETS_MAX) {
		fprintf(stderr, "ukcfd: --set: at most %d\n", DAEMON_SETS_MAX);
		return -1;
	}
	cl->options.sets[cl->options.n_sets++] = value;
	return 0;
}

/* Return: 0, -1 on wrong usage. */
static int apply(struct command_line *cl, int id, const char *value)
{
	const struct row *row = row_of(id);

	if (!row)
		return -1; /* getopt has said why */
	switch (row->id) {
	case OPTION_CONFIG:
		cl->options.config_path = value;
		break;
	case OPTION_CHECK:
		cl->check = true;
		return 0;
	case OPTION_RUN:
		cl->run = true;
		return 0;
	case OPTION_PROVIDER_DIR:
		cl->options.provider_dir = value;
		break;
	case OPTION_SET:
		if (add_set(cl, value))
			return -1;
		break;
	case OPTION_LOG_LEVEL:
		cl->options.log_level = value;
		break;
	case OPTION_VERSION:
		puts("ukcfd " UKCF_VERSION);
		cl->done = true;
		return 0;
	case OPTION_HELP:
		help(stdout);
		cl->done = true;
		return 0;
	case OPTION_CAPTIVE:
		cl->options.captive = true;
		return 0;
	}
	return remember(cl, row, value);
}

static int parse(struct command_line *cl, int argc, char **argv)
{
	struct option longs[N_ROWS + 1] = { 0 };
	int id;

	for (size_t i = 0; i < N_ROWS; i++)
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].arg ? required_argument :
						 no_argument,
			.val = (int)rows[i].id,
		};
	cl->argv[cl->argc++] = argv[0];
	while (!cl->done && (id = getopt_long(argc, argv, "+", longs,
					      NULL)) != -1)
		if (apply(cl, id, optarg))
			return -1;
	if (cl->done)
		return 0;
	if (!cl->run && optind < argc) {
		fprintf(stderr, "ukcfd: %s: only --run takes a command\n",
			argv[optind]);
		return -1;
	}
	if (cl->run && optind == argc) {
		fputs("ukcfd: --run: no command: ukcfd --run -- CMD [ARG...]\n",
		      stderr);
		return -1;
	}
	return 0;
}

static int run_captive(struct command_line *cl, char **command)
{
	int rc;

	cl->argv[cl->argc++] = "--captive";
	cl->argv[cl->argc] = NULL;
	rc = captive_run((char *const *)(uintptr_t)cl->argv, command);
	for (unsigned int i = 1; i + 1 < cl->argc; i++)
		free((void *)(uintptr_t)cl->argv[i]);
	return rc;
}

/* What is opened later must not be taken for standard error. */
static void fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static struct command_line cl;
	static struct config config;
	int err;

	fill_stdio();
	/* The captive daemon is run by /proc/self/exe. */
	prctl(PR_SET_NAME, "ukcfd");
	if (parse(&cl, argc, argv)) {
		fputs("Try 'ukcfd --help'.\n", stderr);
		return DAEMON_EXIT_USAGE;
	}
	if (cl.done)
		return DAEMON_EXIT_OK;
	if (cl.run)
		cl.options.captive = true;
	err = daemon_configure(&cl.options, &config, stderr);
	if (cl.check && daemon_check_policy(&config, stderr))
		err = -EINVAL;
	if (err)
		return DAEMON_EXIT_CONFIG;
	if (cl.check)
		return DAEMON_EXIT_OK;
	if (cl.run)
		return run_captive(&cl, argv + optind);
	return daemon_run(&cl.options, &config);
}

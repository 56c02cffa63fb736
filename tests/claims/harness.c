/* SPDX-License-Identifier: MIT */
#include "tests/claims/harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/claims/admin.h"
#include "tests/claims/hardware.h"
#include "tests/support/check.h"

#define PATIENCE_MS 10000
#define CASE_S 30 /* seconds that a case may take */

enum verdict { SHOWN, FAILED, SKIPPED };

static bool failed; /* the case of this process */

static void comment(const char *prefix, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	printf("# %s%s\n", prefix, line);
	fflush(stdout);
}

bool expect(bool cond, const char *fmt, ...)
{
	va_list ap;

	failed |= !cond;
	va_start(ap, fmt);
	comment(cond ? "seen: " : "NOT SEEN: ", fmt, ap);
	va_end(ap);
	return cond;
}

void give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	comment("GIVEN UP: ", fmt, ap);
	va_end(ap);
	_exit(FAILED);
}

void not_here(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	comment("not here: ", fmt, ap);
	va_end(ap);
	_exit(SKIPPED);
}

unsigned int patience_ms(void)
{
	const char *s = getenv("UKCF_CLAIMS_PATIENCE_MS");

	return (s ? (unsigned int)atoi(s) : PATIENCE_MS) * slowness();
}

/* exit(): a leak, and what else a sanitizer reports then, fails the case. */
static void run_child(const struct claim_case *c)
{
	alarm(CASE_S * slowness());
	c->show();
	exit(failed ? FAILED : SHOWN);
}

static enum verdict run_case(const struct claim_case *c)
{
	int status;
	pid_t pid;

	if (!c->show)
		return SKIPPED;
	calm_down();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(c);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("# fork, waitpid");
		return FAILED;
	}
	if (WIFSIGNALED(status))
		printf("# it ended with signal %d\n", WTERMSIG(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return SKIPPED;
	return WIFEXITED(status) && WEXITSTATUS(status) == SHOWN ? SHOWN :
								   FAILED;
}

static unsigned int words(const char *s)
{
	unsigned int n = 1;

	for (; *s; s++)
		n += *s == ' ';
	return n;
}

/* One line for each of its numbers. */
static void report(const struct claim_case *c, enum verdict v,
		   unsigned int *index)
{
	const char *at = c->numbers;

	while (*at) {
		size_t len = strcspn(at, " ");

		printf("%sok %u - %s %.*s: %s%s", v == FAILED ? "not " : "",
		       ++*index, c->word, (int)len, at, c->what,
		       c->on == PRETEND && !hardware_is_real() ?
			       " (pretend hardware)" : "");
		if (v == SKIPPED)
			printf(" # SKIP %s",
			       c->why ? c->why : "not on this machine");
		putchar('\n');
		at += len + (at[len] == ' ');
	}
	fflush(stdout);
}

int claims_main(const struct claim_case *cases, size_t n)
{
	unsigned int total = 0, index = 0;
	bool all = true;

	for (size_t i = 0; i < n; i++)
		total += words(cases[i].numbers);
	printf("1..%u\n", total);
	for (size_t i = 0; i < n; i++) {
		enum verdict v = run_case(&cases[i]);

		all = all && v != FAILED;
		report(&cases[i], v, &index);
	}
	calm_down();
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}

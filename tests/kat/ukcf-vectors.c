/* SPDX-License-Identifier: MIT */
/*
 * ukcf-vectors [--provider=NAME] FILE...: run Wycheproof and NIST CAVP files on
 * both paths, over a ring and in the caller, and count.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "tests/kat/run.h"

#define REASONS_MAX 96
#define FAILURES_SHOWN 20

struct reason {
	char text[160];
	unsigned int n;
};

struct counts {
	unsigned int n[KAT_PATHS][KAT_OUTCOMES];
};

struct file {
	const char *name;
	struct counts counts;
	struct reason reasons[REASONS_MAX];
	unsigned int n_reasons;
	unsigned int failures;
};

static void add_reason(struct file *f, unsigned int n, const char *text)
{
	struct reason *r = f->reasons;
	unsigned int i;

	for (i = 0; i < f->n_reasons; i++)
		if (strcmp(r[i].text, text) == 0)
			break;
	if (i == REASONS_MAX)
		i--; /* the last one counts what has no line of its own */
	else if (i == f->n_reasons)
		snprintf(r[f->n_reasons++].text, sizeof(r->text), "%s", text);
	r[i].n += n;
}

static void on_vector(void *arg, const struct kat_vector *v)
{
	struct file *f = arg;
	char why[160];

	for (enum kat_path p = 0; p < KAT_PATHS; p++) {
		enum kat_outcome o = kat_run(v, p, why, sizeof(why));

		f->counts.n[p][o]++;
		if (o == KAT_SKIPPED)
			add_reason(f, 1, why);
		if (o != KAT_FAILED || f->failures++ >= FAILURES_SHOWN)
			continue;
		printf("%s: FAILED (%s) %s: %s\n", f->name, kat_path_name(p),
		       v->id, why);
	}
}

static void on_skip(void *arg, unsigned int n, const char *reason)
{
	struct file *f = arg;

	for (enum kat_path p = 0; p < KAT_PATHS; p++)
		f->counts.n[p][KAT_SKIPPED] += n;
	add_reason(f, KAT_PATHS * n, reason);
}

static void print_counts(const char *name, const unsigned int *n)
{
	printf("%s%s%u run, %u passed, %u refused, %u skipped, %u failed\n",
	       name, *name ? ": " : "",
	       n[KAT_PASSED] + n[KAT_REFUSED] + n[KAT_FAILED], n[KAT_PASSED],
	       n[KAT_REFUSED], n[KAT_SKIPPED], n[KAT_FAILED]);
}

static void sum_up(const char *name, const struct counts *c, bool by_path)
{
	unsigned int all[KAT_OUTCOMES] = { 0 };
	char line[512];

	for (enum kat_path p = 0; p < KAT_PATHS; p++) {
		for (unsigned int o = 0; o < KAT_OUTCOMES; o++)
			all[o] += c->n[p][o];
		snprintf(line, sizeof(line), "%.480s (%s)", name,
			 kat_path_name(p));
		if (by_path)
			print_counts(line, c->n[p]);
	}
	print_counts(name, all);
}

/* By a word in the first lines; the others are CAVP's without key pairs. */
static const struct {
	const char *word;
	int (*read)(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size);
} forms[] = {
	{ "SigVer", pairs_read },
	{ "SigGen", pairs_read },
	{ "ECC Validity Test", pairs_read },
	{ "PKCS#1 v1.5 Encryption", pkcs_read },
	{ "RSA-OAEP", pkcs_read },
	{ "RSA OAEP", pkcs_read },
};

static int read_text(FILE *in, const struct kat_sink *sink, char *error,
		     size_t size)
{
	char head[256];
	size_t n = fread(head, 1, sizeof(head) - 1, in);

	head[n] = '\0';
	rewind(in);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strstr(head, forms[i].word))
			return forms[i].read(in, sink, error, size);
	return rsp_read(in, sink, error, size);
}

static int read_any(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size)
{
	int c;

	do {
		c = getc(in);
	} while (c != EOF && isspace(c));
	rewind(in);
	if (c == '{')
		return wycheproof_read(in, sink, error, size);
	if (c != EOF && isxdigit(c))
		return sign_input_read(in, sink, error, size);
	return read_text(in, sink, error, size);
}

static void run_file(const char *name, struct counts *total)
{
	struct file f = { .name = name };
	const struct kat_sink sink = { on_vector, on_skip, &f };
	FILE *in = fopen(name, "re");
	char error[160] = "";
	int err;

	err = in ? read_any(in, &sink, error, sizeof(error)) : -errno;
	if (err) {
		printf("%s: FAILED: %s\n", name,
		       *error ? error : strerror(-err));
		f.counts.n[KAT_RING][KAT_FAILED]++;
	}
	if (in)
		fclose(in);
	if (f.failures > FAILURES_SHOWN)
		printf("%s: %u more failures\n", name,
		       f.failures - FAILURES_SHOWN);
	for (unsigned int i = 0; i < f.n_reasons; i++)
		printf("%s: skipped %u: %s\n", name, f.reasons[i].n,
		       f.reasons[i].text);
	sum_up(name, &f.counts, true);
	fflush(stdout);
	for (enum kat_path p = 0; p < KAT_PATHS; p++)
		for (unsigned int o = 0; o < KAT_OUTCOMES; o++)
			total->n[p][o] += f.counts.n[p][o];
}

static int usage(FILE *to)
{
	fprintf(to,
		"usage: ukcf-vectors [--provider=NAME] FILE...\n"
		"FILE: Wycheproof JSON, NIST CAVP .rsp, RSA Laboratories' text "
		"or Ed25519's\nsign.input; the daemon is the one at "
		"$UKCF_SOCKET\n"
		"NAME: of the provider that alone shall answer, over a ring; "
		"`cryptoctl list -p` has them\n"
		"--help: this text\n");
	return to == stdout ? 0 : 2;
}

static int start(const char *provider)
{
	int err = kat_run_open();

	if (err) {
		fprintf(stderr,
			"ukcf-vectors: no daemon: %s; start this under "
			"`./bootstrap exec` or `ukcfd --run --`\n",
			ukcf_strerror(err));
		return 1;
	}
	if (provider && kat_run_provider(provider) < 0) {
		fprintf(stderr,
			"ukcf-vectors: no provider %s; `cryptoctl list -p` has "
			"those that are loaded\n", provider);
		kat_run_close();
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "provider", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct counts total = { 0 };
	unsigned int passed = 0, failed = 0;
	const char *provider = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c != 'p')
			return usage(c == 'h' ? stdout : stderr);
		provider = optarg;
	}
	if (optind == argc)
		return usage(stderr);
	if (start(provider))
		return 1;
	for (int i = optind; i < argc; i++)
		run_file(argv[i], &total);
	kat_run_close();
	sum_up("", &total, false);
	for (enum kat_path p = 0; p < KAT_PATHS; p++) {
		passed += total.n[p][KAT_PASSED];
		failed += total.n[p][KAT_FAILED];
	}
	return failed || !passed ? 1 : 0;
}

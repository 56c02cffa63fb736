/* SPDX-License-Identifier: MIT */
/*
 * ukcf-bench [--quick] [--json]: the ratios that matter, each beside its
 * control of the same run; --report DIR: tables and charts of all ways to do a
 * thing; --device: of a device beside software alone.  Results on standard
 * output, progress on standard error.  Without UKCF_SOCKET it runs itself under
 * a captive daemon.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/bench/cipher.h"
#include "tests/bench/consumer.h"
#include "tests/bench/daemon.h"
#include "tests/bench/device.h"
#include "tests/bench/document.h"
#include "tests/bench/measure.h"
#include "tests/bench/peer.h"
#include "tests/bench/report.h"
#include "tests/bench/survey.h"
#include "tests/bench/ways.h"

struct options {
	bool quick, json, device;
	const char *report; /* a directory, or NULL */
};

static void usage(FILE *f)
{
	fprintf(f, "usage: ukcf-bench [--quick] "
		   "[--json | --report DIR | --device]\n"
		   "  --quick  fewer bursts: under 30 s instead of 3 minutes\n"
		   "  --json   JSON on standard output instead of a table\n"
		   "  --report DIR  Markdown and SVG in DIR: sizes, depths,\n"
		   "           latencies, other libraries and services\n"
		   "  --device  of that a device beside software, alone\n"
		   "  --help   this text\n"
		   "Uses the daemon at $UKCF_SOCKET, else one of its own.\n"
		   "Exit status: 0 measured, 1 not, 2 wrong usage.\n");
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' },
		{ "report", required_argument, NULL, 'r' },
		{ "device", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'q':
			o->quick = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'r':
			o->report = optarg;
			break;
		case 'd':
			o->device = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc || o->json + o->device + !!o->report > 1) {
		usage(stderr);
		exit(2);
	}
}

static void die(const char *what, int err)
{
	fprintf(stderr, "ukcf-bench: %s: %s\n", what, ukcf_strerror(err));
	exit(1);
}

/* Everything in its place: this thread, the peers, the service thread. */
static bool prepare(void)
{
	int mine, theirs, n, err = daemon_cpus(&mine, &theirs);

	if (err)
		die("two CPUs are needed", err);
	clock_init();
	err = cipher_init();
	if (err)
		die("libsodium", err);
	err = peer_start(theirs); /* before there are threads */
	if (!err)
		err = daemon_pin_self(mine);
	if (!err)
		err = bench_probe_start(theirs);
	if (err)
		die("cannot start", err);
	err = consumer_open();
	if (err)
		die("no daemon to measure", err);
	n = daemon_pin(daemon_pid(), theirs);
	if (n <= 0)
		fprintf(stderr,
			"ukcf-bench: the service thread is not pinned: %s\n",
			n ? strerror(-n) : "found none");
	return n > 0;
}

static int report(const struct options *o, bool pinned)
{
	static struct survey survey;
	int err = ways_open();

	if (!err)
		err = survey_all(&survey, o->quick);
	ways_close();
	if (err)
		fprintf(stderr, "ukcf-bench: not measured: %s\n",
			ukcf_strerror(err));
	else
		err = document_write(o->report, &survey, pinned, o->quick);
	return err ? 1 : 0;
}

static int ratios(const struct options *o, bool pinned)
{
	static struct results results;

	measure_all(&results, o->quick);
	if (o->json)
		report_json(&results, pinned);
	else
		report_table(&results, pinned);
	return results.n_errors ? 1 : 0;
}

/* Neither is pinned: a device's thread is where it is. */
static int device(const struct options *o)
{
	static struct devices d;
	int err = cipher_init();

	if (err)
		die("libsodium", err);
	clock_init();
	if (devices_measure(&d, o->quick))
		return 1;
	if (d.missing)
		fprintf(stderr, "ukcf-bench: not measured: %s\n", d.missing);
	else
		document_devices(stdout, &d);
	return d.missing ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int status;
	bool pinned;

	parse(argc, argv, &o);
	if (!getenv("UKCF_SOCKET")) {
		daemon_reexecute(argv);
		return 1;
	}
	if (o.device)
		return device(&o);
	if (o.report && document_prepare(o.report))
		return 1;
	pinned = prepare();
	status = o.report ? report(&o, pinned) : ratios(&o, pinned);
	consumer_close();
	bench_probe_stop();
	peer_stop();
	return status;
}

/* SPDX-License-Identifier: MIT */
/*
 * The daemon is stopped while keys are on their way to it and back: a call that
 * gave up leaves no byte of them in the buffers, once the daemon goes on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ukcf/ukcf.h>

#include "lib/shared/clock.h"
#include "tests/support/check.h"
#include "tests/support/probe.h"

#define SHORT_NS UINT64_C(50000000)
#define LONG_NS UINT64_C(30000000000)
#define MAC UKCF_MECH_HMAC_SHA2_256

static struct ukcf *u;
static pid_t daemon_pid;
static uint8_t secret[32];

static void go_on(void)
{
	kill(daemon_pid, SIGCONT);
}

/* Shared with the daemon, as long as they are mapped here. */
static bool is_in_a_buffer(void)
{
	unsigned long from, to;
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "re");

	if (!f)
		check_bail("no maps: %m");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "memfd:ukcf-arena") &&
		    sscanf(line, "%lx-%lx", &from, &to) == 2)
			found |= memmem((const void *)from, to - from, secret,
					sizeof(secret)) != NULL;
	fclose(f);
	return found;
}

static bool comes(void)
{
	uint64_t end = clock_ns() + LONG_NS;

	while (!is_in_a_buffer() && clock_ns() < end)
		probe_pause();
	return is_in_a_buffer();
}

/* Any other call may find that the answer has come. */
static bool goes_away(void)
{
	uint64_t end = clock_ns() + LONG_NS;
	uint8_t out[32];

	if (ukcf_set_timeout(u, LONG_NS))
		check_bail("no deadline");
	do {
		if (ukcf_digest(u, UKCF_MECH_SHA2_256, "abc", 3, out, 32) !=
		    32)
			check_bail("no digest");
		probe_pause();
	} while (is_in_a_buffer() && clock_ns() < end);
	return !is_in_a_buffer();
}

static void stop(void)
{
	if (ukcf_set_timeout(u, SHORT_NS) || kill(daemon_pid, SIGSTOP) < 0)
		check_bail("the daemon cannot be stopped: %m");
	while (!probe_stopped(daemon_pid))
		probe_pause();
}

int main(void)
{
	struct ukcf_key key, other;
	struct rng rng;
	uint8_t out[32];

	rng_init(&rng, 12);
	rng_fill(&rng, secret, sizeof(secret));
	if (ukcf_connect(&u, NULL, UKCF_CONNECT_NO_CALLER) ||
	    ukcf_key_import(u, NULL, MAC, 0, UKCF_KEY_EXPORTABLE, secret,
			    sizeof(secret), &key) ||
	    ukcf_key_export(u, key, out, sizeof(out)) != sizeof(out))
		check_bail("no key");
	check(!is_in_a_buffer(), "answered in time, nothing is left");
	daemon_pid = probe_pid();
	atexit(go_on);
	stop();
	check(ukcf_key_import(u, NULL, MAC, 0, 0, secret, sizeof(secret),
			      &other) == -ETIMEDOUT,
	      "a key that does not arrive in time");
	check(is_in_a_buffer(), "control: it is on its way");
	go_on();
	check(goes_away(), "and is forgotten");
	stop();
	check(ukcf_key_export(u, key, out, sizeof(out)) == -ETIMEDOUT,
	      "one that does not come back in time");
	go_on();
	check(comes(), "control: it comes, too late");
	check(goes_away(), "and is forgotten, too");
	ukcf_disconnect(u);
	return check_done();
}

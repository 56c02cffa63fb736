/* SPDX-License-Identifier: MIT */
#include "tests/claims/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/shared/clock.h"
#include "tests/claims/hardware.h"
#include "tests/claims/harness.h"
#include "tests/support/change.h"
#include "tests/support/probe.h"
#include "tools/admin.h"

#define AWAIT_NS (patience_ms() * UINT64_C(1000000))

/* What cases disable, and calm_down() enables again. */
static const char *const mechs[] = { "sha2-256", "hmac-sha2-256",
				     "chacha20-poly1305", "null-digest" };
static const char *const at[] = { "", "sodium", "openssl", "null" };

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void must_change(enum msg_change_what what, const char *provider,
			const char *argument)
{
	int err = change(what, provider ? provider : "", argument);

	if (err)
		give_up("%s: %s was refused: %s", provider ? provider : "all",
			argument, strerror(-err));
}

void tell(const char *provider, const char *word)
{
	must_change(MSG_CHANGE_CONTROL, provider, word);
}

void enable(const char *provider, const char *mech)
{
	must_change(MSG_CHANGE_ENABLE, provider, mech);
}

void disable(const char *provider, const char *mech)
{
	must_change(MSG_CHANGE_DISABLE, provider, mech);
}

/* Installed, so that there is a manifest; unloaded, and not for good. */
void put_away(const char *provider)
{
	change(MSG_CHANGE_INSTALL, provider, ""); /* it may be so already */
	must_change(MSG_CHANGE_UNLOAD, provider, "");
	must_change(MSG_CHANGE_REFRESH, NULL, "");
}

void bring_back(const char *provider)
{
	change(MSG_CHANGE_UNINSTALL, provider, "");
	must_change(MSG_CHANGE_LOAD, provider, "");
}

void calm_down(void)
{
	static const char *const orders[] = { "calm", "delay_us=20", "depth=1",
					      "back", "release" };

	for (size_t i = 0; i < N(mechs); i++) {
		for (size_t j = 0; j < N(at); j++)
			change(MSG_CHANGE_ENABLE, at[j], mechs[i]);
		for (unsigned int j = 0; j < 2; j++)
			change(MSG_CHANGE_ENABLE, hardware_name(j), mechs[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		for (size_t j = 0; j < N(orders); j++)
			change(MSG_CHANGE_CONTROL, hardware_name(i),
			       orders[j]);
}

static bool find_queue(uint16_t id, struct msg_queue *row)
{
	struct msg_queue rows[16];
	const struct admin_call call = { .verb = MSG_ADMIN_QUEUES,
					 .reply = rows,
					 .reply_max = sizeof(rows),
					 .row_len = sizeof(rows[0]) };
	int n = admin_ask(&call);

	if (n < 0)
		give_up("no queues: %s", strerror(-n));
	for (size_t i = 0; i < (size_t)n / sizeof(rows[0]); i++) {
		if (rows[i].id != id)
			continue;
		*row = rows[i];
		return true;
	}
	return false;
}

bool has_queue(uint16_t id)
{
	struct msg_queue row;

	return find_queue(id, &row);
}

struct msg_queue queue_row(uint16_t id)
{
	struct msg_queue row;

	if (!find_queue(id, &row))
		give_up("no queue %u", id);
	return row;
}

void await_queue(uint16_t id, unsigned int waiting, unsigned int in_flight)
{
	uint64_t end = clock_ns() + AWAIT_NS;
	struct msg_queue row;

	do {
		row = queue_row(id);
		if (row.waiting == waiting && row.in_flight == in_flight)
			return;
		probe_pause();
	} while (clock_ns() < end);
	give_up("queue %u: %u wait and %u are in the device, not %u and %u",
		id, row.waiting, row.in_flight, waiting, in_flight);
}

uint16_t explained(enum ukcf_op op, const char *mech, uint64_t size,
		   bool *at_once)
{
	struct msg_explain e = { .op = op, .size = size };
	struct msg_candidate rows[16];
	const struct admin_call call = { .verb = MSG_ADMIN_EXPLAIN,
					 .body = &e, .body_len = sizeof(e),
					 .reply = rows,
					 .reply_max = sizeof(rows),
					 .row_len = sizeof(rows[0]) };
	int n;

	snprintf(e.mech, sizeof(e.mech), "%s", mech);
	n = admin_ask(&call);
	if (n < 0)
		give_up("explain: %s", strerror(-n));
	for (size_t i = 0; i < (size_t)n / sizeof(rows[0]); i++) {
		if (!rows[i].chosen)
			continue;
		*at_once = rows[i].at_once;
		return rows[i].provider;
	}
	return 0;
}

struct msg_status daemon_status(void)
{
	struct msg_status s;
	const struct admin_call call = { .verb = MSG_ADMIN_STATUS,
					 .reply = &s,
					 .reply_max = sizeof(s) };
	int n = admin_ask(&call);

	if (n < 0)
		give_up("status: %s", strerror(-n));
	return s;
}

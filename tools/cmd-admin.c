/* SPDX-License-Identifier: MIT */
/*
 * What an administrator does: enable and disable, test, control, and look at
 * queues and consumers.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/mech-table.h"
#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/cmd-admin.h"
#include "tools/complain.h"
#include "tools/operands.h"
#include "tools/table.h"

/* As long as a change may take, and then some. */
#define CHANGE_S 660u

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static enum status usage(const struct invocation *in, const char *what)
{
	complain("%s", what);
	complain("'cryptoctl %s --help' shows how it is used",
		 in->command->name);
	return STATUS_USAGE;
}

static int put(char *to, size_t size, const char *what, const char *text)
{
	if (!text)
		return 0;
	if (snprintf(to, size, "%s", text) < (int)size)
		return 0;
	complain("%s: the %s is too long", text, what);
	return -1;
}

/* One change, and what came of it: a line, or a row of t. */
static enum status change_one(const struct invocation *in, struct table *t,
			      uint32_t what, const char *provider,
			      const char *argument)
{
	struct msg_change c = {
		.what = what,
		.flags = (in->value['N'] ? MSG_CHANGE_DRY_RUN : 0) |
			 (in->value['f'] ? MSG_CHANGE_FORCE : 0),
	};
	struct msg_changed r;
	const struct admin_call call = {
		.verb = MSG_ADMIN_CHANGE,
		.body = &c, .body_len = sizeof(c),
		.reply = &r, .reply_max = sizeof(r),
		.limit_s = CHANGE_S,
	};

	if (put(c.provider, sizeof(c.provider), "provider's name", provider) ||
	    put(c.argument, sizeof(c.argument), "argument", argument))
		return STATUS_FAILED;
	if (admin_ask_or_complain(&call) < 0)
		return STATUS_FAILED;
	r.text[sizeof(r.text) - 1] = '\0';
	if (t) {
		table_cell(t, "%s", c.provider);
		table_cell(t, "%s", c.argument);
		table_bool(t, !r.err);
		table_bool(t, c.flags & MSG_CHANGE_DRY_RUN);
		table_cell(t, "%s", r.text);
	}
	if (r.err)
		complain("%s", r.text);
	else if (!t)
		printf("%s\n", r.text);
	return r.err ? STATUS_FAILED : STATUS_DONE;
}

/* NULL: none is asked for. */
static struct table *table_of_changes(const struct invocation *in)
{
	static const struct table_column columns[] = {
		{ "PROVIDER", COLUMN_TEXT }, { "ARGUMENT", COLUMN_TEXT },
		{ "OK", COLUMN_BOOL },	     { "DRY_RUN", COLUMN_BOOL },
		{ "TEXT", COLUMN_TEXT },
	};

	if (!in->value['J'])
		return NULL;
	return table_new("changes", columns, N_OF(columns), true);
}

static enum status print_changes(struct table *t, enum status status)
{
	return t && table_print(t) < 0 ? STATUS_FAILED : status;
}

enum status admin_change(const struct invocation *in, uint32_t what,
			 const char *provider, const char *argument)
{
	struct table *t = table_of_changes(in);

	return print_changes(t, change_one(in, t, what, provider, argument));
}

/* Each of LIST; goes on after one that fails. */
static enum status change_list(const struct invocation *in, uint32_t what,
			       const struct operands *o)
{
	struct table *t = table_of_changes(in);
	enum status worst = STATUS_DONE;
	const char *at = o->mechanisms, *mech;
	size_t n;

	while ((n = operands_next(&at, &mech))) {
		char name[UKCF_NAME_MAX];

		if (snprintf(name, sizeof(name), "%.*s", (int)n, mech) >=
		    (int)sizeof(name)) {
			complain("%.*s: no mechanism has so long a name",
				 (int)n, mech);
			worst = STATUS_FAILED;
		} else if (change_one(in, t, what, o->provider, name)) {
			worst = STATUS_FAILED;
		}
	}
	return print_changes(t, worst);
}

static enum status enable_or_disable(struct invocation *in, uint32_t what)
{
	struct operands o;

	if (operands_parse(&o, in) < 0)
		return STATUS_USAGE;
	if (o.word)
		return usage(in, "only provider=NAME and mechanism=LIST");
	if (!o.mechanisms)
		return usage(in, "which mechanism? mechanism=LIST, or "
				 "provider=NAME mechanism=all");
	return change_list(in, what, &o);
}

static enum status enable(struct invocation *in)
{
	return enable_or_disable(in, MSG_CHANGE_ENABLE);
}

static enum status disable(struct invocation *in)
{
	return enable_or_disable(in, MSG_CHANGE_DISABLE);
}

static enum status refresh(struct invocation *in)
{
	return admin_change(in, MSG_CHANGE_REFRESH, NULL, NULL);
}

static enum status change_provider(struct invocation *in, uint32_t what,
				   const char *limit)
{
	struct operands o;

	if (operands_parse(&o, in) < 0)
		return STATUS_USAGE;
	if (!o.provider || o.mechanisms || o.word)
		return usage(in, "which provider? provider=NAME");
	return admin_change(in, what, o.provider, limit);
}

static enum status test(struct invocation *in)
{
	return change_provider(in, MSG_CHANGE_TEST, NULL);
}

static enum status load(struct invocation *in)
{
	return change_provider(in, MSG_CHANGE_LOAD, NULL);
}

static enum status drain_as(struct invocation *in, uint32_t what)
{
	const char *limit = in->value['t'];
	uint64_t seconds;

	if (operands_number("--timeout", limit, 0, MSG_DRAIN_SECONDS_MAX,
			    &seconds) < 0)
		return STATUS_USAGE;
	return change_provider(in, what, limit);
}

static enum status unload(struct invocation *in)
{
	return drain_as(in, MSG_CHANGE_UNLOAD);
}

static enum status install(struct invocation *in)
{
	return change_provider(in, MSG_CHANGE_INSTALL, NULL);
}

static enum status uninstall(struct invocation *in)
{
	return drain_as(in, MSG_CHANGE_UNINSTALL);
}

static enum status drain(struct invocation *in)
{
	return drain_as(in, MSG_CHANGE_DRAIN);
}

static enum status control(struct invocation *in)
{
	struct operands o;

	if (operands_parse(&o, in) < 0)
		return STATUS_USAGE;
	if (!o.provider || !o.word || o.mechanisms)
		return usage(in, "provider=NAME and one COMMAND");
	return admin_change(in, MSG_CHANGE_CONTROL, o.provider, o.word);
}

/* ------------------------------------------------------------------- tables */

static enum status consumer_list(struct invocation *in)
{
	static const struct table_column columns[] = {
		{ "CONSUMER", COLUMN_NUMBER },	{ "UID", COLUMN_NUMBER },
		{ "PID", COLUMN_NUMBER },	{ "COMMAND", COLUMN_TEXT },
		{ "RINGS", COLUMN_NUMBER },	{ "BUFFERS", COLUMN_NUMBER },
		{ "BUFFER_BYTES", COLUMN_NUMBER },
		{ "ACCEPTED", COLUMN_NUMBER },	{ "COMPLETED", COLUMN_NUMBER },
		{ "REFUSED", COLUMN_NUMBER },	{ "WEIGHT", COLUMN_NUMBER },
		{ "UNIT", COLUMN_TEXT },
	};
	void *all;
	int n = admin_ask_all(MSG_ADMIN_CONSUMERS, sizeof(struct msg_consumer),
			      &all);
	const struct msg_consumer *rows = all;
	struct table *t;

	if (n < 0)
		return STATUS_FAILED;
	t = table_new("consumers", columns, N_OF(columns), in->value['J']);
	for (int i = 0; t && i < n; i++) {
		const struct msg_consumer *c = &rows[i];

		table_cell(t, "%" PRIu32, c->id);
		table_cell(t, "%" PRIu32, c->uid);
		table_cell(t, "%" PRIu32, c->pid);
		table_cell(t, "%.*s", (int)sizeof(c->comm) - 1, c->comm);
		table_cell(t, "%" PRIu32, c->rings);
		table_cell(t, "%" PRIu32, c->buffers);
		table_cell(t, "%" PRIu64, c->buffer_bytes);
		table_cell(t, "%" PRIu64, c->counts.accepted);
		table_cell(t, "%" PRIu64, c->counts.completed);
		table_cell(t, "%" PRIu64, c->counts.refused);
		table_cell(t, "%" PRIu32, c->weight);
		table_cell(t, "%.*s", (int)sizeof(c->unit) - 1, c->unit);
	}
	free(all);
	return t && table_print(t) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static bool is_dual(uint32_t op)
{
	return op >= UKCF_OP_ENCRYPT_MAC && op <= UKCF_OP_MAC_VERIFY_DECRYPT;
}

static int find_op(const char *name, uint32_t *op)
{
	for (*op = UKCF_OP_DIGEST; *op <= UKCF_OP_MAC_VERIFY_DECRYPT; ++*op)
		if ((*op <= UKCF_OP_RANDOM || is_dual(*op)) &&
		    mech_op_name(*op) && strcmp(mech_op_name(*op), name) == 0)
			return 0;
	complain("%s: no such operation: digest, mac, encrypt, decrypt, sign, "
		 "verify, derive, random, mac-verify, encrypt-mac, "
		 "mac-decrypt, mac-verify-decrypt", name);
	return -1;
}

/* "CIPHER,MAC" of an operation that takes both. */
static int read_mechs(const char *text, struct msg_explain *e)
{
	const char *comma = strchr(text, ',');
	char *cipher;
	int err;

	if (comma && e->op == UKCF_OP_NOP)
		e->op = UKCF_OP_ENCRYPT_MAC;
	if (is_dual(e->op) != (comma != NULL)) {
		complain(comma ? "%s: the operation takes one mechanism" :
				 "%s: the operation takes a cipher and a MAC: "
				 "-m CIPHER,MAC", text);
		return -1;
	}
	if (!comma)
		return put(e->mech, sizeof(e->mech), "mechanism's name", text);
	cipher = strndup(text, (size_t)(comma - text));
	if (!cipher) {
		complain("no memory");
		return -1;
	}
	err = put(e->mech, sizeof(e->mech), "mechanism's name", cipher) ||
	      put(e->mac, sizeof(e->mac), "mechanism's name", comma + 1);
	free(cipher);
	return err ? -1 : 0;
}

static const char *share_of(const struct msg_candidate *c)
{
	const char *name = mech_op_name(c->op);

	return c->share == MSG_SHARE_BOTH || !name ? "both" : name;
}

/* @shares: who would do what is a column */
static int print_candidates(const struct msg_candidate *rows, size_t n,
			    bool shares, bool json)
{
	static const struct table_column columns[] = {
		{ "PROVIDER", COLUMN_TEXT },  { "CHOSEN", COLUMN_BOOL },
		{ "HARDWARE", COLUMN_BOOL },  { "AT_ONCE", COLUMN_BOOL },
		{ "WAIT_NS", COLUMN_NUMBER }, { "SERVICE_NS", COLUMN_NUMBER },
		{ "WHY", COLUMN_TEXT },	      { "DOES", COLUMN_TEXT },
	};
	struct table *t = table_new("candidates", columns,
				    N_OF(columns) - !shares, json);

	for (size_t i = 0; t && i < n; i++) {
		const struct msg_candidate *c = &rows[i];

		table_cell(t, "%.*s", (int)sizeof(c->name) - 1, c->name);
		table_bool(t, c->chosen);
		table_bool(t, c->hardware);
		table_bool(t, c->at_once);
		table_cell(t, "%" PRIu64, c->wait_ns);
		table_cell(t, "%" PRIu64, c->service_ns);
		table_cell(t, "%.*s", (int)sizeof(c->reason) - 1, c->reason);
		if (shares)
			table_cell(t, "%s", share_of(c));
	}
	return t ? table_print(t) : -1;
}

static enum status explain(struct invocation *in)
{
	const char *mech = in->value['m'], *op = in->value['o'];
	static struct msg_candidate rows[MSG_SIZE_MAX /
					 sizeof(struct msg_candidate)];
	struct msg_explain e = { .op = UKCF_OP_NOP };
	const struct admin_call call = {
		.verb = MSG_ADMIN_EXPLAIN,
		.body = &e, .body_len = sizeof(e),
		.reply = rows, .reply_max = sizeof(rows),
		.row_len = sizeof(rows[0]),
	};
	int n;

	if ((op && find_op(op, &e.op)) || read_mechs(mech, &e) ||
	    (in->value['s'] &&
	     operands_size("--size", in->value['s'], &e.size)))
		return STATUS_USAGE;
	n = admin_ask(&call);
	if (n == -ENOENT) {
		complain("%s: no such mechanism: 'cryptoctl list -m' shows "
			 "them", mech);
		return STATUS_FAILED;
	}
	if (n < 0)
		n = admin_ask_or_complain(&call);
	if (n < 0)
		return STATUS_FAILED;
	return print_candidates(rows, (size_t)n / sizeof(rows[0]),
				is_dual(e.op) || in->value['J'],
				in->value['J']) ?
		       STATUS_FAILED :
		       STATUS_DONE;
}

static const struct option_row explain_options[] = {
	{ 'm', true, "mechanism", "MECH", "of this mechanism, or CIPHER,MAC" },
	{ 'o', false, "op", "OP",
	  "encrypt, mac-verify, encrypt-mac, ...; else the usual one" },
	{ 's', false, "size", "N", "of so many bytes (0); 64K, 1MiB, ..." },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row json_option[] = {
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row change_options[] = {
	{ 'N', false, "dry-run", NULL, "say what would change; change nothing" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row drain_options[] = {
	{ 't', false, "timeout", "SECONDS", "until it is idle (10)" },
	{ 'f', false, "force", NULL,
	  "when that has passed, take multipart contexts away" },
	{ 'N', false, "dry-run", NULL, "say what would change; change nothing" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command admin_commands[] = {
	{ NULL, "enable", "[--dry-run] [--json] [provider=NAME] mechanism=LIST",
	  "allow requests: of a provider, or whoever offers it",
	  change_options, 1, 2, enable },
	{ NULL, "disable",
	  "[--dry-run] [--json] [provider=NAME] mechanism=LIST",
	  "refuse them from now on; running ones end", change_options, 1, 2,
	  disable },
	{ NULL, "load", "[--dry-run] [--json] provider=NAME",
	  "load a provider, or give a drained one requests again",
	  change_options, 1, 1, load },
	{ NULL, "unload",
	  "[--timeout=SECONDS] [--force] [--dry-run] [--json] "
	  "provider=NAME",
	  "no new requests; when nobody uses it, it ends", drain_options, 1, 1,
	  unload },
	{ NULL, "drain",
	  "[--timeout=SECONDS] [--force] [--dry-run] [--json] "
	  "provider=NAME",
	  "no new requests; wait until nobody uses it", drain_options, 1, 1,
	  drain },
	{ NULL, "install", "[--dry-run] [--json] provider=NAME",
	  "from now on, also after a restart, load it when it is needed",
	  change_options, 1, 1, install },
	{ NULL, "uninstall",
	  "[--timeout=SECONDS] [--force] [--dry-run] [--json] "
	  "provider=NAME",
	  "unload it, and do not load it again", drain_options, 1, 1,
	  uninstall },
	{ NULL, "refresh", "[--dry-run] [--json]",
	  "read policy files and manifests again: all of it, or nothing",
	  change_options, 0, 0, refresh },
	{ NULL, "test", "[--dry-run] [--json] provider=NAME",
	  "its known answers, now; a failed one works again if they are right",
	  change_options, 1, 1, test },
	{ NULL, "control", "[--dry-run] [--json] provider=NAME COMMAND",
	  "tell a provider a word of its own", change_options, 2, 2, control },
	{ NULL, "explain", "-m MECH [-o OP] [--size=N] [--json]",
	  "which provider would be chosen now, and why", explain_options, 0, 0,
	  explain },
	{ "consumer", "list", "[--json]", "who is connected", json_option, 0, 0,
	  consumer_list },
	{ 0 },
};

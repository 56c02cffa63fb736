/* SPDX-License-Identifier: MIT */
/*
 * device: accelerators on the PCI bus, given to user space and back.  All but
 * reset is done here, with the caller's rights; the daemon need not run.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/cmd-admin.h"
#include "tools/complain.h"
#include "tools/operands.h"
#include "tools/pci.h"
#include "tools/table.h"
#include "tools/vfio.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define USERS_MAX 4u
#define MEMBERS_MAX 64u
/* What a provider maps for its device, at least. */
#define MEMLOCK_LEAST (UINT64_C(8) << 20)

/* ---------------------------------------------------------------- the daemon */

/* 0: it does not run, or does not say. */
static pid_t daemon_pid(void)
{
	struct msg_status s;
	const struct admin_call call = { .verb = MSG_ADMIN_STATUS,
					 .reply = &s,
					 .reply_max = sizeof(s) };

	return admin_ask(&call) < 0 ? 0 : (pid_t)s.pid;
}

/* Bytes that it may lock; false: unknown, or without limit. */
static bool read_memlock(pid_t pid, uint64_t *limit)
{
	static const char row[] = "Max locked memory";
	char path[64], line[160];
	bool found = false;
	FILE *f;

	if (!pid || pci_path(path, sizeof(path), "/proc/%d/limits", (int)pid))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strncmp(line, row, sizeof(row) - 1) == 0 &&
			sscanf(line + sizeof(row) - 1, "%" SCNu64, limit) == 1;
	fclose(f);
	return found;
}

/* Who maps memory for a device locks it. */
static void warn_of_memlock(void)
{
	uint64_t limit;

	if (read_memlock(daemon_pid(), &limit) && limit < MEMLOCK_LEAST)
		complain("the daemon may lock only %" PRIu64 " KiB, too little "
			 "for a device: raise LimitMEMLOCK of ukcfd.service",
			 limit >> 10);
}

/* ------------------------------------------------------------------- tables */

static void add_number(struct table *t, int n)
{
	if (n < 0)
		table_cell(t, "%s", "");
	else
		table_cell(t, "%d", n);
}

static void add_users(struct table *t, const struct pci_device *d)
{
	struct pci_user users[USERS_MAX];
	int n = d->group < 0 ? 0 : pci_group_users(d->group, users, USERS_MAX);

	for (int i = 0; i < n; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%s(%d)", users[i].comm,
			 (int)users[i].pid);
		table_item(t, text);
	}
	table_end_list(t);
}

static const char *kind_name(const struct pci_device *d)
{
	const struct pci_kind *k = pci_kind_of(d);

	return k ? k->name : "";
}

static const char *provider_of(const struct pci_device *d)
{
	const struct pci_kind *k = pci_kind_of(d);

	return k && k->provider ? k->provider : "";
}

static void add_id(struct table *t, const struct pci_device *d)
{
	table_cell(t, "%04x:%04x", d->vendor, d->device);
}

static bool is_bound(const struct pci_device *d)
{
	return strcmp(d->driver, "vfio-pci") == 0;
}

static enum status device_list(struct invocation *in)
{
	static const struct table_column columns[] = {
		{ "DEVICE", COLUMN_TEXT },   { "ID", COLUMN_TEXT },
		{ "NAME", COLUMN_TEXT },     { "DRIVER", COLUMN_TEXT },
		{ "GROUP", COLUMN_NUMBER },  { "NUMA", COLUMN_NUMBER },
		{ "BOUND", COLUMN_BOOL },    { "USED_BY", COLUMN_LIST },
	};
	struct pci_device *all;
	int n = pci_list(&all);
	struct table *t;

	if (n < 0) {
		complain("the devices of this machine: %s", strerror(-n));
		return STATUS_FAILED;
	}
	t = table_new("devices", columns, N_OF(columns), in->value['J']);
	for (int i = 0; t && i < n; i++) {
		const struct pci_device *d = &all[i];

		table_cell(t, "%s", d->address);
		add_id(t, d);
		table_cell(t, "%s", kind_name(d));
		table_cell(t, "%s", d->driver);
		add_number(t, d->group);
		add_number(t, d->numa);
		table_bool(t, is_bound(d));
		add_users(t, d);
	}
	free(all);
	if (n == 0)
		complain("no PCI device here does cryptography");
	return t && table_print(t) == 0 ? STATUS_DONE : STATUS_FAILED;
}

/* 0, or -1 after a complaint. */
static int find(struct pci_device *d, const char *address)
{
	int err = pci_read(d, address);

	if (err == -EINVAL)
		complain("%s: an address is written as 0000:01:00.0", address);
	else if (err)
		complain("no PCI device %s: 'cryptoctl device list' shows them",
			 address);
	return err ? -1 : 0;
}

static void add_others(struct table *t, const struct pci_device *d)
{
	char members[MEMBERS_MAX][PCI_ADDRESS_LEN + 1];
	int n = d->group < 0 ? 0 : pci_group_members(d->group, members,
						      MEMBERS_MAX);

	for (int i = 0; i < n; i++)
		if (strcmp(members[i], d->address) != 0)
			table_item(t, members[i]);
	table_end_list(t);
}

static void add_line(struct table *t, const struct pci_device *d,
		     const char *file)
{
	char line[128];

	pci_read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/%s",
		      d->address, file);
	table_cell(t, "%s", line);
}

static void add_node(struct table *t, const struct pci_device *d)
{
	if (d->group >= 0 && pci_is_there("/dev/vfio/%d", d->group))
		table_cell(t, "/dev/vfio/%d", d->group);
	else
		table_cell(t, "%s", "");
}

static void add_judgement(struct table *t, const struct pci_device *d)
{
	struct vfio_words w;
	int err = vfio_judge_bind(d, false, &w);

	table_bool(t, !err || err == -EALREADY);
	table_cell(t, "%s", w.text);
}

static enum status device_info(struct invocation *in)
{
	static const struct table_column columns[] = {
		{ "DEVICE", COLUMN_TEXT },    { "ID", COLUMN_TEXT },
		{ "NAME", COLUMN_TEXT },      { "CLASS", COLUMN_TEXT },
		{ "PROVIDER", COLUMN_TEXT },  { "DRIVER", COLUMN_TEXT },
		{ "OVERRIDE", COLUMN_TEXT },  { "GROUP", COLUMN_NUMBER },
		{ "OTHERS_IN_GROUP", COLUMN_LIST },
		{ "DIRECT_REGION", COLUMN_TEXT },
		{ "NUMA", COLUMN_NUMBER },    { "RESET_METHODS", COLUMN_TEXT },
		{ "NODE", COLUMN_TEXT },      { "MEMLOCK", COLUMN_NUMBER },
		{ "USED_BY", COLUMN_LIST },   { "BOUND", COLUMN_BOOL },
		{ "USABLE", COLUMN_BOOL },    { "WHY", COLUMN_TEXT },
	};
	struct vfio_words region = { "" };
	struct pci_device d;
	struct table *t;
	uint64_t memlock;

	if (find(&d, in->args[0]) < 0)
		return STATUS_FAILED;
	t = table_new("device", columns, N_OF(columns), in->value['J']);
	if (!t)
		return STATUS_FAILED;
	table_cell(t, "%s", d.address);
	add_id(t, &d);
	table_cell(t, "%s", kind_name(&d));
	table_cell(t, "0x%06" PRIx32, d.class);
	table_cell(t, "%s", provider_of(&d));
	table_cell(t, "%s", d.driver);
	table_cell(t, "%s", d.override);
	add_number(t, d.group);
	add_others(t, &d);
	if (d.group >= 0)
		vfio_direct_region(&d, &region);
	table_cell(t, "%s", region.text);
	add_number(t, d.numa);
	add_line(t, &d, "reset_method");
	add_node(t, &d);
	if (read_memlock(daemon_pid(), &memlock))
		table_cell(t, "%" PRIu64, memlock);
	else
		table_cell(t, "%s", "");
	add_users(t, &d);
	table_bool(t, is_bound(&d));
	add_judgement(t, &d);
	return table_print_record(t) == 0 ? STATUS_DONE : STATUS_FAILED;
}

/* ------------------------------------------------------------------ changes */

/* Who did what to which device, also what was refused, in the system's log. */
static void audit(const struct invocation *in, const struct pci_device *d,
		  int err, const char *text)
{
	openlog("cryptoctl", LOG_PID, LOG_AUTHPRIV);
	syslog(err ? LOG_WARNING : LOG_NOTICE, "uid %u: device %s %s: %s%s",
	       (unsigned int)getuid(), in->command->name, d->address,
	       err ? "failed: " : "", text);
	closelog();
}

/* err and the words about a change, as a line or a row of JSON. */
static enum status tell(const struct invocation *in,
			const struct pci_device *d, int err, const char *text)
{
	static const struct table_column columns[] = {
		{ "DEVICE", COLUMN_TEXT },  { "OK", COLUMN_BOOL },
		{ "DRY_RUN", COLUMN_BOOL }, { "TEXT", COLUMN_TEXT },
	};
	struct table *t;

	if (err)
		complain("%s", text);
	if (!in->value['J']) {
		if (!err)
			printf("%s\n", text);
		return err ? STATUS_FAILED : STATUS_DONE;
	}
	t = table_new("changes", columns, N_OF(columns), true);
	if (!t)
		return STATUS_FAILED;
	table_cell(t, "%s", d->address);
	table_bool(t, !err);
	table_bool(t, in->value['N']);
	table_cell(t, "%s", text);
	return table_print(t) < 0 || err ? STATUS_FAILED : STATUS_DONE;
}

/* What was judged is done, unless it is a dry run. */
static enum status finish(const struct invocation *in,
			  const struct pci_device *d, int err,
			  struct vfio_words *w, const char *would,
			  int (*fn)(const struct pci_device *,
				    struct vfio_words *))
{
	if (in->value['N']) {
		if (!err)
			snprintf(w->text, sizeof(w->text), "%s %s", d->address,
				 would);
		return tell(in, d, err, w->text);
	}
	if (!err)
		err = fn(d, w);
	audit(in, d, err, w->text);
	return tell(in, d, err, w->text);
}

static enum status device_bind(struct invocation *in)
{
	struct pci_device d;
	struct vfio_words w;
	enum status status;
	int err;

	if (find(&d, in->args[0]) < 0)
		return STATUS_FAILED;
	err = vfio_judge_bind(&d, in->value['R'], &w);
	if (err == -EALREADY)
		return tell(in, &d, 0, w.text);
	status = finish(in, &d, err, &w, "would be bound to vfio-pci",
			vfio_bind);
	if (status == STATUS_DONE)
		warn_of_memlock();
	return status;
}

static enum status device_unbind(struct invocation *in)
{
	struct pci_device d;
	struct vfio_words w;
	int err;

	if (find(&d, in->args[0]) < 0)
		return STATUS_FAILED;
	err = vfio_judge_unbind(&d, &w);
	return finish(in, &d, err, &w, "would be unbound from vfio-pci",
		      vfio_unbind);
}

/* The provider that drives the device, by its kind; NULL after a complaint. */
static const char *provider_at(const char *address)
{
	const struct pci_kind *k;
	struct pci_device d;

	if (find(&d, address) < 0)
		return NULL;
	k = pci_kind_of(&d);
	if (k && k->provider)
		return k->provider;
	complain("no provider is known to drive %s: name it, provider=NAME",
		 address);
	return NULL;
}

static enum status device_reset(struct invocation *in)
{
	const char *provider;
	struct operands o;

	if (operands_parse(&o, in) < 0)
		return STATUS_USAGE;
	if (o.mechanisms || !o.word == !o.provider) {
		complain("an ADDRESS, or provider=NAME");
		complain("'cryptoctl device reset --help' shows how it is used");
		return STATUS_USAGE;
	}
	provider = o.provider ? o.provider : provider_at(o.word);
	return provider ? admin_change(in, MSG_CHANGE_RESET, provider, NULL) :
			  STATUS_FAILED;
}

static const struct option_row json_option[] = {
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row change_options[] = {
	{ 'N', false, "dry-run", NULL, "say what would change; change nothing" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row bind_options[] = {
	{ 'R', false, "replace", NULL, "also if another driver has it" },
	{ 'N', false, "dry-run", NULL, "say what would change; change nothing" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command device_commands[] = {
	{ "device", "list", "[--json]", "accelerators, and who has them",
	  json_option, 0, 0, device_list },
	{ "device", "info", "[--json] ADDRESS",
	  "all about one, and whether it can be given to a provider",
	  json_option, 1, 1, device_info },
	{ "device", "bind", "[--replace] [--dry-run] [--json] ADDRESS",
	  "give it to vfio-pci, for a provider", bind_options, 1, 1,
	  device_bind },
	{ "device", "unbind", "[--dry-run] [--json] ADDRESS",
	  "give it back to the kernel", change_options, 1, 1, device_unbind },
	{ "device", "reset", "[--dry-run] [--json] ADDRESS | provider=NAME",
	  "have the daemon reset it; its requests go to others meanwhile",
	  change_options, 1, 1, device_reset },
	{ 0 },
};

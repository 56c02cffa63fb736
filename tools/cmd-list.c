/* SPDX-License-Identifier: MIT */
/*
 * list: providers and mechanisms, as the page has them; and whose word it is
 * that one is disabled, as the administration socket says.
 */
#include "tools/cryptoctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/mech-table.h"
#include "lib/shared/msg.h"
#include "tools/admin.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/operands.h"
#include "tools/table.h"

static const char *const kinds[] = {
	[UKCF_PROVIDER_SOFTWARE] = "software",
	[UKCF_PROVIDER_HARDWARE] = "hardware",
	[UKCF_PROVIDER_REMOTE] = "remote",
};

static const char *const states[] = {
	[UKCF_PROVIDER_ABSENT] = "ABSENT",
	[UKCF_PROVIDER_LOADING] = "LOADING",
	[UKCF_PROVIDER_READY] = "READY",
	[UKCF_PROVIDER_BUSY] = "BUSY",
	[UKCF_PROVIDER_FAILED] = "FAILED",
	[UKCF_PROVIDER_DRAINING] = "DRAINING",
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The page's rows, copied: there is room for all that a page can hold. */
struct view {
	struct ukcf_page_provider providers[UKCF_PAGE_PROVIDERS_MAX + 1];
	struct ukcf_page_mech mechs[UKCF_PAGE_MECHS_MAX];
	int n_providers, n_mechs;
	/* What is asked for; all where nothing is said. */
	const struct ukcf_page_provider *provider;
	bool some; /* of the mechanisms: those in wanted */
	bool wanted[UKCF_PAGE_MECHS_MAX];
};

static const char *const by_whom[] = {
	[MSG_BY_NOBODY] = "",
	[MSG_BY_FILE] = "policy-file",
	[MSG_BY_ADMINISTRATOR] = "administrator",
};

static const char *word(const char *const *words, size_t n, unsigned int i)
{
	return i < n && words[i] ? words[i] : "unknown";
}

static const char *provider_name(const struct view *v, unsigned int id)
{
	for (int i = 0; i < v->n_providers; i++)
		if (v->providers[i].id == id)
			return v->providers[i].name;
	return "";
}

static int read_view(struct view *v)
{
	struct ukcf *u = connect_daemon();

	if (!u)
		return -1;
	v->n_providers = ukcf_provider_list(u, v->providers,
					    N_OF(v->providers));
	v->n_mechs = ukcf_mech_list(u, v->mechs, N_OF(v->mechs));
	ukcf_disconnect(u);
	if (v->n_providers >= 0 && v->n_mechs >= 0)
		return 0;
	complain_call("the page", v->n_mechs < 0 ? v->n_mechs :
						   v->n_providers);
	return -1;
}

static bool is_wanted(const struct view *v, int i)
{
	const struct ukcf_page_mech *m = &v->mechs[i];

	return (!v->some || v->wanted[i]) &&
	       (!v->provider || m->providers >> v->provider->id & 1);
}

/* Why some have failed; of those who may ask, nothing for others. */
struct reasons {
	struct msg_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	size_t n;
};

static bool one_has_failed(const struct view *v)
{
	for (int i = 0; i < v->n_providers; i++)
		if (v->providers[i].state == UKCF_PROVIDER_FAILED)
			return true;
	return false;
}

static void read_reasons(const struct view *v, struct reasons *r)
{
	const struct admin_call call = {
		.verb = MSG_ADMIN_PROVIDERS,
		.reply = r->rows, .reply_max = sizeof(r->rows),
		.row_len = sizeof(r->rows[0]),
	};
	int n = one_has_failed(v) ? admin_ask(&call) : 0;

	r->n = n < 0 ? 0 : (size_t)n / sizeof(r->rows[0]);
}

static const char *reason_of(struct reasons *r, unsigned int id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->rows[i].id != id)
			continue;
		r->rows[i].reason[MSG_REASON_MAX - 1] = '\0';
		return r->rows[i].reason;
	}
	return "";
}

static int show_providers(const struct view *v, bool json)
{
	static const struct table_column columns[] = {
		{ "PROVIDER", COLUMN_TEXT },   { "ID", COLUMN_NUMBER },
		{ "KIND", COLUMN_TEXT },       { "STATE", COLUMN_TEXT },
		{ "MECHANISMS", COLUMN_NUMBER }, { "IN_CALLER", COLUMN_BOOL },
		{ "VERSION", COLUMN_TEXT },    { "REASON", COLUMN_TEXT },
	};
	struct table *t = table_new("providers", columns, N_OF(columns), json);
	static struct reasons reasons;

	read_reasons(v, &reasons);

	for (int i = 0; t && i < v->n_providers; i++) {
		const struct ukcf_page_provider *p = &v->providers[i];

		if (v->provider && p != v->provider)
			continue;
		table_cell(t, "%s", p->name);
		table_cell(t, "%u", p->id);
		table_cell(t, "%s", word(kinds, N_OF(kinds), p->kind));
		table_cell(t, "%s", word(states, N_OF(states), p->state));
		table_cell(t, "%u", p->n_mechs);
		table_bool(t, p->module_gen != 0);
		table_cell(t, "%s", p->version);
		table_cell(t, "%s", reason_of(&reasons, p->id));
	}
	return t ? table_print(t) : -1;
}

static void add_ops(struct table *t, uint32_t ops)
{
	for (uint32_t op = 0; op < 32; op++)
		if ((ops >> op & 1) && mech_op_name(op))
			table_item(t, mech_op_name(op));
	table_end_list(t);
}

static void add_providers(struct table *t, const struct view *v, uint64_t bits)
{
	for (unsigned int id = 0; id < 64; id++)
		if (bits >> id & 1)
			table_item(t, provider_name(v, id));
	table_end_list(t);
}

static const char *class_name(uint32_t mech)
{
	const char *name = mech_class_name(mech);

	return name ? name : "unknown";
}

static int show_mechs(const struct view *v, bool json)
{
	static const struct table_column columns[] = {
		{ "MECHANISM", COLUMN_TEXT }, { "CLASS", COLUMN_TEXT },
		{ "ID", COLUMN_TEXT },	      { "ENABLED", COLUMN_BOOL },
		{ "IN_CALLER", COLUMN_TEXT }, { "PROVIDERS", COLUMN_LIST },
		{ "OPERATIONS", COLUMN_LIST },
	};
	struct table *t = table_new("mechanisms", columns, N_OF(columns), json);

	for (int i = 0; t && i < v->n_mechs; i++) {
		const struct ukcf_page_mech *m = &v->mechs[i];

		if (!is_wanted(v, i))
			continue;
		table_cell(t, "%s", m->name);
		table_cell(t, "%s", class_name(m->id));
		table_cell(t, "0x%08" PRIx32, m->id);
		table_bool(t, m->flags & UKCF_PAGE_MECH_ENABLED);
		table_cell(t, "%s", m->caller ? provider_name(v, m->caller) :
						"");
		add_providers(t, v, m->providers);
		add_ops(t, m->ops);
	}
	return t ? table_print(t) : -1;
}

/* A size or the range of sizes; none is an empty cell. */
static void add_range(struct table *t, unsigned int min, unsigned int max)
{
	if (max == 0)
		table_cell(t, "%s", "");
	else if (min == max)
		table_cell(t, "%u", max);
	else
		table_cell(t, "%u-%u", min, max);
}

static void add_size(struct table *t, uint64_t size)
{
	if (size)
		table_cell(t, "%" PRIu64, size);
	else
		table_cell(t, "%s", "");
}

static int show_limits(const struct view *v, bool json)
{
	static const struct table_column columns[] = {
		{ "MECHANISM", COLUMN_TEXT },  { "CLASS", COLUMN_TEXT },
		{ "KEY", COLUMN_TEXT },	       { "NONCE", COLUMN_NUMBER },
		{ "TAG", COLUMN_TEXT },	       { "OUTPUT", COLUMN_NUMBER },
		{ "DATA_MAX", COLUMN_NUMBER }, { "AAD_MAX", COLUMN_NUMBER },
		{ "PKCS11", COLUMN_TEXT },     { "OPENSSL", COLUMN_TEXT },
		{ "SOURCE", COLUMN_TEXT },
	};
	struct table *t = table_new("mechanisms", columns, N_OF(columns), json);

	for (int i = 0; t && i < v->n_mechs; i++) {
		const struct ukcf_page_mech *m = &v->mechs[i];
		const struct mech_row *row = mech_row_by_id(m->id);

		if (!is_wanted(v, i))
			continue;
		table_cell(t, "%s", m->name);
		table_cell(t, "%s", class_name(m->id));
		add_range(t, m->key_min, m->key_max);
		add_size(t, m->nonce_len);
		add_range(t, m->tag_min, m->tag_max);
		add_size(t, m->out_len);
		add_size(t, m->data_max);
		add_size(t, m->aad_max);
		table_cell(t, "%s", m->pkcs11);
		table_cell(t, "%s", m->openssl);
		table_cell(t, "%s", row ? row->source : "");
	}
	return t ? table_print(t) : -1;
}

/* ------------------------------------------------------------------ policy */

static bool is_listed(const char *list, const char *mech)
{
	const struct mech_row *row = NULL;
	const char *name;
	size_t n;

	if (!list)
		return true;
	for (unsigned int i = 0; i < mech_n_rows && !row; i++)
		if (strcmp(mech_rows[i].name, mech) == 0)
			row = &mech_rows[i];
	while ((n = operands_next(&list, &name))) {
		char one[UKCF_NAME_MAX];

		snprintf(one, sizeof(one), "%.*s", (int)n, name);
		if (mech_name_matches(one, mech, row ? row->pkcs11 : NULL,
				      row ? row->openssl : NULL))
			return true;
	}
	return false;
}

static int show_policy(const struct view *v, const struct operands *o,
		       bool json)
{
	static const struct table_column columns[] = {
		{ "PROVIDER", COLUMN_TEXT },  { "STATE", COLUMN_TEXT },
		{ "MECHANISM", COLUMN_TEXT }, { "ENABLED", COLUMN_BOOL },
		{ "BY", COLUMN_TEXT },
	};
	void *all;
	int n = admin_ask_all(MSG_ADMIN_OFFERS, sizeof(struct msg_offer), &all);
	const struct msg_offer *rows = all;
	struct table *t;

	if (n < 0)
		return -1;
	t = table_new("policy", columns, N_OF(columns), json);
	for (int i = 0; t && i < n; i++) {
		const struct msg_offer *r = &rows[i];
		char mech[UKCF_NAME_MAX], provider[UKCF_NAME_MAX];

		snprintf(mech, sizeof(mech), "%.*s", (int)sizeof(r->mech) - 1,
			 r->mech);
		snprintf(provider, sizeof(provider), "%.*s",
			 (int)sizeof(r->provider) - 1, r->provider);
		if ((v->provider && r->id != v->provider->id) ||
		    !is_listed(o->mechanisms, mech))
			continue;
		table_cell(t, "%s", provider);
		table_cell(t, "%s", word(states, N_OF(states), r->state));
		table_cell(t, "%s", mech);
		table_bool(t, r->enabled);
		table_cell(t, "%s", word(by_whom, N_OF(by_whom), r->by));
	}
	free(all);
	return t ? table_print(t) : -1;
}

/* ---------------------------------------------------------------- operands */

static int find_provider(struct view *v, const char *name)
{
	char known[256] = "";
	size_t n = 0;

	for (int i = 0; i < v->n_providers; i++) {
		const struct ukcf_page_provider *p = &v->providers[i];

		if (strcmp(p->name, name) == 0) {
			v->provider = p;
			return 0;
		}
		if (n < sizeof(known))
			n += (size_t)snprintf(known + n, sizeof(known) - n,
					      "%s%s", i ? ", " : "", p->name);
	}
	complain("no provider %s is loaded; there are %s", name, known);
	return -1;
}

/* One that nobody offers is not on the page, but it may have rules. */
static bool has_row(const char *name)
{
	for (unsigned int i = 0; i < mech_n_rows; i++)
		if (mech_name_matches(name, mech_rows[i].name,
				      mech_rows[i].pkcs11,
				      mech_rows[i].openssl))
			return true;
	return false;
}

static int find_mech(struct view *v, const char *name, bool policy)
{
	for (int i = 0; i < v->n_mechs; i++) {
		const struct ukcf_page_mech *m = &v->mechs[i];

		if (!mech_name_matches(name, m->name, m->pkcs11, m->openssl))
			continue;
		if (!policy && v->provider &&
		    !(m->providers >> v->provider->id & 1)) {
			complain("provider %s does not offer %s, or that is "
				 "disabled: 'cryptoctl list -p' shows it",
				 v->provider->name, name);
			return -1;
		}
		v->wanted[i] = true;
		return 0;
	}
	if (policy && has_row(name))
		return 0;
	complain("no mechanism %s: 'cryptoctl list -m' shows them", name);
	return -1;
}

static int find_all(struct view *v, const struct operands *o, bool policy)
{
	const char *at = o->mechanisms, *name;
	int err = 0;
	size_t n;

	if (o->provider)
		err = find_provider(v, o->provider);
	v->some = at != NULL;
	while (!err && at && (n = operands_next(&at, &name))) {
		char one[UKCF_NAME_MAX];

		if (n >= sizeof(one)) {
			complain("%.*s: no mechanism has so long a name",
				 (int)n, name);
			return -1;
		}
		snprintf(one, sizeof(one), "%.*s", (int)n, name);
		err = find_mech(v, one, policy);
	}
	return err;
}

static int show(struct view *v, const struct operands *o,
		const struct invocation *in)
{
	bool json = in->value['J'];

	if (in->value['p'])
		return show_policy(v, o, json);
	if (in->value['v'])
		return show_limits(v, json);
	if (in->value['m'] || o->mechanisms)
		return show_mechs(v, json);
	return show_providers(v, json);
}

static enum status list(struct invocation *in)
{
	struct view *v;
	struct operands o;
	int err;

	if (operands_parse(&o, in) < 0)
		return STATUS_USAGE;
	if (o.word ||
	    (in->value['p'] && (in->value['m'] || in->value['v']))) {
		complain("%s%s", o.word ? o.word : "",
			 o.word ? ": only provider=NAME and mechanism=LIST" :
				  "-p goes without -m and -v");
		complain("'cryptoctl list --help' shows how it is used");
		return STATUS_USAGE;
	}
	v = calloc(1, sizeof(*v));
	if (!v) {
		complain("no memory");
		return STATUS_FAILED;
	}
	err = read_view(v);
	if (!err)
		err = find_all(v, &o, in->value['p']);
	if (!err)
		err = show(v, &o, in);
	free(v);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static const struct option_row options[] = {
	{ 'm', false, "mechanisms", NULL, "the mechanisms, and who offers them" },
	{ 'p', false, "policy", NULL,
	  "what is enabled, provider by provider, and by whose word" },
	{ 'v', false, "verbose", NULL,
	  "their sizes and limits in bytes, and other names" },
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

const struct command list_commands[] = {
	{ NULL, "list",
	  "[-m | -v | -p] [--json] [provider=NAME] [mechanism=LIST]",
	  "providers and mechanisms", options, 0, 2, list },
	{ 0 },
};

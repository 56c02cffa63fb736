/* SPDX-License-Identifier: MIT */
/* key ...: keys that the daemon holds. */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/output.h"
#include "tools/spki.h"
#include "tools/table.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	uint32_t bit;
	const char *name;
} uses[] = {
	{ UKCF_USE_MAC, "mac" },	 { UKCF_USE_MAC_VERIFY, "mac-verify" },
	{ UKCF_USE_ENCRYPT, "encrypt" }, { UKCF_USE_DECRYPT, "decrypt" },
	{ UKCF_USE_SIGN, "sign" },	 { UKCF_USE_VERIFY, "verify" },
	{ UKCF_USE_DERIVE, "derive" },
};

/* ------------------------------------------------------------------ making */

static uint32_t use_of(const char *word, size_t len)
{
	for (size_t i = 0; i < N_OF(uses); i++)
		if (strlen(uses[i].name) == len &&
		    memcmp(uses[i].name, word, len) == 0)
			return uses[i].bit;
	return 0;
}

/* A list with commas; without one all that the mechanism allows. */
static int parse_usage(const char *list, uint32_t *usage)
{
	*usage = UKCF_USE_DEFAULT;
	if (!list)
		return 0;
	for (;;) {
		size_t len = strcspn(list, ",");
		uint32_t use = use_of(list, len);

		if (!use) {
			complain("%.*s: no use of a key; they are mac, "
				 "mac-verify, encrypt, decrypt, sign, verify "
				 "and derive", (int)len, list);
			return -1;
		}
		*usage |= use;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

/* What generate and import share. */
struct making {
	struct ukcf *u;
	const char *name;
	struct ukcf_page_mech mech;
	uint32_t usage, flags;
};

/* --bits=N */
static int parse_bits(const char *text, uint32_t *flags)
{
	static const struct {
		const char *text;
		uint32_t flag;
	} sizes[] = {
		{ "2048", UKCF_KEY_BITS_2048 },
		{ "3072", UKCF_KEY_BITS_3072 },
		{ "4096", UKCF_KEY_BITS_4096 },
	};

	for (size_t i = 0; text && i < N_OF(sizes); i++)
		if (strcmp(sizes[i].text, text) == 0) {
			*flags |= sizes[i].flag;
			return 0;
		}
	if (!text)
		return 0;
	complain("%s: no size of a key; they are 2048, 3072 and 4096 bits",
		 text);
	return -1;
}

/* The size of a key is the mechanism's, but for RSA. */
static int check_bits(const struct making *m)
{
	if (!(m->flags & UKCF_KEY_BITS) ||
	    m->mech.flags & UKCF_PAGE_MECH_BY_KEY)
		return 0;
	complain("%s: its keys have one size; --bits is for RSA",
		 m->mech.name);
	return -1;
}

/* Others of class AEAD have nonces of sizes that the daemon makes none of. */
static int check_nonces(const struct making *m)
{
	if (!(m->flags & UKCF_KEY_DAEMON_NONCE) ||
	    UKCF_MECH_CLASS(m->mech.id) == UKCF_CLASS_AEAD)
		return 0;
	complain("%s: has no nonces that the daemon could choose; "
		 "--daemon-nonces is for class aead", m->mech.name);
	return -1;
}

static enum status prepare(const struct invocation *in, struct making *m)
{
	*m = (struct making){ .name = in->args[0] };
	if (parse_usage(in->value['U'], &m->usage) < 0 ||
	    parse_bits(in->value['B'], &m->flags) < 0)
		return STATUS_USAGE;
	if (in->value['E'])
		m->flags |= UKCF_KEY_EXPORTABLE;
	if (in->value['N'])
		m->flags |= UKCF_KEY_DAEMON_NONCE;
	if (in->value['P'])
		m->flags |= UKCF_KEY_PUBLIC_ONLY;
	m->u = connect_daemon();
	if (!m->u || mech_find(m->u, in->value['m'], &m->mech) < 0 ||
	    check_bits(m) < 0 || check_nonces(m) < 0)
		return STATUS_FAILED;
	if (m->mech.key_max > 0)
		return STATUS_DONE;
	complain("%s has no keys; 'cryptoctl list -v' shows who has",
		 m->mech.name);
	return STATUS_FAILED;
}

static enum status made(struct making *m, int err)
{
	char what[128];

	snprintf(what, sizeof(what), "key %s", m->name);
	if (err)
		complain_call(what, err);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static enum status generate_key(struct invocation *in)
{
	struct ukcf_key key;
	struct making m;
	enum status status = prepare(in, &m);

	if (status == STATUS_DONE)
		status = made(&m, ukcf_key_generate(m.u, m.name, m.mech.id,
						    m.usage, m.flags, &key));
	ukcf_disconnect(m.u);
	return status;
}

/* One byte more than a key can have, to see that there are too many. */
#define RAW_MAX (UKCF_KEY_BYTES_MAX + 1)

static ssize_t read_raw(uint8_t *raw)
{
	size_t len = 0;
	ssize_t n;

	if (isatty(STDIN_FILENO)) {
		complain("standard input is a terminal, and a key is raw "
			 "bytes; give it with < FILE");
		return -1;
	}
	while ((n = input_read(STDIN_FILENO, NULL, raw + len,
			       RAW_MAX - len)) > 0)
		len += (size_t)n;
	return n < 0 ? -1 : (ssize_t)len;
}

static int check_raw(const struct making *m, size_t len)
{
	unsigned int min = m->mech.key_min, max = m->mech.key_max;
	char sizes[32];

	if (m->flags & UKCF_KEY_PUBLIC_ONLY)
		min = max = m->mech.pub_len;
	if (m->flags & UKCF_KEY_PUBLIC_ONLY &&
	    m->mech.flags & UKCF_PAGE_MECH_BY_KEY)
		min = 1;
	if (len >= min && len <= max)
		return 0;
	snprintf(sizes, sizeof(sizes), min == max ? "%u" : "%u to %u", min,
		 max);
	complain("a key of %s has %s raw bytes, and %s%zu came; no text, no "
		 "line feed at its end", m->mech.name, sizes,
		 len == RAW_MAX ? "at least " : "", len);
	return -1;
}

static enum status import_raw(struct making *m, uint8_t *raw)
{
	struct ukcf_key key;
	ssize_t n = read_raw(raw);

	if (n < 0 || check_raw(m, (size_t)n) < 0)
		return STATUS_FAILED;
	return made(m, ukcf_key_import(m->u, m->name, m->mech.id, m->usage,
				       m->flags, raw, (size_t)n, &key));
}

static enum status import_key(struct invocation *in)
{
	struct making m;
	enum status status = prepare(in, &m);
	uint8_t *raw;

	if (status == STATUS_DONE) {
		raw = secmem_alloc(RAW_MAX);
		if (raw) {
			status = import_raw(&m, raw);
		} else {
			complain("no locked memory for the key: raise "
				 "RLIMIT_MEMLOCK (ulimit -l)");
			status = STATUS_FAILED;
		}
		secmem_free(raw, RAW_MAX); /* wipes */
	}
	ukcf_disconnect(m.u);
	return status;
}

/* -------------------------------------------------------------- looking up */

/* Where there is a limit; what a daemon does not tell is not known. */
static void add_nonces_left(struct table *t, struct ukcf *u,
			    const struct ukcf_key_info *k)
{
	const struct ukcf_key key = { k->id };
	struct ukcf_key_nonces n;

	if (UKCF_MECH_CLASS(k->mech) != UKCF_CLASS_AEAD ||
	    ukcf_key_nonces(u, key, &n) < 0 || n.most == UINT64_MAX)
		table_cell(t, "%s", "");
	else
		table_cell(t, "%" PRIu64,
			   n.made < n.most ? n.most - n.made : 0);
}

static void add_key(struct table *t, struct ukcf *u,
		    const struct ukcf_key_info *k)
{
	struct ukcf_page_mech mech;

	table_cell(t, "%s", k->name);
	if (ukcf_mech_info(u, k->mech, &mech) == 0)
		table_cell(t, "%s", mech.name);
	else
		table_cell(t, "0x%08" PRIx32, k->mech);
	table_cell(t, "%" PRIu32, k->bits);
	for (size_t i = 0; i < N_OF(uses); i++)
		if (k->usage & uses[i].bit)
			table_item(t, uses[i].name);
	table_end_list(t);
	table_bool(t, k->flags & UKCF_KEY_EXPORTABLE);
	table_bool(t, k->flags & UKCF_KEY_PUBLIC_ONLY);
	table_bool(t, k->flags & UKCF_KEY_DAEMON_NONCE);
	table_cell(t, "%" PRIu64, k->uses);
	add_nonces_left(t, u, k);
	table_time(t, k->created_s);
}

static int show_keys(struct ukcf *u, bool json)
{
	static const struct table_column columns[] = {
		{ "KEY", COLUMN_TEXT },		{ "MECHANISM", COLUMN_TEXT },
		{ "BITS", COLUMN_NUMBER },	{ "USAGE", COLUMN_LIST },
		{ "EXPORTABLE", COLUMN_BOOL },	{ "PUBLIC_ONLY", COLUMN_BOOL },
		{ "DAEMON_NONCES", COLUMN_BOOL }, { "USES", COLUMN_NUMBER },
		{ "NONCES_LEFT", COLUMN_NUMBER }, { "CREATED", COLUMN_TEXT },
	};
	struct ukcf_key_info *rows;
	struct table *t;
	int n;

	rows = key_rows(u, &n);
	if (!rows)
		return -1;
	t = table_new("keys", columns, N_OF(columns), json);
	for (int i = 0; t && i < n; i++)
		add_key(t, u, &rows[i]);
	free(rows);
	return t ? table_print(t) : -1;
}

static enum status list_keys(struct invocation *in)
{
	struct ukcf *u = connect_daemon();
	int err = u ? show_keys(u, in->value['J']) : -1;

	ukcf_disconnect(u);
	return err ? STATUS_FAILED : STATUS_DONE;
}

/* ----------------------------------------------------------------- getting */

static int write_public(const struct invocation *in,
			const struct ukcf_key_info *k, const uint8_t *pub,
			size_t len)
{
	char pem[SPKI_PEM_MAX];
	size_t n;

	if (!in->value['P'])
		return output_write(in->value['o'], pub, len, out_flags(in));
	n = spki_pem(k->mech, pub, len, pem);
	if (n == 0) {
		complain("key %s: no PEM form is known for its mechanism; "
			 "without --pem it comes raw", k->name);
		return -1;
	}
	if (in->value['o'])
		return output_write(in->value['o'], pem, n, out_flags(in));
	fputs(pem, stdout);
	return 0;
}

static int get_public(const struct invocation *in, struct ukcf *u)
{
	struct ukcf_key_info k;
	uint8_t pub[UKCF_KEY_BYTES_MAX];
	int64_t n;

	if (key_find(u, in->args[0], &k) < 0)
		return -1;
	n = ukcf_key_public(u, (struct ukcf_key){ k.id }, pub, sizeof(pub));
	if (n == -EOPNOTSUPP) {
		complain("key %s is symmetric: it has no public part", k.name);
		return -1;
	}
	if (n < 0) {
		complain_call(k.name, n);
		return -1;
	}
	return write_public(in, &k, pub, (size_t)n);
}

static enum status public_part(struct invocation *in)
{
	struct ukcf *u;
	int err;

	if ((!in->value['P'] || in->value['o']) &&
	    outfile_check(in->value['o'], out_flags(in)) < 0)
		return STATUS_FAILED;
	u = connect_daemon();
	err = u ? get_public(in, u) : -1;
	ukcf_disconnect(u);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static int get_secret(const struct invocation *in, struct ukcf *u,
		      uint8_t *raw)
{
	struct ukcf_key_info k;
	int64_t n;

	if (key_find(u, in->args[0], &k) < 0)
		return -1;
	n = ukcf_key_export(u, (struct ukcf_key){ k.id }, raw,
			    UKCF_KEY_BYTES_MAX);
	if (n < 0) {
		complain_call(k.name, n);
		return -1;
	}
	return output_write(in->value['o'], raw, (size_t)n,
			    out_flags(in) | OUTFILE_PRIVATE);
}

static enum status export_key(struct invocation *in)
{
	struct ukcf *u;
	uint8_t *raw;
	int err;

	if (outfile_check(in->value['o'], out_flags(in)) < 0)
		return STATUS_FAILED;
	u = connect_daemon();
	if (!u)
		return STATUS_FAILED;
	raw = secmem_alloc(UKCF_KEY_BYTES_MAX);
	if (!raw)
		complain("no locked memory for the key: raise RLIMIT_MEMLOCK "
			 "(ulimit -l)");
	err = raw ? get_secret(in, u, raw) : -1;
	secmem_free(raw, UKCF_KEY_BYTES_MAX); /* wipes */
	ukcf_disconnect(u);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static int destroy_key(struct ukcf *u, const char *name)
{
	struct ukcf_key key;
	char what[128];
	int err = ukcf_key_open(u, name, &key);

	if (!err)
		err = ukcf_key_destroy(u, key);
	snprintf(what, sizeof(what), "key %s", name);
	if (err)
		complain_call(what, err);
	return err;
}

static enum status destroy_keys(struct invocation *in)
{
	struct ukcf *u = connect_daemon();
	enum status status = STATUS_DONE;

	if (!u)
		return STATUS_FAILED;
	for (int i = 0; i < in->n_args; i++)
		if (destroy_key(u, in->args[i]))
			status = STATUS_FAILED;
	ukcf_disconnect(u);
	return status;
}

/* ------------------------------------------------------------------- table */

#define MECH_OPTION \
	{ 'm', true, "mech", "MECH", "the mechanism, for example ed25519" }
#define USAGE_OPTION \
	{ 'U', false, "usage", "LIST", \
	  "what it may do (default: all of its class)" }
#define EXPORTABLE_OPTION \
	{ 'E', false, "exportable", NULL, \
	  "'key export' may give its secret bytes out" }

#define NONCES_OPTION \
	{ 'N', false, "daemon-nonces", NULL, \
	  "of class aead: the daemon chooses each nonce, and counts them" }

static const struct option_row generate_options[] = {
	MECH_OPTION,
	{ 'B', false, "bits", "N",
	  "of RSA: 2048, 3072 (the default) or 4096" },
	USAGE_OPTION,
	EXPORTABLE_OPTION,
	NONCES_OPTION,
	{ 0 },
};

static const struct option_row import_options[] = {
	MECH_OPTION,
	USAGE_OPTION,
	EXPORTABLE_OPTION,
	NONCES_OPTION,
	{ 'P', false, "public", NULL, "it is a public key, to verify with or encrypt to" },
	{ 0 },
};

static const struct option_row list_options[] = {
	{ 'J', false, "json", NULL, "as JSON" },
	{ 0 },
};

static const struct option_row public_options[] = {
	{ 'P', false, "pem", NULL,
	  "SubjectPublicKeyInfo in PEM, as openssl(1) reads it" },
	OUTPUT_OPTIONS,
	{ 0 },
};

static const struct option_row export_options[] = {
	OUTPUT_OPTIONS,
	{ 0 },
};

const struct command key_commands[] = {
	{ "key", "generate", "NAME -m MECH [--bits=N] [--usage=LIST] [--exportable] "
	  "[--daemon-nonces]",
	  "make a key in the daemon", generate_options, 1, 1,
	  generate_key },
	{ "key", "import",
	  "NAME -m MECH [--usage=LIST] [--exportable] [--daemon-nonces] "
	  "[--public]",
	  "give the daemon the raw key that comes on standard input",
	  import_options, 1, 1, import_key },
	{ "key", "list", "[--json]", "your keys", list_options, 0, 0,
	  list_keys },
	{ "key", "public", "NAME [--pem] [-o OUT] [-f]",
	  "the public part of a key, raw or as PEM", public_options, 1, 1,
	  public_part },
	{ "key", "export", "NAME [-o OUT] [-f]",
	  "the raw secret bytes of a key that is exportable", export_options,
	  1, 1, export_key },
	{ "key", "destroy", "NAME...", "end keys for good", NULL, 1, -1,
	  destroy_keys },
	{ 0 },
};

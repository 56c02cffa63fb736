/* SPDX-License-Identifier: MIT */
/*
 * sign, verify: raw signatures.  Mechanisms that sign in parts take files of
 * any size; ed25519 reads its message twice, so the daemon needs all of it.
 * Then --prehash signs the file's digest, in the form of cryptoctl-file(1).
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/output.h"
#include "tools/parts.h"

#define SMALL (1u << 20) /* bytes of a file that goes over a ring whole */

#define LIMIT "this mechanism signs a message that the daemon has whole; " \
	"--prehash signs its digest instead"

#define PREHASH "sha2-512"
#define PREHASH_TEXT "ukcf-signed-digest:1:" PREHASH ":"

/* A file, the key for it, and its signature. */
struct signing {
	struct ukcf *u;
	struct ukcf_key_info key;
	struct ukcf_page_mech mech;
	struct parts parts;
	const char *path;
	int fd;
	uint8_t sig[PARTS_RESULT_MAX];
	size_t sig_len; /* verify: bytes of sig */
	bool verifies;
};

/* ------------------------------------------------------------------ messages */

/* Bytes of signature, 0 if it is right, or -errno after nothing was said. */
static int64_t do_message(struct signing *s, const void *data, size_t len)
{
	const struct ukcf_key k = { s->key.id };

	return s->verifies ? ukcf_verify(s->u, s->mech.id, k, data, len, s->sig,
					 s->sig_len) :
			     ukcf_sign(s->u, s->mech.id, k, data, len, s->sig,
				       sizeof(s->sig));
}

static int64_t do_whole(struct signing *s)
{
	struct message m;
	int64_t n;

	if (input_whole_of(s->fd, s->path, UKCF_ONESHOT_MAX, LIMIT, &m) < 0)
		return PARTS_SAID;
	n = do_message(s, m.data, m.len);
	s->parts.detail = ukcf_last_call()->detail;
	message_free(&m);
	return n;
}

static int64_t do_file(struct signing *s)
{
	const uint64_t size = input_size(s->fd);
	int64_t n = -EOPNOTSUPP;

	s->parts = (struct parts){
		.u = s->u, .flow = s->parts.flow, .mech = s->mech.id,
		.op = s->verifies ? UKCF_OP_VERIFY : UKCF_OP_SIGN,
		.key = { s->key.id },
		.tag = s->verifies ? s->sig : NULL,
		.tag_len = s->verifies ? s->sig_len : 0,
	};
	if (!size || size > SMALL)
		n = parts_run(&s->parts, s->fd, s->path,
			      s->verifies ? NULL : s->sig);
	return n == -EOPNOTSUPP ? do_whole(s) : n;
}

/* A line of text, so that other programs can make it, too. */
static int64_t do_digest(struct signing *s)
{
	char text[sizeof(PREHASH_TEXT) + 2 * PARTS_RESULT_MAX + 1];
	uint8_t sum[PARTS_RESULT_MAX];
	struct ukcf_page_mech m;
	size_t len = strlen(PREHASH_TEXT);
	int64_t n;

	if (mech_find(s->u, PREHASH, &m) < 0)
		return PARTS_SAID;
	s->parts = (struct parts){ .u = s->u, .flow = s->parts.flow,
				   .mech = m.id, .op = UKCF_OP_DIGEST };
	n = parts_run(&s->parts, s->fd, s->path, sum);
	if (n < 0)
		return n;
	memcpy(text, PREHASH_TEXT, len);
	for (int64_t i = 0; i < n; i++, len += 2)
		snprintf(text + len, 3, "%02x", sum[i]);
	text[len++] = '\n';
	n = do_message(s, text, len);
	s->parts.detail = ukcf_last_call()->detail;
	return n;
}

/* ----------------------------------------------------------------- commands */

static int prepare(const struct invocation *in, struct signing *s)
{
	s->path = in->n_args ? in->args[0] : NULL;
	s->u = connect_daemon();
	if (!s->u ||
	    key_of_class(s->u, in->value['k'], UKCF_CLASS_SIGN, "sign",
			 &s->key, &s->mech) < 0)
		return -1;
	s->fd = input_open(s->path);
	return s->fd < 0 ? -1 : 0;
}

static void release(struct signing *s)
{
	input_close(s->fd);
	parts_close(&s->parts);
	ukcf_disconnect(s->u);
}

static int make_signature(const struct invocation *in, struct signing *s)
{
	int64_t n = in->value['P'] ? do_digest(s) : do_file(s);

	if (n < 0 && n != PARTS_SAID)
		complain_result(s->key.name, n, s->parts.detail);
	return n < 0 ? -1 : output_write(in->value['o'], s->sig, (size_t)n,
					 out_flags(in));
}

static enum status sign(struct invocation *in)
{
	struct signing s = { .fd = -1 };
	int err = outfile_check(in->value['o'], out_flags(in));

	if (err)
		return STATUS_FAILED;
	err = prepare(in, &s);
	if (!err)
		err = make_signature(in, &s);
	release(&s);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static int read_signature(const char *path, struct signing *s)
{
	struct message m;

	if (input_whole(path, sizeof(s->sig),
			"that is no signature; 'cryptoctl sign' makes one",
			&m) < 0)
		return -1;
	if (m.len)
		memcpy(s->sig, m.data, m.len);
	s->sig_len = m.len;
	message_free(&m);
	return 0;
}

static int judge(const struct invocation *in, struct signing *s)
{
	const char *name = input_name(s->path);
	int64_t res;

	if (read_signature(in->value['s'], s) < 0)
		return -1;
	res = in->value['P'] ? do_digest(s) : do_file(s);
	if (res == 0)
		printf("%s: good signature by %s\n", name, s->key.name);
	else if (res == -EBADMSG && s->sig_len != s->mech.out_len &&
		 !(s->mech.flags & UKCF_PAGE_MECH_BY_KEY))
		complain("%s: wrong signature: it has %zu bytes, one of %s "
			 "has %u", name, s->sig_len, s->mech.name,
			 s->mech.out_len);
	else if (res == -EBADMSG)
		complain("%s: wrong signature: the file was changed, or it "
			 "was signed by another key than %s%s", name,
			 s->key.name, in->value['P'] ? ", or without "
			 "--prehash" : "");
	else if (res != PARTS_SAID)
		complain_result(s->key.name, res, s->parts.detail);
	return res ? -1 : 0;
}

static enum status verify(struct invocation *in)
{
	struct signing s = { .fd = -1, .verifies = true };
	int err;

	if (outfile_is_stdout(in->value['s']) &&
	    (!in->n_args || outfile_is_stdout(in->args[0]))) {
		complain("signature and message cannot both be standard "
			 "input; name a file for one of them");
		return STATUS_USAGE;
	}
	err = prepare(in, &s);
	if (!err)
		err = judge(in, &s);
	release(&s);
	return err ? STATUS_FAILED : STATUS_DONE;
}

#define PREHASH_OPTION \
	{ 'P', false, "prehash", NULL, \
	  "of the file's " PREHASH " digest, in a form of our own" }

static const struct option_row sign_options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	OUTPUT_OPTIONS,
	PREHASH_OPTION,
	{ 0 },
};

static const struct option_row verify_options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 's', true, "signature", "SIG", "the file of the raw signature" },
	PREHASH_OPTION,
	{ 0 },
};

const struct command sign_commands[] = {
	{ NULL, "sign", "-k KEY [-o OUT] [-f] [--prehash] [FILE]",
	  "the raw signature of a file", sign_options, 0, 1, sign },
	{ NULL, "verify", "-k KEY -s SIG [--prehash] [FILE]",
	  "is this the signature of the file?", verify_options, 0, 1, verify },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* sign, verify: raw signatures. */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <stdio.h>

#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/output.h"

#define SIGNATURE_MAX 4096

#define LIMIT "ed25519 reads its message twice, so the daemon works on a " \
	"private copy of all of it; sign a file with its digest instead " \
	"(cryptoctl digest)"

/* A message and the key for it. */
struct signing {
	struct ukcf *u;
	struct ukcf_key_info key;
	struct ukcf_page_mech mech;
	struct message m;
};

static int prepare(const struct invocation *in, struct signing *s)
{
	s->m = (struct message){ 0 };
	s->u = connect_daemon();
	if (!s->u)
		return -1;
	if (key_of_class(s->u, in->value['k'], UKCF_CLASS_SIGN, "sign",
			 &s->key, &s->mech) < 0)
		return -1;
	return input_whole(in->n_args ? in->args[0] : NULL, UKCF_ONESHOT_MAX,
			   LIMIT, &s->m);
}

static void release(struct signing *s)
{
	message_free(&s->m);
	ukcf_disconnect(s->u);
}

static int make_signature(const struct invocation *in, struct signing *s)
{
	uint8_t sig[SIGNATURE_MAX];
	int64_t n = ukcf_sign(s->u, s->mech.id, (struct ukcf_key){ s->key.id },
			      s->m.data, s->m.len, sig, sizeof(sig));

	if (n < 0) {
		complain_call(s->key.name, n);
		return -1;
	}
	return output_write(in->value['o'], sig, (size_t)n, OUTFILE_FORCE);
}

static enum status sign(struct invocation *in)
{
	struct signing s;
	int err = outfile_check(in->value['o']);

	if (err)
		return STATUS_FAILED;
	err = prepare(in, &s);
	if (!err)
		err = make_signature(in, &s);
	release(&s);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static int judge(const struct invocation *in, struct signing *s)
{
	const char *name = input_name(in->n_args ? in->args[0] : NULL);
	struct message sig;
	int64_t res;

	if (input_whole(in->value['s'], SIGNATURE_MAX,
			"that is no signature; 'cryptoctl sign' makes one",
			&sig) < 0)
		return -1;
	res = ukcf_verify(s->u, s->mech.id, (struct ukcf_key){ s->key.id },
			  s->m.data, s->m.len, sig.data, sig.len);
	if (res == 0)
		printf("%s: good signature by %s\n", name, s->key.name);
	else if (res == -EBADMSG && sig.len != s->mech.out_len &&
		 !(s->mech.flags & UKCF_PAGE_MECH_BY_KEY))
		complain("%s: wrong signature: it has %zu bytes, one of %s "
			 "has %u", name, sig.len, s->mech.name,
			 s->mech.out_len);
	else if (res == -EBADMSG)
		complain("%s: wrong signature: the file was changed, or it "
			 "was signed by another key than %s", name,
			 s->key.name);
	else
		complain_call(s->key.name, res);
	message_free(&sig);
	return res ? -1 : 0;
}

static bool is_stdin(const char *path)
{
	return path[0] == '-' && path[1] == '\0';
}

static enum status verify(struct invocation *in)
{
	struct signing s;
	int err;

	if (is_stdin(in->value['s']) &&
	    (!in->n_args || is_stdin(in->args[0]))) {
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

static const struct option_row sign_options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 'o', false, "output", "OUT", "write there, not to standard output" },
	{ 0 },
};

static const struct option_row verify_options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 's', true, "signature", "SIG", "the file of the raw signature" },
	{ 0 },
};

const struct command sign_commands[] = {
	{ NULL, "sign", "-k KEY [-o OUT] [FILE]",
	  "the raw signature of a file of up to 64 MiB", sign_options, 0, 1,
	  sign },
	{ NULL, "verify", "-k KEY -s SIG [FILE]",
	  "is this the signature of the file (up to 64 MiB)?", verify_options,
	  0, 1, verify },
	{ 0 },
};

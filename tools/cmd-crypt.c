/* SPDX-License-Identifier: MIT */
/*
 * encrypt, decrypt: files of any size, in the form of ukcf-file(5).  Each file
 * has a random key of its own, which the named key encrypts in the daemon; it
 * is in locked memory here, where the plaintext is, too.  With a key pair that
 * encrypts it is one message.
 */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/file-head.h"
#include "tools/flow.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/outfile.h"
#include "tools/pke-message.h"
#include "tools/progress.h"

#define SUFFIX ".ukcf"

/* What all files of a command share. */
struct crypt {
	struct ukcf *u;
	struct ukcf_key_info info;
	struct ukcf_page_mech mech;
	uint8_t *file_key; /* locked memory, FILE_KEY_MAX bytes */
	struct flow *flow;
	size_t unit; /* bytes of a chunk that flow has room for */
	bool decrypts;
	bool not_here; /* calls do not run in this process */
	bool partial; /* a part of a result went out */
};

/* One file; job is its first member. */
struct box {
	struct flow_job job;
	struct crypt *c;
	const char *name;
	struct file_head head;
	struct ukcf_key key;
	struct ukcf_span bound; /* the header */
	uint64_t first;		/* the flow's number of the first chunk */
	bool begun;
	struct outfile out;
};

/* ------------------------------------------------------------------- chunks */

static int complain_box(const struct box *b, const char *what)
{
	complain("%s: %s", b->name, what);
	return -1;
}

/* The key is of this process.  False: it has to be sent. */
static bool work_here(const struct box *b, struct flow_chunk *c,
		      const uint8_t *nonce)
{
	struct crypt *k = b->c;
	int64_t n;

	if (k->not_here)
		return false;
	n = (k->decrypts ? ukcf_decrypt : ukcf_encrypt)(
		k->u, k->mech.id, b->key, nonce, b->head.nonce_len,
		b->head.bytes, file_head_len(&b->head), c->data, c->len,
		c->own, c->out.len);
	k->not_here = ukcf_last_call()->where != UKCF_WHERE_CALLER;
	if (k->not_here)
		return false;
	flow_settle(c, n);
	return true;
}

static int send_chunk(struct flow *f, struct flow_job *j, struct flow_chunk *c)
{
	struct box *b = (struct box *)j;
	const struct crypt *k = b->c;
	uint8_t nonce[UKCF_PARAM_MAX];
	struct ukcf_sqe sqe = { 0 };
	uint64_t at;
	int err;

	if (!b->begun)
		b->first = c->at;
	b->begun = true;
	at = c->at - b->first;
	if (at >= FILE_CHUNKS_MAX)
		return complain_box(b, "too long for one file; split it");
	/* the empty chunk is that of an empty file */
	if (k->decrypts && c->len < b->head.tag_len + (at > 0)) {
		flow_settle(c, -EBADMSG);
		return 0;
	}
	file_chunk_nonce(&b->head, at, c->last, nonce);
	c->in.len = (uint32_t)c->len;
	c->out.len = (uint32_t)(k->decrypts ? c->len - b->head.tag_len :
					      c->len + b->head.tag_len);
	/* The daemon does not wait for this one, and nor do we for it. */
	if (flow_is_busy(f) && work_here(b, c, nonce))
		return 0;
	err = (k->decrypts ? ukcf_prep_decrypt : ukcf_prep_encrypt)(
		flow_ring(f), &sqe, k->mech.id, b->key, nonce,
		b->head.nonce_len, b->bound, c->in, c->out);
	if (!err)
		return flow_send(f, c, &sqe);
	complain_call(b->name, err);
	return -1;
}

/* Would it be authentic if it were the last, or not the last? */
static bool is_authentic(const struct box *b, const struct flow_chunk *c,
			 bool last)
{
	uint8_t nonce[UKCF_PARAM_MAX];
	uint8_t *plain = malloc(c->len);
	int64_t n = -ENOMEM;

	if (plain && c->len >= b->head.tag_len) {
		file_chunk_nonce(&b->head, c->at - b->first, last, nonce);
		n = ukcf_decrypt(b->c->u, b->c->mech.id, b->key, nonce,
				 b->head.nonce_len, b->head.bytes,
				 file_head_len(&b->head), c->data, c->len,
				 plain, c->len);
		secmem_wipe(plain, c->len);
	}
	free(plain);
	return n >= 0;
}

static int complain_chunk(const struct box *b, const struct flow_chunk *c)
{
	uint64_t at = (c->at - b->first) * file_head_chunk(&b->head);

	if (c->res != -EBADMSG)
		complain_result(b->name, c->res, c->detail);
	else if (c->last && (c->len < b->head.tag_len + (at > 0) ||
			     is_authentic(b, c, false)))
		complain("%s: cut short: its end is missing, after about "
			 "%llu bytes", b->name, (unsigned long long)at);
	else if (!c->last && is_authentic(b, c, true))
		complain("%s: not authentic: something follows its end",
			 b->name);
	else
		complain("%s: not authentic: it was changed, or cut, behind "
			 "byte %llu of what was encrypted", b->name,
			 (unsigned long long)at);
	return -1;
}

static int take_chunk(struct flow *f, struct flow_job *j,
		      const struct flow_chunk *c)
{
	struct box *b = (struct box *)j;

	(void)f;
	if (c->res < 0)
		return complain_chunk(b, c);
	return outfile_write(&b->out, c->result, (size_t)c->res);
}

/* ------------------------------------------------------------------- header */

static int randomize(struct crypt *c, void *to, size_t len)
{
	int64_t n = ukcf_random(c->u, to, len);

	if (n == (int64_t)len)
		return 0;
	complain_call("random bytes", n < 0 ? n : -EIO);
	return -1;
}

/* A new file's key, and the header that holds it. */
static int seal_head(struct box *b)
{
	struct crypt *c = b->c;
	const size_t key_len = c->info.bits / 8;
	const struct ukcf_key k = { c->info.id };
	int64_t n;

	file_head_make(&b->head, &c->mech, key_len, FILE_ORDER);
	if (randomize(c, file_head_nonce(&b->head), b->head.nonce_len) ||
	    randomize(c, c->file_key, key_len))
		return -1;
	n = ukcf_encrypt(c->u, c->mech.id, k, file_head_nonce(&b->head),
			 b->head.nonce_len, b->head.bytes,
			 file_head_bound(&b->head), c->file_key, key_len,
			 file_head_key(&b->head), key_len + b->head.tag_len);
	if (n >= 0)
		return 0;
	complain_call(c->info.name, n);
	return -1;
}

static int check_mech(const struct box *b)
{
	const struct ukcf_page_mech *m = &b->c->mech;

	if (strcmp(b->head.mech, m->name) != 0) {
		/* from outside: only what a name may hold */
		complain("%s: encrypted by %.*s, and key %s is of %s; "
			 "'cryptoctl key list' shows your keys", b->name,
			 (int)strspn(b->head.mech, "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-_."), b->head.mech,
			 b->c->info.name, m->name);
		return -1;
	}
	if (b->head.nonce_len != m->nonce_len ||
	    b->head.tag_len != m->tag_max ||
	    b->head.key_len != b->c->info.bits / 8)
		return complain_box(b, "not authentic: its header was "
				       "changed, or it was encrypted by a key "
				       "of another size");
	return 0;
}

static int open_head(struct box *b)
{
	struct crypt *c = b->c;
	const struct ukcf_key k = { c->info.id };
	uint8_t *bytes = b->head.bytes;
	ssize_t got = flow_read(b->job.fd, b->job.path, bytes, FILE_HEAD_FIXED);
	size_t rest;
	int64_t n;

	if (got < 0 || file_head_parse(&b->head, (size_t)got, b->name) < 0 ||
	    check_mech(b) < 0)
		return -1;
	rest = file_head_len(&b->head) - FILE_HEAD_FIXED;
	got = flow_read(b->job.fd, b->job.path, bytes + FILE_HEAD_FIXED, rest);
	if (got < 0)
		return -1;
	if ((size_t)got < rest)
		return complain_box(b, "cut short: its header is not whole");
	n = ukcf_decrypt(c->u, c->mech.id, k, file_head_nonce(&b->head),
			 b->head.nonce_len, bytes, file_head_bound(&b->head),
			 file_head_key(&b->head),
			 b->head.key_len + b->head.tag_len, c->file_key,
			 FILE_KEY_MAX);
	if (n == (int64_t)b->head.key_len)
		return 0;
	if (n == -EBADMSG)
		complain("%s: not authentic: its header was changed, or it was "
			 "encrypted by another key than %s", b->name,
			 c->info.name);
	else
		complain_call(c->info.name, n < 0 ? n : -EIO);
	return -1;
}

/* --------------------------------------------------------------------- file */

/* Room for chunks as the header has them; files of one command share it. */
static int make_room(struct box *b)
{
	struct crypt *c = b->c;
	const size_t unit = file_head_chunk(&b->head) + b->head.tag_len;

	if (unit > c->unit) {
		flow_close(c->flow);
		c->flow = flow_open(c->u, unit, unit);
		c->unit = c->flow ? unit : 0;
	}
	if (!c->flow)
		return -1;
	b->bound = flow_common(c->flow, b->head.bytes, file_head_len(&b->head));
	b->job.unit = c->decrypts ? unit : file_head_chunk(&b->head);
	return 0;
}

static int take_file_key(struct box *b)
{
	struct crypt *c = b->c;
	int err = ukcf_key_local(c->u, c->mech.id,
				 c->decrypts ? UKCF_USE_DECRYPT :
					       UKCF_USE_ENCRYPT,
				 c->file_key, b->head.key_len, &b->key);

	secmem_wipe(c->file_key, FILE_KEY_MAX);
	if (!err)
		return 0;
	complain_call("the file's key", err);
	return -1;
}

static int write_out(struct box *b)
{
	int err = 0;

	if (!b->c->decrypts)
		err = outfile_write(&b->out, b->head.bytes,
				    file_head_len(&b->head));
	if (!err) {
		progress_begin(b->name, input_size(b->job.fd));
		err = flow_run(b->c->flow, &b->job);
		progress_end();
	}
	if (!err)
		return outfile_commit(&b->out);
	if (!outfile_drop(&b->out))
		b->c->partial = b->c->decrypts;
	return -1;
}

static int crypt_opened(struct box *b, const char *out, unsigned int flags)
{
	int err = b->c->decrypts ? open_head(b) : seal_head(b);

	if (err || make_room(b) < 0 || take_file_key(b) < 0)
		return -1;
	err = outfile_open(&b->out, out, flags);
	if (!err)
		err = write_out(b);
	if (ukcf_key_destroy(b->c->u, b->key) < 0 && !err)
		complain("%s: the daemon keeps its key until this command "
			 "ends", b->name);
	return err;
}

/* path and out: NULL is standard input and output. */
static int crypt_file(struct crypt *c, const char *path, const char *out,
		      unsigned int flags)
{
	struct box b = {
		.job = { .path = path, .send = send_chunk, .take = take_chunk },
		.c = c,
		.name = input_name(path),
	};
	int err;

	b.job.fd = input_open(path);
	if (b.job.fd < 0)
		return -1;
	err = crypt_opened(&b, out, flags);
	input_close(b.job.fd);
	return err;
}

/* ----------------------------------------------------------------- commands */

static bool is_folder(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* FOLDER/NAME.ukcf of FOLDER and .../NAME, or the other way round. */
static int name_in(const struct crypt *c, const char *folder, const char *path,
		   char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const size_t len = strlen(name), end = strlen(SUFFIX);
	bool ends = len > end && strcmp(name + len - end, SUFFIX) == 0;
	int n;

	if (strcmp(path, "-") == 0) {
		complain("standard input has no name; -o names a file for it");
		return -1;
	}
	if (c->decrypts && !ends) {
		complain("%s: does not end in " SUFFIX "; -o names a file for "
			 "it", path);
		return -1;
	}
	n = snprintf(out, PATH_MAX, "%s/%.*s%s", folder,
		     (int)(c->decrypts ? len - end : len), name,
		     c->decrypts ? "" : SUFFIX);
	if (n < PATH_MAX)
		return 0;
	complain("%s: the name is too long", path);
	return -1;
}

static enum status each_file(const struct invocation *in, struct crypt *c)
{
	const char *o = in->value['o'];
	const unsigned int flags = out_flags(in);
	bool folder = is_folder(o), failed = false;
	char out[PATH_MAX];

	if (!folder)
		failed = crypt_file(c, in->n_args ? in->args[0] : NULL, o,
				    flags) < 0;
	for (int i = 0; folder && i < in->n_args; i++)
		if (name_in(c, o, in->args[i], out) < 0 ||
		    crypt_file(c, in->args[i], out, flags) < 0)
			failed = true;
	if (!failed)
		return STATUS_DONE;
	return c->partial ? STATUS_PARTIAL : STATUS_FAILED;
}

static bool is_pke(const struct crypt *c)
{
	return UKCF_MECH_CLASS(c->info.mech) == UKCF_CLASS_PKE;
}

static enum status one_message(const struct invocation *in, struct crypt *c)
{
	if (in->n_args > 1 || is_folder(in->value['o'])) {
		complain("%s: a key of its kind takes one message at a time",
			 c->info.name);
		return STATUS_USAGE;
	}
	return pke_message(c->u, &c->info, c->decrypts,
			   in->n_args ? in->args[0] : NULL, in->value['o'],
			   out_flags(in)) ?
		       STATUS_FAILED :
		       STATUS_DONE;
}

static int prepare(const struct invocation *in, struct crypt *c)
{
	c->u = connect_daemon();
	if (!c->u)
		return -1;
	if (key_find(c->u, in->value['k'], &c->info) < 0)
		return -1;
	if (is_pke(c))
		return 0;
	if (key_of_class(c->u, in->value['k'], UKCF_CLASS_AEAD,
			 "encrypt and authenticate", &c->info, &c->mech) < 0)
		return -1;
	if ((c->info.flags & UKCF_KEY_DAEMON_NONCE) && !c->decrypts) {
		complain("key %s encrypts with nonces of the daemon's only, "
			 "and a file has one of its own; use a key that was "
			 "made without --daemon-nonces", c->info.name);
		return -1;
	}
	if (c->mech.aad_max < FILE_HEAD_FIXED ||
	    (c->mech.flags & UKCF_PAGE_MECH_CHUNKS)) {
		complain("%s: does not encrypt files: it cannot bind them to "
			 "their headers; a key of xchacha20-poly1305 or "
			 "aes-256-gcm can", c->mech.name);
		return -1;
	}
	if (c->info.bits / 8 > FILE_KEY_MAX || c->mech.tag_max > FILE_TAG_MAX ||
	    c->mech.nonce_len < 6 || c->mech.nonce_len > UKCF_PARAM_MAX) {
		complain("%s: its sizes are not those of ukcf-file(5)",
			 c->mech.name);
		return -1;
	}
	c->file_key = secmem_alloc(FILE_KEY_MAX);
	if (c->file_key)
		return 0;
	complain_call("locked memory", -ENOMEM);
	return -1;
}

static enum status run(const struct invocation *in, bool decrypts)
{
	const char *o = in->value['o'];
	struct crypt c = { .decrypts = decrypts };
	enum status status = STATUS_FAILED;

	if (is_folder(o) ? !in->n_args : in->n_args > 1) {
		complain(in->n_args ? "several files: -o has to name a folder" :
				      "-o names a folder: which files?");
		return STATUS_USAGE;
	}
	if (outfile_check(o, out_flags(in)) < 0)
		return STATUS_FAILED;
	if (prepare(in, &c) == 0)
		status = is_pke(&c) ? one_message(in, &c) : each_file(in, &c);
	flow_close(c.flow);
	secmem_free(c.file_key, FILE_KEY_MAX);
	ukcf_disconnect(c.u);
	return status;
}

static enum status encrypt_files(struct invocation *in)
{
	return run(in, false);
}

static enum status decrypt_files(struct invocation *in)
{
	return run(in, true);
}

static const struct option_row options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 'o', false, "output", "OUT",
	  "write there: a file, or a folder for FILE" SUFFIX " of each" },
	{ 'f', false, "force", NULL, "replace files that are there" },
	{ 0 },
};

const struct command crypt_commands[] = {
	{ NULL, "encrypt", "-k KEY [-o OUT] [-f] [FILE...]",
	  "encrypt files of any size, in the form of ukcf-file(5)", options, 0,
	  -1, encrypt_files },
	{ NULL, "decrypt", "-k KEY [-o OUT] [-f] [FILE...]",
	  "decrypt them; a file appears only if all of it is authentic",
	  options, 0, -1, decrypt_files },
	{ 0 },
};

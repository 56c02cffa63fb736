/* SPDX-License-Identifier: MIT */
/*
 * encrypt, decrypt: one message.  cryptoctl(1) describes the form:
 *
 *	7 bytes	"ukcfmsg"
 *	1	version, 1
 *	4	id of the mechanism, little-endian
 *	n	nonce, random, as long as the mechanism takes it
 *	...	ciphertext, tag
 *
 * All before the ciphertext is authenticated as additional data.
 *
 * With a key of class PKE it is the ciphertext alone, as others write it, and
 * the message is shorter than the modulus.
 */
#include "tools/cryptoctl.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/mech-table.h"
#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/output.h"

#define FIXED 12 /* bytes before the nonce */
#define HEAD_MAX (FIXED + UKCF_PARAM_MAX)
#define TAG_MAX 64
#define PKE_ROOM 512 /* what RSA wants, whatever it makes */

#define LIMIT "a message goes to the daemon whole; split it"

static const uint8_t magic[8] = { 'u', 'k', 'c', 'f', 'm', 's', 'g', 1 };

/* A message, the key for it, and the result. */
struct crypt {
	struct ukcf *u;
	struct ukcf_key_info info;
	struct ukcf_key key;
	struct ukcf_page_mech mech;
	size_t head; /* bytes before the ciphertext */
	struct message in;
	uint8_t *out;
	size_t room; /* bytes allocated */
};

static bool is_pke(const struct crypt *c)
{
	return UKCF_MECH_CLASS(c->mech.id) == UKCF_CLASS_PKE;
}

static int find_key(const struct invocation *in, struct crypt *c)
{
	const char *name = in->value['k'];

	if (key_find(c->u, name, &c->info) < 0)
		return -1;
	if (UKCF_MECH_CLASS(c->info.mech) == UKCF_CLASS_PKE)
		return key_of_class(c->u, name, UKCF_CLASS_PKE, "encrypt",
				    &c->info, &c->mech);
	return key_of_class(c->u, name, UKCF_CLASS_AEAD,
			    "encrypt and authenticate", &c->info, &c->mech);
}

static int prepare(const struct invocation *in, size_t limit, struct crypt *c)
{
	*c = (struct crypt){ .u = connect_daemon() };
	if (!c->u)
		return -1;
	if (find_key(in, c) < 0)
		return -1;
	c->key.id = c->info.id;
	c->head = is_pke(c) ? 0 : FIXED + (size_t)c->mech.nonce_len;
	if (c->mech.nonce_len > UKCF_PARAM_MAX) {
		complain("%s: its nonce is too long for this form",
			 c->mech.name);
		return -1;
	}
	if (input_whole(in->n_args ? in->args[0] : NULL, limit, LIMIT, &c->in))
		return -1;
	c->room = c->in.len + HEAD_MAX + TAG_MAX + PKE_ROOM;
	c->out = malloc(c->room);
	if (c->out)
		return 0;
	complain("no memory for %zu bytes", c->room);
	return -1;
}

static void release(struct crypt *c)
{
	if (c->out)
		secmem_wipe(c->out, c->room);
	free(c->out);
	message_free(&c->in);
	ukcf_disconnect(c->u);
}

static const uint8_t *nonce_at(const struct crypt *c, const uint8_t *message)
{
	return c->mech.nonce_len ? message + FIXED : NULL;
}

static int make_head(struct crypt *c)
{
	uint32_t id = htole32(c->mech.id);
	int64_t n;

	memcpy(c->out, magic, sizeof(magic));
	memcpy(c->out + sizeof(magic), &id, sizeof(id));
	n = ukcf_random(c->u, c->out + FIXED, c->mech.nonce_len);
	if (n == c->mech.nonce_len)
		return 0;
	complain_call("a random nonce", n < 0 ? n : -EIO);
	return -1;
}

static int seal(const struct invocation *in, struct crypt *c)
{
	int64_t n;

	if (!is_pke(c) && make_head(c) < 0)
		return -1;
	n = ukcf_encrypt(c->u, c->mech.id, c->key, nonce_at(c, c->out),
			 c->mech.nonce_len, c->out, c->head, c->in.data,
			 c->in.len, c->out + c->head, c->room - c->head);
	if (n < 0) {
		complain_call(c->info.name, n);
		return -1;
	}
	return output_write(in->value['o'], c->out, c->head + (size_t)n, false);
}

/* Is this the form, and of this key's mechanism? */
static int check_head(const struct crypt *c, const char *name)
{
	const size_t known = sizeof(magic) - 1;
	const struct mech_row *row;
	uint32_t id;

	if (c->in.len < FIXED || memcmp(c->in.data, magic, known) != 0) {
		complain("%s: not a message of 'cryptoctl encrypt'", name);
		return -1;
	}
	if (c->in.data[known] != magic[known]) {
		complain("%s: of version %u, which this cryptoctl does not "
			 "know; a newer one may", name, c->in.data[known]);
		return -1;
	}
	memcpy(&id, c->in.data + sizeof(magic), sizeof(id));
	id = le32toh(id);
	if (id != c->mech.id) {
		row = mech_row_by_id(id);
		complain("%s: encrypted by %s, and key %s is of %s; 'cryptoctl "
			 "key list' shows your keys", name,
			 row ? row->name : "an unknown mechanism",
			 c->info.name, c->mech.name);
		return -1;
	}
	if (c->in.len >= c->head + c->mech.tag_max)
		return 0;
	complain("%s: cut short: %zu bytes do not hold a message", name,
		 c->in.len);
	return -1;
}

static int open_message(const struct invocation *in, struct crypt *c)
{
	const char *name = input_name(in->n_args ? in->args[0] : NULL);
	int64_t n;

	if (!is_pke(c) && check_head(c, name) < 0)
		return -1;
	n = ukcf_decrypt(c->u, c->mech.id, c->key, nonce_at(c, c->in.data),
			 c->mech.nonce_len, c->in.data, c->head,
			 c->in.data + c->head, c->in.len - c->head, c->out,
			 c->room);
	if (n == -EBADMSG) {
		complain("%s: not authentic: it was changed or cut, or "
			 "encrypted by another key than %s", name,
			 c->info.name);
		return -1;
	}
	if (n < 0) {
		complain_call(c->info.name, n);
		return -1;
	}
	return output_write(in->value['o'], c->out, (size_t)n, false);
}

static enum status run(const struct invocation *in, size_t limit,
		       int (*work)(const struct invocation *, struct crypt *))
{
	struct crypt c;
	int err = output_check(in->value['o']);

	if (err)
		return STATUS_FAILED;
	err = prepare(in, limit, &c);
	if (!err)
		err = work(in, &c);
	release(&c);
	return err ? STATUS_FAILED : STATUS_DONE;
}

static enum status encrypt_message(struct invocation *in)
{
	return run(in, UKCF_ONESHOT_MAX, seal);
}

static enum status decrypt_message(struct invocation *in)
{
	return run(in, UKCF_ONESHOT_MAX + HEAD_MAX + TAG_MAX, open_message);
}

static const struct option_row options[] = {
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 'o', false, "output", "OUT", "write there, not to standard output" },
	{ 0 },
};

const struct command crypt_commands[] = {
	{ NULL, "encrypt", "-k KEY [-o OUT] [FILE]",
	  "encrypt one message of up to 64 MiB",
	  options, 0, 1, encrypt_message },
	{ NULL, "decrypt", "-k KEY [-o OUT] [FILE]",
	  "decrypt it; nothing is written unless it is authentic", options, 0,
	  1, decrypt_message },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
#include "tools/pke-message.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/input.h"
#include "tools/output.h"

#define RSA_ROOM 512 /* of the largest modulus; wanted, whatever is made */
#define ANOTHER "for more, encrypt a key of another mechanism with it"

/* What a key takes, in bytes, and where that comes from. */
struct limits {
	size_t in, out;
	const char *why;
};

static int find_limits(struct ukcf *u, const struct ukcf_key_info *info,
		       bool decrypts, struct limits *l)
{
	struct ukcf_page_mech m;
	int err = ukcf_mech_info(u, info->mech, &m);

	if (err) {
		complain_call(info->name, err);
		return -1;
	}
	*l = (struct limits){ RSA_ROOM, RSA_ROOM,
			      "such a key takes one short message; " ANOTHER };
	if (m.flags & UKCF_PAGE_MECH_BY_KEY)
		return 0;
	/* The daemon holds input and output whole. */
	*l = (struct limits){ UKCF_ONESHOT_MAX, UKCF_ONESHOT_MAX,
			      "such a key takes one message, which the daemon "
			      "holds whole; " ANOTHER };
	if (!decrypts)
		l->in -= m.growth;
	return 0;
}

static int64_t run(struct ukcf *u, const struct ukcf_key_info *info,
		   bool decrypts, const struct message *in, uint8_t *out,
		   size_t room)
{
	const struct ukcf_key key = { info->id };

	return (decrypts ? ukcf_decrypt : ukcf_encrypt)(
		u, info->mech, key, NULL, 0, NULL, 0, in->data, in->len, out,
		room);
}

/* No result is longer than its message but by this. */
static size_t room_for(const struct limits *l, size_t len)
{
	return l->out < len + RSA_ROOM ? l->out : len + RSA_ROOM;
}

int pke_message(struct ukcf *u, const struct ukcf_key_info *info,
		bool decrypts, const char *path, const char *out,
		unsigned int flags)
{
	struct message in = { 0 };
	struct limits limits;
	uint8_t *result;
	size_t room;
	int64_t n;
	int err = -1;

	if (find_limits(u, info, decrypts, &limits) < 0 ||
	    input_whole(path, limits.in, limits.why, &in))
		return -1;
	room = room_for(&limits, in.len);
	result = malloc(room);
	n = result ? run(u, info, decrypts, &in, result, room) : -ENOMEM;
	if (n >= 0)
		err = output_write(out, result, (size_t)n, flags);
	else if (n == -EBADMSG)
		complain("%s: not authentic: it was changed or cut, or "
			 "encrypted by another key than %s",
			 input_name(path), info->name);
	else
		complain_call(info->name, n);
	if (result)
		secmem_wipe(result, room);
	free(result);
	message_free(&in);
	return err;
}

/* SPDX-License-Identifier: MIT */
#include "tools/pke-message.h"

#include <errno.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/input.h"
#include "tools/output.h"

#define ROOM 512 /* of the largest modulus; RSA wants it, whatever it makes */
#define WHY "such a key takes one short message; for more, encrypt a key of " \
	    "another mechanism with it"

static int64_t run(struct ukcf *u, const struct ukcf_key_info *info,
		   bool decrypts, const struct message *in, uint8_t out[ROOM])
{
	const struct ukcf_key key = { info->id };

	return (decrypts ? ukcf_decrypt : ukcf_encrypt)(
		u, info->mech, key, NULL, 0, NULL, 0, in->data, in->len, out,
		ROOM);
}

int pke_message(struct ukcf *u, const struct ukcf_key_info *info,
		bool decrypts, const char *path, const char *out,
		unsigned int flags)
{
	uint8_t result[ROOM];
	struct message in = { 0 };
	int64_t n;
	int err = -1;

	if (input_whole(path, ROOM, WHY, &in))
		return -1;
	n = run(u, info, decrypts, &in, result);
	if (n >= 0)
		err = output_write(out, result, (size_t)n, flags);
	else if (n == -EBADMSG)
		complain("%s: not authentic: it was changed or cut, or "
			 "encrypted by another key than %s",
			 input_name(path), info->name);
	else
		complain_call(info->name, n);
	secmem_wipe(result, sizeof(result));
	message_free(&in);
	return err;
}

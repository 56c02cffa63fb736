/* SPDX-License-Identifier: MIT */
/* random: raw bytes. */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <stdint.h>

#include "lib/shared/secmem.h"
#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/operands.h"
#include "tools/output.h"

#define CHUNK 65536u

static int write_random(struct ukcf *u, uint64_t left)
{
	static uint8_t chunk[CHUNK];
	int err = 0;

	while (left > 0 && !err) {
		size_t want = left < CHUNK ? (size_t)left : CHUNK;
		int64_t n = ukcf_random(u, chunk, want);

		if (n != (int64_t)want) {
			complain_call("random", n < 0 ? n : -EIO);
			err = -1;
		} else {
			err = output_stream(chunk, want);
		}
		left -= want;
	}
	secmem_wipe(chunk, sizeof(chunk));
	return err;
}

static enum status random_bytes(struct invocation *in)
{
	struct ukcf *u;
	uint64_t n;
	int err;

	if (operands_size("random", in->args[0], &n) < 0)
		return STATUS_USAGE;
	if (outfile_check(NULL, 0) < 0)
		return STATUS_FAILED;
	u = connect_daemon();
	if (!u)
		return STATUS_FAILED;
	err = write_random(u, n);
	ukcf_disconnect(u);
	return err ? STATUS_FAILED : STATUS_DONE;
}

const struct command random_commands[] = {
	{ NULL, "random", "N", "N random bytes; 64K, 1MiB, ...", NULL, 1, 1, random_bytes },
	{ 0 },
};

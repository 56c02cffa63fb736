/* SPDX-License-Identifier: MIT */
/*
 * Owns operations over files of any size that go to the daemon in parts:
 * digests, MACs, signatures.
 */
#ifndef TOOLS_PARTS_H
#define TOOLS_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

struct flow;

/**
 * struct parts - an operation over one file
 * @flow: made when it is first needed, and kept for the next; parts_close()
 * @op: UKCF_OP_DIGEST, MAC or SIGN, which have a result; or VERIFY
 * @key: UKCF_KEY_NONE for a digest
 * @tag, @tag_len: VERIFY: the signature
 * @detail: of a result that is an error
 */
struct parts {
	struct ukcf *u;
	struct flow *flow;
	enum ukcf_op op;
	uint32_t mech;
	struct ukcf_key key;
	const void *tag;
	size_t tag_len;
	unsigned int detail;
};

#define PARTS_RESULT_MAX 4096 /* bytes */

/*
 * All of a file that is open, with the line of progress.
 * @result: room for PARTS_RESULT_MAX bytes; NULL for VERIFY
 * Return: bytes of result; a negative errno value that the daemon gave, about
 * which nothing was said, -EOPNOTSUPP with detail UKCF_DETAIL_PART_OP or
 * UKCF_DETAIL_NO_PROVIDER among them: it does not do this in parts, and
 * nothing was read; or PARTS_SAID after a complaint.
 */
int64_t parts_run(struct parts *p, int fd, const char *path, uint8_t *result);
#define PARTS_SAID INT64_MIN

void parts_close(struct parts *p);

#endif

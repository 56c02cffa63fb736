/* SPDX-License-Identifier: MIT */
/*
 * Owns the beginning of an encrypted file, ukcf-file(5), and the nonces of its
 * chunks.
 */
#ifndef TOOLS_FILE_HEAD_H
#define TOOLS_FILE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/ukcf.h>

#define FILE_KEY_MAX 64	 /* bytes of a file's key */
#define FILE_TAG_MAX 64	 /* bytes of a tag */
#define FILE_HEAD_FIXED 48 /* bytes before the nonce */
#define FILE_HEAD_MAX \
	(FILE_HEAD_FIXED + UKCF_PARAM_MAX + FILE_KEY_MAX + FILE_TAG_MAX)
#define FILE_CHUNKS_MAX (UINT64_C(1) << 32)

/* Logarithms of the bytes of plaintext in a chunk. */
#define FILE_ORDER 18
#define FILE_ORDER_MIN 12
#define FILE_ORDER_MAX 20

/** struct file_head - a header: its bytes, and what they say */
struct file_head {
	uint8_t bytes[FILE_HEAD_MAX];
	size_t nonce_len, key_len, tag_len;
	unsigned int order;
	char mech[UKCF_NAME_MAX];
};

/* Begin one: all but what depends on the keys. */
void file_head_make(struct file_head *h, const struct ukcf_page_mech *m,
		    size_t key_len, unsigned int order);
/*
 * Judge the first FILE_HEAD_FIXED bytes, of which there are len.
 * @name: of the file, for complaints
 * Return: 0, or -1 after a complaint.
 */
int file_head_parse(struct file_head *h, size_t len, const char *name);

size_t file_head_len(const struct file_head *h);
/* Bytes that are authenticated with the file's key: those before it. */
size_t file_head_bound(const struct file_head *h);
uint8_t *file_head_nonce(struct file_head *h);
/* The file's key, encrypted, and its tag. */
uint8_t *file_head_key(struct file_head *h);

/* Plaintext in a chunk, in bytes. */
size_t file_head_chunk(const struct file_head *h);
/* The nonce of a chunk, as long as the mechanism takes it. */
void file_chunk_nonce(const struct file_head *h, uint64_t at, bool last,
		      uint8_t nonce[UKCF_PARAM_MAX]);

#endif

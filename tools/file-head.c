/* SPDX-License-Identifier: MIT */
/*
 *	8 bytes	"ukcffile"
 *	1	version, 1
 *	1	logarithm of the bytes of plaintext in a chunk
 *	1	n, bytes of a nonce
 *	1	k, bytes of a key
 *	1	t, bytes of a tag
 *	3	0
 *	32	name of the mechanism, filled up with 0
 *	n	nonce of the file's key, random
 *	k	the file's key, encrypted
 *	t	its tag, over all bytes before it
 */
#include "tools/file-head.h"

#include <string.h>

#include "tools/complain.h"

#define FORM 1
#define AT_VERSION 8
#define AT_ORDER 9
#define AT_NONCE_LEN 10
#define AT_KEY_LEN 11
#define AT_TAG_LEN 12
#define AT_ZERO 13
#define AT_MECH 16

static const uint8_t magic[AT_VERSION] = { 'u', 'k', 'c', 'f',
					   'f', 'i', 'l', 'e' };

void file_head_make(struct file_head *h, const struct ukcf_page_mech *m,
		    size_t key_len, unsigned int order)
{
	*h = (struct file_head){ .nonce_len = m->nonce_len, .key_len = key_len,
				 .tag_len = m->tag_max, .order = order };
	memcpy(h->mech, m->name, sizeof(h->mech));
	memcpy(h->bytes, magic, sizeof(magic));
	h->bytes[AT_VERSION] = FORM;
	h->bytes[AT_ORDER] = (uint8_t)order;
	h->bytes[AT_NONCE_LEN] = (uint8_t)h->nonce_len;
	h->bytes[AT_KEY_LEN] = (uint8_t)h->key_len;
	h->bytes[AT_TAG_LEN] = (uint8_t)h->tag_len;
	/* strncpy() fills up with zeros */
	strncpy((char *)h->bytes + AT_MECH, m->name, UKCF_NAME_MAX);
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* Are the numbers such as file_head_make() writes for some mechanism? */
static bool is_sound(const struct file_head *h)
{
	const uint8_t *name = h->bytes + AT_MECH;
	size_t len = strnlen((const char *)name, UKCF_NAME_MAX);

	return h->order >= FILE_ORDER_MIN && h->order <= FILE_ORDER_MAX &&
	       h->nonce_len >= 6 && h->nonce_len <= UKCF_PARAM_MAX &&
	       h->key_len >= 1 && h->key_len <= FILE_KEY_MAX &&
	       h->tag_len >= 1 && h->tag_len <= FILE_TAG_MAX &&
	       is_zero(h->bytes + AT_ZERO, AT_MECH - AT_ZERO) && len > 0 &&
	       len < UKCF_NAME_MAX && is_zero(name + len, UKCF_NAME_MAX - len);
}

int file_head_parse(struct file_head *h, size_t len, const char *name)
{
	const uint8_t *b = h->bytes;

	if (len < sizeof(magic) || memcmp(b, magic, sizeof(magic)) != 0) {
		complain("%s: not a file of 'cryptoctl encrypt'", name);
		return -1;
	}
	if (len < FILE_HEAD_FIXED) {
		complain("%s: cut short: %zu bytes do not hold a header", name,
			 len);
		return -1;
	}
	if (b[AT_VERSION] != FORM) {
		complain("%s: of version %u, which this cryptoctl does not "
			 "know; a newer one may", name, b[AT_VERSION]);
		return -1;
	}
	h->order = b[AT_ORDER];
	h->nonce_len = b[AT_NONCE_LEN];
	h->key_len = b[AT_KEY_LEN];
	h->tag_len = b[AT_TAG_LEN];
	if (!is_sound(h)) {
		complain("%s: not authentic: its header was changed", name);
		return -1;
	}
	memcpy(h->mech, b + AT_MECH, sizeof(h->mech));
	return 0;
}

size_t file_head_bound(const struct file_head *h)
{
	return FILE_HEAD_FIXED + h->nonce_len;
}

size_t file_head_len(const struct file_head *h)
{
	return file_head_bound(h) + h->key_len + h->tag_len;
}

uint8_t *file_head_nonce(struct file_head *h)
{
	return h->bytes + FILE_HEAD_FIXED;
}

uint8_t *file_head_key(struct file_head *h)
{
	return h->bytes + file_head_bound(h);
}

size_t file_head_chunk(const struct file_head *h)
{
	return (size_t)1 << h->order;
}

/* The number of the chunk, big-endian, and whether it is the last: STREAM of
 * Hoang, Reyhanitabar, Rogaway and Vizar (CRYPTO 2015). */
void file_chunk_nonce(const struct file_head *h, uint64_t at, bool last,
		      uint8_t nonce[UKCF_PARAM_MAX])
{
	size_t i = h->nonce_len - 1;

	memset(nonce, 0, UKCF_PARAM_MAX);
	nonce[i] = last;
	while (i-- > 0 && at) {
		nonce[i] = (uint8_t)at;
		at >>= 8;
	}
}

/* SPDX-License-Identifier: MIT */
#include "providers/shared/der-put.h"

#include <string.h>

#define INTEGER 0x02

size_t der_put_header(uint8_t *at, uint8_t tag, size_t len)
{
	size_t n = 0;

	at[n++] = tag;
	if (len >= 0x100) {
		at[n++] = 0x82;
		at[n++] = (uint8_t)(len >> 8);
	} else if (len >= 0x80) {
		at[n++] = 0x81;
	}
	at[n++] = (uint8_t)len;
	return n;
}

size_t der_put_number(uint8_t *at, struct ukcf_bytes b)
{
	size_t zero = b.data[0] >> 7;
	size_t n = der_put_header(at, INTEGER, b.len + zero);

	if (zero)
		at[n++] = 0;
	memcpy(at + n, b.data, b.len);
	return n + b.len;
}

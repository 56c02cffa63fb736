/* SPDX-License-Identifier: MIT */
/* See vector.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/vector.h"

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int kat_field_hex(struct kat_vector *v, enum kat_field f, const char *hex)
{
	struct kat_bytes *b = &v->f[f];
	size_t n = strlen(hex);

	free(b->data);
	*b = (struct kat_bytes){ NULL, 0 };
	if (n % 2)
		return -EINVAL;
	if (n == 0)
		return 0;
	b->data = malloc(n / 2);
	if (!b->data)
		return -ENOMEM;
	b->len = n / 2;
	for (size_t i = 0; i < b->len; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		b->data[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

int kat_field_extend(struct kat_vector *v, enum kat_field f, size_t len)
{
	struct kat_bytes *b = &v->f[f];
	uint8_t *p;

	if (b->len >= len)
		return 0;
	p = realloc(b->data, len);
	if (!p)
		return -ENOMEM;
	memset(p + b->len, 0, len - b->len);
	*b = (struct kat_bytes){ p, len };
	return 0;
}

void kat_vector_free(struct kat_vector *v)
{
	for (unsigned int i = 0; i < KAT_FIELDS; i++)
		free(v->f[i].data);
	memset(v->f, 0, sizeof(v->f));
}

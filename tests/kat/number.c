/* SPDX-License-Identifier: MIT */
/* See number.h. */
#include "tests/kat/number.h"

#include <ctype.h>
#include <string.h>

const char *number_digits(const char *hex)
{
	while (*hex == '0')
		hex++;
	return hex;
}

bool number_hex(const char *hex, size_t n, struct number *to)
{
	size_t len;

	hex = number_digits(hex);
	len = strlen(hex);
	if (len > 2 * n || 2 * n >= sizeof(to->hex))
		return false;
	memset(to->hex, '0', 2 * n - len);
	memcpy(to->hex + 2 * n - len, hex, len + 1);
	return true;
}

size_t number_bits(const char *hex)
{
	const char *d = number_digits(hex);
	size_t bits = 4 * strlen(d);
	int top = isdigit((unsigned char)*d) ? *d - '0' : 8;

	return *d ? bits - (top >= 8 ? 0u : top >= 4 ? 1u : top >= 2 ? 2u : 3u) :
		    0;
}

bool number_is_small_exponent(const char *hex)
{
	return number_bits(hex) < 17;
}

/* "82" "0101" before that many bytes */
static void put_length(char *to, size_t len)
{
	if (len < 0x80)
		sprintf(to, "%02zx", len);
	else if (len < 0x100)
		sprintf(to, "81%02zx", len);
	else
		sprintf(to, "82%04zx", len);
}

static bool add_integer(char *to, size_t size, const char *hex)
{
	const char *d = number_digits(hex);
	size_t bytes = number_bits(hex) / 8 + 1, len = strlen(to);
	char length[24];

	put_length(length, bytes);
	if (len + 2 * bytes + 10 > size)
		return false;
	to += len;
	to += sprintf(to, "02%s", length);
	for (size_t i = strlen(d); i < 2 * bytes; i++)
		*to++ = '0';
	strcpy(to, d);
	return true;
}

bool number_sequence(const char *const *hex, size_t n, struct number *to)
{
	static char inner[sizeof(to->hex) - 32]; /* room for what is around */
	char length[24];

	inner[0] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!add_integer(inner, sizeof(inner) - 16, hex[i]))
			return false;
	put_length(length, strlen(inner) / 2);
	snprintf(to->hex, sizeof(to->hex), "30%s%s", length, inner);
	return true;
}

bool number_is_rsa(const char *modulus, const char *exponent, char *reason,
		   size_t size)
{
	size_t bits = number_bits(modulus);

	if (bits != 2048 && bits != 3072 && bits != 4096)
		snprintf(reason, size, "keys of %zu bits are refused here", bits);
	else if (number_is_small_exponent(exponent))
		snprintf(reason, size,
			 "public exponents below 65537 are refused here");
	else
		return true;
	return false;
}

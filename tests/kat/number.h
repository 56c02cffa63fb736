/* SPDX-License-Identifier: MIT */
/* Owns numbers as vectors write them, in hex with any number of zeros before,
 * and the forms in which keys want them. */
#ifndef TESTS_KAT_NUMBER_H
#define TESTS_KAT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct number {
	char hex[8192];
};

/* From the first digit that is not 0. */
const char *number_digits(const char *hex);
size_t number_bits(const char *hex);
/* As n bytes; false: it has more. */
bool number_hex(const char *hex, size_t n, struct number *to);
/* DER: SEQUENCE of INTEGERs; false: too long. */
bool number_sequence(const char *const *hex, size_t n, struct number *to);

/* Of RSA, below 65537? */
bool number_is_small_exponent(const char *hex);
/* Is a key with these taken here?  If not, reason says why. */
bool number_is_rsa(const char *modulus, const char *exponent, char *reason,
		   size_t size);

#endif

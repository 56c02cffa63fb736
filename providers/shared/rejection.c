/* SPDX-License-Identifier: MIT */
#include "providers/shared/rejection.h"

#include <string.h>

/* ----------------------------------------------------------- constant time */

/* All ones or zero.  The compiler must not see that there are two. */
static uint32_t mask_of(uint32_t bit)
{
	uint32_t m = 0 - bit;

	__asm__("" : "+r"(m));
	return m;
}

static uint32_t is_zero(uint32_t a)
{
	return mask_of((~a & (a - 1)) >> 31);
}

static uint32_t is_less(uint32_t a, uint32_t b)
{
	return mask_of((a ^ ((a ^ b) | ((a - b) ^ b))) >> 31);
}

static uint32_t choose(uint32_t mask, uint32_t a, uint32_t b)
{
	return (mask & a) | (~mask & b);
}

/* ----------------------------------------------------------- the substitute */

/* HMAC of counter || label || bits wanted, again and again.  len is a multiple
 * of REJECTION_HASH. */
static bool expand(const struct rejection_hash *h, const void *self,
		   const uint8_t seed[REJECTION_HASH], const char *label,
		   uint8_t *out, size_t len)
{
	size_t n = strlen(label);
	uint8_t in[16] = { 0 };
	bool ok = true;

	memcpy(in + 2, label, n);
	in[2 + n] = (uint8_t)(len * 8 >> 8);
	in[3 + n] = (uint8_t)(len * 8);
	for (size_t i = 0; ok && i < len / REJECTION_HASH; i++) {
		in[1] = (uint8_t)i;
		ok = h->hmac(self, seed, (struct ukcf_bytes){ in, n + 4 },
			     out + i * REJECTION_HASH);
	}
	return ok;
}

bool rejection_prepare(const struct rejection_hash *h, const void *self,
		       struct ukcf_bytes d, struct ukcf_bytes ciphertext,
		       struct substitute *s)
{
	uint8_t padded[REJECTION_MODULUS_MAX] = { 0 }, hash[REJECTION_HASH];
	size_t size = ciphertext.len;
	bool ok;

	if (d.len > size || size > sizeof(padded))
		return false;
	memcpy(padded + size - d.len, d.data, d.len);
	ok = h->hash(self, (struct ukcf_bytes){ padded, size }, hash) &&
	     h->hmac(self, hash, ciphertext, s->seed) &&
	     expand(h, self, s->seed, "length", s->lengths,
		    sizeof(s->lengths)) &&
	     expand(h, self, s->seed, "message", s->bytes, size);
	explicit_bzero(padded, sizeof(padded));
	explicit_bzero(hash, sizeof(hash));
	return ok;
}

/* The last of the lengths that fits. */
static uint32_t substitute_length(const struct substitute *s, uint32_t size)
{
	uint32_t end = size - 2 - REJECTION_PS_MIN, mask = end, len = 0;

	for (unsigned int i = 1; i < 16; i *= 2)
		mask |= mask >> i;
	for (unsigned int i = 0; i < REJECTION_TRIALS; i++) {
		uint32_t l = ((uint32_t)s->lengths[2 * i] << 8 |
			      s->lengths[2 * i + 1]) & mask;

		len = choose(is_less(l, end), l, len);
	}
	return len;
}

/* em = 0 || 2 || 8 bytes or more that are not 0 || 0 || message.  All ones if it
 * is; *at is where the message begins. */
static uint32_t is_padded(const uint8_t *em, uint32_t size, uint32_t *at)
{
	uint32_t found = 0, first = 0;
	uint32_t good = is_zero(em[0]) & is_zero(em[1] ^ 2u);

	for (uint32_t i = 2; i < size; i++) {
		uint32_t zero = is_zero(em[i]);

		first = choose(~found & zero, i, first);
		found |= zero;
	}
	*at = first + 1;
	return good & found & ~is_less(first, 2 + REJECTION_PS_MIN);
}

uint32_t rejection_unpad(uint8_t *em, uint32_t size,
			 const struct substitute *s)
{
	uint32_t at, good = is_padded(em, size, &at);

	for (uint32_t i = 0; i < size; i++)
		em[i] = (uint8_t)choose(good, em[i], s->bytes[i]);
	return choose(good, at, size - substitute_length(s, size));
}

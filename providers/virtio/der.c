/* SPDX-License-Identifier: MIT */
#include "providers/virtio/der.h"

#include <string.h>

#include "providers/shared/der-put.h"

#define INTEGER 0x02
#define BIT_STRING 0x03
#define OCTET_STRING 0x04
#define SEQUENCE 0x30

#define SECRET_NUMBERS 8u /* n, e, d, p, q, dp, dq, qinv */
#define E_MAX 8u

/* The length that d begins with, in its shortest form, of at most 65535. */
static bool take_length(struct ukcf_bytes *d, size_t *len)
{
	size_t more, n = 0;

	if (d->len == 0)
		return false;
	more = d->data[0] < 0x80 ? 0 : d->data[0] & 0x7fu;
	if (more > 2 || d->len < 1 + more || d->data[0] == 0x80)
		return false;
	for (size_t i = 1; i <= more; i++)
		n = n << 8 | d->data[i];
	if (more == 0)
		n = d->data[0];
	else if (n < 0x80 || (more == 2 && n < 0x100))
		return false;
	d->data += 1 + more;
	d->len -= 1 + more;
	*len = n;
	return n <= d->len;
}

/* Take an element off the front of d: its content. */
static bool take(struct ukcf_bytes *d, uint8_t tag, struct ukcf_bytes *content)
{
	size_t len;

	if (d->len == 0 || d->data[0] != tag)
		return false;
	d->data++;
	d->len--;
	if (!take_length(d, &len))
		return false;
	*content = (struct ukcf_bytes){ d->data, len };
	d->data += len;
	d->len -= len;
	return true;
}

static bool is_only(struct ukcf_bytes d, uint8_t tag, struct ukcf_bytes *content)
{
	return take(&d, tag, content) && d.len == 0;
}

/* A positive one, in its shortest form. */
static bool take_number(struct ukcf_bytes *d, struct ukcf_bytes *n)
{
	if (!take(d, INTEGER, n) || n->len == 0 || n->data[0] & 0x80)
		return false;
	if (n->data[0] == 0) {
		n->data++;
		n->len--;
		return n->len && n->data[0] & 0x80;
	}
	return true;
}

static bool take_zero(struct ukcf_bytes *d)
{
	struct ukcf_bytes n;

	return take(d, INTEGER, &n) && n.len == 1 && n.data[0] == 0;
}

/* AlgorithmIdentifier { rsaEncryption, NULL } */
static bool take_algorithm(struct ukcf_bytes *d)
{
	static const uint8_t rsa[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
				       0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	struct ukcf_bytes a;

	return take(d, SEQUENCE, &a) && a.len == sizeof(rsa) &&
	       memcmp(a.data, rsa, sizeof(rsa)) == 0;
}

/* The RSAPrivateKey of a PKCS #8, the RSAPublicKey of an X.509. */
static bool unwrap(struct ukcf_bytes *der, bool secret)
{
	struct ukcf_bytes d, inner;

	if (!is_only(*der, SEQUENCE, &d))
		return false;
	if (secret && !take_zero(&d))
		return false;
	if (d.len == 0 || d.data[0] != SEQUENCE)
		return true; /* it is not wrapped */
	if (!take_algorithm(&d) ||
	    !is_only(d, secret ? OCTET_STRING : BIT_STRING, &inner))
		return false;
	if (!secret) { /* no bits are unused */
		if (inner.len == 0 || inner.data[0] != 0)
			return false;
		inner.data++;
		inner.len--;
	}
	*der = inner;
	return true;
}

/* Odd, of a right size; e odd, 65537 at least (FIPS 186-5 A.1.1). */
static bool is_right_size(const struct der_key *k)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	const struct ukcf_bytes *n = &k->n, *e = &k->e;

	if ((n->len != 256 && n->len != 384 && n->len != 512) ||
	    !(n->data[0] & 0x80) || !(n->data[n->len - 1] & 1))
		return false;
	return e->len >= sizeof(f4) && e->len <= E_MAX &&
	       e->data[e->len - 1] & 1 &&
	       (e->len > sizeof(f4) || memcmp(e->data, f4, sizeof(f4)) >= 0);
}

bool der_read(struct ukcf_bytes der, bool secret, struct der_key *k)
{
	struct ukcf_bytes d, rest;

	*k = (struct der_key){ .whole = der };
	if (!unwrap(&k->whole, secret) || !is_only(k->whole, SEQUENCE, &d) ||
	    (secret && !take_zero(&d)) || !take_number(&d, &k->n) ||
	    !take_number(&d, &k->e))
		return false;
	for (unsigned int i = 2; secret && i < SECRET_NUMBERS; i++)
		if (!take_number(&d, i == 2 ? &k->d : &rest))
			return false;
	return d.len == 0 && is_right_size(k);
}

size_t der_put_public(uint8_t *to, const struct der_key *k)
{
	uint8_t numbers[DER_PUBLIC_MAX];
	size_t len = der_put_number(numbers, k->n), head;

	len += der_put_number(numbers + len, k->e);
	head = der_put_header(to, SEQUENCE, len);
	memcpy(to + head, numbers, len);
	return head + len;
}

/* SPDX-License-Identifier: MIT */
/* Owns the writing of DER (X.690): what a provider that has keys of RSA gives
 * away of them. */
#ifndef PROVIDERS_SHARED_DER_PUT_H
#define PROVIDERS_SHARED_DER_PUT_H

#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#define DER_PUT_HEADER 4u /* bytes, the most */

/* Of an element of len bytes, up to 65535.  Return: the header's bytes. */
size_t der_put_header(uint8_t *at, uint8_t tag, size_t len);
/* INTEGER: a positive number, big-endian, not empty.  Return: its bytes, up to
 * b.len + 1 + DER_PUT_HEADER. */
size_t der_put_number(uint8_t *at, struct ukcf_bytes b);

#endif

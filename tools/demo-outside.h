/* SPDX-License-Identifier: MIT */
/*
 * Owns what programs of others say about the demo's results.
 */
#ifndef TOOLS_DEMO_OUTSIDE_H
#define TOOLS_DEMO_OUTSIDE_H

#include <stddef.h>
#include <stdint.h>

enum opinion {
	OPINION_NO = 0,
	OPINION_YES = 1,
	OPINION_NONE = -1, /* there is no such program here */
};

/* Is this the SHA-256 of the file?  Asks sha256sum(1). */
enum opinion outside_sha256(const char *path, const uint8_t digest[32]);
/* Is this the Ed25519 signature of the file?  Asks openssl(1). */
enum opinion outside_ed25519(const char *path, const uint8_t pub[32],
			     const uint8_t sig[64]);

#endif

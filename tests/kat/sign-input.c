/* SPDX-License-Identifier: MIT */
/*
 * Reads sign.input of the authors of Ed25519 (ed25519.cr.yp.to/software.html):
 * lines of "seed || public key : public key : message : signature || message :"
 * in hexadecimal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/vector.h"

#define SEED 64u /* digits */
#define PUB 64u
#define SIG 128u

/* Cut a field of digits off, ended by a colon; NULL: there is none. */
static char *cut(char **rest)
{
	char *field = *rest, *end = strchr(field, ':');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return field;
}

static int read_line(char *line, struct kat_vector *v)
{
	char *secret = cut(&line), *pub = secret ? cut(&line) : NULL;
	char *msg = pub ? cut(&line) : NULL, *sig = msg ? cut(&line) : NULL;
	int err;

	if (!sig || strlen(secret) != SEED + PUB || strlen(pub) != PUB ||
	    strcmp(secret + SEED, pub) != 0 || strlen(sig) < SIG)
		return -EINVAL;
	secret[SEED] = '\0';
	sig[SIG] = '\0';
	err = kat_field_hex(v, KAT_KEY, secret);
	if (!err)
		err = kat_field_hex(v, KAT_CT, pub);
	if (!err)
		err = kat_field_hex(v, KAT_MSG, msg);
	return err ? err : kat_field_hex(v, KAT_TAG, sig);
}

int sign_input_read(FILE *in, const struct kat_sink *sink, char *error,
		    size_t size)
{
	unsigned int n = 0;
	size_t room = 0;
	char *line = NULL;
	int err = 0;

	while (!err && getline(&line, &room, in) > 0) {
		struct kat_vector v = { .kind = KAT_SIGN, .mech = "ed25519" };

		snprintf(v.id, sizeof(v.id), "line %u", ++n);
		err = read_line(line, &v);
		if (err)
			snprintf(error, size, "line %u: not sign.input", n);
		else
			sink->vector(sink->arg, &v);
		kat_vector_free(&v);
	}
	free(line);
	return err;
}

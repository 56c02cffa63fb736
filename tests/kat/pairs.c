/* SPDX-License-Identifier: MIT */
/*
 * Reads NIST CAVP files of key pairs: ECDSA and RSA signatures to verify, ECDH.
 * The form is that of rsp.c, but a value may hold for all records of a section
 * (the modulus), and whether a record is right stands in it: "Result = P", or
 * "F (3 - S changed)".
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kat/number.h"
#include "tests/kat/vector.h"

enum name {
	MSG, QX, QY, R, S, N, E, SHA, SALT, RESULT, SECRET, PEER_X, PEER_Y, Z,
	NAMES
};

static const char *const names[NAMES] = {
	[MSG] = "Msg",	     [QX] = "Qx",	  [QY] = "Qy",
	[R] = "R",	     [S] = "S",		  [N] = "n",
	[E] = "e",	     [SHA] = "SHAAlg",	  [SALT] = "SaltVal",
	[RESULT] = "Result", [SECRET] = "dsIUT",  [PEER_X] = "QsCAVSx",
	[PEER_Y] = "QsCAVSy", [Z] = "Z",
};

struct pairs {
	char *value[NAMES];
	char section[64];
	bool pss;
	unsigned int records;
	const struct kat_sink *sink;
};

static void forget(struct pairs *p, enum name n)
{
	free(p->value[n]);
	p->value[n] = NULL;
}

/* The modulus, and where it stands with it the exponent, hold for a section. */
static void next_record(struct pairs *p)
{
	for (enum name n = 0; n < NAMES; n++)
		if (n != N && n != E)
			forget(p, n);
}

static void skip(struct pairs *p, const char *reason)
{
	p->sink->skip(p->sink->arg, 1, reason);
}

static bool has(const struct pairs *p, enum name n)
{
	return p->value[n] != NULL;
}

static enum kat_verdict verdict(const struct pairs *p)
{
	return has(p, RESULT) && p->value[RESULT][0] == 'F' ? KAT_INVALID :
							      KAT_VALID;
}

/* Two numbers of n bytes behind a prefix. */
static bool join(const char *prefix, const char *a, const char *b, size_t n,
		 struct number *to)
{
	struct number x, y;

	if (!number_hex(a, n, &x) || !number_hex(b, n, &y))
		return false;
	snprintf(to->hex, sizeof(to->hex), "%s%.2000s%.2000s", prefix, x.hex,
		 y.hex);
	return true;
}

static int give(struct pairs *p, struct kat_vector *v)
{
	snprintf(v->id, sizeof(v->id), "record %u: %.60s", p->records,
		 has(p, RESULT) ? p->value[RESULT] : "");
	v->verdict = verdict(p);
	p->sink->vector(p->sink->arg, v);
	kat_vector_free(v);
	return 0;
}

/* ------------------------------------------------------------------ curves */

static const struct curve {
	const char *section;
	const char *mech;
	size_t size;
} curves[] = {
	{ "P-256,SHA-256", "ecdsa-p256-sha2-256", 32 },
	{ "P-384,SHA-384", "ecdsa-p384-sha2-384", 48 },
	{ "EC - SHA256", "ecdh-p256", 32 },
	{ "ED - SHA384", "ecdh-p384", 48 },
};

static const struct curve *curve_of(struct pairs *p)
{
	char reason[128];

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(curves[i].section, p->section) == 0)
			return &curves[i];
	snprintf(reason, sizeof(reason), "no mechanism here for [%s]",
		 p->section);
	skip(p, reason);
	return NULL;
}

static int end_ecdsa(struct pairs *p)
{
	struct kat_vector v = { .kind = KAT_VERIFY };
	const struct curve *c = curve_of(p);
	struct number key, sig;
	int err;

	if (!c)
		return 0;
	if (!join("04", p->value[QX], p->value[QY], c->size, &key) ||
	    !join("", p->value[R], p->value[S], c->size, &sig))
		return -EINVAL;
	v.mech = c->mech;
	err = kat_field_hex(&v, KAT_KEY, key.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_TAG, sig.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_MSG, p->value[MSG]);
	return err ? err : give(p, &v);
}

static int end_ecdh(struct pairs *p)
{
	struct kat_vector v = { .kind = KAT_DERIVE };
	const struct curve *c = curve_of(p);
	struct number peer, secret, shared;
	int err;

	if (!c)
		return 0;
	if (has(p, RESULT) && strstr(p->value[RESULT], "IUT's Static")) {
		skip(p, "what is wrong is not what ECDH looks at: our own "
		     "public key, or that it fits");
		return 0;
	}
	if (!join("04", p->value[PEER_X], p->value[PEER_Y], c->size, &peer) ||
	    !number_hex(p->value[SECRET], c->size, &secret) ||
	    !number_hex(p->value[Z], c->size, &shared))
		return -EINVAL;
	v.mech = c->mech;
	err = kat_field_hex(&v, KAT_KEY, secret.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_MSG, peer.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_TAG, shared.hex);
	return err ? err : give(p, &v);
}

/* --------------------------------------------------------------------- RSA */

static const char *rsa_mech(const struct pairs *p)
{
	static const struct {
		const char *sha;
		const char *mech[2]; /* PKCS #1 v1.5, PSS */
	} rows[] = {
		{ "SHA256", { "rsa-pkcs1-sha2-256", "rsa-pss-sha2-256" } },
		{ "SHA384", { "rsa-pkcs1-sha2-384", "rsa-pss-sha2-384" } },
		{ "SHA512", { "rsa-pkcs1-sha2-512", "rsa-pss-sha2-512" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].sha, p->value[SHA]) == 0)
			return rows[i].mech[p->pss];
	return NULL;
}

static int end_rsa(struct pairs *p)
{
	const char *const key[] = { p->value[N], p->value[E] };
	struct kat_vector v = { .kind = KAT_VERIFY };
	struct number der, sig;
	char reason[96];
	int err;

	v.mech = rsa_mech(p);
	if (!v.mech) {
		snprintf(reason, sizeof(reason), "no mechanism here for RSA "
			 "with %.20s", p->value[SHA]);
		skip(p, reason);
		return 0;
	}
	if (!number_is_rsa(key[0], key[1], reason, sizeof(reason))) {
		skip(p, reason);
		return 0;
	}
	if (p->pss) {
		skip(p, "PSS with a salt of another size than the digest");
		return 0;
	}
	if (!number_sequence(key, 2, &der) ||
	    !number_hex(p->value[S], number_bits(key[0]) / 8, &sig))
		return -EINVAL;
	err = kat_field_hex(&v, KAT_KEY, der.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_TAG, sig.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_MSG, p->value[MSG]);
	return err ? err : give(p, &v);
}

/* ------------------------------------------------------------------- lines */

static int end_record(struct pairs *p)
{
	int err = 0;

	if (has(p, MSG) || has(p, Z))
		p->records++;
	if (has(p, Z) && has(p, SECRET) && has(p, PEER_X) && has(p, PEER_Y))
		err = end_ecdh(p);
	else if (has(p, MSG) && has(p, QX) && has(p, QY) && has(p, R) &&
		 has(p, S))
		err = end_ecdsa(p);
	else if (has(p, MSG) && has(p, N) && has(p, E) && has(p, SHA) &&
		 has(p, S))
		err = end_rsa(p);
	else if (has(p, MSG) || has(p, Z))
		err = -EINVAL;
	next_record(p);
	return err;
}

static int read_value(struct pairs *p, char *line)
{
	char *eq = strchr(line, '='), *value = eq + 1;

	if (!eq)
		return -EINVAL;
	while (eq > line && isspace((unsigned char)eq[-1]))
		eq--;
	*eq = '\0';
	while (isspace((unsigned char)*value))
		value++;
	for (enum name n = 0; n < NAMES; n++) {
		if (strcmp(names[n], line) != 0)
			continue;
		forget(p, n);
		p->value[n] = strdup(value);
		return p->value[n] ? 0 : -ENOMEM;
	}
	return 0; /* what we do not need: p, q, d, k... */
}

static int read_line(struct pairs *p, char *line)
{
	size_t len = strlen(line);
	int err;

	while (len && isspace((unsigned char)line[len - 1]))
		line[--len] = '\0';
	if (len == 0)
		return end_record(p);
	if (line[0] == '#') {
		p->pss |= strstr(line, "PSS") != NULL;
		return 0;
	}
	if (line[0] != '[')
		return read_value(p, line);
	err = end_record(p);
	forget(p, N);
	forget(p, E);
	snprintf(p->section, sizeof(p->section), "%.*s",
		 (int)strcspn(line + 1, "]"), line + 1);
	return err;
}

int pairs_read(FILE *in, const struct kat_sink *sink, char *error, size_t size)
{
	struct pairs p = { .sink = sink };
	unsigned int n = 0;
	size_t room = 0;
	char *line = NULL;
	int err = 0;

	while (!err && getline(&line, &room, in) > 0) {
		n++;
		err = read_line(&p, line);
	}
	if (!err)
		err = end_record(&p);
	if (err)
		snprintf(error, size, "line %u: not a CAVP response file", n);
	for (enum name i = 0; i < NAMES; i++)
		forget(&p, i);
	free(line);
	return err;
}

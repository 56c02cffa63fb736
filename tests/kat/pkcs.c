/* SPDX-License-Identifier: MIT */
/*
 * Reads RSA Laboratories' text files of RSA encryption (pkcs-1v2-1-vec), and
 * those that pyca/cryptography made after them: "# Name:", and the value in hex
 * on the lines that follow.  The last value of a vector is its ciphertext.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "tests/kat/number.h"
#include "tests/kat/vector.h"

/* In the order of RSAPrivateKey; then what is of a vector. */
enum value { N, E, D, P, Q, DP, DQ, QINV, MESSAGE, CIPHERTEXT, VALUES };

/* Longer names first. */
static const struct {
	const char *name;
	enum value value;
} names[] = {
	{ "Modulus:", N },	       { "Public exponent:", E },
	{ "Exponent:", D }, /* of a public key, too: ours comes later */
	{ "Prime 1:", P },	       { "Prime 2:", Q },
	{ "Prime exponent 1:", DP },   { "Prime exponent 2:", DQ },
	{ "Coefficient:", QINV },      { "Message to be encrypted:", MESSAGE },
	{ "Message:", MESSAGE },       { "Encryption:", CIPHERTEXT },
};

struct pkcs {
	struct number value[VALUES];
	int now; /* enum value, -1: none */
	const char *mech; /* NULL: why not */
	char reason[128];
	unsigned int vectors;
	const struct kat_sink *sink;
};

static void skip(struct pkcs *p, const char *reason)
{
	p->sink->skip(p->sink->arg, 1, reason);
}

/* Hex of whole bytes. */
static const char *even(struct number *n)
{
	size_t len = strlen(n->hex);

	if (len % 2 && len + 1 < sizeof(n->hex)) {
		memmove(n->hex + 1, n->hex, len + 1);
		n->hex[0] = '0';
	}
	return n->hex;
}

static int end_vector(struct pkcs *p)
{
	const char *key[QINV + 2] = { "0" };
	struct kat_vector v = { .kind = KAT_SEALED, .mech = p->mech };
	struct number der;
	char reason[96];
	int err;

	for (enum value i = N; i <= QINV; i++)
		key[1 + i] = p->value[i].hex;
	if (!p->mech) {
		skip(p, p->reason);
		return 0;
	}
	if (!number_is_rsa(key[1], key[2], reason, sizeof(reason))) {
		skip(p, reason);
		return 0;
	}
	if (!number_sequence(key, QINV + 2, &der))
		return -EINVAL;
	snprintf(v.id, sizeof(v.id), "vector %u", p->vectors);
	err = kat_field_hex(&v, KAT_KEY, der.hex);
	if (!err)
		err = kat_field_hex(&v, KAT_MSG, even(&p->value[MESSAGE]));
	if (!err)
		err = kat_field_hex(&v, KAT_CT, even(&p->value[CIPHERTEXT]));
	if (!err)
		p->sink->vector(p->sink->arg, &v);
	kat_vector_free(&v);
	return err;
}

static int end_value(struct pkcs *p)
{
	bool last = p->now == CIPHERTEXT && p->value[CIPHERTEXT].hex[0];

	if (p->now >= 0 && !p->value[p->now].hex[0])
		return 0; /* its lines are to come */
	p->now = -1;
	if (!last)
		return 0;
	p->vectors++;
	return end_vector(p);
}

/* "OAEP Example 1 alg=sha256 mgf1=sha256", or a title. */
static void read_title(struct pkcs *p, const char *line)
{
	if (strstr(line, "PKCS#1 v1.5 Encryption"))
		p->mech = "rsa-pkcs1";
	else if (strstr(line, "for RSA-OAEP")) /* which has SHA-1 only */
		p->mech = "rsa-oaep-sha1";
	else if (strstr(line, "alg=sha256 mgf1=sha256"))
		p->mech = "rsa-oaep-sha2-256";
	else if (strstr(line, "alg="))
		p->mech = NULL;
	if (strstr(line, "alg=") && !p->mech)
		snprintf(p->reason, sizeof(p->reason),
			 "no mechanism here for OAEP with %.40s",
			 strstr(line, "alg="));
}

static int read_name(struct pkcs *p, const char *line)
{
	int err = end_value(p);

	line += strspn(line, "# ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(line, names[i].name, strlen(names[i].name)) != 0)
			continue;
		p->now = (int)names[i].value;
		p->value[p->now].hex[0] = '\0';
		return err;
	}
	p->now = -1;
	read_title(p, line);
	return err;
}

static int read_hex(struct pkcs *p, const char *line)
{
	char *to = p->value[p->now].hex;
	size_t len = strlen(to);

	for (; *line; line++) {
		if (isspace((unsigned char)*line))
			continue;
		if (!isxdigit((unsigned char)*line) ||
		    len + 2 > sizeof(p->value[0].hex))
			return -EINVAL;
		to[len++] = *line;
	}
	to[len] = '\0';
	return 0;
}

static int read_line(struct pkcs *p, char *line)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '#')
		return read_name(p, line);
	if (!line[strspn(line, " \t")])
		return end_value(p);
	if (p->now >= 0)
		return read_hex(p, line);
	read_title(p, line);
	return 0;
}

int pkcs_read(FILE *in, const struct kat_sink *sink, char *error, size_t size)
{
	static struct pkcs p;
	unsigned int n = 0;
	char line[4096];
	int err = 0;

	memset(&p, 0, sizeof(p));
	p.sink = sink;
	p.now = -1;
	snprintf(p.reason, sizeof(p.reason), "of no scheme that is named");
	while (!err && fgets(line, sizeof(line), in)) {
		n++;
		err = read_line(&p, line);
	}
	if (!err)
		err = end_value(&p);
	if (err)
		snprintf(error, size, "line %u: not what it began as", n);
	return err;
}

/* SPDX-License-Identifier: MIT */
#include "tools/operands.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/complain.h"

static const char *value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

int operands_parse(struct operands *o, const struct invocation *in)
{
	*o = (struct operands){ 0 };
	for (int i = 0; i < in->n_args; i++) {
		const char *p = value_of(in->args[i], "provider");
		const char *m = value_of(in->args[i], "mechanism");
		const char **to = p ? &o->provider :
				  m ? &o->mechanisms :
				      &o->word;
		const char *value = p ? p : m ? m : in->args[i];

		if (*to || !*value) {
			complain("%s: %s", in->args[i],
				 *to ? "given twice, or not understood" :
				       "has no value");
			return -1;
		}
		*to = value;
	}
	return 0;
}

size_t operands_next(const char **at, const char **name)
{
	size_t n;

	*at += strspn(*at, ",");
	*name = *at;
	n = strcspn(*at, ",");
	*at += n;
	return n;
}

int operands_number(const char *option, const char *text, uint64_t min,
		    uint64_t max, uint64_t *n)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*n = strtoull(text, &end, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*end && *n >= min &&
	    *n <= max)
		return 0;
	complain("%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64,
		 option, text, min, max);
	return -1;
}

/* As coreutils(1) has them: K, KiB: 1024; kB, KB: 1000; then M, G, ...  0: there
 * is no such suffix. */
static uint64_t unit_of(const char *suffix)
{
	static const char units[] = "KMGTPE";
	const char *u = strchr(units, toupper((unsigned char)*suffix));
	uint64_t base = 1024, unit = 1;

	if (!*suffix)
		return 1;
	if (!u)
		return 0;
	if (strcmp(suffix + 1, "B") == 0)
		base = 1000;
	else if (suffix[1] && strcmp(suffix + 1, "iB") != 0)
		return 0;
	for (const char *at = units; at <= u; at++)
		unit *= base;
	return unit;
}

int operands_size(const char *what, const char *text, uint64_t *n)
{
	uint64_t unit = 0;
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	if (isdigit((unsigned char)*text))
		unit = unit_of(end);
	if (unit && !errno && !__builtin_mul_overflow(*n, unit, n))
		return 0;
	if (unit)
		complain("%s: \"%s\" is too many bytes", what, text);
	else
		complain("%s: \"%s\" is not a number of bytes, as 4096, 64K, "
			 "1MiB or 1MB", what, text);
	return -1;
}

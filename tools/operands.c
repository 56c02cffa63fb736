/* SPDX-License-Identifier: MIT */
#include "tools/operands.h"

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

int operands_number(const char *option, const char *text, uint64_t max,
		    uint64_t *n)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*n = strtoull(text, &end, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*end && *n >= 1 &&
	    *n <= max)
		return 0;
	complain("%s: \"%s\" is not a number from 1 to %" PRIu64, option, text,
		 max);
	return -1;
}

/* SPDX-License-Identifier: MIT */
#include "tools/operands.h"

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

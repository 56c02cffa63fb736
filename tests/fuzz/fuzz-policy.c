/* SPDX-License-Identifier: MIT */
/* The parser of policy files: any file gives a policy within its bounds, or an
 * error that names a line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/policy-file.h"
#include "daemon/core/queue.h"
#include "tests/fuzz/replay.h"

static void bounded(const struct policy_files *f)
{
	FUZZ_RULE(f->rules.n <= POLICY_RULES_MAX);
	FUZZ_RULE(f->shares.n <= POLICY_SHARES_MAX);
	FUZZ_RULE(f->quotas.n <= QUOTA_USERS_MAX);
	for (unsigned int i = 0; i < f->rules.n; i++) {
		const struct policy_rule *r = &f->rules.rules[i];

		FUZZ_RULE(strnlen(r->provider, UKCF_NAME_MAX) < UKCF_NAME_MAX);
		FUZZ_RULE(strnlen(r->mech, UKCF_NAME_MAX) < UKCF_NAME_MAX);
		FUZZ_RULE(r->provider[0] || strcmp(r->mech, POLICY_ALL) != 0);
	}
	for (unsigned int i = 0; i < f->shares.n; i++) {
		const struct policy_share *s = &f->shares.rows[i];

		FUZZ_RULE(s->weight >= 1 && s->weight <= QUEUE_WEIGHT_MAX);
		FUZZ_RULE(s->whose < POLICY_WHOSE);
		FUZZ_RULE(strnlen(s->unit, sizeof(s->unit)) < sizeof(s->unit));
		FUZZ_RULE((s->whose == POLICY_UNIT) == (s->unit[0] != '\0'));
		FUZZ_RULE(s->id != UINT32_MAX);
	}
	for (unsigned int i = 0; i < f->quotas.n; i++)
		FUZZ_RULE(f->quotas.rows[i].limit[QUOTA_CONNECTIONS] <= 512);
}

/* "x:LINE: " with a line that the file has. */
static void names_a_line(const char *text, size_t lines)
{
	unsigned long line;
	char *end;

	FUZZ_RULE(strncmp(text, "x:", 2) == 0);
	line = strtoul(text + 2, &end, 10);
	FUZZ_RULE(line >= 1 && line <= lines && strncmp(end, ": ", 2) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_files f;
	char *text = NULL;
	size_t len = 0, lines = 1;
	FILE *in, *errors;
	int rc;

	if (size == 0)
		return 0; /* fmemopen() has nothing to open */
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	in = fmemopen((void *)(uintptr_t)data, size, "r");
	errors = open_memstream(&text, &len);
	FUZZ_RULE(in && errors);
	memset(&f, 0, sizeof(f));
	rc = policy_file_parse(&f, in, "x", errors);
	fclose(in);
	fclose(errors);
	FUZZ_RULE(rc == 0 || rc == -EINVAL);
	FUZZ_RULE((rc == 0) == (len == 0));
	if (rc)
		names_a_line(text, lines);
	bounded(&f); /* also what stood before an error */
	free(text);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The parser of provider manifests: any file names providers within the bounds
 * of the page, or is refused with words that name the file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/mech.h"
#include "daemon/spi/manifest.h"
#include "tests/fuzz/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char *text = NULL;
	FILE *in, *errors;
	unsigned int n;
	size_t len = 0;
	int rc;

	if (size == 0)
		return 0; /* fmemopen() has nothing to open */
	if (!ready)
		mech_init();
	ready = true;
	in = fmemopen((void *)(uintptr_t)data, size, "r");
	errors = open_memstream(&text, &len);
	FUZZ_RULE(in && errors);
	rc = manifest_check(in, "x", &n, errors);
	fclose(in);
	fclose(errors);
	FUZZ_RULE(rc == 0 || rc == -EINVAL);
	FUZZ_RULE((rc == 0) == (len == 0));
	FUZZ_RULE(n <= UKCF_PAGE_PROVIDERS_MAX);
	FUZZ_RULE(rc == 0 || strncmp(text, "x:", 2) == 0);
	free(text);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "tests/support/provider.h"

#include <string.h>

#include "tests/support/check.h"

uint16_t provider_named(struct ukcf *u, const char *name)
{
	struct ukcf_page_provider rows[UKCF_PAGE_PROVIDERS_MAX];
	int n = ukcf_provider_list(u, rows, UKCF_PAGE_PROVIDERS_MAX);

	for (int i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].id;
	check_bail("no provider %s", name);
}

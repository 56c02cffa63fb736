/* SPDX-License-Identifier: MIT */
/* The public view of the page: mechanisms and providers. */
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/connection.h"
#include "lib/shared/mech-table.h"

/* The page as it is, or its last whole state; locked if 0 is returned. */
static int look(struct ukcf *u, const struct ukcf_page **p)
{
	bool fresh;

	if (!connection_is_ours(u))
		return -ESTALE;
	*p = view_lock(u, &fresh);
	return 0;
}

int ukcf_mech_lookup(struct ukcf *u, const char *name, uint32_t *mech)
{
	const struct ukcf_page *p;
	int err;

	if (!u || !name || !*name || !mech)
		return -EINVAL;
	err = look(u, &p);
	if (err)
		return err;
	err = -EOPNOTSUPP;
	for (uint32_t i = 0; err && i < p->n_mechs; i++) {
		const struct ukcf_page_mech *m = &p->mechs[i];

		if (!mech_name_matches(name, m->name, m->pkcs11, m->openssl))
			continue;
		*mech = m->id;
		err = 0;
	}
	view_unlock(u);
	return err;
}

int ukcf_mech_info(struct ukcf *u, uint32_t mech, struct ukcf_page_mech *info)
{
	const struct ukcf_page *p;
	int err;

	if (!u || !info)
		return -EINVAL;
	err = look(u, &p);
	if (err)
		return err;
	err = -EOPNOTSUPP;
	for (uint32_t i = 0; err && i < p->n_mechs; i++) {
		if (p->mechs[i].id != mech)
			continue;
		*info = p->mechs[i];
		err = 0;
	}
	view_unlock(u);
	return err;
}

/* At most n of have rows; how many there are. */
static int give_rows(void *rows, unsigned int n, const void *table,
		     unsigned int have, size_t row_size)
{
	if (n)
		memcpy(rows, table, (n < have ? n : have) * row_size);
	return (int)have;
}

int ukcf_mech_list(struct ukcf *u, struct ukcf_page_mech *rows, unsigned int n)
{
	const struct ukcf_page *p;
	int rc;

	if (!u || (!rows && n))
		return -EINVAL;
	rc = look(u, &p);
	if (rc)
		return rc;
	rc = give_rows(rows, n, p->mechs, p->n_mechs, sizeof(*rows));
	view_unlock(u);
	return rc;
}

int ukcf_provider_list(struct ukcf *u, struct ukcf_page_provider *rows,
		       unsigned int n)
{
	const struct ukcf_page *p;
	int rc;

	if (!u || (!rows && n))
		return -EINVAL;
	rc = look(u, &p);
	if (rc)
		return rc;
	rc = give_rows(rows, n, p->providers, p->n_providers, sizeof(*rows));
	view_unlock(u);
	return rc;
}

uint64_t ukcf_boot_gen(struct ukcf *u)
{
	if (!u || !connection_is_ours(u))
		return 0;
	return load_acquire_u64(&u->page->boot_gen);
}

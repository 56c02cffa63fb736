/* SPDX-License-Identifier: MIT */
/* The public view of the page: mechanisms and providers. */
#include <errno.h>
#include <string.h>

#include <ukcf/ukcf.h>

#include "lib/connection.h"
#include "lib/shared/mech-table.h"

int ukcf_mech_lookup(struct ukcf *u, const char *name, uint32_t *mech)
{
	const struct ukcf_page *p;
	int err = -EOPNOTSUPP;
	bool fresh;

	if (!u || !name || !*name || !mech)
		return -EINVAL;
	if (!connection_is_ours(u))
		return -ESTALE;
	p = view_lock(u, &fresh);
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
	int err = -EOPNOTSUPP;
	bool fresh;

	if (!u || !info)
		return -EINVAL;
	if (!connection_is_ours(u))
		return -ESTALE;
	p = view_lock(u, &fresh);
	for (uint32_t i = 0; err && i < p->n_mechs; i++) {
		if (p->mechs[i].id != mech)
			continue;
		*info = p->mechs[i];
		err = 0;
	}
	view_unlock(u);
	return err;
}

int ukcf_mech_list(struct ukcf *u, struct ukcf_page_mech *rows, unsigned int n)
{
	const struct ukcf_page *p;
	unsigned int have;
	bool fresh;

	if (!u || (!rows && n))
		return -EINVAL;
	if (!connection_is_ours(u))
		return -ESTALE;
	p = view_lock(u, &fresh);
	have = p->n_mechs;
	if (n)
		memcpy(rows, p->mechs, (n < have ? n : have) * sizeof(*rows));
	view_unlock(u);
	return (int)have;
}

int ukcf_provider_list(struct ukcf *u, struct ukcf_page_provider *rows,
		       unsigned int n)
{
	const struct ukcf_page *p;
	unsigned int have;
	bool fresh;

	if (!u || (!rows && n))
		return -EINVAL;
	if (!connection_is_ours(u))
		return -ESTALE;
	p = view_lock(u, &fresh);
	have = p->n_providers;
	if (n)
		memcpy(rows, p->providers,
		       (n < have ? n : have) * sizeof(*rows));
	view_unlock(u);
	return (int)have;
}

uint64_t ukcf_boot_gen(struct ukcf *u)
{
	if (!u || !connection_is_ours(u))
		return 0;
	return load_acquire_u64(&u->page->boot_gen);
}

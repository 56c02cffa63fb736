/* SPDX-License-Identifier: MIT */
#include "tools/named-key.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/shared/mech-table.h"
#include "tools/complain.h"

#define ROWS_FIRST 64

struct ukcf_key_info *key_rows(struct ukcf *u, int *n)
{
	for (unsigned int room = ROWS_FIRST;; room *= 2) {
		struct ukcf_key_info *rows = calloc(room, sizeof(*rows));

		if (!rows) {
			complain("no memory for %u keys", room);
			return NULL;
		}
		*n = ukcf_key_list(u, rows, room);
		if (*n >= 0 && (unsigned int)*n < room)
			return rows;
		free(rows);
		if (*n < 0) {
			complain_call("keys", *n);
			return NULL;
		}
	}
}

int key_find(struct ukcf *u, const char *name, struct ukcf_key_info *info)
{
	struct ukcf_key_info *rows;
	struct ukcf_key key;
	char what[128];
	int n, err = ukcf_key_open(u, name, &key);

	snprintf(what, sizeof(what), "key %s", name);
	if (err) {
		complain_call(what, err);
		return -1;
	}
	rows = key_rows(u, &n);
	if (!rows)
		return -1;
	for (int i = 0; i < n; i++) {
		if (rows[i].id != key.id)
			continue;
		*info = rows[i];
		free(rows);
		return 0;
	}
	free(rows);
	complain("%s: it was destroyed at this moment", what);
	return -1;
}

int mech_find(struct ukcf *u, const char *name, struct ukcf_page_mech *mech)
{
	uint32_t id;
	int err = ukcf_mech_lookup(u, name, &id);

	if (!err)
		err = ukcf_mech_info(u, id, mech);
	if (!err)
		return 0;
	complain("%s: no such mechanism here; 'cryptoctl list -m' shows them",
		 name);
	return -1;
}

static int check_class(const struct ukcf_page_mech *mech, uint32_t class_,
		       const char *does, const char *whose)
{
	if (UKCF_MECH_CLASS(mech->id) == class_)
		return 0;
	complain("%s%s%s%s does not %s; those of class %s in 'cryptoctl list -m' "
		 "do", whose, *whose ? " is a key of " : "", mech->name,
		 *whose ? ", which" : "", does,
		 mech_class_name(UKCF_MECH_ID(class_, 0)));
	return -1;
}

int mech_of_class(struct ukcf *u, const char *name, uint32_t class_,
		  const char *does, struct ukcf_page_mech *mech)
{
	if (mech_find(u, name, mech) < 0)
		return -1;
	return check_class(mech, class_, does, "");
}

int key_of_class(struct ukcf *u, const char *name, uint32_t class_,
		 const char *does, struct ukcf_key_info *info,
		 struct ukcf_page_mech *mech)
{
	int err;

	if (key_find(u, name, info) < 0)
		return -1;
	err = ukcf_mech_info(u, info->mech, mech);
	if (err) {
		complain_call(name, err);
		return -1;
	}
	return check_class(mech, class_, does, name);
}

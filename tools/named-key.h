/* SPDX-License-Identifier: MIT */
/*
 * Owns finding keys and mechanisms by their names, with complaints.
 */
#ifndef TOOLS_NAMED_KEY_H
#define TOOLS_NAMED_KEY_H

#include <ukcf/ukcf.h>

/* All named keys of this user, allocated; NULL after a complaint. */
struct ukcf_key_info *key_rows(struct ukcf *u, int *n);
/* A key with what the daemon knows of it; 0, or -1 after a complaint. */
int key_find(struct ukcf *u, const char *name, struct ukcf_key_info *info);
/* The same, and its mechanism, which must be of class_: "does" says what
 * others cannot ("sign"). */
int key_of_class(struct ukcf *u, const char *name, uint32_t class_,
		 const char *does, struct ukcf_key_info *info,
		 struct ukcf_page_mech *mech);
/* A mechanism by its name; 0, or -1 after a complaint. */
int mech_find(struct ukcf *u, const char *name, struct ukcf_page_mech *mech);
int mech_of_class(struct ukcf *u, const char *name, uint32_t class_,
		  const char *does, struct ukcf_page_mech *mech);

#endif

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/core/mech.h"
#include "daemon/spi/manifest.h"
#include "tests/unit/fixture.h"

static const char *dir;
static char said[8192];
static unsigned int n;

static void setup(void)
{
	dir = temp_dir();
	mech_init();
}

TestSuite(manifest, .init = setup);

static int check_text(const char *text)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	FILE *e = fmemopen(said, sizeof(said), "w");
	int err;

	said[0] = '\0';
	err = manifest_check(in, "m.conf", &n, e);
	fclose(in);
	fclose(e);
	return err;
}

Test(manifest, names_mechanisms_by_any_of_their_names)
{
	cr_assert_eq(check_text("[provider a]\nmechanisms = sha2-256, SHA512\n"
				"mechanisms = x-of-its-own\n"
				"[provider b-2]\nmechanisms = aes-256-gcm\n"),
		     0, "%s", said);
	cr_assert_eq(n, 2);
}

Test(manifest, what_is_wrong_is_named_with_its_line)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "[provider a]\nmechanisms = nix\n",
		  "m.conf:2: no mechanism nix" },
		{ "mechanisms = sha2-256\n", "m.conf:1: mechanisms stands" },
		{ "[daemon]\nx = y\n", "[daemon]: only [provider NAME]" },
		{ "[provider A]\nmechanisms = sha2-256\n", "[a-z0-9-]" },
		{ "[provider ../a]\nmechanisms = sha2-256\n", "[a-z0-9-]" },
		{ "[provider a]\nmechanisms = sha2-256\n[provider a]\n"
		  "mechanisms = sha2-256\n", "has a manifest already" },
		{ "[provider a]\ncolour = red\n", "m.conf:2: unknown key" },
		{ "[provider a]\nmechanisms = ,\n", "name at least one" },
		{ "[provider a]\n", "without mechanisms" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(check_text(bad[i].text), -EINVAL, "%s",
			     bad[i].text);
		cr_assert(strstr(said, bad[i].words), "%s: %s", bad[i].text,
			  said);
	}
}

static int load_dir(bool dry)
{
	FILE *e = fmemopen(said, sizeof(said), "w");
	int err;

	said[0] = '\0';
	err = manifest_load(dir, "/nonexistent", dry, &n, e);
	fclose(e);
	return err;
}

Test(manifest, a_file_that_others_may_change_is_refused)
{
	const char *path = temp_file(dir, "a.conf",
				     "[provider a]\nmechanisms = sha2-256\n");

	chmod(path, 0644);
	cr_assert_eq(load_dir(true), 0, "%s", said);
	cr_assert_eq(n, 1);
	cr_assert_not(manifest_is_there("a"), "a dry run keeps nothing");
	chmod(path, 0666);
	cr_assert_eq(load_dir(true), -EINVAL);
	cr_assert(strstr(said, "may change it"), "%s", said);
}

Test(manifest, no_directory_is_no_manifest)
{
	dir = "/nonexistent/providers.d";
	cr_assert_eq(load_dir(true), 0, "%s", said);
	cr_assert_eq(n, 0);
}

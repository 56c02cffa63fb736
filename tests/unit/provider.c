/* SPDX-License-Identifier: MIT */
/* With the modules of the build tree. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/page.h"
#include "daemon/config.h"
#include "daemon/core/mech.h"
#include "daemon/spi/provider.h"
#include "lib/shared/log.h"
#include "tests/unit/fixture.h"

static struct config config;
static char modules[200];
static const struct ukcf_page *page;

static void setup(void)
{
	const char *build = getenv("top_builddir");

	umask(022);
	unsetenv("NOTIFY_SOCKET");
	log_init("unit", LOG_ERR);
	snprintf(modules, sizeof(modules), "%s/providers/.libs",
		 build ? build : ".");
	config_defaults(&config);
	strcpy(config.provider_dir, modules);
	cr_assert_eq(mech_init(), 0);
	cr_assert_eq(page_open(-1, 1, 1), 0);
	page = mmap(NULL, UKCF_PAGE_SIZE, PROT_READ, MAP_SHARED, page_reopen(),
		    0);
	cr_assert_eq(provider_init(&config), 0);
}

TestSuite(provider, .init = setup);

/* A copy of a module of the build tree under another name. */
static void copy_as(const char *from, const char *to)
{
	static char dir[100];
	char cmd[1024];

	if (!dir[0])
		strcpy(dir, temp_dir());
	snprintf(cmd, sizeof(cmd), "cp %s/%s.so %s/%s.so && chmod 755 %s/%s.so",
		 modules, from, dir, to, dir, to);
	cr_assert_eq(system(cmd), 0);
	strcpy(config.provider_dir, dir);
}

static int load(const char *name, const char **text)
{
	int err;

	catch_stderr();
	err = provider_load(name);
	*text = caught_stderr();
	return err;
}

Test(provider, a_loaded_one_is_ready_offered_and_on_the_page)
{
	const struct provider *p;

	cr_assert_eq(provider_load("null"), 0);
	p = provider_by_id(1);
	cr_assert_eq(p, provider_at(0));
	cr_assert_eq(p->state, UKCF_PROVIDER_READY);
	cr_assert_not_null(mech_choose(mech_find(UKCF_MECH_NULL_DIGEST),
				       UKCF_OP_DIGEST, 0));
	cr_assert_eq(page->n_providers, 1);
	cr_assert_eq(page->providers[0].id, 1);
	cr_assert_str_eq(page->providers[0].name, "null");
	cr_assert_eq(page->providers[0].state, UKCF_PROVIDER_READY);
	cr_assert_neq(page->providers[0].module_gen, 0);
	cr_assert_eq(page->n_mechs, 3);
}

Test(provider, ids_begin_with_one_and_no_other_id_is_a_provider)
{
	cr_assert_eq(provider_load("null"), 0);
	cr_assert_eq(provider_load("sodium"), 0);
	cr_assert_eq(provider_count(), 2);
	cr_assert_null(provider_by_id(0));
	cr_assert_str_eq(provider_by_id(2)->name, "sodium");
	cr_assert_null(provider_by_id(3));
	cr_assert_null(provider_by_id(UINT16_MAX));
	cr_assert_null(provider_at(2));
}

Test(provider, the_module_for_callers_is_what_runs_and_is_sealed)
{
	const struct provider *p;

	cr_assert_eq(provider_load("null"), 0);
	p = provider_at(0);
	cr_assert(fcntl(p->module_fd, F_GET_SEALS) & F_SEAL_WRITE);
	cr_assert_eq(pwrite(p->module_fd, "x", 1, 0), -1);
}

Test(provider, loading_twice_is_EEXIST)
{
	cr_assert_eq(provider_load("null"), 0);
	cr_assert_eq(provider_load("null"), -EEXIST);
	cr_assert_eq(provider_count(), 1);
}

Test(provider, a_module_under_another_name_is_refused_and_leaves_nothing)
{
	int before = next_fd();
	const char *text;

	copy_as("null", "other");
	cr_assert_eq(load("other", &text), -EINVAL);
	cr_assert(strstr(text, "its name is not that of its file"), "%s",
		  text);
	cr_assert_eq(provider_count(), 0);
	cr_assert_eq(next_fd(), before);
	copy_as("null", "null"); /* the control */
	cr_assert_eq(load("null", &text), 0, "%s", text);
}

Test(provider, what_is_no_module_is_refused_by_its_name)
{
	const char *text;

	copy_as("null", "null");
	temp_file(config.provider_dir, "junk.so", "not ELF");
	cr_assert_eq(load("junk", &text), -ENOEXEC);
	cr_assert(strstr(text, "junk.so: not a whole shared object"), "%s",
		  text);
	cr_assert_eq(load("missing", &text), -ENOENT);
	cr_assert_eq(load("../null", &text), -EINVAL);
	cr_assert_eq(provider_count(), 0);
}

Test(provider, its_options_reach_it_and_a_bad_one_keeps_it_out)
{
	const char *text;

	config.n_options = 1;
	config.options[0] = (struct config_option){ "null", "max_delay_ms",
						    "x" };
	cr_assert_eq(load("null", &text), -EINVAL);
	cr_assert(strstr(text, "provider null: option max_delay_ms"), "%s",
		  text);
	cr_assert_eq(provider_count(), 0);
	cr_assert_null(mech_choose(mech_find(UKCF_MECH_NULL_DIGEST),
				   UKCF_OP_DIGEST, 0));
	strcpy(config.options[0].value, "5");
	cr_assert_eq(load("null", &text), 0, "%s", text);
}

Test(provider, unloading_leaves_no_offer_and_no_descriptor)
{
	int before = next_fd();

	cr_assert_eq(provider_load("null"), 0);
	cr_assert_eq(provider_load("sodium"), 0);
	provider_unload_all();
	cr_assert_eq(provider_count(), 0);
	cr_assert_null(mech_choose(mech_find(UKCF_MECH_SHA2_256),
				   UKCF_OP_DIGEST, 0));
	cr_assert_eq(next_fd(), before);
	cr_assert_eq(provider_load("null"), 0, "and can come again");
}

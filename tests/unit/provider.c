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
#include "daemon/spi/load.h"
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
	err = load_provider(name);
	*text = caught_stderr();
	return err;
}

static unsigned int told;
static struct ukcf_instance *told_whom;

static void hear(struct ukcf_instance *self, struct ukcf_bytes key)
{
	cr_assert_eq(key.len, 3);
	told++;
	told_whom = self;
}

Test(provider, who_keeps_keys_hears_of_their_end_while_it_is_loaded)
{
	const struct ukcf_bytes key = { (const uint8_t *)"key", 3 };
	struct ukcf_provider keeps;
	struct provider *p;

	cr_assert_eq(load_provider("null"), 0);
	p = provider_by_name("null");
	provider_forget_key(key); /* it keeps nothing */
	cr_assert_eq(told, 0);
	keeps = *p->spi;
	keeps.forget_key = hear;
	p->spi = &keeps;
	provider_keeps_keys(p, true);
	provider_forget_key(key);
	cr_assert_eq(told, 1);
	cr_assert_eq(told_whom, p->instance);
	cr_assert_eq(load_unload(p), 0);
	provider_forget_key(key);
	cr_assert_eq(told, 1);
}

Test(provider, a_loaded_one_is_ready_offered_and_on_the_page)
{
	const struct provider *p;

	cr_assert_eq(load_provider("null"), 0);
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
	cr_assert_eq(page->n_mechs, 4);
}

Test(provider, ids_begin_with_one_and_no_other_id_is_a_provider)
{
	cr_assert_eq(load_provider("null"), 0);
	cr_assert_eq(load_provider("sodium"), 0);
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

	cr_assert_eq(load_provider("null"), 0);
	p = provider_at(0);
	cr_assert(fcntl(load_module(p)->fd, F_GET_SEALS) & F_SEAL_WRITE);
	cr_assert_eq(pwrite(load_module(p)->fd, "x", 1, 0), -1);
}

Test(provider, loading_twice_is_EEXIST)
{
	cr_assert_eq(load_provider("null"), 0);
	cr_assert_eq(load_provider("null"), -EEXIST);
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
	int rc;

	config.n_options = 1;
	config.options[0] = (struct config_option){ "null", "max_delay_ms",
						    "x" };
	rc = load("null", &text);
	cr_assert_eq(rc, -EINVAL, "%d: %s", rc, text);
	cr_assert(strstr(text, "provider null: option max_delay_ms"), "%s",
		  text);
	cr_assert_eq(provider_count(), 0);
	cr_assert_null(mech_choose(mech_find(UKCF_MECH_NULL_DIGEST),
				   UKCF_OP_DIGEST, 0));
	strcpy(config.options[0].value, "5");
	cr_assert_eq(load("null", &text), 0, "%s", text);
}

/* Nobody uses it here: what drain.h is for is shown by its own tests. */
static struct provider *loaded(const char *name)
{
	cr_assert_eq(load_provider(name), 0);
	return provider_by_name(name);
}

static void unload(struct provider *p)
{
	cr_assert(provider_drains(p));
	cr_assert_eq(load_unload(p), 0);
}

Test(provider, an_unloaded_one_is_offered_no_more_and_keeps_its_id)
{
	struct provider *p = loaded("null"), *other = loaded("sodium");

	unload(p);
	cr_assert_eq(p->state, UKCF_PROVIDER_ABSENT);
	cr_assert_null(p->instance);
	cr_assert_null(mech_choose(mech_find(UKCF_MECH_NULL_DIGEST),
				   UKCF_OP_DIGEST, 0));
	cr_assert_not_null(mech_choose(mech_find(UKCF_MECH_SHA2_256),
				       UKCF_OP_DIGEST, 0));
	cr_assert_eq(page->providers[0].state, UKCF_PROVIDER_ABSENT);
	for (unsigned int i = 0; i < page->n_mechs; i++)
		cr_assert_eq(page->mechs[i].providers & 1u << p->id, 0);
	cr_assert_eq(load_provider("null"), 0, "and can come again");
	cr_assert_eq(provider_by_name("null"), p);
	cr_assert_eq(provider_by_id(2), other);
	cr_assert_eq(p->state, UKCF_PROVIDER_READY);
	cr_assert_not_null(mech_choose(mech_find(UKCF_MECH_NULL_DIGEST),
				       UKCF_OP_DIGEST, 0));
}

Test(provider, the_same_code_is_mapped_once_and_another_one_beside_it)
{
	struct provider *p;
	const struct module *first, *second;
	char cmd[600];
	int before;

	copy_as("null", "null");
	p = loaded("null");
	first = load_module(p);
	before = next_fd();
	for (int i = 0; i < 10; i++) {
		unload(p);
		cr_assert_eq(load_provider("null"), 0);
	}
	cr_assert_eq(load_module(p), first);
	cr_assert_eq(next_fd(), before);
	/* what follows an ELF file's sections is nobody's */
	snprintf(cmd, sizeof(cmd), "echo newer >>%s/null.so",
		 config.provider_dir);
	cr_assert_eq(system(cmd), 0);
	unload(p);
	cr_assert_eq(load_provider("null"), 0);
	second = load_module(p);
	cr_assert_neq(second, first);
	cr_assert_neq(second->dl, first->dl);
	cr_assert_eq(page->providers[0].module_gen, second->caller_gen);
}

Test(provider, one_that_does_not_load_again_stays_absent)
{
	struct provider *p;
	const char *text;

	copy_as("null", "null");
	p = loaded("null");
	unload(p);
	temp_file(config.provider_dir, "null.so", "not ELF");
	cr_assert_eq(load("null", &text), -ENOEXEC);
	cr_assert_eq(p->state, UKCF_PROVIDER_ABSENT);
	copy_as("null", "null");
	cr_assert_eq(load("null", &text), 0, "%s", text);
}

/* Who may do what, from which state. */
Test(provider, states_follow_each_other_only_as_they_may)
{
	static bool (*const moves[])(struct provider *p) = {
		provider_fail, provider_loads, provider_goes, provider_drains,
		provider_works_again, provider_returns,
	};
	/* from: ABSENT, LOADING, READY, BUSY, FAILED, DRAINING; -1: refused */
	static const int to[6][6] = {
		{ -1, -1, 4, 4, -1, 4 },  { 1, -1, -1, -1, -1, -1 },
		{ -1, 0, -1, -1, 0, 0 },  { -1, -1, 5, 5, -1, 5 },
		{ -1, 2, -1, -1, 2, -1 }, { -1, -1, -1, -1, -1, 2 },
	};
	struct provider *p = loaded("null");

	for (unsigned int i = 0; i < 6; i++)
		for (unsigned int from = 0; from < 6; from++) {
			const char *text;
			bool moved;

			p->state = from;
			catch_stderr();
			moved = moves[i](p);
			text = caught_stderr();
			cr_assert_eq(moved, to[i][from] >= 0,
				     "move %u from %u: %s", i, from, text);
			cr_assert_eq((int)p->state,
				     moved ? to[i][from] : (int)from,
				     "move %u from %u", i, from);
		}
}

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/config.h"
#include "tests/unit/fixture.h"

static struct config c;
static const char *dir;
static char said[8192];

static void setup(void)
{
	dir = temp_dir();
	config_defaults(&c);
}

TestSuite(config, .init = setup);

static int load(const char *path, bool required)
{
	FILE *f = fmemopen(said, sizeof(said), "w");
	int err;

	said[0] = '\0';
	err = config_load(&c, path, required, f);
	fclose(f);
	return err;
}

static int load_text(const char *text)
{
	return load(temp_file(dir, "ukcfd.conf", text), true);
}

static int set(const char *assignment)
{
	FILE *f = fmemopen(said, sizeof(said), "w");
	int err;

	said[0] = '\0';
	err = config_set(&c, assignment, f);
	fclose(f);
	return err;
}

/* Every number of the file, its range and where it goes. */
static const struct number {
	const char *section, *name;
	uint64_t min, max;
	const void *at;
	size_t size;
} numbers[] = {
#define N(section, name, min, max) \
	{ #section, #name, min, max, &c.name, sizeof(c.name) }
	N(daemon, service_threads, 0, 64),
	N(daemon, bulk_workers, 0, 32),
	N(daemon, slow_workers, 1, 31),
	N(daemon, spin_us, 0, 1000),
	N(daemon, inline_us, 0, 1000),
	N(daemon, timeout_ms, 1, 86400000),
	N(daemon, queue_slots, 1, 65536),
	N(daemon, device_limit_ms, 1, 600000),
	N(daemon, start_limit_ms, 1, 600000),
	N(daemon, cross_check_all_ms, 0, 3600000),
	N(daemon, device_failures, 0, 16),
	N(quota, connections, 1, 512),
	N(quota, rings, 1, 2048),
	N(quota, buffer_bytes, 4096, UINT64_C(1) << 40),
	N(quota, keys, 1, 4096),
#undef N
};

static uint64_t value_of(const struct number *n)
{
	unsigned int u;
	uint64_t v;

	if (n->size == sizeof(v)) {
		memcpy(&v, n->at, sizeof(v));
		return v;
	}
	memcpy(&u, n->at, sizeof(u));
	return u;
}

static int set_number(const struct number *n, const char *fmt,
		      unsigned long long v)
{
	char text[128], value[64];

	snprintf(value, sizeof(value), fmt, v);
	snprintf(text, sizeof(text), "%s.%s=%s", n->section, n->name, value);
	return set(text);
}

Test(config, numbers_are_taken_in_their_range_and_nowhere_else)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number *n = &numbers[i];

		cr_assert_eq(set_number(n, "%llu", n->min), 0, "%s", n->name);
		cr_assert_eq(value_of(n), n->min);
		cr_assert_eq(set_number(n, "%llu", n->max), 0, "%s", n->name);
		cr_assert_eq(value_of(n), n->max);
		cr_assert_eq(set_number(n, "%llu", n->max + 1), -EINVAL);
		if (n->min)
			cr_assert_eq(set_number(n, "%llu", n->min - 1),
				     -EINVAL);
		cr_assert_eq(value_of(n), n->max, "%s: a refusal changed it",
			     n->name);
		cr_assert(strstr(said, n->name), "%s", said);
	}
}

Test(config, what_is_not_a_plain_decimal_number_is_refused)
{
	static const char *const bad[] = { "", "-1", "+1", " 1x", "0x10", "1.5",
					   "1 2", "ten",
					   "18446744073709551617" };
	char text[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "daemon.spin_us=%s", bad[i]);
		cr_assert_eq(set(text), -EINVAL, "%s", text);
		cr_assert(strstr(said, "0 to 1000"), "%s", said);
	}
}

Test(config, every_default_is_within_its_own_range)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number *n = &numbers[i];

		cr_assert(value_of(n) >= n->min && value_of(n) <= n->max,
			  "%s", n->name);
	}
}

Test(config, an_error_names_file_line_key_and_what_is_allowed)
{
	static const struct {
		const char *text;
		int line;
		const char *words[3];
	} t[] = {
		{ "[daemon]\n\nspin_us = 1001\n", 3,
		  { "spin_us", "1001", "0 to 1000" } },
		{ "[daemon]\nspin = 1\n", 2,
		  { "unknown key spin", "[daemon]", "spin_us" } },
		{ "# x\n[demon]\nspin_us = 1\n", 3,
		  { "unknown section [demon]", "[quota]", "[provider NAME]" } },
		{ "spin_us = 1\n", 1, { "spin_us", "before any section" } },
		{ "[daemon]\nnonsense\n", 2, { "key = value" } },
		{ "[daemon\n", 1, { "section" } },
		{ "[daemon]\nsocket = run/x\n", 2,
		  { "socket", "run/x", "absolute path" } },
		{ "[daemon]\nlog_level = loud\n", 2,
		  { "log_level", "loud", "debug" } },
		{ "[daemon]\nproviders = ,\n", 2, { "providers", "sodium" } },
		{ "[daemon]\nspin_us = 1\n[quota]\nkeys = 0\nrings = 0\n", 4,
		  { "keys", "1 to 4096" } },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char where[600];

		cr_assert_eq(load_text(t[i].text), -EINVAL, "%s", t[i].text);
		snprintf(where, sizeof(where), "%s/ukcfd.conf:%d: ", dir,
			 t[i].line);
		cr_assert_eq(strncmp(said, where, strlen(where)), 0, "%s: %s",
			     t[i].text, said);
		for (int k = 0; k < 3 && t[i].words[k]; k++)
			cr_assert(strstr(said, t[i].words[k]), "%s: %s",
				  t[i].words[k], said);
	}
}

/* A value cut off in silence would be another value. */
Test(config, a_line_that_is_too_long_is_an_error_of_that_line)
{
	char text[1200] = "[daemon]\nspin_us = 7\nprovider_dir = /";
	size_t n = strlen(text);

	memset(text + n, 'x', 1000);
	cr_assert_eq(load_text(text), -EINVAL);
	cr_assert(strstr(said, "ukcfd.conf:3: the line is longer"), "%s", said);
}

/* Its rest is neither a setting nor a line of its own, wherever it is cut. */
Test(config, a_long_comment_is_short_enough_or_an_error_of_its_line)
{
	for (size_t at = 150; at < 450; at++) {
		char text[600], rest[] = " spin_us = 9\n[daemon]\nspin_us=8\n";
		int err;

		memset(text, '#', at);
		strcpy(text + at, rest);
		c.spin_us = 7;
		err = load_text(text);
		cr_assert_eq(c.spin_us, 8, "%zu: %s", at, said);
		cr_assert(err == 0 || strstr(said, "ukcfd.conf:1: the line"),
			  "%zu: %s", at, said);
		cr_assert_eq(err != 0, at + strlen(" spin_us = 9") > 198);
	}
}

/* inih would cut it in silence, and then it would be another section. */
Test(config, a_section_that_would_be_cut_is_an_error_of_its_line)
{
	char text[200];

	snprintf(text, sizeof(text), "[daemon]\n[provider %031d]\na = 1\n",
		 0);
	cr_assert_eq(load_text(text), 0, "%s", said);
	snprintf(text, sizeof(text), "[daemon]\n[provider %050d]\na = 1\n",
		 0);
	cr_assert_eq(load_text(text), -EINVAL);
	cr_assert(strstr(said, "ukcfd.conf:2: the section's name is longer"),
		  "%s", said);
	cr_assert_eq(load_text("[daemon] spin_us = 1\n"), -EINVAL);
	cr_assert(strstr(said, "ukcfd.conf:1: \"spin_us = 1\" behind a "
			       "section"), "%s", said);
}

Test(config, ranges_of_numbers_can_be_asked_for)
{
	uint64_t min = 7, max = 7;

	cr_assert(config_range("quota", "rings", &min, &max));
	cr_assert(min == 1 && max == 2048);
	cr_assert_not(config_range("quota", "ring", &min, &max));
	cr_assert_not(config_range("daemon", "rings", &min, &max));
	cr_assert_not(config_range("daemon", "socket", &min, &max));
	cr_assert(min == 1 && max == 2048);
}

Test(config, texts_fit_or_are_refused)
{
	char text[400] = "daemon.socket=/";
	size_t n = strlen(text);

	memset(text + n, 's', 106);
	cr_assert_eq(set(text), 0); /* 107 bytes: sun_path and its NUL */
	cr_assert_eq(strlen(c.socket), 107);
	text[n + 106] = 's';
	cr_assert_eq(set(text), -EINVAL);
	cr_assert(strstr(said, "at most 107"), "%s", said);
}

Test(config, levels_are_those_of_syslog)
{
	static const char *const names[] = { "emerg", "alert", "crit",
					     "err", "warning", "notice",
					     "info", "debug" };
	char text[64];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "daemon.log_level=%s", names[i]);
		cr_assert_eq(set(text), 0);
		cr_assert_eq(c.log_level, i);
	}
	cr_assert_eq(set("daemon.log_level=INFO"), -EINVAL);
	cr_assert_eq(set("daemon.log_level=6"), -EINVAL);
}

Test(config, a_list_replaces_the_one_before_and_is_bounded)
{
	char text[400] = "daemon.providers=";

	cr_assert_not(c.providers_named);
	cr_assert_eq(c.n_providers, 2);

	cr_assert_eq(set("daemon.providers=a, b\tc,,d"), 0);
	cr_assert_eq(c.n_providers, 4);
	cr_assert(c.providers_named);
	cr_assert_str_eq(c.providers[3], "d");
	cr_assert_eq(set("daemon.providers=null"), 0);
	cr_assert_eq(c.n_providers, 1);
	for (int i = 0; i < CONFIG_PROVIDERS_MAX + 1; i++)
		strcat(text, "p ");
	cr_assert_eq(set(text), -EINVAL);
	cr_assert(strstr(said, "at most 16"), "%s", said);
	cr_assert_eq(set("daemon.providers="
			 "abcdefghijklmnopqrstuvwxyz0123456789"), -EINVAL);
}

Test(config, provider_options_are_kept_per_provider_and_the_last_one_wins)
{
	cr_assert_eq(load_text("[provider null]\nmax_delay_ms = 5\n"
			       "[provider sodium]\nmax_delay_ms = 6\n"
			       "[provider null]\nmax_delay_ms = 7\n"), 0);
	cr_assert_str_eq(config_provider_option(&c, "null", "max_delay_ms"),
			 "7");
	cr_assert_str_eq(config_provider_option(&c, "sodium", "max_delay_ms"),
			 "6");
	cr_assert_null(config_provider_option(&c, "null", "other"));
	cr_assert_null(config_provider_option(&c, "nul", "max_delay_ms"));
	cr_assert_eq(set("provider.null.max_delay_ms=8"), 0);
	cr_assert_str_eq(config_provider_option(&c, "null", "max_delay_ms"),
			 "8");
}

Test(config, provider_options_are_bounded)
{
	char text[200];

	for (int i = 0; i < CONFIG_OPTIONS_MAX; i++)
		cr_assert_eq(set("provider.p.o=v"), 0);
	cr_assert_eq(set("provider.p.o=v"), -EINVAL);
	config_defaults(&c);
	snprintf(text, sizeof(text), "provider.p.o=%0127d", 0);
	cr_assert_eq(set(text), 0);
	snprintf(text, sizeof(text), "provider.p.o=%0128d", 0);
	cr_assert_eq(set(text), -EINVAL);
	snprintf(text, sizeof(text), "provider.p.o%031d=v", 0);
	cr_assert_eq(set(text), -EINVAL);
}

Test(config, drop_ins_come_later_in_order_and_only_those_called_conf)
{
	char conf_d[256];

	snprintf(conf_d, sizeof(conf_d), "%s/conf.d", dir);
	cr_assert_eq(mkdir(conf_d, 0700), 0);
	temp_file(conf_d, "20-b.conf", "[daemon]\nspin_us = 20\n");
	temp_file(conf_d, "10-a.conf", "[daemon]\nspin_us = 10\n"
				       "inline_us = 10\n");
	temp_file(conf_d, "30-c.conf.off", "[daemon]\nspin_us = 30\n");
	cr_assert_eq(load_text("[daemon]\nspin_us = 1\ninline_us = 1\n"
			       "timeout_ms = 1\n"), 0);
	cr_assert_eq(c.spin_us, 20);
	cr_assert_eq(c.inline_us, 10);
	cr_assert_eq(c.timeout_ms, 1);
	temp_file(conf_d, "15-bad.conf", "[daemon]\nspin_us = no\n");
	cr_assert_eq(load_text("[daemon]\n"), -EINVAL);
	cr_assert(strstr(said, "conf.d/15-bad.conf:2: "), "%s", said);
}

Test(config, a_missing_file_is_an_error_only_if_it_was_named)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/none.conf", dir);
	cr_assert_eq(load(path, false), 0);
	cr_assert_eq(load(path, true), -ENOENT);
	cr_assert(strstr(said, path) && strstr(said, strerror(ENOENT)), "%s",
		  said);
	cr_assert(load(dir, true) < 0, "a folder is no file");
}

Test(config, an_assignment_needs_section_key_and_equals_sign)
{
	static const char *const bad[] = { "", "=", "a", "a=b", "daemon.=1",
					   ".spin_us=1", "daemon=1.spin_us",
					   "daemon.spin_us" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(set(bad[i]), -EINVAL, "%s", bad[i]);
		cr_assert(said[0], "%s", bad[i]);
	}
	cr_assert_eq(set("daemon.spin_us=3"), 0);
	cr_assert_eq(c.spin_us, 3);
}

Test(config, a_rate_is_off_all_or_one_of_so_many)
{
	static const struct {
		const char *text;
		uint32_t every;
	} good[] = { { "off", 0 },	  { "all", 1 },
		     { "1/1", 1 },	  { "1/1024", 1024 },
		     { "1/4294967295", UINT32_MAX } };
	static const char *const bad[] = { "",	   "1",	  "0",	  "1/0",
					   "1/-1", "1/ 2", "2/3", "1/4294967296",
					   "1/2x", "on" };
	char text[80];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "daemon.cross_check=%s",
			 good[i].text);
		c.cross_check = 77;
		cr_assert_eq(set(text), 0, "%s", text);
		cr_assert_eq(c.cross_check, good[i].every, "%s", text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "daemon.cross_check_software=%s",
			 bad[i]);
		cr_assert_eq(set(text), -EINVAL, "%s", text);
		cr_assert(strstr(said, "cross_check_software"), "%s", said);
	}
	cr_assert_eq(c.cross_check_software, 0);
}

Test(config, a_provider_has_a_rate_of_its_own)
{
	cr_assert_eq(set("provider nullhw.cross_check=1/7"), 0);
	cr_assert_str_eq(config_provider_option(&c, "nullhw", "cross_check"),
			 "1/7");
	cr_assert_eq(set("provider nullhw.cross_check=seven"), -EINVAL);
	cr_assert(strstr(said, "seven"), "%s", said);
}

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/clock.h"
#include "lib/shared/log.h"
#include "tests/unit/fixture.h"

Test(log, quote_keeps_printable_ascii_and_spells_every_other_byte)
{
	char buf[16], want[16];

	for (int c = 1; c < 256; c++) {
		char s[2] = { (char)c, 0 };
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';

		snprintf(want, sizeof(want), plain ? "%c" : "\\x%02x", c);
		cr_assert_str_eq(log_quote(buf, sizeof(buf), s), want);
	}
}

/* Quoted text is one line and cannot be mistaken for another's quote. */
Test(log, quote_never_leaves_its_buffer_nor_breaks_a_byte_in_two)
{
	char buf[40];

	for (size_t size = 1; size < sizeof(buf); size++) {
		memset(buf, 'Z', sizeof(buf));
		log_quote(buf, size, "\n\n\n\n\n\n\n\n\n\n\n\n");
		cr_assert(strlen(buf) < size);
		cr_assert_eq(strlen(buf) % 4, 0);
		cr_assert_eq(buf[size], 'Z');
	}
}

Test(log, level_above_the_set_one_is_silent)
{
	log_init("unit", LOG_WARNING);
	catch_stderr();
	log_info("not this");
	log_warn("but this");
	log_set_level(LOG_DEBUG);
	log_debug("and this");
	cr_assert_null(strstr(caught_stderr(), "not this"));
	log_set_level(LOG_WARNING);
}

Test(log, a_line_has_name_level_and_text)
{
	const char *text;

	log_init("unit", LOG_INFO);
	catch_stderr();
	log_err("key %d", 7);
	text = caught_stderr();
	cr_assert(strstr(text, "unit: error: key 7\n"), "%s", text);
}

Test(log, an_overlong_message_is_one_whole_line)
{
	static char big[5000];
	const char *text;

	memset(big, 'x', sizeof(big) - 1);
	log_init("unit", LOG_INFO);
	catch_stderr();
	log_err("%s", big);
	text = caught_stderr();
	cr_assert(strlen(text) <= 1024);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(log, to_the_journal_a_line_begins_with_its_level)
{
	struct stat st;
	char stream[64];
	const char *text;

	catch_stderr();
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("unit", LOG_INFO);
	log_err("text");
	text = caught_stderr();
	cr_assert_str_eq(text, "<3>text\n");
	/* Of another stream: standard error is no journal. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	catch_stderr();
	log_init("unit", LOG_INFO);
	log_err("text");
	cr_assert_neq(caught_stderr()[0], '<');
}

Test(log, percent_m_is_the_error_at_the_call)
{
	log_init("unit", LOG_INFO);
	catch_stderr();
	errno = ENOSPC;
	log_err("%m");
	cr_assert(strstr(caught_stderr(), strerror(ENOSPC)));
}

Test(log, a_call_site_speaks_ten_times_then_counts_until_its_time_is_over)
{
	struct log_limit l = { 0 };
	unsigned int dropped;

	for (int i = 0; i < 10; i++)
		cr_assert(log_may(&l, &dropped) && dropped == 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_not(log_may(&l, &dropped));
	l.since_ns = clock_ns() - UINT64_C(11000000000);
	cr_assert(log_may(&l, &dropped));
	cr_assert_eq(dropped, 1000);
	cr_assert(log_may(&l, &dropped) && dropped == 0);
}

Test(log, sparse_messages_have_a_budget_per_call_site)
{
	unsigned int lines = 0;
	const char *text;

	log_init("unit", LOG_INFO);
	catch_stderr();
	for (int i = 0; i < 100; i++)
		log_sparse(LOG_WARNING, "first %d", i);
	for (int i = 0; i < 3; i++)
		log_sparse(LOG_WARNING, "second %d", i);
	for (text = caught_stderr(); *text; text++)
		lines += *text == '\n';
	cr_assert_eq(lines, 13);
}

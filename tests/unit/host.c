/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/spi/host.h"
#include "daemon/spi/provider.h"
#include "lib/shared/log.h"
#include "tests/unit/fixture.h"

static struct config config;
static struct provider p = { .name = "p", .state = UKCF_PROVIDER_LOADING };

static void setup(void)
{
	log_init("unit", LOG_INFO);
	config_defaults(&config);
	config.n_options = 2;
	config.options[0] = (struct config_option){ "p", "o", "mine" };
	config.options[1] = (struct config_option){ "q", "o", "other" };
	host_init(&p, &config);
}

TestSuite(host, .init = setup);

Test(host, says_what_it_is)
{
	cr_assert_eq(p.host.struct_size, sizeof(struct ukcf_host));
	cr_assert_eq(p.host.spi_version, UKCF_SPI_VERSION);
	cr_assert_eq(p.host.host, &p);
}

Test(host, a_provider_has_its_own_options_only)
{
	cr_assert_str_eq(p.host.option(&p, "o"), "mine");
	cr_assert_null(p.host.option(&p, "none"));
}

Test(host, what_a_provider_says_is_one_line_with_its_name)
{
	const char *text;

	catch_stderr();
	p.host.log(&p, LOG_ERR, "a\nprovider q: b%c", 27);
	text = caught_stderr();
	cr_assert(strstr(text, "provider p: a\\x0aprovider q: b\\x1b\n"), "%s",
		  text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(host, an_overlong_word_of_a_provider_is_cut)
{
	static char big[4000];
	const char *text;

	memset(big, '\1', sizeof(big) - 1);
	catch_stderr();
	p.host.log(&p, LOG_ERR, "%s", big);
	text = caught_stderr();
	cr_assert(strlen(text) < 1024);
}

/* What is being loaded, has failed or is taken out is the daemon's to say. */
Test(host, a_provider_sets_three_states_and_only_while_it_works)
{
	for (uint32_t from = 0; from <= UKCF_PROVIDER_DRAINING; from++)
		for (int s = -1; s < 10; s++) {
			bool works = from == UKCF_PROVIDER_READY ||
				     from == UKCF_PROVIDER_BUSY;
			/* its device was taken away: it is out as well */
			uint32_t to = s == UKCF_PROVIDER_ABSENT ?
					      UKCF_PROVIDER_FAILED :
					      (uint32_t)s;
			bool may = (to == UKCF_PROVIDER_FAILED &&
				    (works || from == UKCF_PROVIDER_DRAINING)) ||
				   (works && (s == UKCF_PROVIDER_READY ||
					      s == UKCF_PROVIDER_BUSY));

			p.state = from;
			p.host.notify(&p, s);
			cr_assert_eq(p.state, may ? to : from,
				     "%d from %u", s, from);
		}
}

Test(host, secure_memory_is_zeroed_and_can_be_given_back)
{
	char *m = p.host.secure_alloc(&p, 100);
	static const char zero[100];

	cr_assert_not_null(m);
	cr_assert_eq(memcmp(m, zero, sizeof(zero)), 0);
	memset(m, 1, 100);
	p.host.secure_free(&p, m, 100);
	p.host.secure_free(&p, NULL, 100);
}

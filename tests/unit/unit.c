/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api/unit.h"

static const struct {
	const char *text, *unit;
} rows[] = {
	{ "0::/system.slice/nginx.service\n", "nginx.service" },
	{ "0::/system.slice/system-getty.slice/getty@tty1.service\n",
	  "getty@tty1.service" },
	{ "0::/user.slice/user-1000.slice/session-3.scope\n",
	  "session-3.scope" },
	/* A user's own manager names what lies below, and not more. */
	{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "nginx.service\n", "user@1000.service" },
	{ "0::/system.slice/box.service/nginx.service\n", "box.service" },
	{ "0::/_cpu.service\n", "cpu.service" },
	{ "12:memory:/x.service\n1:name=systemd:/system.slice/old.service\n"
	  "0::/\n", "old.service" },
	{ "5:cpu,name=systemd2:/no.service\n0::/yes.service", "yes.service" },
	{ "0::/a.service", "a.service" },
	{ "", "" },
	{ "\n\n", "" },
	{ "0::/\n", "" },
	{ "0::/system.slice\n", "" },
	{ "0::/../../x.service\n", "" },
	{ "4:memory:/x.service\n", "" },
	{ "nonsense", "" },
	{ "0::/a\x1b[31m.service\n", "" },
	{ "0::/0123456789012345678901234567890123456789.service\n", "" },
};

Test(unit, is_the_first_part_that_is_no_slice)
{
	char unit[48];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(unit, 'x', sizeof(unit));
		unit_from_text(rows[i].text, unit, sizeof(unit));
		cr_assert_str_eq(unit, rows[i].unit, "%s: %s", rows[i].text,
				 unit);
	}
}

Test(unit, of_nobody_is_none)
{
	char unit[48] = "x";

	unit_of(0x7ffffff0, unit, sizeof(unit));
	cr_assert_str_eq(unit, "");
	unit_of(getpid(), unit, sizeof(unit)); /* whatever it is, it ends */
	cr_assert_lt(strlen(unit), sizeof(unit));
}

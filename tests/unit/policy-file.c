/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/policy-file.h"
#include "tests/unit/fixture.h"

static struct policy_files f;
static const char *dir;
static char said[8192];

static void setup(void)
{
	dir = temp_dir();
}

TestSuite(policy_file, .init = setup);

static int load(const char *path)
{
	FILE *e = fmemopen(said, sizeof(said), "w");
	int err;

	said[0] = '\0';
	err = policy_files_load(&f, path, e);
	fclose(e);
	return err;
}

static void put(const char *name, const char *text)
{
	chmod(temp_file(dir, name, text), 0644);
}

static int load_text(const char *text)
{
	put("t.conf", text);
	return load(dir);
}

static uint32_t weight(uint32_t uid, uint32_t gid, const char *unit)
{
	const struct policy_identity who = { uid, gid, unit };

	return policy_shares_weight(&f.shares, &who);
}

static bool may(const char *provider, const char *mech)
{
	return policy_rules_permit(&f.rules, provider, mech);
}

Test(policy_file, none_says_nothing)
{
	f.rules.n = f.shares.n = f.quotas.n = f.n = 7;
	cr_assert_eq(load(""), 0);
	cr_assert_eq(f.rules.n + f.shares.n + f.quotas.n + f.n, 0);
	cr_assert_eq(load("/none/at/all"), 0);
	cr_assert_eq(load(dir), 0);
	cr_assert_eq(f.n, 0);
	cr_assert_str_eq(said, "");
}

Test(policy_file, all_that_can_be_said)
{
	cr_assert_eq(load_text("; a comment\n"
			       "# another, \xc3\xa4\n"
			       "[uid 4711]\n"
			       "weight = 7 ; inline\n"
			       "rings=3\n"
			       "  buffer_bytes = 8192\n"
			       "[uid root ] # the name of a user\n"
			       "weight = 1000\n"
			       "[gid root]\n"
			       "weight = 1\n"
			       "[unit a@b.service]\r\n"
			       "weight = 8\r\n"
			       "[mechanisms]\n"
			       "disable = SHA512, sha2-256\tsha1\n"
			       "enable = sha2-256\n"
			       "[provider p]\n"
			       "disable = all\n"
			       "enable = ed25519"), 0, "%s", said);
	cr_assert_str_eq(said, "");
	cr_assert_eq(f.n, 1);
	cr_assert_eq(weight(4711, 0, ""), 7);
	cr_assert_eq(weight(0, 5, ""), 1000);
	cr_assert_eq(weight(5, 0, ""), 1);
	cr_assert_eq(weight(5, 5, "a@b.service"), 8);
	cr_assert_eq(f.quotas.n, 1);
	cr_assert_eq(f.quotas.rows[0].uid, 4711);
	cr_assert_eq(f.quotas.rows[0].limit[QUOTA_RINGS], 3);
	cr_assert_eq(f.quotas.rows[0].limit[QUOTA_BUFFER_BYTES], 8192);
	cr_assert_eq(f.quotas.rows[0].limit[QUOTA_CONNECTIONS], 0);
	cr_assert_not(may("", "sha2-512"), "by its own name");
	cr_assert_not(may("", "sha1"));
	cr_assert(may("", "sha2-256"));
	cr_assert_not(may("p", "x25519"));
	cr_assert(may("p", "ed25519"));
	cr_assert(may("q", "x25519"));
}

Test(policy_file, later_files_win_in_order_of_their_names)
{
	put("20-b.conf", "[uid 1]\nweight = 20\n[mechanisms]\nenable=sha1\n");
	put("10-a.conf", "[uid 1]\nweight = 10\nrings = 1\n[gid 1]\n"
			 "weight = 1\n[mechanisms]\ndisable=sha1\n");
	put("30-c.conf.off", "[uid 1]\nweight = 30\n");
	put(".conf", "nonsense");
	cr_assert_eq(load(dir), 0, "%s", said);
	cr_assert_eq(f.n, 2);
	cr_assert_eq(weight(1, 1, ""), 20);
	cr_assert_eq(weight(2, 1, ""), 1);
	cr_assert_eq(f.quotas.rows[0].limit[QUOTA_RINGS], 1);
	cr_assert(may("", "sha1"));
}

static const struct {
	const char *text;
	int line;
	const char *words[2]; /* what is wrong, and the way out */
} wrong[] = {
	{ "[uuid 1]\n", 1, { "[uuid 1]", "[uid N], [gid N], [unit NAME]" } },
	{ "\n\n[]\n", 3, { "unknown section []", "there are" } },
	{ "[uid]\n", 1, { "which one?", "[uid N]" } },
	{ "[uid  ]\nweight=1\n", 1, { "which one?" } },
	{ "[mechanisms all]\n", 1, { "\"all\" too much" } },
	{ "[uid no-such-user]\nweight=1\n", 1,
	  { "no user no-such-user in /etc/passwd", "id -u" } },
	{ "[gid no-such-group]\n", 1,
	  { "no group no-such-group in /etc/group", "id -g" } },
	{ "[uid roo]\n", 1, { "no user roo" } },
	{ "[uid root:x]\n", 1, { "no user root:x" } },
	{ "[uid -1]\n", 1, { "no user -1" } },
	{ "[uid 4294967295]\n", 1, { "no user has such a number" } },
	{ "[uid 99999999999999999999]\n", 1, { "no user" } },
	{ "[unit x]\n", 1, { "no unit of processes", ".service" } },
	{ "[unit a/b.service]\n", 1, { "no unit of processes" } },
	{ "[unit .service]\n", 1, { "no unit of processes" } },
	{ "[unit 0123456789012345678901234567890123456.service]\nweight=1\n",
	  1, { "longer than 49 bytes" } },
	{ "[provider a/b]\n", 1, { "no name that a provider", "list" } },
	{ "[provider 01234567890123456789012345678901]\n", 1,
	  { "no name that a provider" } },
	{ "[uid 1] weight = 3\n", 1, { "behind a section" } },
	{ "[uid 1\n", 1, { "not a section" } },
	{ "[uid 1]\nweight\n", 2, { "key = value" } },
	{ "weight = 3\n", 1, { "before any section", "[uid N]" } },
	{ "[uid 1]\ncolour = 3\n", 2, { "unknown key colour in [uid 1]",
					"there are weight" } },
	{ "[uid 1]\ndisable = sha1\n", 2, { "unknown key disable" } },
	{ "[uid 1]\nkeys = 3\n", 2, { "unknown key keys" } },
	{ "[uid 1]\nweight = 0\n", 2, { "\"0\" is not a number from 1 to 1000" } },
	{ "[uid 1]\nweight = 1001\n", 2, { "1 to 1000" } },
	{ "[uid 1]\nweight = -5\n", 2, { "1 to 1000" } },
	{ "[uid 1]\nweight = 5x\n", 2, { "1 to 1000" } },
	{ "[uid 1]\nweight =\n", 2, { "1 to 1000" } },
	{ "[uid 1]\nweight = 18446744073709551617\n", 2, { "1 to 1000" } },
	{ "[uid 1]\nrings = 0\n", 2, { "rings", "1 to 2048" } },
	{ "[uid 1]\nrequests = 1\n", 2, { "2 to 8388608" } },
	{ "[uid 1]\nbuffer_bytes = 4095\n", 2, { "4096 to 1099511627776" } },
	{ "[gid 1]\nrings = 5\n", 2, { "per user", "below [uid N]" } },
	{ "[unit a.service]\nrings = 5\n", 2, { "below [uid N]" } },
	{ "[mechanisms]\nweight = 5\n", 2, { "unknown key weight",
					     "disable and enable" } },
	{ "[mechanisms]\ndisable = sha1, nix\n", 2, { "no mechanism nix",
						      "ukcf_mech(7)" } },
	{ "[mechanisms]\ndisable = all\n", 2, { "of which provider?",
						"[provider NAME]" } },
	{ "[mechanisms]\ndisable = ,\n", 2, { "at least one" } },
	{ "[provider p]\ndisable = nix\n", 2, { "no mechanism nix" } },
	{ "[uid 1]\nweight = 2\n[uid nobody-such]\nweight = 0\n"
	  "[uid 2]\nweight = 0\n", 3, { "nobody-such", ":6: weight" } },
	{ "\xef\xbb\xbf[uid 1]\nweight = 2\n", 1, { "byte order mark",
						    "remove it" } },
	{ "\v[frob]\n", 1, { "unknown section [frob]" } },
};

Test(policy_file, what_is_wrong_is_refused_with_its_line_and_the_way_out)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char where[600];

		cr_assert_eq(load_text(wrong[i].text), -EINVAL, "%s",
			     wrong[i].text);
		snprintf(where, sizeof(where), "%s/t.conf:%d: ", dir,
			 wrong[i].line);
		cr_assert_eq(strncmp(said, where, strlen(where)), 0, "%s: %s",
			     wrong[i].text, said);
		for (int k = 0; k < 2 && wrong[i].words[k]; k++)
			cr_assert(strstr(said, wrong[i].words[k]), "%s: %s",
				  wrong[i].words[k], said);
	}
}

/* One complaint about a section, none about each of its keys. */
Test(policy_file, what_follows_a_wrong_section_is_not_another_error)
{
	cr_assert_eq(load_text("[uid no-such-user]\nweight = 1\nrings = 1\n"),
		     -EINVAL);
	cr_assert_null(strchr(strchr(said, '\n') + 1, '\n'), "%s", said);
	cr_assert_eq(load_text("[unit a-very-long-name-of-a-unit-that-inih-"
			       "would-cut.service]\nweight = 1\n"), -EINVAL);
	cr_assert_null(strchr(strchr(said, '\n') + 1, '\n'), "%s", said);
	cr_assert_eq(f.shares.n, 0);
}

/* Every byte of a right file replaced: an answer, and never a crash. */
Test(policy_file, any_byte_may_be_wrong)
{
	char text[] = "[uid 1]\nweight = 3\n[provider p]\ndisable = sha1\n";
	static const char bytes[] = "\0\n\r[]=;# \t\xff,0";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			FILE *in, *e = fmemopen(said, sizeof(said), "w");
			char was = text[i];
			int err;

			said[0] = '\0';
			text[i] = bytes[k];
			memset(&f, 0, sizeof(f));
			in = fmemopen(text, sizeof(text) - 1, "r");
			err = policy_file_parse(&f, in, "x", e);
			fclose(in);
			fclose(e);
			cr_assert(err == 0 || err == -EINVAL);
			cr_assert_eq(err == 0, said[0] == '\0', "%s", said);
			text[i] = was;
		}
	}
}

Test(policy_file, what_others_could_change_is_refused)
{
	char path[256], other[300];

	put("t.conf", "[uid 1]\nweight = 1\n");
	snprintf(path, sizeof(path), "%s/t.conf", dir);
	cr_assert_eq(load(dir), 0);
	for (int i = 0; i < 2; i++) {
		chmod(path, i ? 0646 : 0664);
		cr_assert_eq(load(dir), -EINVAL);
		cr_assert(strstr(said, path) && strstr(said, "chmod go-w"),
			  "%s", said);
	}
	chmod(path, 0644);
	chmod(dir, 0777);
	cr_assert_eq(load(dir), -EINVAL);
	cr_assert(strstr(said, "chmod go-w"), "%s", said);
	chmod(dir, 0700);
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 65534, 0), 0);
		cr_assert_eq(load(dir), -EINVAL);
		cr_assert(strstr(said, "chown root"), "%s", said);
	}
	snprintf(other, sizeof(other), "%s/real", dir);
	rename(path, other);
	chmod(other, 0644);
	cr_assert_eq(symlink("real", path), 0);
	cr_assert_eq(load(dir), -EINVAL);
	cr_assert(strstr(said, "is a symbolic link"), "%s", said);
	unlink(path);
	cr_assert_eq(load(dir), 0);
}

Test(policy_file, what_is_no_file_is_refused_and_not_waited_for)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/t.conf", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(load(dir), -EINVAL);
	cr_assert(strstr(said, "is not a file"), "%s", said);
	unlink(path);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(load(dir), -EINVAL);
	rmdir(path);
	put("plain", "");
	snprintf(path, sizeof(path), "%s/plain", dir);
	cr_assert_eq(load(path), -ENOTDIR);
	cr_assert(strstr(said, path), "%s", said);
}

Test(policy_file, what_is_too_much_is_refused)
{
	static char text[70000];
	size_t n = 0;

	memset(text, '\n', 65536);
	cr_assert_eq(load_text(text), 0, "%s", said);
	text[65536] = '\n';
	cr_assert_eq(load_text(text), -EINVAL);
	cr_assert(strstr(said, "is too large"), "%s", said);
	for (unsigned int i = 0; i < QUOTA_USERS_MAX; i++)
		n += (size_t)sprintf(text + n, "[uid %u]\nrings=1\n", i);
	cr_assert_eq(load_text(text), 0, "%s", said);
	sprintf(text + n, "[uid 9999]\nrings=1\n");
	cr_assert_eq(load_text(text), -EINVAL);
	cr_assert(strstr(said, "more than 256 users"), "%s", said);
	n = 0;
	for (unsigned int i = 0; i < POLICY_SHARES_MAX; i++)
		n += (size_t)sprintf(text + n, "[gid %u]\nweight=1\n", i);
	cr_assert_eq(load_text(text), 0, "%s", said);
	sprintf(text + n, "[uid 1]\nweight=1\n");
	cr_assert_eq(load_text(text), -EINVAL);
	cr_assert(strstr(said, "more than 512 weights"), "%s", said);
}

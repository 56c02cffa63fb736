/* SPDX-License-Identifier: MIT */
#include "tools/complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <ukcf/ukcf.h>

#define SHOW_KEYS "'cryptoctl key list' shows your keys"
#define SHOW_MECHS "'cryptoctl list -m' shows the mechanisms"

/* The first row that fits; detail 0 fits any. */
static const struct {
	int err;
	unsigned int detail;
	const char *way_out;
} ways_out[] = {
	{ EINVAL, UKCF_DETAIL_KEY_NAME,
	  "a name has 1 to 63 of A-Z a-z 0-9 . _ -, and does not begin with "
	  ". or -" },
	{ EINVAL, UKCF_DETAIL_KEY_USAGE,
	  "the class of the mechanism does not have that use; see --usage in "
	  "cryptoctl-key(1)" },
	{ EEXIST, 0,
	  "choose another name, or 'cryptoctl key destroy' the old one" },
	{ ENOKEY, 0, SHOW_KEYS },
	{ EKEYREVOKED, 0, "it was destroyed; " SHOW_KEYS },
	{ EKEYREJECTED, UKCF_DETAIL_NONCE_LIMIT,
	  "its mechanism allows no more, see ukcf_mech(7): make a new key" },
	{ EKEYREJECTED, UKCF_DETAIL_KEY_USAGE,
	  "its uses were fixed when it was made; " SHOW_KEYS },
	{ EKEYREJECTED, UKCF_DETAIL_KEY_SIZE,
	  "'cryptoctl list -v' shows the sizes of keys" },
	{ EKEYREJECTED, UKCF_DETAIL_KEY_MECH, SHOW_KEYS },
	{ EOPNOTSUPP, UKCF_DETAIL_DISABLED,
	  "'cryptoctl enable' allows it again; " SHOW_MECHS },
	{ EOPNOTSUPP, 0, SHOW_MECHS },
	{ EACCES, UKCF_DETAIL_NOT_EXPORTABLE,
	  "whether a key is exportable is fixed when it is made "
	  "(--exportable)" },
	{ EDQUOT, 0,
	  "the limits of a user are in [quota] of ukcfd.conf(5); "
	  SHOW_KEYS },
	{ ETIMEDOUT, 0, "'cryptoctl status' shows how busy the daemon is" },
	{ EAGAIN, 0, "the daemon is busy: try again" },
	{ ESTALE, UKCF_DETAIL_LOST_STATE, "begin anew" },
	{ ESTALE, 0, "the daemon ended meanwhile: 'cryptoctl status'" },
	{ EIO, 0, "the log of ukcfd says why" },
	{ ENODEV, 0, "'cryptoctl list' shows the providers" },
	{ ENOMEM, 0, "free some memory, or raise RLIMIT_MEMLOCK (ulimit -l)" },
};

static const char *my_name = "cryptoctl";
static void (*before)(void);

void complain_as(const char *name)
{
	my_name = name;
}

void complain_after(void (*clear)(void))
{
	before = clear;
}

void complain(const char *fmt, ...)
{
	va_list ap;

	if (before)
		before();
	fflush(stdout); /* what was said before stands before */
	fprintf(stderr, "%s: ", my_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static const char *way_out_of(int64_t err, unsigned int detail)
{
	for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
		if (ways_out[i].err == -err &&
		    (!ways_out[i].detail || ways_out[i].detail == detail))
			return ways_out[i].way_out;
	return NULL;
}

void complain_result(const char *what, int64_t err, unsigned int detail)
{
	const char *way_out = way_out_of(err, detail);

	complain("%s: %s%s%s%s%s%s", what, ukcf_strerror(err),
		 detail ? " (" : "", detail ? ukcf_detail_name(detail) : "",
		 detail ? ")" : "", way_out ? "; " : "",
		 way_out ? way_out : "");
}

void complain_call(const char *what, int64_t err)
{
	const struct ukcf_call *last = ukcf_last_call();

	complain_result(what, err, last->res == err ? last->detail : 0);
}

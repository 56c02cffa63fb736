/* SPDX-License-Identifier: MIT */
/* digest, mac: a line per file, in the form of sha256sum(1). */
#include "tools/cryptoctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"

#define CHUNK (256u << 10)
#define SUM_MAX 256

#define WHOLE "over a ring a message goes whole; "

/* What one line per file needs. */
struct sums {
	struct ukcf *u;
	struct ukcf_page_mech mech;
	struct ukcf_key key;
	/* bytes of sum[], or -1 after a complaint */
	int64_t (*make)(const struct sums *s, const char *path, uint8_t *sum);
};

/* Line feeds and backslashes would make a line of several, or of another
 * file: they are escaped, and a backslash before the line says so. */
static void print_name(const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			fputs("\\n", stdout);
		else if (*name == '\\')
			fputs("\\\\", stdout);
		else
			putchar(*name);
	}
}

static void print_sum(const char *path, const uint8_t *sum, int64_t len)
{
	if (strpbrk(path, "\n\\"))
		putchar('\\');
	for (int64_t i = 0; i < len; i++)
		printf("%02x", sum[i]);
	fputs("  ", stdout);
	print_name(path);
	putchar('\n');
}

static int feed(struct ukcf_stream *stream, int fd, const char *path)
{
	static uint8_t chunk[CHUNK];
	ssize_t n;

	while ((n = input_read(fd, path, chunk, sizeof(chunk))) > 0) {
		int err = ukcf_stream_update(stream, chunk, (size_t)n);

		if (err) {
			complain_call(path, err);
			return -1;
		}
	}
	return n < 0 ? -1 : 0;
}

static int64_t digest_stream(struct ukcf_stream *stream, const char *path,
			     uint8_t *sum)
{
	int fd = input_open(path);
	int64_t n;
	int err;

	if (fd < 0)
		return -1;
	err = feed(stream, fd, path);
	input_close(fd);
	if (err)
		return -1;
	n = ukcf_stream_final(stream, sum, SUM_MAX);
	if (n >= 0)
		return n;
	complain_call(path, n);
	return -1;
}

/* Where nothing can run in this process. */
static int64_t digest_whole(const struct sums *s, const char *path,
			    uint8_t *sum)
{
	struct message m;
	int64_t n;

	if (input_whole(path, UKCF_ONESHOT_MAX,
			WHOLE "longer files need a provider module in this "
			"process, see IN_CALLER in 'cryptoctl list -m'", &m))
		return -1;
	n = ukcf_digest(s->u, s->mech.id, m.data, m.len, sum, SUM_MAX);
	message_free(&m);
	if (n >= 0)
		return n;
	complain_call(path, n);
	return -1;
}

static int64_t make_digest(const struct sums *s, const char *path,
			   uint8_t *sum)
{
	struct ukcf_stream *stream;
	int64_t n;
	int err = ukcf_stream_open(s->u, UKCF_OP_DIGEST, s->mech.id,
				   UKCF_KEY_NONE, &stream);

	if (err == -EOPNOTSUPP)
		return digest_whole(s, path, sum);
	if (err) {
		complain_call(path, err);
		return -1;
	}
	n = digest_stream(stream, path, sum);
	ukcf_stream_close(stream);
	return n;
}

static int64_t make_mac(const struct sums *s, const char *path, uint8_t *sum)
{
	struct message m;
	int64_t n;

	if (input_whole(path, UKCF_ONESHOT_MAX,
			WHOLE "make the MAC of its digest instead", &m))
		return -1;
	n = ukcf_mac(s->u, s->mech.id, s->key, m.data, m.len, sum, SUM_MAX);
	message_free(&m);
	if (n >= 0)
		return n;
	complain_call(path, n);
	return -1;
}

static enum status each_file(const struct invocation *in, const struct sums *s)
{
	int n = in->n_args ? in->n_args : 1;
	enum status status = STATUS_DONE;
	uint8_t sum[SUM_MAX];

	for (int i = 0; i < n; i++) {
		const char *path = in->n_args ? in->args[i] : "-";
		int64_t len = s->make(s, path, sum);

		if (len < 0)
			status = STATUS_FAILED;
		else
			print_sum(path, sum, len);
	}
	return status;
}

static enum status digest(struct invocation *in)
{
	struct sums s = { .u = connect_daemon(), .make = make_digest };
	enum status status = STATUS_FAILED;

	if (!s.u)
		return STATUS_FAILED;
	if (mech_of_class(s.u, in->value['m'], UKCF_CLASS_DIGEST,
			  "make digests", &s.mech) == 0)
		status = each_file(in, &s);
	ukcf_disconnect(s.u);
	return status;
}

static int find_mac_key(const struct invocation *in, struct sums *s)
{
	struct ukcf_key_info info;

	if (mech_of_class(s->u, in->value['m'], UKCF_CLASS_MAC, "make MACs",
			  &s->mech) < 0 ||
	    key_find(s->u, in->value['k'], &info) < 0)
		return -1;
	s->key.id = info.id;
	if (info.mech == s->mech.id)
		return 0;
	complain("key %s is not of %s; 'cryptoctl key list' shows your keys",
		 info.name, s->mech.name);
	return -1;
}

static enum status mac(struct invocation *in)
{
	struct sums s = { .u = connect_daemon(), .make = make_mac };
	enum status status = STATUS_FAILED;

	if (!s.u)
		return STATUS_FAILED;
	if (find_mac_key(in, &s) == 0)
		status = each_file(in, &s);
	ukcf_disconnect(s.u);
	return status;
}

static const struct option_row digest_options[] = {
	{ 'm', true, "mech", "MECH", "the mechanism, for example sha2-256" },
	{ 0 },
};

static const struct option_row mac_options[] = {
	{ 'm', true, "mech", "MECH", "the mechanism, for example hmac-sha2-256" },
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	{ 0 },
};

const struct command digest_commands[] = {
	{ NULL, "digest", "-m MECH [FILE...]",
	  "digests in the form of sha256sum; files of any size", digest_options,
	  0, -1, digest },
	{ NULL, "mac", "-m MECH -k KEY [FILE...]",
	  "MACs in the same form; files up to 64 MiB", mac_options, 0, -1, mac },
	{ 0 },
};

/* SPDX-License-Identifier: MIT */
/* digest, mac: a line per file, in the form of sha256sum(1). */
#include "tools/cryptoctl.h"

#include <errno.h>

#include "tools/complain.h"
#include "tools/connect.h"
#include "tools/input.h"
#include "tools/named-key.h"
#include "tools/parts.h"
#include "tools/progress.h"
#include "tools/sums.h"

#define CHUNK (256u << 10)
#define SMALL (1u << 20) /* bytes of a file that goes over a ring whole */

#define LIMIT "this mechanism works on a message whole"

/* What one line per file needs. */
struct summing {
	struct ukcf *u;
	struct ukcf_page_mech mech;
	struct ukcf_key key; /* UKCF_KEY_NONE: digests */
	struct parts parts;
};

/* ------------------------------------------------------------ in the caller */

static int feed(struct ukcf_stream *stream, int fd, const char *path)
{
	static uint8_t chunk[CHUNK];
	ssize_t n;

	while ((n = input_read(fd, path, chunk, sizeof(chunk))) > 0) {
		int err = ukcf_stream_update(stream, chunk, (size_t)n);

		if (err) {
			complain_call(input_name(path), err);
			return -1;
		}
		progress_add((uint64_t)n);
	}
	return n < 0 ? -1 : 0;
}

static int64_t sum_stream(struct ukcf_stream *stream, int fd, const char *path,
			  uint8_t *sum)
{
	int64_t n = -1;
	int err;

	progress_begin(input_name(path), input_size(fd));
	err = feed(stream, fd, path);
	progress_end();
	if (!err) {
		n = ukcf_stream_final(stream, sum, SUM_MAX);
		if (n < 0)
			complain_call(input_name(path), n);
	}
	ukcf_stream_close(stream);
	return n < 0 ? -1 : n;
}

/* ------------------------------------------------------------ in the daemon */

static int64_t sum_whole(const struct summing *s, int fd, const char *path,
			 uint8_t *sum)
{
	struct message m;
	int64_t n;

	if (input_whole_of(fd, path, UKCF_ONESHOT_MAX, LIMIT, &m) < 0)
		return -1;
	n = s->key.id ? ukcf_mac(s->u, s->mech.id, s->key, m.data, m.len, sum,
				 SUM_MAX) :
			ukcf_digest(s->u, s->mech.id, m.data, m.len, sum,
				    SUM_MAX);
	message_free(&m);
	if (n >= 0)
		return n;
	complain_call(input_name(path), n);
	return -1;
}

static int64_t sum_parts(struct summing *s, int fd, const char *path,
			 uint8_t *sum)
{
	int64_t n = parts_run(&s->parts, fd, path, sum);

	if (n == -EOPNOTSUPP)
		return sum_whole(s, fd, path, sum);
	if (n < 0 && n != PARTS_SAID)
		complain_result(input_name(path), n, s->parts.detail);
	return n < 0 ? -1 : n;
}

/* ------------------------------------------------------------------ the two */

static int64_t sum_opened(struct summing *s, int fd, const char *path,
			  uint8_t *sum)
{
	const uint64_t size = input_size(fd);
	struct ukcf_stream *stream;

	/* a digest needs nothing of the daemon's */
	if (!s->key.id && ukcf_stream_open(s->u, UKCF_OP_DIGEST, s->mech.id,
					   UKCF_KEY_NONE, &stream) == 0)
		return sum_stream(stream, fd, path, sum);
	return size && size <= SMALL ? sum_whole(s, fd, path, sum) :
				       sum_parts(s, fd, path, sum);
}

static int64_t sum_file(void *arg, const char *path, uint8_t sum[SUM_MAX])
{
	struct summing *s = arg;
	int fd = input_open(path);
	int64_t n;

	if (fd < 0)
		return -1;
	n = sum_opened(s, fd, path, sum);
	input_close(fd);
	return n;
}

static int print_sum(struct summing *s, const char *path)
{
	uint8_t sum[SUM_MAX];
	int64_t len = sum_file(s, path, sum);

	if (len < 0)
		return -1;
	sums_print(path, sum, len);
	return 0;
}

static enum status each_file(const struct invocation *in, struct summing *s)
{
	const struct sums_check how = {
		.make = sum_file, .arg = s,
		.quiet = in->value['Q'], .silent = in->value['S'],
	};
	int n = in->n_args ? in->n_args : 1;
	enum status status = STATUS_DONE;

	for (int i = 0; i < n; i++) {
		const char *path = in->n_args ? in->args[i] : "-";

		if ((in->value['c'] ? sums_check(&how, path) :
				      print_sum(s, path)) < 0)
			status = STATUS_FAILED;
	}
	return status;
}

static int find_digest(const struct invocation *in, struct summing *s)
{
	return mech_of_class(s->u, in->value['m'], UKCF_CLASS_DIGEST,
			     "make digests", &s->mech);
}

static int find_mac_key(const struct invocation *in, struct summing *s)
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

static enum status run(const struct invocation *in, enum ukcf_op op,
		       int (*find)(const struct invocation *,
				   struct summing *))
{
	struct summing s = { 0 };
	enum status status = STATUS_FAILED;

	if (!in->value['c'] && (in->value['Q'] || in->value['S'])) {
		complain("--quiet and --status: only with -c");
		return STATUS_USAGE;
	}
	s.u = connect_daemon();
	if (!s.u)
		return STATUS_FAILED;
	if (find(in, &s) == 0) {
		s.parts = (struct parts){ .u = s.u, .op = op,
					  .mech = s.mech.id, .key = s.key };
		status = each_file(in, &s);
	}
	parts_close(&s.parts);
	ukcf_disconnect(s.u);
	return status;
}

static enum status digest(struct invocation *in)
{
	return run(in, UKCF_OP_DIGEST, find_digest);
}

static enum status mac(struct invocation *in)
{
	return run(in, UKCF_OP_MAC, find_mac_key);
}

#define CHECK_OPTIONS \
	{ 'c', false, "check", NULL, \
	  "FILE is a list of such lines: are they right?" }, \
	{ 'Q', false, "quiet", NULL, "-c: no line for what is right" }, \
	{ 'S', false, "status", NULL, "-c: no lines, only the exit status" }

static const struct option_row digest_options[] = {
	{ 'm', true, "mech", "MECH", "the mechanism, for example sha2-256" },
	CHECK_OPTIONS,
	{ 0 },
};

static const struct option_row mac_options[] = {
	{ 'm', true, "mech", "MECH", "the mechanism, for example hmac-sha2-256" },
	{ 'k', true, "key", "KEY", "a key that the daemon holds" },
	CHECK_OPTIONS,
	{ 0 },
};

const struct command digest_commands[] = {
	{ NULL, "digest", "-m MECH [-c [--quiet | --status]] [FILE...]",
	  "digests in the form of sha256sum; files of any size", digest_options,
	  0, -1, digest },
	{ NULL, "mac", "-m MECH -k KEY [-c [--quiet | --status]] [FILE...]",
	  "MACs in the same form", mac_options, 0, -1, mac },
	{ 0 },
};

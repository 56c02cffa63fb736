/* SPDX-License-Identifier: MIT */
#include "tools/connect.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/complain.h"

#define CHECK_VARIABLE "does UKCF_SOCKET name the socket of ukcfd?"
#define START "start the daemon (systemctl start ukcfd.socket), or run this " \
	"under a private one: ukcfd --run -- CMD"

/* What ukcf_connect() returns, and what it means for people. */
static const struct {
	int err;
	const char *problem;
	const char *way_out;
} causes[] = {
	{ ECONNREFUSED, "nobody listens on it: the daemon does not run",
	  START },
	{ EACCES, "not permitted: the modes of the socket and its folder "
	  "forbid it, or this user is the daemon's own",
	  "be another user, or see SocketMode= in ukcfd.socket" },
	{ EPROTO, "who listens there is no ukcfd, or one with another version "
	  "of the protocol",
	  CHECK_VARIABLE " Does 'ukcfd --version' say the same as "
	  "'cryptoctl --version'?" },
	{ ETIMEDOUT, "somebody listens there, and did not answer in 5 s",
	  "is ukcfd stopped, or is it another program? " CHECK_VARIABLE },
	{ EDQUOT, "this user has as many connections as it may",
	  "end some of its programs, or raise quota.connections in "
	  "ukcfd.conf(5)" },
	{ ENFILE, "the daemon has as many connections as it can hold",
	  "end some programs that use it" },
	{ EINVAL, "the path is too long for a socket",
	  "give UKCF_SOCKET a path of at most 107 bytes" },
	{ ENOMEM, "no memory", "free some, or raise the limits of the process" },
};

const char *connect_path(void)
{
	const char *path = secure_getenv("UKCF_SOCKET");

	return path && *path ? path : UKCF_DEFAULT_SOCKET;
}

/* What the file system knows of it. */
static bool explain_path(const char *path)
{
	bool chosen = path != NULL && strcmp(path, UKCF_DEFAULT_SOCKET) != 0;
	struct stat st;

	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		complain("no daemon: %s does not exist", path);
		complain("%s", START);
		if (chosen)
			complain("%s", CHECK_VARIABLE);
		return true;
	}
	if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		complain("no daemon: %s is not a socket", path);
		complain("%s", CHECK_VARIABLE);
		return true;
	}
	return false;
}

void connect_explain(int err)
{
	const char *path = connect_path();

	if (explain_path(path))
		return;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (causes[i].err != -err)
			continue;
		complain("no daemon: %s: %s", path, causes[i].problem);
		complain("%s", causes[i].way_out);
		return;
	}
	complain("no daemon: %s: %s", path, ukcf_strerror(err));
}

struct ukcf *connect_daemon(void)
{
	struct ukcf *u;
	int err = ukcf_connect(&u, NULL, 0);

	if (!err)
		return u;
	connect_explain(err);
	return NULL;
}

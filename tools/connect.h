/* SPDX-License-Identifier: MIT */
/*
 * Owns reaching the daemon, and saying why it cannot be reached.
 */
#ifndef TOOLS_CONNECT_H
#define TOOLS_CONNECT_H

#include <ukcf/ukcf.h>

/* The socket that ukcf_connect() takes: $UKCF_SOCKET or the default. */
const char *connect_path(void);
/* Connect, or complain.  Return: the connection or NULL. */
struct ukcf *connect_daemon(void);
/* Complain about a failed ukcf_connect(). */
void connect_explain(int err);

#endif

/* SPDX-License-Identifier: MIT */
/* Owns one question to the daemon's admin socket, and its answer. */
#ifndef TOOLS_ADMIN_H
#define TOOLS_ADMIN_H

#include <stddef.h>
#include <stdint.h>

/* The socket: $UKCF_ADMIN_SOCKET or the default. */
const char *admin_path(void);

struct admin_call {
	uint16_t verb; /* enum msg_verb */
	const void *body;
	uint32_t body_len;
	void *reply;	 /* room for reply_max bytes: all of the answer, or */
	size_t reply_max; /* rows of row_len bytes, as many as fit */
	size_t row_len;	 /* 0: the answer has exactly reply_max bytes */
	unsigned int limit_s; /* it may take so long; 0: 5 s */
};

/* A connection for several calls.  Return: a descriptor, or -errno after a
 * complaint. */
int admin_connect(void);
/* Likewise on it: bytes of the answer, or -errno; nothing is said. */
int admin_ask_on(int fd, const struct admin_call *call);
/* Say what became of a call that failed, and the way out. */
void admin_complain(int err);
/* Within its time.  Return: bytes of the answer, or -errno. */
int admin_ask(const struct admin_call *call);
/* Likewise, after a complaint. */
int admin_ask_or_complain(const struct admin_call *call);

/*
 * All rows of a table (struct msg_from), however many messages they take.
 * @rows: receives them; freed by the caller, NULL if there are none
 * Return: how many, or -errno after a complaint.
 */
int admin_ask_all(uint16_t verb, size_t row_len, void **rows);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns reading files; they may be secret, so what was read is wiped.
 */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** struct message - bytes read */
struct message {
	uint8_t *data;
	size_t len;
	size_t room; /* bytes allocated */
};

/* What messages call it; "-" and NULL are standard input. */
const char *input_name(const char *path);
/* A descriptor, or -1 after a complaint. */
int input_open(const char *path);
void input_close(int fd);
/* Bytes of a regular file; 0: unknown, or it is empty. */
uint64_t input_size(int fd);
/* Up to size bytes; 0 at the end, -1 after a complaint. */
ssize_t input_read(int fd, const char *path, void *buf, size_t size);
/**
 * input_whole() - read a file that has to fit in memory
 * @limit: bytes it may have
 * @why: where the limit comes from and the way out, for the complaint
 * Return: 0, or -1 after a complaint.
 */
int input_whole(const char *path, size_t limit, const char *why,
		struct message *m);
/* Likewise, of a file that is open. */
int input_whole_of(int fd, const char *path, size_t limit, const char *why,
		   struct message *m);
void message_free(struct message *m);

#endif

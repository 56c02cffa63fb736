/* SPDX-License-Identifier: MIT */
/*
 * Owns messages encrypted to a key pair: the ciphertext alone, as others write
 * it, of a message that is shorter than the modulus, or of a sealed box, which
 * the daemon holds whole.
 */
#ifndef TOOLS_PKE_MESSAGE_H
#define TOOLS_PKE_MESSAGE_H

#include <stdbool.h>

#include <ukcf/ukcf.h>

/**
 * pke_message() - encrypt or decrypt one
 * @info: the key, of class PKE
 * @path, @out: NULL is standard input and output
 * @flags: OUTFILE_*
 * Return: 0, or -1 after a complaint.
 */
int pke_message(struct ukcf *u, const struct ukcf_key_info *info,
		bool decrypts, const char *path, const char *out,
		unsigned int flags);

#endif

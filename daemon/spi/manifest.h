/* SPDX-License-Identifier: MIT */
/*
 * Owns the manifests: files that say which mechanisms a provider offers, so
 * that it need not be loaded before a request asks for one of them.
 *
 *	[provider openssl]
 *	mechanisms = aes-128-cbc, aes-256-cbc
 */
#ifndef DAEMON_SPI_MANIFEST_H
#define DAEMON_SPI_MANIFEST_H

#include <stdbool.h>
#include <stdio.h>

#include <ukcf/provider.h>

struct provider;

/*
 * main: read *.conf in dir, and then what was installed (in state_dir), all of
 * them; then what they say holds, and nothing of what others said before.  Each
 * must be root's or the daemon's own, a regular file, nobody else's to write.
 * @dir: "": none
 * @n: how many providers they name
 * Return: 0; -errno: errors say why, and all is as it was.  No dir: no manifest.
 */
int manifest_load(const char *dir, const char *state_dir, bool dry,
		  unsigned int *n, FILE *errors);
/* Would this one do, alone?  Nothing changes.  0, -EINVAL: errors say why,
 * -ENOMEM. */
int manifest_check(FILE *in, const char *where, unsigned int *n, FILE *errors);
/* main: that, once more. */
int manifest_reload(bool dry, unsigned int *n, FILE *errors);
/* main: write one of what p offers, which holds from now on.  0 or -errno:
 * -EEXIST: there is one; *path names the file. */
int manifest_install(const struct provider *p, char *path, size_t size);
/* main: remove it again.  0 or -errno. */
int manifest_uninstall(const char *name, char *path, size_t size);
bool manifest_is_there(const char *name);
/* main: was it written by manifest_install()? */
bool manifest_is_installed(const char *name);
/* Does a provider, whose mechanisms are known, offer what its manifest says?
 * Without one: anything.  Any thread. */
bool manifest_agrees(const char *name, const struct ukcf_provider *spi);

#endif

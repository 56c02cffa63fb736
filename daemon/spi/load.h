/* SPDX-License-Identifier: MIT */
/*
 * Owns the way of a provider's code into the daemon and out of use: the module
 * file and its sealed copy, what it says of itself, start and stop, its known
 * answers.  Blocking: on main before the threads run, then on the loader's
 * thread.  The reason of a failure is logged.
 */
#ifndef DAEMON_SPI_LOAD_H
#define DAEMON_SPI_LOAD_H

#include <stdint.h>

#include <ukcf/provider.h>

struct mech;
struct provider;

/* Code that was loaded for a provider; never unmapped once it has worked. */
struct module {
	struct module *next; /* an older one of the same provider */
	int fd;		     /* sealed copy: what runs here, and in callers */
	uint32_t gen;	     /* names its content */
	uint32_t caller_gen; /* for callers; 0: it offers them nothing */
	void *dl;
	const struct ukcf_provider *spi;
};

#define LOAD_MODULES_MAX 64u /* different ones of a provider */

/* One that has no place in the table yet; NULL: no memory. */
struct provider *load_new(const char *name);
/*
 * Load name from the provider directory: O_NOFOLLOW walk, owned by root (or
 * the daemon's uid), not writable by others; copied into a memfd sealed WRITE
 * (mode 0444), dlopen()ed from that, self-tested, its offers added.  If its
 * module drives several devices, NAME-2 and so on are loaded as well; why one of
 * them was not is logged.
 * Return: 0 or -errno: -EEXIST: it is loaded.
 */
int load_provider(const char *name);
/* Would it find a module for name that may be run?  It goes that far, and runs
 * none of it.  Return: 0, or load_provider()'s error. */
int load_check(const char *name);
/*
 * The instance of one that nobody uses any more ends.
 * Return: 0; -EBUSY: jobs of it, or a thread, did not come back, it stays
 * FAILED; that is logged.
 */
int load_unload(struct provider *p);
/* Known answers once more.  0, -EIO, or visit()'s. */
int load_test(struct provider *p);

/* Likewise of one mechanism that it offers; any thread, the provider is held
 * by a request.  o: NULL: it does not any more. */
int load_test_mech(struct provider *p, const struct mech *m,
		   const struct ukcf_offer *o);

/* Its code, or NULL.  Any thread. */
const struct module *load_module(const struct provider *p);

/* The mechanism of an offer; NULL: it is not known (yet). */
const struct mech *load_mech(const struct ukcf_provider *spi,
			     const struct ukcf_offer *o);

#endif

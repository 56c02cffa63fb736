/* SPDX-License-Identifier: MIT */
/*
 * Owns the provider modules in this process, for all connections and for as
 * long as the process lives: code that a thread may be running is never
 * unloaded, and no descriptor that names a module is closed, since dlopen(3)
 * recognises modules by the path behind /proc/self/fd.
 */
#ifndef LIB_MODULE_H
#define LIB_MODULE_H

#include <ukcf/provider.h>

/* A loaded module; the same for every connection that is given the same. */
struct module {
	struct module *next;
	uint64_t dev, ino; /* of the memfd */
	const struct ukcf_provider *spi;
	struct ukcf_instance *instance;
	struct ukcf_host host;
};

/**
 * module_load() - the module behind a descriptor
 * @fd: sealed memfd of the daemon's; the module's from here on
 * @name: what the provider must call itself
 * Return: the module, or NULL: it cannot be loaded here.
 */
const struct module *module_load(int fd, const char *name);

#endif

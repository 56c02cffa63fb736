/* SPDX-License-Identifier: MIT */
/*
 * Owns the visits of the loader's thread to the code of a provider that has
 * started: its reset, its known answers, its stop.  Each has a limit
 * (daemon.start_limit_ms): a thread that does not come back is left inside, and
 * until it does, nobody visits that provider again.
 */
#ifndef DAEMON_SPI_VISIT_H
#define DAEMON_SPI_VISIT_H

struct provider;
struct ukcf_instance;

/* On a thread of its own.  0 or -errno. */
typedef int (*visit_fn)(struct provider *p, struct ukcf_instance *self);

/* Is nobody left inside?  0, or -EBUSY, which is logged.  Any thread. */
int visit_is_over(const struct provider *p);
/*
 * @what: the words for fn, as "reset"
 * Return: fn()'s; -ETIMEDOUT: it did not return; -EBUSY: one of before has not
 * returned yet; -errno: there is no memory or no thread for it.  What is not
 * fn()'s is logged here.
 */
int visit(struct provider *p, const char *what, visit_fn fn);

#endif

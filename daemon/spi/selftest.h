/* SPDX-License-Identifier: MIT */
/*
 * Owns the known-answer tests: what a provider must compute before any of its
 * mechanisms is used.
 */
#ifndef DAEMON_SPI_SELFTEST_H
#define DAEMON_SPI_SELFTEST_H

#include <ukcf/provider.h>

struct mech;

/*
 * Run every test there is for this offer, both directions, and the negative
 * ones (a wrong tag must be refused).
 * Return: 0; -ENOENT if there is no test for the mechanism; -EIO if it failed
 * (*what names the operation).
 */
int selftest_offer(struct ukcf_instance *self, const struct ukcf_offer *o,
		   const char **what);
/*
 * Likewise of a mechanism m that the provider described itself.  There is no
 * known answer: it must give the same one twice, undo what it did, and refuse a
 * wrong tag.
 */
int selftest_described(struct ukcf_instance *self, const struct mech *m,
		       const struct ukcf_offer *o, const char **what);

/* A native dual offer, and those of its halves. */
struct selftest_dual {
	struct ukcf_instance *self;
	const struct ukcf_offer *cipher, *mac;
	const struct ukcf_dual_offer *dual;
};

/*
 * It must make what its halves make one after the other, which have known
 * answers of their own, refuse a wrong MAC, and then write nothing
 * (selftest-dual.c).
 * Return: 0, -EIO likewise, -ENOMEM.
 */
int selftest_dual(const struct selftest_dual *t, const char **what);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Owns the native dual offers: of providers that do a cipher and a MAC over its
 * ciphertext in one job.  An offer that was ever made keeps its place, as those
 * of single mechanisms do; what is behind it comes and goes.
 */
#ifndef DAEMON_CORE_NATIVE_H
#define DAEMON_CORE_NATIVE_H

#include <ukcf/provider.h>

struct dispatch_wish;
struct dual_plan;
struct mech_offer;
struct provider;
struct sched_candidate;

#define NATIVE_MAX 64u /* of all providers */

/* main, loader: it passed its test.  -ENOSPC: there are NATIVE_MAX. */
int native_add(struct provider *p, const struct ukcf_dual_offer *d);
/* Nobody may ask any more for what p offered until now. */
void native_withdraw(const struct provider *p);
/*
 * The offer predicted to be fastest, of those whose provider may be asked for
 * either half, too; NULL: there is none.  Of a provider whose answers are
 * checked there is none: each half can be.  Any thread, no lock.
 * @wish: of the first half
 */
struct mech_offer *native_find(const struct dual_plan *plan,
			       const struct dispatch_wish *wish);
/*
 * All that there are for it, and why each would not be chosen (SLOWER: it
 * might be).  Waits are not looked at.  Any thread.
 * @c, @of: room for NATIVE_MAX; the offers
 * Return: how many there are.
 */
unsigned int native_judge(const struct dual_plan *plan,
			  const struct dispatch_wish *wish,
			  struct sched_candidate *c, struct mech_offer **of);
/* What runs one that was found; NULL: it was withdrawn since. */
ukcf_dual_fn native_entry(const struct mech_offer *o);

#endif

/* SPDX-License-Identifier: MIT */
#include "tests/support/flipper.h"

#include "lib/shared/ring-ops.h"
#include "tests/support/check.h"

static void *flip(void *arg)
{
	struct flipper *f = arg;

	while (!load_relaxed_u32(&f->stop)) {
		*f->at ^= 1;
		f->flips++;
		for (uint64_t i = f->flips % (f->period + 1); i; i--)
			cpu_relax();
	}
	return NULL;
}

void flipper_start(struct flipper *f, uint8_t *at, uint32_t period)
{
	*f = (struct flipper){ .at = at, .period = period };
	if (pthread_create(&f->thread, NULL, flip, f))
		check_bail("no thread");
}

void flipper_stop(struct flipper *f)
{
	store_relaxed_u32(&f->stop, 1);
	pthread_join(f->thread, NULL);
}

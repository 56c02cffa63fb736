/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

#include "daemon/core/completion.h"
#include "daemon/core/copy.h"

static void *elsewhere(void *arg)
{
	*(bool *)arg = completion_is_here();
	completion_forbids("nothing");
	return NULL;
}

Test(completion, is_of_a_thread_and_nests)
{
	bool there = true;
	pthread_t t;

	cr_assert_not(completion_is_here());
	completion_enter();
	completion_enter();
	completion_leave();
	cr_assert(completion_is_here());
	cr_assert_eq(pthread_create(&t, NULL, elsewhere, &there), 0);
	pthread_join(t, NULL);
	cr_assert_not(there);
	completion_leave();
	cr_assert_not(completion_is_here());
	completion_forbids("nothing");
}

/* Sanitizers' builds check the rules; others do not pay for it. */
#ifdef UKCF_DEBUG
Test(completion, what_allocates_ends_the_process, .signal = SIGABRT)
{
	completion_enter();
	copy_of((struct ukcf_bytes){ 0 }, (struct ukcf_bytes){ 0 },
		(struct ukcf_bytes){ 0 }, 16);
}

Test(completion, what_is_forbidden_ends_the_process, .signal = SIGABRT)
{
	completion_enter();
	completion_forbids("a test");
}
#endif

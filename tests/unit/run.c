/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/spi/host.h"
#include "daemon/spi/run.h"
#include "lib/shared/clock.h"

static struct ukcf_job *held;
static uint8_t text[] = "a text", key[] = "a key", out[sizeof(text)];

static void complete(struct ukcf_job *job)
{
	struct landing *l = job->cookie;

	l->landed(l, job);
}

static enum ukcf_status answer(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	for (size_t i = 0; i < job->in.len; i++)
		job->out[i] = job->in.data[i] ^ job->key.data[0];
	job->res = (int64_t)job->in.len;
	job->status = UKCF_DONE;
	return UKCF_DONE;
}

static enum ukcf_status answer_queued(struct ukcf_instance *self,
				      struct ukcf_job *job)
{
	answer(self, job);
	complete(job);
	return UKCF_QUEUED;
}

static enum ukcf_status hold(struct ukcf_instance *self, struct ukcf_job *job)
{
	(void)self;
	held = job;
	return UKCF_QUEUED;
}

static enum ukcf_status run(ukcf_job_fn fn)
{
	struct ukcf_job job = {
		.key = { key, sizeof(key) },
		.in = { text, sizeof(text) },
		.out = out,
		.out_size = sizeof(out),
	};

	memset(out, 0, sizeof(out));
	return run_job(NULL, fn, &job);
}

TestSuite(run, .init = clock_init);

Test(run, an_answer_at_once_or_by_interrupt)
{
	ukcf_job_fn fn[] = { answer, answer_queued };

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(run(fn[i]), UKCF_DONE);
		cr_assert_eq(out[0], text[0] ^ key[0]);
	}
}

/* Whoever asked is gone then, with all that was his. */
Test(run, one_that_comes_too_late_touches_nobodys_memory)
{
	cr_assert_eq(run(hold), UKCF_FAILED);
	memset(text, 'x', sizeof(text));
	memset(key, 'x', sizeof(key));
	cr_assert_str_eq((const char *)held->in.data, "a text");
	cr_assert_str_eq((const char *)held->key.data, "a key");
	memset(held->out, 'x', held->out_size);
	cr_assert_eq(out[0], 0);
	complete(held);
	cr_assert_eq(run(answer), UKCF_DONE, "it is dropped by the next");
}

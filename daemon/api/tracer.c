/* SPDX-License-Identifier: MIT */
#include "daemon/api/tracer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api/change.h"
#include "daemon/core/mech.h"
#include "daemon/core/trace.h"
#include "daemon/loop.h"
#include "daemon/spi/provider.h"

#define READ_AT_ONCE 256

static struct loop_source *timer;
static const void *holder; /* NULL: nobody */

static void on_end(void *arg, uint32_t revents)
{
	(void)arg;
	(void)revents;
	trace_turn_off();
}

int tracer_init(struct loop *loop)
{
	return loop_timer_new(loop, on_end, NULL, &timer);
}

static int read_filter(const struct msg_trace *want, struct trace_filter *f,
		       struct msg_changed *r)
{
	const struct provider *p = NULL;
	const struct mech *m = NULL;

	if (strnlen(want->provider, sizeof(want->provider)) ==
		    sizeof(want->provider) ||
	    strnlen(want->mech, sizeof(want->mech)) == sizeof(want->mech))
		return change_say(r, -EINVAL, "a name is too long");
	if (want->seconds < 1 || want->seconds > MSG_TRACE_SECONDS_MAX)
		return change_say(r, -EINVAL, "a trace takes 1 to %u seconds",
				  MSG_TRACE_SECONDS_MAX);
	if (want->provider[0]) {
		p = provider_by_name(want->provider);
		if (!p)
			return change_no_provider(r, want->provider);
	}
	if (want->mech[0]) {
		m = mech_by_name(want->mech);
		if (!m)
			return change_say(r, -ENOENT, "no mechanism %s: "
					  "'cryptoctl list -m' shows them",
					  want->mech);
	}
	*f = (struct trace_filter){ .consumer = want->consumer,
				    .provider = p ? p->id : 0,
				    .mech = m ? m->id : 0 };
	return 0;
}

int tracer_start(const void *owner, const struct msg_trace *want,
		 struct msg_changed *r)
{
	struct trace_filter f;
	int err;

	if (holder && holder != owner && trace_is_on())
		return change_say(r, -EBUSY, "another administrator traces: "
				  "one can at a time");
	err = read_filter(want, &f, r);
	if (err)
		return err;
	holder = owner;
	trace_turn_on(&f);
	loop_timer_set(timer, want->seconds * UINT64_C(1000000000));
	return change_say(r, 0, "requests are traced for %u seconds",
			  want->seconds);
}

static void fill_name(struct msg_event *row, uint16_t provider)
{
	const struct provider *p = provider_by_id(provider);

	if (provider == UKCF_QUEUE_BULK || provider == UKCF_QUEUE_SLOW)
		strcpy(row->provider,
		       provider == UKCF_QUEUE_BULK ? "bulk" : "slow");
	else if (provider && p)
		snprintf(row->provider, sizeof(row->provider), "%s", p->name);
}

static void fill(struct msg_event *row, const struct trace_event *e)
{
	*row = (struct msg_event){
		.time_ns = trace_ns(e),
		.consumer = (uint32_t)e->consumer,
		.ring = e->ring,
		.kind = e->kind,
		.op = e->op,
		.mech = e->mech,
		.mac = e->mac,
		.queue_ns = e->queue_ns,
		.service_ns = e->service_ns,
		.at_once = e->at_once,
		.native = e->native,
		.sync = e->sync,
		.queue = e->queue,
		.seq = e->seq,
		.bytes = e->bytes,
		.res = e->res,
	};
	fill_name(row, e->provider);
}

int tracer_read(const void *owner, struct msg_event *rows, uint32_t n)
{
	static struct trace_event events[READ_AT_ONCE];
	uint64_t lost;
	uint32_t got = 0, more;

	if (!holder || holder != owner)
		return -EPERM;
	if (n > READ_AT_ONCE)
		n = READ_AT_ONCE;
	more = trace_read(events, n - 1, &lost);
	if (lost)
		rows[got++] = (struct msg_event){ .kind = MSG_EVENT_LOST,
						  .bytes = lost };
	for (uint32_t i = 0; i < more; i++)
		fill(&rows[got++], &events[i]);
	return got || trace_is_on() ? (int)got : -ENODATA;
}

void tracer_leave(const void *owner)
{
	if (holder != owner)
		return;
	holder = NULL;
	trace_turn_off();
	loop_timer_set(timer, 0);
}

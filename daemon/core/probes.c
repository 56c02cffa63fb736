/* SPDX-License-Identifier: MIT */
#include "daemon/core/probes.h"

#ifdef ENABLE_PROBES

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "daemon/api/consumer.h"
#include "daemon/api/decode.h"
#include "daemon/api/ring.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/spi/provider.h"
#include "lib/shared/clock.h"

struct seen {
	uint64_t consumer;
	uint64_t bytes;
	uint64_t queue_ns;
	uint64_t service_ns;
	int64_t result;
	uint32_t mech;
	uint16_t provider;
};

/* A handle that the result is, of a key or a template, is nobody else's. */
static int64_t result_of(const struct request *req)
{
	int64_t res = req->entry->cqe.res;

	return req->rule && req->rule->kind != OP_CRYPTO &&
			       req->rule->kind != OP_PART && res > 0 ?
		       0 :
		       res;
}

static struct seen look(const struct request *req, uint16_t provider,
			bool ended)
{
	const struct ukcf_cqe *c = &req->entry->cqe;
	struct seen s = {
		.consumer = ring_consumer(req->ring)->serial,
		.bytes = request_bytes(req),
		.mech = req->mech ? req->mech->id : req->entry->sqe.mech[0],
		.provider = provider,
	};

	if (!provider && req->offer)
		s.provider = req->offer->provider->id;
	if (ended) {
		s.queue_ns = c->u.t.queue_ns;
		s.service_ns = c->u.t.service_ns;
		s.result = result_of(req);
	} else {
		s.queue_ns = clock_ticks_to_ns(clock_ticks() -
					       req->accepted_ticks);
	}
	return s;
}

/* Out of line, so that each has one place in the program. */
#define PROBE_DEFINE(name, ended)                                          \
	unsigned short ukcfd_##name##_semaphore                            \
		__attribute__((used, section(".probes")));                 \
	__attribute__((noinline)) void probe_fire_##name(                  \
		const struct request *req, uint16_t provider)              \
	{                                                                  \
		struct seen s = look(req, provider, ended);                \
                                                                           \
		STAP_PROBE9(ukcfd, name, s.consumer,                       \
			    req->entry->sqe.user_data, req->entry->sqe.op, \
			    s.mech, s.provider, s.bytes, s.queue_ns,       \
			    s.service_ns, s.result);                       \
	}
PROBES(PROBE_DEFINE)

#endif

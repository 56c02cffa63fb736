/* SPDX-License-Identifier: MIT */
#include "daemon/core/request.h"

#include "daemon/api/arena.h"
#include "daemon/core/keystore.h"
#include "daemon/core/recovery.h"

void request_release(struct request *req)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (!req->arena[i])
			continue;
		arena_release(req->arena[i]);
		req->arena[i] = NULL;
		req->at[i] = NULL;
	}
	if (req->key)
		keystore_release(req->key);
	req->key = NULL;
}

void request_result(struct request *req, int64_t res, unsigned int detail)
{
	req->entry->cqe.res = res;
	req->entry->cqe.detail = (uint16_t)detail;
}

static uint32_t saturate(uint64_t ns)
{
	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

void request_times(struct request *req, uint64_t queue_ns, uint64_t service_ns)
{
	req->entry->cqe.u.t.queue_ns = saturate(queue_ns);
	req->entry->cqe.u.t.service_ns = saturate(service_ns);
}

uint64_t request_bytes(const struct request *req)
{
	const struct ukcf_sqe *sqe = &req->entry->sqe;

	if (sqe->op == UKCF_OP_RANDOM)
		return sqe->out.len;
	return (uint64_t)sqe->in.len + sqe->aux.len;
}

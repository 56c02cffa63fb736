/* SPDX-License-Identifier: MIT */
#include "daemon/api/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/dispatch.h"
#include "daemon/spi/provider.h"

static struct msg_candidate row_of(const struct sched_candidate *c)
{
	struct msg_candidate row = {
		.wait_ns = c->wait_ns,
		.service_ns = c->service_ns,
		.provider = c->provider,
		.chosen = c->reason == SCHED_CHOSEN,
		.at_once = dispatch_is_at_once(c),
		.hardware = c->hardware,
	};

	snprintf(row.name, sizeof(row.name), "%s",
		 provider_by_id(c->provider)->name);
	snprintf(row.reason, sizeof(row.reason), "%s",
		 sched_reason_name(c->reason));
	return row;
}

/* What most callers mean, by class: for who names no operation. */
static const uint8_t usual_op[] = {
	[UKCF_CLASS_DIGEST] = UKCF_OP_DIGEST,
	[UKCF_CLASS_MAC] = UKCF_OP_MAC,
	[UKCF_CLASS_AEAD] = UKCF_OP_ENCRYPT,
	[UKCF_CLASS_CIPHER] = UKCF_OP_ENCRYPT,
	[UKCF_CLASS_SIGN] = UKCF_OP_SIGN,
	[UKCF_CLASS_KEX] = UKCF_OP_DERIVE,
	[UKCF_CLASS_KDF] = UKCF_OP_DERIVE,
	[UKCF_CLASS_RNG] = UKCF_OP_RANDOM,
	[UKCF_CLASS_PKE] = UKCF_OP_ENCRYPT,
};

static uint32_t usual_op_of(const struct mech *m)
{
	uint32_t class_ = UKCF_MECH_CLASS(m->id);

	return class_ < sizeof(usual_op) ? usual_op[class_] : UKCF_OP_NOP;
}

int explain_run(const struct msg_explain *e,
		struct msg_candidate rows[MECH_OFFERS_MAX])
{
	struct dispatch_wish w = { .op = e->op, .bytes = e->size };
	struct sched_candidate c[MECH_OFFERS_MAX];
	const struct mech *m;
	unsigned int n;
	int chosen;

	if (e->reserved || e->op >= UKCF_OP_LAST ||
	    strnlen(e->mech, sizeof(e->mech)) == sizeof(e->mech))
		return -EINVAL;
	m = mech_by_name(e->mech);
	if (!m)
		return -ENOENT;
	if (w.op == UKCF_OP_NOP)
		w.op = usual_op_of(m);
	n = dispatch_judge(m, &w, c, &chosen);
	for (unsigned int i = 0; i < n; i++)
		rows[i] = row_of(&c[i]);
	return (int)n;
}

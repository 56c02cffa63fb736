/* SPDX-License-Identifier: MIT */
#include "daemon/api/explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/dispatch.h"
#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

static struct msg_candidate row_of(const struct sched_candidate *c,
				   enum msg_share share, uint32_t op)
{
	struct msg_candidate row = {
		.share = (uint8_t)share,
		.op = (uint8_t)op,
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

static int explain_one(const struct msg_explain *e, const struct mech *m,
		       struct msg_candidate *rows)
{
	const struct dispatch_wish w = { .op = e->op, .bytes = e->size };
	struct sched_candidate c[MECH_OFFERS_MAX];
	unsigned int n;
	int chosen;

	n = dispatch_judge(m, &w, c, &chosen);
	for (unsigned int i = 0; i < n; i++)
		rows[i] = row_of(&c[i], MSG_SHARE_ALL, e->op);
	return (int)n;
}

static int explain_dual(const struct msg_explain *e, const struct mech *cipher,
			const struct mech *mac, struct msg_candidate *rows)
{
	const struct dual_plan plan = dual_plan_of(e->op, cipher, mac);
	struct sched_candidate native[NATIVE_MAX];
	struct sched_candidate step[DUAL_HALVES][MECH_OFFERS_MAX];
	struct dispatch_dual d = { native, { step[0], step[1] }, 0, { 0 } };
	unsigned int n = 0;

	dispatch_judge_dual(&plan, e->size, &d);
	for (unsigned int i = 0; i < d.n_native; i++)
		rows[n++] = row_of(&native[i], MSG_SHARE_BOTH, e->op);
	for (unsigned int h = 0; h < DUAL_HALVES; h++)
		for (unsigned int i = 0; i < d.n_step[h]; i++)
			rows[n++] = row_of(&step[h][i], MSG_SHARE_HALF,
					   plan.step[h].op);
	return (int)n;
}

static bool is_disabled(const struct mech *m)
{
	return m && !load_relaxed_u32(&m->enabled);
}

/* Requests are refused before anybody is chosen for them. */
static void forbid(struct msg_candidate *rows, int n)
{
	for (int i = 0; i < n; i++) {
		rows[i].chosen = 0;
		snprintf(rows[i].reason, sizeof(rows[i].reason),
			 "the mechanism is disabled");
	}
}

static bool is_name(const char name[UKCF_NAME_MAX])
{
	return strnlen(name, UKCF_NAME_MAX) < UKCF_NAME_MAX;
}

int explain_run(const struct msg_explain *asked,
		struct msg_candidate rows[EXPLAIN_ROWS_MAX])
{
	const struct mech *m, *mac = NULL;
	struct msg_explain e = *asked;
	int n;

	if (e.reserved || e.op >= UKCF_OP_LAST || !is_name(e.mech) ||
	    !is_name(e.mac))
		return -EINVAL;
	m = mech_by_name(e.mech);
	if (e.mac[0])
		mac = mech_by_name(e.mac);
	if (!m || (e.mac[0] && !mac))
		return -ENOENT;
	if (e.op == UKCF_OP_NOP)
		e.op = mac ? UKCF_OP_ENCRYPT_MAC : usual_op_of(m);
	if (dual_is(e.op) != (mac != NULL))
		return -EINVAL;
	n = mac ? explain_dual(&e, m, mac, rows) : explain_one(&e, m, rows);
	if (is_disabled(m) || is_disabled(mac))
		forbid(rows, n);
	return n;
}

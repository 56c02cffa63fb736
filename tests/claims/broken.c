/* SPDX-License-Identifier: MIT */
/*
 * A daemon that is broken on purpose, to see that the claim tests notice: the
 * objects of ukcfd, linked so that these functions stand before its own
 * (--wrap).  UKCF_PLANTED names the one fault that this process has; without
 * it, it has none.  tests/claims/broken.sh has the list of faults, and says
 * which cases each of them must fail.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/notifier.h"
#include "daemon/api/page.h"
#include "daemon/api/ring.h"
#include "daemon/core/backlog.h"
#include "daemon/core/completion.h"
#include "daemon/core/context.h"
#include "daemon/core/crosscheck.h"
#include "daemon/core/dispatch.h"
#include "daemon/core/dual.h"
#include "daemon/core/mech.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/core/sched.h"
#include "daemon/core/template.h"
#include "daemon/core/worker.h"
#include "daemon/spi/provider.h"
#include "lib/shared/ring-ops.h"

/* WRAP(type, name, (parameters)): both names of a function */
#define WRAP(type, name, parameters)       \
	type __real_##name parameters;     \
	type __wrap_##name parameters;     \
	type __wrap_##name parameters

static const char *fault = "";

__attribute__((constructor)) static void find_fault(void)
{
	const char *s = getenv("UKCF_PLANTED");

	if (s)
		fault = s;
}

static bool planted(const char *name)
{
	return strcmp(fault, name) == 0;
}

/* --------------------------------------------------------- when and by whom */

/* no-caller: no module for callers; unlisted: nobody's mechanisms are known;
 * all-offer: everybody has all of them; stale: nothing is ever disabled */
WRAP(void, page_publish, (const struct ukcf_page_provider *providers,
			  unsigned int n_providers,
			  const struct ukcf_page_mech *mechs,
			  unsigned int n_mechs))
{
	static struct ukcf_page_mech m[UKCF_PAGE_MECHS_MAX];
	static struct ukcf_page_provider p[UKCF_PAGE_PROVIDERS_MAX + 1];

	memcpy(m, mechs, n_mechs * sizeof(*m));
	memcpy(p, providers, n_providers * sizeof(*p));
	for (unsigned int i = 0; i < n_mechs; i++) {
		if (planted("no-caller"))
			m[i].caller = 0;
		if (planted("all-offer"))
			m[i].providers = UINT64_MAX;
		if (planted("stale"))
			m[i].flags |= UKCF_PAGE_MECH_ENABLED;
	}
	for (unsigned int i = 0; i < n_providers && planted("unlisted"); i++)
		p[i].n_mechs = 0;
	__real_page_publish(p, n_providers, m, n_mechs);
}

/* unchecked: every answer is believed */
WRAP(bool, crosscheck_is_due, (const struct request *req))
{
	return !planted("unchecked") && __real_crosscheck_is_due(req);
}

/* always-queued: what need not be queued is */
WRAP(bool, dispatch_runs_at_once, (const struct request *req))
{
	if (planted("always-queued") && req->entry->sqe.op == UKCF_OP_DIGEST)
		return false;
	return __real_dispatch_runs_at_once(req);
}

static bool names(const struct sched_needs *needs,
		  const struct sched_candidate *c)
{
	return c->provider == needs->provider && !c->hardware;
}

/* Another one in software than is asked for, where there is one. */
static uint16_t another(const struct sched_needs *needs,
			const struct sched_candidate *c, unsigned int n)
{
	uint16_t other = 0;
	bool named = false;

	for (unsigned int i = 0; i < n; i++) {
		named |= names(needs, &c[i]);
		if (!c[i].hardware && !names(needs, &c[i]))
			other = c[i].provider;
	}
	return named && other ? other : needs->provider;
}

/* other-provider: who is asked for is mistaken for another; any-kind: hardware
 * is not required; disabled: what is disabled is chosen */
WRAP(int, sched_choose, (const struct sched_needs *needs,
			 struct sched_candidate *c, unsigned int n))
{
	struct sched_needs other = *needs;

	for (unsigned int i = 0; i < n && planted("disabled"); i++)
		c[i].disabled = false;
	if (planted("other-provider"))
		other.provider = another(needs, c, n);
	if (planted("any-kind"))
		other.require_hw = false;
	return __real_sched_choose(&other, c, n);
}

/* any-mechanism: what nobody knows is taken for sha2-256 */
WRAP(const struct mech *, mech_find, (uint32_t id))
{
	const struct mech *m = __real_mech_find(id);

	return m || !planted("any-mechanism") ?
		       m :
		       __real_mech_find(UKCF_MECH_SHA2_256);
}

/* uncounted: the counters of a connection stand still */
WRAP(void, ring_counts, (const struct ring *r, struct ukcf_counts *sum))
{
	if (!planted("uncounted"))
		__real_ring_counts(r, sum);
}

/* no-verify: signatures are never verified */
WRAP(void, request_result,
     (struct request *req, int64_t res, unsigned int detail))
{
	if (planted("no-verify") && request_op(req) == UKCF_OP_VERIFY)
		__real_request_result(req, -EOPNOTSUPP, UKCF_DETAIL_MECH_OP);
	else
		__real_request_result(req, res, detail);
}

/* ------------------------------------------------------------------- queues */

/* never-full: everybody finds a place; sync-refused: those who wait do not */
WRAP(int, backlog_put, (struct backlog *b, struct request *req, bool force,
			bool ack, const struct want_space *want))
{
	if (planted("never-full"))
		force = true;
	if (planted("sync-refused") &&
	    req->entry->sqe.mode == UKCF_MODE_SYNC)
		force = false;
	return __real_backlog_put(b, req, force, ack, want);
}

/* one-device: what is asked of the second device waits for the first;
 * wrong-lane: what is asked of a software provider waits in the slow lane */
WRAP(struct backlog *, dispatch_backlog, (const struct request *req))
{
	static struct backlog *first;
	struct backlog *b = __real_dispatch_backlog(req);

	if (b->id == UKCF_QUEUE_BULK && planted("wrong-lane") &&
	    req->entry->sqe.provider &&
	    req->entry->sqe.mech[0] == UKCF_MECH_SHA2_256)
		return worker_backlog(LANE_SLOW);
	if (b->id >= UKCF_QUEUE_BULK || !planted("one-device"))
		return b;
	if (!first)
		first = b;
	return first;
}

/* not-told: nobody hears of room */
WRAP(struct qwaiter *, queue_told, (struct queue *q))
{
	return planted("not-told") ? NULL : __real_queue_told(q);
}

/* leak: who is cancelled takes its place along, as in KCF */
WRAP(bool, queue_remove, (struct queue *q, struct qnode *n))
{
	bool removed = __real_queue_remove(q, n);

	if (removed && planted("leak") && q->slots > 1)
		q->slots--;
	return removed;
}

/* no-time: nobody measures how long one waits */
WRAP(void, request_times, (struct request *req, uint64_t queue_ns,
			   uint64_t service_ns))
{
	__real_request_times(req, planted("no-time") ? 0 : queue_ns,
			     service_ns);
}

/* ------------------------------------------------------- handles and cancel */

/* no-handle: a handle names nothing */
WRAP(struct request *, ring_find, (struct ring *r, uint64_t handle))
{
	return planted("no-handle") ? NULL : __real_ring_find(r, handle);
}

/* unasked: everybody gets a handle */
static void want_handle(struct request *req)
{
	if (planted("unasked"))
		req->entry->sqe.flags |= UKCF_SQE_WANT_HANDLE;
}

WRAP(void, ring_post_queued, (struct request *req))
{
	want_handle(req);
	__real_ring_post_queued(req);
}

WRAP(void, ring_leave_queued, (struct request *req))
{
	want_handle(req);
	__real_ring_leave_queued(req);
}

/* context-stays: cancelling a context does nothing */
WRAP(unsigned int, context_cancel, (struct context *c))
{
	return planted("context-stays") ? 0 : __real_context_cancel(c);
}

/* ------------------------------------------------- templates, parts, halves */

/* not-computed: a template is only another name of its key */
WRAP(const void *, template_state, (struct template *t,
				    const struct mech_offer *offer,
				    const struct key *key))
{
	return planted("not-computed") ?
		       NULL :
		       __real_template_state(t, offer, key);
}

/* unused: a request does not keep its template */
WRAP(void, template_release, (struct template *t, bool used))
{
	if (!planted("unused"))
		__real_template_release(t, used);
}

WRAP(int, template_hold, (uint64_t handle, struct object_user who,
			  struct template **tp, struct key **kp))
{
	int err = __real_template_hold(handle, who, tp, kp);

	if (!err && planted("unused"))
		__real_template_release(*tp, false);
	return err;
}

/* template-stays: it is not destroyed */
WRAP(int, template_destroy, (uint64_t handle, struct object_user who,
			     struct request_id request,
			     void (*ended)(void *), void *arg))
{
	return planted("template-stays") ?
		       0 :
		       __real_template_destroy(handle, who, request, ended,
					       arg);
}

/* unordered: no part waits for the one before it */
WRAP(bool, context_is_idle, (const struct request *req))
{
	return planted("unordered") || __real_context_is_idle(req);
}

/* incomplete: a message that lacks a part is as good as another */
WRAP(int, context_failure, (const struct request *req))
{
	return planted("incomplete") ? 0 : __real_context_failure(req);
}

/* any-mac: a wrong MAC is as good as another */
WRAP(void, dual_settle, (struct request *req, const struct ukcf_job *job))
{
	struct ukcf_job other = *job;

	if (planted("any-mac") && job->res == -EBADMSG)
		other.res = 0;
	__real_dual_settle(req, &other);
}

/* second-half: it follows, whatever happened meanwhile */
WRAP(bool, dual_goes_on, (struct request *req))
{
	if (planted("second-half"))
		store_release_u32(&req->cancel, 0);
	return __real_dual_goes_on(req);
}

/* ----------------------------------------------------- news, and completion */

/* silent: no byte is sent */
WRAP(void, notifier_post, (struct consumer *c))
{
	if (!planted("silent"))
		__real_notifier_post(c);
}

/* no-interrupt: nothing is done where a device answers */
WRAP(bool, completion_is_here, (void))
{
	return !planted("no-interrupt") && __real_completion_is_here();
}

/* not-out: who has failed is used on */
WRAP(bool, provider_is_usable, (const struct provider *p))
{
	return planted("not-out") || __real_provider_is_usable(p);
}

/* not-loaded: no request brings a provider */
WRAP(bool, provider_may_come, (const struct provider *p))
{
	return !planted("not-loaded") && __real_provider_may_come(p);
}

/* endless: no deadline comes */
WRAP(void, dispatch_set_deadline, (struct request *req))
{
	__real_dispatch_set_deadline(req);
	if (planted("endless"))
		req->deadline_ns += UINT64_C(3600000000000);
}

/* SPDX-License-Identifier: MIT */
/*
 * Sessions: created and destroyed by the control queue, one request at a time.
 * Forgetting a key comes from completion context: through mailboxes without a
 * lock, and when these are full all sessions that nobody uses are forgotten.
 */
#include "providers/virtio/engine-parts.h"

#include <string.h>

#include "providers/virtio/distrust.h"
#include "providers/virtio/order.h"

bool engine_ctrl_post(struct engine *e, size_t n, size_t answer)
{
	const struct virtqueue_part parts[] = {
		{ e->ctrl_ask.iova, (uint32_t)n, false },
		{ e->ctrl_answer.iova, (uint32_t)answer, true },
	};

	memset(e->ctrl_answer.mem, CRYPTO_UNANSWERED, answer);
	virtqueue_post(&e->device.ctrl, 0, parts, 2);
	e->ctrl_room = answer;
	e->ctrl_deadline_ns = engine_deadline(e);
	if (virtqueue_publish(&e->device.ctrl) &&
	    device_notify(&e->device, &e->device.ctrl)) {
		engine_fail(e, "its doorbell is gone");
		return false;
	}
	return true;
}

/* Who has its key? */
static const struct slot *waits_for(const struct engine *e,
				    const struct session *s)
{
	for (unsigned int i = 0; i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_WAITS &&
		    e->slots[i].session == s)
			return &e->slots[i];
	return NULL;
}

static void create(struct engine *e, struct session *s)
{
	const struct slot *w = waits_for(e, s);
	size_t n;

	if (!w) {
		s->state = SESSION_FREE;
		return;
	}
	n = crypto_create(e->ctrl_ask.mem, s->kind, w->work.key);
	s->state = SESSION_MAKING;
	e->ctrl_session = s;
	e->ctrl = CTRL_CREATES;
	engine_ctrl_post(e, n, sizeof(struct virtio_crypto_session_input));
}

static void destroy(struct engine *e, struct session *s)
{
	size_t n = crypto_destroy(e->ctrl_ask.mem, s->kind, s->id);

	s->state = SESSION_ENDING;
	e->ctrl_session = s;
	e->ctrl = CTRL_DESTROYS;
	engine_ctrl_post(e, n, sizeof(struct virtio_crypto_inhdr));
}

/* Those that wait for it go on, or elsewhere. */
static void let_go(struct engine *e, struct session *s, bool made)
{
	for (unsigned int i = 0; i < e->settings.depth; i++) {
		struct slot *w = &e->slots[i];

		if (w->state != SLOT_WAITS || w->session != s)
			continue;
		if (made)
			w->state = SLOT_READY;
		else
			engine_end_slot(e, w, UKCF_RETRY_ELSEWHERE);
	}
}

static void created(struct engine *e, struct session *s)
{
	struct virtio_crypto_session_input in;
	uint32_t status;

	memcpy(&in, e->ctrl_answer.mem, sizeof(in));
	status = le32toh(in.status);
	if (status == VIRTIO_CRYPTO_OK) {
		if (session_made(&e->sessions, s, le64toh(in.session_id)) < 0)
			engine_fail(e, "it gave two sessions one id");
		else
			let_go(e, s, true);
		return;
	}
	if (status == UINT32_MAX)
		engine_fail(e, "it ended a control request without a status");
	let_go(e, s, false);
	s->state = SESSION_FREE;
}

/* The key's page holds it until the device has answered, and not longer. */
static void ctrl_end(struct engine *e)
{
	struct session *s = e->ctrl_session;
	enum ctrl_state was = e->ctrl;

	explicit_bzero(e->ctrl_ask.mem, CRYPTO_CTRL_MAX);
	e->ctrl = CTRL_IDLE;
	e->ctrl_session = NULL;
	if (was == CTRL_CREATES)
		created(e, s);
	else if (*e->ctrl_answer.mem != VIRTIO_CRYPTO_OK)
		engine_fail(e, "it keeps a session that has to go");
	else
		*s = (struct session){ .state = SESSION_FREE };
}

unsigned int engine_collect_ctrl(struct engine *e)
{
	uint32_t len;
	uint16_t i;
	int got = virtqueue_take(&e->device.ctrl, &i, &len);

	if (got == 0)
		return 0;
	if (got < 0 || distrusts(e->ctrl == CTRL_IDLE)) {
		engine_fail(e, "it ended a control request that it does not "
			       "have");
		return 0;
	}
	if (distrusts(len > e->ctrl_room))
		engine_fail(e, "it says that it wrote more than it may");
	ctrl_end(e);
	return 1;
}

unsigned int engine_next_ctrl(struct engine *e)
{
	struct session *s;

	if (e->ctrl != CTRL_IDLE || e->trouble)
		return 0;
	s = session_unwanted(&e->sessions);
	if (s) {
		destroy(e, s);
		return 1;
	}
	s = session_wanted(&e->sessions);
	if (!s)
		return 0;
	create(e, s);
	return 1;
}

/* A slot that has no session yet finds one, or asks for it. */
static void find_session(struct engine *e, struct slot *s)
{
	uint8_t digest[SHA256_BYTES];

	/* As the host has it: what it will say that ends. */
	session_digest(&e->sessions, s->work.job->key, digest);
	s->session = session_use(&e->sessions, s->work.session, digest);
	if (!s->session)
		return;
	s->state = s->session->state == SESSION_READY ? SLOT_READY :
							SLOT_WAITS;
}

void engine_find_sessions(struct engine *e)
{
	for (unsigned int i = 0; e->busy && i < e->settings.depth; i++)
		if (e->slots[i].state == SLOT_NEEDS)
			find_session(e, &e->slots[i]);
}

void engine_read_mail(struct engine *e)
{
	if (!order_own_exchange(&e->has_mail, 0))
		return;
	for (unsigned int i = 0; i < ENGINE_MAILBOXES; i++) {
		struct mailbox *m = &e->mail[i];

		if (order_own_load(&m->state) != MAIL_SENT)
			continue;
		session_forget(&e->sessions, m->digest);
		order_own_store(&m->state, MAIL_EMPTY);
	}
	if (order_own_exchange(&e->mail_overflow, 0))
		session_forget_all(&e->sessions);
}

void engine_forget(struct engine *e, struct ukcf_bytes key)
{
	bool sent = false;

	if (!key.len)
		return;
	for (unsigned int i = 0; i < ENGINE_MAILBOXES && !sent; i++) {
		struct mailbox *m = &e->mail[i];

		if (!order_own_change(&m->state, MAIL_EMPTY, MAIL_WRITTEN))
			continue;
		session_digest(&e->sessions, key, m->digest);
		order_own_store(&m->state, MAIL_SENT);
		sent = true;
	}
	if (!sent)
		order_own_store(&e->mail_overflow, 1);
	order_own_store(&e->has_mail, 1);
	engine_wake(e);
}

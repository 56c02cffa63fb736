/* SPDX-License-Identifier: MIT */
#include "providers/virtio/session.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "providers/virtio/distrust.h"

int session_table_init(struct session_table *t)
{
	/* Up to 256 bytes come whole, getrandom(2). */
	return getrandom(t->salt, sizeof(t->salt), 0) == sizeof(t->salt) ?
		       0 :
		       -EIO;
}

void session_table_clear(struct session_table *t)
{
	memset(t->all, 0, sizeof(t->all));
	t->uses = 0;
}

void session_digest(const struct session_table *t, struct ukcf_bytes key,
		    uint8_t digest[SHA256_BYTES])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, t->salt, sizeof(t->salt));
	sha256_add(&s, key.data, key.len);
	sha256_end(&s, digest);
}

static bool is_same_kind(struct session_kind a, struct session_kind b)
{
	return a.service == b.service && a.algo == b.algo && a.op == b.op &&
	       a.hash == b.hash && a.padding == b.padding;
}

static bool can_serve(const struct session *s)
{
	return s->state != SESSION_FREE && s->state != SESSION_ENDING &&
	       !s->forgotten;
}

static struct session *find(struct session_table *t, struct session_kind kind,
			    const uint8_t digest[SHA256_BYTES])
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &t->all[i];

		if (can_serve(s) && is_same_kind(s->kind, kind) &&
		    memcmp(s->digest, digest, SHA256_BYTES) == 0)
			return s;
	}
	return NULL;
}

static struct session *find_free(struct session_table *t)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		if (t->all[i].state == SESSION_FREE)
			return &t->all[i];
	return NULL;
}

static bool is_going(const struct session_table *t)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		if (t->all[i].state == SESSION_ENDING ||
		    (t->all[i].state == SESSION_READY &&
		     t->all[i].forgotten && !t->all[i].users))
			return true;
	return false;
}

/* One at a time: whoever waits has its place. */
static void make_room(struct session_table *t)
{
	struct session *oldest = NULL;

	if (is_going(t))
		return;
	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &t->all[i];

		if (s->state == SESSION_READY && !s->users &&
		    (!oldest || s->last < oldest->last))
			oldest = s;
	}
	if (oldest)
		oldest->forgotten = true;
}

struct session *session_use(struct session_table *t, struct session_kind kind,
			    const uint8_t digest[SHA256_BYTES])
{
	struct session *s = find(t, kind, digest);

	if (!s) {
		s = find_free(t);
		if (!s) {
			make_room(t);
			return NULL;
		}
		*s = (struct session){ .state = SESSION_WANTED, .kind = kind };
		memcpy(s->digest, digest, SHA256_BYTES);
	}
	s->users++;
	s->last = ++t->uses;
	return s;
}

void session_leave(struct session *s)
{
	s->users--;
}

void session_forget(struct session_table *t,
		    const uint8_t digest[SHA256_BYTES])
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		if (memcmp(t->all[i].digest, digest, SHA256_BYTES) == 0)
			t->all[i].forgotten = true;
}

void session_forget_all(struct session_table *t)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		t->all[i].forgotten = true;
}

struct session *session_wanted(struct session_table *t)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		if (t->all[i].state == SESSION_WANTED)
			return &t->all[i];
	return NULL;
}

struct session *session_unwanted(struct session_table *t)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &t->all[i];

		if (s->state == SESSION_READY && s->forgotten && !s->users)
			return s;
	}
	return NULL;
}

int session_made(struct session_table *t, struct session *s, uint64_t id)
{
	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		const struct session *o = &t->all[i];

		if (distrusts((o->state == SESSION_READY ||
			       o->state == SESSION_ENDING) &&
			      o->id == id))
			return -EPROTO;
	}
	s->state = SESSION_READY;
	s->id = id;
	return 0;
}

unsigned int session_count(const struct session_table *t)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		n += t->all[i].state == SESSION_READY;
	return n;
}

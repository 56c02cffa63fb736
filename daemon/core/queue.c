/* SPDX-License-Identifier: MIT */
#include "daemon/core/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shared/ring-ops.h"

int queue_init(struct queue *q, unsigned int slots)
{
	memset(q, 0, sizeof(*q));
	q->flows = calloc(QUEUE_FLOWS, sizeof(*q->flows));
	q->slots = slots;
	q->ones.last = &q->ones.first;
	q->many.last = &q->many.first;
	return q->flows ? 0 : -ENOMEM;
}

void queue_deinit(struct queue *q)
{
	free(q->flows);
	q->flows = NULL;
}

unsigned int queue_depth(const struct queue *q)
{
	return load_relaxed_u32(&q->depth);
}

unsigned int queue_room(const struct queue *q)
{
	return q->slots - load_relaxed_u32(&q->taken);
}

bool queue_is_full(const struct queue *q)
{
	return !queue_room(q) || load_relaxed_u32(&q->saves);
}

uint64_t queue_backlog_ns(const struct queue *q)
{
	return load_relaxed_u64(&q->backlog_ns);
}

static void count_in(struct queue *q, const struct qnode *n)
{
	store_relaxed_u32(&q->taken, q->taken + !n->beside);
	if (q->taken)
		q->left = 0;
	store_relaxed_u32(&q->depth, q->depth + 1);
	store_relaxed_u64(&q->backlog_ns, q->backlog_ns + n->cost_ns);
}

static void count_out(struct queue *q, const struct qnode *n)
{
	store_relaxed_u32(&q->taken, q->taken - !n->beside);
	if (q->left < q->slots)
		q->left++;
	store_relaxed_u32(&q->depth, q->depth - 1);
	store_relaxed_u64(&q->backlog_ns, q->backlog_ns - n->cost_ns);
}

/* -------------------------------------------------- deadlines: a pairing heap
 *
 * back: the parent, or the left sibling; NULL at the root.
 */

static struct qnode *meld(struct qnode *a, struct qnode *b)
{
	struct qnode *t;

	if (!a || !b)
		return a ? a : b;
	if (b->deadline_ns < a->deadline_ns) {
		t = a;
		a = b;
		b = t;
	}
	b->back = a;
	b->sibling = a->child;
	if (a->child)
		a->child->back = b;
	a->child = b;
	return a;
}

/* Pair from left to right, then meld the pairs from right to left. */
static struct qnode *meld_siblings(struct qnode *n)
{
	struct qnode *pairs = NULL, *root = NULL;

	while (n) {
		struct qnode *a = n, *b = n->sibling;

		n = b ? b->sibling : NULL;
		a->sibling = NULL;
		if (b)
			b->sibling = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct qnode *next = pairs->sibling;

		pairs->sibling = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	if (root)
		root->back = NULL;
	return root;
}

static void heap_add(struct queue *q, struct qnode *n)
{
	n->child = NULL;
	n->sibling = NULL;
	n->back = NULL;
	q->first_deadline = meld(q->first_deadline, n);
}

static void heap_remove(struct queue *q, struct qnode *n)
{
	struct qnode *below = meld_siblings(n->child);

	if (!n->back) {
		q->first_deadline = below;
		return;
	}
	if (n->back->child == n)
		n->back->child = n->sibling;
	else
		n->back->sibling = n->sibling;
	if (n->sibling)
		n->sibling->back = n->back;
	q->first_deadline = meld(q->first_deadline, below);
}

uint64_t queue_earliest(const struct queue *q)
{
	return q->first_deadline->deadline_ns;
}

/* -------------------------------------------------- the circle of those with
 * requests
 */

/* What it owes from when nobody waits any more. */
static void forgive(struct queue *q, struct qflow *f)
{
	if (f->period == q->period)
		return;
	f->period = q->period;
	f->deficit = 0;
}

/* Its turn comes after all others'. */
static void join(struct queue *q, struct qflow *f)
{
	forgive(q, f);
	q->n_active++;
	if (!q->turn) {
		f->next = f;
		f->prev = f;
		q->turn = f;
		return;
	}
	f->next = q->turn;
	f->prev = q->turn->prev;
	f->prev->next = f;
	q->turn->prev = f;
}

/* An idle consumer saves nothing up. */
static void leave(struct queue *q, struct qflow *f)
{
	if (f->deficit > 0)
		f->deficit = 0;
	f->open = false;
	if (--q->n_active == 0)
		q->period++;
	if (q->turn == f)
		q->turn = f->next == f ? NULL : f->next;
	f->prev->next = f->next;
	f->next->prev = f->prev;
}

static void unlink_node(struct queue *q, struct qnode *n)
{
	struct qflow *f = n->flow;

	*(n->prev ? &n->prev->next : &f->first) = n->next;
	*(n->next ? &n->next->prev : &f->last) = n->prev;
	n->queued = false;
	heap_remove(q, n);
	count_out(q, n);
	if (!f->first)
		leave(q, f);
}

/* Those who were told may come, even when others have to stand back. */
static bool finds_room(const struct queue *q, uint32_t flow)
{
	unsigned int kept = q->kept && q->kept_for != flow ? q->kept : 0;

	return q->taken + kept < q->slots && (!q->saves || q->promised);
}

/* It comes, or another does: some day what was kept is free again. */
static void count_kept(struct queue *q, uint32_t flow)
{
	if (!q->kept)
		return;
	if (q->kept_for == flow)
		q->kept--;
	else if (--q->lapses == 0)
		q->kept = 0;
}

static void count_passed(struct queue *q)
{
	if (!q->many.first || q->passed >= q->slots)
		return;
	q->passed++;
	store_relaxed_u32(&q->saves, q->passed == q->slots);
}

static void count_place(struct queue *q, uint32_t flow)
{
	if (q->promised)
		q->promised--;
	count_kept(q, flow);
	count_passed(q);
}

int queue_put(struct queue *q, struct qnode *n, uint32_t flow, uint32_t weight,
	      bool force)
{
	struct qflow *f = &q->flows[index_clamp(flow, QUEUE_FLOWS)];

	if (!force && !finds_room(q, flow))
		return -EAGAIN;
	if (!force)
		count_place(q, flow);
	n->beside = force;
	f->weight = weight ? weight : 1;
	if (n->cost_ns < QUEUE_COST_MIN_NS)
		n->cost_ns = QUEUE_COST_MIN_NS;
	if (!f->first)
		join(q, f);
	n->flow = f;
	n->queued = true;
	n->next = NULL;
	n->prev = f->first ? f->last : NULL;
	*(f->first ? &f->last->next : &f->first) = n;
	f->last = n;
	heap_add(q, n);
	count_in(q, n);
	return 0;
}

void queue_put_first(struct queue *q, struct qnode *n)
{
	struct qflow *f = n->flow;

	if (!f->first)
		join(q, f);
	n->queued = true;
	n->prev = NULL;
	n->next = f->first;
	*(f->first ? &f->first->prev : &f->last) = n;
	f->first = n;
	heap_add(q, n);
	count_in(q, n);
	/* The turn that it was taken in goes on, and then that of whoever was
	 * interrupted, who has had his quantum. */
	f->deficit += n->cost_ns;
	q->turn = f;
	f->open = true;
}

static uint64_t quantum_of(const struct qflow *f)
{
	_Static_assert(QUEUE_QUANTUM_NS % QUEUE_WEIGHT_USUAL == 0, "exact");
	return (uint64_t)(QUEUE_QUANTUM_NS / QUEUE_WEIGHT_USUAL) * f->weight;
}

static uint64_t rounds_needed(const struct qflow *f)
{
	uint64_t quantum = quantum_of(f);

	if (f->deficit >= (int64_t)f->first->cost_ns)
		return 0;
	return ((uint64_t)(f->first->cost_ns - f->deficit) + quantum - 1) /
	       quantum;
}

/* All but the last of the rounds in which nobody could be served. */
static void skip_rounds(struct queue *q)
{
	uint64_t least = UINT64_MAX;
	struct qflow *f = q->turn;

	for (unsigned int i = 0; i < q->n_active; i++, f = f->next) {
		uint64_t n = rounds_needed(f);

		least = n < least ? n : least;
	}
	for (unsigned int i = 0; least > 1 && i < q->n_active;
	     i++, f = f->next)
		f->deficit += (int64_t)((least - 1) * quantum_of(f));
}

struct qnode *queue_take(struct queue *q)
{
	unsigned int passed = 0;
	struct qnode *n;

	if (!q->turn)
		return NULL;
	for (;;) {
		struct qflow *f = q->turn;

		if (!f->open)
			f->deficit += (int64_t)quantum_of(f);
		f->open = true;
		if (f->deficit >= (int64_t)f->first->cost_ns)
			break;
		f->open = false;
		q->turn = f->next;
		if (++passed == q->n_active)
			skip_rounds(q);
	}
	n = q->turn->first;
	q->turn->deficit -= n->cost_ns;
	unlink_node(q, n);
	return n;
}

void queue_settle(struct queue *q, struct qflow *f, uint64_t charged_ns,
		  uint64_t took_ns)
{
	int64_t rest;

	if (!q->turn)
		return;
	if (took_ns > QUEUE_TOOK_MAX_NS)
		took_ns = QUEUE_TOOK_MAX_NS;
	rest = (int64_t)took_ns - (int64_t)charged_ns;
	if (!f->first) /* else it pays what it owes anyway */
		forgive(q, f);
	if (f->first || rest > 0)
		f->deficit -= rest;
}

bool queue_remove(struct queue *q, struct qnode *n)
{
	if (!n->queued)
		return false;
	unlink_node(q, n);
	return true;
}

struct qnode *queue_expired(struct queue *q, uint64_t now)
{
	struct qnode *n = q->first_deadline;

	if (!n || n->deadline_ns > now)
		return NULL;
	unlink_node(q, n);
	return n;
}

/* ------------------------------------------------------------------- room */

void queue_want(struct queue *q, struct qwaiter *w)
{
	struct qline *line;

	if (w->want == 0)
		w->want = 1;
	if (w->want > q->slots)
		w->want = q->slots;
	line = w->want == 1 ? &q->ones : &q->many;
	w->turn = q->turns++;
	w->next = NULL;
	*line->last = w;
	line->last = &w->next;
}

static bool there_is_room(const struct queue *q, const struct qwaiter *w)
{
	return q->taken + q->promised + w->want <= q->slots;
}

static struct qwaiter *leave_line(struct qline *line)
{
	struct qwaiter *w = line->first;

	line->first = w->next;
	if (!line->first)
		line->last = &line->first;
	return w;
}

static struct qwaiter *tell_one(struct queue *q)
{
	q->promised++;
	return leave_line(&q->ones);
}

/* What was saved for it is kept from those who would be quicker. */
static struct qwaiter *tell_many(struct queue *q)
{
	struct qwaiter *w = leave_line(&q->many);

	q->promised += w->want;
	if (q->saves && q->depth) {
		q->kept = w->want;
		q->kept_for = w->flow;
		q->lapses = q->slots;
	}
	q->passed = 0;
	store_relaxed_u32(&q->saves, 0);
	return w;
}

struct qwaiter *queue_told(struct queue *q)
{
	const struct qwaiter *one = q->ones.first, *many = q->many.first;

	/*
	 * Whoever was told has had its chance.  And if it does not come, nothing
	 * will ever leave an empty queue, or only what stands beside the places:
	 * all are told.
	 */
	if (q->depth == 0 || (q->taken == 0 && q->left == q->slots)) {
		q->left = 0;
		q->promised = 0;
		q->kept = 0;
	}
	if (many && (!one || many->turn < one->turn) && there_is_room(q, many))
		return tell_many(q);
	if (!one || !there_is_room(q, one))
		return NULL;
	return many && many->turn < one->turn && q->saves ? NULL : tell_one(q);
}

static struct qwaiter **forget_in(struct qline *line, struct qwaiter **out,
				  bool (*is)(const struct qwaiter *w,
					     const void *of), const void *of)
{
	struct qwaiter **at = &line->first;

	while (*at) {
		struct qwaiter *w = *at;

		if (!is(w, of)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = NULL;
		*out = w;
		out = &w->next;
	}
	line->last = at;
	return out;
}

struct qwaiter *queue_forget(struct queue *q,
			     bool (*is)(const struct qwaiter *w,
					const void *of), const void *of)
{
	const struct qwaiter *many = q->many.first;
	struct qwaiter *out = NULL, **last = &out;

	last = forget_in(&q->ones, last, is, of);
	forget_in(&q->many, last, is, of);
	if (q->many.first == many)
		return out;
	/* What was saved was for the first one: the next one waits anew. */
	q->passed = 0;
	store_relaxed_u32(&q->saves, 0);
	return out;
}

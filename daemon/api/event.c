/* SPDX-License-Identifier: MIT */
#include "daemon/api/event.h"

#include "daemon/core/completion.h"
#include "daemon/core/service.h"
#include "lib/shared/ring-ops.h"

static uint64_t words[EVENT_LOG]; /* atomic: event n is at n % EVENT_LOG */
static uint64_t n_events;	  /* atomic; stored after its word */

/* -------------------------------------------------------------- comparison */

struct finding {
	struct event *events;
	unsigned int n;
};

static void add(struct finding *f, enum ukcf_event kind, uint16_t provider,
		uint32_t whom)
{
	if (f->n < EVENT_LOG)
		f->events[f->n] = (struct event){ (uint8_t)kind, provider,
						  whom };
	f->n++;
}

static bool is_loaded(const struct ukcf_page_provider *p)
{
	return p->state != UKCF_PROVIDER_ABSENT &&
	       p->state != UKCF_PROVIDER_LOADING;
}

/* That changes with every full queue, and who waits for room is told of it
 * otherwise (NOTIFY_SPACE). */
static bool is_usable(const struct ukcf_page_provider *p)
{
	return p->state == UKCF_PROVIDER_READY ||
	       p->state == UKCF_PROVIDER_BUSY;
}

static void compare_provider(struct finding *f,
			     const struct ukcf_page_provider *from,
			     const struct ukcf_page_provider *to)
{
	if (from->state == to->state || (is_usable(from) && is_usable(to)))
		return;
	if (is_loaded(from) == is_loaded(to))
		add(f, UKCF_EVENT_PROVIDER_STATE, to->id, to->id);
	else
		add(f, is_loaded(to) ? UKCF_EVENT_PROVIDER_ADDED :
				       UKCF_EVENT_PROVIDER_REMOVED,
		    to->id, to->id);
}

/* Bit n: provider id n, if it is loaded. */
static uint64_t loaded(const struct event_tables *t)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < t->n_providers; i++)
		if (is_loaded(&t->providers[i]))
			mask |= UINT64_C(1) << (t->providers[i].id & 63);
	return mask;
}

static void add_offers(struct finding *f, enum ukcf_event kind, uint32_t mech,
		       uint64_t providers)
{
	for (uint16_t id = 0; providers; id++, providers >>= 1)
		if (providers & 1)
			add(f, kind, id, mech);
}

/* both: providers that were and are there; what the others offer comes and goes
 * with them. */
static void compare_mech(struct finding *f, const struct ukcf_page_mech *from,
			 const struct ukcf_page_mech *to, uint64_t both)
{
	uint32_t on = to->flags & UKCF_PAGE_MECH_ENABLED;

	if ((from->flags & UKCF_PAGE_MECH_ENABLED) != on)
		add(f, on ? UKCF_EVENT_MECH_ENABLED : UKCF_EVENT_MECH_DISABLED,
		    0, to->id);
	add_offers(f, UKCF_EVENT_MECH_ENABLED, to->id,
		   to->providers & ~from->providers & both);
	add_offers(f, UKCF_EVENT_MECH_DISABLED, to->id,
		   from->providers & ~to->providers & both);
}

/* Rows stay and keep their order; one that is not in from is its provider's
 * affair. */
unsigned int event_compare(const struct event_tables *from,
			   const struct event_tables *to,
			   struct event found[EVENT_LOG])
{
	static const struct ukcf_page_provider none;
	uint64_t both = loaded(from) & loaded(to);
	struct finding f = { .events = found };
	unsigned int k = 0;

	for (unsigned int i = 0; i < to->n_providers; i++)
		compare_provider(&f, i < from->n_providers ?
					     &from->providers[i] : &none,
				 &to->providers[i]);
	for (unsigned int i = 0; i < to->n_mechs; i++) {
		if (k == from->n_mechs || from->mechs[k].id != to->mechs[i].id)
			continue;
		compare_mech(&f, &from->mechs[k], &to->mechs[i], both);
		k++;
	}
	return f.n;
}

/* ----------------------------------------------------------------- the log */

#define WORD_KIND_SHIFT 56
#define WORD_PROVIDER_SHIFT 32

static uint64_t pack(const struct event *e)
{
	return (uint64_t)e->kind << WORD_KIND_SHIFT |
	       (uint64_t)e->provider << WORD_PROVIDER_SHIFT | e->whom;
}

static struct event unpack(uint64_t word)
{
	return (struct event){
		.kind = (uint8_t)(word >> WORD_KIND_SHIFT),
		.provider = (uint16_t)(word >> WORD_PROVIDER_SHIFT),
		.whom = (uint32_t)word,
	};
}

static void put(uint64_t word)
{
	uint64_t n = load_relaxed_u64(&n_events);

	/* Release: who reads it where the one EVENT_LOG events ago was sees
	 * in n_events that it was overwritten. */
	store_release_u64(&words[n % EVENT_LOG], word);
	store_release_u64(&n_events, n + 1);
}

void event_publish(const struct event *events, unsigned int n)
{
	static const struct event many = { .kind = UKCF_EVENT_MANY };

	completion_forbids("an event is published");
	if (n == 0)
		return;
	if (n > EVENT_LOG)
		put(pack(&many));
	else
		for (unsigned int i = 0; i < n; i++)
			put(pack(&events[i]));
	service_kick_all();
}

uint64_t event_count_now(void)
{
	return load_acquire_u64(&n_events);
}

static bool is_wanted(uint64_t word, uint32_t kinds)
{
	uint32_t kind = unpack(word).kind;

	return kind == UKCF_EVENT_MANY || (kinds >> kind & 1);
}

/* Different ones among [from, to) that are wanted; *word is the last. */
static unsigned int look_through(uint64_t from, uint64_t to, uint32_t kinds,
				 uint64_t *word)
{
	unsigned int n = 0;

	for (; from != to; from++) {
		uint64_t w = load_acquire_u64(&words[from % EVENT_LOG]);

		if (!is_wanted(w, kinds) || (n && w == *word))
			continue;
		*word = w;
		n++;
	}
	return n;
}

bool event_next(uint64_t *seen, uint32_t kinds, struct event *e)
{
	uint64_t from = *seen, now = event_count_now(), word = 0;
	unsigned int n = 2;

	*seen = now;
	if (now - from <= EVENT_LOG)
		n = look_through(from, now, kinds, &word);
	/* The word of event from + EVENT_LOG overwrites the first of these when
	 * so many are counted; put() has the other half. */
	if (event_count_now() - from >= EVENT_LOG)
		n = 2;
	*e = unpack(word);
	if (n > 1)
		*e = (struct event){ .kind = UKCF_EVENT_MANY };
	return n > 0;
}

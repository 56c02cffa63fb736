/* SPDX-License-Identifier: MIT */
/*
 * Owns the table of providers and their states.
 *
 * A provider that was ever loaded keeps its place, its id and its name for as
 * long as the daemon runs, and its code stays mapped: what a thread has read of
 * it a moment ago is never gone.  Unloading ends its instance, and lets it have
 * no requests; drain.h knows when nobody uses it any more.
 */
#ifndef DAEMON_SPI_PROVIDER_H
#define DAEMON_SPI_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "daemon/core/trust.h"
#include "daemon/spi/recover.h"

struct config;
struct device;
struct module;

#define PROVIDER_REASON_MAX 224 /* bytes */

struct provider {
	uint16_t id; /* 1..UKCF_PAGE_PROVIDERS_MAX: index of its page row */
	uint32_t state; /* atomic, enum ukcf_provider_state */
	uint32_t failures; /* atomic: how often it was said to have failed */
	uint32_t leaving;  /* atomic: on an administrator's word it gets no
			      requests, and does not come back by itself */
	uint32_t wanted;   /* atomic: a request waits for it to be loaded */
	uint32_t held;	   /* atomic: no request brings it: it could not be
			      loaded, or an administrator unloaded it */
	uint32_t unstarted; /* atomic: FAILED, for its start did not return */
	uint32_t inside;    /* atomic: a thread of the loader is in its code,
			       perhaps for ever (visit.h) */
	uint32_t kind;	   /* atomic, enum ukcf_provider_kind */
	char name[UKCF_NAME_MAX];
	char module_name[UKCF_NAME_MAX]; /* of its file: one module may drive
					    several devices */
	struct module *module; /* atomic: its code; NULL: was never loaded */
	const struct ukcf_provider *spi; /* atomic: of its module */
	struct ukcf_instance *instance; /* between start() and stop() */
	struct ukcf_host host;
	void *keeper; /* atomic: spi, while it is to hear of keys that end */
	uint32_t forgetting; /* atomic: threads that tell it */
	uint32_t contexts;   /* atomic: multipart contexts it has begun */
	struct device *device; /* atomic; hardware: its queue and thread; stays
				  when it is unloaded */
	struct recovery_plan plan; /* recover.c's */
	struct trust trust;
	uint64_t counts[UKCF_COUNT_LAST]; /* atomic: the provider's word */
	char reason[PROVIDER_REASON_MAX]; /* why it failed; provider_reason() */
};

int provider_init(const struct config *c);
const struct config *provider_config(void);
/* main: readable when a state changed in completion context; publish it. */
int provider_publish_fd(void);
void provider_publish(void);

/* Those that were ever loaded, whatever their state.  Any thread. */
unsigned int provider_count(void);
struct provider *provider_at(unsigned int i);
struct provider *provider_by_id(uint16_t id);
struct provider *provider_by_name(const char *name);
bool provider_is_hardware(const struct provider *p);
/* Give a new one its place and id, for ever.
 * -ENOSPC: there are UKCF_PAGE_PROVIDERS_MAX; -EEXIST: one of that name. */
int provider_enlist(struct provider *p);

/* READY or BUSY: may it be given requests?  Any thread. */
bool provider_is_usable(const struct provider *p);
/* Those that it was given may end with it: also DRAINING. */
bool provider_works(const struct provider *p);
/* Tell those that keep something of keys that this one ends.  Any thread, also
 * completion context: does not block. */
void provider_forget_key(struct ukcf_bytes key);
/* It is to be told, or no longer: then nobody is telling it. */
void provider_keeps_keys(struct provider *p, bool keeps);
/* Neither ABSENT nor LOADING. */
bool provider_is_loaded(const struct provider *p);
/* ABSENT or LOADING, and a request may bring it. */
bool provider_may_come(const struct provider *p);

/*
 * Changes of state.  The page says it as well; completion context leaves that
 * to main.  Return: whether it was in a state to do so.
 */
bool provider_fail(struct provider *p);		/* any thread */
/* Likewise, and that is why; logged.  Not in completion context. */
bool provider_blame(struct provider *p, const char *why);
/* What follows from it, if it is out: "failed again".  Not in completion
 * context. */
void provider_adds_reason(struct provider *p, const char *why);
/* Why it is out; "": it works, or nobody has said.  Any thread. */
void provider_reason(const struct provider *p, char *why, size_t size);
bool provider_says(struct provider *p, uint32_t state); /* it is READY, BUSY */
bool provider_loads(struct provider *p);	/* ABSENT -> LOADING */
bool provider_hangs(struct provider *p, const char *why); /* LOADING -> FAILED */
bool provider_goes(struct provider *p);		/* -> ABSENT */
bool provider_drains(struct provider *p);	/* READY, BUSY -> DRAINING */
/* It was tested: LOADING, FAILED -> READY */
bool provider_works_again(struct provider *p);
/* It never stopped working: DRAINING -> READY */
bool provider_returns(struct provider *p);

#endif

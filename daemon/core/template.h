/* SPDX-License-Identifier: MIT */
/*
 * Owns the templates: a key together with what a provider computes from it
 * before it does anything else (key schedule, inner and outer state of HMAC).
 *
 * A template is an object (object.h) that names its key and outlives a restart.
 * What was computed lies in locked memory of this process, per provider: another
 * provider, or the next process, computes its own at the first use, and while
 * somebody else does that a request simply runs from the key.  So a template
 * never grows old.  It ends with its key, and with the connection that made it.
 */
#ifndef DAEMON_CORE_TEMPLATE_H
#define DAEMON_CORE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/object.h"

#define TEMPLATE_SLOTS 1024

struct key;
struct mech_offer;
struct provider;
struct template; /* valid while held */

/* From the table at fd, or anew.  Return: 0 or -errno: -EPROTO: it is another
 * release's. */
int template_open(int fd, unsigned int per_uid);
void template_disown(void);
void template_close(void); /* wipes all */
unsigned int template_count(void);

/* Does this handle name a template, and not a key? */
static inline bool template_is_named(uint64_t handle)
{
	return handle & OBJECT_TEMPLATE;
}

/*
 * Of a key that is held; the offer's provider computes its part at once.
 * once: it ends by itself with the first request that used it.
 * Return: 0 or -errno: -EDQUOT, -EKEYREVOKED.
 */
int template_create(const struct key *key, const struct mech_offer *offer,
		    struct object_user who, struct request_id request,
		    bool once, uint64_t *handle);
int template_created_by(struct request_id request, uint64_t *handle);
/* As object_destroy(). */
int template_destroy(uint64_t handle, struct object_user who,
		     struct request_id request, void (*ended)(void *),
		     void *arg);
void template_end_session(uint64_t consumer_serial);

/* Hold it and its key for a request; release the template before the key. */
int template_hold(uint64_t handle, struct object_user who,
		  struct template **tp, struct key **kp);
/* used: the request was accepted and has ended. */
void template_release(struct template *t, bool used);

/* What the offer's provider computed from the key, or NULL: use the key. */
const void *template_state(struct template *t, const struct mech_offer *offer,
			   const struct key *key);

/* What a provider computed is not used any more, and wiped.  No request may be
 * with it. */
void template_forget(const struct provider *p);

#endif

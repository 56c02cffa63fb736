/* SPDX-License-Identifier: MIT */
#include "daemon/core/prepared.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "daemon/core/computed.h"
#include "daemon/core/keystore.h"
#include "daemon/core/mech.h"
#include "lib/shared/secmem.h"

#define STATE_MAX 16u /* bytes: a pointer or two */
#define STATES_SIZE \
	((size_t)OBJECT_SLOTS_MAX * COMPUTED_STATES * STATE_MAX)

static struct computed computed[OBJECT_SLOTS_MAX][COMPUTED_STATES];
static uint8_t *states; /* in the same order */

static struct computed_set set_of(uint32_t slot)
{
	return (struct computed_set){
		computed[slot],
		states + (size_t)slot * COMPUTED_STATES * STATE_MAX,
		STATE_MAX,
	};
}

/* Its last user has gone. */
static void key_wiped(uint32_t slot)
{
	computed_end(set_of(slot));
}

int prepared_open(void)
{
	if (!states)
		states = secmem_alloc(STATES_SIZE);
	if (!states)
		return -ENOMEM;
	keystore_on_wipe(key_wiped);
	return 0;
}

void prepared_close(void)
{
	if (!states)
		return;
	keystore_on_wipe(NULL);
	for (uint32_t i = 0; i < OBJECT_SLOTS_MAX; i++)
		computed_end(set_of(i));
	secmem_free(states, STATES_SIZE);
	states = NULL;
	memset(computed, 0, sizeof(computed));
}

static bool is_kept(const struct ukcf_offer *o)
{
	return o->ops->init_tmpl && o->ops->drop_tmpl &&
	       o->tmpl_size <= STATE_MAX;
}

const void *prepared_state(const struct key *key,
			   const struct mech_offer *offer)
{
	if (!is_kept(offer->offer) || !states)
		return NULL;
	return computed_get(set_of(key_slot(key)), offer, key);
}

void prepared_forget(const struct provider *p)
{
	if (!states)
		return; /* not opened: a test of something else */
	for (uint32_t i = 0; i < OBJECT_SLOTS_MAX; i++)
		computed_forget(set_of(i), p);
}

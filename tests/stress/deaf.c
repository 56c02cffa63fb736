/* SPDX-License-Identifier: MIT */
/*
 * A daemon that loses events on purpose, to see that tests/stress/events
 * notices.  UKCF_PLANTED says how: "kick": the service threads are not woken;
 * "forget": every third event that is due to a ring is forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/api/event.h"
#include "daemon/core/service.h"
#include "lib/shared/ring-ops.h"

void __real_service_kick_all(void);
void __wrap_service_kick_all(void);
bool __real_event_next(uint64_t *seen, uint32_t kinds, struct event *e);
bool __wrap_event_next(uint64_t *seen, uint32_t kinds, struct event *e);

static const char *fault = "";

__attribute__((constructor)) static void find_fault(void)
{
	if (getenv("UKCF_PLANTED"))
		fault = getenv("UKCF_PLANTED");
}

void __wrap_service_kick_all(void)
{
	if (strcmp(fault, "kick") != 0)
		__real_service_kick_all();
}

bool __wrap_event_next(uint64_t *seen, uint32_t kinds, struct event *e)
{
	static uint32_t n;

	if (!__real_event_next(seen, kinds, e))
		return false;
	return strcmp(fault, "forget") != 0 || fetch_add_u32(&n, 1) % 3 != 2;
}

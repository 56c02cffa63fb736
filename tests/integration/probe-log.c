/* SPDX-License-Identifier: MIT */
/*
 * A daemon whose probes somebody looks at: each that fires is a line in the file
 * $UKCF_PROBE_LOG, and still executes its instruction.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/probes.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"

static FILE *out;

#define LOGGED(name, ended)                                                   \
	void __real_probe_fire_##name(const struct request *req,              \
				      uint16_t provider);                     \
	void __wrap_probe_fire_##name(const struct request *req,              \
				      uint16_t provider);                     \
	void __wrap_probe_fire_##name(const struct request *req,              \
				      uint16_t provider)                      \
	{                                                                     \
		fprintf(out, #name " %" PRIu64 " %u %u %" PRIi64 "\n",        \
			req->entry->sqe.user_data, req->entry->sqe.op,        \
			provider, ended ? req->entry->cqe.res : INT64_C(0));  \
		__real_probe_fire_##name(req, provider);                      \
	}
PROBES(LOGGED)

__attribute__((constructor)) static void look_on(void)
{
	const char *path = getenv("UKCF_PROBE_LOG");

	out = path ? fopen(path, "ae") : NULL;
	if (!out) {
		fprintf(stderr, "probe-log: UKCF_PROBE_LOG names no file\n");
		exit(99);
	}
	setvbuf(out, NULL, _IOLBF, 0);
#define LOOK_AT(name, ended) ukcfd_##name##_semaphore = 1;
	PROBES(LOOK_AT)
}

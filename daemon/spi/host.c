/* SPDX-License-Identifier: MIT */
#include "daemon/spi/host.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/config.h"
#include "daemon/core/completion.h"
#include "daemon/spi/provider.h"
#include "daemon/spi/recover.h"
#include "lib/shared/log.h"
#include "lib/shared/ring-ops.h"
#include "lib/shared/secmem.h"

static const struct config *config;

static void host_log(void *host, int level, const char *fmt, ...)
{
	const struct provider *p = host;
	char text[512], line[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_quote(line, sizeof(line), text);
	log_msg(level, "provider %s: %s", p->name, line);
}

static void *host_secure_alloc(void *host, size_t size)
{
	(void)host;
	return secmem_alloc(size);
}

static void host_secure_free(void *host, void *ptr, size_t size)
{
	(void)host;
	secmem_free(ptr, size);
}

static void host_notify(void *host, int state)
{
	struct provider *p = host;

	if (state == UKCF_PROVIDER_FAILED)
		provider_fail(p);
	else if (state == UKCF_PROVIDER_ABSENT)
		recover_unplugged(p);
	else if (state == UKCF_PROVIDER_READY || state == UKCF_PROVIDER_BUSY)
		provider_says(p, (uint32_t)state);
}

/* The pretence of an interrupt handler: completion context. */
static void host_complete(void *host, struct ukcf_job *job)
{
	struct landing *l = job->cookie;

	(void)host;
	completion_enter();
	l->landed(l, job);
	completion_leave();
}

static void host_count(void *host, enum ukcf_count what)
{
	struct provider *p = host;

	if ((unsigned int)what < UKCF_COUNT_LAST)
		fetch_add_u64(&p->counts[what], 1);
}

const char *host_option_of(const struct provider *p, const char *name)
{
	const char *own = config_provider_option(config, p->name, name);

	return own ? own : config_provider_option(config, p->module_name, name);
}

static const char *host_option(void *host, const char *name)
{
	return host_option_of(host, name);
}

void host_init(struct provider *p, const struct config *c)
{
	config = c;
	p->host = (struct ukcf_host){
		.struct_size = sizeof(p->host),
		.spi_version = UKCF_SPI_VERSION,
		.host = p,
		.log = host_log,
		.secure_alloc = host_secure_alloc,
		.secure_free = host_secure_free,
		.complete = host_complete,
		.notify = host_notify,
		.option = host_option,
		.count = host_count,
	};
}

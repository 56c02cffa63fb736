/* SPDX-License-Identifier: MIT */
#include "daemon/api/page.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/api/event.h"
#include "daemon/api/memfd.h"
#include "daemon/fdstore.h"
#include "lib/shared/ring-ops.h"

_Static_assert(sizeof(struct ukcf_page) <= UKCF_PAGE_SIZE, "the page fits");

static struct ukcf_page *page;
static int page_fd = -1;
/* One writer at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A reader that saw an odd count, or two different ones, reads again. */
static void write_begin(void)
{
	store_relaxed_u32(&page->seq, page->seq + 1);
	write_fence();
}

static void write_end(void)
{
	store_relaxed_u32(&page->epoch, page->epoch + 1);
	store_release_u32(&page->seq, page->seq + 1);
}

int page_open(int fd, uint64_t boot_gen, uint32_t inline_ns)
{
	bool stored = fd >= 0;

	if (!stored)
		fd = memfd_new("ukcf-page", UKCF_PAGE_SIZE,
			       MEMFD_DAEMON_WRITES);
	if (fd < 0)
		return fd;
	page = memfd_map(fd, UKCF_PAGE_SIZE, MEMFD_DAEMON_WRITES);
	if (!page) {
		close(fd);
		return -ENOMEM;
	}
	page_fd = fd;
	/* The former writer may have died between begin and end. */
	if (page->seq & 1)
		store_release_u32(&page->seq, page->seq + 1);
	write_begin();
	page->abi_version = UKCF_ABI_VERSION;
	page->inline_ns = inline_ns;
	store_release_u64(&page->boot_gen, boot_gen);
	page->magic = UKCF_PAGE_MAGIC;
	write_end();
	return stored ? 0 : fdstore_put("page", fd);
}

void page_close(void)
{
	if (page)
		munmap(page, UKCF_PAGE_SIZE);
	if (page_fd >= 0)
		close(page_fd);
	page = NULL;
	page_fd = -1;
}

int page_reopen(void)
{
	return memfd_for_consumer(page_fd, MEMFD_DAEMON_WRITES);
}

uint32_t page_epoch(void)
{
	return page ? load_relaxed_u32(&page->epoch) : 0;
}

/* Locked.  The page is read where only we write: its old tables. */
static unsigned int changes_to(const struct event_tables *to,
			       struct event found[EVENT_LOG])
{
	const struct event_tables from = {
		.providers = page->providers,
		.n_providers = page->n_providers,
		.mechs = page->mechs,
		.n_mechs = page->n_mechs,
	};

	return event_compare(&from, to, found);
}

void page_publish(const struct ukcf_page_provider *providers,
		  unsigned int n_providers, const struct ukcf_page_mech *mechs,
		  unsigned int n_mechs)
{
	struct event found[EVENT_LOG];
	unsigned int n;

	if (n_providers > UKCF_PAGE_PROVIDERS_MAX + 1)
		n_providers = UKCF_PAGE_PROVIDERS_MAX + 1;
	if (n_mechs > UKCF_PAGE_MECHS_MAX)
		n_mechs = UKCF_PAGE_MECHS_MAX;
	if (!page)
		return; /* not yet */
	pthread_mutex_lock(&lock);
	n = changes_to(&(struct event_tables){ providers, mechs, n_providers,
					       n_mechs }, found);
	write_begin();
	memcpy(page->providers, providers, n_providers * sizeof(*providers));
	memcpy(page->mechs, mechs, n_mechs * sizeof(*mechs));
	page->n_providers = n_providers;
	page->n_mechs = n_mechs;
	write_end();
	event_publish(found, n); /* in the order in which the page had them */
	pthread_mutex_unlock(&lock);
}

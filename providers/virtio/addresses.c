/* SPDX-License-Identifier: MIT */
#include "providers/virtio/addresses.h"

#include <errno.h>
#include <string.h>

#define LOG_ERR 3
#define BETWEEN ", \t"

static int complain(const struct ukcf_host *host, const char *what, int err)
{
	host->log(host->host, LOG_ERR, "option device: %s", what);
	return err;
}

static int all_bound(const struct ukcf_host *host,
		     const struct transport_kind *kind, struct addresses *a)
{
	if (!kind->bound)
		return complain(host, "devices of this kind have to be named",
				-EINVAL);
	a->n = kind->bound(a->all, UKCF_INSTANCES_MAX);
	return a->n ? 0 : complain(host, "all, but no virtio-crypto device is "
					 "bound to vfio-pci",
				   -ENODEV);
}

static int add(const struct ukcf_host *host, const char *s, size_t len,
	       struct addresses *a)
{
	char *to = a->all[a->n];

	if (a->n == UKCF_INSTANCES_MAX)
		return complain(host, "at most 8 devices", -EINVAL);
	if (len >= TRANSPORT_ADDRESS)
		return complain(host, "an address is of the form 0000:01:00.0",
				-EINVAL);
	memcpy(to, s, len);
	to[len] = '\0';
	for (unsigned int i = 0; i < a->n; i++)
		if (strcmp(a->all[i], to) == 0)
			return complain(host, "it names one device twice",
					-EINVAL);
	a->n++;
	return 0;
}

_Static_assert(UKCF_INSTANCES_MAX == 8, "as add() says");

int addresses_read(const struct ukcf_host *host,
		   const struct transport_kind *kind, struct addresses *a)
{
	const char *s = host->option(host->host, "device");
	int err = 0;

	*a = (struct addresses){ 0 };
	if (s && strcmp(s, "all") == 0)
		return all_bound(host, kind, a);
	for (size_t len; s && !err && *(s += strspn(s, BETWEEN)); s += len) {
		len = strcspn(s, BETWEEN);
		err = add(host, s, len, a);
	}
	if (err || a->n)
		return err;
	return complain(host, "missing: the PCI addresses of virtio-crypto "
			      "devices that are bound to vfio-pci, such as "
			      "0000:01:00.0, or all",
			-EINVAL);
}

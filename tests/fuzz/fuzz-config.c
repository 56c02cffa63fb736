/* SPDX-License-Identifier: MIT */
/* The parser of ukcfd.conf: any file gives a configuration within its bounds
 * or an error that names a line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/fuzz/replay.h"

static int fd = -1;

static void put(const uint8_t *data, size_t size)
{
	if (fd < 0)
		fd = memfd_create("ukcfd.conf", MFD_CLOEXEC);
	FUZZ_RULE(fd >= 0 && ftruncate(fd, 0) == 0);
	FUZZ_RULE(pwrite(fd, data, size, 0) == (ssize_t)size);
}

static void bounded(const struct config *c)
{
	FUZZ_RULE(strnlen(c->socket, sizeof(c->socket)) < sizeof(c->socket));
	FUZZ_RULE(strnlen(c->admin_socket, sizeof(c->admin_socket)) <
		  sizeof(c->admin_socket));
	FUZZ_RULE(strnlen(c->provider_dir, sizeof(c->provider_dir)) <
		  sizeof(c->provider_dir));
	FUZZ_RULE(strnlen(c->state_dir, sizeof(c->state_dir)) <
		  sizeof(c->state_dir));
	FUZZ_RULE(c->n_providers <= CONFIG_PROVIDERS_MAX);
	FUZZ_RULE(c->n_options <= CONFIG_OPTIONS_MAX);
	FUZZ_RULE(c->slow_workers >= 1);
	for (unsigned int i = 0; i < c->n_providers; i++)
		FUZZ_RULE(strnlen(c->providers[i], 32) < 32);
	for (unsigned int i = 0; i < c->n_options; i++) {
		FUZZ_RULE(strnlen(c->options[i].provider, 32) < 32);
		FUZZ_RULE(strnlen(c->options[i].name, 32) < 32);
		FUZZ_RULE(strnlen(c->options[i].value, 128) < 128);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config c;
	char path[64], *text = NULL;
	size_t len = 0;
	FILE *errors;
	int rc;

	put(data, size);
	errors = open_memstream(&text, &len);
	FUZZ_RULE(errors != NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config_defaults(&c);
	rc = config_load(&c, path, true, errors);
	fclose(errors);
	FUZZ_RULE(rc == 0 || rc == -EINVAL);
	FUZZ_RULE((rc == 0) == (len == 0));
	if (rc == 0)
		bounded(&c);
	free(text);
	return 0;
}

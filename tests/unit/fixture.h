/* SPDX-License-Identifier: MIT */
/*
 * Owns what unit tests stand on: standard error caught, and (fixture_init())
 * the modules below a request, with one consumer, a ring that nobody serves,
 * an input and an output buffer, and a provider that offers every mechanism
 * and does what the test tells it.  Each Criterion test is a process of its
 * own, so nothing is undone.
 */
#ifndef TESTS_UNIT_FIXTURE_H
#define TESTS_UNIT_FIXTURE_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ukcf/provider.h>

#include "daemon/api/consumer.h"
#include "daemon/core/execute.h"
#include "daemon/core/recovery.h"
#include "daemon/core/request.h"
#include "daemon/spi/provider.h"

#define ARENA_SIZE 8192u
#define UID 1000u

/* Catch what is written to standard error, from here on ... */
void catch_stderr(void);
/* ... to here: the text, valid until the next call. */
const char *caught_stderr(void);

/* A folder of its own, empty; removed at exit with what is in it. */
const char *temp_dir(void);
/* dir/name with that content.  Return: the path, valid until the next call. */
const char *temp_file(const char *dir, const char *name, const char *text);

/* Likewise, what looks like a shared object and holds only that text: its
 * program header promises ELF_TEXT + strlen(text) bytes. */
const char *temp_elf(const char *dir, const char *name, const char *text);
#define ELF_TEXT (sizeof(ElfW(Ehdr)) + sizeof(ElfW(Phdr)))

/* An open descriptor, or none any more? */
bool is_open_fd(int fd);
/* Lowest descriptor that is free: shows leaks. */
int next_fd(void);

struct fixture {
	struct consumer consumer;
	struct ring *ring;
	struct arena *in, *out; /* buffers 0 and 1 */
	uint8_t *user_in;	/* as the consumer maps them */
	const uint8_t *user_out;
	struct provider provider;
	struct ukcf_provider spi;
	struct ukcf_offer offers[UKCF_PAGE_MECHS_MAX];
	/* What the provider does; NULL: as many bytes 0x5a as are due. */
	enum ukcf_status (*perform)(struct ukcf_job *job);
	struct ukcf_job job; /* the last one, its pointers no longer valid */
	unsigned int jobs;
	struct scratch scratch;
};

extern struct fixture fx;

void fixture_init(void);
/* Bytes that an honest provider produces for this job. */
size_t job_produces(const struct ukcf_job *job);
struct ukcf_offer *offer_of(uint32_t mech);

/* A session key of 32 bytes 0x01, all usages of its class. */
uint64_t make_key(uint32_t mech, uint32_t flags);

/* A well-formed entry for the operation: 64 bytes from the start of the input
 * buffer, everything that the mechanism needs. */
struct ukcf_sqe sqe_for(uint32_t op, uint32_t mech);
/* A request at the fixture's ring with that entry, not decoded. */
void request_from(struct request *req, const struct ukcf_sqe *sqe);
/* Decode and execute.  Return: the result; *detail says why. */
int64_t run_sqe(const struct ukcf_sqe *sqe, unsigned int *detail);

#endif

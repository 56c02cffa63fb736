/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: every corpus file, then a fixed number
 * of seeded mutations of them, so that gcc builds check what clang's fuzzer
 * found before.
 *
 * PROGRAM [FILE|DIRECTORY...]; default: corpus/PROGRAM beside the sources.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/replay.h"
#include "tests/support/check.h"

#define INPUT_MAX 8192
#define INPUTS_MAX 4096

static struct input {
	uint8_t *data;
	size_t size;
} inputs[INPUTS_MAX];
static unsigned int n_inputs;

/* An exact copy on the heap, so that ASan sees the first byte beyond. */
static void run_one(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		check_bail("no memory");
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void load_file(const char *path)
{
	struct input *in = &inputs[n_inputs];
	FILE *f = fopen(path, "re");

	if (!f)
		check_bail("%s: %s", path, strerror(errno));
	if (n_inputs == INPUTS_MAX)
		check_bail("more than %d inputs", INPUTS_MAX);
	in->data = malloc(INPUT_MAX);
	if (!in->data)
		check_bail("no memory");
	in->size = fread(in->data, 1, INPUT_MAX, f);
	fclose(f);
	n_inputs++;
}

static void load(const char *path)
{
	char name[4096];
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (stat(path, &st) < 0)
		check_bail("%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	d = opendir(path);
	if (!d)
		check_bail("%s: %s", path, strerror(errno));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		load(name);
	}
	closedir(d);
}

/* A few of the changes that fuzzers make. */
static size_t mutate(struct rng *r, uint8_t *data, size_t size)
{
	static const uint8_t special[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe };
	unsigned int n = 1 + (unsigned int)rng_below(r, 4);
	size_t at;

	while (n--) {
		at = size ? rng_below(r, size) : 0;
		switch (size ? rng_below(r, 6) : 5) {
		case 0:
			data[at] ^= (uint8_t)(1u << rng_below(r, 8));
			break;
		case 1:
			data[at] = (uint8_t)rng_u64(r);
			break;
		case 2:
			data[at] = special[rng_below(r, sizeof(special))];
			break;
		case 3: /* four bytes at a time: lengths and offsets */
			for (size_t i = at & ~(size_t)3;
			     i < size && i < (at | 3) + 1; i++)
				data[i] = special[at % sizeof(special)];
			break;
		case 4:
			size = rng_below(r, 8) ? size : at;
			break;
		default:
			if (size < INPUT_MAX - 16)
				rng_fill(r, data + size, 16);
			size += size < INPUT_MAX - 16 ? rng_below(r, 17) : 0;
			break;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	const char *src = getenv("srcdir");
	const char *name = strrchr(argv[0], '/');
	uint64_t n = scaled(200000, 20000000);
	uint8_t data[INPUT_MAX];
	struct input *in;
	char path[4096];
	struct rng r;
	size_t size;

	/* libtool's wrapper runs lt-NAME */
	name = name ? name + 1 : argv[0];
	name += strncmp(name, "lt-", 3) == 0 ? 3 : 0;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
		 src ? src : ".", name);
	if (argc == 1)
		load(path);
	for (int i = 1; i < argc; i++)
		load(argv[i]);
	if (!n_inputs)
		check_bail("no inputs");
	for (unsigned int i = 0; i < n_inputs; i++)
		run_one(inputs[i].data, inputs[i].size);
	check(true, "%u corpus files", n_inputs);
	rng_init(&r, 0x66757a7a);
	for (uint64_t i = 0; i < n; i++) {
		in = &inputs[rng_below(&r, n_inputs)];
		memcpy(data, in->data, in->size);
		size = mutate(&r, data, in->size);
		run_one(data, size);
	}
	check(true, "%llu mutations of them", (unsigned long long)n);
	for (unsigned int i = 0; i < n_inputs; i++)
		free(inputs[i].data);
	return check_done();
}

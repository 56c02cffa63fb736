/* SPDX-License-Identifier: MIT */
/* Owns the shape of a fuzz target and the main() that replays without clang. */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/* One input; aborts if a rule is broken.  Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule that holds for every input. */
#define FUZZ_RULE(cond)                                                       \
	do {                                                                  \
		if (!(cond)) {                                                \
			fprintf(stderr, "%s:%d: rule broken: %s\n", __FILE__, \
				__LINE__, #cond);                             \
			abort();                                              \
		}                                                             \
	} while (0)

#endif

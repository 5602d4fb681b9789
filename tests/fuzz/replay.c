/* SPDX-License-Identifier: Apache-2.0
 * replay.c - run a fuzzer over its seeds and over what a small deterministic mutator makes of them
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 88172645463325252ULL;

/* xorshift64 (Marsaglia 2003): the same mutations in each run. */
static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void run_mutants(const uint8_t *seed, size_t len, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		size_t size = len;
		if (size > 0 && next_random() % 4 == 0)
			size = (size_t)(next_random() % size); /* cut short */
		uint8_t *copy = malloc(size + 1);	       /* the exact size, so that a read past it is seen */
		if (!copy)
			return;
		memcpy(copy, seed, size);
		for (uint64_t n = next_random() % 4; size > 0 && n > 0; n--)
			copy[next_random() % size] = (uint8_t)next_random();
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
}

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	char folder[512];
	snprintf(folder, sizeof folder, "tests/fuzz/corpus/%.*s", name ? (int)strcspn(name + 1, ".") : 0, name ? name + 1 : "");
	DIR *dir = opendir(folder);
	int seeds = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char path[1024];
		char *data = NULL;
		size_t len = 0;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (e->d_name[0] == '.' || file_read(path, 1 << 20, &data, &len) != OK)
			continue;
		LLVMFuzzerTestOneInput((uint8_t *)data, len);
		run_mutants((uint8_t *)data, len, 500);
		free(data);
		seeds++;
	}
	if (dir)
		closedir(dir);
	uint8_t nothing = 0;
	LLVMFuzzerTestOneInput(&nothing, 0);
	ok(seeds > 0, "%d seeds of %s and 500 mutants of each", seeds, folder);
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * work.c - work SEED CORES MEMORY_MIB STEPS: does a calibration's work (docs/CALIBRATION.md) and prints each chunk's digest
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "bytes.h"
#include "work.h"

static struct work work;
static uint64_t *memory;
static pthread_barrier_t filled;

static void *run(void *argument)
{
	uint32_t core = (uint32_t)(uintptr_t)argument;
	char line[WORK_LINE_SIZE];
	work_fill(&work, core, work.cores, memory);
	pthread_barrier_wait(&filled);
	sha256 digest = work_begin(&work, core);
	for (uint32_t chunk = 0; chunk < WORK_CHUNKS; chunk++) {
		digest = work_chunk(&work, digest, memory);
		fputs(work_line_write(core, chunk, digest, line), stdout); /* whole lines: stdio locks */
		fflush(stdout);
	}
	return NULL;
}

static uint32_t number(const char *text, int64_t max)
{
	int64_t n;
	if (int_parse(text, &n) != OK || n < 1 || n > max) {
		fprintf(stderr, "work: %s: must be 1 to %lld\n", text, (long long)max);
		exit(2);
	}
	return (uint32_t)n;
}

int main(int argc, char **argv)
{
	pthread_t threads[WORK_CORES];
	if (argc != 5 || text_copy(work.seed, sizeof work.seed, argv[1]) != OK) {
		fprintf(stderr, "usage: work SEED CORES MEMORY_MIB STEPS\n");
		return 2;
	}
	work.cores = number(argv[2], WORK_CORES);
	work.memory_mib = number(argv[3], 1 << 20);
	work.steps = number(argv[4], WORK_STEPS_MAX);
	memory = malloc(work_words(&work) * sizeof *memory);
	if (!memory || pthread_barrier_init(&filled, NULL, work.cores)) {
		fprintf(stderr, "work: no memory\n");
		return 1;
	}
	for (uint32_t i = 1; i < work.cores; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i)) {
			fprintf(stderr, "work: no thread\n");
			return 1;
		}
	run(NULL);
	for (uint32_t i = 1; i < work.cores; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

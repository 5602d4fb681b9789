/* SPDX-License-Identifier: Apache-2.0
 * work.c - the known-answer work: the same everywhere, a chunk with and without the memory; its lines, and the formula of the score
 */
#include "work.h"
#include <stdlib.h>
#include "clock.h"
#include "tap.h"

#define DIGEST "7a34fbdc415c6e2bcb4e69c9e7cc2c43503f205305ed9624689f622faa337cbd"

static void chains(void)
{
	struct work w = { .seed = "abc", .cores = 2, .memory_mib = 2, .steps = 500 }, other = w;
	uint64_t *memory = malloc(work_words(&w) * sizeof *memory);
	char text[SHA256_TEXT_SIZE];
	work_fill(&w, 0, 3, memory);
	work_fill(&w, 1, 3, memory);
	work_fill(&w, 2, 3, memory);
	sha256 begin = work_begin(&w, 0), first = work_chunk(&w, begin, memory), second = work_chunk(&w, first, memory);
	is_text(sha256_format(second, text), "b285178d3dba998f648ab4e6419daad5eb1807f0719eaeb61168c2c48f449384",
		"what was computed once is computed for ever");
	ok(sha256_equal(work_chunk(&w, begin, NULL), first) && sha256_equal(work_chunk(&w, first, NULL), second),
	   "a chunk is done again without the memory");
	ok(!sha256_equal(work_begin(&w, 1), begin), "each core has a chain of its own");
	memcpy(other.seed, "abd", 4);
	ok(!sha256_equal(work_begin(&other, 0), begin), "each seed, too");
	ok(!sha256_equal(work_chunk(&other, begin, NULL), first), "and its memory is another");
	other = w;
	other.memory_mib = 3;
	ok(!sha256_equal(work_chunk(&other, begin, NULL), first), "so is that of another size");
	for (size_t i = 0; i < work_words(&w); i++)
		memory[i] ^= 1;
	ok(!sha256_equal(work_chunk(&w, begin, memory), first), "words of memory that are wrong are seen");
	free(memory);
}

static void lines(void)
{
	static const char *const good[] = { "w 0 0 " DIGEST, "w 63 31 " DIGEST, "w 7 9 " DIGEST };
	static const char *const bad[] = { "",
					   "w",
					   "w ",
					   "w 0 0",
					   "w 0 0 ",
					   "w 0 0 " DIGEST " ",
					   "w 0 0 " DIGEST "0",
					   "w 0 0  " DIGEST,
					   "w 00 0 " DIGEST,
					   "w 0 01 " DIGEST,
					   "w -1 0 " DIGEST,
					   "w +1 0 " DIGEST,
					   "w 64 0 " DIGEST,
					   "w 0 32 " DIGEST,
					   "w 4294967296 0 " DIGEST,
					   "w 1000 0 " DIGEST,
					   "x 0 0 " DIGEST,
					   " w 0 0 " DIGEST,
					   "w  0 0 " DIGEST,
					   "w 0\t0 " DIGEST,
					   "w 0 0 7a34fbdc415c6e2bcb4e69c9e7cc2c43503f205305ed9624689f622faa337cb",
					   "w 0 0 7a34fbdc415c6e2bcb4e69c9e7cc2c43503f205305ed9624689f622faa337cbg" };
	uint32_t core = 77, chunk = 77;
	sha256 digest;
	char text[WORK_LINE_SIZE];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		bool read = work_line_read(good[i], strlen(good[i]), &core, &chunk, &digest) == OK;
		work_line_write(core, chunk, digest, text);
		text[strcspn(text, "\n")] = 0;
		ok(read && !strcmp(text, good[i]), "read and written again: %.10s", good[i]);
	}
	core = chunk = 77;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(work_line_read(bad[i], strlen(bad[i]), &core, &chunk, &digest) == E_INVALID && core == 77 && chunk == 77,
		   "refused: \"%.20s\"", bad[i]);
	ok(work_line_read("w 0 0 " DIGEST, 5, &core, &chunk, &digest) == E_INVALID, "no further than the length");
	ok(work_line_read("w 0 0 " DIGEST "\0", 71, &core, &chunk, &digest) == E_INVALID, "a NUL is no end");
}

static void scores(void)
{
	struct work w = { .steps = 16384 }; /* a MiB a chunk */
	is_int(work_score(&w, SECOND_US), WORK_CHUNKS, "so many MiB in a second");
	is_int(work_score(&w, 4 * SECOND_US), WORK_CHUNKS / 4, "in four");
	is_int(work_score(&w, 1000 * SECOND_US), 1, "and next to nothing is not nothing");
	w.steps = WORK_STEPS_MAX;
	is_int(work_score(&w, 0), UINT32_MAX, "no time at all is no division by zero");
	is_int(work_steps_for(32, SECOND_US), 16384, "the work of a second");
	is_int(work_steps_for(0, SECOND_US), 1, "at least one step");
	is_int(work_steps_for(1000000, 3600 * SECOND_US), WORK_STEPS_MAX, "at most so many");
	w.steps = work_steps_for(213, 20 * SECOND_US);
	ok(work_score(&w, 20 * SECOND_US) >= 212 && work_score(&w, 20 * SECOND_US) <= 213, "there and back");
}

int main(void)
{
	chains();
	lines();
	scores();
	return done_testing();
}

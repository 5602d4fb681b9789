/* SPDX-License-Identifier: Apache-2.0
 * market_answers.c - fuzz: the console of a calibration's guest; however its bytes are cut, the same is heard, and never more than there is room for
 */
#include <assert.h>
#include <string.h>
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answers whole, cut, none;
	size_t step = size ? 1 + data[0] % 17 : 1, there = 0;
	whole = cut = none;
	whole.work.cores = cut.work.cores = 3;
	answers_hear(&whole, data, size);
	for (size_t i = 0; i < size; i += step)
		answers_hear(&cut, data + i, size - i < step ? size - i : step);
	assert(!memcmp(&whole, &cut, sizeof whole));
	for (uint32_t core = 0; core < WORK_CORES; core++)
		for (uint32_t i = 0; i < WORK_CHUNKS; i++)
			there += whole.there[core][i];
	assert(there == whole.count && whole.count <= (size_t)3 * WORK_CHUNKS);
	return 0;
}

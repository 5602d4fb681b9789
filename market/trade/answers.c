/* SPDX-License-Identifier: Apache-2.0
 * answers.c - what a guest has answered in a calibration
 */
#include "answers.h"
#include <assert.h>
#include <string.h>

const char *const calibration_result_names[] = { "", "good", "wrong", "slow", "failed" };
static_assert(sizeof calibration_result_names / sizeof *calibration_result_names == CALIBRATION_RESULT_COUNT, "one name each");

static void line_take(struct answers *a)
{
	uint32_t core, chunk;
	sha256 digest;
	if (a->line_len == 7 && !memcmp(a->line, "w ready", 7))
		a->ready = true;
	if (work_line_read(a->line, a->line_len, &core, &chunk, &digest) != OK || core >= a->work.cores || a->there[core][chunk])
		return;
	a->digests[core][chunk] = digest;
	a->there[core][chunk] = true;
	a->count++;
}

void answers_hear(struct answers *a, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\r' || data[i] == '\n') {
			if (a->line_len < sizeof a->line)
				line_take(a);
			a->line_len = 0;
		} else if (a->line_len < sizeof a->line) {
			a->line[a->line_len++] = (char)data[i];
		}
	}
}

bool answers_right(const struct answers *a, const uint32_t *picks, size_t pick_count)
{
	for (size_t i = 0; i < pick_count; i++) {
		uint32_t core = (uint32_t)i % a->work.cores, chunk = picks[i] % WORK_CHUNKS;
		sha256 before = chunk ? a->digests[core][chunk - 1] : work_begin(&a->work, core);
		if (!sha256_equal(work_chunk(&a->work, before, NULL), a->digests[core][chunk]))
			return false;
	}
	return true;
}

enum calibration_result answers_verdict(uint32_t score, uint32_t claimed, int64_t least_percent)
{
	return (int64_t)score * 100 < (int64_t)claimed * least_percent ? CALIBRATION_SLOW : CALIBRATION_GOOD;
}

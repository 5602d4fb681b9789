/* SPDX-License-Identifier: Apache-2.0
 * answers.h - what a guest has answered in a calibration, read off its console; and what the answer is worth
 *
 * Pure. The console's bytes are the machine's: whatever they are, at most one digest a chunk is kept.
 */
#ifndef TRADE_ANSWERS_H
#define TRADE_ANSWERS_H

#include <stdbool.h>
#include "work.h"

enum calibration_result {
	CALIBRATION_RUNS,
	CALIBRATION_GOOD,
	CALIBRATION_WRONG,
	CALIBRATION_SLOW,
	CALIBRATION_FAILED,
	CALIBRATION_RESULT_COUNT
};
extern const char *const calibration_result_names[CALIBRATION_RESULT_COUNT];

struct answers {
	struct work work;
	bool ready; /* the guest waits for the challenge */
	size_t count;
	sha256 digests[WORK_CORES][WORK_CHUNKS];
	bool there[WORK_CORES][WORK_CHUNKS];
	char line[WORK_LINE_SIZE]; /* of which the end has not come */
	size_t line_len;	   /* sizeof line: too long to be any of ours */
};
/* Zero-initialised, with its work, it waits for the first byte. Lines that are not ours are skipped; of two digests of one chunk the first counts. */
void answers_hear(struct answers *a, const uint8_t *data, size_t len);
static inline bool answers_whole(const struct answers *a)
{
	return a->count == (size_t)a->work.cores * WORK_CHUNKS;
}
/* Does chunks of a whole answer again: picks[i], modulo WORK_CHUNKS, of core i modulo cores. Slow. */
bool answers_right(const struct answers *a, const uint32_t *picks, size_t pick_count);

/* Of a right answer. */
enum calibration_result answers_verdict(uint32_t score, uint32_t claimed, int64_t least_percent);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * calibrate.h - the market measures machines by buying work whose answer it can check (docs/CALIBRATION.md)
 */
#ifndef MARKET_CALIBRATE_H
#define MARKET_CALIBRATE_H

#include "answers.h"
#include "market.h"

struct calibrations;
MUST_CHECK err_t calibrate_new(struct market *m, struct calibrations **ret);
void calibrate_free(struct calibrations *c); /* those under way are given up by the market that starts next */
/* Ends those of a market that was before us. */
MUST_CHECK err_t calibrate_load(struct market *m);
/* Draws which machines are measured, and moves on those that are. */
void calibrate_sweep(struct market *m, wall_time now, mono_time now_mono);

struct calibration_counts {
	uint64_t results[CALIBRATION_RESULT_COUNT]; /* since our start; CALIBRATION_RUNS: under way now */
};
struct calibration_counts calibrate_counts(const struct market *m);

#endif

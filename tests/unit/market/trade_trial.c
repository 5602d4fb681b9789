/* SPDX-License-Identifier: Apache-2.0
 * trade_trial.c - how long a machine that failed waits
 */
#include "tap.h"
#include "trial.h"

int main(void)
{
	const wall_time at = { 1000 * SECOND_US };
	static const struct {
		uint32_t failures;
		int64_t pause_s;
	} table[] = {
		{ 2, 60 }, { 3, 120 }, { 4, 240 }, { 9, 60 * 128 }, { 10, 60 * 256 }, { 11, 60 * 256 }, { UINT32_MAX, 60 * 256 }
	};

	is_int(trial_until(0, at, MINUTE_US).us, 0, "none without a failure");
	is_int(trial_until(1, at, MINUTE_US).us, 0, "nor after one");
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		is_int(trial_until(table[i].failures, at, MINUTE_US).us, at.us + table[i].pause_s * SECOND_US,
		       "%u failures: %lld s", table[i].failures, (long long)table[i].pause_s);
	return done_testing();
}

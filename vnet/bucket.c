/* SPDX-License-Identifier: Apache-2.0
 * bucket.c - a bound on how often something may happen
 */
#include "bucket.h"

void bucket_fill(struct bucket *b, int64_t rate, int64_t burst, mono_time now)
{
	int64_t gained_us = now.us - b->at_us, full_micro = burst * SECOND_US;
	if (b->at_us == 0 || gained_us > (full_micro - b->level_micro) / rate)
		b->level_micro = full_micro;
	else if (gained_us > 0)
		b->level_micro += gained_us * rate;
	b->at_us = now.us;
}

bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, mono_time now)
{
	bucket_fill(b, rate, burst, now);
	if (b->level_micro < SECOND_US)
		return false;
	b->level_micro -= SECOND_US;
	return true;
}

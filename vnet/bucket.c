/* SPDX-License-Identifier: Apache-2.0
 * bucket.c - a bound on how often something may happen
 */
#include "bucket.h"

bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, mono_time now)
{
	int64_t gained_us = now.us - b->at_us;
	if (b->at_us == 0 || gained_us >= burst * SECOND_US / rate)
		b->level_micro = burst * SECOND_US;
	else if (gained_us > 0)
		b->level_micro += gained_us * rate;
	if (b->level_micro > burst * SECOND_US)
		b->level_micro = burst * SECOND_US;
	b->at_us = now.us;
	if (b->level_micro < SECOND_US)
		return false;
	b->level_micro -= SECOND_US;
	return true;
}

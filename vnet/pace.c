/* SPDX-License-Identifier: Apache-2.0
 * pace.c - a bound on how many bytes a second go one way
 */
#include "pace.h"

void pace_set(struct pace *p, int64_t bytes_s, uint64_t sum)
{
	if (bytes_s != p->bytes_s)
		*p = (struct pace){ .bytes_s = bytes_s, .bucket = p->bucket, .counted = p->bytes_s ? p->counted : sum };
}

bool pace_allows_some(struct pace *p, uint64_t sum, mono_time now)
{
	int64_t burst = p->bytes_s / 10 > PACE_BURST_BYTES ? p->bytes_s / 10 : PACE_BURST_BYTES;
	bucket_fill(&p->bucket, p->bytes_s, burst, now);
	p->bucket.level_micro -= (int64_t)(sum - p->counted) * SECOND_US;
	p->counted = sum;
	return p->bucket.level_micro > 0;
}

int64_t pace_due_us(const struct pace *p)
{
	if (p->bytes_s == 0 || p->bucket.level_micro > 0)
		return INT64_MAX;
	return p->bucket.at_us + -p->bucket.level_micro / p->bytes_s + PACE_GRAIN_US;
}

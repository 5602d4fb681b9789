/* SPDX-License-Identifier: Apache-2.0
 * pace.h - a bound on how many bytes a second go one way
 *
 * A token bucket of a tenth of a second, at least PACE_BURST_BYTES. What goes is counted after it went, whole, so the bucket may owe
 * something; then nothing more goes until that is paid. Over any time no more goes than rate x time + burst + what one step takes.
 */
#ifndef VNET_PACE_H
#define VNET_PACE_H

#include "bucket.h"

#define PACE_BURST_BYTES (128 * 1024) /* two super-frames */
#define PACE_GRAIN_US 2000	      /* so much is saved up before anybody is woken: some frames, not each by itself */

struct pace {
	int64_t bytes_s; /* 0: no bound */
	struct bucket bucket;
	uint64_t counted; /* of the sum */
};

/* sum: bytes that went this way so far, all told. */
void pace_set(struct pace *p, int64_t bytes_s, uint64_t sum);
/* Takes what the sum grew by, and says whether more may go now. */
bool pace_allows_some(struct pace *p, uint64_t sum, mono_time now);
static inline bool pace_allows(struct pace *p, uint64_t sum, mono_time now)
{
	return __builtin_expect(p->bytes_s == 0, 1) || pace_allows_some(p, sum, now);
}
int64_t pace_due_us(const struct pace *p); /* when it allows more again; INT64_MAX: it does */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * bucket.h - a bound on how often something may happen
 */
#ifndef VNET_BUCKET_H
#define VNET_BUCKET_H

#include <stdbool.h>
#include "clock.h"

struct bucket {
	int64_t level_micro; /* millionths of a token: what a microsecond brings at rate 1 */
	int64_t at_us;
};
/* Takes one token of a bucket that holds at most burst and gains rate a second. Zero-initialised is full at the first call. */
bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, mono_time now);

#endif

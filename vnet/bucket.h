/* SPDX-License-Identifier: Apache-2.0
 * bucket.h - a bound on how often something may happen
 */
#ifndef VNET_BUCKET_H
#define VNET_BUCKET_H

#include <stdbool.h>
#include "clock.h"

struct bucket {
	int64_t level_micro; /* millionths of a token: what a microsecond brings at rate 1. Below 0: tokens are owed */
	int64_t at_us;
};
/* Adds what a bucket that holds at most burst and gains rate a second has gained. Zero-initialised is full at the first call. */
void bucket_fill(struct bucket *b, int64_t rate, int64_t burst, mono_time now);
/* And takes one token, if it is there. */
bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, mono_time now);

#endif

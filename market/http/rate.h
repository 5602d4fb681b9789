/* SPDX-License-Identifier: Apache-2.0
 * rate.h - token buckets by address, in a table of fixed size
 */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include <stdbool.h>
#include "clock.h"
#include "err.h"
#include "uuid.h"

struct rate;
/* burst at once, then one more each refill_us. */
MUST_CHECK err_t rate_new(uint32_t burst, int64_t refill_us, struct rate **ret_rate);
void rate_free(struct rate *r);
/* Takes one; false where the bucket is empty, with the seconds until there is one. IPv6 counts by /64. Where the table is full the
 * bucket that was used least lately is forgotten. */
bool rate_take(struct rate *r, const char *address, mono_time now, int *ret_wait_s);
/* Of an account or a machine; a table's keys are of one kind. */
bool rate_take_id(struct rate *r, uuid id, mono_time now, int *ret_wait_s);
/* Would it? Takes nothing. */
bool rate_has(struct rate *r, const char *address, mono_time now);
/* The keyed hash that chooses a bucket's row: for its test. */
uint64_t rate_hash(const uint8_t secret[16], const uint8_t key[16]);

#endif

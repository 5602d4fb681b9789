/* SPDX-License-Identifier: Apache-2.0
 * clock.h - the only place that reads a clock; everything else is handed "now"
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

/* Microseconds since 1970-01-01 UTC, and since an arbitrary point that never goes back (CLOCK_BOOTTIME: counts suspend). */
typedef struct {
	int64_t us;
} wall_time;
typedef struct {
	int64_t us;
} mono_time;

#define MILLISECOND_US 1000LL
#define SECOND_US 1000000LL
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

wall_time clock_wall(void);
mono_time clock_mono(void);

#define WALL_TEXT_SIZE 32
/* RFC 3339 in UTC with microseconds, "2026-11-21T03:29:00.000000Z". text has WALL_TEXT_SIZE bytes. Returns text. */
char *wall_format(wall_time t, char *text);
/* Reads RFC 3339 with "Z", with or without a fraction of 1 to 6 digits. E_INVALID. */
MUST_CHECK err_t wall_parse(const char *text, wall_time *ret_time);

/* "500ms", "90s", "15m", "2h", "1d" or a bare number of seconds, to microseconds; 0 < value <= 10 years. E_INVALID. */
MUST_CHECK err_t duration_parse(const char *text, int64_t *ret_us);

#endif

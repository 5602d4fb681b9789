/* SPDX-License-Identifier: Apache-2.0
 * hours.h - the minutes of a week in which the owner lets guests run
 */
#ifndef SELLER_HOURS_H
#define SELLER_HOURS_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"
#include "err.h"

#define HOURS_WEEK_MINUTES (7 * 24 * 60) /* minute 0: Monday, 00:00, in the machine's own time zone */

struct hours {
	uint8_t allowed[HOURS_WEEK_MINUTES / 8]; /* a bit a minute */
};

/* "mon-fri 18:00-08:00, sat-sun 00:00-24:00": each part is days (or "daily") and a span; a span that ends where or before it
 * begins goes on into the next day. "" is always. E_INVALID, with error (size bytes) saying what is wrong. */
MUST_CHECK err_t hours_parse(const char *text, struct hours *ret_hours, char *error, size_t size);
bool hours_allow(const struct hours *hours, int minute_of_week);
/* By the machine's time zone, daylight saving included. */
int hours_minute_of_week(wall_time now);

#endif

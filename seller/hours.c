/* SPDX-License-Identifier: Apache-2.0
 * hours.c - the minutes of a week in which the owner lets guests run
 */
#include "hours.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_MINUTES = 24 * 60, DAYS = 7 };

static const char *const day_names[DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool take(const char **at, const char *word)
{
	size_t len = strlen(word);
	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_day(const char **at, int *ret_day)
{
	for (int day = 0; day < DAYS; day++)
		if (take(at, day_names[day])) {
			*ret_day = day;
			return true;
		}
	return false;
}

static bool take_two_digits(const char **at, int most, int *ret_number)
{
	const char *a = *at;
	if (a[0] < '0' || a[0] > '9' || a[1] < '0' || a[1] > '9')
		return false;
	*ret_number = (a[0] - '0') * 10 + a[1] - '0';
	*at += 2;
	return *ret_number <= most;
}

/* "08:30"; 24:00 is the day's end. */
static bool take_time(const char **at, int *ret_minute)
{
	int hour, minute;
	if (!take_two_digits(at, 24, &hour) || !take(at, ":") || !take_two_digits(at, 59, &minute) || (hour == 24 && minute))
		return false;
	*ret_minute = hour * 60 + minute;
	return true;
}

static void allow_span(struct hours *h, int day, int from, int to)
{
	int first = day * DAY_MINUTES + from, len = to > from ? to - from : to + DAY_MINUTES - from;
	for (int i = 0; i < len; i++) {
		int minute = (first + i) % HOURS_WEEK_MINUTES;
		h->allowed[minute / 8] |= (uint8_t)(1 << minute % 8);
	}
}

static bool take_part(const char **at, struct hours *h)
{
	int first = 0, last = DAYS - 1, from, to;
	skip_blanks(at);
	if (!take(at, "daily")) {
		if (!take_day(at, &first))
			return false;
		last = first;
		if (take(at, "-") && !take_day(at, &last))
			return false;
	}
	skip_blanks(at);
	if (!take_time(at, &from) || !take(at, "-") || !take_time(at, &to) || from == DAY_MINUTES)
		return false;
	for (int day = first;; day = (day + 1) % DAYS) {
		allow_span(h, day, from, to);
		if (day == last)
			break;
	}
	skip_blanks(at);
	return true;
}

err_t hours_parse(const char *text, struct hours *ret_hours, char *error, size_t size)
{
	struct hours h = { { 0 } };
	const char *at = text;
	skip_blanks(&at);
	if (!*at)
		memset(&h, 0xff, sizeof h);
	while (*at) {
		const char *part = at;
		if (!take_part(&at, &h) || (*at && !take(&at, ","))) {
			snprintf(error, size, "must be as in \"mon-fri 18:00-08:00, sat-sun 00:00-24:00\", not \"%.40s\"", part);
			return E_INVALID;
		}
	}
	*ret_hours = h;
	return OK;
}

bool hours_allow(const struct hours *hours, int minute_of_week)
{
	return hours->allowed[minute_of_week / 8] >> minute_of_week % 8 & 1;
}

int hours_minute_of_week(wall_time now)
{
	struct tm local;
	time_t seconds = (time_t)(now.us / SECOND_US);
	if (!localtime_r(&seconds, &local))
		return 0;
	return (local.tm_wday + 6) % DAYS * DAY_MINUTES + local.tm_hour * 60 + local.tm_min;
}

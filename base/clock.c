/* SPDX-License-Identifier: Apache-2.0
 * clock.c - reads the clocks; times and durations as text
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "clock.h"

static int64_t read_clock_us(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t))
		abort();
	return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

wall_time clock_wall(void)
{
	return (wall_time){ read_clock_us(CLOCK_REALTIME) };
}

mono_time clock_mono(void)
{
	return (mono_time){ read_clock_us(CLOCK_BOOTTIME) };
}

/* What stands before it, and that many digits. Returns where they end. */
static char *put_digits(char *at, char before, int count, int value)
{
	*at = before;
	for (int i = count; i > 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + count + 1;
}

static size_t format_seconds(time_t seconds, char *text)
{
	struct tm tm = { 0 };
	gmtime_r(&seconds, &tm);
	/* int64 microseconds reach at most six-digit years, which fit. */
	int len = snprintf(text, WALL_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			   tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (len < 0 || len + 9 > WALL_TEXT_SIZE)
		abort();
	return (size_t)len;
}

char *wall_format(wall_time t, char *text)
{
	int64_t fraction_us = t.us % SECOND_US;
	time_t seconds = t.us / SECOND_US;
	if (fraction_us < 0) {
		fraction_us += SECOND_US;
		seconds--;
	}
	/* Each answer to a report has a time, most of them of the same second. */
	static _Thread_local struct {
		time_t seconds;
		size_t len;
		char text[WALL_TEXT_SIZE];
	} last;
	if (!last.len || last.seconds != seconds) {
		last.len = format_seconds(seconds, last.text);
		last.seconds = seconds;
	}
	memcpy(text, last.text, last.len);
	char *at = put_digits(text + last.len, '.', 6, (int)fraction_us);
	*at++ = 'Z';
	*at = '\0';
	return text;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly count digits. */
static bool take_digits(const char **at, int count, int *ret_value)
{
	int value = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		if (!is_digit(**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

err_t wall_parse(const char *text, wall_time *ret_time)
{
	struct tm tm = { 0 };
	const char *at = text;
	if (!take_digits(&at, 4, &tm.tm_year) || !take_char(&at, '-') || !take_digits(&at, 2, &tm.tm_mon) ||
	    !take_char(&at, '-') || !take_digits(&at, 2, &tm.tm_mday) || !take_char(&at, 'T') ||
	    !take_digits(&at, 2, &tm.tm_hour) || !take_char(&at, ':') || !take_digits(&at, 2, &tm.tm_min) ||
	    !take_char(&at, ':') || !take_digits(&at, 2, &tm.tm_sec))
		return E_INVALID;
	int64_t fraction_us = 0;
	if (take_char(&at, '.')) {
		int64_t unit_us = SECOND_US;
		for (; is_digit(*at) && unit_us > 1; at++) {
			unit_us /= 10;
			fraction_us += (*at - '0') * unit_us;
		}
		if (unit_us == SECOND_US)
			return E_INVALID;
	}
	if (!take_char(&at, 'Z') || *at)
		return E_INVALID;
	/* timegm() carries over what is out of range: a date that comes back changed was none. */
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	struct tm same = tm;
	time_t seconds = timegm(&same);
	if (same.tm_year != tm.tm_year || same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday || same.tm_hour != tm.tm_hour ||
	    same.tm_min != tm.tm_min || same.tm_sec != tm.tm_sec)
		return E_INVALID;
	ret_time->us = (int64_t)seconds * SECOND_US + fraction_us;
	return OK;
}

err_t duration_parse(const char *text, int64_t *ret_us)
{
	const int64_t max_us = 3650 * DAY_US;
	int64_t value = 0, unit_us = SECOND_US;
	const char *at = text;
	for (; is_digit(*at); at++) {
		value = value * 10 + (*at - '0');
		if (value > max_us / SECOND_US)
			return E_INVALID;
	}
	if (at == text)
		return E_INVALID;
	switch (*at) {
	case '\0':
		break;
	case 's':
		at++;
		break;
	case 'm':
		unit_us = at[1] == 's' ? MILLISECOND_US : MINUTE_US;
		at += at[1] == 's' ? 2 : 1;
		break;
	case 'h':
		unit_us = HOUR_US;
		at++;
		break;
	case 'd':
		unit_us = DAY_US;
		at++;
		break;
	}
	if (*at || value == 0 || value > max_us / unit_us)
		return E_INVALID;
	*ret_us = value * unit_us;
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * hours.c - the owner's hours: what is read, what is refused
 */
#include <stdlib.h>
#include <time.h>
#include "hours.h"
#include "tap.h"

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

static int minute(int day, int hour, int min)
{
	return (day * 24 + hour) * 60 + min;
}

static bool allowed(const char *text, int day, int hour, int min)
{
	struct hours h;
	char error[128];
	return hours_parse(text, &h, error, sizeof error) == OK && hours_allow(&h, minute(day, hour, min));
}

static int count(const char *text)
{
	struct hours h;
	char error[128];
	int n = 0;
	if (hours_parse(text, &h, error, sizeof error))
		return -1;
	for (int i = 0; i < HOURS_WEEK_MINUTES; i++)
		n += hours_allow(&h, i);
	return n;
}

int main(void)
{
	is_int(count(""), HOURS_WEEK_MINUTES, "nothing said is always");
	is_int(count("daily 00:00-24:00"), HOURS_WEEK_MINUTES, "so is every day, all day");
	is_int(count("mon 08:00-09:00"), 60, "one hour");
	is_int(count("mon-fri 18:00-08:00"), 5 * 14 * 60, "five nights");
	is_int(count("sat-mon 00:00-24:00"), 3 * 24 * 60, "days that go around the week's end");
	is_int(count("daily 12:00-12:00"), HOURS_WEEK_MINUTES, "a span that ends where it begins is a day");
	is_int(count("tue 10:00-11:00, tue 10:30-11:30"), 90, "spans that overlap count once");
	ok(allowed("mon-fri 18:00-08:00, sat-sun 00:00-24:00", MON, 18, 0), "a span's first minute");
	ok(!allowed("mon-fri 18:00-08:00, sat-sun 00:00-24:00", MON, 17, 59), "not the one before it");
	ok(allowed("mon-fri 18:00-08:00", TUE, 7, 59) && !allowed("mon-fri 18:00-08:00", TUE, 8, 0),
	   "its last, in the next morning");
	ok(!allowed("mon-fri 18:00-08:00", MON, 7, 0), "Sunday's night is not Monday's");
	ok(allowed("sun 23:00-01:00", MON, 0, 59), "the week's end goes on in its beginning");
	static const char *const bad[] = { "always",
					   "mon",
					   "mon 8:00-9:00",
					   "mon 08:00",
					   "mon 08:00-",
					   "mon 08:00-25:00",
					   "mon 08:60-09:00",
					   "mon 24:00-08:00",
					   "mon-08:00-09:00",
					   "fri- 08:00-09:00",
					   "mon 08:00-24:01",
					   "mon 08:00-09:00,,",
					   "mon 08:00-09:00 tue 08:00-09:00",
					   "Mon 08:00-09:00",
					   ",",
					   "daily-mon 08:00-09:00" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(count(bad[i]), -1, "refused: %s", bad[i]);
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	/* 2026-07-06 is a Monday; Berlin is two hours ahead in summer. 2026-01-05 too; one hour in winter. */
	wall_time summer, winter;
	ok(wall_parse("2026-07-06T06:30:00Z", &summer) == OK && hours_minute_of_week(summer) == minute(MON, 8, 30),
	   "summer time");
	ok(wall_parse("2026-01-05T06:30:00Z", &winter) == OK && hours_minute_of_week(winter) == minute(MON, 7, 30),
	   "winter time");
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * clock.c - tests of times and durations as text
 */
#include "clock.h"
#include "tap.h"

static const struct {
	const char *text;
	int64_t us;
} times[] = {
	{ "1970-01-01T00:00:00.000000Z", 0 },
	{ "2026-11-21T03:29:00.000000Z", 1795231740000000 },
	{ "2000-02-29T23:59:59.999999Z", 951868799999999 },
	{ "1969-12-31T23:59:59.999999Z", -1 },
	{ "9999-12-31T23:59:59.000000Z", 253402300799000000 },
};

static const struct {
	const char *text;
	int64_t us;
} short_times[] = {
	{ "2026-11-21T03:29:00Z", 1795231740000000 },
	{ "2026-11-21T03:29:00.5Z", 1795231740500000 },
	{ "2026-11-21T03:29:00.000001Z", 1795231740000001 },
};

static const char *const bad_times[] = {
	"",
	"2026-11-21",
	"2026-11-21T03:29:00",
	"2026-11-21T03:29:00+00:00",
	"2026-11-21t03:29:00z",
	"2026-11-21 03:29:00Z",
	"2026-11-21T03:29:00.Z",
	"2026-11-21T03:29:00.1234567Z",
	"2026-11-21T03:29:00Zx",
	"2026-02-29T00:00:00Z",
	"2026-13-01T00:00:00Z",
	"2026-00-01T00:00:00Z",
	"2026-01-00T00:00:00Z",
	"2026-01-01T24:00:00Z",
	"2026-01-01T00:60:00Z",
	"2026-01-01T00:00:60Z",
	"02026-01-01T00:00:00Z",
	"2026-1-01T00:00:00Z",
	"-026-01-01T00:00:00Z",
	" 2026-01-01T00:00:00Z",
};

static const struct {
	const char *text;
	int64_t us;
} durations[] = {
	{ "1", SECOND_US }, { "90s", 90 * SECOND_US },	{ "15m", 15 * MINUTE_US }, { "2h", 2 * HOUR_US },
	{ "1d", DAY_US },   { "3650d", 3650 * DAY_US }, { "007", 7 * SECOND_US },  { "500ms", 500 * MILLISECOND_US },
};

static const char *const bad_durations[] = {
	"",	 "0",	"0s",	 "-1",	      "+1",
	"1.5h",	 "1w",	"s",	 "1ss",	      "1 s",
	" 1",	 "1s ", "3651d", "315360001", "99999999999999999999",
	"1h30m", "0ms", "1mss",	 "1ms ",      "ms",
};

int main(void)
{
	char text[WALL_TEXT_SIZE];
	wall_time t;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		is_text(wall_format((wall_time){ times[i].us }, text), times[i].text, "format %s", times[i].text);
		t.us = 1;
		is_int(wall_parse(times[i].text, &t), OK, "parse %s", times[i].text);
		is_int(t.us, times[i].us, "its value");
	}
	for (size_t i = 0; i < sizeof short_times / sizeof short_times[0]; i++) {
		is_int(wall_parse(short_times[i].text, &t), OK, "parse %s", short_times[i].text);
		is_int(t.us, short_times[i].us, "its value");
	}
	t.us = 42;
	for (size_t i = 0; i < sizeof bad_times / sizeof bad_times[0]; i++)
		is_int(wall_parse(bad_times[i], &t), E_INVALID, "refuse \"%s\"", bad_times[i]);
	is_int(t.us, 42, "a refusal leaves the result alone");
	ok(strlen(wall_format((wall_time){ INT64_MAX }, text)) < WALL_TEXT_SIZE, "the last time fits: %s", text);
	ok(strlen(wall_format((wall_time){ INT64_MIN }, text)) < WALL_TEXT_SIZE, "the first time fits: %s", text);

	int64_t us;
	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
		is_int(duration_parse(durations[i].text, &us), OK, "parse %s", durations[i].text);
		is_int(us, durations[i].us, "its value");
	}
	us = 42;
	for (size_t i = 0; i < sizeof bad_durations / sizeof bad_durations[0]; i++)
		is_int(duration_parse(bad_durations[i], &us), E_INVALID, "refuse \"%s\"", bad_durations[i]);
	is_int(us, 42, "a refusal leaves the result alone");

	mono_time before = clock_mono();
	ok(clock_mono().us >= before.us && before.us > 0, "the monotonic clock does not go back");
	ok(clock_wall().us > 1700000000 * SECOND_US, "the wall clock is set");
	return done_testing();
}

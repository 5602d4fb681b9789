/* SPDX-License-Identifier: Apache-2.0
 * totp.c - tests of one-time codes, with the vectors of RFC 4226 and RFC 6238
 */
#include "totp.h"
#include "tap.h"

static const char secret[] = "12345678901234567890";

int main(void)
{
	/* RFC 4226, appendix D */
	static const uint32_t counters[] = { 755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489 };
	for (uint64_t i = 0; i < 10; i++)
		is_int(hotp(secret, 20, i, 6), counters[i], "HOTP of counter %d", (int)i);
	/* RFC 6238, appendix B: 8 digits */
	static const struct {
		int64_t time_s;
		uint32_t code;
	} times[] = { { 59, 94287082 },		{ 1111111109, 7081804 },  { 1111111111, 14050471 },
		      { 1234567890, 89005924 }, { 2000000000, 69279037 }, { 20000000000, 65353130 } };
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		is_int(hotp(secret, 20, (uint64_t)times[i].time_s / TOTP_PERIOD_S, 8), times[i].code, "TOTP at %lld s",
		       (long long)times[i].time_s);

	/* The same in six digits: 287082 is step 1, 30 s to 59 s. */
	static const struct {
		const char *code, *what;
		int64_t time_s, last_step;
		err_t want;
	} checks[] = {
		{ "287082", "in its step", 59, 0, OK }, { "287082", "a step early", 15, 0, OK },
		{ "287082", "a step late", 89, 0, OK }, { "287082", "two steps late", 90, 0, E_AUTH },
		{ "287082", "again", 59, 1, E_AUTH },	{ "755224", "one of before that, after it", 59, 1, E_AUTH },
		{ "287083", "another", 59, 0, E_AUTH }, { "28708", "five digits", 59, 0, E_AUTH },
		{ "2870820", "seven", 59, 0, E_AUTH },	{ "28708x", "a letter", 59, 0, E_AUTH },
		{ " 28708", "a blank", 59, 0, E_AUTH }, { "", "nothing", 59, 0, E_AUTH },
	};
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		int64_t step = -7;
		is_int(totp_check(secret, checks[i].code, (wall_time){ checks[i].time_s * SECOND_US }, checks[i].last_step,
				  &step),
		       checks[i].want, "a code, %s", checks[i].what);
		is_int(step, checks[i].want ? -7 : 1, "and its step");
	}
	return done_testing();
}

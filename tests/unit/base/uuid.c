/* SPDX-License-Identifier: Apache-2.0
 * uuid.c - tests of identifiers
 */
#include "tap.h"
#include "uuid.h"

int main(void)
{
	char text[UUID_TEXT_SIZE], later[UUID_TEXT_SIZE];
	wall_time now = { 1645557742123456 };
	uuid id = uuid_make(now), other = uuid_make(now);
	uuid_format(id, text);
	is_int(strlen(text), 36, "36 characters");
	/* 1645557742123 ms is 0x017f22e27a2b; 456 us are 1867 of 4096, 0x74b */
	ok(!strncmp(text, "017f22e2-7a2b-774b-", 19), "milliseconds, version and fraction: %s", text);
	ok(strchr("89ab", text[19]) != NULL, "the variant");
	ok(!uuid_equal(id, other), "two of the same time differ");
	ok(uuid_equal(id, id) && !uuid_is_zero(id) && uuid_is_zero((uuid){ 0 }), "equal and zero");
	uuid_format(uuid_make((wall_time){ now.us + 1 }), later);
	ok(strcmp(text, later) < 0, "a microsecond later sorts behind");
	ok(!uuid_is_zero(uuid_make((wall_time){ -5 })), "a clock that was never set is no harm");

	uuid back;
	is_int(uuid_parse(text, &back), OK, "parse");
	ok(uuid_equal(id, back), "the same");
	is_int(uuid_parse("919108F7-52D1-4320-9BAC-F847DB4148A8", &back), OK, "upper case, another version");
	is_text(uuid_format(back, text), "919108f7-52d1-4320-9bac-f847db4148a8", "is written in lower case");
	static const char *const bad[] = {
		"",
		"919108f752d143209bacf847db4148a8",
		"919108f7-52d1-4320-9bac-f847db4148a",
		"919108f7-52d1-4320-9bac-f847db4148a80",
		"919108f7-52d1-4320-9bac_f847db4148a8",
		"919108f75-2d1-4320-9bac-f847db4148a8",
		"919108f7-52d1-4320-9bac-f847db4148ag",
		"{919108f7-52d1-4320-9bac-f847db4148a}",
		"919108f7-52d1-4320-9bac--847db4148a8",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(uuid_parse(bad[i], &back), E_INVALID, "refuse \"%s\"", bad[i]);
	return done_testing();
}

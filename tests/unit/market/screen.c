/* SPDX-License-Identifier: Apache-2.0
 * screen.c - who looks at a guest's screen gets its last picture; who does not look costs nothing
 */
#include "screen.h"
#include <string.h>
#include "png.h"
#include "tap.h"

static uint8_t picture[256];
static size_t len;

int main(void)
{
	struct screen s = { 0 };
	mono_time now = { 1000 * SECOND_US };
	uint8_t other[sizeof picture];
	static uint8_t wide[3 * (SCREEN_MAX_WIDTH + 1)], wide_png[1024];
	size_t wide_len;

	is_int(png_write((const uint8_t *)"rgbRGB", 2, 1, picture, sizeof picture, &len), OK, "a picture");
	is_int(screen_width(&s, now), 0, "nobody looks: nothing is asked of the machine");
	is_int(screen_put(&s, picture, len, now), E_CONFLICT, "and what it sends is refused");
	screen_want(&s, 320, now);
	is_int(screen_width(&s, now), 320, "somebody looks");
	ok(!screen_shows(&s, 320, now), "there is nothing yet");
	is_int(screen_put(&s, "\x89PNG", 4, now), E_INVALID, "half a picture is none");
	memcpy(other, picture, len);
	other[len - 1] ^= 1;
	is_int(screen_put(&s, other, len, now), E_INVALID, "nor is a broken one");
	is_int(png_write(wide, SCREEN_MAX_WIDTH + 1, 1, wide_png, sizeof wide_png, &wide_len), OK, "too wide a one");
	is_int(screen_put(&s, wide_png, wide_len, now), E_INVALID, "is refused");
	is_int(screen_put(&s, picture, len, now), OK, "a good one is taken");
	ok(screen_shows(&s, 320, now) && s.len == len && !memcmp(s.png, picture, len), "and shown");
	ok(screen_shows(&s, 64, now) && !screen_shows(&s, 321, now), "also to who wants it smaller, not to who wants it larger");
	is_int(screen_put(&s, picture, len, now), E_CONFLICT, "another one comes too soon");
	is_int(screen_width(&s, now), 0, "and is not asked for");
	now.us += SCREEN_PERIOD_US;
	is_int(screen_width(&s, now), 320, "until it is time");
	screen_want(&s, 1024, now);
	is_int(screen_width(&s, now), 1024, "the widest counts");
	now.us += SCREEN_WANTED_US / 2;
	screen_want(&s, 320, now);
	is_int(screen_width(&s, now), 1024, "as long as somebody wants it");
	now.us += SCREEN_WANTED_US / 2;
	screen_want(&s, 320, now);
	is_int(screen_width(&s, now), 320, "and no longer");
	ok(!screen_shows(&s, 320, now), "an old picture is not shown");
	screen_sweep(&s, now);
	ok(s.png, "while somebody looks it may stay");
	now.us += SCREEN_WANTED_US;
	is_int(screen_width(&s, now), 0, "nobody looks any more");
	is_int(screen_put(&s, picture, len, now), OK, "what was asked for may still come");
	screen_sweep(&s, now);
	ok(s.png, "and is kept for a while");
	now.us += SCREEN_LATE_US + 1;
	is_int(screen_put(&s, picture, len, now), E_CONFLICT, "but not for ever");
	screen_sweep(&s, now);
	ok(!s.png, "then it is gone");
	screen_clear(&s);
	return done_testing();
}

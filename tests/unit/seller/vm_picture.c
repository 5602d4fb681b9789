/* SPDX-License-Identifier: Apache-2.0
 * vm_picture.c - from a PPM that a guest's screen is to a small PNG, and what the outer process keeps of it
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "bytes.h"
#include "file.h"
#include "picture.h"
#include "png.h"
#include "screen.h"
#include "tap.h"

static uint8_t png[PICTURE_MAX_BYTES];
static size_t png_len;

/* The head as it is said, then as many bytes of value. */
static err_t of(const char *head, size_t bytes, int value, uint32_t width)
{
	size_t len = strlen(head);
	AUTO_FREE uint8_t *ppm = malloc(len + bytes + 1);
	memcpy(ppm, head, len);
	memset(ppm + len, value, bytes);
	png_len = 0;
	return picture_from_ppm(ppm, len + bytes, width, png, &png_len);
}

static const struct {
	const char *head;
	size_t bytes;
	const char *why;
} refused[] = {
	{ "", 0, "nothing" },
	{ "P5\n4 2\n255\n", 24, "another format" },
	{ "P6 4 2\n255\n", 24, "no line's end behind the format" },
	{ "P6\n4 2\n255\n", 23, "a byte too few" },
	{ "P6\n4 2\n255\n", 25, "a byte too many" },
	{ "P6\n0 2\n255\n", 0, "no column" },
	{ "P6\n4 0\n255\n", 0, "no row" },
	{ "P6\n04 2\n255\n", 24, "a leading zero" },
	{ "P6\n-4 2\n255\n", 24, "a sign" },
	{ "P6\n4\t2\n255\n", 24, "a tab" },
	{ "P6\n4  2\n255\n", 24, "two blanks" },
	{ "P6\n# x\n4 2\n255\n", 24, "a comment" },
	{ "P6\n4 2\n65535\n", 48, "16 bits a colour" },
	{ "P6\n4 2\n254\n", 24, "another depth" },
	{ "P6\n4 2\n255", 24, "no line's end before the pixels" },
	{ "P6\n1921 1\n255\n", 1921 * 3, "too wide a screen" },
	{ "P6\n1 1201\n255\n", 1201 * 3, "too high a one" },
	{ "P6\n4294967297 1\n255\n", 3, "a width of 2^32 and one" },
	{ "P6\n65536 65536\n255\n", 0, "a product of 2^32" },
	{ "P6\n99999999999999999999 1\n255\n", 3, "a width beyond counting" },
};

static void from_noise(void)
{
	enum { WIDTH = 1920, HEIGHT = 1200 };
	static uint8_t ppm[PICTURE_PPM_MAX_BYTES];
	uint32_t random = 1;
	int len = snprintf((char *)ppm, 32, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
	for (size_t i = 0; i < (size_t)3 * WIDTH * HEIGHT; i++)
		ppm[(size_t)len + i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
	is_int(picture_from_ppm(ppm, (size_t)len + (size_t)3 * WIDTH * HEIGHT, 1024, png, &png_len), OK,
	       "the largest screen, full of noise");
	ok(png_len > 0 && png_len <= sizeof png, "is made narrower until it fits");
	is_int(png_check(png, png_len, 1024, PICTURE_SCREEN_MAX_HEIGHT), OK, "and is a PNG");
}

static void made(void)
{
	uint8_t rows[2 * (1 + 2 * 3)];
	uLongf len = sizeof rows;
	const char ppm[] = "P6\n4 4\n255\n"
			   "\0\0\0\4\4\4AAAAAA"
			   "\10\10\10\14\14\14AAAAAA"
			   "aaaaaaAAAAAA"
			   "aaaaaaAAAAAA";
	is_int(picture_from_ppm(ppm, sizeof ppm - 1, 2, png, &png_len), OK, "half as wide");
	struct reader r = reader_of(png + 33, 4);
	is_int(uncompress(rows, &len, png + 41, read_u32(&r)), Z_OK, "zlib undoes it");
	ok(!memcmp(rows, "\0\6\6\6AAA\0aaaAAA", sizeof rows), "each pixel is the mean of four");
	is_int(of("P6\n4 2\n255\n", 24, 'x', 1024), OK, "a small screen");
	is_int(png_check(png, png_len, 4, 2), OK, "is not enlarged");
	is_int(of("P6\n1920 1\n255\n", 1920 * 3, 'x', 64), OK, "a line");
	is_int(png_check(png, png_len, 64, 1), OK, "keeps a row");
	is_int(of("P6\n1 1200\n255\n", 1200 * 3, 'x', 64), OK, "a column");
	is_int(png_check(png, png_len, 1, 1200), OK, "stays one");
	is_int(of("P6\n4 2\n255\n", 24, 'x', 0), OK, "no width at all");
	is_int(png_check(png, png_len, 1, 1), OK, "is one of a pixel");
}

static void kept(void)
{
	static struct screen screen;
	mono_time now = { 1000 * SECOND_US };
	is_int(screen_fresh(&screen, now), 0, "no picture at first");
	is_int(screen_take(&screen, png, png_len, now), E_INVALID, "one that nobody asked for is refused");
	ok(screen_ask(&screen, now), "it is asked for");
	ok(!screen_ask(&screen, now), "once");
	is_int(screen_take(&screen, "no PNG", 6, now), E_INVALID, "what is none is refused");
	is_int(screen_take(&screen, png, png_len, now), OK, "one comes");
	is_int(screen_take(&screen, png, png_len, now), E_INVALID, "and not another");
	is_int(screen_fresh(&screen, now), (long long)png_len, "it is shown");
	is_int(screen.number, 1, "as the first");
	now.us += SCREEN_PERIOD_US - 1;
	ok(!screen_ask(&screen, now), "the next one not before its time");
	now.us += 1;
	ok(screen_ask(&screen, now), "but then");
	now.us += SCREEN_FRESH_US;
	is_int(screen_fresh(&screen, now), 0, "an old one is shown to nobody");
	is_int(screen_take(&screen, NULL, 0, now), OK, "the inside may have none");
	is_int(screen.number, 1, "which does not count");
}

int main(void)
{
	made();
	kept();
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		is_int(of(refused[i].head, refused[i].bytes, 'x', 320), E_INVALID, "refused: %s", refused[i].why);
	from_noise();
	return done_testing();
}

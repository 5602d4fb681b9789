/* SPDX-License-Identifier: Apache-2.0
 * png.c - PNGs: what is written, and what counts as one
 */
#include "png.h"
#include <string.h>
#include <zlib.h>
#include "bytes.h"
#include "tap.h"

enum { WIDTH = 5, HEIGHT = 3, MAX = 1024 };
static uint8_t good[MAX];
static size_t good_len;

/* The good PNG with bytes replaced from an offset on. */
static err_t with(size_t at, const char *bytes, size_t len)
{
	uint8_t png[MAX];
	memcpy(png, good, good_len);
	memcpy(png + at, bytes, len);
	return png_check(png, good_len, WIDTH, HEIGHT);
}

/* The same in IHDR, whose checksum is made anew. */
static err_t with_head(size_t at, const char *bytes, size_t len, uint32_t max_width, uint32_t max_height)
{
	uint8_t png[MAX];
	memcpy(png, good, good_len);
	memcpy(png + at, bytes, len);
	struct writer w = writer_of(png + 29, 4);
	write_u32(&w, (uint32_t)crc32(crc32(0, NULL, 0), png + 12, 17));
	return png_check(png, good_len, max_width, max_height);
}

static void written(void)
{
	uint8_t rgb[WIDTH * HEIGHT * 3], rows[HEIGHT * (1 + WIDTH * 3)];
	uLongf len = sizeof rows;
	for (size_t i = 0; i < sizeof rgb; i++)
		rgb[i] = (uint8_t)(i * 7);
	is_int(png_write(rgb, WIDTH, HEIGHT, good, sizeof good, &good_len), OK, "a picture is written");
	ok(!memcmp(good, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\5\0\0\0\3\10\2\0\0\0", 29), "signature and head");
	struct reader r = reader_of(good + 33, 4);
	is_int(uncompress(rows, &len, good + 41, read_u32(&r)), Z_OK, "zlib undoes what is in it");
	is_int(len, sizeof rows, "rows and their filters");
	bool same = true;
	for (size_t y = 0; y < HEIGHT; y++)
		same &= rows[y * (1 + WIDTH * 3)] == 0 && !memcmp(rows + y * (1 + WIDTH * 3) + 1, rgb + y * WIDTH * 3, WIDTH * 3);
	ok(same, "with the same pixels");
	uint8_t small[MAX];
	size_t none = 0;
	int fits = 0;
	for (size_t max = 0; max < good_len; max++)
		fits += png_write(rgb, WIDTH, HEIGHT, small, max, &none) != E_LIMIT;
	is_int(fits, 0, "no smaller space is enough");
	is_int(none, 0, "and nothing is said of it then");
	is_int(png_write(rgb, WIDTH, HEIGHT, small, good_len, &none), OK, "but this very one");
}

static void refused(void)
{
	uint8_t longer[MAX + 1];
	is_int(png_check(good, good_len, WIDTH, HEIGHT), OK, "what is written is one");
	is_int(png_check(good, good_len, WIDTH - 1, HEIGHT), E_INVALID, "refused: too wide");
	is_int(png_check(good, good_len, WIDTH, HEIGHT - 1), E_INVALID, "refused: too high");
	int taken = 0;
	for (size_t len = 0; len < good_len; len++)
		taken += png_check(good, len, WIDTH, HEIGHT) == OK;
	is_int(taken, 0, "refused: cut anywhere");
	memcpy(longer, good, good_len);
	longer[good_len] = 0;
	is_int(png_check(longer, good_len + 1, WIDTH, HEIGHT), E_INVALID, "refused: a byte behind it");
	taken = 0;
	for (size_t at = 0; at < good_len; at++)
		taken += with(at, (char[]){ (char)(good[at] ^ 1) }, 1) == OK;
	is_int(taken, 0, "refused: any bit changed");
	is_int(with_head(16, "\0\0\0\5", 4, WIDTH, HEIGHT), OK, "a head with its checksum is taken");
	is_int(with_head(16, "\0\0\0\0", 4, WIDTH, HEIGHT), E_INVALID, "refused: no pixel wide");
	is_int(with_head(20, "\0\0\0\0", 4, WIDTH, HEIGHT), E_INVALID, "refused: none high");
	is_int(with_head(16, "\377\377\377\377", 4, UINT32_MAX - 1, HEIGHT), E_INVALID, "refused: as wide as can be");
	is_int(with_head(24, "\20", 1, WIDTH, HEIGHT), E_INVALID, "refused: 16 bits a colour");
	is_int(with_head(25, "\3", 1, WIDTH, HEIGHT), E_INVALID, "refused: a palette");
	is_int(with_head(26, "\1", 1, WIDTH, HEIGHT), E_INVALID, "refused: another compression");
	is_int(with_head(28, "\1", 1, WIDTH, HEIGHT), E_INVALID, "refused: interlaced");
	is_int(with(33, "\377\377\377\377", 4), E_INVALID, "refused: a chunk longer than all");
	is_int(with(37, "tEXt", 4), E_INVALID, "refused: another chunk");
	is_int(png_check("GIF89a", 6, WIDTH, HEIGHT), E_INVALID, "refused: something else");
}

int main(void)
{
	written();
	refused();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * picture.c - reads QEMU's PPM of a screen, makes it smaller, and writes it as PNG
 */
#include <stdbool.h>
#include <stdlib.h>
#include "bytes.h"
#include "file.h"
#include "picture.h"
#include "png.h"

struct pixels {
	uint32_t width, height;
	const uint8_t *rgb;
};

/* Digits without a leading zero, and what must follow them. */
static uint32_t read_number(struct reader *r, uint32_t max, uint8_t behind)
{
	uint32_t value = 0;
	uint8_t digit = read_u8(r);
	for (; digit >= '0' && digit <= '9' && value <= max; digit = read_u8(r)) {
		value = 10 * value + (digit - '0');
		r->bad |= value == 0;
	}
	r->bad |= value < 1 || value > max || digit != behind;
	return r->bad ? 0 : value;
}

/* The one form in which QEMU writes it: "P6\n720 400\n255\n", then the pixels and nothing else. */
static err_t read_ppm(const void *ppm, size_t len, struct pixels *ret)
{
	struct reader r = reader_of(ppm, len);
	r.bad |= read_u8(&r) != 'P' || read_u8(&r) != '6' || read_u8(&r) != '\n';
	uint32_t width = read_number(&r, PICTURE_SCREEN_MAX_WIDTH, ' ');
	uint32_t height = read_number(&r, PICTURE_SCREEN_MAX_HEIGHT, '\n');
	r.bad |= read_number(&r, 255, '\n') != 255;
	if (r.bad || reader_left(&r) != (size_t)3 * width * height)
		return E_INVALID;
	*ret = (struct pixels){ width, height, r.at };
	return OK;
}

/* The mean of the pixels that fall into one. */
static void shrink_pixel(const struct pixels *from, uint32_t left, uint32_t right, uint32_t top, uint32_t bottom,
			 uint8_t *ret_rgb)
{
	uint32_t sum[3] = { 0 }, count = (right - left) * (bottom - top);
	for (uint32_t y = top; y < bottom; y++)
		for (uint32_t x = left; x < right; x++)
			for (int c = 0; c < 3; c++)
				sum[c] += from->rgb[((size_t)y * from->width + x) * 3 + (size_t)c];
	for (int c = 0; c < 3; c++)
		ret_rgb[c] = (uint8_t)(sum[c] / count);
}

/* width and height are not above from's, so that no pixel is made of nothing. */
static void shrink(const struct pixels *from, uint32_t width, uint32_t height, uint8_t *ret_rgb)
{
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++, ret_rgb += 3)
			shrink_pixel(from, x * from->width / width, (x + 1) * from->width / width, y * from->height / height,
				     (y + 1) * from->height / height, ret_rgb);
}

err_t picture_from_ppm(const void *ppm, size_t len, uint32_t width, uint8_t *ret_png, size_t *ret_len)
{
	struct pixels screen;
	TRY(read_ppm(ppm, len, &screen));
	uint32_t w = width < screen.width ? width : screen.width;
	w = w < PICTURE_MAX_WIDTH ? w : PICTURE_MAX_WIDTH;
	w = w > 1 ? w : 1;
	AUTO_FREE uint8_t *rgb = malloc((size_t)3 * w * screen.height);
	err_t e = rgb ? E_LIMIT : E_NOMEM;
	for (; e == E_LIMIT && w >= 1; w /= 2) {
		uint32_t h = screen.height * w / screen.width;
		h = h ? h : 1;
		shrink(&screen, w, h, rgb);
		e = png_write(rgb, w, h, ret_png, PICTURE_MAX_BYTES, ret_len);
	}
	return e;
}

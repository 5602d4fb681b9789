/* SPDX-License-Identifier: Apache-2.0
 * vm_picture.c - fuzzes the way of a guest's screen out of the jail: any PPM becomes a PNG within the bounds, or nothing
 */
#include <stdint.h>
#include <stdlib.h>
#include "picture.h"
#include "png.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: how wide it is to be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t png[PICTURE_MAX_BYTES];
	size_t len = 0;
	if (size == 0)
		return 0;
	uint32_t width = 4u * data[0];
	if (picture_from_ppm(data + 1, size - 1, width, png, &len) != OK)
		return 0;
	if (png_check(png, len, width ? width : 1, PICTURE_SCREEN_MAX_HEIGHT) != OK)
		abort();
	return 0;
}

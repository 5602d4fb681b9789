/* SPDX-License-Identifier: Apache-2.0
 * png.c - fuzzes the market's look at the pictures that machines send
 */
#include "png.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t end[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 };
	if (png_check(data, size, 1024, 1200) != OK)
		return 0;
	/* Whatever is let through begins and ends as a PNG of this kind, and says a size within the bounds. */
	if (size < 57 || memcmp(data + 12, "IHDR\0\0", 6) || data[18] > 4 || memcmp(data + size - sizeof end, end, sizeof end))
		abort();
	return 0;
}

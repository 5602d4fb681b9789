/* SPDX-License-Identifier: Apache-2.0
 * png.c - fuzzes the market's look at the pictures that machines send
 */
#include "png.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size)
{
	static const uint8_t end[] = { 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82 };
	if (png_check(data, size, 1024, 1200) != OK)
		return;
	/* Whatever is let through begins and ends as a PNG of this kind, and says a size within the bounds. */
	if (size < 57 || memcmp(data + 12, "IHDR\0\0", 6) || data[18] > 4 || memcmp(data + size - sizeof end, end, sizeof end))
		abort();
}

/* Each chunk's checksum made right: what a machine would send who means it. */
static void mend(uint8_t *data, size_t size)
{
	for (size_t at = 8; at + 12 <= size;) {
		size_t len = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
		if (len > size - at - 12)
			return;
		struct writer w = writer_of(data + at + 8 + len, 4);
		write_u32(&w, (uint32_t)crc32(crc32(0, NULL, 0), data + at + 4, (uInt)len + 4));
		at += len + 12;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	uint8_t *mended = malloc(size + 1);
	if (!mended)
		return 0;
	memcpy(mended, data, size);
	mend(mended, size);
	check(mended, size);
	free(mended);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * png.c - small pictures as PNG: writes them, and tells whether something is one
 */
#include "png.h"
#include <stdbool.h>
#include <zlib.h>
#include "bytes.h"

/* Section 5.2; and section 5.3: length, type, data, CRC-32 of type and data. */
static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
enum { TYPE_BYTES = 4, CRC_BYTES = 4, CHUNK_BYTES = 4 + TYPE_BYTES + CRC_BYTES, IHDR_BYTES = 13 };
/* IHDR behind the size (section 11.2.1): depth, colour type "truecolour", and the only compression, filters and no interlace. */
static const uint8_t kind[] = { 8, 2, 0, 0, 0 };

static uint32_t checksum(const uint8_t *type, size_t data_len)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), type, (uInt)(TYPE_BYTES + data_len));
}

static void write_chunk(struct writer *w, const char *type, const void *data, size_t len)
{
	write_u32(w, (uint32_t)len);
	const uint8_t *start = w->at;
	write_bytes(w, type, TYPE_BYTES);
	write_bytes(w, data, len);
	if (!w->bad)
		write_u32(w, checksum(start, len));
}

/* Each row is led by its filter: none. */
static int deflate_rows(z_stream *z, const uint8_t *rgb, uint32_t width, uint32_t height)
{
	static uint8_t no_filter;
	int said = Z_OK;
	for (uint32_t y = 0; y < height && said == Z_OK; y++) {
		z->next_in = &no_filter;
		z->avail_in = 1;
		said = deflate(z, Z_NO_FLUSH);
		z->next_in = (uint8_t *)(uintptr_t)(rgb + (size_t)y * width * 3);
		z->avail_in = width * 3;
		if (said == Z_OK)
			said = deflate(z, y + 1 == height ? Z_FINISH : Z_NO_FLUSH);
	}
	return said;
}

err_t png_write(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *ret_png, size_t max, size_t *ret_len)
{
	uint8_t head[IHDR_BYTES];
	struct writer h = writer_of(head, sizeof head), w = writer_of(ret_png, max);
	z_stream z = { .next_out = NULL };

	write_u32(&h, width);
	write_u32(&h, height);
	write_bytes(&h, kind, sizeof kind);
	write_bytes(&w, signature, sizeof signature);
	write_chunk(&w, "IHDR", head, sizeof head);
	/* IDAT's data are compressed to where they belong; its length comes afterwards. */
	struct writer idat = w;
	write_u32(&w, 0);
	write_bytes(&w, "IDAT", TYPE_BYTES);
	if (w.bad || (size_t)(w.end - w.at) < CRC_BYTES + CHUNK_BYTES)
		return E_LIMIT;
	if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK)
		return E_NOMEM;
	z.next_out = w.at;
	z.avail_out = (uInt)((size_t)(w.end - w.at) - CRC_BYTES - CHUNK_BYTES);
	int said = deflate_rows(&z, rgb, width, height);
	size_t len = z.total_out;
	deflateEnd(&z);
	if (said != Z_STREAM_END)
		return E_LIMIT;
	write_u32(&idat, (uint32_t)len);
	w.at += len;
	write_u32(&w, checksum(idat.at, len));
	write_chunk(&w, "IEND", NULL, 0);
	if (w.bad)
		return E_LIMIT;
	*ret_len = writer_len(&w);
	return OK;
}

/* The next chunk, of that type; ret_data is a view. */
static bool read_chunk(struct reader *r, const char *type, size_t *ret_len, const uint8_t **ret_data)
{
	uint32_t len = read_u32(r);
	if (r->bad || reader_left(r) < TYPE_BYTES + CRC_BYTES || len > reader_left(r) - TYPE_BYTES - CRC_BYTES)
		return false;
	const uint8_t *start = read_bytes(r, TYPE_BYTES + len);
	if (memcmp(start, type, TYPE_BYTES) || read_u32(r) != checksum(start, len))
		return false;
	*ret_len = len;
	*ret_data = start + TYPE_BYTES;
	return true;
}

err_t png_check(const void *data, size_t len, uint32_t max_width, uint32_t max_height)
{
	struct reader r = reader_of(data, len);
	const uint8_t *start = read_bytes(&r, sizeof signature), *chunk;
	size_t chunk_len;

	if (!start || memcmp(start, signature, sizeof signature) || !read_chunk(&r, "IHDR", &chunk_len, &chunk) ||
	    chunk_len != IHDR_BYTES)
		return E_INVALID;
	struct reader head = reader_of(chunk, chunk_len);
	uint32_t width = read_u32(&head), height = read_u32(&head);
	if (width < 1 || width > max_width || height < 1 || height > max_height || memcmp(head.at, kind, sizeof kind))
		return E_INVALID;
	if (!read_chunk(&r, "IDAT", &chunk_len, &chunk) || !read_chunk(&r, "IEND", &chunk_len, &chunk) || chunk_len ||
	    reader_left(&r))
		return E_INVALID;
	return OK;
}

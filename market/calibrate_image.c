/* SPDX-License-Identifier: Apache-2.0
 * calibrate_image.c - each calibration's own image
 */
#include "calibrate_image.h"
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "pieces.h"

#define SYSTEM_AREA (16 * 2048) /* ISO 9660, section 6.2.1: the first 16 sectors are not the file system's */
#define SECTOR 2048
#define TAIL_SECTORS 512
#define IMAGE_BYTES_MAX (64 << 20)

static err_t pieces_keep(const char *data_dir, const uint8_t *data, struct image_request *ret)
{
	for (size_t i = 0; i < ret->piece_count; i++) {
		size_t at = i * PIECE_BYTES, left = (size_t)ret->size_bytes - at, len = left < PIECE_BYTES ? left : PIECE_BYTES;
		ret->pieces[i] = sha256_of(data + at, len);
		TRY(piece_keep(data_dir, ret->pieces[i], data + at, len));
	}
	return OK;
}

err_t calibrate_image_make(const char *path, const char *data_dir, struct image_request *ret, sha256 *ret_id)
{
	AUTO_FREE char *plain = NULL;
	uint16_t tail;
	size_t len;
	TRY(file_read(path, IMAGE_BYTES_MAX, &plain, &len));
	if (len < SYSTEM_AREA + SECTOR || len % SECTOR || memcmp(plain + SYSTEM_AREA + 1, "CD001", 5) != 0)
		return E_CORRUPT;
	random_fill(&tail, sizeof tail);
	size_t size = len + SECTOR * (1 + tail % TAIL_SECTORS);
	AUTO_FREE uint8_t *data = malloc(size);
	struct image_request r = { .size_bytes = (int64_t)size, .piece_count = (size + PIECE_BYTES - 1) / PIECE_BYTES };
	r.pieces = calloc(r.piece_count, sizeof *r.pieces);
	if (!data || !r.pieces) {
		free(r.pieces);
		return E_NOMEM;
	}
	random_fill(data, SYSTEM_AREA);
	memcpy(data + SYSTEM_AREA, plain + SYSTEM_AREA, len - SYSTEM_AREA);
	for (size_t at = len; at < size; at += SECTOR)
		random_fill(data + at, SECTOR);
	err_t e = pieces_keep(data_dir, data, &r);
	if (e) {
		free(r.pieces);
		return e;
	}
	*ret_id = image_id(r.size_bytes, r.pieces, r.piece_count);
	*ret = r;
	return OK;
}

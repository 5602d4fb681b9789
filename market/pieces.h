/* SPDX-License-Identifier: Apache-2.0
 * pieces.h - the bytes of images: one file a piece, named by its SHA-256
 */
#ifndef MARKET_PIECES_H
#define MARKET_PIECES_H

#include <stdbool.h>
#include "clock.h"
#include "crypto.h"

#define PIECE_PATH_SIZE 1200
/* DATA/pieces/ab/abcd…; folder: without the name. E_LIMIT. */
MUST_CHECK err_t piece_path(const char *data_dir, sha256 hash, char *ret_path);
/* Checks that the bytes have that hash (E_CORRUPT) and keeps them; what is there already is left alone. */
MUST_CHECK err_t piece_keep(const char *data_dir, sha256 hash, const void *data, size_t len);
/* Deletes what nobody has and was not touched for older_us: of one of the folders 0 .. 255. is_unused is asked for the hashes of
 * files that are old enough, and says which of them nobody has. */
#define PIECE_FOLDERS 256
typedef err_t pieces_unused_fn(void *context, const sha256 *hashes, size_t count, sha256 **ret_unused, size_t *ret_count);
MUST_CHECK err_t pieces_sweep(const char *data_dir, unsigned folder, wall_time now, int64_t older_us, pieces_unused_fn *is_unused,
			      void *context, size_t *ret_deleted);
/* Opens it for reading. E_NOT_FOUND, E_CORRUPT: its length is another. */
MUST_CHECK err_t piece_open(const char *data_dir, sha256 hash, size_t len, int *ret_fd);

#endif

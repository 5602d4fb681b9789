/* SPDX-License-Identifier: Apache-2.0
 * pieces.h - the bytes of images: one file a piece, named by its SHA-256
 */
#ifndef MARKET_PIECES_H
#define MARKET_PIECES_H

#include <stdbool.h>
#include "crypto.h"

#define PIECE_PATH_SIZE 1200
/* DATA/pieces/ab/abcd…; folder: without the name. E_LIMIT. */
MUST_CHECK err_t piece_path(const char *data_dir, sha256 hash, char *ret_path);
/* Checks that the bytes have that hash (E_CORRUPT) and keeps them; what is there already is left alone. */
MUST_CHECK err_t piece_keep(const char *data_dir, sha256 hash, const void *data, size_t len);
/* Opens it for reading. E_NOT_FOUND, E_CORRUPT: its length is another. */
MUST_CHECK err_t piece_open(const char *data_dir, sha256 hash, size_t len, int *ret_fd);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * png.h - small pictures as PNG (ISO/IEC 15948): 8 bits each of red, green and blue, and no chunk that is not needed
 */
#ifndef BASE_PNG_H
#define BASE_PNG_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

/* rgb: three bytes a pixel, row by row. E_LIMIT where the PNG needs more than max bytes; E_NOMEM. */
MUST_CHECK err_t png_write(const uint8_t *rgb, uint32_t width, uint32_t height, uint8_t *ret_png, size_t max, size_t *ret_len);

/* E_INVALID unless it is one such as png_write() makes: the signature, IHDR with a size from 1 to the largest, IDAT, IEND, each with
 * its checksum, and nothing between or behind them. What is compressed in IDAT is not looked at: it cannot make a picture larger. */
MUST_CHECK err_t png_check(const void *data, size_t len, uint32_t max_width, uint32_t max_height);

#endif

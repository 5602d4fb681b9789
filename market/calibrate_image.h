/* SPDX-License-Identifier: Apache-2.0
 * calibrate_image.h - each calibration's own image: the same for the guest, another for who looks at its hashes
 */
#ifndef MARKET_CALIBRATE_IMAGE_H
#define MARKET_CALIBRATE_IMAGE_H

#include "image.h"

/* Reads the image of the recipe, fills what a CD leaves unused at its beginning, adds a tail of random length, and keeps the pieces. Slow. Of ret the
 * name is the caller's; image_request_clear(). E_NOT_FOUND, E_CORRUPT: no CD. */
MUST_CHECK err_t calibrate_image_make(const char *path, const char *data_dir, struct image_request *ret, sha256 *ret_id);

#endif

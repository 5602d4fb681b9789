/* SPDX-License-Identifier: Apache-2.0
 * picture.h - a guest's screen as a small PNG; only the inside of the jail uses it, since what is on a screen is the guest's to choose
 */
#ifndef VM_PICTURE_H
#define VM_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include "err.h"

/* A larger screen has no picture. */
#define PICTURE_SCREEN_MAX_WIDTH 1920
#define PICTURE_SCREEN_MAX_HEIGHT 1200
#define PICTURE_PPM_MAX_BYTES (3 * PICTURE_SCREEN_MAX_WIDTH * PICTURE_SCREEN_MAX_HEIGHT + 32)
/* What comes out. */
#define PICTURE_MIN_WIDTH 16
#define PICTURE_MAX_WIDTH 1024
#define PICTURE_MAX_BYTES 65536

/* From a PPM as QEMU writes it: made at most that wide, and narrower still until it fits into PICTURE_MAX_BYTES. E_INVALID: no such PPM, or too
 * large a screen; E_NOMEM. */
MUST_CHECK err_t picture_from_ppm(const void *ppm, size_t len, uint32_t width, uint8_t *ret_png, size_t *ret_len);

#endif

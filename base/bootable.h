/* SPDX-License-Identifier: Apache-2.0
 * bootable.h - whether the BIOS finds anything to boot on an image, before a machine is started with it
 *
 * What it asks is what SeaBIOS asks (src/cdrom.c, cdrom_boot()) of an El Torito CD-ROM (Phoenix and IBM, 1995): without it the guest would
 * stand at "No bootable device" for as long as its buyer pays.
 */
#ifndef BASE_BOOTABLE_H
#define BASE_BOOTABLE_H

#include <stdint.h>
#include "err.h"

#define CD_SECTOR_BYTES 2048
#define CD_BOOT_RECORD 17 /* the sector where it must stand */

/* Of the sector CD_BOOT_RECORD: the sector of the boot catalog. E_INVALID: it is no boot record; ret_why is a sentence's part. */
MUST_CHECK err_t bootable_record(const uint8_t *sector, uint32_t *ret_catalog, const char **ret_why);
/* Of the catalog's first sector: the first byte of what is loaded, and the one behind it. E_INVALID likewise. */
MUST_CHECK err_t bootable_catalog(const uint8_t *sector, uint64_t *ret_start, uint64_t *ret_end, const char **ret_why);
/* The image's file. E_INVALID with ret_why where the BIOS would not boot it; else an error of reading, with ret_why. */
MUST_CHECK err_t bootable_check(const char *path, const char **ret_why);

#endif

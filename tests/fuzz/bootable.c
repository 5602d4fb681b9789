/* SPDX-License-Identifier: Apache-2.0
 * bootable.c - fuzz: a CD's boot record, then its boot catalog
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "bootable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[CD_SECTOR_BYTES] = { 0 };
	uint32_t catalog;
	uint64_t start, end;
	const char *why = NULL;
	memcpy(sector, data, size < sizeof sector ? size : sizeof sector);
	if (bootable_record(sector, &catalog, &why) != OK && !why)
		abort();
	why = NULL;
	err_t e = bootable_catalog(sector, &start, &end, &why);
	if (e == OK ? end < start || end - start > 65535 * 512 : !why)
		abort();
	return 0;
}

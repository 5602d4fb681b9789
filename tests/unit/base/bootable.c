/* SPDX-License-Identifier: Apache-2.0
 * bootable.c - what the BIOS would boot, and what it would not
 */
#include "bootable.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "tap.h"

enum { CATALOG = 19, LOADED = 20, SECTORS = 22 };
static uint8_t image[SECTORS * CD_SECTOR_BYTES];

/* A CD that boots four sectors of 512 bytes at LOADED. */
static void fill(void)
{
	uint8_t *record = image + CD_BOOT_RECORD * CD_SECTOR_BYTES, *catalog = image + CATALOG * CD_SECTOR_BYTES;
	memset(image, 0, sizeof image);
	memcpy(record + 1, "CD001\1EL TORITO SPECIFICATION", 30);
	record[0x47] = CATALOG;
	catalog[0] = 1;
	catalog[0x1e] = 0x55;
	catalog[0x1f] = 0xaa;
	catalog[0x20] = 0x88;
	catalog[0x26] = 4;
	catalog[0x28] = LOADED;
}

static const struct {
	const char *name;
	size_t at;
	uint8_t value;
	size_t bytes; /* of the file; 0: all */
	const char *why;
} table[] = {
	{ "a CD that boots", 0, 0, 0, NULL },
	{ "cut behind what is loaded", 0, 0, (LOADED + 1) * CD_SECTOR_BYTES, NULL },
	{ "cut within what is loaded", 0, 0, LOADED *CD_SECTOR_BYTES + 1, NULL },
	{ "cut before it", 0, 0, LOADED *CD_SECTOR_BYTES, "what it boots lies beyond its end" },
	{ "cut before the catalog", 0, 0, CATALOG *CD_SECTOR_BYTES, "its boot catalog is none" },
	{ "cut before the boot record", 0, 0, CD_BOOT_RECORD *CD_SECTOR_BYTES, "it is no bootable CD" },
	{ "nothing at all", 0, 0, 1, "it is no bootable CD" },
	{ "another volume descriptor", CD_BOOT_RECORD *CD_SECTOR_BYTES, 1, 0, "it is no bootable CD" },
	{ "another system", CD_BOOT_RECORD *CD_SECTOR_BYTES + 9, 'X', 0, "it is no bootable CD" },
	{ "a catalog beyond the end", CD_BOOT_RECORD *CD_SECTOR_BYTES + 0x4a, 255, 0, "its boot catalog is none" },
	{ "no validation entry", CATALOG *CD_SECTOR_BYTES, 0, 0, "its boot catalog is none" },
	{ "without its key", CATALOG *CD_SECTOR_BYTES + 0x1f, 0, 0, "its boot catalog is none" },
	{ "for UEFI only", CATALOG *CD_SECTOR_BYTES + 1, 0xef, 0, "it does not boot by BIOS" },
	{ "not bootable", CATALOG *CD_SECTOR_BYTES + 0x20, 0, 0, "its boot catalog has nothing to boot" },
	{ "more than there is", CATALOG *CD_SECTOR_BYTES + 0x27, 255, 0, "what it boots lies beyond its end" },
	{ "from beyond the end", CATALOG *CD_SECTOR_BYTES + 0x2b, 255, 0, "what it boots lies beyond its end" },
};

int main(void)
{
	char folder[] = "/tmp/cpushare-bootable-XXXXXX", path[64];
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/image.iso", folder);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *why = NULL;
		fill();
		if (table[i].at)
			image[table[i].at] = table[i].value;
		ok(file_write(path, image, table[i].bytes ? table[i].bytes : sizeof image, 0600) == OK, "%s", table[i].name);
		err_t e = bootable_check(path, &why);
		if (table[i].why)
			ok(e == E_INVALID && !strcmp(why, table[i].why), "is refused: %s", why);
		else
			ok(e == OK, "is fine");
	}
	const char *why = NULL;
	ok(bootable_check(folder, &why) != OK, "a folder is no image");
	ok(unlink(path) == 0 && bootable_check(path, &why) == E_NOT_FOUND, "nor is what is not there");
	return rmdir(folder) ? 1 : done_testing();
}

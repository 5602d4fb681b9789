/* SPDX-License-Identifier: Apache-2.0
 * bootable.c - whether the BIOS finds anything to boot on an image
 */
#include "bootable.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"

/* Offsets in the boot record, and in the catalog: its validation entry, then its first entry. */
enum { CATALOG_AT = 0x47, PLATFORM = 1, KEY = 0x1e, BOOTABLE = 0x20, SECTORS = 0x26, START = 0x28 };
enum { VALIDATION = 1, X86 = 0, BOOTS = 0x88, LOADED_SECTOR_BYTES = 512 };

static uint32_t little(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof v);
	return le32toh(v);
}

static err_t no(const char *why, const char **ret_why)
{
	*ret_why = why;
	return E_INVALID;
}

err_t bootable_record(const uint8_t *sector, uint32_t *ret_catalog, const char **ret_why)
{
	static const char name[] = "\0CD001\1EL TORITO SPECIFICATION";
	if (memcmp(sector, name, sizeof name - 1) != 0)
		return no("it is no bootable CD", ret_why);
	*ret_catalog = little(sector + CATALOG_AT);
	return OK;
}

err_t bootable_catalog(const uint8_t *sector, uint64_t *ret_start, uint64_t *ret_end, const char **ret_why)
{
	if (sector[0] != VALIDATION || sector[KEY] != 0x55 || sector[KEY + 1] != 0xaa)
		return no("its boot catalog is none", ret_why);
	if (sector[PLATFORM] != X86)
		return no("it does not boot by BIOS", ret_why);
	if (sector[BOOTABLE] != BOOTS)
		return no("its boot catalog has nothing to boot", ret_why);
	*ret_start = (uint64_t)little(sector + START) * CD_SECTOR_BYTES;
	*ret_end = *ret_start + (uint64_t)(sector[SECTORS] | sector[SECTORS + 1] << 8) * LOADED_SECTOR_BYTES;
	return OK;
}

/* The last sector may be cut short. */
static err_t read_sector(int fd, uint32_t number, uint8_t *sector)
{
	memset(sector, 0, CD_SECTOR_BYTES);
	return pread(fd, sector, CD_SECTOR_BYTES, (off_t)number * CD_SECTOR_BYTES) < 0 ? err_from_errno(errno) : OK;
}

err_t bootable_check(const char *path, const char **ret_why)
{
	uint8_t sector[CD_SECTOR_BYTES];
	uint32_t catalog;
	uint64_t start, end;
	struct stat st;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	*ret_why = "it cannot be read";
	if (fd < 0 || fstat(fd, &st))
		return err_from_errno(errno);
	TRY(read_sector(fd, CD_BOOT_RECORD, sector));
	TRY(bootable_record(sector, &catalog, ret_why));
	TRY(read_sector(fd, catalog, sector));
	TRY(bootable_catalog(sector, &start, &end, ret_why));
	if (end > (uint64_t)st.st_size + CD_SECTOR_BYTES - 1 || start >= (uint64_t)st.st_size)
		return no("what it boots lies beyond its end", ret_why);
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * iso9660.c - a small ISO 9660 volume (ECMA-119), with Rock Ridge (IEEE P1282) and Joliet
 *
 * The volume has one descriptor, path table and folder for each of its two trees, a sector each, and behind them the files, which both trees
 * name. Numbers are there in both byte orders.
 */
#include "iso9660.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { SECTOR = 2048, FLAG_FOLDER = 2 };
/* Sectors. Each tree's path table is there twice: with the one byte order and with the other. */
enum {
	PRIMARY = 16,
	JOLIET,
	END,
	PRIMARY_TABLE,
	JOLIET_TABLE = PRIMARY_TABLE + 2,
	PRIMARY_FOLDER = JOLIET_TABLE + 2,
	JOLIET_FOLDER,
	FILES
};
enum { TABLE_BYTES = 10, RECORD_BYTES = 33, ROOT_AT = 156, NAME_BYTES_MAX = 2 * ISO9660_NAME_MAX, ROCK_RIDGE_BYTES_MAX = 128 };
/* Of ECMA-119's record of a date: the first of January 1980. */
static const uint8_t date[7] = { 80, 1, 1 };

struct at {
	uint8_t *byte;
};

static void put(struct at *at, const void *data, size_t len)
{
	memcpy(at->byte, data, len);
	at->byte += len;
}

static void put_byte(struct at *at, uint8_t value)
{
	*at->byte++ = value;
}

static void put_little(struct at *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		put_byte(at, (uint8_t)(value >> 8 * i));
}

static void put_big(struct at *at, uint32_t value, int bytes)
{
	for (int i = bytes; i-- > 0;)
		put_byte(at, (uint8_t)(value >> 8 * i));
}

static void put_both(struct at *at, uint32_t value, int bytes)
{
	put_little(at, value, bytes);
	put_big(at, value, bytes);
}

/* POSIX attributes of Rock Ridge: mode, links, user, group. */
static void put_attributes(struct at *at, uint32_t mode)
{
	put(at, "PX\x24\x01", 4);
	put_both(at, mode, 4);
	put_both(at, 1, 4);
	put_both(at, 0, 4);
	put_both(at, 0, 4);
}

/* more: what stands in the record behind the name. */
static void put_record(struct at *at, uint32_t sector, uint32_t size, uint8_t flags, const uint8_t *name, size_t name_len,
		       const uint8_t *more, size_t more_len)
{
	size_t pad = !(name_len & 1), len = RECORD_BYTES + name_len + pad + more_len;
	put_byte(at, (uint8_t)(len + (len & 1)));
	put_byte(at, 0);
	put_both(at, sector, 4);
	put_both(at, size, 4);
	put(at, date, sizeof date);
	put_byte(at, flags);
	put_little(at, 0, 2);
	put_both(at, 1, 2);
	put_byte(at, (uint8_t)name_len);
	put(at, name, name_len);
	put_little(at, 0, (int)pad);
	if (more_len)
		put(at, more, more_len);
	put_little(at, 0, (int)(len & 1));
}

static void put_descriptor(uint8_t *image, int sector, const char *label, uint32_t sectors)
{
	bool joliet = sector == JOLIET;
	uint8_t *start = image + (size_t)sector * SECTOR;
	uint32_t folder = joliet ? JOLIET_FOLDER : PRIMARY_FOLDER, table = joliet ? JOLIET_TABLE : PRIMARY_TABLE;
	struct at at = { start };
	put_byte(&at, joliet ? 2 : 1);
	put(&at, "CD001\x01", 7);
	memset(start + 8, ' ', 64); /* the system and the volume, in UCS-2 below */
	at.byte = start + 40;
	for (size_t i = 0; i < strlen(label); i++)
		joliet ? put_big(&at, (uint8_t)label[i], 2) : put_byte(&at, (uint8_t)label[i]);
	if (joliet)
		for (uint8_t *c = start + 8; c < start + 72; c += 2)
			*c = 0, c[1] = c >= start + 40 && c < at.byte ? c[1] : ' ';
	at.byte = start + 80;
	put_both(&at, sectors, 4);
	if (joliet)
		memcpy(start + 88, "%/E", 3); /* UCS-2, level 3 */
	at.byte = start + 120;
	put_both(&at, 1, 2);
	put_both(&at, 1, 2);
	put_both(&at, SECTOR, 2);
	put_both(&at, TABLE_BYTES, 4);
	put_little(&at, table, 4);
	put_little(&at, 0, 4);
	put_big(&at, table + 1, 4);
	at.byte = start + ROOT_AT;
	put_record(&at, folder, SECTOR, FLAG_FOLDER, (const uint8_t[]){ 0 }, 1, (const uint8_t *)"", 0);
	for (size_t i = 190; i < 813; i++)
		start[i] = joliet && !(i & 1) ? 0 : ' ';
	memset(start + 813, '0', 68); /* four dates that are not said */
	start[829] = start[846] = start[863] = start[880] = 0;
	start[881] = 1;
}

static void put_tables(uint8_t *image, int table, uint32_t folder)
{
	struct at little = { image + (size_t)table * SECTOR + 2 }, big = { image + (size_t)(table + 1) * SECTOR + 2 };
	little.byte[-2] = big.byte[-2] = 1;
	put_little(&little, folder, 4);
	put_little(&little, 1, 2);
	put_big(&big, folder, 4);
	put_big(&big, 1, 2);
}

/* The folder's own records: itself and its parent, which it is, too. */
static struct at put_folder(uint8_t *image, uint32_t folder, bool rock_ridge)
{
	uint8_t self[ROCK_RIDGE_BYTES_MAX], parent[ROCK_RIDGE_BYTES_MAX];
	struct at s = { self }, p = { parent }, at = { image + (size_t)folder * SECTOR };
	if (rock_ridge) {
		put(&s, "SP\x07\x01\xbe\xef", 7);
		put_attributes(&s, 040555);
		put(&s, "ER\x12\x01\x0a\x00\x00\x01RRIP_1991A", 18);
		put_attributes(&p, 040555);
	}
	put_record(&at, folder, SECTOR, FLAG_FOLDER, (const uint8_t[]){ 0 }, 1, self, (size_t)(s.byte - self));
	put_record(&at, folder, SECTOR, FLAG_FOLDER, (const uint8_t[]){ 1 }, 1, parent, (size_t)(p.byte - parent));
	return at;
}

/* Letters and underscores, and a version, as ECMA-119 wants it; the name itself stands behind it. */
static void put_primary(struct at *at, const struct iso9660_file *f, uint32_t sector)
{
	uint8_t name[NAME_BYTES_MAX], more[ROCK_RIDGE_BYTES_MAX];
	struct at n = { name }, m = { more };
	size_t len = strlen(f->name);
	for (size_t i = 0; i < len; i++)
		put_byte(&n, (uint8_t)(f->name[i] == '-' ? '_' : f->name[i] >= 'a' ? f->name[i] - 'a' + 'A' : f->name[i]));
	put(&n, ".;1", 3);
	put(&m, "NM", 2);
	put_byte(&m, (uint8_t)(5 + len));
	put(&m, "\x01", 2);
	put(&m, f->name, len);
	put_attributes(&m, 0100444);
	put_record(at, sector, (uint32_t)f->len, 0, name, (size_t)(n.byte - name), more, (size_t)(m.byte - more));
}

/* Without a version, as other makers of discs leave it out, too: not every reader passes over it. */
static void put_joliet(struct at *at, const struct iso9660_file *f, uint32_t sector)
{
	uint8_t name[NAME_BYTES_MAX];
	struct at n = { name };
	for (const char *c = f->name; *c; c++)
		put_big(&n, (uint8_t)*c, 2);
	put_record(at, sector, (uint32_t)f->len, 0, name, (size_t)(n.byte - name), (const uint8_t *)"", 0);
}

static uint32_t sectors_of(size_t len)
{
	return (uint32_t)((len + SECTOR - 1) / SECTOR);
}

err_t iso9660_make(const char *label, const struct iso9660_file *files, size_t count, struct buf *out)
{
	static const uint8_t empty[SECTOR];
	uint32_t sectors = FILES;
	assert(count <= ISO9660_FILES_MAX && strlen(label) <= 16);
	for (size_t i = 0; i < count; i++) {
		assert(strlen(files[i].name) <= ISO9660_NAME_MAX);
		if (files[i].len > UINT32_MAX / 4)
			return E_LIMIT;
		sectors += sectors_of(files[i].len);
	}
	buf_reset(out);
	for (uint32_t i = 0; i < sectors; i++)
		buf_append(out, empty, sizeof empty);
	if (out->error)
		return out->error;
	uint8_t *image = (uint8_t *)out->data;
	put_descriptor(image, PRIMARY, label, sectors);
	put_descriptor(image, JOLIET, label, sectors);
	memcpy(image + (size_t)END * SECTOR,
	       "\xff"
	       "CD001\x01",
	       7);
	put_tables(image, PRIMARY_TABLE, PRIMARY_FOLDER);
	put_tables(image, JOLIET_TABLE, JOLIET_FOLDER);
	struct at primary = put_folder(image, PRIMARY_FOLDER, true), joliet = put_folder(image, JOLIET_FOLDER, false);
	uint32_t sector = FILES;
	for (size_t i = 0; i < count; i++) {
		put_primary(&primary, &files[i], sector);
		put_joliet(&joliet, &files[i], sector);
		memcpy(image + (size_t)sector * SECTOR, files[i].data, files[i].len);
		sector += sectors_of(files[i].len);
	}
	return OK;
}

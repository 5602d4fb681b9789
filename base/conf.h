/* SPDX-License-Identifier: Apache-2.0
 * conf.h - a program's settings are one table; files are INI, read by inih; the command line overrides
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stddef.h>
#include <stdint.h>
#include "buf.h"
#include "err.h"

enum conf_type {
	CONF_TEXT,     /* char[size] */
	CONF_INT,      /* int64_t within [min, max] */
	CONF_BOOL,     /* bool: yes/no/true/false/on/off/1/0 */
	CONF_MONEY,    /* money, by money_parse */
	CONF_DURATION, /* int64_t microseconds within [min, max], by duration_parse */
	CONF_SIZE,     /* int64_t bytes within [min, max]: "512M", "20G", a bare number */
	CONF_RATE,     /* int64_t bits a second within [min, max], by rate_parse */
	CONF_TYPE_COUNT
};

/* One setting: key is "section.name" in the file ("[section]", "name ="); those without a section come first.
 * The table ends with key NULL. */
struct conf_entry {
	const char *key;
	enum conf_type type;
	size_t offset;	      /* offsetof in the program's settings struct */
	size_t size;	      /* of a CONF_TEXT field */
	int64_t min, max;     /* of the numeric types; max 0: no bound */
	const char *fallback; /* the default, as text; NULL: zero */
	const char *what;     /* one line for --help and the example file: what it is, its unit */
};

#define CONF_ERROR_SIZE 256
/* Sets every default. Fails only on a mistake in the table (assert). */
void conf_defaults(const struct conf_entry *table, void *settings);
/* One setting from text. error (CONF_ERROR_SIZE) says what is wrong and what would be right. E_NOT_FOUND, E_INVALID. */
MUST_CHECK err_t conf_set(const struct conf_entry *table, void *settings, const char *key, const char *value, char *error);
/* A file. On the first bad line, error names file, line, key and the way out; settings may then be half set. */
MUST_CHECK err_t conf_load(const struct conf_entry *table, void *settings, const char *path, char *error);
/* A file of secrets, which nobody else may read, with every one of the table's fields, all of them texts; E_INVALID with error. */
MUST_CHECK err_t conf_load_private(const struct conf_entry *table, void *secrets, const char *path, char *error);
/* A commented example file with every setting and its default. */
void conf_example(const struct conf_entry *table, struct buf *out);

#endif

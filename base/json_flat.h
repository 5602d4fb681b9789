/* SPDX-License-Identifier: Apache-2.0
 * json_flat.h - an object's fields in a row instead of a tree on the heap: for messages that come often
 *
 * It takes less than json_parse(): printable ASCII without escapes, integers of up to 18 digits, some hundred fields. What it does not take may
 * be right all the same, and is json_parse()'s to read or to refuse; what it takes means the same there. Arrays with elements are jansson's.
 */
#ifndef BASE_JSON_FLAT_H
#define BASE_JSON_FLAT_H

#include "json.h"

#define JSON_FLAT_MAX 128

enum json_kind { JSON_KIND_NULL, JSON_KIND_BOOL, JSON_KIND_INT, JSON_KIND_TEXT, JSON_KIND_ARRAY, JSON_KIND_OBJECT };
struct json_field {
	enum json_kind kind;
	uint32_t name_len, len; /* of the text */
	const char *name;	/* into the text that was parsed */
	union {
		bool yes;
		int64_t number;
		const char *text;
		json_t *array; /* NULL: an empty one */
	};
	uint64_t bit;		      /* of a reader's seen */
	const struct json_field *end; /* behind it and what an object holds: the next field of the object that it is in */
};
struct json_flat {
	size_t count;
	struct json_field fields[JSON_FLAT_MAX]; /* an object's own follow it */
};

/* Takes text (len bytes) apart in place: it gets NULs behind names and texts, and has to live as long as flat. E_UNSUPPORTED: it is left as it was,
 * and there is nothing to clear. */
MUST_CHECK err_t json_flat_parse(struct json_flat *flat, char *text, size_t len);
void json_flat_clear(struct json_flat *flat);
/* As json_open(). */
void json_open_flat(struct json_reader *r, const struct json_flat *flat, struct json_error *error);

#endif

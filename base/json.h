/* SPDX-License-Identifier: Apache-2.0
 * json.h - strict reading of JSON objects, over jansson
 *
 * Each message has one struct and, side by side, a _to_json and a _from_json that uses this reader: unknown fields, missing
 * fields, wrong types, out-of-range values are refused, and the first offence is kept with the path of its field.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "clock.h"
#include "crypto.h"
#include "err.h"
#include "money.h"
#include "uuid.h"

#define JSON_MAX_DEPTH 16
#define JSON_FIELDS_MAX 64 /* of an object that is read */

/* Where and why: field is a path such as "constraints.countries[2]", what a sentence fragment such as "must be an integer
 * from 1 to 256". field is empty where the whole text is no JSON object. */
struct json_error {
	char field[96];
	char what[160];
};

/* Parses a text of len bytes: UTF-8, an object or array, no duplicate keys, depth <= JSON_MAX_DEPTH, integers within int64.
 * E_INVALID with error filled. The caller json_decref()s. */
MUST_CHECK err_t json_parse(const char *text, size_t len, json_t **ret_json, struct json_error *error);

/* Are objects and arrays nested deeper in it than that, itself counted? */
bool json_deeper_than(json_t *json, int depth);

struct json_field;

/* A reader of one object. Readers nest by value; error is shared. Open it, read each field, close it. */
struct json_reader {
	json_t *object;				    /* borrowed; NULL where it is one of json_flat.h: */
	const struct json_field *fields, *end, *at; /* its fields, and where the next one is looked for first */
	struct json_error *error;
	char path[96]; /* of this object, "" at the top */
	uint64_t seen; /* fields taken so far, a bit each */
	bool bad;      /* something was refused */
};
/* Empties error. An object of more than 64 fields is refused. */
void json_open(struct json_reader *r, json_t *json, struct json_error *error);
/* Refuses fields nobody asked for. E_INVALID where anything was refused since json_open. */
MUST_CHECK err_t json_close(struct json_reader *r);
/* The same, but unknown fields are fine: for answers of a market that may be newer than we are. */
MUST_CHECK err_t json_close_lenient(struct json_reader *r);

/* Is it an empty text? Does not count as read. */
bool json_has_empty(struct json_reader *r, const char *name);
/* Is the field there and not null? A null counts as read, anything else has still to be taken. */
bool json_has(struct json_reader *r, const char *name);

/* Required fields. On a refusal the result is left alone and r->bad is set. For an optional field put json_has() before. */
void json_take_text(struct json_reader *r, const char *name, char *ret_text,
		    size_t size); /* at least 1 char, no controls but \n \t */
void json_take_text_or_empty(struct json_reader *r, const char *name, char *ret_text, size_t size);
/* Heap text of at most max bytes, may hold any character but NUL. Caller frees; *ret_text stays NULL on a refusal. */
void json_take_long_text(struct json_reader *r, const char *name, size_t max, char **ret_text);
void json_take_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value);
void json_take_u32(struct json_reader *r, const char *name, uint32_t min, uint32_t max, uint32_t *ret_value);
void json_take_u64(struct json_reader *r, const char *name, uint64_t *ret_value); /* 0 .. 2^63-1 */
void json_take_bool(struct json_reader *r, const char *name, bool *ret_value);
void json_take_money(struct json_reader *r, const char *name, money *ret_value); /* 0 .. MONEY_MAX_MICRO */
void json_take_uuid(struct json_reader *r, const char *name, uuid *ret_value);
void json_take_time(struct json_reader *r, const char *name, wall_time *ret_value); /* RFC 3339 text */
void json_take_sha256(struct json_reader *r, const char *name, sha256 *ret_value);  /* 64 hex digits */
void json_take_hex(struct json_reader *r, const char *name, void *ret_bytes, size_t len);
/* One of names[0..count), its index. */
void json_take_enum(struct json_reader *r, const char *name, const char *const *names, size_t count, int *ret_value);
/* Nested: an object's reader, or an array (borrowed) of at most max elements. False where refused. */
bool json_take_object(struct json_reader *r, const char *name, struct json_reader *ret_reader);
bool json_take_array(struct json_reader *r, const char *name, size_t max, json_t **ret_array);
/* Element i of an array that json_take_array() gave: an object's reader, or a text. */
bool json_element_object(struct json_reader *r, const char *name, json_t *array, size_t i, struct json_reader *ret_reader);
void json_element_text(struct json_reader *r, const char *name, json_t *array, size_t i, char *ret_text, size_t size);
void json_element_sha256(struct json_reader *r, const char *name, json_t *array, size_t i, sha256 *ret_value);
/* Refuses a field for a reason of the caller's; name "" is the object itself. Only the first refusal of all is kept. */
void json_refuse(struct json_reader *r, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Writing: set a field of an object; memory failures abort (jansson's own objects are small). */
void json_put_text(json_t *object, const char *name, const char *text); /* NULL puts null; invalid UTF-8 is replaced by '?' */
void json_put_int(json_t *object, const char *name, int64_t value);
void json_put_bool(json_t *object, const char *name, bool value);
void json_put_money(json_t *object, const char *name, money value);
void json_put_uuid(json_t *object, const char *name, uuid value);
void json_put_time(json_t *object, const char *name, wall_time value); /* us == 0 puts null */
void json_put_sha256(json_t *object, const char *name, sha256 value);
void json_put_hex(json_t *object, const char *name, const void *data, size_t len);
void json_put(json_t *object, const char *name, json_t *value); /* takes value */

/* A text as JSON, with its quotes; invalid UTF-8 is replaced by '?'. */
struct buf;
void json_write_text(struct buf *out, const char *text);
void json_write_int(struct buf *out, int64_t value);

void json_unref(json_t **json);
#define AUTO_JSON __attribute__((cleanup(json_unref))) json_t *

#endif

/* SPDX-License-Identifier: Apache-2.0
 * json.c - strict reading of JSON objects
 *
 * How it works: jansson keeps an object's fields in the order they came. `seen` has one bit for each of them, by that order;
 * a bit that is still clear at json_close() is a field nobody asked for. Hence an object has at most 64 fields.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "json.h"

#define FIELDS_MAX 64

void json_unref(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

/* ---- parsing ---- */

static bool deeper_than(json_t *json, int depth)
{
	if (!json_is_object(json) && !json_is_array(json))
		return false;
	if (depth == 0)
		return true;
	const char *key;
	json_t *value;
	size_t i;
	json_object_foreach (json, key, value)
		if (deeper_than(value, depth - 1))
			return true;
	json_array_foreach (json, i, value)
		if (deeper_than(value, depth - 1))
			return true;
	return false;
}

/* jansson's own text quotes the input; ours does not, so that it can be shown anywhere. */
static const char *reason_of(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_invalid_utf8:
		return "a text is not UTF-8";
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_duplicate_key:
		return "a field is there twice";
	case json_error_numeric_overflow:
		return "a number is too large";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a text has a NUL character";
	case json_error_stack_overflow:
		return "it is nested too deeply";
	case json_error_out_of_memory:
		return "out of memory";
	default:
		return "syntax error";
	}
}

err_t json_parse(const char *text, size_t len, json_t **ret_json, struct json_error *error)
{
	json_error_t e;
	*error = (struct json_error){ 0 };
	AUTO_JSON json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!json) {
		snprintf(error->what, sizeof error->what, "is not valid JSON: %s (line %d, column %d)", reason_of(&e), e.line,
			 e.column);
		return E_INVALID;
	}
	if (deeper_than(json, JSON_MAX_DEPTH)) {
		snprintf(error->what, sizeof error->what, "must not be nested deeper than %d", JSON_MAX_DEPTH);
		return E_INVALID;
	}
	*ret_json = json;
	json = NULL;
	return OK;
}

/* ---- the reader ---- */

/* "path.name"; a name from outside may hold anything, so only what is printable ASCII is shown. */
static void join_path(const char *path, const char *name, char *joined, size_t size)
{
	snprintf(joined, size, "%s%s%s", path, *path && *name ? "." : "", name);
	for (char *at = joined; *at; at++)
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
}

void json_refuse(struct json_reader *r, const char *name, const char *fmt, ...)
{
	r->bad = true;
	if (r->error->what[0])
		return;
	join_path(r->path, name, r->error->field, sizeof r->error->field);
	va_list args;
	va_start(args, fmt);
	vsnprintf(r->error->what, sizeof r->error->what, fmt, args);
	va_end(args);
}

static void open_at(struct json_reader *r, json_t *json, struct json_error *error, const char *path)
{
	*r = (struct json_reader){ .error = error };
	snprintf(r->path, sizeof r->path, "%s", path);
	if (!json_is_object(json))
		json_refuse(r, "", "must be an object");
	else if (json_object_size(json) > FIELDS_MAX)
		json_refuse(r, "", "must not have more than %d fields", FIELDS_MAX);
	else
		r->object = json;
}

void json_open(struct json_reader *r, json_t *json, struct json_error *error)
{
	*error = (struct json_error){ 0 };
	open_at(r, json, error, "");
}

err_t json_close_lenient(struct json_reader *r)
{
	return r->bad || r->error->what[0] ? E_INVALID : OK;
}

err_t json_close(struct json_reader *r)
{
	const char *key;
	json_t *value;
	int i = 0;
	json_object_foreach (r->object, key, value) {
		if (!(r->seen >> i & 1))
			json_refuse(r, key, "is not a known field");
		i++;
	}
	return json_close_lenient(r);
}

/* The field's value, or NULL where it is not there or null. *ret_bit: its bit of seen, 0 where it is not there. */
static json_t *find(struct json_reader *r, const char *name, uint64_t *ret_bit)
{
	const char *key;
	json_t *value;
	uint64_t bit = 1;
	json_object_foreach (r->object, key, value) {
		if (!strcmp(key, name)) {
			*ret_bit = bit;
			return json_is_null(value) ? NULL : value;
		}
		bit <<= 1;
	}
	*ret_bit = 0;
	return NULL;
}

bool json_has(struct json_reader *r, const char *name)
{
	uint64_t bit;
	json_t *value = find(r, name, &bit);
	if (!value)
		r->seen |= bit;
	return value != NULL;
}

static json_t *take(struct json_reader *r, const char *name)
{
	uint64_t bit;
	json_t *value = find(r, name, &bit);
	r->seen |= bit;
	if (!value)
		json_refuse(r, name, "is missing");
	return value;
}

/* ---- texts ---- */

/* C0 without \n and \t, DEL, and C1 (in UTF-8 C2 80 .. C2 9F). */
static bool has_controls(const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		if ((*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
			return true;
	return false;
}

static void copy_text(struct json_reader *r, const char *name, json_t *value, size_t min, char *ret_text, size_t size)
{
	if (!value)
		return;
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	if (!text || len < min || len >= size || strlen(text) != len)
		json_refuse(r, name, "must be a text of %zu to %zu bytes", min, size - 1);
	else if (has_controls(text))
		json_refuse(r, name, "must not have control characters");
	else
		memcpy(ret_text, text, len + 1);
}

void json_take_text(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	copy_text(r, name, take(r, name), 1, ret_text, size);
}

void json_take_text_or_empty(struct json_reader *r, const char *name, char *ret_text, size_t size)
{
	copy_text(r, name, take(r, name), 0, ret_text, size);
}

void json_take_long_text(struct json_reader *r, const char *name, size_t max, char **ret_text)
{
	json_t *value = take(r, name);
	if (!value)
		return;
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	if (!text || len > max || strlen(text) != len) {
		json_refuse(r, name, "must be a text of at most %zu bytes", max);
		return;
	}
	char *copy = strdup(text);
	if (copy)
		*ret_text = copy;
	else
		json_refuse(r, name, "does not fit into memory");
}

/* A text to be parsed further, or NULL. */
static const char *text_of(struct json_reader *r, const char *name, json_t *value, const char *must_be)
{
	if (!value)
		return NULL;
	const char *text = json_string_value(value);
	if (!text)
		json_refuse(r, name, "must be %s", must_be);
	return text;
}

#define UUID_IS "a UUID such as 01938e1c-7a2b-7c3d-8e4f-0123456789ab"
#define TIME_IS "a time in UTC such as 2026-11-21T03:29:00Z"
#define SHA256_IS "64 hexadecimal digits"

void json_take_uuid(struct json_reader *r, const char *name, uuid *ret_value)
{
	const char *text = text_of(r, name, take(r, name), UUID_IS);
	if (text && uuid_parse(text, ret_value) != OK)
		json_refuse(r, name, "must be " UUID_IS);
}

void json_take_time(struct json_reader *r, const char *name, wall_time *ret_value)
{
	const char *text = text_of(r, name, take(r, name), TIME_IS);
	if (text && wall_parse(text, ret_value) != OK)
		json_refuse(r, name, "must be " TIME_IS);
}

static void parse_sha256(struct json_reader *r, const char *name, json_t *value, sha256 *ret_value)
{
	const char *text = text_of(r, name, value, SHA256_IS);
	if (text && sha256_parse(text, ret_value) != OK)
		json_refuse(r, name, "must be " SHA256_IS);
}

void json_take_sha256(struct json_reader *r, const char *name, sha256 *ret_value)
{
	parse_sha256(r, name, take(r, name), ret_value);
}

void json_take_hex(struct json_reader *r, const char *name, void *ret_bytes, size_t len)
{
	const char *text = text_of(r, name, take(r, name), "a text of hexadecimal digits");
	if (text && hex_decode(text, ret_bytes, len) != OK)
		json_refuse(r, name, "must be %zu hexadecimal digits", 2 * len);
}

void json_take_enum(struct json_reader *r, const char *name, const char *const *names, size_t count, int *ret_value)
{
	const char *text = text_of(r, name, take(r, name), "a text");
	if (!text)
		return;
	char list[sizeof r->error->what] = "";
	for (size_t i = 0, len = 0; i < count; i++) {
		if (!names[i])
			continue;
		if (!strcmp(text, names[i])) {
			*ret_value = (int)i;
			return;
		}
		int more = len < sizeof list ? snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", names[i]) : 0;
		len += more > 0 ? (size_t)more : 0;
	}
	json_refuse(r, name, "must be one of: %s", list);
}

/* ---- numbers ---- */

void json_take_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value)
{
	json_t *value = take(r, name);
	if (!value)
		return;
	int64_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < min || number > max)
		json_refuse(r, name, "must be an integer from %lld to %lld", (long long)min, (long long)max);
	else
		*ret_value = number;
}

void json_take_u32(struct json_reader *r, const char *name, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	int64_t number = *ret_value;
	json_take_int(r, name, min, max, &number);
	*ret_value = (uint32_t)number;
}

void json_take_u64(struct json_reader *r, const char *name, uint64_t *ret_value)
{
	int64_t number = -1;
	json_take_int(r, name, 0, INT64_MAX, &number);
	if (number >= 0)
		*ret_value = (uint64_t)number;
}

void json_take_money(struct json_reader *r, const char *name, money *ret_value)
{
	json_take_int(r, name, 0, MONEY_MAX_MICRO, &ret_value->micro);
}

void json_take_bool(struct json_reader *r, const char *name, bool *ret_value)
{
	json_t *value = take(r, name);
	if (value && !json_is_boolean(value))
		json_refuse(r, name, "must be true or false");
	else if (value)
		*ret_value = json_is_true(value);
}

/* ---- nested ---- */

bool json_take_object(struct json_reader *r, const char *name, struct json_reader *ret_reader)
{
	json_t *value = take(r, name);
	if (value && !json_is_object(value))
		json_refuse(r, name, "must be an object");
	if (!json_is_object(value))
		return false;
	char path[sizeof r->path];
	join_path(r->path, name, path, sizeof path);
	open_at(ret_reader, value, r->error, path);
	r->bad |= ret_reader->bad;
	return !ret_reader->bad;
}

bool json_take_array(struct json_reader *r, const char *name, size_t max, json_t **ret_array)
{
	json_t *value = take(r, name);
	if (!value)
		return false;
	if (!json_is_array(value) || json_array_size(value) > max) {
		json_refuse(r, name, "must be an array of at most %zu", max);
		return false;
	}
	*ret_array = value;
	return true;
}

/* The element, and its name such as "peers[2]". */
static json_t *element(const char *name, json_t *array, size_t i, char *indexed, size_t size)
{
	snprintf(indexed, size, "%s[%zu]", name, i);
	return json_array_get(array, i);
}

bool json_element_object(struct json_reader *r, const char *name, json_t *array, size_t i, struct json_reader *ret_reader)
{
	char indexed[sizeof r->path], path[sizeof r->path];
	json_t *value = element(name, array, i, indexed, sizeof indexed);
	join_path(r->path, indexed, path, sizeof path);
	open_at(ret_reader, value, r->error, path);
	r->bad |= ret_reader->bad;
	return !ret_reader->bad;
}

void json_element_text(struct json_reader *r, const char *name, json_t *array, size_t i, char *ret_text, size_t size)
{
	char indexed[sizeof r->path];
	json_t *value = element(name, array, i, indexed, sizeof indexed);
	if (!value)
		json_refuse(r, indexed, "is missing");
	copy_text(r, indexed, value, 1, ret_text, size);
}

void json_element_sha256(struct json_reader *r, const char *name, json_t *array, size_t i, sha256 *ret_value)
{
	char indexed[sizeof r->path];
	json_t *value = element(name, array, i, indexed, sizeof indexed);
	if (!value)
		json_refuse(r, indexed, "is missing");
	parse_sha256(r, indexed, value, ret_value);
}

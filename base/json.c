/* SPDX-License-Identifier: Apache-2.0
 * json.c - strict reading of JSON objects
 *
 * How it works: jansson keeps an object's fields in the order they came. `seen` has one bit for each of them, by that order;
 * a bit that is still clear at json_close() is a field nobody asked for. Hence an object has at most 64 fields.
 * What is read may also be a row of fields (json_flat.h); a value is then the field, else jansson's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "json.h"
#include "json_flat.h"

void json_unref(json_t **json)
{
	json_decref(*json);
	*json = NULL;
}

/* ---- parsing ---- */

bool json_deeper_than(json_t *json, int depth)
{
	if (!json_is_object(json) && !json_is_array(json))
		return false;
	if (depth == 0)
		return true;
	const char *key;
	json_t *value;
	size_t i;
	json_object_foreach (json, key, value)
		if (json_deeper_than(value, depth - 1))
			return true;
	json_array_foreach (json, i, value)
		if (json_deeper_than(value, depth - 1))
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
	if (json_deeper_than(json, JSON_MAX_DEPTH)) {
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
	else if (json_object_size(json) > JSON_FIELDS_MAX)
		json_refuse(r, "", "must not have more than %d fields", JSON_FIELDS_MAX);
	else
		r->object = json;
}

void json_open(struct json_reader *r, json_t *json, struct json_error *error)
{
	*error = (struct json_error){ 0 };
	open_at(r, json, error, "");
}

static void open_fields(struct json_reader *r, const struct json_field *first, const struct json_field *end,
			struct json_error *error)
{
	*r = (struct json_reader){ .fields = first, .end = end, .at = first, .error = error };
}

void json_open_flat(struct json_reader *r, const struct json_flat *flat, struct json_error *error)
{
	*error = (struct json_error){ 0 };
	open_fields(r, flat->fields, flat->fields + flat->count, error);
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
	for (const struct json_field *f = r->fields; f < r->end; f = f->end, i++)
		if (!(r->seen >> i & 1))
			json_refuse(r, f->name, "is not a known field");
	return json_close_lenient(r);
}

/* Either is NULL; both where there is none. */
struct value {
	json_t *tree;
	const struct json_field *field;
};

static bool is_there(struct value v)
{
	return v.tree || v.field;
}

/* Who writes a message and who reads it mostly agree on the order. */
static const struct json_field *find_field(struct json_reader *r, const char *name, uint64_t *ret_bit)
{
	size_t len = strlen(name);
	const struct json_field *f = r->at < r->end ? r->at : r->fields;
	if (f == r->end || f->name_len != len || memcmp(f->name, name, len) != 0) {
		f = r->fields;
		while (f < r->end && (f->name_len != len || memcmp(f->name, name, len) != 0))
			f = f->end;
	}
	if (f == r->end) {
		*ret_bit = 0;
		return NULL;
	}
	*ret_bit = f->bit;
	r->at = f;
	return f->kind == JSON_KIND_NULL ? NULL : f;
}

/* The field's value, none where it is not there or null. *ret_bit: its bit of seen, 0 where it is not there. */
static struct value find(struct json_reader *r, const char *name, uint64_t *ret_bit)
{
	const char *key;
	json_t *value;
	uint64_t bit = 1;
	if (!r->object)
		return (struct value){ .field = find_field(r, name, ret_bit) };
	json_object_foreach (r->object, key, value) {
		if (!strcmp(key, name)) {
			*ret_bit = bit;
			return (struct value){ .tree = json_is_null(value) ? NULL : value };
		}
		bit <<= 1;
	}
	*ret_bit = 0;
	return (struct value){ 0 };
}

/* NULL where it is no text. */
static const char *value_text(struct value v, size_t *ret_len)
{
	if (v.field) {
		*ret_len = v.field->len;
		return v.field->kind == JSON_KIND_TEXT ? v.field->text : NULL;
	}
	*ret_len = json_string_length(v.tree);
	return json_string_value(v.tree);
}

bool json_has_empty(struct json_reader *r, const char *name)
{
	uint64_t bit;
	size_t len;
	return value_text(find(r, name, &bit), &len) && !len;
}

bool json_has(struct json_reader *r, const char *name)
{
	uint64_t bit;
	bool there = is_there(find(r, name, &bit));
	if (!there)
		r->seen |= bit;
	return there;
}

static struct value take(struct json_reader *r, const char *name)
{
	uint64_t bit;
	struct value value = find(r, name, &bit);
	r->seen |= bit;
	if (!is_there(value))
		json_refuse(r, name, "is missing");
	else if (value.field)
		r->at = value.field->end;
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

static void copy_text(struct json_reader *r, const char *name, struct value value, size_t min, char *ret_text, size_t size)
{
	size_t len;
	if (!is_there(value))
		return;
	const char *text = value_text(value, &len);
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
	struct value value = take(r, name);
	size_t len;
	if (!is_there(value))
		return;
	const char *text = value_text(value, &len);
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
static const char *text_of(struct json_reader *r, const char *name, struct value value, const char *must_be)
{
	size_t len;
	if (!is_there(value))
		return NULL;
	const char *text = value_text(value, &len);
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

static void parse_sha256(struct json_reader *r, const char *name, struct value value, sha256 *ret_value)
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
	for (size_t i = 0; i < count; i++) {
		if (names[i] && !strcmp(text, names[i])) {
			*ret_value = (int)i;
			return;
		}
	}
	char list[sizeof r->error->what] = "";
	for (size_t i = 0, len = 0; i < count; i++) {
		if (!names[i])
			continue;
		int more = len < sizeof list ? snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", names[i]) : 0;
		len += more > 0 ? (size_t)more : 0;
	}
	json_refuse(r, name, "must be one of: %s", list);
}

/* ---- numbers ---- */

void json_take_int(struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t *ret_value)
{
	struct value value = take(r, name);
	if (!is_there(value))
		return;
	bool whole = value.field ? value.field->kind == JSON_KIND_INT : json_is_integer(value.tree);
	int64_t number = !whole ? 0 : value.field ? value.field->number : json_integer_value(value.tree);
	if (!whole || number < min || number > max)
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
	struct value value = take(r, name);
	if (is_there(value) && (value.field ? value.field->kind != JSON_KIND_BOOL : !json_is_boolean(value.tree)))
		json_refuse(r, name, "must be true or false");
	else if (is_there(value))
		*ret_value = value.field ? value.field->yes : json_is_true(value.tree);
}

/* ---- nested ---- */

bool json_take_object(struct json_reader *r, const char *name, struct json_reader *ret_reader)
{
	struct value value = take(r, name);
	bool object = value.field ? value.field->kind == JSON_KIND_OBJECT : json_is_object(value.tree);
	if (is_there(value) && !object)
		json_refuse(r, name, "must be an object");
	if (!object)
		return false;
	char path[sizeof r->path];
	join_path(r->path, name, path, sizeof path);
	if (value.field) {
		open_fields(ret_reader, value.field + 1, value.field->end, r->error);
		memcpy(ret_reader->path, path, sizeof path);
		return true;
	}
	open_at(ret_reader, value.tree, r->error, path);
	r->bad |= ret_reader->bad;
	return !ret_reader->bad;
}

bool json_take_array(struct json_reader *r, const char *name, size_t max, json_t **ret_array)
{
	struct value value = take(r, name);
	if (!is_there(value))
		return false;
	bool array = value.field ? value.field->kind == JSON_KIND_ARRAY : json_is_array(value.tree);
	json_t *elements = !array ? NULL : value.field ? value.field->array : value.tree;
	if (!array || json_array_size(elements) > max) {
		json_refuse(r, name, "must be an array of at most %zu", max);
		return false;
	}
	*ret_array = elements;
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
	copy_text(r, indexed, (struct value){ .tree = value }, 1, ret_text, size);
}

void json_element_sha256(struct json_reader *r, const char *name, json_t *array, size_t i, sha256 *ret_value)
{
	char indexed[sizeof r->path];
	json_t *value = element(name, array, i, indexed, sizeof indexed);
	if (!value)
		json_refuse(r, indexed, "is missing");
	parse_sha256(r, indexed, (struct value){ .tree = value }, ret_value);
}

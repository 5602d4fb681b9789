/* SPDX-License-Identifier: Apache-2.0
 * json_flat.c - fuzz: what is taken as a row of fields is taken by jansson, too, and is the same; what is not is left as it was
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "json_flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_object(json_t *json, const struct json_field *f, const struct json_field *end);

static void check_value(json_t *json, const struct json_field *f)
{
	switch (f->kind) {
	case JSON_KIND_NULL:
		assert(json_is_null(json));
		break;
	case JSON_KIND_BOOL:
		assert(json_is_boolean(json) && json_is_true(json) == f->yes);
		break;
	case JSON_KIND_INT:
		assert(json_is_integer(json) && json_integer_value(json) == f->number);
		break;
	case JSON_KIND_TEXT:
		assert(json_is_string(json) && json_string_length(json) == f->len && !strcmp(json_string_value(json), f->text));
		break;
	case JSON_KIND_ARRAY:
		assert(json_is_array(json) && (f->array ? json_equal(json, f->array) : !json_array_size(json)));
		break;
	case JSON_KIND_OBJECT:
		assert(json_is_object(json));
		check_object(json, f + 1, f->end);
		break;
	}
}

static void check_object(json_t *json, const struct json_field *f, const struct json_field *end)
{
	const char *key;
	json_t *value;
	uint64_t bit = 1;
	json_object_foreach (json, key, value) {
		assert(f < end && !strcmp(key, f->name) && f->bit == bit);
		check_value(value, f);
		f = f->end;
		bit <<= 1;
	}
	assert(f == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_flat flat;
	struct json_error error;
	char *text = malloc(size ? size : 1); /* the exact size: what reads past it is seen */
	if (!text)
		return 0;
	memcpy(text, data, size);
	if (json_flat_parse(&flat, text, size) == OK) {
		AUTO_JSON json = NULL;
		if (json_parse((const char *)data, size, &json, &error) != OK)
			abort();
		check_object(json, flat.fields, flat.fields + flat.count);
		json_flat_clear(&flat);
	} else {
		assert(!memcmp(text, data, size) && !flat.count);
	}
	free(text);
	return 0;
}

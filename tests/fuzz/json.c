/* SPDX-License-Identifier: Apache-2.0
 * json.c - fuzz: JSON texts, read as a message with a field of each kind
 */
#include <assert.h>
#include <stdlib.h>
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_nested(struct json_reader *r)
{
	struct json_reader inner;
	json_t *array;
	char word[4];
	int64_t number;
	sha256 hash;
	if (json_take_object(r, "object", &inner)) {
		json_take_int(&inner, "inner", 0, 9, &number);
		r->bad |= json_close(&inner) != OK;
	}
	if (json_take_array(r, "words", 3, &array))
		for (size_t i = 0; i < json_array_size(array); i++) {
			json_element_text(r, "words", array, i, word, sizeof word);
			json_element_sha256(r, "words", array, i, &hash);
		}
	if (json_take_array(r, "peers", 3, &array))
		for (size_t i = 0; i < json_array_size(array); i++)
			if (json_element_object(r, "peers", array, i, &inner))
				r->bad |= json_close_lenient(&inner) != OK;
}

static void read_message(json_t *json, struct json_error *error)
{
	static const char *const colors[] = { "red", NULL, "green" };
	struct json_reader r;
	char name[9] = "", *more = NULL;
	int64_t number;
	uint32_t small;
	uint64_t large;
	bool yes;
	money price = { 0 };
	uuid id;
	wall_time at = { 0 };
	sha256 hash;
	uint8_t mac[6];
	int color = 0;
	json_open(&r, json, error);
	json_take_text(&r, "name", name, sizeof name);
	json_take_text_or_empty(&r, "note", name, sizeof name);
	json_take_long_text(&r, "more", 20, &more);
	json_take_int(&r, "count", 1, 256, &number);
	json_take_u32(&r, "small", 0, 9, &small);
	json_take_u64(&r, "large", &large);
	json_take_bool(&r, "yes", &yes);
	json_take_money(&r, "price", &price);
	json_take_uuid(&r, "id", &id);
	if (json_has(&r, "at"))
		json_take_time(&r, "at", &at);
	json_take_sha256(&r, "hash", &hash);
	json_take_hex(&r, "mac", mac, sizeof mac);
	json_take_enum(&r, "color", colors, 3, &color);
	read_nested(&r);
	err_t e = json_close(&r);
	assert((e == OK) == !error->what[0]);
	assert(strlen(name) < sizeof name && price.micro >= 0 && price.micro <= MONEY_MAX_MICRO && color != 1);
	free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON json = NULL;
	struct json_error error;
	if (json_parse((const char *)data, size, &json, &error) != OK) {
		assert(error.what[0] && !json);
		return 0;
	}
	read_message(json, &error);
	/* What a refusal says can itself be sent. */
	AUTO_JSON answer = json_object();
	json_put_text(answer, "field", error.field);
	json_put_text(answer, "what", error.what);
	return 0;
}

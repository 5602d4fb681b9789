/* SPDX-License-Identifier: Apache-2.0
 * message.h - what the tests of messages share: one good text, and rows that each break it in one place
 */
#ifndef TESTS_MESSAGE_H
#define TESTS_MESSAGE_H

#include <stdlib.h>
#include "json.h"
#include "tap.h"

#define ID1 "01938e1c-7a2b-7c3d-8e4f-000000000001"
#define ID2 "01938e1c-7a2b-7c3d-8e4f-000000000002"
#define ID3 "01938e1c-7a2b-7c3d-8e4f-000000000003"
#define ID4 "01938e1c-7a2b-7c3d-8e4f-000000000004"
#define ID5 "01938e1c-7a2b-7c3d-8e4f-000000000005"
#define SHA1 "1111111111111111111111111111111111111111111111111111111111111111"
#define SHA2 "2222222222222222222222222222222222222222222222222222222222222222"
#define TIME1 "2026-11-21T03:29:00.000001Z"
#define TIME2 "2026-11-21T03:29:00.000002Z"
#define TIME3 "2026-11-21T03:29:00.000003Z"
#define TEN(x) x x x x x x x x x x
#define TEXT64 TEN("abcdef") "abcd"
#define TEXT65 TEXT64 "e"
#define TEXT260 TEXT65 TEXT65 TEXT65 TEXT65

/* Field `set` (a path such as "constraints.countries[1]") becomes `value` (JSON, or NULL: it is taken out); the message is then
 * refused for `field`, or accepted where that is NULL. */
struct row {
	const char *set, *value, *field;
};

static json_t *message_parse(const char *text)
{
	json_error_t e;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &e);
	if (!json) {
		printf("Bail out! a test's own JSON is wrong: %s in %s\n", e.text, text);
		exit(1);
	}
	return json;
}

__attribute__((unused)) static json_t *message_patched(const char *good, const struct row *row)
{
	char path[128], *rest = path;
	json_t *json = message_parse(good), *at = json;
	snprintf(path, sizeof path, "%s", row->set);
	for (char *word; (word = strsep(&rest, ".["));) {
		size_t index = strtoul(word, NULL, 10);
		bool last = !rest;
		if (last && json_is_array(at))
			json_array_set_new(at, index, message_parse(row->value));
		else if (last && row->value)
			json_object_set_new(at, word, message_parse(row->value));
		else if (last)
			json_object_del(at, word);
		else
			at = json_is_array(at) ? json_array_get(at, index) : json_object_get(at, word);
		if (!at) {
			printf("Bail out! a test's row leads nowhere: %s\n", row->set);
			exit(1);
		}
	}
	return json;
}

#define no_clear(value) ((void)(value))

/* The text is read, and writing what was read gives the same text again. */
#define message_survives(type, from_json, to_json, clear, text)                                            \
	do {                                                                                               \
		struct json_error error_ = { 0 };                                                          \
		struct type value_;                                                                        \
		memset(&value_, 0, sizeof value_);                                                         \
		json_t *json_ = message_parse(text);                                                       \
		if (ok(from_json(json_, &value_, &error_) == OK, #from_json " reads a whole message")) {   \
			json_t *again_ = to_json(&value_);                                                 \
			if (!ok(json_equal(json_, again_), #to_json " writes what " #from_json " read")) { \
				char *got_ = json_dumps(again_, 0);                                        \
				printf("# got %s\n", got_);                                                \
				free(got_);                                                                \
			}                                                                                  \
			json_decref(again_);                                                               \
			clear(&value_);                                                                    \
		} else {                                                                                   \
			printf("# %s %s\n", error_.field, error_.what);                                    \
		}                                                                                          \
		json_decref(json_);                                                                        \
	} while (0)

/* Each row breaks the good text; the result is left untouched then. */
#define message_rows(type, from_json, clear, good, rows)                                                                   \
	do {                                                                                                               \
		struct type *value_ = malloc(sizeof *value_), *before_ = malloc(sizeof *value_);                           \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(rows)[0]; i_++) {                                           \
			const struct row *row_ = &(rows)[i_];                                                              \
			struct json_error error_ = { 0 };                                                                  \
			json_t *json_ = message_patched(good, row_);                                                       \
			memset(value_, 0x5a, sizeof *value_);                                                              \
			memset(before_, 0x5a, sizeof *before_);                                                            \
			err_t got_ = from_json(json_, value_, &error_);                                                    \
			if (row_->field) {                                                                                 \
				ok(got_ != OK && *error_.what && !memcmp(value_, before_, sizeof *value_),                 \
				   #from_json " refuses %s = %.40s: %s", row_->set, row_->value ? row_->value : "nothing", \
				   error_.what);                                                                           \
				is_text(error_.field, row_->field, "and names the field");                                 \
			} else if (ok(got_ == OK, #from_json " takes %s = %.40s", row_->set,                               \
				      row_->value ? row_->value : "nothing")) {                                            \
				clear(value_);                                                                             \
			} else {                                                                                           \
				printf("# %s %s\n", error_.field, error_.what);                                            \
			}                                                                                                  \
			json_decref(json_);                                                                                \
		}                                                                                                          \
		free(value_);                                                                                              \
		free(before_);                                                                                             \
	} while (0)

#endif

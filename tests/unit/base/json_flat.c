/* SPDX-License-Identifier: Apache-2.0
 * json_flat.c - tests of reading an object as a row of fields: what is taken, what is left to jansson, and that it reads the same
 */
#include <stdlib.h>
#include "json_flat.h"
#include "tap.h"

static err_t parse(struct json_flat *flat, const char *text, char *copy)
{
	size_t len = strlen(text);
	memcpy(copy, text, len + 1);
	return json_flat_parse(flat, copy, len);
}

static void test_taken(void)
{
	static const struct {
		const char *text;
		int count;
	} taken[] = {
		{ "{}", 0 },
		{ " { } \n", 0 },
		{ "{\"a\":1}", 1 },
		{ "{ \"a\" : -0 , \"b\" : null, \"\":\"\" }", 3 },
		{ "{\"a\":999999999999999999,\"b\":true,\"c\":false}", 3 },
		{ "{\"a\":{\"b\":{\"c\":1},\"d\":\"e\"},\"f\":[]}", 5 },
		{ "{\"a\":[1,\"]\\\"\",{\"b\":[[]]}],\"c\":[ ]}", 2 },
		{ "{\"a\":{\"a\":{\"a\":1}}}", 3 },
	};
	/* Right or wrong: not for this reader. */
	static const char *const left[] = {
		"",
		" ",
		"[]",
		"1",
		"{",
		"}",
		"{}}",
		"{} {}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":01}",
		"{\"a\":1.0}",
		"{\"a\":1e3}",
		"{\"a\":-}",
		"{\"a\":+1}",
		"{\"a\":1234567890123456789}",
		"{\"a\":9999999999999999999}",
		"{\"a\":1x}",
		"{\"a\":tru}",
		"{\"a\":nul",
		"{\"a\":nullx}",
		"{\"a\":\"\\n\"}",
		"{\"a\":\"\xc3\xa9\"}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"",
		"{\"a\":1,\"a\":2}",
		"{\"a\\u0062\":1}",
		"{\"a\":[}",
		"{\"a\":[1,]}",
		"{\"a\":[\"]}",
		"{\"a\":{]}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":[{\"b\":1,\"b\":2}]}",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
		"{}}}}}}}}}}}}}}}}}",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
		"[]}}}}}}}}}}}}}}}}",
		"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
	};
	static struct json_flat flat;
	char copy[512];
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		is_int(parse(&flat, taken[i].text, copy), OK, "takes %s", taken[i].text);
		is_int((long)flat.count, taken[i].count, "so many fields");
		json_flat_clear(&flat);
	}
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		is_int(parse(&flat, left[i], copy), E_UNSUPPORTED, "leaves %s", left[i]);
		ok(!strcmp(copy, left[i]), "as it was");
	}
}

static void test_bounds(void)
{
	static struct json_flat flat;
	char text[4096] = "{";
	for (int i = 0; i < JSON_FIELDS_MAX; i++)
		snprintf(text + strlen(text), 16, "%s\"f%d\":%d", i ? "," : "", i, i);
	size_t len = strlen(text);
	snprintf(text + len, 16, "}");
	is_int(json_flat_parse(&flat, text, len + 1), OK, "64 fields");
	json_flat_clear(&flat);
	snprintf(text, sizeof text, "{");
	for (int i = 0; i <= JSON_FIELDS_MAX; i++)
		snprintf(text + strlen(text), 16, "%s\"f%d\":%d", i ? "," : "", i, i);
	snprintf(text + strlen(text), 16, "}");
	is_int(json_flat_parse(&flat, text, strlen(text)), E_UNSUPPORTED, "not 65");
	snprintf(text, sizeof text, "{");
	for (int k = 0; k < 3; k++) {
		snprintf(text + strlen(text), 16, "%s\"o%d\":{", k ? "," : "", k);
		for (int i = 0; i < 45; i++)
			snprintf(text + strlen(text), 16, "%s\"f%d\":%d", i ? "," : "", i, i);
		snprintf(text + strlen(text), 16, "}");
	}
	snprintf(text + strlen(text), 16, "}");
	is_int(json_flat_parse(&flat, text, strlen(text)), E_UNSUPPORTED, "nor more than fit in all");
}

/* In any order, with the same refusals as from a tree (tests/unit/base/json.c has those of each kind). */
static void test_reading(void)
{
	static struct json_flat flat;
	static const char good[] =
		"{\"z\":[\"w\"],\"n\":7,\"t\":\"text\",\"o\":{\"i\":-3,\"e\":\"\"},\"b\":true,\"x\":null,\"y\":[]}";
	char copy[256], text[8] = "";
	struct json_error error;
	struct json_reader r, inner;
	int64_t n = 0, i = 0;
	bool b = false;
	json_t *z = NULL, *y = NULL;
	ok(parse(&flat, good, copy) == OK, "an object");
	json_open_flat(&r, &flat, &error);
	json_take_int(&r, "n", 0, 9, &n);
	ok(json_take_object(&r, "o", &inner), "in it another");
	ok(json_has_empty(&inner, "e") && !json_has_empty(&inner, "i"), "an empty text");
	json_take_int(&inner, "i", -9, 9, &i);
	is_int(json_close(&inner), E_INVALID, "a field that was not read");
	is_text(error.field, "o.e", "with its path");
	json_open_flat(&r, &flat, &error);
	json_take_text(&r, "t", text, sizeof text);
	json_take_int(&r, "n", 0, 9, &n);
	json_take_bool(&r, "b", &b);
	ok(json_take_array(&r, "z", 1, &z) && json_take_array(&r, "y", 1, &y), "arrays");
	ok(!json_has(&r, "x") && !json_has(&r, "nothing") && json_has(&r, "o"), "null counts as absent, and read");
	ok(json_take_object(&r, "o", &inner), "the object again");
	json_take_int(&inner, "i", -9, 9, &i);
	json_take_text_or_empty(&inner, "e", copy + sizeof copy - 2, 2);
	ok(json_close(&inner) == OK && json_close(&r) == OK, "all was read");
	ok(n == 7 && i == -3 && b && !strcmp(text, "text") && json_array_size(z) == 1 && json_array_size(y) == 0, "as it is");
	json_open_flat(&r, &flat, &error);
	json_take_int(&r, "t", 0, 9, &n);
	is_text(error.field, "t", "a text is no number");
	json_open_flat(&r, &flat, &error);
	json_take_text(&r, "n", text, sizeof text);
	json_take_bool(&r, "n", &b);
	ok(!json_take_object(&r, "n", &inner) && !json_take_array(&r, "n", 1, &z), "a number is nothing else");
	is_text(error.field, "n", "and is named");
	json_flat_clear(&flat);
}

int main(void)
{
	test_taken();
	test_bounds();
	test_reading();
	return done_testing();
}

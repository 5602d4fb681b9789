/* SPDX-License-Identifier: Apache-2.0
 * json.c - tests of strict reading: what is taken, what is refused and which field is named
 */
#include <stdlib.h>
#include "json.h"
#include "tap.h"

static struct json_error error;

static json_t *parse(const char *text)
{
	json_t *json = NULL;
	err_t e = json_parse(text, strlen(text), &json, &error);
	return e ? NULL : json;
}

static void test_parse(void)
{
	static const char *const good[] = { "{}", "[]", " {\"a\":[1,-2.5e3,null,true,\"\\u00e9\"]}\n",
					    "{\"a\":9223372036854775807}" };
	static const struct {
		const char *text, *what;
	} bad[] = {
		{ "", "is not valid JSON: it ends too early" },
		{ "{", "is not valid JSON: it ends too early" },
		{ "{} {}", "is not valid JSON: syntax error" },
		{ "1", "is not valid JSON: syntax error" },
		{ "\"a\"", "is not valid JSON: syntax error" },
		{ "null", "is not valid JSON: syntax error" },
		{ "{'a':1}", "is not valid JSON: syntax error" },
		{ "{\"a\":1,}", "is not valid JSON: syntax error" },
		{ "{\"a\":01}", "is not valid JSON: syntax error" },
		{ "{\"a\":NaN}", "is not valid JSON: syntax error" },
		{ "{\"a\":1,\"a\":2}", "is not valid JSON: a field is there twice" },
		{ "{\"a\":9223372036854775808}", "is not valid JSON: a number is too large" },
		{ "{\"a\":1e999}", "is not valid JSON: a number is too large" },
		{ "{\"a\":\"\\u0000\"}", "is not valid JSON: a text has a NUL character" },
		{ "{\"a\":\"\xff\"}", "is not valid JSON: a text is not UTF-8" },
		{ "{\"a\":\"\xc0\x80\"}", "is not valid JSON: a text is not UTF-8" },
		{ "{\"a\":\"\xed\xa0\x80\"}", "is not valid JSON: a text is not UTF-8" },
		{ "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "must not be nested deeper than 16" },
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		AUTO_JSON json = parse(good[i]);
		ok(json && !error.what[0], "take %s", good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		AUTO_JSON json = parse(bad[i].text);
		ok(!json && !strncmp(error.what, bad[i].what, strlen(bad[i].what)) && !error.field[0], "refuse %s: %s",
		   bad[i].text, error.what);
	}
	AUTO_JSON deep = parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]");
	ok(deep != NULL, "16 deep is not too deep");
	json_t *json = NULL;
	is_int(json_parse("{}\0", 3, &json, &error), E_INVALID, "a NUL behind the end");
	char open[4000];
	memset(open, '[', sizeof open);
	is_int(json_parse(open, sizeof open, &json, &error), E_INVALID, "thousands deep");
	ok(json == NULL, "a refusal leaves the result alone");
}

/* A message with a field of each kind. */
enum color { RED, GREEN, COLOR_COUNT };
static const char *const colors[] = { "red", "green" };
struct message {
	char name[9], note[9];
	char *more;
	int64_t count;
	uint32_t small;
	uint64_t large;
	bool yes;
	money price;
	uuid id;
	wall_time at;
	sha256 hash;
	uint8_t mac[6];
	int color;
	int64_t inner;
	char words[2][4];
	sha256 hashes[1];
	int64_t peer;
};

static void read_nested(struct json_reader *r, struct message *m)
{
	struct json_reader inner;
	json_t *array;
	if (json_take_object(r, "object", &inner)) {
		json_take_int(&inner, "inner", 0, 9, &m->inner);
		if (json_close(&inner) != OK)
			r->bad = true;
	}
	if (json_take_array(r, "words", 2, &array))
		for (size_t i = 0; i < json_array_size(array); i++)
			json_element_text(r, "words", array, i, m->words[i], sizeof m->words[i]);
	if (json_take_array(r, "hashes", 1, &array))
		for (size_t i = 0; i < json_array_size(array); i++)
			json_element_sha256(r, "hashes", array, i, &m->hashes[i]);
	if (json_take_array(r, "peers", 3, &array))
		for (size_t i = 0; i < json_array_size(array); i++)
			if (json_element_object(r, "peers", array, i, &inner)) {
				json_take_int(&inner, "port", 1, 65535, &m->peer);
				if (json_close(&inner) != OK)
					r->bad = true;
			}
}

static err_t message_from_json(json_t *json, struct message *m)
{
	struct json_reader r;
	*m = (struct message){ 0 };
	json_open(&r, json, &error);
	json_take_text(&r, "name", m->name, sizeof m->name);
	json_take_text_or_empty(&r, "note", m->note, sizeof m->note);
	json_take_long_text(&r, "more", 20, &m->more);
	json_take_int(&r, "count", 1, 256, &m->count);
	json_take_u32(&r, "small", 0, UINT32_MAX, &m->small);
	json_take_u64(&r, "large", &m->large);
	json_take_bool(&r, "yes", &m->yes);
	json_take_money(&r, "price", &m->price);
	json_take_uuid(&r, "id", &m->id);
	if (json_has(&r, "at"))
		json_take_time(&r, "at", &m->at);
	json_take_sha256(&r, "hash", &m->hash);
	json_take_hex(&r, "mac", m->mac, sizeof m->mac);
	json_take_enum(&r, "color", colors, COLOR_COUNT, &m->color);
	read_nested(&r, m);
	return json_close(&r);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define GOOD                                                                                                                  \
	"{\"name\":\"vm\",\"note\":\"\",\"more\":\"a\\tb\",\"count\":256,\"small\":4294967295,\"large\":9223372036854775807," \
	"\"yes\":true,\"price\":9007199254740991,\"id\":\"919108f7-52d1-4320-9bac-f847db4148a8\","                            \
	"\"at\":\"2026-11-21T03:29:00Z\",\"hash\":\"" ZEROS "\",\"mac\":\"525400123456\",\"color\":\"green\","                \
	"\"object\":{\"inner\":3},\"words\":[\"one\",\"two\"],\"hashes\":[\"" ZEROS "\"],\"peers\":[{\"port\":7},{\"port\":8}]}"

/* The good message with one field replaced (or added; NULL: removed), and how the refusal reads. */
static const struct {
	const char *field, *value, *where, *what;
} refusals[] = {
	{ "name", NULL, "name", "is missing" },
	{ "name", "null", "name", "is missing" },
	{ "name", "7", "name", "must be a text of 1 to 8 bytes" },
	{ "name", "\"\"", "name", "must be a text of 1 to 8 bytes" },
	{ "name", "\"123456789\"", "name", "must be a text of 1 to 8 bytes" },
	{ "name", "\"a\\u001b[m\"", "name", "must not have control characters" },
	{ "name", "\"a\\u007f\"", "name", "must not have control characters" },
	{ "name", "\"a\\u0085\"", "name", "must not have control characters" },
	{ "note", "\"123456789\"", "note", "must be a text of 0 to 8 bytes" },
	{ "more", "\"123456789012345678901\"", "more", "must be a text of at most 20 bytes" },
	{ "more", "[]", "more", "must be a text of at most 20 bytes" },
	{ "count", "0", "count", "must be an integer from 1 to 256" },
	{ "count", "257", "count", "must be an integer from 1 to 256" },
	{ "count", "1.0", "count", "must be an integer from 1 to 256" },
	{ "count", "\"1\"", "count", "must be an integer from 1 to 256" },
	{ "small", "4294967296", "small", "must be an integer from 0 to 4294967295" },
	{ "small", "-1", "small", "must be an integer from 0 to 4294967295" },
	{ "large", "-1", "large", "must be an integer from 0 to 9223372036854775807" },
	{ "yes", "1", "yes", "must be true or false" },
	{ "price", "9007199254740992", "price", "must be an integer from 0 to 9007199254740991" },
	{ "price", "-1", "price", "must be an integer from 0 to 9007199254740991" },
	{ "id", "\"919108f7\"", "id", "must be a UUID such as 01938e1c-7a2b-7c3d-8e4f-0123456789ab" },
	{ "id", "7", "id", "must be a UUID such as 01938e1c-7a2b-7c3d-8e4f-0123456789ab" },
	{ "at", "\"2026-11-21\"", "at", "must be a time in UTC such as 2026-11-21T03:29:00Z" },
	{ "at", "0", "at", "must be a time in UTC such as 2026-11-21T03:29:00Z" },
	{ "hash", "\"00\"", "hash", "must be 64 hexadecimal digits" },
	{ "mac", "\"52540012345\"", "mac", "must be 12 hexadecimal digits" },
	{ "color", "\"blue\"", "color", "must be one of: red, green" },
	{ "color", "0", "color", "must be a text" },
	{ "object", "[]", "object", "must be an object" },
	{ "object", "{}", "object.inner", "is missing" },
	{ "object", "{\"inner\":10}", "object.inner", "must be an integer from 0 to 9" },
	{ "object", "{\"inner\":1,\"outer\":2}", "object.outer", "is not a known field" },
	{ "words", "{}", "words", "must be an array of at most 2" },
	{ "words", "[\"a\",\"b\",\"c\"]", "words", "must be an array of at most 2" },
	{ "words", "[\"a\",\"long\"]", "words[1]", "must be a text of 1 to 3 bytes" },
	{ "words", "[null]", "words[0]", "must be a text of 1 to 3 bytes" },
	{ "hashes", "[\"00\"]", "hashes[0]", "must be 64 hexadecimal digits" },
	{ "hashes", "[0]", "hashes[0]", "must be 64 hexadecimal digits" },
	{ "peers", "[{\"port\":1},[]]", "peers[1]", "must be an object" },
	{ "peers", "[{\"port\":1},{\"port\":0},{}]", "peers[1].port", "must be an integer from 1 to 65535" },
	{ "peers", "[{\"port\":1,\"x\":1}]", "peers[0].x", "is not a known field" },
	{ "surplus", "1", "surplus", "is not a known field" },
	{ "surplus", "null", "surplus", "is not a known field" },
	{ "a\\u001bb\\u00e9", "1", "a?b??", "is not a known field" },
};

static void test_refusals(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		AUTO_JSON json = parse(GOOD);
		struct message m;
		char text[200];
		snprintf(text, sizeof text, "{\"%s\":%s}", refusals[i].field, refusals[i].value ? refusals[i].value : "0");
		AUTO_JSON change = parse(text);
		json_object_update(json, change);
		if (!refusals[i].value)
			json_object_del(json, refusals[i].field);
		is_int(message_from_json(json, &m), E_INVALID, "refuse %s", text);
		is_text(error.field, refusals[i].where, "naming the field");
		is_text(error.what, refusals[i].what, "and why");
		free(m.more);
	}
}

static void test_reader(void)
{
	AUTO_JSON json = parse(GOOD);
	struct message m;
	is_int(message_from_json(json, &m), OK, "the good message");
	ok(!error.field[0] && !error.what[0], "no error");
	is_text(m.name, "vm", "text");
	is_text(m.more, "a\tb", "long text");
	ok(m.count == 256 && m.small == UINT32_MAX && m.large == INT64_MAX && m.yes, "numbers");
	ok(m.price.micro == MONEY_MAX_MICRO && m.at.us == 1795231740000000 && m.mac[5] == 0x56 && m.color == GREEN, "values");
	ok(m.inner == 3 && !strcmp(m.words[1], "two") && m.peer == 8, "nested");
	free(m.more);
	json_object_set_new(json, "at", json_null());
	is_int(message_from_json(json, &m), OK, "an optional field may be null");
	free(m.more);
	json_object_del(json, "at");
	is_int(message_from_json(json, &m), OK, "or left out");
	free(m.more);

	AUTO_JSON empty = parse("{}");
	is_int(message_from_json(empty, &m), E_INVALID, "an empty object");
	is_text(error.field, "name", "the first offence is kept");
	AUTO_JSON array = parse("[]");
	is_int(message_from_json(array, &m), E_INVALID, "no object");
	is_text(error.what, "must be an object", "is said");
	is_int(message_from_json(NULL, &m), E_INVALID, "nothing at all");
}

static void test_edges(void)
{
	struct json_reader r;
	AUTO_JSON wide = json_object();
	for (int i = 0; i < 64; i++) {
		char name[8];
		snprintf(name, sizeof name, "f%d", i);
		json_put_int(wide, name, i);
	}
	int64_t sum = 0;
	json_open(&r, wide, &error);
	for (int i = 63; i >= 0; i--) {
		char name[8];
		int64_t value = 0;
		snprintf(name, sizeof name, "f%d", i);
		json_take_int(&r, name, 0, 63, &value);
		sum += value;
	}
	is_int(json_close(&r), OK, "64 fields, in any order");
	is_int(sum, 63 * 64 / 2, "each of them");
	json_open(&r, wide, &error);
	is_int(json_close_lenient(&r), OK, "unknown fields may be let pass");
	json_put_int(wide, "one_more", 1);
	json_open(&r, wide, &error);
	is_int(json_close_lenient(&r), E_INVALID, "65 fields");
	is_text(error.what, "must not have more than 64 fields", "are too many");

	AUTO_JSON json = parse("{\"a\":{\"b\":1}}");
	struct json_reader child;
	json_open(&r, json, &error);
	if (json_take_object(&r, "a", &child))
		json_refuse(&child, "b", "is out of %s", "fashion");
	is_int(json_close(&r), E_INVALID, "a child's refusal is its parent's");
	is_text(error.field, "a.b", "with its path");
	is_text(error.what, "is out of fashion", "and its words");
	json_open(&r, json, &error);
	ok(json_has(&r, "a") && !json_has(&r, "b"), "has");
	is_int(json_close(&r), E_INVALID, "to ask is not to take");
	json_open(&r, json, &error);
	json_refuse(&r, "", "is wrong as a whole");
	is_text(error.field, "", "the object itself");
	char longer[400];
	memset(longer, 'n', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	json_open(&r, json, &error);
	json_refuse(&r, longer, "%s", longer);
	ok(strlen(error.field) == sizeof error.field - 1 && strlen(error.what) == sizeof error.what - 1, "long words are cut");
}

static void test_put(void)
{
	AUTO_JSON json = json_object();
	json_put_text(json, "null", NULL);
	json_put_text(json, "text", "gr\xc3\xbc\xc3\x9f");
	json_put_text(json, "bytes", "a\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82\xac\xe2\x82");
	json_put_int(json, "int", INT64_MIN);
	json_put_bool(json, "bool", true);
	json_put_money(json, "money", (money){ 5 });
	json_put_uuid(json, "uuid", (uuid){ { 0xab } });
	json_put_time(json, "never", (wall_time){ 0 });
	json_put_time(json, "time", (wall_time){ 1 });
	json_put_sha256(json, "sha256", (sha256){ { 1 } });
	json_put_hex(json, "hex", "\x01\xfe", 2);
	json_put(json, "array", json_array());
	char *text = json_dumps(json, JSON_COMPACT);
	is_text(text,
		"{\"null\":null,\"text\":\"gr\xc3\xbc\xc3\x9f\",\"bytes\":\"a??????????\xe2\x82\xac??\","
		"\"int\":-9223372036854775808,\"bool\":true,\"money\":5,\"uuid\":\"ab000000-0000-0000-0000-000000000000\","
		"\"never\":null,\"time\":\"1970-01-01T00:00:00.000001Z\",\"sha256\":"
		"\"0100000000000000000000000000000000000000000000000000000000000000\",\"hex\":\"01fe\",\"array\":[]}",
		"written");
	free(text);
}

int main(void)
{
	test_parse();
	test_reader();
	test_refusals();
	test_edges();
	test_put();
	return done_testing();
}

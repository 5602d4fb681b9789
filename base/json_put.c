/* SPDX-License-Identifier: Apache-2.0
 * json_put.c - writing fields of JSON objects
 */
#include <stdlib.h>
#include <string.h>
#include "buf.h"
#include "bytes.h"
#include "json.h"

void json_put(json_t *object, const char *name, json_t *value)
{
	if (!value || json_object_set_new(object, name, value))
		abort();
}

/* The length of the UTF-8 sequence at text (RFC 3629 section 4), 0 where there is none. */
static size_t sequence_len(const unsigned char *text)
{
	unsigned char c = text[0], low = 0x80, high = 0xbf;
	size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	/* Not the long forms, not the surrogates, nothing above U+10FFFF. */
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf)
		if (text[i] < low || text[i] > high)
			return 0;
	return len;
}

/* The text as JSON, each byte that is no UTF-8 as '?'. */
static json_t *repaired(const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *at = copy; *at;) {
		size_t len = sequence_len((const unsigned char *)at);
		if (!len) {
			*at = '?';
			len = 1;
		}
		at += len;
	}
	json_t *json = json_string(copy);
	free(copy);
	return json;
}

void json_put_text(json_t *object, const char *name, const char *text)
{
	if (!text) {
		json_put(object, name, json_null());
		return;
	}
	json_t *json = json_string(text);
	json_put(object, name, json ? json : repaired(text));
}

void json_write_text(struct buf *out, const char *text)
{
	size_t len = 0;
	while (text[len] >= ' ' && text[len] <= '~' && text[len] != '"' && text[len] != '\\')
		len++;
	if (!text[len]) {
		buf_append(out, "\"", 1);
		buf_append(out, text, len);
		buf_append(out, "\"", 1);
		return;
	}
	AUTO_JSON json = json_string(text);
	if (!json)
		json = repaired(text);
	char *dumped = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	if (dumped)
		buf_puts(out, dumped);
	else
		out->error = E_NOMEM;
	free(dumped);
}

void json_write_int(struct buf *out, int64_t value)
{
	char digits[20], *at = digits + sizeof digits;
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	buf_append(out, at, (size_t)(digits + sizeof digits - at));
}

void json_put_int(json_t *object, const char *name, int64_t value)
{
	json_put(object, name, json_integer(value));
}

void json_put_bool(json_t *object, const char *name, bool value)
{
	json_put(object, name, json_boolean(value));
}

void json_put_money(json_t *object, const char *name, money value)
{
	json_put_int(object, name, value.micro);
}

void json_put_uuid(json_t *object, const char *name, uuid value)
{
	char text[UUID_TEXT_SIZE];
	json_put_text(object, name, uuid_format(value, text));
}

void json_put_time(json_t *object, const char *name, wall_time value)
{
	char text[WALL_TEXT_SIZE];
	json_put_text(object, name, value.us ? wall_format(value, text) : NULL);
}

void json_put_sha256(json_t *object, const char *name, sha256 value)
{
	json_put_hex(object, name, value.bytes, sizeof value.bytes);
}

void json_put_hex(json_t *object, const char *name, const void *data, size_t len)
{
	char *text = malloc(2 * len + 1);
	if (!text)
		abort();
	json_put_text(object, name, hex_encode(data, len, text));
	free(text);
}

/* SPDX-License-Identifier: Apache-2.0
 * json_flat.c - takes a JSON object apart into a row of fields
 */
#include "json_flat.h"

#include <string.h>

struct scan {
	const char *at, *end;
	struct json_flat *flat;
	int depth;
};

static bool scan_object(struct scan *s);

static void skip_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

/* The character, between any spaces. */
static bool scan_char(struct scan *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	skip_space(s);
	return true;
}

/* What a text has without escapes: printable ASCII. */
static const bool plain[256] = { [' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true };

static bool scan_text(struct scan *s, const char **ret_text, uint32_t *ret_len)
{
	if (s->at == s->end || *s->at != '"')
		return false;
	const char *from = ++s->at;
	const char *at = from; /* in a register: s might be what it points to */
	while (at < s->end && plain[(uint8_t)*at])
		at++;
	s->at = at;
	if (s->at == s->end || *s->at != '"' || s->at - from > INT32_MAX)
		return false;
	*ret_text = from;
	*ret_len = (uint32_t)(s->at++ - from);
	return true;
}

static bool scan_number(struct scan *s, int64_t *ret_number)
{
	bool negative = *s->at == '-';
	const char *from = s->at += negative;
	int64_t number = 0;
	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - from < 18; s->at++)
		number = 10 * number + (*s->at - '0');
	size_t digits = (size_t)(s->at - from);
	/* What follows is looked at by who comes next: anything but a comma or a bracket is refused there, so also "1.5" and a 19th digit. */
	if (digits == 0 || (*from == '0' && digits > 1))
		return false;
	*ret_number = negative ? -number : number;
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* Where the array that begins at s->at ends, as far as its brackets and quotes tell: jansson looks at the rest. */
static const char *array_end(const struct scan *s)
{
	int open = 0;
	bool quoted = false;
	for (const char *at = s->at; at < s->end; at++) {
		if (quoted) {
			if (*at == '\\')
				at++;
			else if (*at == '"')
				quoted = false;
		} else if (*at == '"') {
			quoted = true;
		} else if (*at == '[') {
			open++;
		} else if (*at == ']' && --open == 0) {
			return at + 1;
		}
	}
	return NULL;
}

static bool scan_array(struct scan *s, json_t **ret_array)
{
	struct scan ahead = *s;
	*ret_array = NULL;
	ahead.at++;
	skip_space(&ahead);
	if (ahead.at < s->end && *ahead.at == ']') {
		s->at = ahead.at + 1;
		return s->depth < JSON_MAX_DEPTH;
	}
	const char *end = array_end(s);
	AUTO_JSON array = end ? json_loadb(s->at, (size_t)(end - s->at), JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!array || json_deeper_than(array, JSON_MAX_DEPTH - s->depth))
		return false;
	s->at = end;
	*ret_array = array;
	array = NULL;
	return true;
}

static bool scan_value(struct scan *s, struct json_field *f)
{
	switch (s->at < s->end ? *s->at : 0) {
	case '"':
		f->kind = JSON_KIND_TEXT;
		return scan_text(s, &f->text, &f->len);
	case '{':
		f->kind = JSON_KIND_OBJECT;
		return scan_object(s);
	case '[':
		if (!scan_array(s, &f->array))
			return false;
		f->kind = JSON_KIND_ARRAY;
		return true;
	case 't':
	case 'f':
		f->yes = *s->at == 't';
		f->kind = JSON_KIND_BOOL;
		return scan_word(s, f->yes ? "true" : "false");
	case 'n':
		return scan_word(s, "null");
	default:
		f->kind = JSON_KIND_INT;
		return s->at < s->end && scan_number(s, &f->number);
	}
}

static bool named_before(const struct json_field *first, const struct json_field *f)
{
	for (; first < f; first = first->end)
		if (first->name_len == f->name_len && !memcmp(first->name, f->name, f->name_len))
			return true;
	return false;
}

static bool scan_field(struct scan *s, const struct json_field *first, int number)
{
	struct json_flat *flat = s->flat;
	if (flat->count == JSON_FLAT_MAX)
		return false;
	struct json_field *f = &flat->fields[flat->count];
	f->kind = JSON_KIND_NULL;
	f->bit = 1ull << number;
	if (!scan_text(s, &f->name, &f->name_len) || named_before(first, f))
		return false;
	flat->count++;
	bool fine = scan_char(s, ':') && scan_value(s, f);
	f->end = &flat->fields[flat->count];
	return fine;
}

static bool scan_object(struct scan *s)
{
	const struct json_field *first = &s->flat->fields[s->flat->count];
	int count = 0;
	if (s->depth == JSON_MAX_DEPTH || !scan_char(s, '{'))
		return false;
	s->depth++;
	if (s->at == s->end || *s->at != '}')
		do {
			if (count == JSON_FIELDS_MAX || !scan_field(s, first, count++))
				return false;
		} while (scan_char(s, ','));
	s->depth--;
	skip_space(s);
	if (s->at == s->end || *s->at != '}')
		return false;
	s->at++;
	return true;
}

err_t json_flat_parse(struct json_flat *flat, char *text, size_t len)
{
	struct scan s = { .at = text, .end = text + len, .flat = flat };
	flat->count = 0;
	bool fine = scan_object(&s);
	skip_space(&s);
	if (!fine || s.at != s.end) {
		json_flat_clear(flat);
		return E_UNSUPPORTED;
	}
	for (size_t i = 0; i < flat->count; i++) {
		const struct json_field *f = &flat->fields[i];
		text[f->name - text + f->name_len] = '\0';
		if (f->kind == JSON_KIND_TEXT)
			text[f->text - text + f->len] = '\0';
	}
	return OK;
}

void json_flat_clear(struct json_flat *flat)
{
	for (size_t i = 0; i < flat->count; i++)
		if (flat->fields[i].kind == JSON_KIND_ARRAY)
			json_decref(flat->fields[i].array);
	flat->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * head.c - a request's line and headers as they came, and what is in its query and its cookies
 *
 * How it works: nothing is read before the empty line that ends the headers is there. Then one pass over the bytes: what ends a word of its own
 * class must be what has to follow, and becomes the NUL behind it.
 */
#include "head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bytes.h"

enum class { TOKEN = 1, TARGET = 2, VALUE = 4, VISIBLE = TARGET | VALUE, ALL = TOKEN | VISIBLE };

/* RFC 9110 section 5.6.2: a token's bytes; a target's: whatever is visible (what is in it is the routes' to judge); section 5.5: a value's. */
static const uint8_t classes[256] = {
	['\t'] = VALUE,	      [' '] = VALUE,	       ['!'] = ALL,	    ['"'] = VISIBLE,
	['#' ... '\''] = ALL, ['(' ... ')'] = VISIBLE, ['*' ... '+'] = ALL, [','] = VISIBLE,
	['-' ... '.'] = ALL,  ['/'] = VISIBLE,	       ['0' ... '9'] = ALL, [':' ... '@'] = VISIBLE,
	['A' ... 'Z'] = ALL,  ['[' ... ']'] = VISIBLE, ['^' ... 'z'] = ALL, ['{'] = VISIBLE,
	['|'] = ALL,	      ['}'] = VISIBLE,	       ['~'] = ALL,	    [128 ... 255] = VALUE,
};

static char *skip(char *at, enum class class)
{
	while (classes[(uint8_t)*at] & class)
		at++;
	return at;
}

/* A word of a class and what has to follow it, which is cut off. NULL where it is empty or something else follows. */
static char *word(char **at, enum class class, char end)
{
	char *from = *at, *to = skip(from, class);
	if (to == from || *to != end)
		return NULL;
	*to = 0;
	*at = to + 1;
	return from;
}

static bool line_ends(char **at)
{
	bool ends = (*at)[0] == '\r' && (*at)[1] == '\n';
	*at += 2 * ends;
	return ends;
}

static bool request_line(char **at, struct head *h)
{
	h->method = word(at, TOKEN, ' ');
	h->target = h->method ? word(at, TARGET, ' ') : NULL;
	if (!h->target || strncmp(*at, "HTTP/1.", 7) || ((*at)[7] != '0' && (*at)[7] != '1'))
		return false;
	h->old = (*at)[7] == '0';
	*at += 8;
	return line_ends(at);
}

static bool one_field(char **at, struct field *f)
{
	char *name = word(at, TOKEN, ':');
	if (!name)
		return false;
	f->name = name;
	f->name_len = (size_t)(*at - 1 - name);
	char *value = *at + strspn(*at, " \t"), *end = skip(value, VALUE);
	*at = end;
	if (!line_ends(at))
		return false;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	f->value = value;
	return true;
}

static bool is_named(const struct field *f, const char *name, size_t len)
{
	return f->name_len == len && !strncasecmp(f->name, name, len);
}

/* Is the word in a list with commas between? */
static bool list_has(const char *list, const char *wanted)
{
	size_t len = strlen(wanted);
	while (*list) {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,");
		if (n == len && !strncasecmp(list, wanted, len))
			return true;
		list += n;
	}
	return false;
}

/* How the connection goes on, and that it is clear which host is meant (RFC 9112 section 3.2). */
static bool judge(struct head *h)
{
	int hosts = 0;
	h->close = h->old;
	for (size_t i = 0; i < h->field_count; i++) {
		const struct field *f = &h->fields[i];
		if (is_named(f, "Host", 4))
			hosts++;
		else if (is_named(f, "Connection", 10) && list_has(f->value, "close"))
			h->close = true;
	}
	return hosts == 1 || (h->old && hosts == 0);
}

/* Where the first empty line's CR LF CR LF begins. Lines are few: a look at each one's end takes less than one at each byte. */
static const char *end_of(const char *from, const char *to)
{
	for (const char *at = from; (at = memchr(at, '\n', (size_t)(to - at))); at++)
		if (to - at > 2 && at[1] == '\r' && at[2] == '\n' && at > from && at[-1] == '\r')
			return at - 1;
	return NULL;
}

enum head_result head_read(char *text, size_t len, struct head *ret_head, size_t *ret_len)
{
	size_t empty = 0; /* lines before the first one: an older client's end of the body before (RFC 9112 section 2.2) */
	while (empty < 4 && len - empty >= 2 && !memcmp(text + empty, "\r\n", 2))
		empty += 2;
	const char *end = end_of(text + empty, text + len);
	if (!end)
		return len >= HEAD_BYTES ? HEAD_TOO_LARGE : HEAD_MORE;
	*ret_len = (size_t)(end + 4 - text);
	if (*ret_len > HEAD_BYTES)
		return HEAD_TOO_LARGE;
	char *at = text + empty;
	if (!request_line(&at, ret_head))
		return HEAD_MALFORMED;
	for (ret_head->field_count = 0; *at != '\r'; ret_head->field_count++) {
		if (ret_head->field_count == HEAD_FIELDS)
			return HEAD_TOO_LARGE;
		if (!one_field(&at, &ret_head->fields[ret_head->field_count]))
			return HEAD_MALFORMED;
	}
	return at == end + 2 && judge(ret_head) ? HEAD_READ : HEAD_MALFORMED;
}

const char *head_find(const struct head *head, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < head->field_count; i++)
		if (is_named(&head->fields[i], name, len))
			return head->fields[i].value;
	return NULL;
}

/* ---- query and cookies ---- */

/* What it stands for, and how many bytes it takes. */
static char decode(const char *text, size_t len, size_t *ret_taken)
{
	uint8_t byte;
	*ret_taken = 1;
	if (*text == '+')
		return ' ';
	if (*text != '%' || len < 3)
		return *text;
	char hex[3] = { text[1], text[2], 0 };
	if (hex_decode(hex, &byte, 1) != OK || byte == 0)
		return *text;
	*ret_taken = 3;
	return (char)byte;
}

static char *decoded(const char *text, size_t len)
{
	char *value = malloc(len + 1), *to = value;
	for (size_t taken; value && len; text += taken, len -= taken)
		*to++ = decode(text, len, &taken);
	if (value)
		*to = 0;
	return value;
}

static bool decodes_to(const char *text, size_t len, const char *wanted)
{
	for (size_t taken; len; text += taken, len -= taken)
		if (!*wanted || decode(text, len, &taken) != *wanted++)
			return false;
	return !*wanted;
}

char *query_value(const char *query, const char *name)
{
	while (*query) {
		size_t len = strcspn(query, "&"), name_len = strcspn(query, "&=");
		if (decodes_to(query, name_len, name))
			return name_len < len ? decoded(query + name_len + 1, len - name_len - 1) : NULL;
		query += len + (query[len] == '&');
	}
	return NULL;
}

char *cookie_value(const char *cookies, const char *name)
{
	size_t name_len = strlen(name);
	while (*cookies) {
		cookies += strspn(cookies, " \t;");
		size_t len = strcspn(cookies, ";");
		if (len > name_len && !memcmp(cookies, name, name_len) && cookies[name_len] == '=') {
			const char *value = cookies + name_len + 1, *end = cookies + len;
			while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
				end--;
			bool quoted = end - value >= 2 && *value == '"' && end[-1] == '"';
			return strndup(value + quoted, (size_t)(end - value) - 2 * (size_t)quoted);
		}
		cookies += len;
	}
	return NULL;
}

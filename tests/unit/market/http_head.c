/* SPDX-License-Identifier: Apache-2.0
 * http_head.c - tests of what is read of a request's head, and what is refused
 */
#include <stdlib.h>

#include "head.h"
#include "tap.h"

#define HOST "Host: x\r\n"

static struct head head;
static size_t head_len;
static char text[3 * HEAD_BYTES];

static enum head_result reads(const char *given, size_t len)
{
	memcpy(text, given, len);
	text[len] = 0;
	return head_read(text, len, &head, &head_len);
}

static void good(void)
{
	static const char get[] = "GET /v1/market?q=a HTTP/1.1\r\nhost:\t x y \t\r\nEmpty:\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody";
	is_int(reads(get, sizeof get - 1), HEAD_READ, "a request");
	is_int(head_len, sizeof get - 1 - 4, "its body begins behind the empty line");
	is_text(head.method, "GET", "method");
	is_text(head.target, "/v1/market?q=a", "target");
	is_int(head.field_count, 4, "headers");
	is_text(head_find(&head, "Host"), "x y", "a value without the blanks around it, a name in any case");
	is_text(head_find(&head, "Empty"), "", "an empty value");
	is_text(head_find(&head, "X-A"), "1", "the first of two");
	ok(!head_find(&head, "X-B"), "none");
	ok(!head.old && !head.close, "the connection goes on");
	for (size_t len = 0; len + 4 < sizeof get - 1; len++)
		if (reads(get, len) != HEAD_MORE || memcmp(text, get, len) != 0)
			ok(false, "after %zu bytes it waits for more, and leaves them as they are", len);
	static const char closing[] = "GET / HTTP/1.1\r\n" HOST "Connection: x,  Close\r\n\r\n";
	ok(reads(closing, sizeof closing - 1) == HEAD_READ && head.close, "Connection: close");
	static const char other[] = "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n";
	ok(reads(other, sizeof other - 1) == HEAD_READ && !head.close, "another word is not it");
	static const char old[] = "GET / HTTP/1.0\r\n\r\n";
	ok(reads(old, sizeof old - 1) == HEAD_READ && head.old && head.close, "HTTP/1.0 closes, and needs no Host");
	static const char late[] = "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n";
	ok(reads(late, sizeof late - 1) == HEAD_READ && head_len == sizeof late - 1, "empty lines before it");
}

static void malformed(void)
{
	static const char *const heads[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST HOST "\r\n",
		"GET / HTTP/1.0\r\n" HOST HOST "\r\n",
		"GET  / HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1 \r\n" HOST "\r\n",
		"GET / HTTP/1.2\r\n" HOST "\r\n",
		"GET / HTTP/2.0\r\n" HOST "\r\n",
		"GET / http/1.1\r\n" HOST "\r\n",
		"GET /\r\n" HOST "\r\n",
		"GET\r\n" HOST "\r\n",
		" GET / HTTP/1.1\r\n" HOST "\r\n",
		"G(T / HTTP/1.1\r\n" HOST "\r\n",
		"GET /\x80 HTTP/1.1\r\n" HOST "\r\n",
		"GET /\t HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1\n" HOST "\r\n",
		"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "\tfolded\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "X: \x01\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "N\xc3\xa4me: x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "\rX: y\r\n\r\n",
		"\r\n\r\n\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		is_int(reads(heads[i], strlen(heads[i])), HEAD_MALFORMED, "malformed: %zu", i);
	static const char nul[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
	is_int(reads(nul, sizeof nul - 1), HEAD_MALFORMED, "a NUL in a value");
	static const char nul_name[] = "GET / HTTP/1.1\r\n" HOST "X\0: a\r\n\r\n";
	is_int(reads(nul_name, sizeof nul_name - 1), HEAD_MALFORMED, "and in a name");
}

/* A head of so many bytes. */
static void of_length(char *out, size_t len)
{
	static const char begin[] = "GET / HTTP/1.1\r\n" HOST "X: ", end[] = "\r\n\r\n";
	memset(out, 'a', len);
	memcpy(out, begin, sizeof begin - 1);
	memcpy(out + len - 4, end, 4);
}

static void bounds(void)
{
	static char given[3 * HEAD_BYTES];
	of_length(given, HEAD_BYTES);
	is_int(reads(given, HEAD_BYTES), HEAD_READ, "8 KiB");
	is_int(reads(given, HEAD_BYTES - 1), HEAD_MORE, "or a byte less, so far");
	of_length(given, HEAD_BYTES + 1);
	is_int(reads(given, HEAD_BYTES + 1), HEAD_TOO_LARGE, "not a byte more");
	is_int(reads(given, HEAD_BYTES), HEAD_TOO_LARGE, "which is seen before it is there");
	for (int n = HEAD_FIELDS; n <= HEAD_FIELDS + 1; n++) {
		size_t len = (size_t)snprintf(given, sizeof given, "GET / HTTP/1.1\r\n" HOST);
		for (int i = 1; i < n; i++)
			len += (size_t)snprintf(given + len, sizeof given - len, "A: b\r\n");
		len += (size_t)snprintf(given + len, sizeof given - len, "\r\n");
		is_int(reads(given, len), n > HEAD_FIELDS ? HEAD_TOO_LARGE : HEAD_READ, "%d headers", n);
	}
}

static void values(void)
{
	static const struct {
		const char *query, *name, *value;
	} queries[] = {
		{ "a=1&b=2", "b", "2" },
		{ "a=1&b=2", "c", NULL },
		{ "a=1&a=2", "a", "1" },
		{ "a=x%20y+z%2B", "a", "x y z+" },
		{ "a", "a", NULL },
		{ "a=", "a", "" },
		{ "%61=1", "a", "1" },
		{ "aa=1&a=2", "a", "2" },
		{ "a=%0", "a", "%0" },
		{ "a=%zz%", "a", "%zz%" },
		{ "a=x%00y", "a", "x%00y" },
		{ "a=b=c", "a", "b=c" },
		{ "&&a=1&", "a", "1" },
		{ "", "a", NULL },
		{ "ab=1", "a", NULL },
		{ "=1", "a", NULL },
		{ "a=%E2%82%AC", "a", "\xe2\x82\xac" },
	};
	static const struct {
		const char *cookies, *name, *value;
	} cookies[] = {
		{ "a=1; b=2", "b", "2" }, { "a=1;b=\"2\"", "b", "2" }, { "ab=1; b=2", "b", "2" }, { "b", "b", NULL },
		{ "b=", "b", "" },	  { "b=2 ; c", "b", "2" },     { "b=\"", "b", "\"" },	  { "", "b", NULL },
		{ "B=2", "b", NULL },	  { "a=b=2", "b", NULL },      { ";;b=2", "b", "2" },
	};
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		char *value = query_value(queries[i].query, queries[i].name);
		ok(value && queries[i].value ? !strcmp(value, queries[i].value) : value == queries[i].value, "query: %s",
		   queries[i].query);
		free(value);
	}
	for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
		char *value = cookie_value(cookies[i].cookies, cookies[i].name);
		ok(value && cookies[i].value ? !strcmp(value, cookies[i].value) : value == cookies[i].value, "cookies: %s",
		   cookies[i].cookies);
		free(value);
	}
}

int main(void)
{
	good();
	malformed();
	bounds();
	values();
	return done_testing();
}

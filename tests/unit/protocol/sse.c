/* SPDX-License-Identifier: Apache-2.0
 * sse.c - tests of the reader of Server-Sent Events
 */
#include <stdlib.h>
#include "sse.h"
#include "tap.h"

struct seen {
	struct buf text; /* "event/id/data;" of each */
	int stop_after;
};

static bool note(void *context, const char *event, const char *id, const char *data, size_t len)
{
	struct seen *seen = context;
	if (strlen(data) != len)
		buf_puts(&seen->text, "WRONG LENGTH ");
	buf_printf(&seen->text, "%s/%s/%s;", event, id, data);
	return --seen->stop_after != 0;
}

/* Feeds the text in pieces of `step` bytes, each in its own heap block, so that a read past it is seen. */
static err_t feed(struct sse *s, const char *text, size_t len, size_t step, struct seen *seen)
{
	bool stopped = false;
	for (size_t at = 0; at < len && !stopped; at += step) {
		size_t piece = len - at < step ? len - at : step;
		char *copy = malloc(piece);
		memcpy(copy, text + at, piece);
		err_t e = sse_feed(s, copy, piece, note, seen, &stopped);
		free(copy);
		if (e != OK)
			return e;
	}
	return OK;
}

static void transcripts(void)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{ "an event", "data: 1\n\n", "message//1;" },
		{ "without the space", "data:1\n\n", "message//1;" },
		{ "only one space is taken away", "data:  1\n\n", "message// 1;" },
		{ "CRLF", "event: a\r\ndata: 1\r\n\r\n", "a//1;" },
		{ "CR", "event: a\rdata: 1\r\r", "a//1;" },
		{ "all three", "data: 1\r\ndata: 2\rdata: 3\n\n", "message//1\n2\n3;" },
		{ "CR, then an empty line by LF", "data: 1\r\r\ndata: 2\r\n\n", "message//1;message//2;" },
		{ "a name and an id", "event: lease\nid: 7\ndata: {}\n\n", "lease/7/{};" },
		{ "the id stays, the name does not", "event: x\nid: 7\ndata: 1\n\ndata: 2\n\n", "x/7/1;message/7/2;" },
		{ "an empty id clears it", "id: 7\ndata: 1\n\nid\ndata: 2\n\n", "message/7/1;message//2;" },
		{ "comments", ": hello\n:\n\ndata: 1\n: more\n\n", "message//1;" },
		{ "no data, no event", "event: x\nid: 3\n\ndata: 1\n\n", "message/3/1;" },
		{ "empty data", "data\n\n", "message//;" },
		{ "two lines of empty data", "data\ndata\n\n", "message//\n;" },
		{ "colons in the value", "data: a:b: c\n\n", "message//a:b: c;" },
		{ "unknown fields", "color: red\ndatum: 1\nDATA: 2\ndata: 3\n\n", "message//3;" },
		{ "a field without a name", ":data\n data: 1\ndata: 2\n\n", "message//2;" },
		{ "cut off before the empty line", "data: 1\n\ndata: 2\n", "message//1;" },
		{ "cut off within a line", "data: 1\n\ndata: 2", "message//1;" },
		{ "a byte order mark",
		  "\xef\xbb\xbf"
		  "data: 1\n\n",
		  "message//1;" },
		{ "half a mark is a part of the name",
		  "\xef\xbb"
		  "data: 1\ndata: 2\n\n",
		  "message//2;" },
		{ "a second mark too",
		  "\xef\xbb\xbf\xef\xbb\xbf"
		  "data: 1\ndata: 2\n\n",
		  "message//2;" },
		{ "an id that could be no header",
		  "id: a\x01"
		  "b\ndata: 1\n\n",
		  "message//1;" },
		{ "nothing", "", "" },
		{ "empty lines", "\n\r\n\r\n\n\r", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t step = 1; step <= 64; step = step < 4 ? step + 1 : step * 16) {
			struct sse s;
			struct seen seen = { 0 };
			sse_init(&s);
			is_int(feed(&s, rows[i].text, strlen(rows[i].text), step, &seen), OK, "%s, %zu bytes at a time",
			       rows[i].name, step);
			is_text(seen.text.data ? seen.text.data : "", rows[i].want, "gives what it should");
			buf_clear(&seen.text);
			sse_clear(&s);
		}
	}
}

static void retries(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "retry: 250\n", 250 },
		{ "retry: 0\n", 0 },
		{ "retry: -1\n", -1 },
		{ "retry: 2.5\n", -1 },
		{ "retry: 1e3\n", -1 },
		{ "retry:\n", -1 },
		{ "retry: 99999999\n", 99999999 },
		{ "retry: 100000000\n", -1 },
		{ "retry: 99999999999999999999\n", -1 },
		{ "retry: 250", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct sse s;
		struct seen seen = { 0 };
		sse_init(&s);
		ok(feed(&s, rows[i].text, strlen(rows[i].text), 3, &seen) == OK, "a wait is read");
		is_int(s.retry_ms, rows[i].want, "%.12s", rows[i].text);
		sse_clear(&s);
	}
}

static void again(void)
{
	struct sse s;
	struct seen seen = { 0 };
	static const char broken[] = "retry: 5\nid: 9\nevent: x\ndata: 1\ndata: 2", whole[] = "\xef\xbb\xbf"
											      "data: 3\n\n";
	sse_init(&s);
	ok(feed(&s, broken, strlen(broken), 64, &seen) == OK, "a stream breaks off");
	sse_restart(&s);
	ok(feed(&s, whole, strlen(whole), 64, &seen) == OK, "the next one begins");
	is_text(seen.text.data, "message/9/3;", "nothing of the half event is left, but the id is");
	is_int(s.retry_ms, 5, "and the wait");
	buf_clear(&seen.text);
	sse_clear(&s);
}

static void stopping(void)
{
	struct sse s;
	struct seen seen = { .stop_after = 2 };
	bool stopped = false;
	static const char text[] = "data: 1\n\ndata: 2\n\ndata: 3\n\n";
	sse_init(&s);
	ok(sse_feed(&s, text, strlen(text), note, &seen, &stopped) == OK && stopped, "it stops when told");
	is_text(seen.text.data, "message//1;message//2;", "and says no more");
	buf_clear(&seen.text);
	sse_clear(&s);
}

static void refusals(void)
{
	struct seen seen = { 0 };
	static char text[4096];
	static const char long_name[] = "event: 1234567890123456789012345678901234567890123456789012345678901234\n",
			  fits[] = "event: 123456789012345678901234567890123456789012345678901234567890123\ndata\n\n",
			  control[] = "event: a\x1b[2J\n";
	struct sse s;
	sse_init(&s);
	is_int(feed(&s, fits, strlen(fits), 64, &seen), OK, "a name of 63 bytes");
	sse_restart(&s);
	is_int(feed(&s, long_name, strlen(long_name), 64, &seen), E_INVALID, "not one of 64");
	sse_restart(&s);
	is_int(feed(&s, control, strlen(control), 64, &seen), E_INVALID, "a name with a control character");
	sse_restart(&s);
	memset(text, 'x', sizeof text);
	err_t e = OK;
	for (int i = 0; i < 257 && e == OK; i++)
		e = feed(&s, text, sizeof text, sizeof text, &seen);
	is_int(e, E_LIMIT, "a line above 1 MiB");
	sse_restart(&s);
	memcpy(text, "data:", 5);
	text[sizeof text - 1] = '\n';
	e = OK;
	for (int i = 0; i < 258 && e == OK; i++)
		e = feed(&s, text, sizeof text, sizeof text, &seen);
	is_int(e, E_LIMIT, "an event above 1 MiB of many lines");
	sse_restart(&s);
	is_int(feed(&s, fits, strlen(fits), 1, &seen), OK, "all is well again on the next connection");
	buf_clear(&seen.text);
	sse_clear(&s);
}

int main(void)
{
	transcripts();
	retries();
	again();
	stopping();
	refusals();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * sse.c - Server-Sent Events: bytes in, events out
 *
 * How it works: bytes are gathered into a line until CR, LF or CRLF; a line is a field, a comment (":"), or empty, which ends an
 * event. An event without data is dropped, as the standard says. A line that the stream's end cuts off is never looked at.
 */
#include <string.h>
#include "bytes.h"
#include "sse.h"

void sse_init(struct sse *s)
{
	*s = (struct sse){ .retry_ms = -1 };
	s->line.max = SSE_EVENT_MAX;
	s->data.max = SSE_EVENT_MAX;
}

void sse_clear(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
}

void sse_restart(struct sse *s)
{
	sse_clear(s);
	s->line.max = SSE_EVENT_MAX;
	s->data.max = SSE_EVENT_MAX;
	s->event[0] = 0;
	s->bom = 0;
	s->started = s->after_return = false;
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

/* Digits only, else the field is ignored. */
static void take_retry(struct sse *s, const char *value, size_t len)
{
	int ms = 0;
	if (len < 1 || len > 8)
		return;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return;
		ms = ms * 10 + (value[i] - '0');
	}
	s->retry_ms = ms;
}

static err_t take_field(struct sse *s, const char *name, size_t name_len, const char *value, size_t len)
{
	if (name_len == 4 && !memcmp(name, "data", 4)) {
		buf_append(&s->data, value, len);
		buf_append(&s->data, "\n", 1);
		return s->data.error;
	}
	if (name_len == 5 && !memcmp(name, "event", 5)) {
		if (len >= sizeof s->event || !printable(value, len))
			return E_INVALID;
		memcpy(s->event, value, len);
		s->event[len] = 0;
	} else if (name_len == 2 && !memcmp(name, "id", 2)) {
		/* It goes into a header of ours later: what could not be one is ignored, as the standard does with NUL. */
		if (len < sizeof s->id && printable(value, len)) {
			memcpy(s->id, value, len);
			s->id[len] = 0;
		}
	} else if (name_len == 5 && !memcmp(name, "retry", 5)) {
		take_retry(s, value, len);
	}
	return OK;
}

static bool dispatch(struct sse *s, sse_event_fn *fn, void *context)
{
	bool go_on = true;
	if (s->data.len > 0) {
		s->data.data[--s->data.len] = 0; /* the newline behind the last line */
		go_on = fn(context, *s->event ? s->event : "message", s->id, s->data.data, s->data.len);
	}
	buf_reset(&s->data);
	s->event[0] = 0;
	return go_on;
}

static err_t take_line(struct sse *s, sse_event_fn *fn, void *context, bool *ret_stopped)
{
	const char *line = s->line.data;
	size_t len = s->line.len;
	err_t e = OK;
	if (len == 0) {
		*ret_stopped = !dispatch(s, fn, context);
	} else if (line[0] != ':') {
		const char *colon = memchr(line, ':', len);
		size_t name_len = colon ? (size_t)(colon - line) : len;
		const char *value = colon ? colon + 1 : line + len;
		if (value < line + len && *value == ' ')
			value++;
		e = take_field(s, line, name_len, value, (size_t)(line + len - value));
	}
	buf_reset(&s->line);
	return e;
}

/* How many of the first bytes belong to a byte order mark. One that turns out to be none is given to the line. */
static size_t skip_mark(struct sse *s, const char *at, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t used = 0;
	while (!s->started && used < len) {
		if (at[used] == mark[s->bom]) {
			used++;
			s->started = ++s->bom == 3;
		} else {
			buf_append(&s->line, mark, s->bom);
			s->started = true;
		}
	}
	return used;
}

err_t sse_feed(struct sse *s, const void *bytes, size_t len, sse_event_fn *fn, void *context, bool *ret_stopped)
{
	const char *at = bytes, *end = at + len;
	*ret_stopped = false;
	at += skip_mark(s, at, len);
	while (at < end && !*ret_stopped) {
		if (s->after_return && *at == '\n') {
			s->after_return = false;
			at++;
			continue;
		}
		s->after_return = false;
		const char *stop = at;
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		buf_append(&s->line, at, (size_t)(stop - at));
		if (s->line.error != OK)
			return s->line.error;
		at = stop;
		if (at < end) {
			s->after_return = *at++ == '\r';
			TRY(take_line(s, fn, context, ret_stopped));
		}
	}
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * stream.c - an answer that goes on: text/event-stream
 *
 * How it works: what is sent is put into pending as it goes over the line (RFC 9112 section 7.1: in chunks), and the connection is told; its
 * steps send it and end the stream's life with the request's.
 */
#include "stream.h"

#include "inside.h"

#define PENDING_MAX (512 * 1024)

struct stream {
	struct connection *connection;
	struct buf pending;
	bool chunked, ending, broken;
	stream_closed_fn *closed;
	void *context;
	struct stream *next, **at;
};

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->closed)
		s->closed(s->context);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	buf_clear(&s->pending);
	free(s);
}

err_t answer_stream(struct request *r, stream_closed_fn *closed, void *context, struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	*s = (struct stream){ .connection = r->from,
			      .pending.max = PENDING_MAX,
			      .chunked = !r->head.old,
			      .closed = closed,
			      .context = context,
			      .next = r->server->streams,
			      .at = &r->server->streams };
	if (s->next)
		s->next->at = &s->next;
	r->server->streams = s;
	answer_take_back(r);
	r->answer.kind = ANSWER_STREAM;
	r->answer.status = 200;
	r->answer.type = "text/event-stream";
	r->answer.stream = s;
	*ret_stream = s;
	return OK;
}

struct buf *stream_pending(struct stream *s, bool *ret_over, bool *ret_broken)
{
	*ret_over = s->ending;
	*ret_broken = s->broken;
	return &s->pending;
}

err_t stream_send(struct stream *s, const char *text, size_t len)
{
	if (s->ending)
		return E_LIMIT;
	if (len == 0) /* as a chunk it would be the end */
		return OK;
	if (s->chunked)
		buf_printf(&s->pending, "%zx\r\n", len);
	buf_append(&s->pending, text, len);
	if (s->chunked)
		buf_puts(&s->pending, "\r\n");
	s->ending = s->broken = s->pending.error;
	http_ready(s->connection);
	return s->broken ? E_LIMIT : OK;
}

bool stream_is_full(const struct stream *s)
{
	return s->pending.len > PENDING_MAX / 2;
}

void stream_end(struct stream *s)
{
	if (s->chunked && !s->ending)
		buf_puts(&s->pending, "0\r\n\r\n");
	s->ending = true;
	http_ready(s->connection);
}

void stream_cut(struct stream *s)
{
	s->ending = s->broken = true;
	/* Off the list at once: the caller walks it. stream_free() then unlinks from itself. */
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->next = NULL;
	s->at = &s->next;
	http_ready(s->connection);
}

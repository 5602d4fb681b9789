/* SPDX-License-Identifier: Apache-2.0
 * stream.c - an answer that goes on: text/event-stream
 *
 * How it works: libmicrohttpd asks for bytes (on_read). Where there are none the connection is suspended, and stream_send() resumes it.
 * A suspended connection does not notice that its client went away, so whoever owns the stream must send something from
 * time to time (a comment line will do). libmicrohttpd's reference ends the stream's life (on_free).
 */
#include "stream.h"

#include "inside.h"

#define PENDING_MAX (512 * 1024)

struct stream {
	struct http_server *server;
	struct MHD_Connection *connection;
	struct buf pending;
	bool suspended, ending;
	stream_closed_fn *closed;
	void *context;
	struct stream *next, **at;
};

static ssize_t on_read(void *context, uint64_t position, char *out, size_t max)
{
	struct stream *s = context;
	(void)position;
	if (s->pending.len) {
		size_t n = s->pending.len < max ? s->pending.len : max;
		memcpy(out, s->pending.data, n);
		buf_consume(&s->pending, n);
		return (ssize_t)n;
	}
	if (s->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->suspended = true;
	MHD_suspend_connection(s->connection);
	return 0;
}

static void on_free(void *context)
{
	struct stream *s = context;
	if (s->closed)
		s->closed(s->context);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	buf_clear(&s->pending);
	free(s);
}

static void wake(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	http_kick(s->server);
}

err_t answer_stream(struct request *r, stream_closed_fn *closed, void *context, struct stream **ret_stream)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	*s = (struct stream){ .server = r->server,
			      .connection = r->connection,
			      .pending.max = PENDING_MAX,
			      .closed = closed,
			      .context = context,
			      .next = r->server->streams,
			      .at = &r->server->streams };
	if (s->next)
		s->next->at = &s->next;
	r->server->streams = s;
	answer_take_back(r);
	r->answer.kind = ANSWER_STREAM;
	r->answer.status = MHD_HTTP_OK;
	r->answer.type = "text/event-stream";
	r->answer.stream = s;
	*ret_stream = s;
	return OK;
}

struct MHD_Response *stream_response(struct stream *s)
{
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, on_read, s, on_free);
	if (!response)
		on_free(s);
	return response;
}

err_t stream_send(struct stream *s, const char *text, size_t len)
{
	if (s->ending)
		return E_LIMIT;
	buf_append(&s->pending, text, len);
	if (s->pending.error)
		s->ending = true;
	wake(s);
	return s->pending.error ? E_LIMIT : OK;
}

void stream_end(struct stream *s)
{
	s->ending = true;
	wake(s);
}

void stream_cut(struct stream *s)
{
	s->ending = true;
	buf_clear(&s->pending);
	/* Off the list at once: the caller walks it. on_free() then unlinks from itself. */
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->next = NULL;
	s->at = &s->next;
	wake(s);
}

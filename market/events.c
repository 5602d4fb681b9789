/* SPDX-License-Identifier: Apache-2.0
 * events.c - what happened, as Server-Sent Events (WHATWG HTML section 9.2)
 *
 * How it works: every stream remembers the last event it was sent. Where the database's last event is a newer one, each stream asks for
 * what is new to its account. A client that comes back names the last one it saw (Last-Event-ID) and misses nothing; where that is more than
 * a stream takes at once, the rest follows as it is read.
 */
#include "events.h"

#include "gate.h"
#include "log.h"
#include "bytes.h"
#include "file.h"
#include "handlers.h"
#include "stream.h"

#define BATCH 200

struct listener {
	struct market *market;
	struct stream *stream;
	uuid account, order;
	int64_t sent;
	mono_time heard;
	bool behind; /* more is there than it takes now */
	struct listener *next, **at;
};
struct events {
	struct listener *first;
	size_t count;
	int64_t last;
};

err_t events_new(struct market *m, struct events **ret_events)
{
	struct events *e = calloc(1, sizeof *e);
	if (!e)
		return E_NOMEM;
	err_t error = store_event_last(m->store, &e->last);
	if (error) {
		free(e);
		return error;
	}
	*ret_events = e;
	return OK;
}

void events_free(struct events *e)
{
	free(e);
}

size_t events_count(const struct events *e)
{
	return e->count;
}

static void on_closed(void *context)
{
	struct listener *l = context;
	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	l->market->events->count--;
	free(l);
}

static void event_text(const struct event_row *row, struct buf *out)
{
	struct json_error error;
	json_t *data = NULL;
	if (json_parse(row->data, strlen(row->data), &data, &error) != OK || !json_is_object(data))
		data = json_object();
	json_put_int(data, "id", row->id);
	json_put_text(data, "kind", row->kind);
	json_put_time(data, "at", row->at);
	AUTO_FREE char *text = json_dumps(data, JSON_COMPACT);
	json_decref(data);
	if (text)
		buf_printf(out, "id: %lld\nevent: %s\ndata: %s\n\n", (long long)row->id, row->kind, text);
}

/* One batch; E_AGAIN where there may be more. */
static err_t send_new(struct market *m, struct listener *l)
{
	struct event_row *rows = NULL;
	size_t count;
	AUTO_BUF out = { 0 };
	l->behind = stream_is_full(l->stream);
	if (l->behind)
		return OK;
	TRY(store_events(m->store, l->account, l->order, l->sent, BATCH, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		event_text(&rows[i], &out);
		l->sent = rows[i].id;
	}
	event_rows_free(rows, count);
	if (out.len == 0)
		return OK;
	l->heard = clock_mono();
	TRY(stream_send(l->stream, out.data, out.len));
	return count == BATCH ? E_AGAIN : OK;
}

void events_send(struct market *m)
{
	struct events *e = m->events;
	int64_t last;
	if (!e->first || !m->database_up || market_store_failed(m, store_event_last(m->store, &last), "reading the last event"))
		return;
	if (last == e->last)
		return;
	e->last = last;
	for (struct listener *l = e->first, *next; l; l = next) {
		next = l->next;
		err_t error;
		do
			error = send_new(m, l);
		while (error == E_AGAIN);
		if (error == E_UNAVAILABLE) {
			e->last = 0; /* ask again when it is back */
			market_store_failed(m, error, "reading events");
			return;
		}
	}
}

void events_beat(struct market *m, mono_time now)
{
	static const char comment[] = ": still here\n\n";
	for (struct listener *l = m->events->first, *next; l; l = next) {
		next = l->next;
		err_t e = l->behind ? E_AGAIN : OK;
		while (e == E_AGAIN)
			e = send_new(m, l);
		if (e == E_UNAVAILABLE)
			m->events->last = 0; /* ask again when it is back */
		if (now.us - l->heard.us < m->settings->heartbeat_us)
			continue;
		l->heard = now;
		if (stream_send(l->stream, comment, sizeof comment - 1) != OK)
			log_debug("an event stream is too slow", "%s", "");
	}
}

static err_t check_limits(struct request *r)
{
	struct market *m = market_of(r);
	int64_t mine = 0;
	for (const struct listener *l = m->events->first; l; l = l->next)
		mine += uuid_equal(l->account, r->caller.account);
	if ((int64_t)m->events->count < m->settings->streams && mine < m->settings->streams_per_account)
		return OK;
	refuse(r, REFUSE_TOO_MANY, NULL, "event streams are open");
	answer_header(r, "Retry-After", "10");
	return E_LIMIT;
}

/* Where to begin: behind what the client saw, else with what happens from now on. */
static err_t first_of(struct request *r, int64_t *ret_after)
{
	const char *seen = request_header(r, "Last-Event-ID");
	struct market *m = market_of(r);
	if (!seen)
		seen = request_query(r, "after");
	if (!seen)
		return store_event_last(m->store, ret_after);
	int64_t after;
	if (int_parse(seen, &after) != OK || after < 0)
		return refuse(r, REFUSE_BAD_FIELD, "Last-Event-ID", "must be an event's id");
	*ret_after = after;
	return OK;
}

err_t events_stream(struct request *r)
{
	struct market *m = market_of(r);
	const char *order_text = request_query(r, "order");
	struct listener *l;
	uuid order = { 0 };
	int64_t after = 0;
	if (order_text && uuid_parse(order_text, &order) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "order", "must be an order's id");
	TRY(check_limits(r));
	TRY(first_of(r, &after));
	l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	*l = (struct listener){ .market = m, .account = r->caller.account, .order = order, .sent = after, .heard = r->now_mono };
	err_t e = answer_stream(r, on_closed, l, &l->stream);
	if (e) {
		free(l);
		return e;
	}
	l->next = m->events->first;
	l->at = &m->events->first;
	if (l->next)
		l->next->at = &l->next;
	m->events->first = l;
	m->events->count++;
	/* The first bytes go out at once, so that a proxy passes the answer on. */
	static const char hello[] = "retry: 2000\n: events of this market\n\n";
	if (stream_send(l->stream, hello, sizeof hello - 1) == OK)
		while (send_new(m, l) == E_AGAIN)
			;
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * events.c - the market's events as they happen: Server-Sent Events, connected again with Last-Event-ID
 *
 * How it works: one exchange after the other, each read until it breaks. A byte of any kind (the market sends comments as
 * heartbeats) shows that the stream lives; after silence_ms without one it counts as broken. Where the stream never worked, three
 * failures in a row are told to the caller; once it has worked, connecting goes on until the time is over.
 */
#include "bytes.h"
#include "sse.h"
#include "transport.h"

#define RETRY_MIN_MS 100
#define RETRY_DEFAULT_MS 1000
#define RETRY_MAX_MS 30000
#define FAILURES_AT_FIRST 3

struct stream {
	struct client *client;
	struct sse sse;
	client_event_fn *fn;
	void *context;
	struct buf refusal; /* the body of an answer that is no stream */
	err_t error;	    /* what was wrong with the stream */
	bool done;	    /* fn returned false */
	bool works;	    /* a stream was opened once */
	int failures;	    /* in a row */
};

static void stream_clear(struct stream *s)
{
	sse_clear(&s->sse);
	buf_clear(&s->refusal);
}

static bool on_event(void *context, const char *event, const char *id, const char *data, size_t len)
{
	struct stream *s = context;
	struct json_error why;
	AUTO_JSON json = NULL;
	if (json_parse(data, len, &json, &why) != OK) {
		s->error = E_CORRUPT;
		return false;
	}
	s->done = !s->fn(s->context, event, id, json);
	return !s->done;
}

static bool is_stream(struct client *client)
{
	static const char wanted[] = "text/event-stream";
	const char *type = NULL;
	curl_easy_getinfo(client->easy, CURLINFO_CONTENT_TYPE, &type);
	return type && !strncasecmp(type, wanted, strlen(wanted)) &&
	       (!type[strlen(wanted)] || strchr("; ", type[strlen(wanted)]));
}

static bool on_bytes(void *context, const void *data, size_t len)
{
	struct stream *s = context;
	bool stopped = false;
	if (transport_status(s->client) != 200) {
		buf_append(&s->refusal, data, len);
		return s->refusal.error == OK;
	}
	if (!is_stream(s->client)) {
		s->error = E_CORRUPT;
		return false;
	}
	s->works = true;
	s->failures = 0;
	err_t e = sse_feed(&s->sse, data, len, on_event, s, &stopped);
	if (e != OK)
		s->error = e;
	return e == OK && !stopped;
}

static err_t refused(struct stream *s, int status, struct problem *ret)
{
	AUTO_JSON json = NULL;
	struct json_error ignored;
	if (s->refusal.error != OK || !s->refusal.len || json_parse(s->refusal.data, s->refusal.len, &json, &ignored) != OK)
		json = NULL;
	problem_from_json(json, status, ret);
	return transport_err(status);
}

/* One exchange. E_AGAIN: connect again; *ret_why is then what to say where that does not help either. */
static err_t listen_once(struct stream *s, const char *path, int timeout_ms, err_t *ret_why, struct problem *ret)
{
	struct transport t = { .method = "GET",
			       .path = path,
			       .accept = "text/event-stream",
			       .last_event_id = s->sse.id,
			       .timeout_ms = timeout_ms,
			       .silence_ms = s->client->silence_ms,
			       .body_fn = on_bytes,
			       .context = s };
	sse_restart(&s->sse);
	buf_clear(&s->refusal);
	s->refusal.max = 65536;
	s->failures++;
	err_t e = transport_run(s->client, &t, ret);
	if (s->done)
		return OK;
	if (s->error == OK && t.status == 200 && !is_stream(s->client))
		s->error = E_CORRUPT;
	if (s->error != OK) {
		problem_from_json(NULL, 200, ret);
		snprintf(ret->code, sizeof ret->code, "bad_answer");
		snprintf(ret->title, sizeof ret->title, "The answer is not a stream of the market's events.");
		ret->detail[0] = 0;
		return s->error;
	}
	*ret_why = e;
	if (e != OK)
		return e == E_UNAVAILABLE && !t.hopeless ? E_AGAIN : e;
	if (t.status == 200)
		s->failures = 0;
	if (t.status == 200)
		return E_AGAIN;
	if (t.status == 204)
		return OK; /* "stop connecting" (WHATWG HTML section 9.2.3) */
	*ret_why = refused(s, t.status, ret);
	return t.status == 429 || t.status >= 500 ? E_AGAIN : *ret_why;
}

static int64_t pause_us(const struct stream *s)
{
	int64_t ms = s->sse.retry_ms >= 0 ? s->sse.retry_ms : RETRY_DEFAULT_MS;
	for (int i = 1; i < s->failures && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	ms = ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms;
	uint16_t jitter; /* up to a quarter more: those who lost a restarted market together do not come back together */
	random_fill(&jitter, sizeof jitter);
	return ms * 1000 + ms * 250 * jitter / UINT16_MAX;
}

err_t client_events(struct client *client, const char *path, int timeout_ms, client_event_fn *fn, void *context,
		    struct problem *ret_problem)
{
	__attribute__((cleanup(stream_clear))) struct stream s = { .client = client, .fn = fn, .context = context };
	struct problem problem = { 0 };
	int64_t end_us = timeout_ms > 0 ? clock_mono().us + timeout_ms * 1000LL : INT64_MAX;
	err_t why = OK;
	sse_init(&s.sse);
	for (;;) {
		int64_t left_us = end_us - clock_mono().us;
		err_t e = E_TIMEOUT;
		if (left_us >= 1000)
			e = listen_once(&s, path, timeout_ms > 0 ? (int)(left_us / 1000) : 0, &why, &problem);
		if (e == E_AGAIN && client->cancel && atomic_load(client->cancel))
			e = E_UNAVAILABLE;
		if (e == E_AGAIN && !s.works && s.failures >= FAILURES_AT_FIRST)
			e = why;
		if (e != E_AGAIN) {
			if (e != OK && ret_problem)
				*ret_problem = problem;
			return e;
		}
		left_us = end_us - clock_mono().us;
		int64_t wait_us = pause_us(&s);
		transport_sleep(client, wait_us < left_us ? wait_us : left_us);
	}
}

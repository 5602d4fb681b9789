/* SPDX-License-Identifier: Apache-2.0
 * stream.c - tests of raw bytes and of streams of events against a server that answers well and badly
 */
#include "buf.h"
#include "client.h"
#include "clock.h"
#include "image.h"
#include "server.h"
#include "tap.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

/* Comments as heartbeats, further apart than a byte a second, and an event at last. */
static void heartbeats(struct exchange *x)
{
	exchange_say(x, STREAM);
	for (int i = 0; i < 4; i++) {
		usleep(700000);
		exchange_say(x, ":\n");
	}
	exchange_say(x, "data: {\"n\":1}\n\n");
}

static void resumes(struct exchange *x)
{
	bool again = strcasestr(x->seen->head, "\r\nLast-Event-ID: two\r\n") != NULL;
	exchange_say(x, STREAM);
	if (x->number == 1 && !strcasestr(x->seen->head, "Last-Event-ID"))
		exchange_say(x, "retry: 100\n\nid: one\ndata: {\"n\":1}\n\nevent: lease\nid: two\ndata: {\"n\":2}\n\nid: half");
	else
		exchange_say(x, again ? "data: {\"n\":3}\n\n" : "data: {\"n\":-1}\n\n");
}

static bool answer(struct exchange *x)
{
	static char block[PIECE_BYTES];
	const char *p = x->path;
	if (!strcmp(p, "/piece")) {
		memset(block, 'p', sizeof block);
		exchange_say(x, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
		exchange_send(x, block, sizeof block);
		return true;
	}
	if (!strcmp(p, "/put") || !strcmp(p, "/put-late")) {
		exchange_answer(x, !strcmp(p, "/put") || x->number > 1 ? "204 No Content" : "503 Unavailable", "", "");
		return true;
	}
	if (!strcmp(p, "/resumes"))
		resumes(x);
	else if (!strcmp(p, "/heartbeats"))
		heartbeats(x);
	else if (!strcmp(p, "/goes-silent") && x->number == 1)
		exchange_say(x, STREAM "retry: 100\n\n"), sleep(20);
	else if (!strcmp(p, "/goes-silent"))
		exchange_say(x, STREAM "data: {\"n\":2}\n\n");
	else if (!strcmp(p, "/comes-up"))
		exchange_say(x, x->number < 2 ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" : STREAM "data: {\"n\":5}\n\n");
	else if (!strcmp(p, "/over"))
		exchange_say(x, "HTTP/1.1 204 No Content\r\n\r\n");
	else if (!strcmp(p, "/json"))
		exchange_answer(x, "200 OK", "Content-Type: application/json\r\n", "{}");
	else if (!strcmp(p, "/json-empty"))
		exchange_answer(x, "200 OK", "Content-Type: text/event-streams\r\n", "");
	else if (!strcmp(p, "/garbage"))
		exchange_say(x, STREAM "data: {\"n\":\n\n");
	else if (!strcmp(p, "/down"))
		exchange_answer(x, "503 Unavailable", "", "{\"code\":\"unavailable\",\"detail\":\"d\"}");
	else if (!strcmp(p, "/idle"))
		exchange_say(x, STREAM ":\n"), sleep(20);
	else
		exchange_answer(x, "404 Not Found", "", "{\"code\":\"not_found\"}");
	return false;
}

static struct client *connect_to(const struct server *s, int silence_ms)
{
	char url[64];
	struct client *client = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", s->port);
	struct client_config config = { .url = url, .timeout_ms = 5000, .silence_ms = silence_ms };
	ok(client_new(&config, &client) == OK, "a client");
	return client;
}

static void bytes(struct server *s)
{
	static char data[PIECE_BYTES + 1];
	size_t len = 7;
	struct problem p;
	struct client *c = connect_to(s, 0);
	ok(client_get_bytes(c, "/piece", data, PIECE_BYTES, &len, &p) == OK && len == PIECE_BYTES, "a piece comes down");
	ok(data[0] == 'p' && data[PIECE_BYTES - 1] == 'p' && data[PIECE_BYTES] == 0, "whole");
	len = 7;
	is_int(client_get_bytes(c, "/piece", data, PIECE_BYTES - 1, &len, &p), E_LIMIT, "not where there is no room");
	is_int(client_get_bytes(c, "/piece", data, 10, &len, &p), E_LIMIT, "nor in 10 bytes");
	is_int(client_get_bytes(c, "/nothing", data, 10, &len, &p), E_NOT_FOUND, "what is not there");
	is_text(p.code, "not_found", "is told");
	is_int(len, 7, "and nothing is given");
	memset(data, 'x', PIECE_BYTES);
	ok(client_put_bytes(c, "/put", data, PIECE_BYTES, &p) == OK, "a piece goes up");
	is_int(s->seen->body_len, PIECE_BYTES, "whole");
	ok(!strncmp(s->seen->head, "PUT /put ", 9) && strstr(s->seen->head, "Content-Type: application/octet-stream\r\n"),
	   "as PUT of bytes");
	server_forget(s);
	ok(client_put_bytes(c, "/put-late", data, 3, &p) == OK && s->seen->requests == 2, "it is tried again");
	ok(client_put_bytes(c, "/put", NULL, 0, &p) == OK, "no bytes can be put too");
	client_free(c);
}

/* Each byte is waited for, on any machine: half a second. */
static void bounded(struct server *s)
{
	static char data[PIECE_BYTES];
	const _Atomic int64_t most_bytes_s = 2 * PIECE_BYTES;
	char url[64];
	size_t len = 0;
	struct problem p;
	struct client *c = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", s->port);
	struct client_config config = { .url = url, .most_bytes_s = &most_bytes_s };
	ok(client_new(&config, &c) == OK, "a client with a bound");
	mono_time before = clock_mono();
	ok(client_get_bytes(c, "/piece", data, PIECE_BYTES, &len, &p) == OK && len == PIECE_BYTES, "a piece comes down");
	ok(clock_mono().us - before.us > SECOND_US / 2, "not faster than it may");
	client_free(c);
}

struct heard {
	struct buf text;
	int stop_after;
};

static bool hear(void *context, const char *event, const char *id, json_t *data)
{
	struct heard *heard = context;
	buf_printf(&heard->text, "%s/%s/%lld;", event, id, (long long)json_integer_value(json_object_get(data, "n")));
	return --heard->stop_after != 0;
}

static void streams(struct server *s)
{
	static const struct {
		const char *path;
		int timeout_ms, silence_ms, stop_after;
		err_t want;
		const char *heard, *code;
	} rows[] = {
		{ "/resumes", 10000, 0, 3, OK, "message/one/1;lease/two/2;message/two/3;", "" },
		{ "/resumes", 0, 0, 1, OK, "message/one/1;", "" },
		{ "/heartbeats", 20000, 1500, 1, OK, "message//1;", "" },
		{ "/goes-silent", 20000, 1000, 1, OK, "message//2;", "" },
		{ "/comes-up", 10000, 0, 1, OK, "message//5;", "" },
		{ "/idle", 800, 0, 1, E_TIMEOUT, "", "" },
		{ "/over", 5000, 0, 1, OK, "", "" },
		{ "/missing", 5000, 0, 1, E_NOT_FOUND, "", "not_found" },
		{ "/json", 5000, 0, 1, E_CORRUPT, "", "bad_answer" },
		{ "/json-empty", 5000, 0, 1, E_CORRUPT, "", "bad_answer" },
		{ "/garbage", 5000, 0, 1, E_CORRUPT, "", "bad_answer" },
		{ "/down", 20000, 0, 1, E_UNAVAILABLE, "", "unavailable" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct problem p = { 0 };
		struct heard heard = { .stop_after = rows[i].stop_after };
		struct client *c = connect_to(s, rows[i].silence_ms);
		server_forget(s);
		mono_time start = clock_mono();
		err_t e = client_events(c, rows[i].path, rows[i].timeout_ms, hear, &heard, &p);
		is_int(e, rows[i].want, "%s: %s in %lld ms", rows[i].path, err_name(e),
		       (long long)(clock_mono().us - start.us) / 1000);
		is_text(heard.text.data ? heard.text.data : "", rows[i].heard, "what was heard");
		if (rows[i].want != OK && rows[i].want != E_TIMEOUT)
			is_text(p.code, rows[i].code, "why");
		buf_clear(&heard.text);
		client_free(c);
	}
}

int main(void)
{
	struct server s = server_start(NULL, answer);
	bytes(&s);
	bounded(&s);
	streams(&s);
	server_stop(&s);
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * http_bytes.c - tests of what goes over a connection: the same answers whether a request comes whole, with others, or a byte at a time
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "stream.h"
#include "tap.h"

#define HOST "Host: x\r\n"
#define LAST "Connection: close\r\n\r\n"
#define JSON "Content-Type: application/json\r\n"
#define LARGE 200000

static struct loop *loop;
static struct http_server *server;
static struct sockaddr_in address;
static struct request *waiting;
static struct stream *stream;
static int streams_closed;

/* ---- what is served ---- */

static err_t hello(struct request *r)
{
	answer_fixed(r, 200, "text/plain", "hello", 5);
	return OK;
}

static err_t nothing(struct request *r)
{
	answer_empty(r);
	return OK;
}

static err_t echo(struct request *r)
{
	answer_text(r, 200, "text/plain", strndup(r->body.data, r->body.len), r->body.len);
	return OK;
}

static err_t later(struct request *r)
{
	waiting = r;
	request_wait(r);
	return OK;
}

static void on_stream_closed(void *context)
{
	(void)context;
	stream = NULL;
	streams_closed++;
}

static err_t stream_it(struct request *r)
{
	err_t e = answer_stream(r, on_stream_closed, NULL, &stream);
	if (e == OK)
		e = stream_send(stream, "one\n", 4);
	return e;
}

static void admit(struct request *r)
{
	if (request_header(r, "X-Refuse"))
		refuse(r, REFUSE_NO_TOKEN, NULL, "%s", "");
}

static void run(struct request *r)
{
	if (r->route->fn(r) != OK)
		refuse(r, REFUSE_INTERNAL, NULL, "%s", "");
}

static void done(struct request *r)
{
	if (waiting == r)
		waiting = NULL;
}

/* ---- a client ---- */

static char got[2 * LARGE];
static size_t got_len;
static bool ended;

static int client_open(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address))
		abort();
	got_len = 0;
	ended = false;
	return fd;
}

static void turn(int fd)
{
	(void)!loop_once(loop, 0);
	for (ssize_t n; !ended && got_len < sizeof got - 1; got_len += (size_t)n) {
		n = recv(fd, got + got_len, sizeof got - 1 - got_len, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			break;
		ended = n <= 0;
		if (n <= 0)
			break;
	}
	got[got_len] = 0;
}

static void client_send(int fd, const char *text, size_t len, size_t step)
{
	for (size_t at = 0, n; at < len && !ended; at += n) {
		n = len - at < step ? len - at : step;
		ssize_t sent = send(fd, text + at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		n = sent > 0 ? (size_t)sent : 0;
		turn(fd);
	}
}

static bool wait_for_text(int fd, const char *text)
{
	for (int i = 0; i < 20000 && !strstr(got, text) && !ended; i++) {
		turn(fd);
		if (i > 100)
			usleep(500);
	}
	return strstr(got, text);
}

static void wait_for_end(int fd)
{
	for (int i = 0; i < 20000 && !ended; i++) {
		turn(fd);
		if (i > 100)
			usleep(500);
	}
	close(fd);
}

/* Statuses and bodies of all answers: "200 hello 204". Bodies of refusals are left out. */
static const char *summary(void)
{
	static char text[4096];
	size_t len = 0;
	for (const char *at = got; !strncmp(at, "HTTP/1.1 ", 9);) {
		const char *end = strstr(at, "\r\n\r\n"), *length = strstr(at, "Content-Length: ");
		size_t body = end && length && length < end ? strtoul(length + 16, NULL, 10) : 0;
		if (!end)
			break;
		bool shown = at[9] == '2' && body && body < 100;
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.3s%s%.*s", len ? " " : "", at + 9, shown ? " " : "",
					shown ? (int)body : 0, end + 4);
		at = end + 4 + body;
	}
	text[len] = 0;
	return text;
}

static const char *answers_to(const char *text, size_t len, size_t step)
{
	int fd = client_open();
	client_send(fd, text, len, step);
	wait_for_end(fd);
	return summary();
}

/* ---- tests ---- */

static void whole_and_in_parts(void)
{
	static const struct {
		const char *text, *answers, *what;
	} cases[] = {
		{ "GET /hello HTTP/1.1\r\n" HOST LAST, "200 hello", "one request" },
		{ "GET HTTPS://elsewhere:8443/hello?a=b HTTP/1.1\r\n" HOST LAST, "200 hello",
		  "with scheme and host (RFC 9112 section 3.2.2)" },
		{ "GET http://elsewhere?/hello HTTP/1.1\r\n" HOST LAST, "404", "a host without a path is not a path" },
		{ "GET /hello HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
		  "200 hello 404 200 hello", "three" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 4\r\n\r\n[1]\nGET /hello HTTP/1.1\r\n" HOST LAST,
		  "200 [1]\n 200 hello", "what follows a body is the next one" },
		{ "POST /nothing HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST, "204 200 hello", "204 has no body" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON
		  "X-Refuse: 1\r\nContent-Length: 4\r\n\r\nabcdGET /hello HTTP/1.1\r\n" HOST LAST,
		  "401 200 hello", "a refused one's body is dropped" },
		{ "GET /hello HTTP/1.0\r\n\r\nGET /hello HTTP/1.0\r\n\r\n", "200 hello", "HTTP/1.0: one, and the end" },
		{ "GET /hello HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\n" HOST LAST, "400",
		  "behind a malformed one nothing counts" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
		  "GET /hello HTTP/1.1\r\n" HOST LAST,
		  "411", "nor behind one whose length is not clear" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON
		  "Content-Length: 3\r\nContent-Length: 3\r\n\r\n[1]GET /hello HTTP/1.1\r\n" HOST LAST,
		  "411", "two lengths are none" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: +3\r\n\r\n[1]GET /hello HTTP/1.1\r\n" HOST LAST, "411",
		  "a length is digits" },
		{ "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: -0\r\n\r\nGET /hello HTTP/1.1\r\n" HOST LAST, "411",
		  "and nothing else" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].text);
		is_text(answers_to(cases[i].text, len, len), cases[i].answers, "%s", cases[i].what);
		is_text(answers_to(cases[i].text, len, 1), cases[i].answers, "the same a byte at a time");
		is_text(answers_to(cases[i].text, len, 29), cases[i].answers, "and 29");
	}
}

static void heads_and_bodies(void)
{
	static char text[LARGE + 200];
	int fd = client_open();
	static const char head[] = "HEAD /hello HTTP/1.1\r\n" HOST LAST;
	client_send(fd, head, sizeof head - 1, 100);
	wait_for_end(fd);
	const char *end = strstr(got, "\r\n\r\n");
	ok(end && !end[4] && strstr(got, "Content-Length: 5\r\n"), "HEAD: the length, and no body");
	ok(strstr(got, "\r\nX-Request-Id: ") && strstr(got, "\r\nDate: ") && strstr(got, "\r\nCache-Control: no-store") &&
		   strstr(got, "\r\nX-Content-Type-Options: nosniff") && strstr(got, "\r\nConnection: close"),
	   "what each answer has");

	size_t len = (size_t)snprintf(text, sizeof text, "HEAD /%0*d HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST,
				      3000, 0);
	(void)answers_to(text, len, len);
	end = strstr(got, "\r\n\r\n");
	ok(end && !strncmp(got, "HTTP/1.1 400 ", 13) && !strncmp(end + 4, "HTTP/1.1 200 ", 13),
	   "nor where its address alone is refused");

	len = (size_t)snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n" LAST, LARGE);
	memset(text + len, 'a', LARGE);
	fd = client_open();
	client_send(fd, text, len + LARGE, 30000);
	wait_for_end(fd);
	end = strstr(got, "\r\n\r\n");
	ok(end && strlen(end + 4) == LARGE && strspn(end + 4, "a") == LARGE, "a large body, there and back");

	fd = client_open();
	len = (size_t)snprintf(text, sizeof text,
			       "POST /echo HTTP/1.1\r\n" HOST JSON "Expect: 100-continue\r\nContent-Length: 3\r\n" LAST);
	client_send(fd, text, len, len);
	ok(wait_for_text(fd, "HTTP/1.1 100 Continue\r\n\r\n"), "who waits to be told is told");
	client_send(fd, "[1]", 3, 3);
	wait_for_end(fd);
	is_text(summary(), "100 200 [1]", "and answered");

	len = (size_t)snprintf(text, sizeof text,
			       "POST /echo HTTP/1.1\r\n" HOST JSON
			       "X-Refuse: 1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	is_text(answers_to(text, len, len), "401", "who is refused is told that instead");

	len = (size_t)snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\n" HOST "X-Long: ");
	memset(text + len, 'a', 100000);
	is_text(answers_to(text, len + 100000, 100000), "431", "headers without end: an answer, though more of them is sent");
	ok(strstr(got, "\"headers_too_large\""), "which says why");
}

static void waits(void)
{
	static const char two[] = "GET /later HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST LAST;
	int fd = client_open();
	client_send(fd, two, sizeof two - 1, sizeof two);
	for (int i = 0; i < 20000 && !waiting; i++)
		turn(fd);
	for (int i = 0; i < 50; i++)
		turn(fd);
	ok(waiting && got_len == 0, "a request waits, and the one behind it too");
	answer_fixed(waiting, 200, "text/plain", "late", 4);
	request_resume(waiting);
	wait_for_end(fd);
	is_text(summary(), "200 late 200 hello", "then both are answered, in their order");

	fd = client_open();
	client_send(fd, two, sizeof two - 1, sizeof two);
	for (int i = 0; i < 20000 && !waiting; i++)
		turn(fd);
	const struct linger reset = { 1, 0 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	for (int i = 0; i < 50; i++)
		(void)!loop_once(loop, 0);
	ok(waiting, "who goes away meanwhile leaves his request to its handler");
	answer_fixed(waiting, 200, "text/plain", "late", 4);
	request_resume(waiting);
	for (int i = 0; i < 20000 && http_connection_count(server); i++)
		(void)!loop_once(loop, 1000);
	is_int(http_connection_count(server), 0, "and with its answer the connection ends");
}

static void streams(void)
{
	static const char ask[] = "GET /stream HTTP/1.1\r\n" HOST "\r\n";
	int fd = client_open();
	client_send(fd, ask, sizeof ask - 1, sizeof ask);
	ok(wait_for_text(fd, "\r\n\r\n4\r\none\n\r\n") && strstr(got, "Transfer-Encoding: chunked"),
	   "a stream begins, in chunks");
	is_int(stream_send(stream, "twenty-one characters", 21), OK, "more");
	ok(wait_for_text(fd, "15\r\ntwenty-one characters\r\n"), "comes");
	stream_end(stream);
	wait_for_end(fd);
	ok(got_len > 5 && !strcmp(got + got_len - 5, "0\r\n\r\n"), "its end is to be seen");
	is_int(streams_closed, 1, "its owner was told");

	fd = client_open();
	client_send(fd, ask, sizeof ask - 1, sizeof ask);
	ok(wait_for_text(fd, "one\n"), "another one");
	close(fd);
	for (int i = 0; i < 20000 && streams_closed < 2; i++)
		(void)!loop_once(loop, 1000);
	is_int(streams_closed, 2, "its client's going is seen without anything being sent");
}

int main(void)
{
	static const struct route routes[] = {
		{ "GET", "/hello", hello, 0, 0, 0, "" },      { "POST", "/nothing", nothing, 0, 0, 0, "" },
		{ "POST", "/echo", echo, 0, 0, LARGE, "" },   { "GET", "/later", later, 0, 0, 0, "" },
		{ "GET", "/stream", stream_it, 0, 0, 0, "" }, { .method = NULL },
	};
	char bound[64];
	socklen_t len = sizeof address;
	struct http_config config = { .connections = 16,
				      .connections_per_address = 16,
				      .timeout_s = 30,
				      .buffered_bytes = 1 << 20,
				      .routes = routes,
				      .hooks = { admit, run, done } };
	signal(SIGPIPE, SIG_IGN);
	if (loop_new(&loop) != OK || http_listen("127.0.0.1:0", &config.listen_fd, bound) != OK ||
	    getsockname(config.listen_fd, (struct sockaddr *)&address, &len) || http_start(loop, &config, &server) != OK) {
		ok(false, "start");
		return done_testing();
	}
	whole_and_in_parts();
	heads_and_bodies();
	waits();
	streams();
	http_stop(server);
	loop_free(loop);
	return done_testing();
}

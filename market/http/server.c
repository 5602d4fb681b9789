/* SPDX-License-Identifier: Apache-2.0
 * server.c - the HTTP server: libmicrohttpd, driven by our loop
 *
 * How it works: libmicrohttpd runs without threads, in its external epoll mode. Its epoll descriptor is watched by our loop, and
 * pump() calls MHD_run() while there is something to do. A resumed connection does not make that descriptor readable, so
 * request_resume() and stream_send() write to an eventfd of our own (http_kick). Its own epoll thread is not used: it can
 * sleep for ever with events at hand when connections are resumed in numbers.
 *
 * A request passes: on_target (the request line: keeps the raw target), on_request with the headers (route, limits, admit), with each
 * piece of the body, and at the end (run). Whoever cannot answer at once calls request_wait(): the connection is suspended
 * until request_resume(). A refused request's body is read and dropped up to DRAIN_MAX, so that the client sees the answer
 * instead of a reset connection; beyond, the answer goes out at once and the connection closes.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"
#include "forward.h"
#include "forwarded.h"
#include "inside.h"
#include "log.h"

#define DRAIN_MAX (4 << 20)
#define TARGET_MAX 2048
#define HEADER_MEMORY \
	(8 * 1024)	     /* of one connection: request line and headers; libmicrohttpd clears all of it for each request */
#define TICK_US (250 * 1000) /* libmicrohttpd's timeouts are whole seconds */

/* ---- addresses ---- */

bool http_address_is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strncmp(address, "[::1]:", 6) || !strncmp(address, "localhost:", 10);
}

err_t http_listen(const char *address, int *ret_fd, char *ret_bound)
{
	const char *colon = strrchr(address, ':');
	char host[ADDRESS_SIZE + 2];
	if (!colon || colon == address || (size_t)(colon - address) >= sizeof host)
		return E_INVALID;
	size_t len = (size_t)(colon - address);
	bool v6 = address[0] == '[' && address[len - 1] == ']';
	memcpy(host, address + v6, len - 2 * (size_t)v6);
	host[len - 2 * (size_t)v6] = 0;

	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list = NULL;
	if (getaddrinfo(host, colon + 1, &hints, &list))
		return E_INVALID;
	AUTO_FD fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;
	bool fine = fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) &&
		    !bind(fd, list->ai_addr, list->ai_addrlen) && !listen(fd, 1024);
	/* Accepted sockets inherit it: answers are small and should not wait for more. */
	fine = fine && !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int why = errno;
	freeaddrinfo(list);
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof bound;
	if (!fine || getsockname(fd, (struct sockaddr *)&bound, &bound_len)) {
		errno = why;
		return E_IO;
	}
	char port[8];
	if (getnameinfo((struct sockaddr *)&bound, bound_len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV))
		return E_IO;
	snprintf(ret_bound, 64, bound.ss_family == AF_INET6 ? "[%.47s]:%s" : "%.47s:%s", host, port);
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static void peer_of(struct MHD_Connection *connection, char *address)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *peer = info ? info->client_addr : NULL;
	if (peer && peer->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, address, ADDRESS_SIZE);
	else if (peer && peer->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, address, ADDRESS_SIZE);
}

static void address_of(struct request *r, const char *via)
{
	if (r->from)
		memcpy(r->address, r->from->address, sizeof r->address);
	else
		peer_of(r->connection, r->address);
	if (r->server->behind_proxy && via)
		(void)forwarded_client(via, r->address);
}

/* ---- connections ---- */

static struct connection *context_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **ret_context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = context;
	struct connection *c = *ret_context;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		*ret_context = c = calloc(1, sizeof *c); /* without memory it has no deadline */
		if (c)
			peer_of(connection, c->address);
		if (c && info) {
			c->deadline.fd = info->connect_fd;
			deadline_enter(&server->deadlines, &c->deadline, PHASE_HEAD, server->now);
		}
	} else if (c) {
		deadline_enter(&server->deadlines, &c->deadline, PHASE_NONE, server->now);
		explicit_bzero(&c->sign, sizeof c->sign);
		free(c);
		*ret_context = NULL;
	}
}

void request_phase(struct request *r, enum phase phase)
{
	if (r->from)
		deadline_enter(&r->server->deadlines, &r->from->deadline, phase, r->server->now);
}

/* From another market of ours, which tells whose it is. One that takes us for somebody else was told so long ago. */
static err_t take_forwarded(struct request *r)
{
	const struct forwarded f = { .secret = request_header(r, FORWARD_SECRET),
				     .client = request_header(r, FORWARD_CLIENT),
				     .id = request_header(r, FORWARD_REQUEST) };
	enum forwarded_by by = forwarded_read(&f, r->server->forward_secret, r->address, r->id);
	if (by == FORWARDED_BY_STRANGER)
		return refuse(r, REFUSE_UNAVAILABLE, NULL, "it was handed on to another market");
	r->forwarded = by == FORWARDED_BY_MARKET;
	return OK;
}

/* ---- one request ---- */

/* A request is kilobytes, which malloc() and free() take trouble with. */
#define SPARE_MAX 256

static struct request *request_memory(struct http_server *server)
{
	struct request *r = server->spare;
	if (!r)
		return malloc(sizeof *r);
	server->spare = r->next;
	server->spare_count--;
	return r;
}

static void request_memory_keep(struct http_server *server, struct request *r)
{
	if (server->spare_count >= SPARE_MAX) {
		free(r);
		return;
	}
	r->next = server->spare;
	server->spare = r;
	server->spare_count++;
}

static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	struct http_server *server = context;
	struct request *r = request_memory(server);
	if (!r)
		return NULL;
	memset(r, 0, offsetof(struct request, answer.headers));
	r->context = server->context;
	r->server = server;
	r->connection = connection;
	r->since = server->now;
	r->from = context_of(connection);
	r->answer.fd = -1;
	uuid_format(uuid_make_of(clock_wall(), server->next_id++), r->id);
	size_t len = strlen(target), path_len = (size_t)(strchrnul(target, '?') - target);
	r->target = malloc(len + 1 + path_len + 1);
	if (!r->target) {
		request_clear(r);
		free(r);
		return NULL;
	}
	memcpy(r->target, target, len + 1);
	r->path = r->target + len + 1;
	memcpy(r->path, target, path_len);
	r->path[path_len] = 0;
	r->next = server->requests;
	r->at = &server->requests;
	if (r->next)
		r->next->at = &r->next;
	server->requests = r;
	return r;
}

/* What may be there more than once. */
struct repeated {
	int lengths, encodings;
	const char *via; /* the last line: a proxy of ours may add one of its own instead of adding to the client's */
};
static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	struct repeated *h = context;
	h->lengths += !strcasecmp(name, "Content-Length");
	h->encodings += !strcasecmp(name, "Transfer-Encoding");
	if (!strcasecmp(name, "X-Forwarded-For"))
		h->via = value;
	return MHD_YES;
}

/* How long the body is; -1 and a refusal where two readers of the headers might disagree about it (RFC 9112 section 6.3). */
static void length_of_body(struct request *r, const struct repeated *h)
{
	const char *length = request_header(r, "Content-Length");
	if (h->encodings || h->lengths > 1 || (length && int_parse(length, &r->content_length) != OK) || r->content_length < 0) {
		r->content_length = -1;
		refuse(r, REFUSE_NO_LENGTH, NULL, "a body needs exactly one Content-Length and no Transfer-Encoding");
	}
}

static bool type_is(const char *given, const char *wanted)
{
	size_t len = strlen(wanted);
	return given && !strncasecmp(given, wanted, len) && (given[len] == 0 || given[len] == ';' || given[len] == ' ');
}

static err_t check_body(struct request *r)
{
	const struct route *route = r->route;
	const char *wanted = route->flags & ROUTE_BYTES ? "application/octet-stream" : "application/json";
	if (route->body_max == 0)
		return r->content_length ? refuse(r, REFUSE_BAD_REQUEST, NULL, "this takes no body") : OK;
	if (r->content_length == 0) {
		if (route->flags & ROUTE_BODY_OPTIONAL)
			return OK;
		if (!request_header(r, "Content-Length"))
			return refuse(r, REFUSE_NO_LENGTH, NULL, "%s", "");
		return refuse(r, route->flags & ROUTE_BYTES ? REFUSE_BAD_REQUEST : REFUSE_BAD_JSON, NULL, "the body is empty");
	}
	if (r->content_length > route->body_max)
		return refuse(r, REFUSE_TOO_LARGE, NULL, "at most %u bytes", route->body_max);
	if (!type_is(request_header(r, "Content-Type"), wanted))
		return refuse(r, REFUSE_BAD_TYPE, NULL, "it must be %s", wanted);
	return OK;
}

err_t request_reserve(struct request *r, size_t bytes)
{
	if (r->server->buffered + (int64_t)bytes > r->server->buffered_max)
		return E_LIMIT;
	r->reserved += (int64_t)bytes;
	r->server->buffered += (int64_t)bytes;
	return OK;
}

static err_t begin(struct request *r, const char *method)
{
	struct repeated headers = { 0 };
	r->begun = true;
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, note_header, &headers);
	address_of(r, headers.via);
	length_of_body(r, &headers);
	if (answered(r))
		return E_INVALID;
	TRY(take_forwarded(r));
	if (strlen(r->target) > TARGET_MAX)
		return refuse(r, REFUSE_BAD_REQUEST, NULL, "the address is longer than %d bytes", TARGET_MAX);
	if (text_copy(r->method, sizeof r->method, method) != OK)
		return refuse(r, REFUSE_BAD_METHOD, NULL, "%s", "");
	char allow[ROUTE_ALLOW_SIZE];
	switch (route_find(r->server->router, r->method, r->path, &r->route, &r->values, allow)) {
	case ROUTE_FOUND:
		break;
	case ROUTE_NONE:
		return refuse(r, REFUSE_NO_ROUTE, NULL, "%s", "");
	case ROUTE_VALUE:
		return refuse(r, REFUSE_NOT_FOUND, NULL, "a part of the address has not the form of an id");
	case ROUTE_METHOD:
		refuse(r, REFUSE_BAD_METHOD, NULL, "it takes %s", allow);
		answer_header(r, "Allow", allow);
		return E_INVALID;
	}
	r->server->hooks.admit(r);
	if (answered(r))
		return E_INVALID;
	TRY(check_body(r));
	if (request_reserve(r, (size_t)r->content_length) != OK) {
		refuse(r, REFUSE_UNAVAILABLE, NULL, "too much is being uploaded at the moment");
		answer_header(r, "Retry-After", "2");
		return E_LIMIT;
	}
	r->body.max = (size_t)r->content_length;
	return OK;
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t len)
{
	if (!answered(r))
		buf_append(&r->body, data, len);
	return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **request)
{
	(void)context;
	(void)url;
	(void)version;
	struct request *r = *request;
	if (!r)
		return MHD_NO;
	if (!r->begun) {
		request_phase(r, PHASE_BODY);
		err_t refused = begin(r, method);
		bool drain = r->content_length >= 0 && r->content_length <= DRAIN_MAX && !request_header(r, "Expect");
		return refused && !drain ? answer_queue(r, true) : MHD_YES;
	}
	if (*len) {
		size_t n = *len;
		*len = 0;
		return take_body(r, data, n);
	}
	if (!r->ran) {
		r->ran = true;
		request_phase(r, PHASE_NONE);
		if (!answered(r) && r->body.error)
			refuse(r, REFUSE_UNAVAILABLE, NULL, "%s", "");
		r->now = clock_wall();
		r->now_mono = clock_mono();
		if (!answered(r))
			r->server->hooks.run(r);
	}
	if (answered(r))
		return answer_queue(r, false);
	assert_waiting(r);
	r->suspended = true;
	MHD_suspend_connection(connection);
	return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode why)
{
	struct http_server *server = context;
	(void)connection;
	(void)why;
	struct request *r = *request;
	if (!r)
		return;
	*request = NULL;
	request_phase(r, PHASE_HEAD);
	if (r->begun)
		server->hooks.done(r);
	server->buffered -= r->reserved;
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	request_clear(r);
	request_memory_keep(server, r);
}

void request_wait(struct request *r)
{
	r->waiting = true;
}

void request_resume(struct request *r)
{
	r->waiting = false;
	if (!r->suspended)
		return;
	r->suspended = false;
	MHD_resume_connection(r->connection);
	http_kick(r->server);
}

/* ---- the daemon on our loop ---- */

void http_kick(struct http_server *server)
{
	if (server->kicked)
		return;
	server->kicked = true;
	uint64_t one = 1;
	if (write(server->kick_fd, &one, sizeof one) != sizeof one)
		log_error("cannot wake the HTTP server", "errno=%d", errno);
}

static void pump(struct http_server *server)
{
	for (int round = 0; round < 32; round++) {
		server->now = clock_mono();
		MHD_run(server->daemon);
		MHD_UNSIGNED_LONG_LONG wait_ms = 0;
		if (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES || wait_ms > 0)
			return;
	}
	http_kick(server); /* others of the loop first */
}

static void on_epoll(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	pump(context);
}

static void on_kick(void *context, int fd, uint32_t events)
{
	(void)events;
	struct http_server *server = context;
	uint64_t count;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		log_error("cannot read the HTTP server's eventfd", "errno=%d", errno);
	server->kicked = false;
	pump(server);
}

static void on_tick(void *context, mono_time now)
{
	struct http_server *server = context;
	deadlines_sweep(&server->deadlines, now);
	pump(server);
}

static void on_log(void *context, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void on_log(void *context, const char *fmt, va_list args)
{
	struct http_server *server = context;
	char line[200];
	vsnprintf(line, sizeof line, fmt, args);
	line[strcspn(line, "\n")] = 0;
	if (log_allowed(&server->log_bucket))
		log_debug("libmicrohttpd", "says=%s", line);
}

err_t http_start(struct loop *loop, const struct http_config *config, struct http_server **ret_server)
{
	struct http_server *server = calloc(1, sizeof *server);
	if (!server)
		return E_NOMEM;
	server->loop = loop;
	if (router_new(config->routes, &server->router) != OK)
		return E_NOMEM; /* the program ends: nothing to undo */
	random_fill(&server->next_id, sizeof server->next_id);
	server->hooks = config->hooks;
	server->context = config->context;
	server->behind_proxy = config->behind_proxy;
	server->forward_secret = config->forward_secret;
	server->buffered_max = config->buffered_bytes;
	server->tls = config->key_pem != NULL;
	server->deadlines.silence_us = config->timeout_s * SECOND_US;
	server->now = clock_mono();
	server->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)config->key_pem },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)config->certificate_pem },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (server->tls ? MHD_USE_TLS : 0u);
	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, server, MHD_OPTION_LISTEN_SOCKET,
		config->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT, config->connections,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->behind_proxy ? 0u : config->connections_per_address,
		MHD_OPTION_CONNECTION_TIMEOUT, config->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, server->tls ? tls : &tls[3], MHD_OPTION_END);
	const union MHD_DaemonInfo *info = server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info || server->kick_fd < 0 || loop_fd_add(loop, info->epoll_fd, EPOLLIN, on_epoll, server) ||
	    loop_fd_add(loop, server->kick_fd, EPOLLIN, on_kick, server) ||
	    !(server->tick = loop_timer_add(loop, TICK_US, on_tick, server)))
		return E_INTERNAL; /* the program ends: nothing to undo */
	server->epoll_fd = info->epoll_fd;
	server->listen_fd = config->listen_fd;
	*ret_server = server;
	return OK;
}

void http_quiesce(struct http_server *server)
{
	if (server->quiesced)
		return;
	server->quiesced = true;
	MHD_quiesce_daemon(server->daemon);
	fd_close(&server->listen_fd);
	while (server->streams)
		stream_cut(server->streams);
	http_kick(server);
}

void http_stop(struct http_server *server)
{
	http_quiesce(server);
	for (int i = 0; i < 20 && server->requests; i++) {
		pump(server);
		usleep(50 * 1000);
	}
	for (struct request *r = server->requests; r; r = r->next)
		request_resume(r);
	pump(server);
	loop_timer_remove(server->loop, server->tick);
	loop_fd_remove(server->loop, server->epoll_fd);
	loop_fd_remove(server->loop, server->kick_fd);
	MHD_stop_daemon(server->daemon);
	fd_close(&server->kick_fd);
	router_free(server->router);
	for (struct request *r = server->spare, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	free(server);
}

int http_connection_count(const struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	return info ? (int)info->num_connections : 0;
}

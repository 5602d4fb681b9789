/* SPDX-License-Identifier: Apache-2.0
 * request.c - from a head to the handler: whose request it is, how long its body, which route, and whether the body is wanted at all
 *
 * How it works: all of it is judged by the head alone. A refused request's body is read and dropped up to DRAIN_MAX, so that the connection goes
 * on; beyond, and where the client waits to be told (Expect), the answer goes out at once and the connection closes.
 */
#include "bytes.h"
#include "forward.h"
#include "forwarded.h"
#include "inside.h"

#define DRAIN_MAX (4 << 20)
#define TARGET_MAX 2048
#define SPARE_MAX 256

/* A request is kilobytes, which malloc() and free() take trouble with. */
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

/* ---- what its head says ---- */

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

/* What may be there more than once. */
struct repeated {
	int lengths, encodings;
	const char *length,
		*via; /* via: the last line; a proxy of ours may add one of its own instead of adding to the client's */
};

static struct repeated repeated_of(const struct head *head)
{
	struct repeated h = { 0 };
	for (size_t i = 0; i < head->field_count; i++) {
		const struct field *f = &head->fields[i];
		if (f->name_len == 14 && !strcasecmp(f->name, "Content-Length")) {
			h.lengths++;
			h.length = f->value;
		} else if (f->name_len == 17 && !strcasecmp(f->name, "Transfer-Encoding")) {
			h.encodings++;
		} else if (f->name_len == 15 && !strcasecmp(f->name, "X-Forwarded-For")) {
			h.via = f->value;
		}
	}
	return h;
}

/* How long the body is; -1 and a refusal where two readers of the headers might disagree about it (RFC 9112 section 6.3). */
static void length_of_body(struct request *r, const struct repeated *h)
{
	if (h->encodings || h->lengths > 1 ||
	    (h->length && (h->length[0] == '-' || int_parse(h->length, &r->content_length) != OK))) {
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

/* All of the body's memory at once: it is counted, and what does not come is never touched. */
static err_t make_room(struct request *r)
{
	size_t len = (size_t)r->content_length;
	if (len == 0)
		return OK;
	if (request_reserve(r, len) != OK || !(r->body.data = malloc(len + 1))) {
		refuse(r, REFUSE_UNAVAILABLE, NULL, "too much is being uploaded at the moment");
		answer_header(r, "Retry-After", "2");
		return E_LIMIT;
	}
	r->body.data[0] = 0;
	r->body.cap = len + 1;
	r->body.max = len;
	return OK;
}

static err_t begin(struct request *r)
{
	char allow[ROUTE_ALLOW_SIZE];
	const struct repeated headers = repeated_of(&r->head);
	if (r->server->behind_proxy && headers.via)
		(void)forwarded_client(headers.via, r->address);
	length_of_body(r, &headers);
	if (answered(r))
		return E_INVALID;
	TRY(take_forwarded(r));
	if (strlen(r->target) > TARGET_MAX)
		return refuse(r, REFUSE_BAD_REQUEST, NULL, "the address is longer than %d bytes", TARGET_MAX);
	if (!r->method[0])
		return refuse(r, REFUSE_BAD_METHOD, NULL, "%s", "");
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
	return make_room(r);
}

/* ---- its life ---- */

static void request_fill(struct request *r, struct connection *c)
{
	struct http_server *server = c->server;
	memset(r, 0, offsetof(struct request, answer.head));
	r->context = server->context;
	r->server = server;
	r->from = c;
	r->since = server->now;
	r->answer.fd = -1;
	r->target = r->path = "";
	memcpy(r->address, c->address, sizeof r->address);
	uuid_format(uuid_make_of(server->now_wall, server->next_id++), r->id);
	r->next = server->requests;
	r->at = &server->requests;
	if (r->next)
		r->next->at = &r->next;
	server->requests = r;
	c->request = r;
}

/* Behind a scheme and a host, which RFC 9112 section 3.2.2 has us take as well: we are who is asked, whatever the host. */
static const char *origin_form(const char *target)
{
	size_t scheme = !strncasecmp(target, "https://", 8) ? 8 : !strncasecmp(target, "http://", 7) ? 7 : 0;
	const char *path = target + scheme + (scheme ? strcspn(target + scheme, "/?") : 0);
	return scheme && *path != '/' ? "/" : path;
}

static bool path_of(struct request *r)
{
	size_t len = strcspn(r->target, "?");
	r->path = r->target;
	if (!r->target[len])
		return true;
	r->query = r->target + len + 1;
	r->path = request_text(r, strndup(r->target, len));
	return r->path;
}

enum request_step request_take(struct connection *c)
{
	struct request *r = request_memory(c->server);
	if (!r)
		return REQUEST_MORE; /* until there is, or its time is over */
	enum head_result result = head_read(c->block, c->have, &r->head, &c->used);
	if (result == HEAD_MORE) {
		request_memory_keep(c->server, r);
		return REQUEST_MORE;
	}
	request_fill(r, c);
	if (result != HEAD_READ) {
		r->head.field_count = 0;
		c->close = c->unread = true;
		if (result == HEAD_TOO_LARGE)
			refuse(r, REFUSE_HEADERS, NULL, "at most %d bytes and %d headers", HEAD_BYTES, HEAD_FIELDS);
		else
			refuse(r, REFUSE_BAD_REQUEST, NULL, "it is not HTTP/1.1 as we read it");
		return REQUEST_NOW;
	}
	c->close = r->head.close;
	r->target = origin_form(r->head.target);
	(void)!text_copy(r->method, sizeof r->method, r->head.method); /* first: whatever is answered, HEAD gets no body */
	if (!path_of(r))
		refuse(r, REFUSE_UNAVAILABLE, NULL, "%s", "");
	else
		(void)begin(r);
	bool expects = request_header(r, "Expect");
	c->body_left = r->content_length;
	if (answered(r) && r->content_length && (r->content_length < 0 || r->content_length > DRAIN_MAX || expects)) {
		c->close = c->unread = true;
		return REQUEST_NOW;
	}
	return REQUEST_BODY;
}

void request_run(struct request *r)
{
	r->ran = true;
	r->now = r->server->now_wall;
	r->now_mono = r->server->now;
	if (!answered(r))
		r->server->hooks.run(r);
	if (!answered(r)) {
		assert(r->waiting); /* a handler returned without an answer */
		r->suspended = true;
	}
}

void request_end(struct connection *c)
{
	struct request *r = c->request;
	struct http_server *server = c->server;
	if (!r)
		return;
	c->request = NULL;
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
	http_ready(r->from);
}

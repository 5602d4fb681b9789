/* SPDX-License-Identifier: Apache-2.0
 * connection.c - one client: its requests one after the other, from the bytes that come to the bytes that go
 *
 * How it works: a connection is in one of the states of inside.h; the step of its state does what can be done at once and says what it needs to
 * go on. A request that came whole and is answered at once costs one recv() and one sendmsg(). What came lies in a block, which is given back
 * while there is nothing in it: who is silent costs no memory for it. Requests that come before the one before is answered stay where they are.
 * While its request waits a connection is not read; an event on it then takes it off the loop.
 */
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inside.h"

#define BLOCKS_MAX 256
#define STEPS_MAX 256	     /* before others of the loop have their turn */
#define LINGER_MAX (4 << 20) /* bytes */

enum step { GO_ON, NEEDS_IN, NEEDS_OUT, NEEDS_NOTHING, OVER };

static const char carry_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* ---- memory ---- */

static bool block_take(struct connection *c)
{
	struct http_server *server = c->server;
	if (c->block)
		return true;
	c->block = server->blocks;
	if (!c->block)
		return (c->block = malloc(BLOCK_BYTES));
	memcpy(&server->blocks, c->block, sizeof server->blocks);
	server->block_count--;
	return true;
}

static void block_give(struct connection *c)
{
	struct http_server *server = c->server;
	if (!c->block)
		return;
	if (server->block_count < BLOCKS_MAX) {
		memcpy(c->block, &server->blocks, sizeof server->blocks);
		server->blocks = c->block;
		server->block_count++;
	} else {
		free(c->block);
	}
	c->block = NULL;
}

/* ---- how many, from where ---- */

static bool origin_enter(struct connection *c)
{
	struct http_server *server = c->server;
	uintptr_t n = (uintptr_t)uuid_map_get(&server->origins, c->origin);
	return !server->per_address_max ||
	       (n < server->per_address_max && uuid_map_put(&server->origins, c->origin, (void *)(n + 1)) == OK);
}

static void origin_leave(struct connection *c)
{
	struct http_server *server = c->server;
	uintptr_t n = (uintptr_t)uuid_map_get(&server->origins, c->origin);
	if (n > 1) /* replaces, which needs no memory */
		(void)!uuid_map_put(&server->origins, c->origin, (void *)(n - 1));
	else if (n == 1)
		uuid_map_remove(&server->origins, c->origin);
}

/* An IPv6 subscriber has a /64 at least. */
static void peer_take(struct connection *c, const struct sockaddr *peer)
{
	if (peer->sa_family == AF_INET) {
		const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
		inet_ntop(AF_INET, v4, c->address, ADDRESS_SIZE);
		memcpy(c->origin.bytes + 12, v4, sizeof *v4);
	} else if (peer->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
		inet_ntop(AF_INET6, v6, c->address, ADDRESS_SIZE);
		memcpy(c->origin.bytes, v6, IN6_IS_ADDR_V4MAPPED(v6) ? sizeof *v6 : 8);
	}
}

/* ---- one and its end ---- */

static void phase(struct connection *c, enum phase phase)
{
	deadline_enter(&c->server->deadlines, &c->whole, phase, c->server->now);
}

/* It did something, or has nothing to do: silence is measured from here, or not at all. */
static void heard(struct connection *c, bool silence_counts)
{
	deadline_enter(&c->server->deadlines, &c->silence, silence_counts ? PHASE_SILENCE : PHASE_NONE, c->server->now);
}

static void on_ready(void *context, int fd, uint32_t events);

static err_t watch(struct connection *c, uint32_t events)
{
	uint32_t before = c->watched;
	if (events == before)
		return OK;
	c->watched = events;
	if (!events)
		loop_fd_remove(c->server->loop, c->wire.fd);
	else if (before)
		return loop_fd_change(c->server->loop, c->wire.fd, events);
	else
		return loop_fd_add(c->server->loop, c->wire.fd, events, on_ready, c);
	return OK;
}

void connection_new(struct http_server *server, int fd, const struct sockaddr *peer)
{
	struct connection *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return;
	}
	c->server = server;
	c->whole.fd = c->silence.fd = fd;
	c->next = server->connections;
	c->at = &server->connections;
	if (c->next)
		c->next->at = &c->next;
	server->connections = c;
	server->count++;
	peer_take(c, peer);
	c->counted = origin_enter(c);
	if (wire_open(&c->wire, fd, server->tls) != OK || !c->counted || watch(c, EPOLLIN) != OK) {
		connection_free(c);
		return;
	}
	phase(c, PHASE_HEAD);
	heard(c, true);
}

void connection_free(struct connection *c)
{
	struct http_server *server = c->server;
	request_end(c);
	(void)watch(c, 0);
	phase(c, PHASE_NONE);
	heard(c, false);
	wire_close(&c->wire);
	block_give(c);
	if (c->counted && server->per_address_max)
		origin_leave(c);
	if (c->at_ready) {
		*c->at_ready = c->next_ready;
		if (c->next_ready)
			c->next_ready->at_ready = c->at_ready;
	}
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	server->count--;
	explicit_bzero(&c->sign, sizeof c->sign);
	free(c);
	if (!server->listens)
		http_listens(server, true);
}

/* ---- bytes ---- */

static enum step needs(enum wire_result result)
{
	return result == WIRE_WANTS_IN ? NEEDS_IN : result == WIRE_WANTS_OUT ? NEEDS_OUT : OVER;
}

static enum step receive(struct connection *c, void *to, size_t max, size_t *ret_len)
{
	bool more;
	if (c->dry)
		return NEEDS_IN;
	enum wire_result result = wire_read(&c->wire, to, max, ret_len, &more);
	if (result != WIRE_DONE)
		return needs(result);
	c->dry = !more;
	heard(c, true);
	return GO_ON;
}

static enum step step_head(struct connection *c)
{
	size_t n;
	if (c->have)
		switch (request_take(c)) {
		case REQUEST_MORE:
			break;
		case REQUEST_BODY:
			c->state = READS_BODY;
			return GO_ON;
		case REQUEST_NOW:
			c->state = WAITS;
			return GO_ON;
		}
	if (c->dry) {
		if (!c->have)
			block_give(c);
		return NEEDS_IN;
	}
	if (c->have == BLOCK_BYTES || !block_take(c))
		return OVER;
	enum step step = receive(c, c->block + c->have, BLOCK_BYTES - c->have, &n);
	if (step == GO_ON)
		c->have += n;
	else if (!c->have)
		block_give(c);
	return step;
}

/* A client that waits to be told may send its body. So few bytes always have room, unless it reads nothing. */
static bool say_carry_on(struct connection *c)
{
	const struct request *r = c->request;
	const char *expects = request_header(r, "Expect");
	const struct iovec part = { (void *)(uintptr_t)carry_on, sizeof carry_on - 1 };
	size_t n = 0;
	if (!expects || r->head.old || strcasecmp(expects, "100-continue"))
		return true;
	return wire_write(&c->wire, &part, 1, &n) == WIRE_DONE && n == part.iov_len;
}

/* What has come of the body behind the head. */
static void body_from_block(struct connection *c)
{
	struct request *r = c->request;
	size_t n = c->have - c->used < (size_t)c->body_left ? c->have - c->used : (size_t)c->body_left;
	if (!answered(r))
		buf_append(&r->body, c->block + c->used, n);
	c->used += n;
	c->body_left -= (int64_t)n;
}

static enum step step_body(struct connection *c)
{
	struct request *r = c->request;
	char dropped[4096];
	size_t n;
	if (c->body_left && c->used < c->have)
		body_from_block(c);
	else if (c->body_left && !r->told && !answered(r) && !(r->told = say_carry_on(c)))
		return OVER;
	if (!c->body_left) {
		request_run(r);
		c->state = WAITS;
		return GO_ON;
	}
	if (c->whole.phase != PHASE_BODY)
		phase(c, PHASE_BODY);
	bool kept = !answered(r);
	size_t max = kept || c->body_left < (int64_t)sizeof dropped ? (size_t)c->body_left : sizeof dropped;
	enum step step = receive(c, kept ? r->body.data + r->body.len : dropped, max, &n);
	if (step != GO_ON)
		return step;
	c->body_left -= (int64_t)n;
	if (kept) {
		r->body.len += n;
		r->body.data[r->body.len] = 0;
	}
	return GO_ON;
}

static enum step step_wait(struct connection *c)
{
	struct request *r = c->request;
	if (!answered(r) || r->suspended) {
		phase(c, PHASE_NONE);
		heard(c, false);
		return NEEDS_NOTHING;
	}
	c->close |= c->server->quiesced || r->answer.kind == ANSWER_STREAM;
	answer_put_head(r, c->close);
	c->sent = 0;
	c->state = SENDS;
	return GO_ON;
}

/* The answer is out: to the next request, or to the end. */
static enum step finish(struct connection *c)
{
	request_end(c);
	if (c->close) {
		wire_finish(&c->wire);
		if (!c->unread)
			return OVER;
		phase(c, PHASE_BODY);
		heard(c, true);
		block_give(c);
		c->sent = 0;
		c->state = LINGERS;
		return GO_ON;
	}
	c->have -= c->used;
	if (c->have)
		memmove(c->block, c->block + c->used, c->have);
	phase(c, PHASE_HEAD);
	heard(c, true);
	c->state = READS_HEAD;
	return GO_ON;
}

static enum wire_result send_some(struct connection *c, size_t *ret_len)
{
	const struct answer *a = &c->request->answer;
	size_t head_len = a->head_to - a->head_from, behind = c->sent > head_len ? c->sent - head_len : 0;
	const char *text = a->kind == ANSWER_TEXT ? a->text : a->fixed;
	struct iovec parts[2];
	int count = 0;
	if (c->sent < head_len)
		parts[count++] = (struct iovec){ (void *)(uintptr_t)(a->head + a->head_from + c->sent), head_len - c->sent };
	else if (a->kind == ANSWER_FILE)
		return wire_write_file(&c->wire, a->fd, behind, a->body_len - behind, ret_len);
	if (a->kind != ANSWER_FILE && a->body_len > behind)
		parts[count++] = (struct iovec){ (void *)(uintptr_t)(text + behind), a->body_len - behind };
	return wire_write(&c->wire, parts, count, ret_len);
}

static enum step step_send(struct connection *c)
{
	const struct answer *a = &c->request->answer;
	size_t n, total = a->head_to - a->head_from + a->body_len;
	enum wire_result result = send_some(c, &n);
	if (result == WIRE_DONE) {
		c->sent += n;
		if (c->sent == total) {
			bool streams = a->kind == ANSWER_STREAM && strcmp(c->request->method, "HEAD");
			if (!streams)
				return finish(c);
			phase(c, PHASE_NONE);
			c->state = STREAMS;
			return GO_ON;
		}
		heard(c, true);
	} else if (c->silence.phase == PHASE_NONE) {
		heard(c, true);
	}
	if (c->whole.phase != PHASE_ANSWER)
		phase(c, PHASE_ANSWER);
	return result == WIRE_DONE ? GO_ON : needs(result);
}

static enum step step_stream(struct connection *c)
{
	bool over, broken;
	size_t n;
	struct buf *pending = stream_pending(c->request->answer.stream, &over, &broken);
	if (broken)
		return OVER;
	if (!pending->len) {
		heard(c, false);
		return over ? finish(c) : NEEDS_IN; /* to see it go */
	}
	const struct iovec part = { pending->data, pending->len };
	enum wire_result result = wire_write(&c->wire, &part, 1, &n);
	if (result != WIRE_DONE) {
		if (c->silence.phase == PHASE_NONE)
			heard(c, true);
		return needs(result);
	}
	buf_consume(pending, n);
	heard(c, true);
	return GO_ON;
}

/* Also of a stream's client, who has nothing to say any more. */
static enum step drop(struct connection *c)
{
	char dropped[4096];
	size_t n = 0;
	bool more;
	enum wire_result result = wire_read(&c->wire, dropped, sizeof dropped, &n, &more);
	c->sent += n;
	return result != WIRE_DONE ? needs(result) : c->sent > LINGER_MAX ? OVER : GO_ON;
}

static enum step (*const steps[])(struct connection *c) = {
	[READS_HEAD] = step_head, [READS_BODY] = step_body, [WAITS] = step_wait,
	[SENDS] = step_send,	  [STREAMS] = step_stream,  [LINGERS] = drop,
};
static_assert(sizeof steps / sizeof *steps == CONNECTION_STATE_COUNT, "each state has a step");

void connection_go(struct connection *c)
{
	enum step step = GO_ON;
	for (int i = 0; i < STEPS_MAX && step == GO_ON; i++)
		step = steps[c->state](c);
	if (step == GO_ON)
		http_ready(c);
	else if (step == OVER || (step != NEEDS_NOTHING && watch(c, step == NEEDS_IN ? EPOLLIN : EPOLLOUT) != OK))
		connection_free(c);
}

static void on_ready(void *context, int fd, uint32_t events)
{
	struct connection *c = context;
	(void)fd;
	http_turn(c->server);
	c->dry = false;
	if (c->state == WAITS) {
		(void)watch(c, 0);
		return;
	}
	if (c->state == STREAMS && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && drop(c) == OVER) {
		connection_free(c);
		return;
	}
	connection_go(c);
}

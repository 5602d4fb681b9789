/* SPDX-License-Identifier: Apache-2.0
 * tls_server.c - the relay's TLS connections: accepting, bounding, carrying packets to and from relay.h
 *
 * How it works: a connection is an address to relay.c, like a UDP one, with its slot in via: it is bound with a ticket, and packets go
 * to and from it. What is for it waits in its stream's bounded queue, so one that reads slowly loses its own packets and holds
 * nobody up. One that sends too fast is not read for a while. One that is not bound in time, or is silent, or sends what is no packet,
 * is closed; when there is no room the unbound ones go first.
 */
#include "tls_server.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bucket.h"
#include "file.h"
#include "relay_wire.h"
#include "tls_stream.h"

#define MAX_LISTENERS 8
#define ACCEPTS 16	/* before others have their turn */
#define ACCEPT_RATE 200 /* a second: each costs a signature */
#define PAUSE_US 10000

struct connection {
	struct tls_server *server;
	struct tls_stream *stream;
	int fd;
	struct address address;
	bool bound, dirty, paused;
	int64_t opened_us, heard_us;
	int64_t level_bytes, level_us; /* what may be read now */
	uint32_t events;
};
struct tls_server {
	struct tls_server_config config;
	SSL_CTX *context;
	int listeners[MAX_LISTENERS], listener_count;
	struct connection **slots; /* of max_connections */
	size_t count;
	uint16_t *dirty; /* slots to be flushed */
	size_t dirty_count, paused_count;
	int timer; /* while some are paused */
	struct bucket accepts;
	uint64_t refused;
};

err_t tls_server_new(const struct tls_server_config *config, struct tls_server **ret_server, sha256 *ret_pin)
{
	if (config->max_connections == 0 || config->max_connections > TLS_MAX_CONNECTIONS || config->rate_bytes <= 0)
		return E_INVALID;
	struct tls_server *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->config = *config;
	s->slots = calloc(config->max_connections, sizeof(struct connection *));
	s->dirty = calloc(config->max_connections, sizeof *s->dirty);
	err_t e = s->slots && s->dirty ? tls_server_context(config->pem, config->pem, &s->context, ret_pin) : E_NOMEM;
	if (e != OK) {
		tls_server_free(s);
		return e;
	}
	s->config.pem = NULL;
	*ret_server = s;
	return OK;
}

static size_t slot_of(const struct connection *c)
{
	return c->address.via - TLS_VIA_FIRST;
}

static void close_connection(struct connection *c)
{
	struct tls_server *s = c->server;
	s->paused_count -= c->paused;
	s->slots[slot_of(c)] = NULL;
	s->count--;
	loop_fd_remove(s->config.loop, c->fd);
	tls_stream_free(c->stream);
	free(c);
}

void tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->slots && i < s->config.max_connections; i++)
		if (s->slots[i])
			close_connection(s->slots[i]);
	for (int i = 0; i < s->listener_count; i++) {
		loop_fd_remove(s->config.loop, s->listeners[i]);
		close(s->listeners[i]);
	}
	if (s->timer)
		loop_timer_remove(s->config.loop, s->timer);
	SSL_CTX_free(s->context);
	free(s->slots);
	free(s->dirty);
	free(s);
}

void tls_server_status(const struct tls_server *s, struct tls_server_status *ret_status)
{
	*ret_status = (struct tls_server_status){ .connections = s->count, .refused = s->refused };
}

/* ---- the rate: by not reading ---- */
static void refill(struct connection *c, mono_time now)
{
	int64_t rate = c->server->config.rate_bytes, most = rate / (SECOND_US / TLS_BURST_US), passed = now.us - c->level_us;
	int64_t gained = passed >= SECOND_US ? most - c->level_bytes : passed * rate / SECOND_US;
	if (gained <= 0)
		return;
	c->level_bytes = c->level_bytes + gained < most ? c->level_bytes + gained : most;
	c->level_us = now.us;
}

static void watch(struct connection *c)
{
	uint32_t events = tls_stream_events(c->stream);
	if (c->paused)
		events &= ~(uint32_t)EPOLLIN;
	if (events != c->events && loop_fd_change(c->server->config.loop, c->fd, events) == OK)
		c->events = events;
}

static void on_pause(void *context, mono_time now)
{
	struct tls_server *s = context;
	for (size_t i = 0; i < s->config.max_connections && s->paused_count > 0; i++) {
		struct connection *c = s->slots[i];
		if (!c || !c->paused)
			continue;
		refill(c, now);
		if (c->level_bytes <= 0)
			continue;
		c->paused = false;
		s->paused_count--;
		watch(c);
	}
	if (s->paused_count > 0)
		return;
	loop_timer_remove(s->config.loop, s->timer);
	s->timer = 0;
}

static void pause_reading(struct connection *c)
{
	struct tls_server *s = c->server;
	if (!s->timer)
		s->timer = loop_timer_add(s->config.loop, PAUSE_US, on_pause, s);
	if (!s->timer)
		return; /* without memory it goes unbounded */
	c->paused = true;
	s->paused_count++;
}

/* ---- packets ---- */
static void on_packet(void *context, uint8_t *packet, size_t len)
{
	struct connection *c = context;
	c->server->config.packet(c->server->config.context, packet, len, &c->address);
}

static void on_ready(void *context, int fd, uint32_t events)
{
	struct connection *c = context;
	struct tls_server *s = c->server;
	mono_time now = clock_mono();
	size_t bytes = 0;
	(void)fd;
	if (!c->paused) {
		bool open = tls_stream_read(c->stream, on_packet, c, &bytes);
		if (s->config.batch)
			s->config.batch(s->config.context);
		if (!open) {
			close_connection(c);
			tls_server_flush(s);
			return;
		}
		if (bytes > 0)
			c->heard_us = now.us;
		refill(c, now);
		c->level_bytes -= (int64_t)bytes;
		if (c->level_bytes <= 0)
			pause_reading(c);
	} else if (events & (EPOLLERR | EPOLLHUP)) {
		close_connection(c);
		return;
	}
	if (!tls_stream_flush(c->stream, now)) {
		close_connection(c);
		c = NULL;
	}
	if (c)
		watch(c);
	tls_server_flush(s);
}

void tls_server_send(struct tls_server *s, const struct address *to, const uint8_t *packet, size_t len)
{
	size_t slot = (size_t)(to->via - TLS_VIA_FIRST);
	struct connection *c = to->via >= TLS_VIA_FIRST && slot < s->config.max_connections ? s->slots[slot] : NULL;
	struct relay_packet p;
	if (!c || !address_equal(&c->address, to))
		return;
	bool control = relay_get(packet, len, &p) != OK || p.kind != RELAY_DATA || packet[RELAY_HEADER_BYTES] != WIRE_DATA;
	c->bound |= control && p.kind == RELAY_BOUND;
	tls_stream_send(c->stream, packet, len, control, clock_mono());
	if (c->dirty)
		return;
	c->dirty = true;
	s->dirty[s->dirty_count++] = (uint16_t)slot;
}

void tls_server_flush(struct tls_server *s)
{
	mono_time now = clock_mono();
	for (size_t i = 0; i < s->dirty_count; i++) {
		struct connection *c = s->slots[s->dirty[i]];
		if (!c || !c->dirty)
			continue;
		c->dirty = false;
		if (!tls_stream_flush(c->stream, now))
			close_connection(c);
		else
			watch(c);
	}
	s->dirty_count = 0;
}

/* ---- accepting ---- */
static size_t count_prefix(const struct tls_server *s, uint64_t prefix)
{
	size_t n = 0;
	for (size_t i = 0; i < s->config.max_connections; i++)
		n += s->slots[i] && address_prefix(&s->slots[i]->address) == prefix;
	return n;
}

/* A free slot; where there is none, that of the oldest unbound connection. NULL: all are bound. */
static struct connection **free_slot(struct tls_server *s)
{
	struct connection *oldest = NULL;
	for (size_t i = 0; i < s->config.max_connections; i++) {
		struct connection *c = s->slots[i];
		if (!c)
			return &s->slots[i];
		if (!c->bound && (!oldest || c->opened_us < oldest->opened_us))
			oldest = c;
	}
	if (!oldest)
		return NULL;
	struct connection **slot = &s->slots[slot_of(oldest)];
	close_connection(oldest);
	return slot;
}

/* Takes fd. */
static err_t take_in(struct tls_server *s, int fd, const struct sockaddr_storage *name)
{
	AUTO_FREE struct connection *c = calloc(1, sizeof *c);
	mono_time now = clock_mono();
	struct address from;
	if (!c || address_of_socket(name, &from) != OK || count_prefix(s, address_prefix(&from)) >= s->config.max_per_prefix) {
		close(fd);
		return E_LIMIT;
	}
	struct connection **slot = free_slot(s);
	if (!slot) {
		close(fd);
		return E_LIMIT;
	}
	tls_tune(fd);
	*c = (struct connection){
		.server = s, .fd = fd, .address = from, .opened_us = now.us, .heard_us = now.us, .events = EPOLLIN
	};
	c->address.via = (uint16_t)(TLS_VIA_FIRST + (slot - s->slots));
	c->level_us = now.us;
	c->level_bytes = s->config.rate_bytes / (SECOND_US / TLS_BURST_US);
	TRY(tls_stream_new(s->context, fd, NULL, &c->stream));
	err_t e = loop_fd_add(s->config.loop, fd, EPOLLIN, on_ready, c);
	if (e != OK) {
		tls_stream_free(c->stream);
		return e;
	}
	*slot = c;
	c = NULL;
	s->count++;
	return OK;
}

static void on_accept(void *context, int fd, uint32_t events)
{
	struct tls_server *s = context;
	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage name = { 0 };
		socklen_t len = sizeof name;
		int got = accept4(fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got < 0)
			return;
		if (!bucket_take(&s->accepts, ACCEPT_RATE, ACCEPT_RATE, clock_mono())) {
			s->refused++;
			close(got);
		} else if (take_in(s, got, &name) != OK) {
			s->refused++;
		}
	}
}

err_t tls_server_listen(struct tls_server *s, int fd)
{
	if (s->listener_count == MAX_LISTENERS)
		return E_LIMIT;
	TRY(loop_fd_add(s->config.loop, fd, EPOLLIN, on_accept, s));
	s->listeners[s->listener_count++] = fd;
	return OK;
}

void tls_server_tick(struct tls_server *s, mono_time now)
{
	for (size_t i = 0; i < s->config.max_connections; i++) {
		struct connection *c = s->slots[i];
		if (c && (now.us - c->heard_us >= TLS_SILENT_US || (!c->bound && now.us - c->opened_us >= TLS_BIND_US)))
			close_connection(c);
	}
}

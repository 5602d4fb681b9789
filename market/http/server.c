/* SPDX-License-Identifier: Apache-2.0
 * server.c - the HTTP server on our loop: who may connect, whose turn it is, what took too long
 *
 * How it works: each connection is watched by the loop itself (connection.c). One that can go on for another reason than its bytes, as its request
 * was resumed, is put on a list, and an eventfd wakes the loop for all of them.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file.h"
#include "inside.h"
#include "log.h"

#define TICK_US (250 * 1000)
#define ACCEPTED_AT_ONCE 64

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

/* ---- turns ---- */

void http_turn(struct http_server *server)
{
	server->now = clock_mono();
	server->now_wall = clock_wall();
}

void http_ready(struct connection *c)
{
	struct http_server *server = c->server;
	uint64_t one = 1;
	if (!c->at_ready) {
		c->next_ready = server->ready;
		c->at_ready = &server->ready;
		if (c->next_ready)
			c->next_ready->at_ready = &c->next_ready;
		server->ready = c;
	}
	if (server->kicked)
		return;
	server->kicked = true;
	if (write(server->kick_fd, &one, sizeof one) != sizeof one)
		log_error("cannot wake the HTTP server", "errno=%d", errno);
}

static void go_on(struct http_server *server)
{
	struct connection *all = server->ready;
	server->ready = NULL;
	if (all)
		all->at_ready = &all; /* those that are gone meanwhile leave this list */
	http_turn(server);
	for (struct connection *c; (c = all);) {
		all = c->next_ready;
		if (all)
			all->at_ready = &all;
		c->at_ready = NULL;
		connection_go(c);
	}
}

static void on_kick(void *context, int fd, uint32_t events)
{
	(void)events;
	struct http_server *server = context;
	uint64_t count;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		log_error("cannot read the HTTP server's eventfd", "errno=%d", errno);
	server->kicked = false;
	go_on(server);
}

static void on_listen(void *context, int fd, uint32_t events)
{
	struct http_server *server = context;
	(void)events;
	http_turn(server);
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof peer;
		if (server->count >= server->count_max) {
			http_listens(server, false);
			return;
		}
		int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0) {
			connection_new(server, client, (const struct sockaddr *)&peer);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			if (errno != EAGAIN) /* no descriptors, no memory: not before the next tick */
				http_listens(server, false);
			return;
		}
	}
}

void http_listens(struct http_server *server, bool on)
{
	if (server->listens == on || server->quiesced)
		return;
	server->listens = on;
	if (!on)
		loop_fd_remove(server->loop, server->listen_fd);
	else if (loop_fd_add(server->loop, server->listen_fd, EPOLLIN, on_listen, server) != OK)
		server->listens = false;
}

static void on_tick(void *context, mono_time now)
{
	struct http_server *server = context;
	deadlines_sweep(&server->deadlines, now);
	if (server->count < server->count_max)
		http_listens(server, true);
}

/* ---- start and stop ---- */

err_t http_start(struct loop *loop, const struct http_config *config, struct http_server **ret_server)
{
	struct http_server *server = calloc(1, sizeof *server);
	if (!server)
		return E_NOMEM;
	/* Where it fails the program ends: nothing to undo. */
	TRY(router_new(config->routes, &server->router));
	if (config->key_pem)
		TRY(wire_context_new(config->key_pem, config->certificate_pem, &server->tls));
	random_fill(&server->next_id, sizeof server->next_id);
	server->loop = loop;
	server->hooks = config->hooks;
	server->context = config->context;
	server->behind_proxy = config->behind_proxy;
	server->forward_secret = config->forward_secret;
	server->buffered_max = config->buffered_bytes;
	server->count_max = config->connections;
	server->per_address_max = config->behind_proxy ? 0 : config->connections_per_address;
	server->deadlines.silence_us = config->timeout_s * SECOND_US;
	server->listen_fd = config->listen_fd;
	server->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	http_turn(server);
	http_listens(server, true);
	if (!server->listens || server->kick_fd < 0 || loop_fd_add(loop, server->kick_fd, EPOLLIN, on_kick, server) ||
	    !(server->tick = loop_timer_add(loop, TICK_US, on_tick, server)))
		return E_INTERNAL;
	*ret_server = server;
	return OK;
}

void http_quiesce(struct http_server *server)
{
	if (server->quiesced)
		return;
	http_listens(server, false);
	server->quiesced = true;
	fd_close(&server->listen_fd);
	while (server->streams)
		stream_cut(server->streams);
}

void http_stop(struct http_server *server)
{
	http_quiesce(server);
	go_on(server);
	for (int i = 0; i < 20 && server->requests; i++) {
		usleep(50 * 1000);
		for (const struct request *r = server->requests; r; r = r->next)
			http_ready(r->from);
		go_on(server);
	}
	while (server->connections)
		connection_free(server->connections);
	loop_timer_remove(server->loop, server->tick);
	loop_fd_remove(server->loop, server->kick_fd);
	fd_close(&server->kick_fd);
	router_free(server->router);
	wire_context_free(server->tls);
	uuid_map_clear(&server->origins);
	for (struct request *r = server->spare, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	for (void *block = server->blocks, *next; block; block = next) {
		memcpy(&next, block, sizeof next);
		free(block);
	}
	free(server);
}

int http_connection_count(const struct http_server *server)
{
	return (int)server->count;
}

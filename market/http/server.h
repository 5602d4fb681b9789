/* SPDX-License-Identifier: Apache-2.0
 * server.h - the HTTP/1.1 server, on our loop
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "loop.h"
#include "request.h"

/* What the market adds. context is in each request. */
struct http_hooks {
	/* The headers are in: may refuse before the body is read. */
	void (*admit)(struct request *r);
	/* All is in: answers, or calls request_wait(). */
	void (*run)(struct request *r);
	/* The answer went out, or the client went away. */
	void (*done)(struct request *r);
};

struct http_config {
	int listen_fd;			       /* taken */
	const char *key_pem, *certificate_pem; /* NULL: plain HTTP */
	bool behind_proxy;		       /* the peer is our own reverse proxy: X-Forwarded-For's last address counts */
	const char *forward_secret;	       /* who knows it is another market of ours (forward.h); NULL: nobody */
	uint32_t connections, connections_per_address, timeout_s;
	int64_t buffered_bytes; /* of all bodies at one time */
	const struct route *routes;
	struct http_hooks hooks;
	void *context;
};

/* "127.0.0.1:8443", "[::1]:0": a listening socket; ret_bound (64 bytes) is the address with the port it got. E_INVALID, E_IO. */
MUST_CHECK err_t http_listen(const char *address, int *ret_fd, char *ret_bound);
/* Is it an address of this machine only? */
bool http_address_is_loopback(const char *address);

MUST_CHECK err_t http_start(struct loop *loop, const struct http_config *config, struct http_server **ret_server);
/* No new connections; ends streams. Requests that wait must be resumed before http_stop(). */
void http_quiesce(struct http_server *server);
/* Gives open answers up to a second to go out, then closes everything. */
void http_stop(struct http_server *server);
int http_connection_count(const struct http_server *server);

#endif

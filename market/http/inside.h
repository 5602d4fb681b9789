/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of the HTTP server share with each other and with nobody else
 */
#ifndef HTTP_INSIDE_H
#define HTTP_INSIDE_H

#include <assert.h>
#include <microhttpd.h>
#include "deadline.h"
#include "log.h"
#include "server.h"
#include "stream.h"

/* One a connection, for as long as it lives. */
struct connection {
	struct deadline deadline;
	char address[ADDRESS_SIZE]; /* the peer's */
	struct known_sign sign;
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct router *router;
	struct http_hooks hooks;
	void *context;
	const char *forward_secret;
	struct request *requests; /* all there are */
	struct request *spare;	  /* memory of those that were */
	size_t spare_count;
	struct stream *streams;
	struct deadlines deadlines;
	int64_t buffered, buffered_max;
	mono_time now;	  /* as it was when libmicrohttpd was last run: near enough for what is counted in milliseconds */
	uint64_t next_id; /* of requests: the bits of a UUID that are not its time */
	int epoll_fd, kick_fd, listen_fd, tick;
	bool behind_proxy, tls, kicked, quiesced;
	struct log_bucket log_bucket;
};

/* Makes pump() run soon: something was resumed. */
void http_kick(struct http_server *server);

/* What the request's connection does now. */
void request_phase(struct request *r, enum phase phase);

/* Frees all that it holds, but not itself. */
void request_clear(struct request *r);
static inline void assert_waiting(const struct request *r)
{
	assert(r->waiting); /* a handler returned without an answer */
	(void)r;
}

/* Hands the answer to libmicrohttpd. close: and ends the connection after it. */
enum MHD_Result answer_queue(struct request *r, bool close);
/* libmicrohttpd's side of an answer that is a stream. */
struct MHD_Response *stream_response(struct stream *s);
/* Ends it now, without waiting for what is pending. */
void stream_cut(struct stream *s);

#endif

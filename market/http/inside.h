/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of the HTTP server share with each other and with nobody else
 */
#ifndef HTTP_INSIDE_H
#define HTTP_INSIDE_H

#include <assert.h>
#include <sys/socket.h>
#include "deadline.h"
#include "server.h"
#include "stream.h"
#include "uuid_map.h"
#include "wire.h"

#define BLOCK_BYTES (2 * HEAD_BYTES)

/* What a connection does. */
enum connection_state {
	READS_HEAD,
	READS_BODY,
	WAITS, /* for the handler */
	SENDS,
	STREAMS,
	LINGERS, /* all is said: what still comes is dropped, so that the client gets to read the answer instead of a reset */
	CONNECTION_STATE_COUNT,
};

struct connection {
	struct http_server *server;
	struct wire wire;
	enum connection_state state;
	uint32_t watched; /* what the loop watches it for, 0: not at all */
	bool dry;	  /* nothing is there to be read that epoll would not tell of */
	bool close;	  /* behind this answer */
	bool unread;	  /* and the client may be sending meanwhile */
	bool counted;	  /* among its origin's */
	char *block;	  /* BLOCK_BYTES of what came, NULL while there is nothing: the request's head lies in it */
	size_t have, used;
	int64_t body_left;
	size_t sent; /* of the answer, or dropped meanwhile */
	struct request *request;
	struct deadline whole, silence;
	uuid origin;		    /* whose connections are counted together */
	char address[ADDRESS_SIZE]; /* the peer's */
	struct known_sign sign;
	struct connection *next, **at;		   /* all there are */
	struct connection *next_ready, **at_ready; /* those that may go on; at_ready NULL: it is not among them */
};

struct http_server {
	struct loop *loop;
	SSL_CTX *tls; /* NULL: plain HTTP */
	struct router *router;
	struct http_hooks hooks;
	void *context;
	const char *forward_secret;
	struct connection *connections, *ready;
	uint32_t count, count_max, per_address_max;
	struct uuid_map origins;  /* how many connections each has, as a pointer's number */
	struct request *requests; /* all there are */
	struct request *spare;	  /* memory of those that were */
	size_t spare_count;
	void *blocks; /* the same of blocks, each begins with the next one's address */
	size_t block_count;
	struct stream *streams;
	struct deadlines deadlines;
	int64_t buffered, buffered_max;
	mono_time now; /* of this turn: near enough for what is counted in milliseconds */
	wall_time now_wall;
	int64_t date_s;	  /* what date says, in seconds */
	char date[32];	  /* "Sat, 21 Nov 2026 20:00:00 GMT" */
	uint64_t next_id; /* of requests: the bits of a UUID that are not its time */
	int kick_fd, listen_fd, tick;
	bool behind_proxy, kicked, quiesced, listens;
};

/* ---- server.c ---- */
/* Looks at the clocks. */
void http_turn(struct http_server *server);
/* Takes new connections, while there is room. */
void http_listens(struct http_server *server, bool on);
/* Goes on with the connection soon, from the loop. */
void http_ready(struct connection *c);

/* ---- connection.c ---- */
/* fd is taken. */
void connection_new(struct http_server *server, int fd, const struct sockaddr *peer);
/* Does what can be done without waiting. It may be gone then. */
void connection_go(struct connection *c);
void connection_free(struct connection *c);

/* ---- request.c ---- */
enum request_step {
	REQUEST_MORE, /* the head's end is not there yet, or there is no memory */
	REQUEST_BODY, /* body_left of it is to be taken, or dropped where it is answered */
	REQUEST_NOW,  /* it is answered: the rest does not count */
};
/* Makes the connection's request of what is in its block. */
enum request_step request_take(struct connection *c);
void request_run(struct request *r);
/* It was answered, or will not be. */
void request_end(struct connection *c);

/* ---- answer.c ---- */
/* Puts the answer's head together: a->head from head_from to head_to. */
void answer_put_head(struct request *r, bool close);
/* Frees all that the request holds, but not itself. */
void request_clear(struct request *r);

/* ---- stream.c ---- */
/* What is to be sent next. ret_over: there will be no more; ret_broken: and the client is to see that something is missing. */
struct buf *stream_pending(struct stream *s, bool *ret_over, bool *ret_broken);
/* Ends it now, without waiting for what is pending. */
void stream_cut(struct stream *s);
void stream_free(struct stream *s);

#endif

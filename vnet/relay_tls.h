/* SPDX-License-Identifier: Apache-2.0
 * relay_tls.h - an endpoint's TLS connection to a relay, by an HTTP proxy where there is one
 */
#ifndef VNET_RELAY_TLS_H
#define VNET_RELAY_TLS_H

#include "address.h"
#include "proxy.h"
#include "tls_stream.h"

#define RELAY_TLS_CONNECT_US (10 * SECOND_US) /* for TCP, proxy and handshake together */
#define RELAY_TLS_AGAIN_US SECOND_US	      /* after a failure; doubles up to RELAY_TLS_AGAIN_MAX_US */
#define RELAY_TLS_AGAIN_MAX_US (30 * SECOND_US)

struct relay_tls {
	SSL_CTX *context; /* not ours */
	struct address address;
	sha256 pin;
	struct address proxy; /* port 0: none */
	char login[PROXY_LOGIN_SIZE];
	enum relay_tls_state {
		RELAY_TLS_CLOSED, /* until next_us, if it is wanted */
		RELAY_TLS_CONNECTING,
		RELAY_TLS_PROXY, /* asked; its answer is coming */
		RELAY_TLS_OPEN,	 /* stream has the descriptor */
	} state;
	int fd, epoll_fd; /* fd: -1 where closed or the stream's */
	uint32_t events;  /* watched */
	struct tls_stream *stream;
	char answer[PROXY_ANSWER_MAX];
	size_t answer_len;
	int failures;	  /* in a row */
	int64_t next_us;  /* CLOSED: not before; else when it must be up */
	const char *what; /* the last failure, "" for none */
};

/* Nothing is opened yet. epoll_fd: where its descriptor is watched, with relay_tls_fd() as data.fd. */
void relay_tls_init(struct relay_tls *t, SSL_CTX *context, int epoll_fd, const struct address *relay, sha256 pin,
		    const struct address *proxy, const char *login, mono_time now);
void relay_tls_close(struct relay_tls *t, mono_time now); /* and may be opened again */
int relay_tls_fd(const struct relay_tls *t);		  /* -1 where closed */
bool relay_tls_is_up(const struct relay_tls *t);
/* Opens it where it is closed and its time has come; gives it up where it is not up in time. */
void relay_tls_tick(struct relay_tls *t, mono_time now);
/* Its descriptor is ready. Packets are handed out as tls_stream_read() does; where the connection ends behind them, NULL follows: what
 * they stand in goes when fn returns. */
void relay_tls_ready(struct relay_tls *t, tls_packet_fn *fn, void *context, mono_time now);
void relay_tls_send(struct relay_tls *t, const uint8_t *packet, size_t len, bool control, mono_time now);
void relay_tls_flush(struct relay_tls *t, mono_time now);

#endif

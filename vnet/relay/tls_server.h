/* SPDX-License-Identifier: Apache-2.0
 * tls_server.h - the relay's TLS connections: accepting, bounding, carrying packets to and from relay.h
 */
#ifndef RELAY_TLS_SERVER_H
#define RELAY_TLS_SERVER_H

#include "address.h"
#include "clock.h"
#include "crypto.h"
#include "loop.h"

#define TLS_VIA_FIRST 0x100 /* address.via of the first connection; below stand the UDP sockets */
#define TLS_MAX_CONNECTIONS 16384
#define TLS_BIND_US (15 * SECOND_US)   /* an endpoint is bound within this, or its connection ends */
#define TLS_SILENT_US (60 * SECOND_US) /* it sends something each 15 s */
#define TLS_BURST_US (SECOND_US / 4)   /* of the rate */

struct tls_server;
struct tls_server_config {
	struct loop *loop;
	const char *pem; /* key and certificate */
	size_t max_connections, max_per_prefix;
	int64_t rate_bytes; /* a second, read from one connection: more waits in the kernel, and at its sender */
	/* A packet came; its bytes may be changed. */
	void (*packet)(void *context, uint8_t *packet, size_t len, const struct address *from);
	void (*batch)(void *context); /* those of one connection have come; may be NULL */
	void *context;
};
struct tls_server_status {
	size_t connections;
	uint64_t refused; /* too many of them in all, or from one prefix */
};

MUST_CHECK err_t tls_server_new(const struct tls_server_config *config, struct tls_server **ret_server, sha256 *ret_pin);
void tls_server_free(struct tls_server *s);
/* Takes a listening descriptor. */
MUST_CHECK err_t tls_server_listen(struct tls_server *s, int fd);
/* A packet to a connection; dropped where that is gone. It goes with the next flush. */
void tls_server_send(struct tls_server *s, const struct address *to, const uint8_t *packet, size_t len);
void tls_server_flush(struct tls_server *s); /* after each batch of packets, from wherever they came */
void tls_server_tick(struct tls_server *s, mono_time now);
void tls_server_status(const struct tls_server *s, struct tls_server_status *ret_status);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * relays.h - the relays of one endpoint: bound by UDP where that passes, else by TLS
 */
#ifndef VNET_RELAYS_H
#define VNET_RELAYS_H

#include "relay_client.h"
#include "relay_tls.h"
#include "vnet.h"

#define RELAYS_UDP_PATIENCE_US (2 * SECOND_US) /* unanswered by UDP: TLS is tried as well */

struct relays_io {
	void *context;
	void (*send)(void *context, const struct address *to, const uint8_t *packet, size_t len); /* by UDP */
	/* A peer's packet came; via: its path. It stays where it is until the relay's descriptor is read again. */
	void (*packet)(void *context, uint8_t *packet, size_t len, const struct address *via);
	void (*gone)(void *context); /* what packets stood in goes: frames of them must have been handed over when this returns */
	void (*up)(void *context, const struct address *via, bool tls); /* bound, for the first time, anew, or the other way */
	void (*log)(void *context, int level, const char *line);
};

struct relays {
	struct relays_io io;
	struct p256_key *key; /* ours, which tickets name */
	SSL_CTX *context;     /* NULL until one has TLS */
	int epoll_fd;
	struct address proxy; /* port 0: none */
	char login[PROXY_LOGIN_SIZE];
	size_t count;
	struct relay {
		struct address via;	      /* its UDP address, and its number + 1 */
		struct relay_client udp, tls; /* both bind the same member: the one that did so last has the packets */
		struct relay_tls line;
		bool has_tls, by_tls; /* by_tls: the last one was tls */
	} relay[VNET_MAX_RELAYS];
};

/* Of config the key and the proxy. epoll_fd: where descriptors are watched. E_INVALID, E_LIMIT. relays_clear() also where it fails. */
MUST_CHECK err_t relays_init(struct relays *r, const struct relays_io *io, int epoll_fd, const struct vnet_config *config);
void relays_clear(struct relays *r, mono_time now);
/* As vnet_set_relays(). */
MUST_CHECK err_t relays_set(struct relays *r, const struct vnet_relay *relays, size_t count, mono_time now);
size_t relays_vias(const struct relays *r, struct address *ret_vias); /* of VNET_MAX_RELAYS */
void relays_wake(struct relays *r, mono_time now);		      /* our own addresses changed */

/* A UDP packet with WIRE_RELAY. False: of no relay of ours. */
bool relays_take(struct relays *r, uint8_t *packet, size_t len, const struct address *from, mono_time now);
/* A descriptor is ready. False: not one of ours. */
bool relays_ready(struct relays *r, int fd, mono_time now);
/* A packet of len bytes to the peer of that name, RELAY_HEADER_BYTES behind room's start. Returns how many bytes of room are to go by UDP to
 * via; 0: it goes by TLS, or cannot go. */
size_t relays_wrap(struct relays *r, const struct address *via, struct relay_name to, uint8_t *room, size_t len, mono_time now);
void relays_tick(struct relays *r, mono_time now);
void relays_flush(struct relays *r, mono_time now);
int64_t relays_due_us(const struct relays *r);
const struct address *relays_address(const struct relays *r, const struct address *via); /* where its packets go now */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * udp_socket.h - one UDP socket for all peers: packets in and out by the batch
 */
#ifndef VNET_UDP_SOCKET_H
#define VNET_UDP_SOCKET_H

#include "address.h"

struct peer;

#define UDP_BATCH 64	   /* messages a call */
#define UDP_QUEUE 512	   /* packets that wait to be sent */
#define UDP_GSO_PACKETS 64 /* of one message: what older kernels take */
#define UDP_GSO_BYTES 65000

/* A packet was larger than the path's MTU. */
typedef void udp_too_big_fn(void *context, struct peer *peer, const struct address *to, size_t len);

struct udp_socket {
	int fd, family;
	uint16_t port;
	/* in */
	uint8_t *rooms;
	size_t room_bytes;
	size_t batch; /* messages to be read by the next call, at most UDP_BATCH: fewer where they are large */
	/* out: packets one behind the other, so that neighbours of one size to one peer go as one message, which the kernel or the
	 * network card cuts (UDP_SEGMENT) */
	uint8_t *out;
	size_t out_bytes, out_used, count;
	struct {
		const uint8_t *data; /* in out, or where udp_receive() left it */
		size_t len;
		struct address to;
		struct peer *peer;
		bool singly;
	} queue[UDP_QUEUE];
	size_t sent;   /* of queue: gone already */
	size_t singly; /* so many go each by itself: as one message they were refused */
	bool gso;      /* many packets in one message */
	int refused;   /* such messages in a row, whose packets went well by themselves */
	bool full;     /* the kernel takes no more for now */
	udp_too_big_fn *too_big;
	void *context;
	uint64_t dropped;
};

/* bind_address: family 0 for any, IPv6 with IPv4 mapped where there is IPv6. datagram_bytes: of the largest that can come.
 * without: VNET_WITHOUT_... */
MUST_CHECK err_t udp_open(struct udp_socket *s, const struct sockaddr_storage *bind_address, uint16_t bind_port,
			  size_t datagram_bytes, unsigned without, udp_too_big_fn *too_big, void *context);
void udp_close(struct udp_socket *s);

typedef void udp_packet_fn(void *context, uint8_t *packet, size_t len, const struct address *from);
/* Reads one batch; false where no more wait. The packets stay where they are until the next call. */
bool udp_receive(struct udp_socket *s, udp_packet_fn *fn, void *context);

/* Room for a packet; what is written there goes with the next udp_send_later(). */
uint8_t *udp_room(struct udp_socket *s, size_t len);
/* singly: not in one message with others. */
void udp_send_later(struct udp_socket *s, struct peer *peer, const struct address *to, size_t len, bool singly);
/* Sends a packet on that udp_receive() of this or of another socket gave, without a copy: udp_flush() comes before that one's next call. */
void udp_pass_on(struct udp_socket *s, const struct address *to, const uint8_t *packet, size_t len);
/* Did udp_receive() give it? */
bool udp_holds(const struct udp_socket *s, const uint8_t *packet);
/* Sends what is queued. While the kernel takes no more (s->full) the rest stays queued, and udp_room() drops when that is all used. */
void udp_flush(struct udp_socket *s);
/* Is there room for a super-frame? Sends some for it. */
bool udp_has_room(struct udp_socket *s);
void udp_forget(struct udp_socket *s); /* drops what is queued */

#endif

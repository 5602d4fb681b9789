/* SPDX-License-Identifier: Apache-2.0
 * wire.h - the packets between two peers, byte for byte as docs/VNET.md has them
 */
#ifndef VNET_WIRE_H
#define VNET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "address.h"
#include "err.h"

#define WIRE_VERSION 1

/* The first byte of a UDP datagram. 0 .. 3 are STUN's (RFC 7983) and 20 .. 63 DTLS's, which is never accepted bare. */
enum wire_type {
	WIRE_DATA = 0xC1,      /* sealed: a frame or a piece of one */
	WIRE_HANDSHAKE = 0xC2, /* a DTLS datagram, or the wish for one */
	WIRE_PROBE = 0xC3,     /* sealed: ping, pong, leave, meet, rate */
	WIRE_COOKIE = 0xC4,    /* "come again with this": the answer to a first flight under load */
	WIRE_RELAY = 0xC5,     /* to and from a relay (relay_wire.h) */
};

/* ---- the outer header, clear, authenticated as AAD ---- */
#define WIRE_HEADER_BYTES 16
#define WIRE_TAG_BYTES 16
#define WIRE_SEAL_BYTES (WIRE_HEADER_BYTES + WIRE_TAG_BYTES) /* what sealing adds */

struct wire_header {
	enum wire_type type;
	uint32_t index;	  /* the receiver's; 0 in a handshake before it is known */
	uint64_t counter; /* of the session, from 1; of C2 and C4: the handshake's number */
};
void wire_header_put(const struct wire_header *h, uint8_t *packet);
/* E_INVALID: too short, another version, a reserved bit set. */
MUST_CHECK err_t wire_header_get(const uint8_t *packet, size_t len, struct wire_header *ret_header);

/* ---- the inner header of C1, sealed ---- */
enum inner_kind { INNER_FRAME = 1, INNER_SEGMENT = 2, INNER_FRAGMENT = 3 };
#define INNER_PARTIAL_CSUM 0x01 /* the frame's TCP or UDP checksum covers the pseudo-header only */
#define INNER_LAST 0x02		/* of a segment: the super-frame ends here */
#define INNER_GSO_MASK 0x30	/* of a segment */
#define INNER_GSO_TCP4 0x10
#define INNER_GSO_TCP6 0x20
#define INNER_GSO_UDP 0x30
#define INNER_FRAME_BYTES 4
#define INNER_MAX_BYTES 12 /* of a segment or fragment */

struct inner {
	enum inner_kind kind;
	uint8_t flags;
	union {
		struct {
			uint16_t super_id, index, gso_size, csum_start;
		} segment; /* a whole frame by itself; with its neighbours it may be merged again */
		struct {
			uint32_t frame_id;
			uint8_t index, count;
			uint16_t offset;
		} fragment;
	};
};
/* Writes 4 or 12 bytes; returns how many. */
size_t inner_put(const struct inner *in, uint8_t *to);
size_t inner_bytes(enum inner_kind kind);
/* E_INVALID: too short, an unknown kind or flag, a port other than 0, a fragment that cannot be. */
MUST_CHECK err_t inner_get(const uint8_t *plain, size_t len, struct inner *ret_inner, size_t *ret_bytes);

/* ---- C2: the handshake's carrier ---- */
#define CARRIER_PACKET_BYTES 1200 /* of a packet whose receiver index is 0: an answer is never larger than the question */
#define CARRIER_HEAD_BYTES 48
#define CARRIER_MAC_BYTES 16
#define CARRIER_HINT_BYTES 8
#define CARRIER_COOKIE_BYTES 16
#define CARRIER_DTLS_MAX (CARRIER_PACKET_BYTES - CARRIER_HEAD_BYTES - CARRIER_MAC_BYTES)

enum carrier_kind { CARRIER_DTLS = 1, CARRIER_SOLICIT = 2 };
struct carrier {
	uint32_t index; /* receiver's, of the outer header */
	uint64_t id;	/* of the handshake, chosen by the client */
	uint32_t sender_index;
	enum carrier_kind kind;
	uint8_t part; /* number of this datagram among its sender's in this handshake */
	uint8_t hint[CARRIER_HINT_BYTES];
	uint8_t cookie[CARRIER_COOKIE_BYTES];
	const uint8_t *dtls; /* a view */
	size_t dtls_len;
};
/* Writes everything but mac1, padded where the rule above asks for it; the room for mac1 is counted. packet has
 * CARRIER_PACKET_BYTES. Returns the length. */
size_t carrier_put(const struct carrier *c, uint8_t *packet);
MUST_CHECK err_t carrier_get(const uint8_t *packet, size_t len, struct carrier *ret_carrier);

/* ---- C4 ---- */
#define COOKIE_PACKET_BYTES 48
struct cookie_reply {
	uint32_t index;
	uint64_t id;
	uint8_t cookie[CARRIER_COOKIE_BYTES];
};
void cookie_put(const struct cookie_reply *c, uint8_t *packet); /* all but mac1 */
MUST_CHECK err_t cookie_get(const uint8_t *packet, size_t len, struct cookie_reply *ret_reply);

/* ---- C3, sealed ---- */
enum probe_kind { PROBE_PING = 1, PROBE_PONG = 2, PROBE_LEAVE = 3, PROBE_MEET = 4, PROBE_RATE = 5 };
#define PROBE_BYTES 32 /* a ping may be padded, with anything: that is how the path's datagram size is found */
struct probe {
	enum probe_kind kind;
	uint16_t datagram_bytes; /* pong: the UDP payload of the ping it answers */
	/* Chosen by the pinger, unguessable; a pong brings it back. Of a meet: 0 a call, 1 its answer. Of a rate: bytes a second, 0 any. */
	uint64_t token;
	struct address seen; /* pong: where the ping came from; meet: where a STUN server saw the sender, or zeros */
};
void probe_put(const struct probe *p, uint8_t *to);
MUST_CHECK err_t probe_get(const uint8_t *plain, size_t len, struct probe *ret_probe);

#endif

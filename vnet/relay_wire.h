/* SPDX-License-Identifier: Apache-2.0
 * relay_wire.h - the packets between an endpoint and a relay, byte for byte as docs/VNET.md has them
 */
#ifndef VNET_RELAY_WIRE_H
#define VNET_RELAY_WIRE_H

#include "crypto.h"
#include "uuid.h"
#include "wire.h"

#define RELAY_VERSION 1
#define RELAY_HEADER_BYTES 16
#define RELAY_NAME_BYTES 6
#define RELAY_COOKIE_BYTES 16
#define RELAY_TICKET_BYTES 148 /* what is in it is between the market and the relay */
#define RELAY_PROOF_BYTES (sizeof(p256_public) + sizeof(p256_signature))
#define RELAY_BIND_BYTES (RELAY_HEADER_BYTES + RELAY_COOKIE_BYTES + RELAY_TICKET_BYTES + RELAY_PROOF_BYTES)
#define RELAY_CHALLENGE_BYTES (RELAY_HEADER_BYTES + RELAY_COOKIE_BYTES)
#define RELAY_BOUND_BYTES (RELAY_HEADER_BYTES + 8)

enum relay_kind {
	RELAY_DATA,	 /* a peer's packet follows */
	RELAY_BIND,	 /* to the relay: cookie, ticket, proof of having its key */
	RELAY_CHALLENGE, /* from it: the cookie to come again with */
	RELAY_BOUND,	 /* from it: the session */
	RELAY_KEEP,	 /* and back as it is */
	RELAY_UNBOUND,	 /* from it: the session of a packet that came is none */
	RELAY_KIND_COUNT
};

/* By what a network's members are told apart at the relay. */
struct relay_name {
	uint8_t bytes[RELAY_NAME_BYTES];
};
struct relay_name relay_name_of(uuid network, uuid peer);

struct relay_packet {
	enum relay_kind kind;
	struct relay_name name; /* DATA: to the relay the receiver's, from it the sender's */
	uint64_t session;	/* the binding's; of BIND, CHALLENGE and BOUND the bind's nonce */
	uint64_t bound;		/* BOUND: the session from now on */
	const uint8_t *cookie;	/* BIND, CHALLENGE: a view */
	const uint8_t *ticket;	/* BIND: a view */
	p256_public public;	/* BIND: that the ticket names; zeros without a cookie */
	p256_signature proof;	/* BIND: by it, of relay_proof_text() */
};
/* What a BIND's signature covers. */
#define RELAY_PROOF_TEXT_BYTES (sizeof RELAY_PROOF_LABEL + 8 + RELAY_COOKIE_BYTES + RELAY_TICKET_BYTES)
#define RELAY_PROOF_LABEL "cpushare relay bind v1"
void relay_proof_text(const struct relay_packet *bind, uint8_t text[RELAY_PROOF_TEXT_BYTES]);
/* Writes all but DATA's packet. Returns the length. */
size_t relay_put(const struct relay_packet *p, uint8_t *packet);
/* E_INVALID: version, kind, a length that its kind has not, a reserved field, a session of 0. */
MUST_CHECK err_t relay_get(const uint8_t *packet, size_t len, struct relay_packet *ret_packet);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * relay_client.h - being bound at one relay (docs/RELAY.md)
 *
 * Pure: packets and time go in, packets come out.
 */
#ifndef VNET_RELAY_CLIENT_H
#define VNET_RELAY_CLIENT_H

#include "clock.h"
#include "relay_wire.h"

#define RELAY_RETRY_US 250000 /* of BIND at first; doubles up to RELAY_RETRY_MAX_US, for ever */
#define RELAY_RETRY_MAX_US (4 * SECOND_US)
#define RELAY_KEEP_US (15 * SECOND_US)
#define RELAY_KEEP_RETRY_US SECOND_US
#define RELAY_KEEP_TRIES 3
#define RELAY_SILENT_US (3 * SECOND_US) /* peers that are sent to answer within this: else KEEP at once */
#define RELAY_ASK_US (15 * SECOND_US)	/* of BIND while we are bound another way */

struct relay_client {
	struct address address;
	const struct p256_key *key;
	uint8_t ticket[RELAY_TICKET_BYTES];
	uint8_t cookie[RELAY_COOKIE_BYTES];
	bool binding;	  /* else bound */
	bool ask_only;	  /* we are bound another way: BIND without a cookie, now and then */
	bool challenged;  /* the cookie has just come */
	int64_t asked_us; /* the first BIND or KEEP since an answer; 0: none */
	int64_t heard_us;
	uint64_t nonce;	  /* of the BIND under way */
	uint64_t session; /* what we send with; 0: none. While we bind ourselves anew the old one may still do */
	uint8_t tries;	  /* of BIND or KEEP, since an answer */
	int64_t next_us;
};
enum relay_event {
	RELAY_NOTHING,
	RELAY_CAME_UP, /* bound, for the first time or anew */
	RELAY_PACKET,  /* a peer's packet stands behind RELAY_HEADER_BYTES */
	RELAY_STRANGE, /* not the relay's */
};

/* key: ours, which the ticket names; it must outlive c. */
void relay_client_init(struct relay_client *c, const struct address *relay, const struct p256_key *key,
		       const uint8_t ticket[RELAY_TICKET_BYTES], mono_time now);
void relay_client_wake(struct relay_client *c, mono_time now);	   /* our own addresses changed: bind anew */
void relay_client_forget(struct relay_client *c, mono_time now);   /* the same, and the session is over */
void relay_client_ask_only(struct relay_client *c, mono_time now); /* see there; until something answers */
/* The market gave another ticket: bind anew with it. */
void relay_client_renew(struct relay_client *c, const uint8_t ticket[RELAY_TICKET_BYTES], mono_time now);
int64_t relay_client_unanswered_us(const struct relay_client *c, mono_time now); /* how long it goes unanswered; 0: it does not */
/* True with a packet to send. packet has RELAY_BIND_BYTES. */
bool relay_client_next(struct relay_client *c, mono_time now, uint8_t *packet, size_t *ret_len);
/* A packet with WIRE_RELAY from the relay's address. */
enum relay_event relay_client_take(struct relay_client *c, const uint8_t *packet, size_t len, mono_time now);
/* The header of a packet to a peer. False: not bound. */
bool relay_client_wrap(struct relay_client *c, struct relay_name to, uint8_t header[RELAY_HEADER_BYTES], mono_time now);

#endif

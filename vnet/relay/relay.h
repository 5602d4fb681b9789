/* SPDX-License-Identifier: Apache-2.0
 * relay.h - who is bound at the relay, and what goes from whom to whom
 *
 * Pure: packets and time go in, packets come out through the callback.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "address.h"
#include "clock.h"
#include "crypto.h"

struct relay;

struct relay_config {
	ed25519_public ticket_key; /* the market's */
	size_t max_bindings;	   /* 1 .. RELAY_MAX_BINDINGS */
	int64_t rate_bytes;	   /* a second, of what one binding sends */
	/* Sends a packet; it is the callee's to drop it. */
	void (*send)(void *context, const struct address *to, const uint8_t *packet, size_t len);
	void *context;
};
#define RELAY_MAX_BINDINGS 65535

struct relay_status {
	size_t bindings;
	uint64_t forwarded_bytes, forwarded, refused, dropped, stun;
};

MUST_CHECK err_t relay_new(const struct relay_config *config, struct relay **ret_relay);
void relay_free(struct relay *r);
/* A datagram; its bytes are changed. */
void relay_input(struct relay *r, uint8_t *packet, size_t len, const struct address *from, mono_time now, wall_time wall);
/* Each few seconds: forgets whose ticket expired. */
void relay_tick(struct relay *r, mono_time now, wall_time wall);
void relay_status(const struct relay *r, struct relay_status *ret_status);

#endif

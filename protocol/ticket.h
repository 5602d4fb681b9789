/* SPDX-License-Identifier: Apache-2.0
 * ticket.h - the market's permission to use a relay (docs/RELAY.md)
 */
#ifndef PROTOCOL_TICKET_H
#define PROTOCOL_TICKET_H

#include "clock.h"
#include "crypto.h"
#include "uuid.h"

#define TICKET_BYTES 148
#define TICKET_TEXT_SIZE (2 * TICKET_BYTES + 1) /* hex and a NUL */

/* Allows one member of one network, who must prove to have the key of pin, to be bound at the relay until expires, and to have quota_bytes
 * forwarded. */
struct ticket {
	uuid network, peer;
	sha256 pin;
	wall_time expires; /* whole seconds count */
	uint64_t quota_bytes;
};
void ticket_sign(const struct ticket *t, const struct ed25519_key *key, uint8_t bytes[TICKET_BYTES]);
/* What it says, before it is believed: cheap. E_INVALID: another version, a reserved field. */
MUST_CHECK err_t ticket_read(const uint8_t bytes[TICKET_BYTES], struct ticket *ret_ticket);
/* E_AUTH: not signed with that key. E_TIMEOUT: expired. */
MUST_CHECK err_t ticket_check(const uint8_t bytes[TICKET_BYTES], ed25519_public key, wall_time now);

#endif

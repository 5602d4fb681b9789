/* SPDX-License-Identifier: Apache-2.0
 * relays.h - the relays and STUN servers that members of networks are told of, and the tickets for them (docs/RELAY.md)
 */
#ifndef MARKET_RELAYS_H
#define MARKET_RELAYS_H

#include "network.h"
#include "settings.h"

struct relays;

/* Reads the settings, and the key for tickets in DIR/relay/ticket.pem, which is made once, with its public half in DIR/relay/ticket.pub
 * for the relays. Without relays no key is made. error (256 bytes) says what is wrong. */
MUST_CHECK err_t relays_load(const struct settings *s, const char *data_dir, struct relays **ret_relays, char *error);
void relays_free(struct relays *r);
/* What the member of network n is told. */
void relays_add(const struct relays *r, uuid peer, wall_time now, struct network_view *n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * relays.h - the relays and STUN servers that members of networks are told of, and the tickets for them (docs/RELAY.md)
 */
#ifndef MARKET_RELAYS_H
#define MARKET_RELAYS_H

#include "netcheck.h"
#include "settings.h"

struct relays;

/* Reads the settings, and the key for tickets in DIR/relay/ticket.pem, which is made once, with its public half in DIR/relay/ticket.pub
 * for the relays. Without relays no key is made. error (256 bytes) says what is wrong. */
MUST_CHECK err_t relays_load(const struct settings *s, const char *data_dir, struct relays **ret_relays, char *error);
void relays_free(struct relays *r);
/* What anybody with an account may try his network with. */
void relays_servers(const struct relays *r, struct netcheck *ret);
/* What members of network n are told of STUN servers. */
void relays_add_stun(const struct relays *r, struct network_view *n);
/* The relays, with tickets for that member and the key of its pin. */
void relays_for(const struct relays *r, uuid network, uuid peer, sha256 pin, wall_time now, struct relay_list *ret);
/* Grows by one each time that tickets are to be renewed. */
int64_t relays_period(wall_time now);

#endif

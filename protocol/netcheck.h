/* SPDX-License-Identifier: Apache-2.0
 * netcheck.h - what a machine tries its network with: the market's servers and clock
 */
#ifndef PROTOCOL_NETCHECK_H
#define PROTOCOL_NETCHECK_H

#include "network.h"
#include "order.h"

/* GET /v1/netcheck: {"now","stun":["192.0.2.7:3478",…],"relays":[{"address":"192.0.2.7:3478","tls":"192.0.2.7:443","tls_pin":HEX,
 * "region":"eu"},…]}; tls and tls_pin are both there or both absent; region: one of the market's, or absent. Tickets belong to members of a
 * network and are not here: relays answer STUN without. */
struct netcheck {
	wall_time now;
	size_t stun_count, relay_count;
	char stun[STUN_MAX][CANDIDATE_SIZE];
	struct {
		char address[CANDIDATE_SIZE], tls[CANDIDATE_SIZE];
		sha256 tls_pin;		  /* the relay's key, as members hear of it */
		char region[REGION_SIZE]; /* where it stands, or "" */
	} relays[RELAY_MAX];
};
json_t *netcheck_to_json(const struct netcheck *n);
MUST_CHECK err_t netcheck_from_json(json_t *json, struct netcheck *ret, struct json_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * nd.h - neighbour discovery (RFC 4861): IPv6's ARP, and what a router says
 */
#ifndef VNET_ND_H
#define VNET_ND_H

#include "ipv6.h"

enum nd_type {
	ND_ROUTER_SOLICITATION = 133,
	ND_ROUTER_ADVERTISEMENT = 134,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_REDIRECT = 137
};
struct nd {
	enum nd_type type;
	struct ip6 target; /* of solicitation, advertisement and redirect */
	bool foreign_mac;  /* it names a link-layer address that is not the frame's source */
};
/* E_NOT_FOUND: another protocol or another ICMPv6 message. E_INVALID: one that no host would take, or in fragments (RFC 6980). */
MUST_CHECK err_t nd_parse(const struct frame *f, const struct ipv6 *ip, struct nd *ret_nd);

/* An advertisement of target at target_mac, from target itself. */
struct nd_advertisement {
	struct ip6 target, to; /* to: unset for all nodes */
	uint64_t target_mac, to_mac;
	bool router, solicited, override;
};
#define ND_ADVERTISEMENT_BYTES (IPV6_HEAD_BYTES + 32)
size_t nd_put_advertisement(const struct nd_advertisement *a, uint8_t *to);

/* What a router says of the network: addresses are made by everybody for himself (SLAAC), names are asked at dns. */
struct nd_router {
	uint64_t mac, to_mac; /* the sender's address is made of its MAC */
	struct ip6 to;
	uint64_t prefix;
	struct ip6 dns;
	uint16_t mtu;
	uint16_t lifetime_s; /* as default router; 0: it is none */
};
#define ND_ROUTER_BYTES (IPV6_HEAD_BYTES + 16 + 8 + 32 + 8 + 24 + 16)
size_t nd_put_router(const struct nd_router *n, uint8_t *to);

#endif

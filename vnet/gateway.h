/* SPDX-License-Identifier: Apache-2.0
 * gateway.h - the default gateways of this machine
 */
#ifndef VNET_GATEWAY_H
#define VNET_GATEWAY_H

#include "address.h"

#define GATEWAY_MAX 2	  /* one of each family */
#define GATEWAY_PORT 5351 /* of PCP and NAT-PMP */

/* Each with GATEWAY_PORT, and in ours the address of this machine whose packets go that way. Returns how many. family: of the
 * socket; AF_INET: without IPv6. */
size_t gateway_find(int family, struct address gateways[GATEWAY_MAX]);

/* A line of /proc/net/route or /proc/net/ipv6_route. E_INVALID: no default route through a gateway. */
MUST_CHECK err_t gateway_parse_v4(const char *line, struct address *ret_gateway);
MUST_CHECK err_t gateway_parse_v6(const char *line, struct address *ret_gateway);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * dhcp.h - the one address that our machine may have, handed out as RFC 2131 wants it
 */
#ifndef VNET_DHCP_H
#define VNET_DHCP_H

#include "vnet.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_LEASE_S 86400
#define DHCP_RENEW_S 300     /* a gateway that came since is heard of then; asking again costs nobody but us */
#define DHCP_REPLY_BYTES 576 /* what every client takes (RFC 2131 section 2) */

struct dhcp {
	const struct vnet_network *network;
	vnet_mac mac; /* the client's */
	uint32_t ip, server;
	uint32_t gateway; /* 0: none */
	const char *name;
	uint32_t boot_server;
	const char *boot_file; /* "": none */
};
struct dhcp_reply {
	uint8_t data[DHCP_REPLY_BYTES];
	size_t len;
	uint32_t to_ip; /* UINT32_MAX: broadcast */
	bool to_broadcast_mac;
};
/* A client's message (UDP payload). OK: send the reply. E_AGAIN: nothing to say. E_NOT_FOUND: another machine's. E_INVALID. */
MUST_CHECK err_t dhcp_answer(const struct dhcp *d, const uint8_t *message, size_t len, struct dhcp_reply *ret_reply);

#endif

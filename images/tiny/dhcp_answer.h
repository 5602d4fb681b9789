/* SPDX-License-Identifier: Apache-2.0
 * dhcp_answer.h - what a DHCP server says to a machine that has no address yet
 *
 * Whoever is on the machine's LAN can say it. Nothing of the project is needed to compile it: an image is built from its own folder.
 */
#ifndef IMAGES_DHCP_ANSWER_H
#define IMAGES_DHCP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK };
enum { DHCP_DNS_MAX = 3, DHCP_NAME_SIZE = 128 };
#define DHCP_MAGIC 0x63825363u

/* Numbers in the host's order. */
struct dhcp_answer {
	uint8_t kind; /* DHCP_OFFER, DHCP_ACK or DHCP_NAK */
	uint32_t ip, server, mask;
	uint32_t broadcast, router; /* 0: none */
	uint32_t dns[DHCP_DNS_MAX];
	size_t dns_count;
	uint16_t mtu;					   /* 0: not said */
	char name[DHCP_NAME_SIZE], domain[DHCP_NAME_SIZE]; /* "": not said; else letters, digits, dots, hyphens, underscores */
	bool beyond; /* it says what only a whole client follows: other routes, a search list, options elsewhere or in pieces; or a router that
		      * is not beside us */
};

/* packet: from its IPv4 header on. False: it is no answer to xid and mac, or not whole, or no address that a machine can have. */
bool dhcp_answer_read(const uint8_t *packet, size_t len, uint32_t xid, const uint8_t *mac, struct dhcp_answer *ret_answer);

#endif

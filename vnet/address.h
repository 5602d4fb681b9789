/* SPDX-License-Identifier: Apache-2.0
 * address.h - where a UDP packet goes to or came from: IPv6, or IPv4 mapped into it (RFC 4291 section 2.5.5.2)
 */
#ifndef VNET_ADDRESS_H
#define VNET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "err.h"

struct address {
	uint8_t ip[16]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;	/* host byte order */
	uint32_t scope; /* interface of a link-local address, else 0 */
	uint16_t
		via; /* of a peer: 0 direct; n: through our relay number n - 1, whose address this is. Of a relay's: its socket */
	/* How a packet goes there; of no account for equality. */
	uint8_t hops; /* the TTL, 0: the system's */
	uint8_t ours
		[16]; /* our own address that it comes from; where one came from there: to which. Zeros: as the routes choose */
};

#define ADDRESS_TEXT_SIZE 64

bool address_equal(const struct address *a, const struct address *b);
bool address_is_v4(const struct address *a);
/* IPv4 in host byte order; 0 for IPv6. */
uint32_t address_v4(const struct address *a);
/* Of the same site as a rule: RFC 1918, RFC 6598, link-local, RFC 4193, loopback. */
bool address_is_private(const struct address *a);
/* A packet may be sent there: not unspecified, multicast, or broadcast, and the port is not 0. */
bool address_is_unicast(const struct address *a);
bool address_has_ours(const struct address *a);
void address_forget_ours(struct address *a);
/* The /24 or /48 it stands in, for limits by origin. */
uint64_t address_prefix(const struct address *a);

/* "192.0.2.7:41641", "[2001:db8::1]:41641", "[fe80::1%2]:41641". Numeric only. E_INVALID. */
MUST_CHECK err_t address_parse(const char *text, struct address *ret_address);
/* text has ADDRESS_TEXT_SIZE bytes. Returns text. */
char *address_format(const struct address *a, char *text);

/* E_INVALID for any family but AF_INET and AF_INET6. */
MUST_CHECK err_t address_of_socket(const struct sockaddr_storage *s, struct address *ret_address);
/* For a socket of the given family. Returns the length, or 0 where an IPv6 address cannot go through an AF_INET socket. */
socklen_t address_to_socket(const struct address *a, int family, struct sockaddr_storage *ret_socket);

#endif

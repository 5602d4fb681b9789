/* SPDX-License-Identifier: Apache-2.0
 * ipv6.h - IPv6 in frames: addresses, reading, making (RFC 8200)
 */
#ifndef VNET_IPV6_H
#define VNET_IPV6_H

#include "frame.h"
#include "ula.h"

struct ip6 {
	uint64_t prefix, id; /* id: the interface identifier */
};
#define IP6_LINK_LOCAL 0xfe80000000000000ull
#define IP6_ALL_NODES ((struct ip6){ 0xff02000000000000ull, 1 })
#define PROTOCOL_ICMPV6 58

static inline bool ip6_equal(struct ip6 a, struct ip6 b)
{
	return a.prefix == b.prefix && a.id == b.id;
}
static inline bool ip6_is_unset(struct ip6 a)
{
	return a.prefix == 0 && a.id == 0;
}
static inline bool ip6_is_multicast(struct ip6 a)
{
	return a.prefix >> 56 == 0xff;
}
/* ula_id_of_mac()'s inverse; 0: the identifier was not made of a MAC. */
uint64_t ip6_mac_of_id(uint64_t id);
uint64_t ip6_multicast_mac(struct ip6 group); /* RFC 2464 section 7 */
void ip6_bytes(struct ip6 a, uint8_t to[16]);

struct ipv6 {
	struct ip6 from, to;
	uint8_t hop_limit;
	uint8_t protocol;	/* behind the extension headers */
	bool fragment;		/* not the first: what follows is the middle of something */
	bool in_fragments;	/* there is a fragment header */
	const uint8_t *payload; /* behind the extension headers */
	size_t payload_len;
};
/* E_INVALID: version, lengths, a chain of extension headers that is cut or longer than eight (RFC 7112). */
MUST_CHECK err_t ipv6_parse(const struct frame *f, struct ipv6 *ret_ip);
MUST_CHECK err_t udp_parse6(const struct ipv6 *ip, struct udp *ret_udp);

/* Makes a frame around payload_len bytes of protocol that stand at to + IPV6_HEAD_BYTES, with their checksum at checksum_at. Returns
 * its length. */
#define IPV6_HEAD_BYTES (ETHERNET_BYTES + 40)
size_t ipv6_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, const struct ipv6 *ip, size_t checksum_at);
/* The same for UDP with the payload at to + UDP6_HEAD_BYTES. */
#define UDP6_HEAD_BYTES (IPV6_HEAD_BYTES + 8)
size_t udp_put6(uint8_t *to, uint64_t to_mac, uint64_t from_mac, struct ip6 from, struct ip6 to_ip, const struct udp *udp);

#endif

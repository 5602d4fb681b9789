/* SPDX-License-Identifier: Apache-2.0
 * ipv6.c - IPv6 in frames: addresses, reading, making
 */
#include <string.h>
#include "bytes.h"
#include "ipv6.h"

#define EXTENSIONS_MAX 8
#define HOP_LIMIT 255 /* what neighbour discovery asks for; nothing of ours is routed */

enum extension { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };

/* ---- addresses ---- */
uint64_t ip6_mac_of_id(uint64_t id)
{
	return (id >> 24 & 0xffff) == 0xfffe ? ((id >> 40) ^ 0x020000) << 24 | (id & 0xffffff) : 0;
}

uint64_t ip6_multicast_mac(struct ip6 group)
{
	return 0x333300000000ull | (group.id & UINT32_MAX);
}

void ip6_bytes(struct ip6 a, uint8_t to[16])
{
	struct writer w = writer_of(to, 16);
	write_u64(&w, a.prefix);
	write_u64(&w, a.id);
}

/* ---- reading ---- */
static struct ip6 read_ip6(struct reader *r)
{
	struct ip6 a = { .prefix = read_u64(r) };
	a.id = read_u64(r);
	return a;
}

/* Goes behind one extension header; false where there is none. */
static bool skip_extension(struct reader *r, struct ipv6 *ip)
{
	if (ip->protocol == FRAGMENT) {
		ip->protocol = read_u8(r);
		read_u8(r);
		ip->fragment = read_u16(r) & 0xfff8;
		read_u32(r);
		ip->in_fragments = true;
		return true;
	}
	if (ip->protocol != HOP_BY_HOP && ip->protocol != ROUTING && ip->protocol != DESTINATION &&
	    ip->protocol != AUTHENTICATION)
		return false;
	bool words = ip->protocol == AUTHENTICATION; /* RFC 4302 counts in fours, the others in eights */
	ip->protocol = read_u8(r);
	size_t len = words ? (read_u8(r) + 2u) * 4 : (read_u8(r) + 1u) * 8;
	read_bytes(r, len - 2);
	return true;
}

err_t ipv6_parse(const struct frame *f, struct ipv6 *ret_ip)
{
	struct reader r = reader_of(f->payload, f->payload_len);
	struct ipv6 ip = { 0 };
	uint8_t version = (uint8_t)(read_u32(&r) >> 28);
	size_t len = read_u16(&r);
	ip.protocol = read_u8(&r);
	ip.hop_limit = read_u8(&r);
	ip.from = read_ip6(&r);
	ip.to = read_ip6(&r);
	if (r.bad || version != 6 || len > reader_left(&r))
		return E_INVALID;
	r.end = r.at + len;
	int count = 0;
	while (!ip.fragment && !r.bad && skip_extension(&r, &ip))
		if (++count > EXTENSIONS_MAX)
			return E_INVALID;
	if (r.bad)
		return E_INVALID;
	ip.payload = r.at;
	ip.payload_len = reader_left(&r);
	*ret_ip = ip;
	return OK;
}

err_t udp_parse6(const struct ipv6 *ip, struct udp *ret_udp)
{
	struct ipv4 same = { .protocol = ip->protocol,
			     .fragment = ip->fragment,
			     .payload = (uint8_t *)(uintptr_t)ip->payload,
			     .payload_len = ip->payload_len };
	return udp_parse(&same, ret_udp);
}

/* ---- making ---- */
size_t ipv6_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, const struct ipv6 *ip, size_t checksum_at)
{
	struct writer w = writer_of(to, IPV6_HEAD_BYTES);
	uint8_t *body = to + IPV6_HEAD_BYTES;
	ethernet_put(to, to_mac, from_mac, ETHERTYPE_IPV6);
	w.at += ETHERNET_BYTES;
	write_u32(&w, 6u << 28);
	write_u16(&w, (uint16_t)ip->payload_len);
	write_u8(&w, ip->protocol);
	write_u8(&w, HOP_LIMIT);
	write_u64(&w, ip->from.prefix);
	write_u64(&w, ip->from.id);
	write_u64(&w, ip->to.prefix);
	write_u64(&w, ip->to.id);
	/* The sum over the pseudo-header (section 8.1) without what the addresses add, then with them. */
	uint16_t pseudo = (uint16_t)~internet_checksum(to + ETHERNET_BYTES + 8, 32, (uint32_t)ip->payload_len + ip->protocol);
	body[checksum_at] = body[checksum_at + 1] = 0;
	uint16_t sum = internet_checksum(body, ip->payload_len, pseudo);
	sum = sum ? sum : 0xffff; /* UDP's 0 would mean "none" */
	body[checksum_at] = (uint8_t)(sum >> 8);
	body[checksum_at + 1] = (uint8_t)sum;
	return IPV6_HEAD_BYTES + ip->payload_len;
}

size_t udp_put6(uint8_t *to, uint64_t to_mac, uint64_t from_mac, struct ip6 from, struct ip6 to_ip, const struct udp *udp)
{
	struct ipv6 ip = { .from = from, .to = to_ip, .protocol = PROTOCOL_UDP, .payload_len = 8 + udp->payload_len };
	struct writer w = writer_of(to + IPV6_HEAD_BYTES, 8);
	write_u16(&w, udp->from);
	write_u16(&w, udp->to);
	write_u16(&w, (uint16_t)ip.payload_len);
	return ipv6_put(to, to_mac, from_mac, &ip, 6);
}

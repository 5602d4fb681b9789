/* SPDX-License-Identifier: Apache-2.0
 * nd.c - neighbour discovery: reading it strictly, and making advertisements
 */
#include "bytes.h"
#include "nd.h"

#define HOP_LIMIT 255 /* section 6.1: less has come through a router, or lies */
#define FOREVER UINT32_MAX
#define IPV6_MTU_MIN 1280

enum option {
	O_SOURCE_MAC = 1,
	O_TARGET_MAC = 2,
	O_PREFIX = 3,
	O_MTU = 5,
	O_DNS = 25,    /* RFC 8106 */
	O_SEARCH = 31, /* RFC 8106 */
};
enum flag { F_ROUTER = 0x80, F_SOLICITED = 0x40, F_OVERRIDE = 0x20 };
enum prefix_flag { F_ON_LINK = 0x80, F_AUTONOMOUS = 0x40 };

/* Bytes of the message before its options, ICMPv6's four included. */
static size_t head_bytes(enum nd_type type)
{
	switch (type) {
	case ND_ROUTER_SOLICITATION:
		return 8;
	case ND_ROUTER_ADVERTISEMENT:
		return 16;
	case ND_SOLICITATION:
	case ND_ADVERTISEMENT:
		return 24;
	case ND_REDIRECT:
		return 40;
	}
	return 0;
}

static err_t parse_options(struct reader *r, uint64_t mac, struct nd *nd)
{
	while (reader_left(r) > 0) {
		uint8_t kind = read_u8(r);
		size_t len = read_u8(r) * 8u;
		const uint8_t *data = len ? read_bytes(r, len - 2) : NULL;
		if (!data)
			return E_INVALID;
		if (kind != O_SOURCE_MAC && kind != O_TARGET_MAC)
			continue;
		struct reader address = reader_of(data, len - 2);
		uint64_t high = read_u16(&address);
		nd->foreign_mac |= (high << 32 | read_u32(&address)) != mac;
	}
	return OK;
}

err_t nd_parse(const struct frame *f, const struct ipv6 *ip, struct nd *ret_nd)
{
	struct reader r = reader_of(ip->payload, ip->payload_len);
	struct nd nd = { .type = read_u8(&r) };
	uint8_t code = read_u8(&r);
	if (ip->protocol != PROTOCOL_ICMPV6 || ip->fragment || nd.type < ND_ROUTER_SOLICITATION || nd.type > ND_REDIRECT)
		return E_NOT_FOUND;
	size_t head = head_bytes(nd.type);
	const uint8_t *rest = read_bytes(&r, head - 2);
	if (!rest || code != 0 || ip->hop_limit != HOP_LIMIT || ip->in_fragments)
		return E_INVALID;
	if (head >= 24) {
		struct reader target = reader_of(rest + 6, 16);
		nd.target.prefix = read_u64(&target);
		nd.target.id = read_u64(&target);
		if (ip6_is_multicast(nd.target))
			return E_INVALID;
	}
	TRY(parse_options(&r, f->from, &nd));
	*ret_nd = nd;
	return OK;
}

static void write_mac_option(struct writer *w, enum option kind, uint64_t mac)
{
	write_u8(w, (uint8_t)kind);
	write_u8(w, 1);
	write_u16(w, (uint16_t)(mac >> 32));
	write_u32(w, (uint32_t)mac);
}

static size_t finish(struct writer *w, uint8_t *frame, uint64_t to_mac, uint64_t from_mac, struct ip6 from, struct ip6 to)
{
	struct ipv6 ip = { .from = from, .to = to, .protocol = PROTOCOL_ICMPV6, .payload_len = writer_len(w) };
	return ipv6_put(frame, to_mac, from_mac, &ip, 2);
}

size_t nd_put_advertisement(const struct nd_advertisement *a, uint8_t *to)
{
	struct writer w = writer_of(to + IPV6_HEAD_BYTES, ND_ADVERTISEMENT_BYTES - IPV6_HEAD_BYTES);
	write_u32(&w, (uint32_t)ND_ADVERTISEMENT << 24);
	uint32_t flags = (a->router ? F_ROUTER : 0) | (a->solicited ? F_SOLICITED : 0) | (a->override ? F_OVERRIDE : 0);
	write_u32(&w, flags << 24);
	write_u64(&w, a->target.prefix);
	write_u64(&w, a->target.id);
	write_mac_option(&w, O_TARGET_MAC, a->target_mac);
	return finish(&w, to, a->to_mac, a->target_mac, a->target, ip6_is_unset(a->to) ? IP6_ALL_NODES : a->to);
}

static void write_ip6(struct writer *w, struct ip6 a)
{
	write_u64(w, a.prefix);
	write_u64(w, a.id);
}

size_t nd_put_router(const struct nd_router *n, uint8_t *to)
{
	struct writer w = writer_of(to + IPV6_HEAD_BYTES, ND_ROUTER_BYTES - IPV6_HEAD_BYTES);
	write_u32(&w, (uint32_t)ND_ROUTER_ADVERTISEMENT << 24);
	write_u16(&w, 64 << 8); /* hop limit for the hosts; no DHCPv6 */
	write_u16(&w, n->lifetime_s);
	write_u64(&w, 0);
	write_mac_option(&w, O_SOURCE_MAC, n->mac);
	write_u8(&w, O_PREFIX);
	write_u8(&w, 4);
	write_u8(&w, 64);
	write_u8(&w, F_ON_LINK | F_AUTONOMOUS);
	write_u32(&w, FOREVER);
	write_u32(&w, FOREVER);
	write_u32(&w, 0);
	write_ip6(&w, (struct ip6){ n->prefix, 0 });
	if (n->mtu >= IPV6_MTU_MIN) { /* a smaller one no host may heed */
		write_u16(&w, O_MTU << 8 | 1);
		write_u16(&w, 0);
		write_u32(&w, n->mtu);
	}
	write_u16(&w, O_DNS << 8 | 3);
	write_u16(&w, 0);
	write_u32(&w, FOREVER);
	write_ip6(&w, n->dns);
	write_u16(&w, O_SEARCH << 8 | 2);
	write_u16(&w, 0);
	write_u32(&w, FOREVER);
	write_bytes(&w, "\3lan\0\0\0", 8);
	return finish(&w, to, n->to_mac, n->mac, (struct ip6){ IP6_LINK_LOCAL, ula_id_of_mac(n->mac) },
		      ip6_is_unset(n->to) ? IP6_ALL_NODES : n->to);
}

/* SPDX-License-Identifier: Apache-2.0
 * ethernet_ipv6.c - IPv6 on the ethernet: whose address is whose, neighbours, our router advertisement
 *
 * How it works: the network's prefix is a function of its id, and each machine makes its own addresses in it, as machines do: of its
 * MAC, or at random. What is made of a member's MAC is that member's. Any other interface identifier belongs to whom it was
 * heard from first, until it is silent for MACS_AGE_US (first come, first served: RFC 6620), with one table for all prefixes, since
 * nobody chooses an identifier of another's by accident. A solicitation goes to the owner alone, or is answered for it; only where
 * nobody is known it is a multicast.
 */
#include "dhcp.h"
#include "dns.h"
#include "ethernet.h"
#include "peer.h"

#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547
#define ROUTER_LIFETIME_S 1800
#define ROUTER_EVERY_US (600 * SECOND_US)

/* ---- addresses ---- */
static bool is_local(const struct ethernet *l, struct ip6 a)
{
	return a.prefix == IP6_LINK_LOCAL || a.prefix == l->prefix;
}

static bool is_service(const struct ethernet *l, struct ip6 a)
{
	return ip6_equal(a, l->service_ip6) || (is_local(l, a) && ip6_mac_of_id(a.id) == l->service_mac);
}

/* NULL: nobody's yet. Ourselves are l. *ret_fixed: it is made of the owner's MAC. */
static const void *owner_of(const struct ethernet *l, uint64_t id, bool *ret_fixed, mono_time now)
{
	uint64_t mac = ip6_mac_of_id(id);
	const void *owner = mac == l->mac ? (const void *)l : mac ? ethernet_peer_by_mac(l, mac) : NULL;
	*ret_fixed = owner;
	return owner ? owner : macs_owner(&l->ids, id, now);
}

/* owner says that this address is its own: may it? Then it is from now on. */
static bool claim(struct ethernet *l, const void *owner, struct ip6 a, mono_time now)
{
	bool fixed;
	if (!is_local(l, a) || a.id == 0 || is_service(l, a))
		return false;
	const void *is = owner_of(l, a.id, &fixed, now);
	if (is && is != owner)
		return false;
	if (!macs_learn(&l->ids, a.id, owner, now) && !fixed)
		return false;
	uint64_t *known = owner == l ? &l->known_id : &((struct peer *)(uintptr_t)owner)->known_id;
	if (a.prefix == l->prefix && (*known == 0 || fixed || macs_owner(&l->ids, *known, now) != owner))
		*known = a.id;
	return true;
}

static bool is_world(struct ip6 a)
{
	return a.prefix >> 61 == 1; /* 2000::/3: global unicast */
}

/* Where our machine does not know better it asks nobody but us: not who sits behind its bridge. */
static bool serves(const struct ethernet *l, const struct frame *f)
{
	return l->answers && (!l->learn_macs || f->from == l->mac);
}

/* ---- answers ---- */
static void advertise(struct ethernet *l, struct ip6 target, uint64_t target_mac, const struct frame *f, struct ip6 to)
{
	uint8_t frame[ND_ADVERTISEMENT_BYTES];
	struct nd_advertisement a = { .target = target, .target_mac = target_mac, .to = to, .solicited = !ip6_is_unset(to) };
	a.to_mac = a.solicited ? f->from : ip6_multicast_mac(IP6_ALL_NODES);
	a.override = target_mac == l->service_mac;
	a.router = target_mac == l->gateway_mac; /* without it the asker forgets that it is one (RFC 4861 section 7.2.5) */
	ethernet_to_port(l, frame, nd_put_advertisement(&a, frame));
}

static void advertise_router(struct ethernet *l, uint64_t to_mac, struct ip6 to)
{
	uint8_t frame[ND_ROUTER_BYTES];
	bool elsewhere = l->gateway && l->gateway != l->self.ip;
	struct nd_router n = { .mac = elsewhere ? l->gateway_mac : l->service_mac,
			       .to_mac = to_mac,
			       .to = to,
			       .prefix = l->prefix,
			       .dns = l->service_ip6,
			       .mtu = l->network.mtu,
			       .lifetime_s = elsewhere ? ROUTER_LIFETIME_S : 0 };
	ethernet_to_port(l, frame, nd_put_router(&n, frame));
}

void ethernet_ipv6_router_changed(struct ethernet *l, uint64_t old_mac, mono_time now)
{
	struct nd_router old = { .mac = old_mac, .to_mac = ip6_multicast_mac(IP6_ALL_NODES), .prefix = l->prefix };
	uint8_t frame[ND_ROUTER_BYTES];
	old.dns = l->service_ip6;
	old.mtu = l->network.mtu;
	if (!l->answers || l->learn_macs || !l->has_ipv6)
		return;
	if (old_mac) /* no router any more */
		ethernet_to_port(l, frame, nd_put_router(&old, frame));
	l->router_us = now.us;
}

/* RFC 4861 section 6.2.4; who comes up asks by himself, this only keeps what is known from running out. */
void ethernet_ipv6_tick(struct ethernet *l, mono_time now)
{
	if (!l->answers || l->learn_macs || !l->has_ipv6 || now.us < l->router_us)
		return;
	l->router_us = now.us + ROUTER_EVERY_US;
	advertise_router(l, ip6_multicast_mac(IP6_ALL_NODES), (struct ip6){ 0 });
}

void ethernet_ipv6_peer_up(struct ethernet *l, struct peer *p, mono_time now)
{
	uint8_t room[MESH_HEADROOM + ND_ADVERTISEMENT_BYTES];
	struct nd_advertisement a = { .target = { l->prefix, l->known_id }, .target_mac = l->mac, .to_mac = mac_number(p->mac) };
	if (l->known_id && !l->learn_macs)
		ethernet_send_to(l, p, room + MESH_HEADROOM, nd_put_advertisement(&a, room + MESH_HEADROOM), now);
}

static void answer_service(struct ethernet *l, const struct frame *f, const struct ipv6 *ip, mono_time now)
{
	uint8_t frame[FRAME_MAX_BYTES];
	struct udp udp;
	if (!bucket_take(&l->answer, ETHERNET_ANSWER_RATE, VNET_MAX_PEERS, now) || ip->in_fragments)
		return;
	if (udp_parse6(ip, &udp) == OK && udp.to == DNS_PORT) {
		ethernet_answer_dns6(l, f, ip, &udp, now);
		return;
	}
	bool echo = ip->protocol == PROTOCOL_ICMPV6 && ip->payload_len >= 8 && ip->payload[0] == 128 && ip->payload[1] == 0;
	if (!echo || IPV6_HEAD_BYTES + ip->payload_len > l->mesh->frame_max)
		return;
	struct ipv6 out = { .from = ip->to, .to = ip->from, .protocol = PROTOCOL_ICMPV6, .payload_len = ip->payload_len };
	memcpy(frame + IPV6_HEAD_BYTES, ip->payload, ip->payload_len);
	frame[IPV6_HEAD_BYTES] = 129;
	ethernet_to_port(l, frame, ipv6_put(frame, f->from, l->service_mac, &out, 2));
}

/* A solicitation from our port, by multicast. True: done with. */
static bool answer_solicitation(struct ethernet *l, const struct frame *f, const struct ipv6 *ip, struct ip6 target,
				mono_time now)
{
	bool fixed;
	if (!is_local(l, target))
		return false;
	if (!bucket_take(&l->answer, ETHERNET_ANSWER_RATE, VNET_MAX_PEERS, now))
		return true;
	if (is_service(l, target)) {
		if (l->answers)
			advertise(l, target, l->service_mac, f, ip->from);
		return true;
	}
	const void *owner = owner_of(l, target.id, &fixed, now);
	if (!owner || owner == l)
		return false; /* our own: whom it reaches learns it */
	struct peer *p = (struct peer *)(uintptr_t)owner;
	bool taken = ip6_is_unset(ip->from); /* RFC 4862 section 5.4: it asks whether it may have it */
	if (taken || (fixed && macs_owner(&l->ids, target.id, now) == p))
		advertise(l, target, mac_number(p->mac), f, ip->from);
	else
		ethernet_send_to(l, p, f->data, f->len, now);
	return true;
}

/* ---- from the port ---- */
/* What neighbour discovery may say. */
static bool may_port_say(struct ethernet *l, const struct ipv6 *ip, const struct nd *nd, mono_time now)
{
	bool fixed;
	if (nd->foreign_mac)
		return false;
	switch (nd->type) {
	case ND_ADVERTISEMENT:
		return claim(l, l, nd->target, now);
	case ND_SOLICITATION:
		if (ip6_is_unset(ip->from) && !owner_of(l, nd->target.id, &fixed, now))
			(void)claim(l, l, nd->target, now);
		return true;
	case ND_ROUTER_SOLICITATION:
		return true;
	case ND_ROUTER_ADVERTISEMENT:
	case ND_REDIRECT:
		return l->learn_macs || l->gateway == l->self.ip;
	}
	return false;
}

static bool may_port_send_from(struct ethernet *l, const struct ipv6 *ip, mono_time now)
{
	if (ip6_is_unset(ip->from)) /* before it has an address: duplicate detection, and what groups it is in */
		return ip6_is_multicast(ip->to) && ip->protocol == PROTOCOL_ICMPV6;
	if (claim(l, l, ip->from, now))
		return true;
	return is_world(ip->from) && l->gateway == l->self.ip;
}

bool ethernet_ipv6_from_port(struct ethernet *l, const struct frame *f, const struct offload *o, mono_time now)
{
	struct ipv6 ip;
	struct nd nd;
	struct udp udp;
	err_t e = ipv6_parse(f, &ip);
	err_t is_nd = e == OK ? nd_parse(f, &ip, &nd) : E_INVALID;
	bool is_udp = e == OK && udp_parse6(&ip, &udp) == OK;
	if (e != OK || (is_nd != OK && is_nd != E_NOT_FOUND) || !may_port_send_from(l, &ip, now) ||
	    (is_nd == OK && !may_port_say(l, &ip, &nd, now)) || (is_udp && udp.from == DHCP6_SERVER_PORT && !l->learn_macs)) {
		l->spoofed++;
		return true;
	}
	if (o->gso)
		return f->to == l->service_mac;
	if (is_nd == OK && nd.type == ND_SOLICITATION && mac_is_multicast(f->to))
		return answer_solicitation(l, f, &ip, nd.target, now);
	if (is_nd == OK && nd.type == ND_ROUTER_SOLICITATION && l->answers) {
		if (serves(l, f) && l->has_ipv6 && bucket_take(&l->answer, ETHERNET_ANSWER_RATE, VNET_MAX_PEERS, now))
			advertise_router(l, f->from, ip.from);
		return true;
	}
	if (l->answers && (f->to == l->service_mac || is_service(l, ip.to))) {
		if (is_nd == OK && nd.type == ND_SOLICITATION && !ip6_is_unset(ip.from) && is_service(l, nd.target))
			advertise(l, nd.target, l->service_mac, f, ip.from);
		else if (is_nd != OK && is_service(l, ip.to))
			answer_service(l, f, &ip, now);
		return true;
	}
	return is_udp && udp.to == DHCP6_SERVER_PORT && udp.from == DHCP6_CLIENT_PORT && serves(l, f);
}

/* ---- from a peer ---- */
bool ethernet_ipv6_is_honest(struct ethernet *l, struct peer *p, const struct frame *f, mono_time now)
{
	struct ipv6 ip;
	struct nd nd;
	struct udp udp;
	if (ipv6_parse(f, &ip) != OK)
		return false;
	err_t is_nd = nd_parse(f, &ip, &nd);
	if (is_nd != OK && is_nd != E_NOT_FOUND)
		return false;
	if (ip6_is_unset(ip.from)) {
		if (!ip6_is_multicast(ip.to) || ip.protocol != PROTOCOL_ICMPV6)
			return false;
	} else if (!claim(l, p, ip.from, now) && !(is_world(ip.from) && l->gateway == p->ip)) {
		return false;
	}
	if (l->answers && udp_parse6(&ip, &udp) == OK && udp.from == DHCP6_SERVER_PORT)
		return false;
	if (is_nd != OK)
		return true;
	switch (nd.type) {
	case ND_ADVERTISEMENT:
		return !nd.foreign_mac && claim(l, p, nd.target, now);
	case ND_SOLICITATION:
		if (ip6_is_unset(ip.from))
			(void)claim(l, p, nd.target, now); /* where it is another's, that one will say so */
		return !nd.foreign_mac;
	case ND_ROUTER_SOLICITATION:
		return !nd.foreign_mac;
	case ND_ROUTER_ADVERTISEMENT:
	case ND_REDIRECT:
		return !l->answers && !nd.foreign_mac; /* what is said here of routers we say */
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 * ethernet_ipv6.c - IPv6 on the ethernet: who may use which address, neighbours, router advertisements, the service
 *
 * Node 0 is the gateway where a test says so. What a dishonest endpoint could send goes past the port's rules, straight into its mesh.
 */
#include "bytes.h"
#include "dhcp.h"
#include "machines.h"

static uint64_t prefix;

static struct ip6 local_of(int i)
{
	return (struct ip6){ IP6_LINK_LOCAL, ula_id_of_mac(mac_of(i)) };
}

static struct ip6 ula_of(int i)
{
	return (struct ip6){ prefix, ula_id_of_mac(mac_of(i)) };
}

#define UNSET ((struct ip6){ 0 })
#define WORLD ((struct ip6){ 0x20010db800000000ull, 1 })
#define SERVICE ((struct ip6){ prefix, 0x53 })
#define RANDOM_ID 0x1122334455667788ull

static size_t udp6(uint64_t to_mac, uint64_t from_mac, struct ip6 from, struct ip6 to, uint16_t from_number, uint16_t to_number)
{
	struct udp u = { .from = from_number, .to = to_number, .payload_len = 40 };
	memset(frame, 0, UDP6_HEAD_BYTES + 40);
	return udp_put6(frame, to_mac, from_mac, from, to, &u);
}

static size_t plain6(int from, int to, struct ip6 source)
{
	return udp6(mac_of(to), mac_of(from), source, ula_of(to), 1, 2);
}

/* Neighbour discovery of any type; mac: of its option, 0 for none. */
static size_t discovery(int from, enum nd_type type, uint64_t to_mac, struct ip6 source, struct ip6 to, struct ip6 target,
			uint64_t mac)
{
	struct writer w = writer_of(frame + IPV6_HEAD_BYTES, 200);
	struct ipv6 ip = { .from = source, .to = to, .protocol = PROTOCOL_ICMPV6 };
	write_u32(&w, (uint32_t)type << 24);
	write_u32(&w, 0);
	if (type == ND_ROUTER_ADVERTISEMENT)
		write_u64(&w, 0);
	if (type >= ND_SOLICITATION) {
		write_u64(&w, target.prefix);
		write_u64(&w, target.id);
	}
	if (type == ND_REDIRECT) {
		write_u64(&w, target.prefix);
		write_u64(&w, target.id);
	}
	if (mac) {
		write_u16(&w, (type == ND_ADVERTISEMENT || type == ND_REDIRECT ? 2 : 1) << 8 | 1);
		write_u16(&w, (uint16_t)(mac >> 32));
		write_u32(&w, (uint32_t)mac);
	}
	ip.payload_len = writer_len(&w);
	return ipv6_put(frame, to_mac, mac_of(from), &ip, 2);
}

static size_t solicitation(int from, struct ip6 source, struct ip6 target)
{
	struct ip6 group = { 0xff02000000000000ull, 0x1ff000000 | (target.id & 0xffffff) };
	return discovery(from, ND_SOLICITATION, ip6_multicast_mac(group), source, group, target,
			 ip6_is_unset(source) ? 0 : mac_of(from));
}

/* What the port of a node got last. */
static struct nd last_nd(int i, struct frame *f, struct ipv6 *ip)
{
	struct nd nd = { 0 };
	if (frame_parse(nodes[i].last, nodes[i].last_len, f) != OK || ipv6_parse(f, ip) != OK || nd_parse(f, ip, &nd) != OK)
		memset(&nd, 0, sizeof nd);
	uint32_t pseudo = (uint32_t)ip->payload_len + PROTOCOL_ICMPV6;
	uint16_t addresses = (uint16_t)~internet_checksum(f->payload + 8, 32, pseudo);
	ok(internet_checksum(ip->payload, ip->payload_len, addresses) == 0, "its checksum is right");
	return nd;
}

static bool advertised(int i, struct ip6 target, uint64_t mac)
{
	struct frame f = { 0 };
	struct ipv6 ip = { .payload = frame };
	struct nd nd = last_nd(i, &f, &ip);
	return nd.type == ND_ADVERTISEMENT && ip6_equal(nd.target, target) && f.from == mac && !nd.foreign_mac;
}

static void test_prefix(void)
{
	uuid other = { { 9 } };
	is_int(prefix >> 56, 0xfd, "the prefix is a local one (RFC 4193)");
	ok(prefix == ula_prefix(network.id) && prefix != ula_prefix(other), "and the network's own");
	is_int(ula_id_of_mac(0x525400010203), 0x505400fffe010203, "EUI-64 turns the universal bit");
	is_int(ip6_mac_of_id(0x505400fffe010203), 0x525400010203, "and back");
	is_int(ip6_mac_of_id(RANDOM_ID), 0, "what is random is of no MAC");
}

static void test_sources(void)
{
	uint64_t spoofed = nodes[1].ethernet.spoofed;
	is_int(from_port(1, 2, plain6(1, 2, ula_of(1))), 1, "the own address passes");
	is_int(from_port(1, 2, plain6(1, 2, local_of(1))), 1, "the link-local one too");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ IP6_LINK_LOCAL, RANDOM_ID })), 1, "and one made at random");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ prefix, RANDOM_ID })), 1, "in the network's prefix too");
	is_int(nodes[1].ethernet.spoofed, spoofed, "none of it looked forged");
	is_int(from_port(1, 2, plain6(1, 2, ula_of(0))), 0, "another's does not pass");
	is_int(from_port(1, 2, plain6(1, 2, local_of(2))), 0, "nor its link-local one");
	is_int(from_port(1, 2, plain6(1, 2, UNSET)), 0, "nor none");
	is_int(from_port(1, 2, plain6(1, 2, SERVICE)), 0, "nor the service's");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ IP6_LINK_LOCAL, ula_id_of_mac(SERVICE_MAC) })), 0, "in neither form");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ prefix, 0 })), 0, "nor the prefix itself");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ prefix + 1, 7 })), 0, "nor another network's");
	is_int(from_port(1, 2, plain6(1, 2, WORLD)), 0, "nor one of the world");
	is_int(from_port(1, 2, plain6(1, 2, IP6_ALL_NODES)), 0, "nor a group's");
	is_int(nodes[1].ethernet.spoofed, spoofed + 9, "all are counted");
	is_int(from_port(0, 2, plain6(0, 2, WORLD)), 1, "but the gateway may bring the world's");
	is_int(from_port(2, 1, plain6(2, 1, (struct ip6){ prefix, RANDOM_ID })), 0, "a random one is its first user's");
	run_us(MACS_AGE_US);
	is_int(from_port(2, 1, plain6(2, 1, (struct ip6){ prefix, RANDOM_ID })), 1, "until that was silent for long");
	size_t len = plain6(1, 2, ula_of(0));
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x00", 4);
	is_int(from_port(1, 2, len + 4), 0, "a priority tag hides nothing");
	memcpy(frame + 14, "\x00\x07", 2);
	is_int(from_port(1, 2, len + 4), 1, "a VLAN is another segment");
}

static void test_sources_of_a_peer(void)
{
	is_int(from_mesh(2, 1, plain6(2, 1, ula_of(2))), 1, "a peer's own address passes");
	is_int(from_mesh(2, 1, plain6(2, 1, ula_of(0))), 0, "another's does not");
	is_int(from_mesh(2, 1, plain6(2, 1, ula_of(1))), 0, "nor ours");
	is_int(from_mesh(2, 1, plain6(2, 1, local_of(1))), 0, "nor our link-local one");
	is_int(from_port(1, 2, plain6(1, 2, (struct ip6){ prefix, RANDOM_ID + 1 })), 1, "one that we took at random");
	is_int(from_mesh(2, 1, plain6(2, 1, (struct ip6){ prefix, RANDOM_ID + 1 })), 0, "it cannot have");
	is_int(from_mesh(2, 1, plain6(2, 1, SERVICE)), 0, "nor the service's");
	is_int(from_mesh(2, 1, plain6(2, 1, UNSET)), 0, "nor none");
	is_int(from_mesh(2, 1, plain6(2, 1, WORLD)), 0, "nor one of the world");
	is_int(from_mesh(0, 1, plain6(0, 1, WORLD)), 1, "from the gateway that passes");
	is_int(from_mesh(2, 1, udp6(mac_of(1), mac_of(2), local_of(2), local_of(1), 547, 546)), 0, "nobody else serves DHCPv6");
	is_int(from_mesh(2, 1, discovery(2, ND_ADVERTISEMENT, mac_of(1), ula_of(2), ula_of(1), ula_of(0), mac_of(2))), 0,
	       "nor speaks for another");
	is_int(from_mesh(2, 1, discovery(2, ND_ADVERTISEMENT, mac_of(1), ula_of(2), ula_of(1), ula_of(2), mac_of(0))), 0,
	       "nor names another's MAC");
	is_int(from_mesh(2, 1, discovery(2, ND_ADVERTISEMENT, mac_of(1), ula_of(2), ula_of(1), ula_of(2), mac_of(2))), 1,
	       "for itself it may");
	is_int(from_mesh(0, 1, discovery(0, ND_ROUTER_ADVERTISEMENT, mac_of(1), local_of(0), local_of(1), UNSET, 0)), 0,
	       "routers are advertised by nobody else");
	is_int(from_mesh(2, 1, discovery(2, ND_REDIRECT, mac_of(1), local_of(2), local_of(1), WORLD, 0)), 0, "nor redirected to");
}

static void test_neighbours(void)
{
	uint64_t spoofed;
	run_us(MACS_AGE_US); /* nobody has been heard of late */
	size_t others = nodes[0].frames;
	is_int(from_port(1, 2, solicitation(1, ula_of(1), ula_of(2))), 1, "who was not heard yet is asked himself");
	is_int(nodes[0].frames, others, "and only he");
	from_port(2, 1, plain6(2, 1, ula_of(2)));
	size_t asked = nodes[2].frames;
	is_int(from_port(1, 1, solicitation(1, ula_of(1), ula_of(2))), 1, "who was is answered for");
	ok(advertised(1, ula_of(2), mac_of(2)), "with his MAC");
	is_int(from_port(1, 1, solicitation(1, local_of(1), local_of(2))), 1, "by link-local address as well");
	ok(advertised(1, local_of(2), mac_of(2)), "with the same");
	is_int(from_port(1, 1, solicitation(1, UNSET, ula_of(2))), 1, "who wants another's address");
	ok(advertised(1, ula_of(2), mac_of(2)), "hears that it is taken");
	is_int(nodes[2].frames, asked, "nothing of it went to the network");
	is_int(from_port(1, 2, solicitation(1, UNSET, (struct ip6){ prefix, RANDOM_ID + 2 })), 1,
	       "who wants one of nobody's asks all");
	is_int(from_port(2, 1, plain6(2, 1, (struct ip6){ prefix, RANDOM_ID + 2 })), 0, "and has it");
	is_int(from_port(2, 1, solicitation(2, ula_of(2), (struct ip6){ prefix, RANDOM_ID + 2 })), 1, "it is asked for it");
	is_int(from_port(1, 2, solicitation(1, ula_of(1), (struct ip6){ prefix, RANDOM_ID + 9 })), 1,
	       "an address that nobody was heard with is asked for by multicast");
	is_int(from_port(1, 1, solicitation(1, local_of(1), SERVICE)), 1, "the service answers");
	ok(advertised(1, SERVICE, SERVICE_MAC), "with its MAC");
	spoofed = nodes[1].ethernet.spoofed;
	is_int(from_port(1, 2, discovery(1, ND_ADVERTISEMENT, mac_of(2), ula_of(1), ula_of(2), ula_of(1), mac_of(1))), 1,
	       "a true advertisement passes");
	is_int(from_port(1, 2, discovery(1, ND_ADVERTISEMENT, mac_of(2), ula_of(1), ula_of(2), ula_of(0), mac_of(1))), 0,
	       "one for another's address does not");
	is_int(from_port(1, 2, discovery(1, ND_ADVERTISEMENT, mac_of(2), ula_of(1), ula_of(2), ula_of(1), mac_of(0))), 0,
	       "nor one with another's MAC");
	is_int(from_port(1, 2, discovery(1, ND_SOLICITATION, mac_of(2), ula_of(1), ula_of(2), ula_of(2), mac_of(0))), 0,
	       "nor a question that names one");
	is_int(from_port(1, 2, discovery(1, ND_ROUTER_ADVERTISEMENT, mac_of(2), local_of(1), local_of(2), UNSET, 0)), 0,
	       "nor a router's");
	is_int(from_port(1, 2, discovery(1, ND_REDIRECT, mac_of(2), local_of(1), local_of(2), ula_of(2), 0)), 0,
	       "nor a redirect");
	is_int(from_port(1, 2, udp6(mac_of(2), mac_of(1), local_of(1), local_of(2), 547, 546)), 0, "nor a DHCPv6 server");
	is_int(nodes[1].ethernet.spoofed, spoofed + 6, "all are counted");
}

/* A router advertisement behind what a careless guard does not look through (RFC 7113). */
static void test_hiding(void)
{
	uint8_t message[64];
	size_t len = discovery(1, ND_ROUTER_ADVERTISEMENT, mac_of(2), local_of(1), local_of(2), UNSET, 0) - IPV6_HEAD_BYTES;
	struct ipv6 ip = { .from = local_of(1), .to = local_of(2), .protocol = 60, .payload_len = len + 16 };
	memcpy(message, frame + IPV6_HEAD_BYTES, len);
	memcpy(frame + IPV6_HEAD_BYTES, "\x3c\x00\x01\x04\0\0\0\0\x3a\x00\x01\x04\0\0\0", 16);
	memcpy(frame + IPV6_HEAD_BYTES + 16, message, len);
	is_int(from_port(1, 2, ipv6_put(frame, mac_of(2), mac_of(1), &ip, 18)), 0, "two destination options hide no router");
	ip.protocol = 44;
	ip.payload_len = len + 8;
	memcpy(frame + IPV6_HEAD_BYTES, "\x3a\x00\x00\x01\0\0\0\x07", 8);
	memcpy(frame + IPV6_HEAD_BYTES + 8, message, len);
	is_int(from_port(1, 2, ipv6_put(frame, mac_of(2), mac_of(1), &ip, 10)), 0, "nor does a fragment");
	ip.payload_len = 10;
	memcpy(frame + IPV6_HEAD_BYTES, "\x3c\x00\x00\x01\0\0\0\x07\x3a\x05", 10);
	is_int(from_port(1, 2, ipv6_put(frame, mac_of(2), mac_of(1), &ip, 4)), 0, "nor one that ends before the headers do");
	memcpy(frame + IPV6_HEAD_BYTES, "\x11\x00\x00\x08\0\0\0\x07\0\0", 10);
	is_int(from_port(1, 2, ipv6_put(frame, mac_of(2), mac_of(1), &ip, 4)), 1, "the rest of a packet passes");
	for (int i = 0; i < 10; i++)
		memcpy(frame + IPV6_HEAD_BYTES + i * 8, i < 9 ? "\x3c\x00\x01\x04\0\0\0" : "\x3b\x00\x01\x04\0\0\0", 8);
	ip.protocol = 60;
	ip.payload_len = 80;
	is_int(from_port(1, 2, ipv6_put(frame, mac_of(2), mac_of(1), &ip, 4)), 0, "nor do ten headers");
}

/* Reads one option of the advertisement that node i got last. */
static const uint8_t *router_option(int i, uint8_t kind)
{
	const uint8_t *at = nodes[i].last + IPV6_HEAD_BYTES + 16, *end = nodes[i].last + nodes[i].last_len;
	while (at + 2 <= end && at[1] && at + at[1] * 8 <= end) {
		if (*at == kind)
			return at;
		at += at[1] * 8;
	}
	return NULL;
}

static void test_router(void)
{
	struct frame f = { 0 };
	struct ipv6 ip = { .payload = frame };
	uint8_t want[16];
	size_t others = nodes[2].frames, ask;
	ethernet_up(1, false, -1);
	ask = discovery(1, ND_ROUTER_SOLICITATION, 0x333300000002, local_of(1), (struct ip6){ 0xff02000000000000ull, 2 }, UNSET,
			mac_of(1));
	is_int(from_port(1, 1, ask), 1, "who asks for routers gets an answer here");
	is_int(nodes[2].frames, others, "and nobody else hears of it");
	struct nd nd = last_nd(1, &f, &ip);
	ok(nd.type == ND_ROUTER_ADVERTISEMENT && f.to == mac_of(1) && f.from == SERVICE_MAC && ip.hop_limit == 255,
	   "from the service");
	is_int(ip.payload[6] << 8 | ip.payload[7], 0, "which is no default router");
	const uint8_t *o = router_option(1, 3);
	ip6_bytes((struct ip6){ prefix, 0 }, want);
	ok(o && o[2] == 64 && o[3] == 0xc0 && !memcmp(o + 16, want, 16), "with the prefix, to make addresses of");
	o = router_option(1, 25);
	ip6_bytes(SERVICE, want);
	ok(o && !memcmp(o + 8, want, 16), "the name server");
	o = router_option(1, 31);
	ok(o && !memcmp(o + 8, "\3lan", 5), "the search domain");
	o = router_option(1, 5);
	ok(o && o[6] == 1400 >> 8 && o[7] == (1400 & 255), "and the MTU");

	ethernet_up(1, false, 0);
	from_port(1, 1, ask);
	nd = last_nd(1, &f, &ip);
	ok(nd.type == ND_ROUTER_ADVERTISEMENT && f.from == mac_of(0) && ip6_equal(ip.from, local_of(0)) &&
		   (ip.payload[6] << 8 | ip.payload[7]) == 1800,
	   "with a gateway it comes from there, as default router");
	size_t before = nodes[1].frames;
	ethernet_ipv6_tick(&nodes[1].ethernet, now);
	ethernet_ipv6_tick(&nodes[1].ethernet, now);
	is_int(nodes[1].frames - before, 1, "now and then nobody has to ask");
	struct vnet_peer all[2] = { nodes[0].self, nodes[2].self };
	assert(ethernet_learn_peers(&nodes[1].ethernet, all, 2, now) == OK);
	nd = last_nd(1, &f, &ip);
	ok(nd.type == ND_ROUTER_ADVERTISEMENT && f.from == mac_of(0) && !ip.payload[6] && !ip.payload[7],
	   "when the gateway goes it is a router no longer");

	ethernet_up(1, true, 0);
	before = nodes[1].frames;
	ethernet_ipv6_tick(&nodes[1].ethernet, now);
	is_int(nodes[1].frames, before, "a bridge is not told of prefixes");
	memcpy(frame + 6, "\x02\0\0\0\x77\x77", 6);
	is_int(from_port(1, 1, ask - 8), 0, "nor who stands behind it");
	ethernet_up(1, false, 0);
}

static void test_names(void)
{
	size_t len = udp6(SERVICE_MAC, mac_of(1), ula_of(1), SERVICE, 999, 53);
	static const char question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3vm2\3lan\0\0\x1c\0\1";
	uint8_t want[16];
	from_port(2, 1, plain6(2, 1, ula_of(2)));
	memcpy(frame + UDP6_HEAD_BYTES, question, 25);
	len = udp6(SERVICE_MAC, mac_of(1), ula_of(1), SERVICE, 999, 53);
	memcpy(frame + UDP6_HEAD_BYTES, question, 25);
	is_int(from_port(1, 1, len), 1, "a name is asked for over IPv6");
	ip6_bytes(ula_of(2), want);
	ok(!memcmp(nodes[1].last + nodes[1].last_len - 16, want, 16), "and has the IPv6 address that was heard");
	struct ipv6 ip = { .from = ula_of(1), .to = SERVICE, .protocol = PROTOCOL_ICMPV6, .payload_len = 16 };
	memset(frame + IPV6_HEAD_BYTES, 0, 16);
	frame[IPV6_HEAD_BYTES] = 128;
	is_int(from_port(1, 1, ipv6_put(frame, SERVICE_MAC, mac_of(1), &ip, 2)), 1, "an echo is answered");
	is_int(nodes[1].last[IPV6_HEAD_BYTES], 129, "with a reply");
	memset(frame + UDP6_HEAD_BYTES, 0, 40);
	memcpy(frame + UDP6_HEAD_BYTES, "\x12\x34\x01\0\0\1\0\0\0\0\0\0\3org\0\0\1\0\1", 21);
	struct udp u = { .from = 999, .to = 53, .payload_len = 21 };
	ethernet_up(1, false, -1);
	is_int(from_port(1, 1, udp_put6(frame, SERVICE_MAC, mac_of(1), ula_of(1), SERVICE, &u)), 1, "a single label");
	is_int(nodes[1].last[UDP6_HEAD_BYTES + 3] & 15, 3, "that nobody has does not exist");
	ethernet_up(1, false, 0);
	memcpy(frame + UDP6_HEAD_BYTES, "\x12\x34\x01\0\0\1\0\0\0\0\0\0\1x\3org\0\0\1\0\1", 23);
	u.payload_len = 23;
	is_int(from_port(1, 0, udp_put6(frame, SERVICE_MAC, mac_of(1), ula_of(1), SERVICE, &u)), 1,
	       "one of the world goes to the gateway");
	u = (struct udp){ .from = VNET_GATEWAY_DNS_PORT, .to = 999, .payload_len = 23 };
	is_int(from_port(0, 1, udp_put6(frame, mac_of(1), mac_of(0), ula_of(0), ula_of(1), &u)), 1, "whose answer");
	ip6_bytes(SERVICE, want);
	ok(!memcmp(nodes[1].last + ETHERNET_BYTES + 8, want, 16), "comes from the service");
}

static void test_announcement(void)
{
	size_t before = nodes[2].frames;
	from_port(1, 2, plain6(1, 2, ula_of(1)));
	nodes[2].ethernet.known_id = 0;
	peer_at(2, 1)->known_id = 0;
	ethernet_ipv6_peer_up(&nodes[1].ethernet, peer_at(1, 2), now);
	run_us(2 * DELAY_US);
	is_int(nodes[2].frames - before, 2, "a peer that comes hears of our address");
	is_int(peer_at(2, 1)->known_id, ula_id_of_mac(mac_of(1)), "and knows it");
}

int main(void)
{
	prefix = ula_prefix(network.id);
	machines_up(0);
	test_prefix();
	test_sources();
	test_sources_of_a_peer();
	test_neighbours();
	test_hiding();
	test_router();
	test_names();
	test_announcement();
	machines_down();
	return done_testing();
}

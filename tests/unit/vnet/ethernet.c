/* SPDX-License-Identifier: Apache-2.0
 * ethernet.c - the rules of the ethernet: what is answered, what passes, what is a lie
 *
 * Node 0 is the gateway, node 2's port may be a bridge. What a dishonest endpoint could send goes past those rules, straight into its mesh.
 */
#include "dhcp.h"
#include "machines.h"

#define OTHER_ETHERTYPE 0x88b5 /* IEEE 802's for experiments */

static size_t plain_frame(uint64_t to, uint64_t from, uint16_t ethertype)
{
	struct arp unused = { .target_mac = to, .sender_mac = from };
	memset(frame, 0, 100);
	arp_put(&unused, frame);
	memset(frame + ETHERNET_BYTES, 0, 86);
	frame[12] = (uint8_t)(ethertype >> 8);
	frame[13] = (uint8_t)ethertype;
	return 100;
}

static size_t arp_frame(uint16_t operation, uint64_t to, uint64_t sender_mac, uint32_t sender_ip, uint32_t target_ip)
{
	struct arp a = { operation, sender_mac, to, sender_ip, target_ip };
	size_t len = arp_put(&a, frame);
	memset(frame + 32, 0, 6);
	return len;
}

static bool answered_arp(int i, uint64_t mac, uint32_t ip)
{
	struct frame f;
	struct arp a;
	return frame_parse(nodes[i].last, nodes[i].last_len, &f) == OK && f.to == mac_of(i) && arp_parse(&f, &a) == OK &&
	       a.operation == ARP_REPLY && a.sender_mac == mac && a.sender_ip == ip && a.target_ip == ip_of(i);
}

static void test_arp(void)
{
	size_t sent = nodes[1].ethernet.tx_frames;
	is_int(from_port(1, 1, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), ip_of(1), ip_of(2))), 1,
	       "ARP for a member is answered here");
	ok(answered_arp(1, mac_of(2), ip_of(2)), "with its MAC");
	is_int(from_port(1, 1, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), ip_of(1), SERVICE_IP)), 1,
	       "the service address too");
	ok(answered_arp(1, SERVICE_MAC, SERVICE_IP), "with its MAC");
	is_int(from_port(1, 1, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), 0, ip_of(1))), 0,
	       "nobody contests the own address");
	is_int(from_port(1, 1, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), 0, ip_of(2))), 1,
	       "but a probe for another's is answered");
	is_int(from_port(1, 2, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), ip_of(1), ip_of(1))), 0,
	       "announcements stay here");
	is_int(nodes[1].ethernet.tx_frames, sent, "none of it went to the network");
	is_int(from_port(1, 2, arp_frame(ARP_REQUEST, MAC_BROADCAST, mac_of(1), ip_of(1), 0x0a4d7777)), 1,
	       "ARP for nobody is a broadcast");
	is_int(from_port(1, 2, arp_frame(ARP_REPLY, mac_of(2), mac_of(1), ip_of(1), ip_of(2))), 1, "a true reply passes");
	uint64_t spoofed = nodes[1].ethernet.spoofed;
	is_int(from_port(1, 2, arp_frame(ARP_REPLY, mac_of(2), mac_of(1), ip_of(0), ip_of(2))), 0,
	       "a forged sender address does not");
	size_t len = arp_frame(ARP_REPLY, mac_of(2), mac_of(1), ip_of(1), ip_of(2));
	frame[27] ^= 1;
	is_int(from_port(1, 2, len), 0, "nor a sender MAC that is not the frame's");
	is_int(from_port(1, 2, arp_frame(ARP_REPLY, mac_of(2), mac_of(1), ip_of(1), ip_of(2)) - 4), 0, "nor half an ARP");
	is_int(nodes[1].ethernet.spoofed, spoofed + 3, "all are counted");
}

static void test_unicast(void)
{
	is_int(from_port(1, 2, udp_frame(mac_of(2), mac_of(1), ip_of(1), ip_of(2), 1, 2)), 1, "IPv4 passes to a member");
	is_int(from_port(1, 2, plain_frame(mac_of(2), mac_of(1), OTHER_ETHERTYPE)), 1, "any protocol");
	is_int(from_port(1, 2, plain_frame(mac_of(2), mac_of(1), ETHERTYPE_IPV6)), 0, "but no IPv6 that is none");
	uint64_t dropped = nodes[1].ethernet.dropped;
	is_int(from_port(1, 2, udp_frame(0x525400777777, mac_of(1), ip_of(1), ip_of(2), 1, 2)), 0,
	       "to an unknown MAC it does not");
	is_int(from_port(1, 1, udp_frame(mac_of(1), mac_of(1), ip_of(1), ip_of(1), 1, 2)), 0, "nor to oneself");
	is_int(nodes[1].ethernet.dropped, dropped + 2, "both are counted");
	is_int(from_port(1, 2, plain_frame(0x333300000001, mac_of(1), OTHER_ETHERTYPE)), 1, "multicast passes");
	size_t all = from_port(1, 0, plain_frame(MAC_BROADCAST, mac_of(1), OTHER_ETHERTYPE));
	is_int(all, 1, "broadcast passes");
}

static void test_forgery_at_the_port(void)
{
	uint64_t spoofed = nodes[1].ethernet.spoofed;
	is_int(from_port(1, 2, udp_frame(mac_of(2), mac_of(0), ip_of(1), ip_of(2), 1, 2)), 0, "another's MAC does not pass");
	is_int(from_port(1, 2, udp_frame(mac_of(2), mac_of(1), ip_of(0), ip_of(2), 1, 2)), 0, "nor another's address");
	is_int(from_port(1, 2, udp_frame(mac_of(2), mac_of(1), 0, ip_of(2), 1, 2)), 0, "nor none");
	is_int(from_port(1, 2, udp_frame(mac_of(2), mac_of(1), 0x08080808, ip_of(2), 1, 2)), 0, "nor one of the world");
	is_int(from_port(0, 2, udp_frame(mac_of(2), mac_of(0), 0x08080808, ip_of(2), 1, 2)), 1,
	       "but the gateway may bring those");
	is_int(from_port(1, 2, udp_frame(MAC_BROADCAST, mac_of(1), ip_of(1), UINT32_MAX, 67, 68)), 0,
	       "a DHCP server does not pass");
	/* The same behind a priority tag, which many kernels take for no tag. */
	size_t len = udp_frame(mac_of(2), mac_of(1), ip_of(0), ip_of(2), 1, 2);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x00", 4);
	is_int(from_port(1, 2, len + 4), 0, "nor a forged address behind a VLAN tag");
	len = udp_frame(mac_of(2), mac_of(1), ip_of(1), ip_of(2), 1, 2);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x05", 4);
	is_int(from_port(1, 2, len + 4), 1, "a true one there passes");
	len = udp_frame(mac_of(2), mac_of(1), 0xc0a80001, 0xc0a80002, 1, 2);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x05", 4);
	is_int(from_port(1, 2, len + 4), 1, "in a VLAN of its own any address passes");
	memmove(frame + 16, frame + 12, len - 8);
	memcpy(frame + 12, "\x88\xa8\x00\x00", 4);
	is_int(from_port(1, 2, len + 8), 1, "also behind another tag (802.1ad)");
	memcpy(frame + 18, "\x00\x00", 2);
	is_int(from_port(1, 2, len + 8), 0, "but not where both tags name VLAN 0");
	memmove(frame + 16, frame + 12, len - 4);
	is_int(from_port(1, 2, len + 12), 0, "nor behind three");
	len = udp_frame(mac_of(2), mac_of(0), ip_of(0), ip_of(2), 1, 2);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, "\x81\x00\x00\x05", 4);
	is_int(from_port(1, 2, len + 4), 0, "and never with another's MAC");
	is_int(nodes[1].ethernet.spoofed, spoofed + 8, "all are counted");
	is_int(from_port(1, 2, 10), 0, "a runt does not pass");
	len = plain_frame(mac_of(2), mac_of(1) | 1ull << 40, OTHER_ETHERTYPE);
	is_int(from_port(1, 2, len), 0, "nor a multicast source");
}

static void test_forgery_by_a_peer(void)
{
	uint64_t dropped = peer_at(1, 2)->dropped;
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(2), ip_of(2), ip_of(1), 1, 2)), 1, "a peer's own address passes");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(0), ip_of(0), ip_of(1), 1, 2)), 0, "another member's MAC does not");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(2), ip_of(0), ip_of(1), 1, 2)), 0, "nor its IP address");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(1), ip_of(2), ip_of(1), 1, 2)), 0, "nor our MAC");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(2), ip_of(1), ip_of(1), 1, 2)), 0, "nor our IP address");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), SERVICE_MAC, ip_of(2), ip_of(1), 1, 2)), 0, "nor the service's MAC");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(2), SERVICE_IP, ip_of(1), 53, 2)), 0, "nor its address");
	is_int(from_mesh(2, 1, udp_frame(mac_of(1), mac_of(2), 0x08080808, ip_of(1), 1, 2)), 0, "nor one of the world");
	is_int(from_mesh(0, 1, udp_frame(mac_of(1), mac_of(0), 0x08080808, ip_of(1), 1, 2)), 1, "from the gateway that passes");
	is_int(from_mesh(2, 1, udp_frame(MAC_BROADCAST, mac_of(2), ip_of(2), UINT32_MAX, 67, 68)), 0,
	       "a DHCP server does not pass");
	is_int(from_mesh(2, 1, arp_frame(ARP_REPLY, mac_of(1), mac_of(2), ip_of(0), ip_of(1))), 0, "nor a forged ARP");
	is_int(from_mesh(2, 1, udp_frame(mac_of(0), mac_of(2), ip_of(2), ip_of(1), 1, 2)), 0, "nor what is for another's MAC");
	is_int(peer_at(1, 2)->dropped, dropped + 10, "all are counted");
}

static void test_flood(void)
{
	run_us(10 * SECOND_US);
	size_t before = nodes[2].frames, len = plain_frame(MAC_BROADCAST, mac_of(1), OTHER_ETHERTYPE);
	for (int i = 0; i < 300; i++)
		ethernet_from_port(&nodes[1].ethernet, frame, len, &offload_none, now);
	run_us(2 * DELAY_US);
	is_int(nodes[2].frames - before, ETHERNET_FLOOD_BURST, "a burst of broadcasts is cut");
	run_us(SECOND_US / 2);
	before = nodes[2].frames;
	for (int i = 0; i < 300; i++)
		ethernet_from_port(&nodes[1].ethernet, frame, len, &offload_none, now);
	run_us(2 * DELAY_US);
	is_int(nodes[2].frames - before, ETHERNET_FLOOD_RATE / 2 + ETHERNET_FLOOD_RATE * 2 * DELAY_US / SECOND_US,
	       "and the rest comes at the rate");
	run_us(10 * SECOND_US);
	before = nodes[1].frames;
	for (int i = 0; i < 1000; i++)
		mesh_send(&nodes[2].mesh, peer_at(2, 1), frame, plain_frame(MAC_BROADCAST, mac_of(2), OTHER_ETHERTYPE),
			  &offload_none, now);
	run_us(2 * DELAY_US);
	is_int(nodes[1].frames - before, 400, "a dishonest peer's flood is cut where it arrives");
}

static void test_bridge(void)
{
	uint64_t behind = 0x020000000100, spoofed;
	ethernet_up(2, true, 0);
	is_int(from_port(2, 1, plain_frame(MAC_BROADCAST, behind, OTHER_ETHERTYPE)), 1, "a machine behind a bridge is heard");
	is_int(from_port(1, 2, plain_frame(behind, mac_of(1), OTHER_ETHERTYPE)), 1, "and answered where it was heard");
	is_int(from_port(1, 0, plain_frame(behind, mac_of(1), OTHER_ETHERTYPE)), 0, "only there");
	is_int(from_port(2, 1, udp_frame(mac_of(1), behind, 0x0a4d5555, ip_of(1), 1, 2)), 1,
	       "it may have an address of the network");
	spoofed = nodes[2].ethernet.spoofed;
	is_int(from_port(2, 1, udp_frame(mac_of(1), behind, ip_of(0), ip_of(1), 1, 2)), 0, "but not a member's");
	is_int(from_port(2, 1, plain_frame(mac_of(1), mac_of(0), OTHER_ETHERTYPE)), 0, "nor a member's MAC");
	is_int(nodes[2].ethernet.spoofed, spoofed + 2, "both are counted");
	for (unsigned i = 1; i < MACS_PER_OWNER; i++)
		from_port(2, 1, plain_frame(mac_of(1), behind + i, OTHER_ETHERTYPE));
	is_int(nodes[2].ethernet.macs.count, MACS_PER_OWNER, "as many MACs as may be");
	is_int(from_port(2, 1, plain_frame(mac_of(1), behind + MACS_PER_OWNER, OTHER_ETHERTYPE)), 0, "and no more");
	/* Past its own rules a peer cannot get more into ours either. */
	is_int(from_mesh(2, 1, plain_frame(mac_of(1), behind + MACS_PER_OWNER, OTHER_ETHERTYPE)), 0, "also not by cheating");
	run_us(MACS_AGE_US);
	is_int(from_port(1, 2, plain_frame(behind, mac_of(1), OTHER_ETHERTYPE)), 0, "a MAC that was silent long is unknown");
	is_int(from_port(2, 1, plain_frame(mac_of(1), behind + MACS_PER_OWNER, OTHER_ETHERTYPE)), 1, "and makes room");
	/* A MAC that moves, and moves, and moves. */
	size_t moved = 0;
	for (int i = 0; i < 20; i++)
		moved += macs_learn(&nodes[1].ethernet.macs, behind + MACS_PER_OWNER,
				    i % 2 ? (void *)peer_at(1, 0) : peer_at(1, 2), now);
	is_int(moved, MACS_MOVES + 1 + (20 - MACS_MOVES - 1) / 2, "moves are limited");
	ethernet_up(2, false, 0);
}

/* A question for a name of the world, from node 1 to the service. */
static size_t world_question(void)
{
	size_t len = udp_frame(SERVICE_MAC, mac_of(1), ip_of(1), SERVICE_IP, 999, 53);
	memcpy(frame + UDP_HEAD_BYTES, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x61\x03org\x00\x00\x01\x00\x01", 23);
	return len;
}

static bool last_udp(int i, uint32_t from, uint16_t from_port_number, uint32_t to, uint16_t to_port_number)
{
	struct frame f;
	struct ipv4 ip;
	struct udp u;
	return frame_parse(nodes[i].last, nodes[i].last_len, &f) == OK && ipv4_parse(&f, &ip) == OK && udp_parse(&ip, &u) == OK &&
	       f.to == mac_of(i) && ip.from == from && ip.to == to && u.from == from_port_number && u.to == to_port_number &&
	       !internet_checksum(f.payload, 20, 0) &&
	       !internet_checksum(f.payload + 12, f.payload_len - 12, 17 + (uint32_t)(f.payload_len - 20));
}

static void test_world_names(void)
{
	struct udp answer = { .from = VNET_GATEWAY_DNS_PORT, .to = 999, .payload_len = 5 };
	is_int(from_port(1, 0, world_question()), 1, "a name of the world is asked at the gateway");
	ok(last_udp(0, ip_of(1), 999, ip_of(0), VNET_GATEWAY_DNS_PORT), "at a port of its own, by who asked");
	memcpy(frame + UDP_HEAD_BYTES, "reply", 5);
	is_int(from_port(0, 1, udp_put(frame, mac_of(1), mac_of(0), ip_of(0), ip_of(1), &answer)), 1, "its answer arrives");
	ok(last_udp(1, SERVICE_IP, 53, ip_of(1), 999), "as the service's");
	ok(!memcmp(nodes[1].last + UDP_HEAD_BYTES, "reply", 5), "as it was");
	is_int(from_port(2, 1, udp_put(frame, mac_of(1), mac_of(2), ip_of(2), ip_of(1), &answer)), 1,
	       "another's packet from that port");
	ok(last_udp(1, ip_of(2), VNET_GATEWAY_DNS_PORT, ip_of(1), 999), "stays what it is");
	ethernet_up(1, false, -1);
	size_t asked = nodes[0].frames;
	is_int(from_port(1, 1, world_question()), 1, "without a gateway");
	ok(nodes[1].last[UDP_HEAD_BYTES + 3] == 5 && nodes[0].frames == asked, "it is refused");
	ethernet_up(1, false, 0);
}

static size_t dhcp_frame(uint8_t kind, uint32_t requested, uint64_t mac, uint16_t flags)
{
	uint8_t *m = frame + UDP_HEAD_BYTES;
	memset(m, 0, 300);
	m[0] = m[1] = 1;
	m[2] = 6;
	m[4] = 0x77;
	m[10] = (uint8_t)(flags >> 8);
	for (int i = 0; i < 6; i++)
		m[28 + i] = (uint8_t)(mac >> (40 - 8 * i));
	memcpy(m + 236, "\x63\x82\x53\x63\x35\x01", 6);
	m[242] = kind;
	m[243] = 50;
	m[244] = 4;
	for (int i = 0; i < 4; i++)
		m[245 + i] = (uint8_t)(requested >> (24 - 8 * i));
	m[249] = 255;
	struct udp u = { .from = 68, .to = 67, .payload_len = 300 };
	return udp_put(frame, MAC_BROADCAST, mac, 0, UINT32_MAX, &u);
}

static uint8_t dhcp_reply_kind(int i, bool broadcast)
{
	struct frame f;
	struct ipv4 ip;
	struct udp u;
	if (frame_parse(nodes[i].last, nodes[i].last_len, &f) != OK || ipv4_parse(&f, &ip) != OK || udp_parse(&ip, &u) != OK)
		return 0;
	if (f.to != (broadcast ? MAC_BROADCAST : mac_of(i)) || ip.to != (broadcast ? UINT32_MAX : ip_of(i)) || u.to != 68)
		return 0;
	return internet_checksum(f.payload, 20, 0) == 0 ? u.payload[242] : 0;
}

static void test_services(void)
{
	size_t sent = nodes[1].ethernet.tx_frames;
	is_int(from_port(1, 1, dhcp_frame(1, 0, mac_of(1), 0)), 1, "DHCP is answered here");
	is_int(dhcp_reply_kind(1, false), 2, "with an offer");
	is_int(from_port(1, 1, dhcp_frame(3, ip_of(1), mac_of(1), 0x8000)), 1, "a request");
	is_int(dhcp_reply_kind(1, true), 5, "with an ACK, by broadcast where the client wants it");
	is_int(from_port(1, 1, dhcp_frame(3, ip_of(2), mac_of(1), 0)), 1, "a request for another address");
	is_int(dhcp_reply_kind(1, true), 6, "with a NAK");
	size_t len = udp_frame(SERVICE_MAC, mac_of(1), ip_of(1), SERVICE_IP, 999, 53);
	memcpy(frame + UDP_HEAD_BYTES, "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03vm2\x03lan\x00\x00\x01\x00\x01", 25);
	is_int(from_port(1, 1, len), 1, "a name is looked up");
	ok(!memcmp(nodes[1].last + nodes[1].last_len - 4, "\x0a\x4d\x00\x03", 4), "and found");
	is_int(from_port(1, 1, udp_frame(SERVICE_MAC, mac_of(1), ip_of(1), SERVICE_IP, 999, 54)), 0, "other ports are silent");
	struct ipv4 ip = { .from = ip_of(1), .to = SERVICE_IP, .protocol = PROTOCOL_ICMP, .payload_len = 16 };
	memset(frame + IPV4_HEAD_BYTES, 0, 16);
	frame[IPV4_HEAD_BYTES] = 8;
	is_int(from_port(1, 1, ipv4_put(frame, SERVICE_MAC, mac_of(1), &ip)), 1, "an echo is answered");
	is_int(internet_checksum(nodes[1].last + IPV4_HEAD_BYTES, 16, 0), 0, "with the right checksum");
	is_int(nodes[1].ethernet.tx_frames, sent, "nothing of it reached the network");
	is_int(nodes[1].ethernet.tx_bytes > 0, 1, "what did was metered");
}

/* ---- segments of super-frames, at a port that joins them ---- */
static struct run joined;
static size_t begun;

static void begin_run(void *context, const uint8_t *data, size_t len, const struct offload *o)
{
	(void)context;
	begun += run_begin(&joined, data, len, o);
}

static bool join_run(void *context, const uint8_t *data, size_t len, const struct offload *o)
{
	(void)context;
	return run_join(&joined, data, len, o);
}

/* Node by says to node 0 that the machine of node as sends this segment. */
static void segment_from(int by, int as, uint16_t index)
{
	static uint8_t segments[4][IPV4_HEAD_BYTES + 120];
	uint8_t *data = segments[index];
	struct ipv4 ip = { .from = ip_of(as), .to = ip_of(0), .protocol = PROTOCOL_TCP, .payload_len = 120 };
	struct offload o = { .partial_csum = true, .gso = INNER_GSO_TCP4, .gso_size = 100, .super_id = 7, .index = index };
	memset(data, 0, sizeof segments[0]);
	data[IPV4_HEAD_BYTES + 7] = (uint8_t)(index * 100);
	data[IPV4_HEAD_BYTES + 12] = 0x50;
	size_t len = ipv4_put(data, mac_of(0), mac_of(as), &ip);
	ethernet_from_peer(&nodes[0].ethernet, peer_at(0, by), data, len, &o, now);
}

static void test_segments(void)
{
	struct ethernet *l = &nodes[0].ethernet;
	uint64_t frames = l->rx_frames, dropped = peer_at(0, 2)->dropped + peer_at(0, 1)->dropped;
	l->to_port = begin_run;
	l->join = join_run;
	segment_from(1, 1, 0);
	segment_from(1, 1, 1);
	ok(begun == 1 && joined.count == 2, "segments of one peer are joined");
	is_int(l->rx_frames, frames + 2, "and each is counted");
	segment_from(2, 1, 2);
	ok(joined.count == 2, "what another peer says is not joined to them");
	segment_from(1, 2, 2);
	ok(joined.count == 2, "nor what the peer says in another's name");
	is_int(peer_at(0, 2)->dropped + peer_at(0, 1)->dropped, dropped + 2, "both are dropped");
	segment_from(1, 1, 2);
	is_int(joined.count, 3, "the true one is joined");
	l->to_port = to_port;
	l->join = NULL;
}

int main(void)
{
	machines_up(0);
	test_arp();
	test_unicast();
	test_forgery_at_the_port();
	test_forgery_by_a_peer();
	test_flood();
	test_bridge();
	test_services();
	test_world_names();
	test_segments();
	machines_down();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * ethernet_answer.c - what is answered here instead of by the network: ARP for members, DHCP, DNS, and a ping of who does it
 *
 * Names of the world are the gateway's to find: where there is one the question goes on to VNET_GATEWAY_DNS_PORT of its machine, with
 * our machine's own address and port, and what comes back from there is delivered as our answer. Nothing is remembered for it.
 */
#include <strings.h>
#include "dhcp.h"
#include "dns.h"
#include "ethernet.h"
#include "peer.h"

#define ICMP_ECHO 8
#define ICMP_ECHO_REPLY 0

bool ethernet_answer_arp(struct ethernet *l, const struct arp *a, mono_time now)
{
	uint8_t frame[ETHERNET_BYTES + ARP_BYTES];
	const struct peer *p = ethernet_peer_by_ip(l, a->target_ip);
	uint64_t mac = p ? mac_number(p->mac) : 0;
	if (!p && l->answers && a->target_ip == l->service_ip)
		mac = l->service_mac;
	if (!mac)
		return false;
	/* One that asks faster than it can use the answers gets fewer. */
	if (!bucket_take(&l->answer, ETHERNET_ANSWER_RATE, VNET_MAX_PEERS, now))
		return true;
	struct arp reply = { .operation = ARP_REPLY, .sender_mac = mac, .sender_ip = a->target_ip, .target_mac = a->sender_mac };
	reply.target_ip = a->sender_ip;
	ethernet_to_port(l, frame, arp_put(&reply, frame));
	return true;
}

/* ---- DHCP ---- */
static bool answer_dhcp(struct ethernet *l, const struct frame *f, const struct udp *udp)
{
	struct dhcp d = {
		.network = &l->network,
		.mac = l->self.mac,
		.ip = l->self.ip,
		.server = l->service_ip,
		.gateway = l->gateway,
		.name = l->self.name,
		.boot_server = l->boot_server,
		.boot_file = l->boot_file,
	};
	struct dhcp_reply reply;
	uint8_t frame[UDP_HEAD_BYTES + DHCP_REPLY_BYTES];
	err_t e = dhcp_answer(&d, udp->payload, udp->payload_len, &reply);
	if (e == E_NOT_FOUND && l->learn_macs)
		return false; /* a machine behind our bridge: perhaps somebody serves it */
	if (e != OK)
		return true;
	memcpy(frame + UDP_HEAD_BYTES, reply.data, reply.len);
	struct udp out = { .from = DHCP_SERVER_PORT, .to = DHCP_CLIENT_PORT, .payload_len = reply.len };
	size_t len = udp_put(frame, reply.to_broadcast_mac ? MAC_BROADCAST : f->from, l->service_mac, l->service_ip, reply.to_ip,
			     &out);
	ethernet_to_port(l, frame, len);
	return true;
}

/* ---- DNS ---- */
/* *ret_self: it is our own; NULL without: nobody. */
static const struct peer *find(const struct ethernet *l, const char *name, bool *ret_self)
{
	*ret_self = !strcmp(name, l->self.name);
	for (size_t i = 0; i < l->mesh->count && !*ret_self; i++)
		if (!strcmp(name, l->mesh->peers[i]->name))
			return l->mesh->peers[i];
	return NULL;
}

static bool ip_of(void *context, const char *name, uint32_t *ret_ip)
{
	const struct ethernet *l = context;
	bool self;
	const struct peer *p = find(l, name, &self);
	*ret_ip = self ? l->self.ip : p ? p->ip : 0;
	return self || p;
}

static bool ip6_of(void *context, const char *name, struct ip6 *ret_ip)
{
	const struct ethernet *l = context;
	bool self;
	const struct peer *p = find(l, name, &self);
	*ret_ip = (struct ip6){ l->prefix, self ? l->known_id : p ? p->known_id : 0 };
	return ret_ip->id != 0;
}

static const char *name_of(void *context, uint32_t ip)
{
	const struct ethernet *l = context;
	const struct peer *p = ethernet_peer_by_ip(l, ip);
	if (ip == l->self.ip)
		return l->self.name;
	return p ? p->name : NULL;
}

static const char *name_of6(void *context, struct ip6 ip)
{
	const struct ethernet *l = context;
	uint64_t mac = ip6_mac_of_id(ip.id);
	const struct peer *p = mac ? ethernet_peer_by_mac(l, mac) : NULL;
	if (ip.id == l->known_id || (mac && mac == l->mac))
		return l->self.name;
	for (size_t i = 0; i < l->mesh->count && !p; i++)
		if (ip.id && l->mesh->peers[i]->known_id == ip.id)
			p = l->mesh->peers[i];
	return p ? p->name : NULL;
}

static err_t look_up(struct ethernet *l, const struct udp *udp, uint8_t *reply, size_t *ret_len, bool *ret_foreign)
{
	struct dns_zone z = { .context = l,
			      .ip_of = ip_of,
			      .name_of = name_of,
			      .ip6_of = ip6_of,
			      .name_of6 = name_of6,
			      .subnet = l->network.subnet,
			      .netmask = l->netmask,
			      .prefix = l->prefix };
	return dns_answer(&z, udp->payload, udp->payload_len, reply, ret_len, ret_foreign);
}

/* NULL: there is none, or it is our own machine, which knows a resolver without us. */
static struct peer *gateway_of(const struct ethernet *l)
{
	return l->gateway && l->gateway != l->self.ip ? ethernet_peer_by_mac(l, l->gateway_mac) : NULL;
}

static void answer_dns(struct ethernet *l, const struct frame *f, const struct ipv4 *ip, const struct udp *udp, mono_time now)
{
	uint8_t room[MESH_HEADROOM + UDP_HEAD_BYTES + DNS_QUESTION_BYTES], *frame = room + MESH_HEADROOM;
	struct peer *gateway = gateway_of(l);
	bool foreign;
	struct udp out = { .from = DNS_PORT, .to = udp->from };
	if (udp->payload_len > DNS_QUESTION_BYTES || look_up(l, udp, frame + UDP_HEAD_BYTES, &out.payload_len, &foreign) != OK)
		return;
	if (!foreign || !gateway) {
		ethernet_to_port(l, frame, udp_put(frame, f->from, l->service_mac, l->service_ip, ip->from, &out));
		return;
	}
	out = (struct udp){ .from = udp->from, .to = VNET_GATEWAY_DNS_PORT, .payload_len = udp->payload_len };
	memcpy(frame + UDP_HEAD_BYTES, udp->payload, udp->payload_len);
	ethernet_send_to(l, gateway, frame, udp_put(frame, l->gateway_mac, f->from, ip->from, l->gateway, &out), now);
}

void ethernet_answer_dns6(struct ethernet *l, const struct frame *f, const struct ipv6 *ip, const struct udp *udp, mono_time now)
{
	uint8_t room[MESH_HEADROOM + UDP6_HEAD_BYTES + DNS_QUESTION_BYTES], *frame = room + MESH_HEADROOM;
	struct peer *gateway = gateway_of(l);
	bool foreign;
	struct udp out = { .from = DNS_PORT, .to = udp->from };
	if (udp->payload_len > DNS_QUESTION_BYTES || look_up(l, udp, frame + UDP6_HEAD_BYTES, &out.payload_len, &foreign) != OK)
		return;
	if (!foreign || !gateway) {
		ethernet_to_port(l, frame, udp_put6(frame, f->from, l->service_mac, ip->to, ip->from, &out));
		return;
	}
	struct ip6 to = { l->prefix, ula_id_of_mac(l->gateway_mac) };
	out = (struct udp){ .from = udp->from, .to = VNET_GATEWAY_DNS_PORT, .payload_len = udp->payload_len };
	memcpy(frame + UDP6_HEAD_BYTES, udp->payload, udp->payload_len);
	ethernet_send_to(l, gateway, frame, udp_put6(frame, l->gateway_mac, f->from, ip->from, to, &out), now);
}

bool ethernet_relay_dns(struct ethernet *l, const struct peer *p, const struct frame *f)
{
	uint8_t frame[FRAME_MAX_BYTES];
	struct ipv4 ip;
	struct ipv6 ip6;
	struct udp udp;
	if (f->in_vlan || f->to != l->mac || f->len > sizeof frame - (UDP6_HEAD_BYTES - UDP_HEAD_BYTES))
		return false;
	if (f->ethertype == ETHERTYPE_IPV4 && ipv4_parse(f, &ip) == OK && ip.from == p->ip && udp_parse(&ip, &udp) == OK &&
	    udp.from == VNET_GATEWAY_DNS_PORT) {
		memcpy(frame + UDP_HEAD_BYTES, udp.payload, udp.payload_len);
		udp.from = DNS_PORT;
		ethernet_to_port(l, frame, udp_put(frame, l->mac, l->service_mac, l->service_ip, ip.to, &udp));
		return true;
	}
	if (f->ethertype == ETHERTYPE_IPV6 && ipv6_parse(f, &ip6) == OK && !ip6.in_fragments && udp_parse6(&ip6, &udp) == OK &&
	    udp.from == VNET_GATEWAY_DNS_PORT) {
		memcpy(frame + UDP6_HEAD_BYTES, udp.payload, udp.payload_len);
		udp.from = DNS_PORT;
		ethernet_to_port(l, frame, udp_put6(frame, l->mac, l->service_mac, l->service_ip6, ip6.to, &udp));
		return true;
	}
	return false;
}

/* ---- ping ---- */
static void answer_echo(struct ethernet *l, const struct frame *f, const struct ipv4 *ip)
{
	uint8_t frame[FRAME_MAX_BYTES];
	if (ip->payload_len < 8 || ip->payload[0] != ICMP_ECHO || IPV4_HEAD_BYTES + ip->payload_len > l->mesh->frame_max)
		return;
	uint8_t *icmp = frame + IPV4_HEAD_BYTES;
	memcpy(icmp, ip->payload, ip->payload_len);
	icmp[0] = ICMP_ECHO_REPLY;
	icmp[2] = icmp[3] = 0;
	struct ipv4 out = { .from = l->service_ip, .to = ip->from, .protocol = PROTOCOL_ICMP, .payload_len = ip->payload_len };
	if (checksum_complete(icmp, ip->payload_len, 0, 2) == OK)
		ethernet_to_port(l, frame, ipv4_put(frame, f->from, l->service_mac, &out));
}

bool ethernet_answer_ipv4(struct ethernet *l, const struct frame *f, const struct ipv4 *ip, mono_time now)
{
	struct udp udp;
	bool is_udp = udp_parse(ip, &udp) == OK;
	bool asks_dhcp = is_udp && udp.to == DHCP_SERVER_PORT && udp.from == DHCP_CLIENT_PORT;
	bool for_us = f->to == l->service_mac || ip->to == l->service_ip;
	if (!asks_dhcp && !for_us)
		return false;
	if (!bucket_take(&l->answer, ETHERNET_ANSWER_RATE, VNET_MAX_PEERS, now))
		return true;
	if (asks_dhcp)
		return answer_dhcp(l, f, &udp);
	if (ip->to == l->service_ip && is_udp && udp.to == DNS_PORT)
		answer_dns(l, f, ip, &udp, now);
	else if (ip->to == l->service_ip && ip->protocol == PROTOCOL_ICMP && !ip->fragment)
		answer_echo(l, f, ip);
	return true;
}

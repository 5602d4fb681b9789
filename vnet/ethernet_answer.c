/* SPDX-License-Identifier: Apache-2.0
 * ethernet_answer.c - what is answered here instead of by the network: ARP for members, DHCP, DNS, and a ping of who does it
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
		.network = &l->network, .mac = l->self.mac, .ip = l->self.ip, .server = l->service_ip, .name = l->self.name
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
static bool ip_of(void *context, const char *name, uint32_t *ret_ip)
{
	const struct ethernet *l = context;
	if (!strcmp(name, l->self.name)) {
		*ret_ip = l->self.ip;
		return true;
	}
	for (size_t i = 0; i < l->mesh->count; i++) {
		if (!strcmp(name, l->mesh->peers[i]->name)) {
			*ret_ip = l->mesh->peers[i]->ip;
			return true;
		}
	}
	return false;
}

static const char *name_of(void *context, uint32_t ip)
{
	const struct ethernet *l = context;
	const struct peer *p = ethernet_peer_by_ip(l, ip);
	if (ip == l->self.ip)
		return l->self.name;
	return p ? p->name : NULL;
}

static void answer_dns(struct ethernet *l, const struct frame *f, const struct ipv4 *ip, const struct udp *udp)
{
	struct dns_zone z = {
		.context = l, .ip_of = ip_of, .name_of = name_of, .subnet = l->network.subnet, .netmask = l->netmask
	};
	uint8_t frame[UDP_HEAD_BYTES + DNS_REPLY_BYTES];
	size_t len;
	if (dns_answer(&z, udp->payload, udp->payload_len, frame + UDP_HEAD_BYTES, &len) != OK)
		return;
	struct udp out = { .from = DNS_PORT, .to = udp->from, .payload_len = len };
	ethernet_to_port(l, frame, udp_put(frame, f->from, l->service_mac, l->service_ip, ip->from, &out));
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
		answer_dns(l, f, ip, &udp);
	else if (ip->to == l->service_ip && ip->protocol == PROTOCOL_ICMP && !ip->fragment)
		answer_echo(l, f, ip);
	return true;
}

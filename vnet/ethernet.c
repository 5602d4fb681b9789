/* SPDX-License-Identifier: Apache-2.0
 * ethernet.c - the ethernet as our machine sees it: which frame goes where, and which is a lie
 *
 * How it works: the market gave every member one MAC and one IPv4 address, so nothing has to be found out by broadcast: ARP for
 * a member is answered here, a unicast frame for an unknown address is dropped, and broadcasts are limited. A frame from our port
 * must bear our own addresses, unless the port leads to a bridge. A frame from a peer must not bear another member's or ours:
 * sealing tells which peer it came from. Addresses that nobody was introduced with may stand behind a bridging peer; they are
 * learned, within bounds. IPv6 is ethernet_ipv6.c's. In a VLAN (a tag other than 0) the addresses are the buyer's affair: there
 * only MACs are looked at and nothing is answered.
 */
#include "dhcp.h"
#include "dns.h"
#include "ethernet.h"
#include "mss.h"
#include "peer.h"

#define SERVICE_MAC 0x027670750035ull /* locally administered */
#define SERVICE_ID 0x53

/* ---- settings ---- */
static bool is_host(const struct ethernet *l, uint32_t ip)
{
	return (ip & l->netmask) == l->network.subnet && ip != l->network.subnet && ip != (l->network.subnet | ~l->netmask) &&
	       ip != l->service_ip;
}

static bool is_sound_member(const struct ethernet *l, const struct vnet_peer *p)
{
	uint64_t mac = mac_number(p->mac);
	return is_host(l, p->ip) && mac != 0 && !mac_is_multicast(mac) && mac != l->service_mac &&
	       memchr(p->name, '\0', sizeof p->name) && dns_is_label(p->name) && strcmp(p->name, DNS_DOMAIN) != 0;
}

/* What members do for all of them: who is the gateway, where machines start from. Of several the one with the highest address, the
 * newest, so that all choose the same. */
static void find_helpers(struct ethernet *l, const struct vnet_peer *peers, size_t count)
{
	const struct vnet_peer *gateway = NULL, *boot = NULL;
	for (size_t i = 0; i <= count; i++) {
		const struct vnet_peer *p = i < count ? &peers[i] : &l->self;
		if (i < count && uuid_equal(p->id, l->self.id))
			continue;
		if (p->gateway && (!gateway || p->ip > gateway->ip))
			gateway = p;
		if (*p->boot_file && (!boot || p->ip > boot->ip))
			boot = p;
	}
	l->gateway = gateway ? gateway->ip : 0;
	l->gateway_mac = gateway ? mac_number(gateway->mac) : 0;
	l->boot_server = boot ? boot->boot_server : 0;
	memset(l->boot_file, 0, sizeof l->boot_file);
	if (boot)
		memcpy(l->boot_file, boot->boot_file, sizeof l->boot_file - 1);
}

err_t ethernet_init(struct ethernet *l, const struct vnet_config *config, struct mesh *mesh)
{
	const struct vnet_network *n = &config->network;
	if (n->prefix_len < 8 || n->prefix_len > 30 || n->mtu < 576 || n->mtu > 9000)
		return E_INVALID;
	*l = (struct ethernet){ .mesh = mesh, .network = *n, .self = config->self, .learn_macs = config->learn_macs };
	l->netmask = UINT32_MAX << (32 - n->prefix_len);
	l->network.subnet &= l->netmask;
	l->service_ip = (l->network.subnet | ~l->netmask) - 1;
	l->service_mac = SERVICE_MAC;
	l->answers = config->answer_dhcp;
	l->mac = mac_number(config->self.mac);
	l->generation = mesh->generation;
	l->has_ipv6 = n->mtu >= 1280;
	l->prefix = ula_prefix(n->id);
	l->service_ip6 = (struct ip6){ l->prefix, SERVICE_ID };
	if (!is_sound_member(l, &config->self))
		return E_INVALID;
	find_helpers(l, NULL, 0);
	return OK;
}

void ethernet_clear(struct ethernet *l)
{
	map_clear(&l->by_mac);
	map_clear(&l->by_ip);
	macs_clear(&l->macs);
	macs_clear(&l->ids);
}

static uint64_t name_key(const char *name)
{
	uint64_t key;
	sha256 h = sha256_of(name, strlen(name));
	memcpy(&key, h.bytes, sizeof key);
	return key;
}

static uint64_t id_key(uuid id)
{
	uint64_t key;
	sha256 h = sha256_of(id.bytes, sizeof id.bytes);
	memcpy(&key, h.bytes, sizeof key);
	return key;
}

/* E_INVALID where the key is in the map. */
static err_t add_once(struct map *m, uint64_t key)
{
	uint32_t other;
	return map_get(m, key, &other) ? E_INVALID : map_set(m, key, 0);
}

static err_t check_doubles(const struct ethernet *l, const struct vnet_peer *peers, size_t count, struct map maps[4])
{
	TRY(add_once(&maps[0], l->mac));
	TRY(add_once(&maps[1], l->self.ip));
	TRY(add_once(&maps[2], name_key(l->self.name)));
	for (size_t i = 0; i < count; i++) {
		const struct vnet_peer *p = &peers[i];
		TRY(add_once(&maps[3], id_key(p->id)));
		if (uuid_equal(p->id, l->self.id))
			continue;
		if (!is_sound_member(l, p) || p->candidate_count > VNET_MAX_CANDIDATES)
			return E_INVALID;
		TRY(add_once(&maps[0], mac_number(p->mac)));
		TRY(add_once(&maps[1], p->ip));
		TRY(add_once(&maps[2], name_key(p->name)));
	}
	return OK;
}

err_t ethernet_check_peers(const struct ethernet *l, const struct vnet_peer *peers, size_t count)
{
	struct map maps[4] = { 0 };
	if (count > VNET_MAX_PEERS + 1)
		return E_LIMIT;
	err_t e = check_doubles(l, peers, count, maps);
	for (int i = 0; i < 4; i++)
		map_clear(&maps[i]);
	return e;
}

err_t ethernet_learn_peers(struct ethernet *l, const struct vnet_peer *peers, size_t count, mono_time now)
{
	uint64_t old_gateway = l->gateway_mac;
	map_clear(&l->by_mac);
	map_clear(&l->by_ip);
	l->last_from = NULL;
	if (l->generation != l->mesh->generation) { /* they may name a peer that is gone */
		macs_clear(&l->macs);
		macs_clear(&l->ids);
	}
	l->generation = l->mesh->generation;
	for (size_t i = 0; i < l->mesh->count; i++) {
		const struct peer *p = l->mesh->peers[i];
		TRY(map_set(&l->by_mac, mac_number(p->mac), (uint32_t)i));
		TRY(map_set(&l->by_ip, p->ip, (uint32_t)i));
	}
	find_helpers(l, peers, count);
	if (l->gateway_mac != old_gateway)
		ethernet_ipv6_router_changed(l, old_gateway, now);
	return OK;
}

struct peer *ethernet_peer_by_mac(const struct ethernet *l, uint64_t mac)
{
	uint32_t i;
	return map_get(&l->by_mac, mac, &i) ? l->mesh->peers[i] : NULL;
}

const struct peer *ethernet_peer_by_ip(const struct ethernet *l, uint32_t ip)
{
	uint32_t i;
	return map_get(&l->by_ip, ip, &i) ? l->mesh->peers[i] : NULL;
}

/* ---- to the peers ---- */
static void send_to(struct ethernet *l, struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	uint64_t frames = p->tx_frames, bytes = p->tx_bytes;
	(void)mesh_send(l->mesh, p, frame, len, o, now);
	l->tx_frames += p->tx_frames - frames;
	l->tx_bytes += p->tx_bytes - bytes;
}

void ethernet_send_to(struct ethernet *l, struct peer *p, uint8_t *frame, size_t len, mono_time now)
{
	send_to(l, p, frame, len, &offload_none, now);
}

static void flood(struct ethernet *l, const struct frame *f, const struct offload *o, mono_time now)
{
	size_t count = l->mesh->count, copies = 0;
	/* A super-frame (only UDP's can come here) counts for as many frames as it is. */
	for (size_t left = f->len, size = o->gso ? o->gso_size : left;; left -= size) {
		if (!bucket_take(&l->flood, ETHERNET_FLOOD_RATE, ETHERNET_FLOOD_BURST, now)) {
			l->dropped++;
			return;
		}
		if (left <= size)
			break;
	}
	for (size_t i = 0; i < count && copies < ETHERNET_FLOOD_COPIES; i++) {
		struct peer *p = l->mesh->peers[(l->flood_start + i) % count];
		if (!peer_is_connected(p))
			continue;
		send_to(l, p, f->data, f->len, o, now);
		copies++;
	}
	if (count > ETHERNET_FLOOD_COPIES)
		l->flood_start = (l->flood_start + ETHERNET_FLOOD_COPIES) % count;
}

static void forward(struct ethernet *l, const struct frame *f, const struct offload *o, mono_time now)
{
	if (mac_is_multicast(f->to)) {
		flood(l, f, o, now);
		return;
	}
	struct peer *p = ethernet_peer_by_mac(l, f->to);
	if (!p) {
		const void *owner = macs_owner(&l->macs, f->to, now);
		p = owner == l ? NULL : (struct peer *)owner;
	}
	if (p)
		send_to(l, p, f->data, f->len, o, now);
	else
		l->dropped++;
}

/* ---- from the port ---- */
static bool may_port_use_mac(struct ethernet *l, uint64_t mac, mono_time now)
{
	if (mac == l->mac)
		return true;
	if (!l->learn_macs || mac == l->service_mac || ethernet_peer_by_mac(l, mac))
		return false;
	return macs_learn(&l->macs, mac, l, now);
}

/* unset: 0.0.0.0 may stand there, before DHCP. */
static bool may_port_use_ip(const struct ethernet *l, uint32_t ip, bool unset)
{
	if (ip == l->self.ip)
		return true;
	if (ip == 0)
		return unset;
	bool inside = (ip & l->netmask) == l->network.subnet;
	if (inside)
		return l->learn_macs && is_host(l, ip) && !ethernet_peer_by_ip(l, ip);
	return l->gateway == l->self.ip && ip >> 28 < 14; /* the gateway brings in the world's packets */
}

static void arp_from_port(struct ethernet *l, const struct frame *f, mono_time now)
{
	struct arp a;
	if (arp_parse(f, &a) != OK || a.sender_mac != f->from || !may_port_use_ip(l, a.sender_ip, true)) {
		l->spoofed++;
		return;
	}
	if (a.operation == ARP_REQUEST && ethernet_answer_arp(l, &a, now))
		return;
	/* Our machine telling or asking about its own address: the others know it, and would have to say so. */
	if (!l->learn_macs && (a.target_ip == l->self.ip || a.sender_ip == a.target_ip))
		return;
	forward(l, f, &offload_none, now);
}

static void ipv4_from_port(struct ethernet *l, const struct frame *f, const struct offload *o, mono_time now)
{
	struct ipv4 ip;
	struct udp udp;
	if (ipv4_parse(f, &ip) != OK) {
		l->spoofed++;
		return;
	}
	bool is_udp = udp_parse(&ip, &udp) == OK;
	bool asks_dhcp = is_udp && udp.from == DHCP_CLIENT_PORT && udp.to == DHCP_SERVER_PORT;
	if (!may_port_use_ip(l, ip.from, asks_dhcp) || (!l->learn_macs && is_udp && udp.from == DHCP_SERVER_PORT)) {
		l->spoofed++;
		return;
	}
	if (l->answers && !o->gso && ethernet_answer_ipv4(l, f, &ip, now))
		return;
	forward(l, f, o, now);
}

void ethernet_from_port(struct ethernet *l, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	struct frame f;
	if ((len > l->mesh->frame_max && !o->gso) || frame_parse(frame, len, &f) != OK) {
		l->dropped++;
		return;
	}
	if (!may_port_use_mac(l, f.from, now)) {
		l->spoofed++;
		return;
	}
	if (!f.in_vlan && f.ethertype == ETHERTYPE_ARP)
		arp_from_port(l, &f, now);
	else if (!f.in_vlan && f.ethertype == ETHERTYPE_IPV4)
		ipv4_from_port(l, &f, o, now);
	else if (f.in_vlan || f.ethertype != ETHERTYPE_IPV6 || !ethernet_ipv6_from_port(l, &f, o, now))
		forward(l, &f, o, now);
}

/* ---- from a peer ---- */
static bool may_peer_use_mac(struct ethernet *l, struct peer *p, uint64_t mac, mono_time now)
{
	if (mac == mac_number(p->mac))
		return true;
	if (mac == l->mac || mac == l->service_mac || ethernet_peer_by_mac(l, mac))
		return false;
	return macs_learn(&l->macs, mac, p, now);
}

static bool may_peer_use_ip(const struct ethernet *l, const struct peer *p, uint32_t ip)
{
	if (ip == p->ip || ip == 0)
		return true;
	if ((ip & l->netmask) == l->network.subnet)
		return ip != l->self.ip && is_host(l, ip) && !ethernet_peer_by_ip(l, ip);
	return l->gateway == p->ip && ip >> 28 < 14;
}

static bool is_honest(struct ethernet *l, struct peer *p, const struct frame *f, mono_time now)
{
	if (!may_peer_use_mac(l, p, f->from, now))
		return false;
	if (f->in_vlan)
		return true;
	if (f->ethertype == ETHERTYPE_IPV6)
		return ethernet_ipv6_is_honest(l, p, f, now);
	if (f->ethertype == ETHERTYPE_ARP) {
		struct arp a;
		return arp_parse(f, &a) == OK && a.sender_mac == f->from && may_peer_use_ip(l, p, a.sender_ip);
	}
	if (f->ethertype == ETHERTYPE_IPV4) {
		struct ipv4 ip;
		struct udp udp;
		if (ipv4_parse(f, &ip) != OK || !may_peer_use_ip(l, p, ip.from))
			return false;
		/* Where we give out the address nobody else does. */
		return !(l->answers && udp_parse(&ip, &udp) == OK && udp.from == DHCP_SERVER_PORT);
	}
	return true;
}

static bool is_for_port(const struct ethernet *l, const struct frame *f)
{
	if (mac_is_multicast(f->to) || f->to == l->mac)
		return true;
	return l->learn_macs && !ethernet_peer_by_mac(l, f->to);
}

static void count_from_peer(struct ethernet *l, struct peer *p, size_t len, mono_time now)
{
	if (!l->rx_frames)
		l->first_rx = now;
	p->rx_frames++;
	p->rx_bytes += len;
	l->rx_frames++;
	l->rx_bytes += len;
}

void ethernet_from_peer(struct ethernet *l, struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	struct frame f;
	/* A segment, or a datagram of the same flow, that goes on what the same peer's last frame was has its headers, and those were looked at. */
	if ((o->gso || o->loose) && l->join && p == l->last_from && l->join(l->context, frame, len, o)) {
		count_from_peer(l, p, len, now);
		return;
	}
	if (frame_parse(frame, len, &f) != OK || !is_honest(l, p, &f, now) || !is_for_port(l, &f)) {
		p->dropped++;
		return;
	}
	count_from_peer(l, p, len, now);
	l->last_from = p;
	if (l->answers && p->ip == l->gateway && ethernet_relay_dns(l, p, &f))
		return;
	mss_clamp(&f, peer_frame_bytes(p, now), o);
	l->to_port(l->context, frame, len, o);
}

void ethernet_to_port(struct ethernet *l, const uint8_t *frame, size_t len)
{
	l->last_from = NULL;
	l->to_port(l->context, frame, len, &offload_none);
}

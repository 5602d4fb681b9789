/* SPDX-License-Identifier: Apache-2.0
 * ethernet.h - the ethernet as our machine sees it: which frame goes where, which is a lie, what is answered here
 *
 * Pure: frames and time in, frames out through mesh_send() and to_port().
 */
#ifndef VNET_ETHERNET_H
#define VNET_ETHERNET_H

#include "frame.h"
#include "macs.h"
#include "mesh.h"
#include "nd.h"

#define ETHERNET_FLOOD_RATE 100 /* broadcasts and multicasts a second from the port */
#define ETHERNET_FLOOD_BURST 200
#define ETHERNET_FLOOD_COPIES 64  /* peers that get one */
#define ETHERNET_ANSWER_RATE 1000 /* ARP, DHCP, DNS and echo answers a second */

struct ethernet {
	struct mesh *mesh;
	struct vnet_network network;
	uint32_t netmask;
	struct vnet_peer self;
	uint64_t mac, service_mac; /* ours; of the one who answers DHCP and DNS */
	uint32_t service_ip;	   /* the network's last host address */
	bool learn_macs, answers;
	uint32_t gateway;     /* the member that leads into the world, 0: none does */
	uint64_t gateway_mac; /* its MAC */
	uint32_t boot_server; /* what machines are told that start from the network */
	char boot_file[VNET_BOOT_FILE_SIZE];
	bool has_ipv6;	 /* the MTU allows it (RFC 8200 section 5) */
	uint64_t prefix; /* the network's /64 */
	struct ip6 service_ip6;
	void (*to_port)(void *context, const uint8_t *frame, size_t len, const struct offload *o);
	/* As struct port_kind's join, of the frame that to_port was given last. May be NULL. */
	bool (*join)(void *context, const uint8_t *frame, size_t len, const struct offload *o);
	void *context;
	const struct peer *last_from; /* whose frame that was */

	struct map by_mac, by_ip; /* introduced members, to position in mesh->peers */
	struct macs macs;	  /* the others; owner: a struct peer, or the struct ethernet for our port */
	struct macs ids;	  /* IPv6 interface identifiers in use, members' too; same owners */
	uint64_t known_id;	  /* our machine's under the prefix, 0: none was seen */
	int64_t router_us;	  /* the next router advertisement that nobody asked for */
	uint32_t generation;
	struct bucket flood, answer;
	size_t flood_start; /* the peer that gets the next broadcast first */
	uint64_t rx_bytes, rx_frames, tx_bytes, tx_frames, spoofed, dropped;
	mono_time first_rx; /* of the first of rx_frames; 0: none came */
};

/* E_INVALID: a setting that cannot be. mesh is borrowed. */
MUST_CHECK err_t ethernet_init(struct ethernet *l, const struct vnet_config *config, struct mesh *mesh);
void ethernet_clear(struct ethernet *l);
/* May these be the network's members? E_LIMIT, E_INVALID. Asked before mesh_set_peers(). */
MUST_CHECK err_t ethernet_check_peers(const struct ethernet *l, const struct vnet_peer *peers, size_t count);
/* After mesh_set_peers(), with the same list. */
MUST_CHECK err_t ethernet_learn_peers(struct ethernet *l, const struct vnet_peer *peers, size_t count, mono_time now);

/* A frame from our machine, with MESH_HEADROOM bytes in front of it that may be overwritten. */
void ethernet_from_port(struct ethernet *l, uint8_t *frame, size_t len, const struct offload *o, mono_time now);
/* A frame from a peer, opened. */
void ethernet_from_peer(struct ethernet *l, struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now);

/* ---- ethernet_answer.c: what we say ourselves ---- */
/* True: the frame was for us and is done with. */
bool ethernet_answer_arp(struct ethernet *l, const struct arp *a, mono_time now);
bool ethernet_answer_ipv4(struct ethernet *l, const struct frame *f, const struct ipv4 *ip, mono_time now);
void ethernet_answer_dns6(struct ethernet *l, const struct frame *f, const struct ipv6 *ip, const struct udp *udp, mono_time now);
/* The gateway's answer to a question that we handed on to it: true, and it is delivered as ours. */
bool ethernet_relay_dns(struct ethernet *l, const struct peer *p, const struct frame *f);

/* ---- ethernet_ipv6.c ---- */
bool ethernet_ipv6_from_port(struct ethernet *l, const struct frame *f, const struct offload *o, mono_time now);
bool ethernet_ipv6_is_honest(struct ethernet *l, struct peer *p, const struct frame *f, mono_time now);
void ethernet_ipv6_tick(struct ethernet *l, mono_time now); /* at least each minute */
/* The peer is reached (again): it hears of our machine's address (RFC 9131). */
void ethernet_ipv6_peer_up(struct ethernet *l, struct peer *p, mono_time now);
/* Another gateway, or none; old_mac: of the one before, 0 for none. */
void ethernet_ipv6_router_changed(struct ethernet *l, uint64_t old_mac, mono_time now);

/* ---- for these ---- */
const struct peer *ethernet_peer_by_ip(const struct ethernet *l, uint32_t ip); /* NULL: no member's */
struct peer *ethernet_peer_by_mac(const struct ethernet *l, uint64_t mac);
void ethernet_to_port(struct ethernet *l, const uint8_t *frame, size_t len);
/* frame has MESH_HEADROOM in front. */
void ethernet_send_to(struct ethernet *l, struct peer *p, uint8_t *frame, size_t len, mono_time now);

#endif

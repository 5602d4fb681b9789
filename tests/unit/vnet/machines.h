/* SPDX-License-Identifier: Apache-2.0
 * machines.h - the simulated network's nodes with an ethernet each, and frames to and from their ports
 */
#ifndef TESTS_VNET_MACHINES_H
#define TESTS_VNET_MACHINES_H

#include "simulation.h"

#define SERVICE_IP 0x0a4dfffeu
#define SERVICE_MAC 0x027670750035ull

static uint8_t room[MESH_HEADROOM + FRAME_MAX_BYTES];
static uint8_t *const frame = room + MESH_HEADROOM;

static uint64_t mac_of(int i)
{
	return mac_number(nodes[i].self.mac);
}

__attribute__((unused)) static uint32_t ip_of(int i)
{
	return nodes[i].self.ip;
}

/* gateway: the node that leads into the world. */
static void ethernet_up(int i, bool learn, int gateway)
{
	struct node *n = &nodes[i];
	struct vnet_peer all[NODES];
	for (int k = 0; k < NODES; k++) {
		all[k] = nodes[k].self;
		all[k].gateway = k == gateway;
	}
	struct vnet_config c = { .network = network, .self = all[i], .learn_macs = learn, .answer_dhcp = true };
	if (n->has_ethernet)
		ethernet_clear(&n->ethernet);
	assert(ethernet_init(&n->ethernet, &c, &n->mesh) == OK);
	n->ethernet.to_port = to_port;
	n->ethernet.context = n;
	n->has_ethernet = true;
	assert(ethernet_learn_peers(&n->ethernet, all, NODES, now) == OK);
}

/* How many frames the port of node to gets of this one from node from's port. */
__attribute__((unused)) static size_t from_port(int from, int to, size_t len)
{
	size_t before = nodes[to].frames;
	ethernet_from_port(&nodes[from].ethernet, frame, len, &offload_none, now);
	run_us(2 * DELAY_US);
	return nodes[to].frames - before;
}

/* The same from a dishonest endpoint. */
__attribute__((unused)) static size_t from_mesh(int from, int to, size_t len)
{
	size_t before = nodes[to].frames;
	assert(mesh_send(&nodes[from].mesh, peer_at(from, to), frame, len, &offload_none, now));
	run_us(2 * DELAY_US);
	return nodes[to].frames - before;
}

__attribute__((unused)) static size_t udp_frame(uint64_t to_mac, uint64_t from_mac, uint32_t from_ip, uint32_t to_ip,
						uint16_t from_port_number, uint16_t to_port_number)
{
	struct udp u = { .from = from_port_number, .to = to_port_number, .payload_len = 40 };
	memset(frame, 0, UDP_HEAD_BYTES + 40);
	return udp_put(frame, to_mac, from_mac, from_ip, to_ip, &u);
}

__attribute__((unused)) static void machines_up(int gateway)
{
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	node_make(2, "192.0.2.3:1003");
	for (int i = 0; i < NODES; i++)
		node_up(i);
	introduce();
	run_us(SECOND_US);
	for (int i = 0; i < NODES; i++)
		ethernet_up(i, false, gateway);
}

__attribute__((unused)) static void machines_down(void)
{
	for (int i = 0; i < NODES; i++) {
		ethernet_clear(&nodes[i].ethernet);
		node_crash(i);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
}

#endif

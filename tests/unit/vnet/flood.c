/* SPDX-License-Identifier: Apache-2.0
 * flood.c - a broadcast in a network of more members than get a copy
 *
 * Node 0's port has an ethernet; the others are only reached by it, and know nobody else.
 */
#define NODES 80
#include "machines.h"

/* Who of the others got something since the last call. */
static size_t served(bool got[NODES])
{
	static size_t before[NODES];
	size_t count = 0;
	for (int i = 1; i < NODES; i++) {
		bool more = nodes[i].frames > before[i];
		assert(nodes[i].frames <= before[i] + 1);
		got[i] = got[i] || more;
		count += more;
		before[i] = nodes[i].frames;
	}
	return count;
}

static void send_broadcast(void)
{
	struct arp unused = { .target_mac = MAC_BROADCAST, .sender_mac = mac_of(0) };
	memset(frame, 0, 60);
	arp_put(&unused, frame);
	memcpy(frame + 12, "\x88\xb5", 2); /* IEEE 802's for experiments */
	ethernet_from_port(&nodes[0].ethernet, frame, 60, &offload_none, now);
	run_us(2 * DELAY_US);
}

int main(void)
{
	char address[32];
	bool got[NODES] = { true };
	int reached = 0;
	for (int i = 0; i < NODES; i++) {
		snprintf(address, sizeof address, "198.18.%d.3:1000", i);
		node_make(i, address);
		node_up(i);
	}
	introduce();
	for (int i = 1; i < NODES; i++) {
		struct vnet_peer two[2] = { nodes[0].self, nodes[i].self };
		assert(mesh_set_peers(&nodes[i].mesh, two, 2, now) == OK);
	}
	run_us(20 * SECOND_US);
	for (int i = 1; i < NODES; i++)
		reached += connected(0, i);
	is_int(reached, NODES - 1, "all are connected");
	ethernet_up(0, false, -1);

	send_broadcast();
	is_int(served(got), ETHERNET_FLOOD_COPIES, "a broadcast has so many copies and no more");
	send_broadcast();
	is_int(served(got), ETHERNET_FLOOD_COPIES, "the next too");
	int all = 0;
	for (int i = 0; i < NODES; i++)
		all += got[i];
	is_int(all, NODES, "with two of them everybody got one: they take turns");

	node_crash(NODES - 1);
	for (int i = 1; i < 30; i++)
		node_crash(i);
	run_us(180 * SECOND_US);
	send_broadcast();
	is_int(served(got), NODES - 31, "who is not there takes no copy from who is");

	for (int i = 0; i < NODES; i++) {
		if (nodes[i].up)
			node_crash(i);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
	ethernet_clear(&nodes[0].ethernet);
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * patience.c - a direct path that loses packets, between computers that are busy, is not given up for a relay; one that died is
 */
#include "simulation.h"

#define FRAME_EACH_US (SECOND_US / 10)

static struct address relay;

static const struct path *active(int node)
{
	const struct paths *s = &peer_at(node, !node)->paths;
	return s->active < 0 ? NULL : &s->path[s->active];
}

static bool is_direct(int node)
{
	return active(node) && !active(node)->to.via;
}

static void meet(void)
{
	struct vnet_peer both[2] = { nodes[0].self, nodes[1].self };
	for (int i = 0; i < 2; i++) {
		node_up(i);
		mesh_set_relays(&nodes[i].mesh, &relay, 1, now);
		mesh_relay_up(&nodes[i].mesh, &relay, false, now);
		assert(mesh_set_peers(&nodes[i].mesh, both, 2, now) == OK);
	}
}

/* Frames from node 0, and from node 1 if both. stall_us: how long a computer does nothing, at most; half of the time it does. Returns
 * how often one of the two left the direct path. */
static unsigned leaves_in(int64_t us, bool both, int64_t stall_us)
{
	uint8_t room[MESH_HEADROOM + 60] = { 0 };
	unsigned leaves = 0;
	bool was[2] = { is_direct(0), is_direct(1) };
	for (int64_t end = now.us + us; now.us < end;) {
		for (int i = 0; i < 2; i++) {
			if (stall_us && nodes[i].stalled_us <= now.us && dice() < 20)
				nodes[i].stalled_us = now.us + stall_us * dice() / 100;
			if ((i == 0 || both) && nodes[i].stalled_us <= now.us)
				mesh_send(&nodes[i].mesh, peer_at(i, !i), room + MESH_HEADROOM, 60, &offload_none, now);
		}
		for (int step = 0; step < 10; step++) {
			run_us(FRAME_EACH_US / 10);
			for (int i = 0; i < 2; i++) {
				leaves += was[i] && !is_direct(i);
				was[i] = is_direct(i);
			}
		}
	}
	return leaves;
}

/* At 5 % each way one of ten pings gets no pong. Left after two, the direct path would be left some 25 times an hour. */
static void test_loss(void)
{
	unsigned leaves = 0;
	meet();
	run_us(10 * SECOND_US);
	ok(is_direct(0) && is_direct(1), "the direct path is found");
	loss_percent = 5;
	for (int i = 0; i < 4; i++)
		leaves += leaves_in(HOUR_US / 2, i & 1, i < 2 ? 0 : SECOND_US);
	loss_percent = 0;
	ok(leaves < 20, "5 %% loss each way, and computers that stop for a second: left %u times in two hours", leaves);
	nodes[0].stalled_us = nodes[1].stalled_us = 0;
	(void)leaves_in(60 * SECOND_US, true, 0); /* the round-trip time is known well again */
	ok(is_direct(0) && is_direct(1), "and it is the direct one afterwards");
}

static void test_death(void)
{
	size_t frames = nodes[0].frames;
	dead = nodes[0].address; /* one way only */
	is_int(leaves_in(5 * SECOND_US, true, 0), 2, "a direct path that carries one way only is left by both within 5 s");
	ok(nodes[0].frames > frames + 10, "frames pass over the relay");
	is_int(leaves_in(SECOND_US * 60, true, 0), 0, "while it lasts");
	ok(!is_direct(0) && !is_direct(1), "both send there");
	dead = (struct address){ 0 };
	(void)leaves_in(60 * SECOND_US, true, 0);
	ok(is_direct(0) && is_direct(1), "when it works again both go back");
}

int main(void)
{
	relay = address_of("198.51.100.1:3478");
	relay.via = 1;
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	test_loss();
	test_death();
	for (int i = 0; i < 2; i++) {
		node_crash(i);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
	return done_testing();
}

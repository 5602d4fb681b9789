/* SPDX-License-Identifier: Apache-2.0
 * mesh.c - two and three meshes through a simulated network: handshake, data, loss, death and change of paths
 *
 * Time is a number here and packets are moved by hand, so that nothing depends on how fast the machine is.
 */
#include <assert.h>
#include "mesh.h"
#include "peer.h"
#include "tap.h"

#define NODES 3
#define QUEUE 4096
#define DELAY_US 10000

struct packet {
	uint8_t data[2048];
	size_t len;
	struct address from, to;
	int64_t at_us;
};
struct node {
	struct mesh mesh;
	struct vnet_peer self;
	char *key, *cert;
	struct address address, second; /* second: port 0 where it has none */
	uint8_t out[PATH_TOP_BYTES + 64];
	size_t frames, last_len;
	uint8_t last[FRAME_MAX_BYTES];
	bool up;
};

static struct node nodes[NODES];
static struct packet queue[QUEUE];
static size_t queued, lost, carried;
static mono_time now = { 1000000 };
static unsigned loss_percent, seed = 1;
static struct address dead; /* packets to it vanish */
static size_t largest;	    /* larger packets vanish; 0: none */
static const uuid network_id = { { 1, 2, 3 } };
static struct packet last_carrier, last_data;

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

static unsigned dice(void)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % 100;
}

static uint8_t *reserve(void *context, size_t len)
{
	struct node *n = context;
	assert(len <= sizeof n->out);
	return n->out;
}

static void commit(void *context, struct peer *p, const struct address *to, size_t len)
{
	struct node *n = context;
	(void)p;
	if (!len || !n->up)
		return;
	carried++;
	if (dice() < loss_percent || address_equal(to, &dead) || (largest && len > largest) || queued == QUEUE) {
		lost++;
		return;
	}
	if (len > sizeof queue[0].data)
		return; /* a search for jumbo frames: this network has none */
	struct packet *q = &queue[queued++];
	memcpy(q->data, n->out, len);
	q->len = len;
	q->to = *to;
	q->from = n->address;
	q->at_us = now.us + DELAY_US;
	if (n == &nodes[0] && q->data[0] == WIRE_HANDSHAKE)
		last_carrier = *q;
	if (n == &nodes[0] && q->data[0] == WIRE_DATA)
		last_data = *q;
}

static void deliver(void *context, struct peer *p, uint8_t *frame, size_t len, bool partial_csum)
{
	struct node *n = context;
	(void)partial_csum;
	n->frames++;
	n->last_len = len;
	memcpy(n->last, frame, len);
	p->rx_frames++;
}

static void say(void *context, int level, const char *line)
{
	(void)context, (void)level;
	printf("# %lld ms: %s\n", (long long)(now.us / 1000), line);
}

static struct node *owner_of(const struct address *a)
{
	for (int i = 0; i < NODES; i++)
		if (nodes[i].up &&
		    (address_equal(&nodes[i].address, a) || (nodes[i].second.port && address_equal(&nodes[i].second, a))))
			return &nodes[i];
	return NULL;
}

static int64_t next_packet_us(void)
{
	int64_t at = INT64_MAX;
	for (size_t i = 0; i < queued; i++)
		if (queue[i].at_us < at)
			at = queue[i].at_us;
	return at;
}

static void carry(void)
{
	for (size_t i = 0; i < queued;) {
		if (queue[i].at_us > now.us) {
			i++;
			continue;
		}
		struct packet q = queue[i];
		memmove(&queue[i], &queue[i + 1], (--queued - i) * sizeof *queue);
		struct node *n = owner_of(&q.to);
		if (n)
			mesh_input(&n->mesh, q.data, q.len, &q.from, now);
	}
}

/* Lets time pass, from one thing to do to the next. */
static void run_us(int64_t us)
{
	int64_t end = now.us + us;
	while (now.us < end) {
		int64_t next = next_packet_us();
		for (int i = 0; i < NODES; i++)
			if (nodes[i].up && mesh_due_us(&nodes[i].mesh) < next)
				next = mesh_due_us(&nodes[i].mesh);
		now.us = next > now.us ? next : now.us + 1;
		if (now.us > end)
			now.us = end;
		carry();
		for (int i = 0; i < NODES; i++)
			if (nodes[i].up)
				mesh_tick(&nodes[i].mesh, now);
	}
}

static void node_make(int i, const char *address)
{
	struct node *n = &nodes[i];
	struct identity *id;
	assert(certificate_make("peer", &n->key, &n->cert) == OK);
	assert(identity_new(n->key, n->cert, &id) == OK);
	n->address = address_of(address);
	n->self = (struct vnet_peer){ .id = { { (uint8_t)(i + 1) } }, .ip = 0x0a4d0001u + (uint32_t)i, .pin = identity_pin(id) };
	n->self.mac.bytes[5] = (uint8_t)(i + 1);
	snprintf(n->self.name, sizeof n->self.name, "vm%d", i);
	snprintf(n->self.candidates[0].address, sizeof n->self.candidates[0].address, "%s", address);
	n->self.candidate_count = 1;
	identity_free(id);
}

static void node_up(int i)
{
	struct node *n = &nodes[i];
	struct vnet_network network = { .id = network_id, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
	struct mesh_io io = { .context = n, .reserve = reserve, .commit = commit, .deliver = deliver, .log = say };
	struct identity *id;
	assert(identity_new(n->key, n->cert, &id) == OK);
	assert(mesh_init(&n->mesh, &network, n->self.id, id, &io, now) == OK);
	n->mesh.jitter_state = 12345;
	n->up = true;
}

/* Everybody knows everybody. */
static void introduce(void)
{
	struct vnet_peer all[NODES];
	for (int i = 0; i < NODES; i++)
		all[i] = nodes[i].self;
	for (int i = 0; i < NODES; i++)
		if (nodes[i].up)
			assert(mesh_set_peers(&nodes[i].mesh, all, NODES, now) == OK);
}

/* A crash: no farewell. */
static void node_crash(int i)
{
	nodes[i].up = false;
	mesh_clear(&nodes[i].mesh);
}

static struct peer *peer_at(int node, int other)
{
	return mesh_find(&nodes[node].mesh, nodes[other].self.id);
}

static bool connected(int a, int b)
{
	return peer_is_connected(peer_at(a, b)) && peer_is_connected(peer_at(b, a));
}

static bool send_frame(int from, int to, size_t len)
{
	uint8_t room[MESH_HEADROOM + FRAME_MAX_BYTES] = { 0 };
	uint8_t *frame = room + MESH_HEADROOM;
	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7);
	size_t before = nodes[to].frames;
	if (!mesh_send(&nodes[from].mesh, peer_at(from, to), frame, len, false, now))
		return false;
	for (size_t i = 0; i < len; i++)
		assert(frame[i] == (uint8_t)(i * 7));
	run_us(2 * DELAY_US);
	return nodes[to].frames == before + 1 && nodes[to].last_len == len && !memcmp(nodes[to].last, frame, len);
}

static void both_ways(int a, int b, const char *when)
{
	ok(send_frame(a, b, 60) && send_frame(b, a, 60), "frames pass both ways %s", when);
}

static void test_join(void)
{
	for (int i = 0; i < NODES; i++)
		node_up(i);
	ok(!nodes[0].mesh.count, "a new mesh knows nobody");
	introduce();
	run_us(SECOND_US);
	for (int a = 0; a < NODES; a++)
		for (int b = 0; b < a; b++)
			ok(connected(a, b), "%d and %d are connected", a, b);
	both_ways(0, 1, "at first");
	both_ways(1, 2, "at first");
	run_us(2 * SECOND_US);
	is_int(peer_at(0, 1)->paths.path[0].datagram_bytes, 1472, "the datagram size was found");
	ok(send_frame(0, 1, 1414), "a full frame passes in one datagram");
	ok(peer_at(0, 1)->paths.path[0].srtt_us >= 2 * DELAY_US, "round-trip time is measured");
	is_int(nodes[0].mesh.strangers, 0, "nobody was a stranger");
}

static void test_strangers(void)
{
	uint8_t copy[2048];
	struct address elsewhere = address_of("198.51.100.9:999");
	size_t frames = nodes[1].frames, before = carried;
	uint64_t dropped = nodes[1].mesh.peers[0]->dropped;
	ok(send_frame(0, 1, 100), "a frame passes");
	struct node *to = owner_of(&last_data.to);
	frames = to->frames;
	dropped = mesh_find(&to->mesh, nodes[0].self.id)->dropped;
	before = carried;
	memcpy(copy, last_data.data, last_data.len);
	mesh_input(&to->mesh, copy, last_data.len, &elsewhere, now);
	is_int(to->frames, frames, "a replayed packet is not delivered");
	is_int(mesh_find(&to->mesh, nodes[0].self.id)->dropped, dropped + 1, "but counted");
	memcpy(copy, last_data.data, last_data.len);
	copy[15] ^= 0x40; /* another counter */
	mesh_input(&to->mesh, copy, last_data.len, &elsewhere, now);
	is_int(to->frames, frames, "a changed packet is not delivered");
	uint64_t strangers = to->mesh.strangers;
	memcpy(copy, last_data.data, last_data.len);
	copy[7] ^= 1; /* another receiver */
	mesh_input(&to->mesh, copy, last_data.len, &elsewhere, now);
	memcpy(copy, last_carrier.data, last_carrier.len);
	copy[60] ^= 1;
	mesh_input(&to->mesh, copy, last_carrier.len, &elsewhere, now);
	memset(copy, 0, sizeof copy);
	mesh_input(&to->mesh, copy, 1200, &elsewhere, now);
	mesh_input(&to->mesh, copy, 0, &elsewhere, now);
	is_int(to->mesh.strangers, strangers + 4, "strangers are counted");
	is_int(carried, before, "and nobody answers them");
	is_int(paths_find(&mesh_find(&to->mesh, nodes[0].self.id)->paths, &elsewhere), -1, "nor learns their address");
}

static void test_loss(void)
{
	loss_percent = 30;
	for (int i = 0; i < NODES; i++)
		node_crash(i);
	for (int i = 0; i < NODES; i++)
		node_up(i);
	introduce();
	run_us(60 * SECOND_US);
	ok(connected(0, 1) && connected(1, 2) && connected(0, 2), "they find each other with 30 %% loss");
	run_us(10 * MINUTE_US);
	ok(connected(0, 1) && connected(1, 2) && connected(0, 2), "and stay connected over five rekeys");
	loss_percent = 0;
	run_us(10 * SECOND_US);
	both_ways(0, 2, "after it");
}

static void test_rekey(void)
{
	uint32_t before = peer_at(0, 1)->current->local_index;
	size_t passed = 0, sent = 0;
	for (int i = 0; i < 140; i++) {
		passed += send_frame(0, 1, 200);
		passed += send_frame(1, 0, 200);
		sent += 2;
		run_us(SECOND_US);
	}
	ok(peer_at(0, 1)->current->local_index != before, "keys change after two minutes");
	is_int(passed, sent, "and no frame is lost by it");
	run_us(70 * SECOND_US);
	ok(!peer_at(0, 1)->previous && !peer_at(1, 0)->previous, "the old keys are gone a minute later");
}

static void test_restart(void)
{
	node_crash(1);
	run_us(3 * SECOND_US);
	node_up(1);
	introduce();
	run_us(3 * SECOND_US);
	ok(connected(0, 1) && connected(1, 2), "a restarted peer is connected again");
	both_ways(0, 1, "after a restart");
	node_crash(1);
	run_us(5 * MINUTE_US);
	ok(!peer_is_connected(peer_at(0, 1)), "a dead peer is noticed");
	node_up(1);
	introduce();
	run_us(3 * SECOND_US);
	ok(connected(0, 1) && connected(1, 2), "and found when it comes back");
	/* Its farewell is heeded at once. */
	mesh_leave(&nodes[2].mesh);
	node_crash(2);
	run_us(SECOND_US);
	ok(!peer_is_connected(peer_at(0, 2)), "a peer that leaves is gone at once");
	node_up(2);
	introduce();
	run_us(3 * SECOND_US);
	ok(connected(0, 2), "and may return");
}

static void test_roaming(void)
{
	struct address old = nodes[0].address;
	run_us(3 * SECOND_US);
	nodes[0].address = address_of("203.0.113.77:4242");
	for (int i = 0; i < 8; i++) {
		send_frame(0, 1, 100);
		run_us(SECOND_US / 2);
	}
	struct paths *s = &peer_at(1, 0)->paths;
	ok(s->active >= 0 && address_equal(&s->path[s->active].to, &nodes[0].address), "a peer that moved is followed");
	both_ways(0, 1, "after it moved");
	nodes[0].address = old;
	for (int i = 0; i < 8; i++) {
		send_frame(0, 1, 100);
		run_us(SECOND_US / 2);
	}
	ok(s->active >= 0 && address_equal(&s->path[s->active].to, &old), "and back");
	/* Two addresses; the one in use dies. */
	nodes[0].second = address_of("192.0.2.200:5000");
	snprintf(nodes[0].self.candidates[1].address, VNET_CANDIDATE_SIZE, "192.0.2.200:5000");
	nodes[0].self.candidate_count = 2;
	introduce();
	run_us(3 * SECOND_US);
	dead = s->path[s->active].to;
	for (int i = 0; i < 10; i++) {
		send_frame(1, 0, 100);
		run_us(SECOND_US / 2);
	}
	ok(s->active >= 0 && !address_equal(&s->path[s->active].to, &dead), "another path takes over when one dies");
	ok(send_frame(1, 0, 100), "and carries frames");
	run_us(MINUTE_US);
	is_int(s->path[paths_find(s, &dead)].state, PATH_DEAD, "the dead one is known to be dead");
	struct address was = dead;
	dead = (struct address){ 0 };
	run_us(2 * MINUTE_US);
	is_int(s->path[paths_find(s, &was)].state, PATH_VALID, "and never given up");
	nodes[0].second.port = 0;
	nodes[0].self.candidate_count = 1;
	introduce();
	run_us(20 * SECOND_US);
}

static void test_black_hole(void)
{
	struct paths *s = &peer_at(1, 0)->paths;
	ok(s->path[s->active].datagram_bytes == 1472, "large datagrams pass");
	largest = 1300;
	size_t passed = 0;
	for (int i = 0; i < 40; i++) {
		passed += send_frame(1, 0, 1414);
		run_us(SECOND_US / 2);
	}
	ok(passed > 0 && passed < 40, "a black hole for large datagrams is noticed: %zu of 40 frames passed", passed);
	ok(send_frame(1, 0, 1414), "and then they go in pieces");
	run_us(2 * MINUTE_US);
	is_int(s->path[s->active].datagram_bytes, 1280, "the largest step that passes is found");
	largest = 0;
	run_us(11 * MINUTE_US);
	is_int(s->path[s->active].datagram_bytes, 1472, "and looked for again later");
}

static void test_removal(void)
{
	struct vnet_peer others[2] = { nodes[0].self, nodes[1].self };
	size_t frames = nodes[0].frames;
	both_ways(0, 2, "before removal");
	frames = nodes[0].frames;
	assert(mesh_set_peers(&nodes[0].mesh, others, 2, now) == OK);
	uint64_t strangers = nodes[0].mesh.strangers;
	send_frame(2, 0, 100);
	run_us(MINUTE_US);
	is_int(nodes[0].frames, frames, "a removed peer's frames are not delivered");
	ok(nodes[0].mesh.strangers > strangers, "it is a stranger");
	ok(!peer_is_connected(peer_at(2, 0)), "and gets no answer");
	both_ways(0, 1, "still between the others");
	introduce();
	run_us(3 * MINUTE_US);
	ok(connected(0, 2), "it may be introduced again");
}

static void test_wrong_pin(void)
{
	/* Node 2 is replaced by one with another key, but still believed to be the old one by node 0 and 1. */
	struct vnet_peer believed = nodes[2].self;
	node_crash(2);
	free(nodes[2].key);
	free(nodes[2].cert);
	node_make(2, "192.0.2.3:1003");
	node_up(2);
	struct vnet_peer all[NODES] = { nodes[0].self, nodes[1].self, believed };
	for (int i = 0; i < 2; i++)
		assert(mesh_set_peers(&nodes[i].mesh, all, NODES, now) == OK);
	assert(mesh_set_peers(&nodes[2].mesh, all, NODES, now) == OK);
	run_us(5 * MINUTE_US);
	ok(!peer_is_connected(peer_at(0, 2)) && !peer_is_connected(peer_at(2, 0)), "another key is refused");
	ok(!peer_at(0, 2)->next && !peer_at(2, 0)->next, "no half-made session either");
	ok(connected(0, 1), "the others do not care");
}

int main(void)
{
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	node_make(2, "192.0.2.3:1003");
	test_join();
	test_strangers();
	test_rekey();
	test_restart();
	test_roaming();
	test_black_hole();
	test_removal();
	test_loss();
	test_wrong_pin();
	for (int i = 0; i < NODES; i++) {
		node_crash(i);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
	printf("# %zu packets, %zu lost\n", carried, lost);
	return done_testing();
}

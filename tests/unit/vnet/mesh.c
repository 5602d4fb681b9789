/* SPDX-License-Identifier: Apache-2.0
 * mesh.c - two and three meshes through a simulated network: handshake, data, loss, death and change of paths
 *
 * Time is a number here and packets are moved by hand, so that nothing depends on how fast the machine is.
 */
#include "aegis.h"
#include "simulation.h"
#include "why.h"

static bool send_frame(int from, int to, size_t len)
{
	uint8_t room[MESH_HEADROOM + FRAME_MAX_BYTES] = { 0 };
	uint8_t *frame = room + MESH_HEADROOM;
	for (size_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(i * 7);
	size_t before = nodes[to].frames;
	if (!mesh_send(&nodes[from].mesh, peer_at(from, to), frame, len, &offload_none, now))
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

static enum vnet_cipher cipher_between(int a, int b)
{
	struct vnet_peer_status at_a, at_b;
	const struct why_local local = { .mapping = VNET_MAPPING_UNKNOWN };
	peer_status(peer_at(a, b), &local, now, &at_a);
	peer_status(peer_at(b, a), &local, now, &at_b);
	is_int(at_a.cipher, at_b.cipher, "%d and %d name the same cipher", a, b);
	return at_a.cipher;
}

/* Node 1 is one that knows of no second cipher, or whose owner wants none. */
static void test_ciphers(void)
{
	enum vnet_cipher best = aegis_works() ? VNET_AEGIS_128L : VNET_AES_256_GCM;
	is_text(vnet_cipher_names[cipher_between(0, 1)], vnet_cipher_names[best], "which is the faster one");
	node_crash(1);
	nodes[1].gcm_only = true;
	node_up(1);
	introduce();
	run_us(30 * SECOND_US);
	ok(connected(0, 1) && connected(1, 2) && connected(0, 2), "one that has AES-256-GCM only is connected");
	both_ways(0, 1, "by it");
	both_ways(1, 2, "by it");
	ok(cipher_between(0, 1) == VNET_AES_256_GCM && cipher_between(1, 2) == VNET_AES_256_GCM, "which is AES-256-GCM");
	is_int(cipher_between(0, 2), best, "the others go on as before");
	node_crash(1);
	nodes[1].gcm_only = false;
	node_up(1);
	introduce();
	run_us(30 * SECOND_US);
	is_int(cipher_between(0, 1), best, "and with new keys the cipher is chosen anew");
}

/* A super-frame with 20000 bytes of payload from 0 to 1, cut at gso_size. Returns how many frames came of it. */
static size_t send_super(uint8_t gso, uint16_t gso_size)
{
	static uint8_t frame[54 + 20000];
	struct offload o = { .partial_csum = true, .gso = gso, .gso_size = gso_size };
	size_t head = gso == INNER_GSO_UDP ? 42 : 54, before = nodes[1].frames;
	struct ipv4 ip = { .from = 1, .to = 2, .protocol = gso == INNER_GSO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP };
	struct udp udp = { .from = 3, .to = 4, .payload_len = 20000 };
	memset(frame, 0, sizeof frame);
	ip.payload_len = head - 34 + 20000;
	ipv4_put(frame, 0x525400000001, 0x525400000002, &ip);
	if (gso == INNER_GSO_UDP)
		udp_put(frame, 0x525400000001, 0x525400000002, 1, 2, &udp);
	else
		frame[46] = 0x50;
	uint64_t bytes = peer_at(0, 1)->tx_bytes, frames = peer_at(0, 1)->tx_frames;
	if (!mesh_send(&nodes[0].mesh, peer_at(0, 1), frame, head + 20000, &o, now))
		return 0;
	run_us(2 * DELAY_US);
	size_t count = nodes[1].frames - before;
	assert(peer_at(0, 1)->tx_frames - frames == count && peer_at(0, 1)->tx_bytes - bytes == 20000 + count * head);
	return count;
}

static void test_super(void)
{
	struct path *path = &peer_at(0, 1)->paths.path[0];
	size_t before = carried;
	is_int(send_super(INNER_GSO_TCP4, 1300), 16, "a super-frame arrives as its segments");
	is_int(carried - before, 16, "a packet each");
	is_int(send_super(INNER_GSO_UDP, 1300), 16, "UDP's too");
	is_int(send_super(INNER_GSO_TCP4, 60000), 15, "a segment size beyond the network's frames is cut to them");
	is_int(send_super(INNER_GSO_UDP, 1400), 0, "UDP's cannot be, and is refused");
	is_int(send_super(INNER_GSO_TCP4, 5), 0, "more segments than the bound are refused");
	uint16_t found = path->datagram_bytes;
	path->datagram_bytes = PATH_BASE_BYTES;
	before = carried;
	size_t count = send_super(INNER_GSO_TCP4, 1300);
	ok(count == 19 && carried - before == 19, "over a narrower path TCP is cut smaller, without fragments");
	before = carried;
	is_int(send_super(INNER_GSO_UDP, 1300), 16, "UDP keeps its size");
	ok(carried - before >= 2 * 15, "and goes in fragments");
	path->datagram_bytes = found;
}

/* Any one packet of a handshake may be lost, and it goes on where it was. */
static void test_lost_flights(void)
{
	int slow = 0;
	for (int n = 0; n < 8; n++) {
		node_crash(0);
		node_crash(1);
		node_up(0);
		node_up(1);
		spare_carriers = n;
		introduce();
		run_us(SECOND_US);
		uint64_t id = peer_at(0, 1)->attempt[0] ? peer_at(0, 1)->attempt[0]->id : 0;
		run_us(SECOND_US);
		slow += !connected(0, 1) || (peer_at(0, 1)->attempt[0] && peer_at(0, 1)->attempt[0]->id != id);
	}
	spare_carriers = -1;
	is_int(slow, 0, "the loss of any one handshake packet is made good at once");
	struct vnet_peer inside = nodes[1].self;
	snprintf(inside.candidates[0].address, VNET_CANDIDATE_SIZE, "10.77.0.9:7");
	node_crash(0);
	node_up(0);
	assert(mesh_set_peers(&nodes[0].mesh, &inside, 1, now) == OK);
	is_int(peer_at(0, 1)->paths.count, 0, "a candidate inside the network itself is not tried");
	introduce();
	run_us(3 * SECOND_US);
}

/* Whoever begins: what goes to an address behind a NAT first goes no farther than one's own (docs/VNET.md section 9). */
static void test_openers(void)
{
	for (int i = 0; i < 2; i++) {
		node_crash(0);
		node_crash(1);
		node_up(0);
		node_up(1);
		struct vnet_peer other = nodes[!i].self;
		other.candidates[0].kind = VNET_REFLEXIVE;
		watched = nodes[!i].address;
		watched_bytes = watched_knocks = 0;
		assert(mesh_set_peers(&nodes[i].mesh, &other, 1, now) == OK);
		const char *who = peer_at(i, !i)->client ? "client" : "server";
		run_us(SECOND_US / 5);
		ok(watched_bytes && !watched_knocks, "the %s does not knock at a NAT before its own is open", who);
		run_us(4 * SECOND_US);
		ok(watched_knocks, "but then");
	}
	watched = (struct address){ 0 };
	introduce();
	run_us(MINUTE_US);
	ok(connected(0, 1), "and they are connected");
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
	/* The same with frames under way at every moment. */
	before = peer_at(0, 1)->current->local_index;
	uint8_t room[MESH_HEADROOM + 60] = { 0 };
	size_t frames[2] = { nodes[0].frames, nodes[1].frames }, each = 0;
	for (; each < 100 * 125; each++) {
		mesh_send(&nodes[0].mesh, peer_at(0, 1), room + MESH_HEADROOM, 60, &offload_none, now);
		mesh_send(&nodes[1].mesh, peer_at(1, 0), room + MESH_HEADROOM, 60, &offload_none, now);
		run_us(SECOND_US / 100);
	}
	run_us(2 * DELAY_US);
	ok(peer_at(0, 1)->current->local_index != before, "they change again");
	ok(nodes[0].frames - frames[0] == each && nodes[1].frames - frames[1] == each,
	   "under a steady stream that loses nothing");
	peer_at(0, 1)->current->made_us = peer_at(1, 0)->current->made_us = now.us; /* no third rekey */
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
	/* A peer that was told nothing of us but who we are. */
	struct vnet_peer strangers[2] = { nodes[0].self, nodes[2].self };
	strangers[0].candidate_count = strangers[1].candidate_count = 0;
	node_crash(1);
	node_up(1);
	assert(mesh_set_peers(&nodes[1].mesh, strangers, 2, now) == OK);
	run_us(MINUTE_US);
	ok(connected(0, 1) && connected(1, 2), "a restarted peer that cannot find us is found by us");
	introduce();
	mesh_leave(&nodes[2].mesh, now);
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
	dead = (struct address){ 0 };
	run_us(2 * MINUTE_US);
	/* The one that is never heard from by itself. */
	dead = nodes[0].second;
	run_us(2 * MINUTE_US);
	is_int(s->path[paths_find(s, &dead)].state, PATH_DEAD, "a standby that dies is noticed too");
	dead = (struct address){ 0 };
	peer_at(0, 1)->current->made_us = peer_at(1, 0)->current->made_us = now.us; /* no rekey, which would try it too */
	run_us(62 * SECOND_US);
	is_int(s->path[paths_find(s, &nodes[0].second)].state, PATH_VALID, "and never given up");
	nodes[0].second.port = 0;
	nodes[0].self.candidate_count = 1;
	introduce();
	run_us(20 * SECOND_US);
}

/* A path that loses packets which go many in one message, and only those. */
static void test_trains(void)
{
	struct trains *t = &peer_at(0, 1)->trains;
	both_ways(0, 1, "before anything is known of trains");
	run_us(SECOND_US);
	ok(t->state == TRAINS_KNOWN && !t->refused, "a path that takes trains is found out to");
	trains_lost = true;
	run_us(TRAIN_AGAIN_US);
	both_ways(0, 1, "over one that loses trains");
	run_us(2 * TRAIN_ROUNDS * TRAIN_WAIT_US);
	ok(t->refused && !peer_takes_trains(peer_at(0, 1)), "packets go singly over it from then on");
	ok(peer_at(1, 0)->trains.refused, "the other way too");
	trains_lost = false;
	run_us(TRAIN_AGAIN_US);
	both_ways(0, 1, "ten minutes later");
	run_us(SECOND_US);
	ok(!t->refused, "when it takes them again they go");
	struct trains lossy = { 0 };
	struct address to = address_of("192.0.2.9:1");
	bool singly;
	trains_used(&lossy, &to, now);
	for (int i = 0; i < 2 * TRAIN_ROUNDS; i++, now.us += TRAIN_WAIT_US)
		for (uint64_t pong = trains_next(&lossy, now, &singly) ? 4 : 8; pong < TRAIN_PINGS; pong++)
			trains_pong(&lossy, lossy.secret | pong, now);
	ok(lossy.state == TRAINS_KNOWN && !lossy.refused, "a path that loses all alike is not blamed for trains");
}

/* A connected peer says that it is at somebody else's address and makes up the answer to our ping there. */
static void test_false_address(void)
{
	struct address victim = address_of("198.51.100.77:53");
	struct paths *s = &peer_at(0, 1)->paths;
	struct session *session = peer_at(1, 0)->current;
	uint8_t packet[PATH_PING_BYTES] = { 0 };
	struct probe ping = { .kind = PROBE_PING, .token = 1 };
	probe_put(&ping, packet + WIRE_HEADER_BYTES);
	assert(session_seal(session, WIRE_PROBE, packet, PATH_PING_BYTES - WIRE_SEAL_BYTES) == OK);
	mesh_input(&nodes[0].mesh, packet, PATH_PING_BYTES, &victim, now);
	int i = paths_find(s, &victim);
	ok(i >= 0, "an address that an authentic packet comes from is tried");
	run_us(SECOND_US / 2);
	for (unsigned number = 0; number < 256; number++) {
		struct probe pong = { .kind = PROBE_PONG, .token = number };
		probe_put(&pong, packet + WIRE_HEADER_BYTES);
		assert(session_seal(session, WIRE_PROBE, packet, PROBE_BYTES) == OK);
		mesh_input(&nodes[0].mesh, packet, PROBE_BYTES + WIRE_SEAL_BYTES, &victim, now);
	}
	ok(s->path[i].state != PATH_VALID && s->active != i, "but a guessed answer does not make it a path");
	run_us(5 * SECOND_US);
	is_int(s->path[i].state, PATH_DEAD, "and it is dead soon");
	both_ways(0, 1, "meanwhile");
}

static void test_load(void)
{
	size_t before = cookies;
	for (int i = 0; i < NODES; i++)
		node_crash(i);
	for (int i = 0; i < NODES; i++) {
		node_up(i);
		while (bucket_take(&nodes[i].mesh.gate.busy, GATE_BUSY_RATE, GATE_BUSY_RATE, now))
			;
	}
	introduce();
	run_us(SECOND_US);
	ok(connected(0, 1) && connected(1, 2) && connected(0, 2), "under load they find each other");
	is_int(cookies - before, 3, "each handshake after a cookie");
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
	test_super();
	test_strangers();
	test_lost_flights();
	test_openers();
	test_rekey();
	test_restart();
	test_roaming();
	test_trains();
	test_false_address();
	test_black_hole();
	test_removal();
	test_ciphers();
	test_load();
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

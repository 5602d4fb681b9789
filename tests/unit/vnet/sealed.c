/* SPDX-License-Identifier: Apache-2.0
 * sealed.c - what the ethernet refuses: packets in a victim's name that would become more, keys past their time
 */
#include "bytes.h"
#include "ula.h"
#include "simulation.h"

static const char victim[] = "198.51.100.66:4000";

/* Nodes 0 and 1, connected; which of them is the client hangs on their pins. */
static void start(int *ret_client, int *ret_server)
{
	node_up(0);
	node_up(1);
	introduce();
	run_us(3 * SECOND_US);
	assert(connected(0, 1));
	*ret_client = peer_at(0, 1)->client ? 0 : 1;
	*ret_server = 1 - *ret_client;
	watched = address_of(victim);
	watched_bytes = 0;
}

static void stop(void)
{
	for (int i = 0; i < 2; i++)
		if (nodes[i].up)
			node_crash(i);
	queued = 0;
}

/* A wish that was overheard is sent again and again in a victim's name while the peer is away. */
static void test_repeated_wish(void)
{
	int client, server;
	uint8_t wish[CARRIER_PACKET_BYTES], copy[CARRIER_PACKET_BYTES];
	start(&client, &server);
	struct carrier c = { .kind = CARRIER_SOLICIT, .sender_index = 1, .id = 77 };
	memcpy(c.hint, peer_at(server, client)->to.hint, sizeof c.hint);
	size_t len = carrier_put(&c, wish);
	gate_sign(&peer_at(server, client)->to, wish, len);
	node_crash(server);
	run_us(3 * MINUTE_US);
	size_t lured = 0;
	for (int i = 0; i < 20; i++) {
		memcpy(copy, wish, len);
		mesh_input(&nodes[client].mesh, copy, len, &watched, now);
		lured += len;
		run_us(7 * SECOND_US);
	}
	ok(watched_bytes > 0 && watched_bytes <= lured,
	   "a wish brings whom it names no more than it was itself: %zu bytes for %zu", watched_bytes, lured);
	stop();
}

/* A member asks for the server's flight again and again in a victim's name, with packets that are smaller. */
static void test_repeated_flight(void)
{
	int client, server;
	uint8_t packet[CARRIER_PACKET_BYTES], nothing = 0;
	start(&client, &server);
	stop();
	node_up(0);
	node_up(1);
	introduce();
	while (!peer_at(server, client)->attempt[0])
		run_us(1000);
	const struct attempt *at = peer_at(server, client)->attempt[0];
	struct carrier c = { .index = at->local_index, .id = at->id, .sender_index = at->remote_index, .kind = CARRIER_DTLS };
	c.dtls = &nothing;
	c.dtls_len = 1;
	memcpy(c.hint, peer_at(client, server)->to.hint, sizeof c.hint);
	now.us += SECOND_US; /* the last repetition is long ago */
	size_t len = carrier_put(&c, packet);
	gate_sign(&peer_at(client, server)->to, packet, len);
	mesh_input(&nodes[server].mesh, packet, len, &watched, now);
	ok(watched_bytes <= len, "part of a handshake again brings no larger flight: %zu bytes for %zu", watched_bytes, len);
	run_us(3 * SECOND_US);
	ok(connected(0, 1), "and the handshake goes on");
	stop();
}

static bool is_server_flight(const struct packet *q, const struct node *server)
{
	return q->data[0] == WIRE_HANDSHAKE && address_equal(&q->from, &server->address);
}

/* Who sits on the way delivers the server's flight in a victim's name before it comes itself, if it comes at all. */
static void test_deflected_flight(bool original_comes)
{
	int client, server;
	size_t lured = 0;
	start(&client, &server);
	stop();
	node_up(0);
	node_up(1);
	introduce();
	while (!peer_at(server, client)->attempt[0])
		run_us(1000);
	watched_bytes = 0;
	for (size_t i = 0; i < queued; i++) {
		if (!is_server_flight(&queue[i], &nodes[server]))
			continue;
		lured += queue[i].len;
		struct packet copy = queue[i];
		if (original_comes)
			mesh_input(&nodes[client].mesh, copy.data, copy.len, &watched, now);
		else
			queue[i].from = watched;
	}
	assert(lured > 0);
	run_us(8 * SECOND_US);
	ok(watched_bytes > 0 && watched_bytes <= lured,
	   "a deflected flight brings a victim no more than it was: %zu bytes for %zu", watched_bytes, lured);
	ok(connected(0, 1), "and the two connect");
	stop();
}

/* Who sits on the way delivers the server's last flight, or the first packet under the new keys to the server, in a victim's name. */
static void test_deflected_end(bool to_server)
{
	int client, server;
	start(&client, &server);
	stop();
	node_up(0);
	node_up(1);
	introduce();
	int giver = to_server ? client : server, taker = 1 - giver;
	while (to_server ? !peer_at(client, server)->current : !peer_at(server, client)->next)
		run_us(1000);
	watched_bytes = 0;
	size_t lured = 0;
	for (size_t i = 0; i < queued; i++)
		if (address_equal(&queue[i].from, &nodes[giver].address)) {
			queue[i].from = watched;
			lured += queue[i].len;
		}
	while (!peer_at(taker, giver)->current)
		run_us(1000);
	const struct paths *s = &peer_at(taker, giver)->paths;
	int i = paths_find(s, &watched);
	ok(i >= 0 && s->active != i && paths_known(s, i) != i,
	   "where a handshake's deflected end seems to come from is no path yet");
	run_us(3 * SECOND_US);
	ok(connected(0, 1), "and the two connect");
	run_us(5 * MINUTE_US);
	ok(watched_bytes > 0 && watched_bytes <= lured, "it brings a victim no more than it was: %zu bytes for %zu",
	   watched_bytes, lured);
	ok(paths_find(&peer_at(taker, giver)->paths, &watched) < 0, "which is forgotten");
	stop();
}

/* Behind an address that nobody announced: whichever part of the handshake is lost, it is done before the client would begin anew. */
static void test_loss_behind_unknown(void)
{
	int client, server, most = 7, came = 0;
	start(&client, &server);
	struct vnet_peer unknown = nodes[server].self, known = nodes[client].self;
	unknown.candidate_count = 0;
	stop();
	for (int i = 0; i < most; i++) {
		node_up(0);
		node_up(1);
		assert(mesh_set_peers(&nodes[client].mesh, &unknown, 1, now) == OK);
		assert(mesh_set_peers(&nodes[server].mesh, &known, 1, now) == OK);
		spare_carriers = i;
		run_us(8 * SECOND_US);
		came += connected(0, 1);
		spare_carriers = -1;
		stop();
	}
	is_int(came, most, "a lost part of a handshake with an unannounced address is made good");
}

/* Behind an address that nobody announced, to a client that asks for cookies as answers. */
static void test_wish_under_load(void)
{
	int client, server;
	start(&client, &server);
	struct vnet_peer unknown = nodes[server].self, known = nodes[client].self;
	unknown.candidate_count = 0;
	stop();
	node_up(0);
	node_up(1);
	assert(mesh_set_peers(&nodes[client].mesh, &unknown, 1, now) == OK);
	assert(mesh_set_peers(&nodes[server].mesh, &known, 1, now) == OK);
	run_us(SECOND_US * 49 / 100); /* the client answers the wish half a second after it began with nobody to speak to */
	while (bucket_take(&nodes[server].mesh.gate.busy, GATE_BUSY_RATE, GATE_BUSY_RATE, now))
		;
	size_t before = cookies;
	run_us(SECOND_US / 5); /* before the next wish */
	ok(!connected(0, 1) && cookies > before, "a cookie from an address that nobody announced brings it no flight");
	run_us(3 * SECOND_US);
	ok(connected(0, 1), "the next wish does, with the cookie");
	stop();
}

/* A machine slept for longer than keys live, and says farewell before anything else. */
static void test_late_farewell(void)
{
	int client, server;
	start(&client, &server);
	uint64_t sent = peer_at(0, 1)->current->sent;
	now.us += SESSION_END_US;
	mesh_leave(&nodes[0].mesh, now);
	is_int(peer_at(0, 1)->current->sent, sent, "keys that are too old seal no farewell");
	stop();
}

/* A connected peer whose packets come from ever new addresses, as two NATs may cause it that map each destination anew. */
static void test_many_addresses(void)
{
	int client, server;
	uint8_t packet[256];
	struct probe ping = { .kind = PROBE_PING, .token = 1 };
	start(&client, &server);
	size_t before = carried;
	for (int i = 0; i < 100; i++) {
		struct address from = address_of(victim);
		from.port = (uint16_t)(5000 + i);
		probe_put(&ping, packet + WIRE_HEADER_BYTES);
		assert(session_seal(peer_at(server, client)->current, WIRE_PROBE, packet, PROBE_BYTES) == OK);
		mesh_input(&nodes[client].mesh, packet, PROBE_BYTES + WIRE_SEAL_BYTES, &from, now);
		run_us(SECOND_US / 10);
	}
	ok(carried - before <= 100 + PATH_LEARNED * PATH_TRIES + 20,
	   "a peer that seems to be everywhere is looked for at few: %zu packets", carried - before);
	ok(connected(0, 1), "and stays connected");
	now.us += PATH_LEARN_US;
	probe_put(&ping, packet + WIRE_HEADER_BYTES);
	assert(session_seal(peer_at(server, client)->current, WIRE_PROBE, packet, PROBE_BYTES) == OK);
	mesh_input(&nodes[client].mesh, packet, PROBE_BYTES + WIRE_SEAL_BYTES, &watched, now);
	ok(paths_find(&peer_at(client, server)->paths, &watched) >= 0, "a minute later it is followed again");
	stop();
}

/* Who sits on the way takes a packet off it and delivers it in a victim's name, so that it is the newest of its peer's. */
static void test_deflected(void)
{
	int client, server;
	uint8_t packet[256];
	struct probe ping = { .kind = PROBE_PING, .token = 1 };
	size_t lured = 0;
	start(&client, &server);
	for (int node = 0; node < 2; node++) {
		size_t len = node ? PATH_PING_BYTES : PROBE_BYTES + WIRE_SEAL_BYTES;
		memset(packet, 0, sizeof packet);
		probe_put(&ping, packet + WIRE_HEADER_BYTES);
		assert(session_seal(peer_at(1 - node, node)->current, WIRE_PROBE, packet, len - WIRE_SEAL_BYTES) == OK);
		mesh_input(&nodes[node].mesh, packet, len, &watched, now);
		lured += len;
		ok(paths_find(&peer_at(node, 1 - node)->paths, &watched) >= 0, "the address is tried by %d", node);
	}
	run_us(SECOND_US);
	dead = nodes[server].address; /* both lose the other, and begin handshakes */
	nodes[server].up = false;
	run_us(MINUTE_US);
	nodes[server].up = true;
	run_us(MINUTE_US);
	dead = (struct address){ 0 };
	run_us(5 * MINUTE_US);
	ok(watched_bytes > 0 && watched_bytes <= lured, "it gets no more than came in its name: %zu bytes for %zu", watched_bytes,
	   lured);
	ok(paths_find(&peer_at(client, server)->paths, &watched) < 0 && paths_find(&peer_at(server, client)->paths, &watched) < 0,
	   "and it is forgotten");
	ok(connected(0, 1), "the two are connected");
	stop();
}

/* A machine that knows our pin, and believes to be in another network than we. */
static void test_other_network(void)
{
	int client, server;
	start(&client, &server);
	stop();
	struct vnet_network other = network;
	other.id.bytes[0] ^= 1;
	node_up(server);
	node_up_in(client, &other);
	introduce();
	run_us(30 * SECOND_US);
	ok(nodes[server].mesh.strangers > 0 && nodes[client].mesh.strangers > 0, "a member of another network is a stranger");
	is_int((int64_t)peer_at(server, client)->handshakes, 0, "nobody begins a handshake with it");
	ok(!peer_is_connected(peer_at(server, client)) && !peer_is_connected(peer_at(client, server)), "nor is it connected");
	stop();
}

/* From node 0 to 1; kept, if one is there to keep it. */
static void pass(struct packet *keep)
{
	uint8_t room[MESH_HEADROOM + 64] = { 0 };
	assert(mesh_send(&nodes[0].mesh, peer_at(0, 1), room + MESH_HEADROOM, 64, &offload_none, now));
	if (keep)
		*keep = last_data;
	run_us(DELAY_US / 20);
}

static bool is_taken(const struct packet *p)
{
	uint8_t copy[sizeof p->data];
	size_t before = nodes[1].frames;
	memcpy(copy, p->data, p->len);
	mesh_input(&nodes[1].mesh, copy, p->len, &p->from, now);
	return nodes[1].frames > before;
}

/* Who sits on the way keeps packets and sends them again, or lets them through late. */
static void test_replay(void)
{
	int client, server;
	struct packet first, late, later;
	start(&client, &server);
	uint64_t *newest = &peer_at(1, 0)->current->replay.newest;
	pass(&first);
	run_us(2 * DELAY_US);
	nodes[1].up = false; /* so that what it is sent is lost */
	pass(&late);
	pass(&later);
	run_us(2 * DELAY_US);
	nodes[1].up = true;
	uint64_t begun = *newest;
	pass(NULL);
	run_us(2 * DELAY_US);
	ok(!is_taken(&first), "a packet that was there is not taken again");
	ok(is_taken(&late) && !is_taken(&late), "one that is late is, once");
	while (*newest - begun < REPLAY_WINDOW / 2)
		pass(NULL);
	ok(!is_taken(&first) && !is_taken(&late), "nor half a window later");
	int64_t made_us = peer_at(1, 0)->current->made_us;
	while (peer_at(1, 0)->current->made_us == made_us)
		run_us(SECOND_US);
	ok(peer_at(1, 0)->previous && !is_taken(&first) && !is_taken(&late), "nor under the next keys");
	ok(is_taken(&later) && !is_taken(&later), "what was under way then is taken, once");
	run_us(SESSION_PREVIOUS_US + SECOND_US);
	ok(!peer_at(1, 0)->previous && !is_taken(&first), "nor when the old keys are gone");
	stop();
}

/* A member sends first flights from everywhere, each a handshake of its own. bring: it also receives there, and brings the cookie. */
static void flood(int client, int server, bool bring, int64_t us)
{
	uint8_t packet[CARRIER_PACKET_BYTES];
	struct carrier c = { .kind = CARRIER_DTLS, .sender_index = 77, .dtls_len = 1, .dtls = (const uint8_t *)"x" };
	int64_t end = now.us + us;
	memcpy(c.hint, peer_at(client, server)->to.hint, sizeof c.hint);
	for (unsigned i = 0; now.us < end; i++, now.us += 500) {
		char text[ADDRESS_TEXT_SIZE];
		snprintf(text, sizeof text, "198.%u.%u.1:4000", 18 + (i >> 8) % 2, i & 0xff);
		watched = address_of(text);
		watched_bytes = 0;
		c.id = i + 1;
		if (bring)
			gate_cookie(&nodes[server].mesh.gate, &watched, &c, now, c.cookie);
		size_t len = carrier_put(&c, packet);
		gate_sign(&peer_at(client, server)->to, packet, len);
		mesh_input(&nodes[server].mesh, packet, len, &watched, now);
		assert(watched_bytes <= len);
		queued = 0;
	}
}

static void test_flood(void)
{
	int client, server;
	for (int bring = 0; bring < 2; bring++) {
		start(&client, &server);
		const struct peer *p = peer_at(server, client);
		uint64_t before = p->handshakes;
		flood(client, server, bring, 2 * SECOND_US);
		ok(p->handshakes > before && p->handshakes - before <= 150,
		   "4000 first flights from 512 networks in 2 s%s cost %llu handshakes", bring ? ", with cookies," : "",
		   (unsigned long long)(p->handshakes - before));
		run_us(3 * SECOND_US);
		ok(connected(0, 1), "and the real peer stays connected");
		stop();
	}
}

/* What one packet in a victim's name brings it at once: never more than it was itself. Pings that look for a peer there are test_deflected's. */
static void test_answers(void)
{
	static const struct {
		enum wire_type type;
		enum probe_kind kind;
		size_t padding;
		const char *name;
	} cases[] = {
		{ WIRE_DATA, 0, 0, "data" },
		{ WIRE_PROBE, PROBE_PING, 0, "a ping" },
		{ WIRE_PROBE, PROBE_PING, 1000, "a large ping" },
		{ WIRE_PROBE, PROBE_PONG, 0, "a pong" },
		{ WIRE_PROBE, PROBE_MEET, 0, "a call to meet" },
		{ WIRE_PROBE, PROBE_LEAVE, 0, "a farewell" },
	};
	int client, server;
	uint8_t packet[2048] = { 0 };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		start(&client, &server);
		struct session *s = peer_at(server, client)->current;
		struct probe p = { .kind = cases[i].kind };
		size_t plain = PROBE_BYTES + cases[i].padding;
		if (cases[i].type == WIRE_DATA)
			plain = inner_put(&(struct inner){ .kind = INNER_FRAME }, packet + WIRE_HEADER_BYTES) + 60;
		else
			probe_put(&p, packet + WIRE_HEADER_BYTES);
		assert(session_seal(s, cases[i].type, packet, plain) == OK);
		watched_bytes = 0;
		mesh_input(&nodes[client].mesh, packet, plain + WIRE_SEAL_BYTES, &watched, now);
		ok(watched_bytes <= plain + WIRE_SEAL_BYTES, "%s of %zu bytes: %zu in answer", cases[i].name,
		   plain + WIRE_SEAL_BYTES, watched_bytes);
		stop();
	}
}

/* Cookies that were seen on the way are sent again in a victim's name. */
static void test_deflected_cookies(void)
{
	int client, server;
	uint8_t packet[COOKIE_PACKET_BYTES];
	start(&client, &server);
	stop();
	node_up(0);
	node_up(1);
	introduce();
	nodes[server].up = false;
	while (!peer_at(client, server)->attempt[0])
		run_us(1000);
	const struct attempt *at = peer_at(client, server)->attempt[0];
	struct cookie_reply reply = { .index = at->local_index, .id = at->id };
	watched_bytes = 0;
	for (int i = 0; i < 5; i++) {
		cookie_put(&reply, packet);
		gate_sign(&peer_at(server, client)->to, packet, sizeof packet);
		mesh_input(&nodes[client].mesh, packet, sizeof packet, &watched, now);
		run_us(SECOND_US);
	}
	nodes[server].up = true;
	is_int(watched_bytes, 0, "deflected cookies bring nothing");
	stop();
}

/* A peer is heard from the network's own addresses: a tunnel in itself. */
static void test_address_inside(void)
{
	int client, server;
	uint8_t packet[256];
	struct probe ping = { .kind = PROBE_PING, .token = 1 };
	struct address inside[2] = { address_of("10.77.3.4:4000"), address_of("[fd00::1]:4000") };
	struct writer w = writer_of(inside[1].ip, 8);
	write_u64(&w, ula_prefix(network.id));
	start(&client, &server);
	for (int i = 0; i < 2; i++) {
		probe_put(&ping, packet + WIRE_HEADER_BYTES);
		assert(session_seal(peer_at(server, client)->current, WIRE_PROBE, packet, PROBE_BYTES) == OK);
		mesh_input(&nodes[client].mesh, packet, PROBE_BYTES + WIRE_SEAL_BYTES, &inside[i], now);
		is_int(paths_find(&peer_at(client, server)->paths, &inside[i]), -1,
		       "an IPv%d address inside the network is not learned", i ? 6 : 4);
	}
	stop();
}

int main(void)
{
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	node_make(2, "192.0.2.3:1003");
	test_repeated_wish();
	test_repeated_flight();
	test_deflected_flight(true);
	test_deflected_flight(false);
	test_deflected_end(false);
	test_deflected_end(true);
	test_loss_behind_unknown();
	test_wish_under_load();
	test_late_farewell();
	test_many_addresses();
	test_deflected();
	test_other_network();
	test_replay();
	test_flood();
	test_answers();
	test_deflected_cookies();
	test_address_inside();
	for (int i = 0; i < NODES; i++) {
		free(nodes[i].key);
		free(nodes[i].cert);
	}
	return done_testing();
}

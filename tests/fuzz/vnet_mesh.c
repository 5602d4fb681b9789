/* SPDX-License-Identifier: Apache-2.0
 * vnet_mesh.c - fuzz: what strangers, members and a connected but hostile peer may send, in any order and at any time
 *
 * The input is a list of steps: a byte says what, two bytes how much, then the bytes. Two meshes in the simulated network are
 * connected first; node 1 is the hostile one.
 */
#include "aegis.h"
#include "unit/vnet/simulation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sessions with made-up keys: thousands of handshakes a second would be all that this fuzzer does. */
static void connect_both(void)
{
	enum vnet_cipher cipher = aegis_works() ? VNET_AEGIS_128L : VNET_AES_256_GCM;
	struct seal_key keys[2] = { { .cipher = cipher, .salt = { 1 } }, { .cipher = cipher, .salt = { 2 } } };
	uint32_t index[2];
	for (int i = 0; i < 2; i++)
		index[i] = mesh_index_new(&nodes[i].mesh, peer_at(i, 1 - i));
	for (int i = 0; i < 2; i++) {
		struct peer *p = peer_at(i, 1 - i);
		struct session *s;
		assert(session_new(&keys[i], &keys[1 - i], index[i], index[1 - i], now, &s) == OK);
		peer_take_session(p, s, &nodes[1 - i].address, true, now);
	}
}

static void make_once(void)
{
	if (nodes[0].up)
		return;
	node_make(0, "192.0.2.1:1001");
	node_make(1, "192.0.2.2:1002");
	node_make(2, "192.0.2.3:1003");
	for (int i = 0; i < 2; i++) {
		node_up(i);
		nodes[i].mesh.io.log = NULL;
	}
}

/* The meshes live on, for their keys are slow to read; peers and limits are new for each input. */
static void start(void)
{
	make_once();
	queued = 0;
	now.us = 1000000;
	for (int i = 0; i < 2; i++) {
		assert(mesh_set_peers(&nodes[i].mesh, NULL, 0, now) == OK);
		gate_init(&nodes[i].mesh.gate, now);
		nodes[i].mesh.jitter_state = 12345;
	}
	introduce();
	connect_both();
	run_us(100000);
	assert(connected(0, 1));
	struct vnet_config c = { .network = network, .self = nodes[0].self, .answer_dhcp = true };
	assert(ethernet_init(&nodes[0].ethernet, &c, &nodes[0].mesh) == OK);
	nodes[0].ethernet.to_port = to_port;
	nodes[0].ethernet.context = &nodes[0];
	nodes[0].has_ethernet = true;
	assert(ethernet_learn_peers(&nodes[0].ethernet, NULL, 0, now) == OK);
}

static void end(void)
{
	ethernet_clear(&nodes[0].ethernet);
}

static void packet_to_0(const uint8_t *bytes, size_t len)
{
	uint8_t packet[2048];
	len = len < sizeof packet ? len : sizeof packet;
	memcpy(packet, bytes, len);
	mesh_input(&nodes[0].mesh, packet, len, &nodes[1].address, now);
}

/* As a member who knows the pins: hint and mac1 are right. */
static void carrier_to_0(const uint8_t *bytes, size_t len)
{
	uint8_t packet[CARRIER_PACKET_BYTES] = { 0 };
	struct gate_key key = gate_key_of(network.id, nodes[0].self.pin, nodes[1].self.pin);
	struct wire_header h = { .type = WIRE_HANDSHAKE };
	bool first = len > 0 && bytes[0] & 1;
	size_t n = first || len > sizeof packet - CARRIER_MAC_BYTES ? sizeof packet : len + CARRIER_MAC_BYTES;
	if (n < CARRIER_HEAD_BYTES + CARRIER_MAC_BYTES)
		return;
	wire_header_put(&h, packet);
	memcpy(packet + 4, bytes, len < n - 20 ? len : n - 20);
	if (first)
		memset(packet + 4, 0, 4);
	memcpy(packet + 24, key.hint, sizeof key.hint);
	gate_sign(&key, packet, n);
	mesh_input(&nodes[0].mesh, packet, n, &nodes[1].address, now);
}

/* As the connected peer, whose session may be gone by now. */
static void sealed_to_0(enum wire_type type, const uint8_t *bytes, size_t len)
{
	uint8_t packet[2048];
	struct session *s = peer_at(1, 0)->current;
	len = len < sizeof packet - WIRE_SEAL_BYTES ? len : sizeof packet - WIRE_SEAL_BYTES;
	memcpy(packet + WIRE_HEADER_BYTES, bytes, len);
	if (s && session_seal(s, type, packet, len) == OK)
		mesh_input(&nodes[0].mesh, packet, len + WIRE_SEAL_BYTES, &nodes[len % 2].address, now);
}

static void port_of_0(const uint8_t *bytes, size_t len)
{
	uint8_t room[MESH_HEADROOM + 1500];
	len = len < 1500 ? len : 1500;
	memcpy(room + MESH_HEADROOM, bytes, len);
	struct offload o = { .partial_csum = len % 2 };
	ethernet_from_port(&nodes[0].ethernet, room + MESH_HEADROOM, len, &o, now);
}

static void step(uint8_t what, const uint8_t *bytes, size_t len)
{
	uint32_t before = nodes[0].frames;
	switch (what % 6) {
	case 0:
		packet_to_0(bytes, len);
		break;
	case 1:
		carrier_to_0(bytes, len);
		break;
	case 2:
		sealed_to_0(WIRE_DATA, bytes, len);
		break;
	case 3:
		sealed_to_0(WIRE_PROBE, bytes, len);
		break;
	case 4:
		run_us((int64_t)len * 5000);
		return;
	case 5:
		port_of_0(bytes, len);
		return;
	}
	/* Whatever node 1 says, the port never sees node 2's or its own MAC as the sender. */
	if (nodes[0].frames != before)
		assert(nodes[0].last_len >= 14 && memcmp(nodes[0].last + 6, nodes[0].self.mac.bytes, 6) != 0 &&
		       memcmp(nodes[0].last + 6, nodes[2].self.mac.bytes, 6) != 0);
	const struct paths *s = &peer_at(0, 1)->paths;
	assert(s->count <= PATH_MAX_COUNT && s->active < s->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start();
	for (int steps = 0; size >= 3 && steps < 64; steps++) {
		size_t len = (size_t)data[1] << 8 | data[2];
		len %= 1600;
		uint8_t what = data[0];
		data += 3;
		size -= 3;
		if (what % 6 == 4) {
			step(what, NULL, len);
			continue;
		}
		len = len < size ? len : size;
		step(what, data, len);
		data += len;
		size -= len;
	}
	run_us(SECOND_US);
	end();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * wire.c - the test vectors of docs/VNET.md, and what every parser of packets refuses
 */
#include <assert.h>
#include "aegis.h"
#include "bytes.h"
#include "gate.h"
#include "handshake.h"
#include "relay_wire.h"
#include "seal.h"
#include "vectors.h"

static void test_sealed_vectors(void)
{
	uint8_t packet[256], plain[128], frame[60];
	struct seal_key key = { 0 };
	struct seal seal, open;
	struct wire_header h = { WIRE_DATA, 0x01020304, 0x1122334455667788 }, got;
	struct inner in = { .kind = INNER_FRAME, .flags = INNER_PARTIAL_CSUM };
	size_t n, plain_len;
	wire_header_put(&h, packet);
	is_vector("header", packet, WIRE_HEADER_BYTES);
	vector("key", key.key, sizeof key.key);
	vector("salt", key.salt, sizeof key.salt);
	vector("frame", frame, sizeof frame);
	assert(seal_init(&seal, &key, true, h.counter) == OK && seal_init(&open, &key, false, 0) == OK);
	n = inner_put(&in, packet + WIRE_HEADER_BYTES);
	memcpy(packet + WIRE_HEADER_BYTES + n, frame, sizeof frame);
	assert(seal_packet(&seal, &h, packet, n + sizeof frame) == OK);
	is_vector("data", packet, n + sizeof frame + WIRE_SEAL_BYTES);

	n = vector("data", packet, sizeof packet);
	is_int(wire_header_get(packet, n, &got), OK, "its header is read");
	ok(got.type == h.type && got.index == h.index && got.counter == h.counter, "as it was written");
	is_int(seal_open(&open, packet, n, &plain_len), OK, "it opens");
	is_int(plain_len, INNER_FRAME_BYTES + sizeof frame, "to a frame and its header");
	size_t opened = 0;
	for (size_t i = 0; i < n; i++) {
		vector("data", packet, sizeof packet);
		packet[i] ^= 1;
		opened += wire_header_get(packet, n, &got) == OK && seal_open(&open, packet, n, &plain_len) == OK;
	}
	is_int(opened, 0, "with any byte changed it does not open");
	is_int(seal_open(&open, packet, WIRE_SEAL_BYTES - 1, &plain_len), E_CORRUPT, "nor too short");

	struct probe pong = { .kind = PROBE_PONG, .datagram_bytes = 1472, .token = 0x0102030405060708 }, back;
	assert(address_parse("192.0.2.7:41641", &pong.seen) == OK);
	probe_put(&pong, plain);
	is_vector("pong", plain, PROBE_BYTES);
	h.type = WIRE_PROBE;
	memcpy(packet + WIRE_HEADER_BYTES, plain, PROBE_BYTES);
	assert(seal_packet(&seal, &h, packet, PROBE_BYTES) == OK);
	is_vector("sealed_pong", packet, PROBE_BYTES + WIRE_SEAL_BYTES);
	is_int(probe_get(plain, PROBE_BYTES, &back), OK, "a pong is read");
	ok(back.kind == PROBE_PONG && back.token == pong.token && address_equal(&back.seen, &pong.seen), "as it was written");
	seal_clear(&seal);
	seal_clear(&open);
}

/* The same frame under the same key's first half, by the other cipher. */
static void test_aegis_vector(void)
{
	uint8_t packet[256], frame[60];
	struct seal_key key = { .cipher = VNET_AEGIS_128L };
	struct seal seal, open;
	struct wire_header h = { WIRE_DATA, 0x01020304, 0x1122334455667788 }, got;
	struct inner in = { .kind = INNER_FRAME, .flags = INNER_PARTIAL_CSUM };
	size_t plain_len, opened = 0;
	vector("key", key.key, sizeof key.key);
	vector("aegis_salt", key.salt, sizeof key.salt);
	vector("frame", frame, sizeof frame);
	if (!aegis_works())
		return;
	assert(seal_init(&seal, &key, true, h.counter) == OK && seal_init(&open, &key, false, 0) == OK);
	size_t n = inner_put(&in, packet + WIRE_HEADER_BYTES);
	memcpy(packet + WIRE_HEADER_BYTES + n, frame, sizeof frame);
	assert(seal_packet(&seal, &h, packet, n + sizeof frame) == OK);
	is_vector("aegis_data", packet, n + sizeof frame + WIRE_SEAL_BYTES);
	n = vector("aegis_data", packet, sizeof packet);
	ok(wire_header_get(packet, n, &got) == OK && seal_open(&open, packet, n, &plain_len) == OK &&
		   plain_len == INNER_FRAME_BYTES + sizeof frame &&
		   !memcmp(packet + n - WIRE_TAG_BYTES - sizeof frame, frame, sizeof frame),
	   "it opens");
	for (size_t i = 0; i < n; i++) {
		vector("aegis_data", packet, sizeof packet);
		packet[i] ^= 1;
		opened += seal_open(&open, packet, n, &plain_len) == OK;
	}
	is_int(opened, 0, "with any byte changed it does not");
	seal_clear(&seal);
	seal_clear(&open);
}

static void test_inner_vectors(void)
{
	uint8_t bytes[INNER_MAX_BYTES];
	struct inner segment = { .kind = INNER_SEGMENT, .flags = INNER_PARTIAL_CSUM | INNER_LAST | INNER_GSO_TCP4 }, got;
	struct inner piece = { .kind = INNER_FRAGMENT, .fragment = { 0x01020304, 1, 3, 500 } };
	size_t n;
	segment.segment.super_id = 0x1234;
	segment.segment.index = 3;
	segment.segment.gso_size = 1348;
	segment.segment.csum_start = 34;
	is_vector("segment_header", bytes, inner_put(&segment, bytes));
	is_int(inner_get(bytes, sizeof bytes, &got, &n), OK, "a segment's header is read");
	ok(n == 12 && got.segment.super_id == 0x1234 && got.segment.gso_size == 1348 && got.flags == segment.flags,
	   "as it was written");
	is_vector("fragment_header", bytes, inner_put(&piece, bytes));
	is_int(inner_get(bytes, sizeof bytes, &got, &n), OK, "a fragment's header is read");
	ok(n == 12 && got.fragment.frame_id == 0x01020304 && got.fragment.offset == 500, "as it was written");
}

static void test_carrier_vectors(void)
{
	static const uint8_t dtls[] = { 0x16, 0xfe, 0xfd, 1, 2, 3 };
	uint8_t packet[CARRIER_PACKET_BYTES];
	uuid network;
	sha256 receiver, sender;
	vector("network", network.bytes, sizeof network.bytes);
	vector("receiver_pin", receiver.bytes, sizeof receiver.bytes);
	vector("sender_pin", sender.bytes, sizeof sender.bytes);
	struct gate_key key = gate_key_of(network, receiver, sender), other = gate_key_of(network, sender, receiver);
	is_vector("mac1_key", key.mac, sizeof key.mac);
	is_vector("hint", key.hint, sizeof key.hint);

	struct carrier c = {
		.index = 0x0a0b0c0d, .id = 0x8877665544332211, .sender_index = 0x05060708, .kind = CARRIER_DTLS, .part = 2
	};
	struct carrier got;
	c.dtls = dtls;
	c.dtls_len = sizeof dtls;
	memcpy(c.hint, key.hint, sizeof c.hint);
	memset(c.cookie, 0xcc, sizeof c.cookie);
	size_t n = carrier_put(&c, packet);
	gate_sign(&key, packet, n);
	is_vector("handshake", packet, n);
	ok(gate_check(&key, packet, n) && !gate_check(&other, packet, n), "its mac1 is good one way only");
	is_int(carrier_get(packet, n, &got), OK, "a handshake packet is read");
	ok(got.id == c.id && got.part == 2 && got.dtls_len == sizeof dtls && !memcmp(got.dtls, dtls, sizeof dtls),
	   "as it was written");
	packet[n - 1] ^= 1;
	ok(!gate_check(&key, packet, n), "a changed mac1 is noticed");
	c.index = 0;
	is_int(carrier_put(&c, packet), CARRIER_PACKET_BYTES, "a first packet is padded");
	is_int(carrier_get(packet, CARRIER_PACKET_BYTES, &got), OK, "and read");
	is_int(carrier_get(packet, CARRIER_PACKET_BYTES - 1, &got), E_INVALID, "but not unpadded");

	struct cookie_reply reply = { .index = 0x05060708, .id = 0x8877665544332211 }, back;
	memset(reply.cookie, 0xcc, sizeof reply.cookie);
	cookie_put(&reply, packet);
	gate_sign(&key, packet, COOKIE_PACKET_BYTES);
	is_vector("cookie", packet, COOKIE_PACKET_BYTES);
	is_int(cookie_get(packet, COOKIE_PACKET_BYTES, &back), OK, "a cookie is read");
	is_int(cookie_get(packet, COOKIE_PACKET_BYTES - 1, &back), E_INVALID, "but not cut short");
}

/* A client's first flight, and what a server makes of it: its own, with the version and the cipher that there are. */
static void test_flight_vectors(void)
{
	uint8_t hello[CARRIER_DTLS_MAX], packet[CARRIER_PACKET_BYTES];
	char *key_pem, *cert_pem;
	struct identity *id;
	struct handshake *server;
	struct gate_key key;
	struct carrier got, c = { .id = 0x8877665544332211, .sender_index = 0x05060708, .kind = CARRIER_DTLS };
	bool spoke = false;
	vector("mac1_key", key.mac, sizeof key.mac);
	vector("hint", key.hint, sizeof key.hint);
	c.dtls_len = vector("client_hello", hello, sizeof hello);
	c.dtls = hello;
	memcpy(c.hint, key.hint, sizeof c.hint);
	is_int(carrier_put(&c, packet), CARRIER_PACKET_BYTES, "a first flight is padded");
	gate_sign(&key, packet, sizeof packet);
	is_vector("first_flight_head", packet, CARRIER_HEAD_BYTES);
	is_vector("first_flight_mac1", packet + sizeof packet - CARRIER_MAC_BYTES, CARRIER_MAC_BYTES);
	ok(gate_check(&key, packet, sizeof packet) && carrier_get(packet, sizeof packet, &got) == OK &&
		   got.dtls_len == c.dtls_len,
	   "and read");
	assert(certificate_make("peer", &key_pem, &cert_pem) == OK && identity_new(key_pem, cert_pem, true, &id) == OK);
	assert(handshake_new(id, false, (sha256){ 0 }, &server) == OK);
	is_int(handshake_step(server, got.dtls, got.dtls_len, &spoke), HANDSHAKE_GOING, "a server takes it");
	/* record header 13, handshake header 12, then version 2, random 32, session id, cipher suite 2 (RFC 6347, RFC 5289) */
	const uint8_t *hello_back = handshake_flight(server)->data[0];
	ok(spoke && hello_back[13] == 2 && hello_back[25] == 0xfe && hello_back[26] == 0xfd &&
		   hello_back[60 + hello_back[59]] == 0xc0 && hello_back[61 + hello_back[59]] == 0x2c,
	   "and answers with its hello: DTLS 1.2, ECDHE-ECDSA-AES256-GCM-SHA384");
	handshake_free(server);
	identity_free(id);
	free(key_pem);
	free(cert_pem);
}

/* Segment and fragment as they are on the wire. */
static void test_piece_vectors(void)
{
	static const char *const names[] = { "segment", "fragment" };
	uint8_t packet[256], frame[60];
	struct seal_key key = { 0 };
	struct seal seal, open;
	struct wire_header got;
	struct inner in;
	size_t used, plain_len;
	vector("key", key.key, sizeof key.key);
	vector("salt", key.salt, sizeof key.salt);
	vector("frame", frame, sizeof frame);
	for (int i = 0; i < 2; i++) {
		char name[32];
		struct wire_header h = { WIRE_DATA, 0x01020304, 2 + (uint64_t)i };
		assert(seal_init(&seal, &key, true, h.counter) == OK && seal_init(&open, &key, false, 0) == OK);
		wire_header_put(&h, packet);
		snprintf(name, sizeof name, "%s_header", names[i]);
		size_t n = vector(name, packet + WIRE_HEADER_BYTES, INNER_MAX_BYTES);
		memcpy(packet + WIRE_HEADER_BYTES + n, frame, sizeof frame);
		assert(seal_packet(&seal, &h, packet, n + sizeof frame) == OK);
		is_vector(names[i], packet, n + sizeof frame + WIRE_SEAL_BYTES);
		n = vector(names[i], packet, sizeof packet);
		ok(wire_header_get(packet, n, &got) == OK && seal_open(&open, packet, n, &plain_len) == OK &&
			   inner_get(packet + WIRE_HEADER_BYTES, plain_len, &in, &used) == OK && plain_len == used + sizeof frame,
		   "a %s is opened and read", names[i]);
		seal_clear(&seal);
		seal_clear(&open);
	}
}

static void test_relay_vectors(void)
{
	uint8_t packet[RELAY_BIND_BYTES], cookie[RELAY_COOKIE_BYTES], ticket[RELAY_TICKET_BYTES];
	uint8_t proof[RELAY_PROOF_TEXT_BYTES];
	uuid network, peer = { { 0 } };
	struct relay_packet got, data = { .kind = RELAY_DATA, .session = 0x0102030405060708 };
	vector("network", network.bytes, sizeof network.bytes);
	memset(peer.bytes, 0x61, sizeof peer.bytes);
	memset(cookie, 0xcc, sizeof cookie);
	memset(ticket, 0x77, sizeof ticket);
	data.name = relay_name_of(network, peer);
	is_vector("relay_name", data.name.bytes, RELAY_NAME_BYTES);
	is_vector("relay_data", packet, relay_put(&data, packet));
	struct relay_packet bind = { .kind = RELAY_BIND, .session = 0x1122334455667788, .cookie = cookie, .ticket = ticket };
	memset(&bind.public, 0x04, sizeof bind.public);
	memset(&bind.proof, 0x88, sizeof bind.proof);
	size_t n = relay_put(&bind, packet);
	is_vector("relay_bind", packet, n);
	ok(relay_get(packet, n, &got) == OK && got.kind == RELAY_BIND && got.session == bind.session &&
		   !memcmp(got.ticket, ticket, sizeof ticket),
	   "a BIND is read as it was written");
	relay_proof_text(&bind, proof);
	is_vector("relay_proof_text", proof, sizeof proof);
	struct relay_packet challenge = { .kind = RELAY_CHALLENGE, .session = bind.session, .cookie = cookie };
	is_vector("relay_challenge", packet, relay_put(&challenge, packet));
	struct relay_packet bound = { .kind = RELAY_BOUND, .session = bind.session, .bound = data.session };
	is_vector("relay_bound", packet, relay_put(&bound, packet));
	struct relay_packet keep = { .kind = RELAY_KEEP, .session = data.session };
	is_vector("relay_keep", packet, relay_put(&keep, packet));
	struct relay_packet unbound = { .kind = RELAY_UNBOUND, .session = data.session };
	is_vector("relay_unbound", packet, relay_put(&unbound, packet));
}

/* The vector with one byte set to something else must be refused. */
static void test_refusals(void)
{
	static const struct {
		const char *vector;
		size_t at;
		uint8_t value;
		const char *what;
	} cases[] = {
		{ "header", 0, 0x16, "a DTLS record" },
		{ "header", 0, 0x00, "a STUN message" },
		{ "header", 0, 0xc6, "an unknown type" },
		{ "header", 1, 0x20, "another version" },
		{ "header", 1, 0x11, "a reserved bit" },
		{ "header", 3, 0x01, "a reserved byte" },
		{ "segment_header", 0, 0, "no inner kind" },
		{ "segment_header", 0, 4, "an unknown inner kind" },
		{ "segment_header", 1, 0x40, "an unknown flag" },
		{ "segment_header", 3, 1, "another port" },
		{ "fragment_header", 1, 0x02, "a segment's flag in a fragment" },
		{ "fragment_header", 8, 3, "an index past the count" },
		{ "fragment_header", 8, 0, "a first piece with an offset" },
		{ "fragment_header", 9, 1, "a single piece" },
		{ "pong", 0, 0, "no probe kind" },
		{ "pong", 0, 6, "an unknown probe kind" },
		{ "rate", 7, 30, "a rate that nobody has" },
		{ "pong", 0, 4, "a meet that is neither call nor answer" },
		{ "pong", 1, 1, "a probe's reserved byte" },
		{ "pong", 31, 1, "a probe's other reserved byte" },
		{ "handshake", 20, 3, "an unknown carrier kind" },
		{ "handshake", 20, 2, "a wish with a DTLS datagram" },
		{ "handshake", 22, 5, "a DTLS length past the end" },
		{ "handshake", 23, 0, "no DTLS datagram" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t bytes[2048];
		struct wire_header h;
		struct inner in;
		struct probe p;
		struct carrier c;
		size_t n = vector(cases[i].vector, bytes, sizeof bytes), used;
		err_t e = OK;
		bytes[cases[i].at] = cases[i].value;
		if (!strcmp(cases[i].vector, "header"))
			e = wire_header_get(bytes, n, &h);
		else if (strstr(cases[i].vector, "_header"))
			e = inner_get(bytes, n, &in, &used);
		else if (!strcmp(cases[i].vector, "pong") || !strcmp(cases[i].vector, "rate"))
			e = probe_get(bytes, n, &p);
		else
			e = carrier_get(bytes, n, &c);
		is_int(e, E_INVALID, "%s is refused", cases[i].what);
	}
	uint8_t bytes[64];
	struct wire_header h;
	struct inner in;
	struct probe p;
	size_t used, n = vector("fragment_header", bytes, sizeof bytes);
	is_int(inner_get(bytes, n - 1, &in, &used), E_INVALID, "half an inner header");
	vector("header", bytes, sizeof bytes);
	is_int(wire_header_get(bytes, WIRE_HEADER_BYTES - 1, &h), E_INVALID, "half an outer header");
	vector("pong", bytes, sizeof bytes);
	is_int(probe_get(bytes, PROBE_BYTES - 1, &p), E_INVALID, "half a probe");
	is_int(probe_get(bytes, PROBE_BYTES + 1, &p), E_INVALID, "a padded pong");
	bytes[0] = PROBE_PING;
	is_int(probe_get(bytes, PROBE_BYTES + 1, &p), OK, "a padded ping is fine");
}

static void test_addresses(void)
{
	static const char *const good[] = { "192.0.2.7:41641", "[2001:db8::1]:1", "[fe80::1%2]:65535", "255.255.255.255:1" };
	static const char *const bad[] = { "",
					   "192.0.2.7",
					   "192.0.2.7:",
					   "192.0.2.7:0",
					   "192.0.2.7:65536",
					   "192.0.2.7:1x",
					   "192.0.2.256:1",
					   "2001:db8::1:1",
					   "[2001:db8::1:1",
					   "[2001:db8::1]1",
					   "name:1",
					   "[::ffff%]:1",
					   " 192.0.2.7:1",
					   "192.0.2.7:-1",
					   "192.0.2.7:000001",
					   "]:1",
					   "[192.0.2.7]:1:1",
					   "192.0.2.7:1:1" };
	static const struct {
		const char *text;
		bool unicast, private;
	} kinds[] = {
		{ "192.0.2.7:1", true, false },	       { "10.1.2.3:1", true, true },
		{ "172.31.0.1:1", true, true },	       { "172.32.0.1:1", true, false },
		{ "127.0.0.1:1", true, true },	       { "224.0.0.1:1", false, false },
		{ "255.255.255.255:1", false, false }, { "0.0.0.0:1", false, false },
		{ "[ff02::1]:1", false, false },       { "[::]:1", false, false },
		{ "[2001:db8::1]:1", true, false },    { "[fd00::1]:1", true, true },
		{ "[fe80::1%3]:1", true, true },       { "[::1]:1", true, true },
	};
	struct address a;
	char text[ADDRESS_TEXT_SIZE];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		is_int(address_parse(good[i], &a), OK, "address %s", good[i]);
		is_text(address_format(&a, text), good[i], "and back");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(address_parse(bad[i], &a), E_INVALID, "no address: \"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		assert(address_parse(kinds[i].text, &a) == OK);
		ok(address_is_unicast(&a) == kinds[i].unicast &&
			   (!kinds[i].unicast || address_is_private(&a) == kinds[i].private),
		   "what %s is", kinds[i].text);
	}
	struct address b;
	assert(address_parse("192.0.2.7:1", &a) == OK && address_parse("192.0.2.200:9", &b) == OK);
	ok(address_prefix(&a) == address_prefix(&b), "one /24");
	assert(address_parse("192.0.3.7:1", &b) == OK);
	ok(address_prefix(&a) != address_prefix(&b), "another /24");
}

int main(void)
{
	vectors_read();
	test_sealed_vectors();
	test_aegis_vector();
	test_inner_vectors();
	test_carrier_vectors();
	test_flight_vectors();
	test_piece_vectors();
	test_relay_vectors();
	test_refusals();
	test_addresses();
	return done_testing();
}

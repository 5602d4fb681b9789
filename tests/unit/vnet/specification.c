/* SPDX-License-Identifier: Apache-2.0
 * specification.c - what a second implementer computes from docs/VNET.md alone: derivations by its formulas, packets from its vectors
 */
#include <assert.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "aegis.h"
#include "bytes.h"
#include "fragment.h"
#include "gate.h"
#include "handshake.h"
#include "pin.h"
#include "relay_wire.h"
#include "seal.h"
#include "segment.h"
#include "tls_stream.h"
#include "vectors.h"
#include "vnet.h"

#define CLIENT_INDEX 0x01020304
#define SERVER_INDEX 0x05060708
#define EXPORT_BYTES 72
#define AEGIS_EXPORT_BYTES 48
#define MASTER_BYTES 48
#define RANDOM_BYTES 32

/* ---- keys out of a handshake ---- */
/* The page's formula, by another way than the library's exporter. */
static void export_keys(const uint8_t *master, const uint8_t *client_random, const uint8_t *server_random, uuid network,
			enum vnet_cipher cipher, uint8_t out[EXPORT_BYTES])
{
	uint8_t seed[256];
	struct writer w = writer_of(seed, sizeof seed);
	write_bytes(&w, "EXPORTER-cpushare-vnet-data-v1", 30);
	write_bytes(&w, client_random, RANDOM_BYTES);
	write_bytes(&w, server_random, RANDOM_BYTES);
	write_u16(&w, cipher == VNET_AEGIS_128L ? 26 : 25);
	write_u8(&w, 1);
	write_bytes(&w, network.bytes, sizeof network.bytes);
	write_u32(&w, CLIENT_INDEX);
	write_u32(&w, SERVER_INDEX);
	if (cipher == VNET_AEGIS_128L)
		write_u8(&w, 1);
	char digest[] = "SHA384";
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, sizeof digest - 1),
				OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master, MASTER_BYTES),
				OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SEED, seed, writer_len(&w)), OSSL_PARAM_END };
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	assert(c && EVP_KDF_derive(c, out, EXPORT_BYTES, params) == 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

/* A client that is OpenSSL's and not ours, of one datagram socket; the other end is the test's. */
static SSL *stranger_new(SSL_CTX *context, int *ret_fd)
{
	int fds[2];
	assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	SSL *ssl = SSL_new(context);
	BIO *bio = BIO_new_socket(fds[0], BIO_CLOSE);
	assert(ssl && bio);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	DTLS_set_link_mtu(ssl, CARRIER_DTLS_MAX);
	SSL_set_connect_state(ssl);
	*ret_fd = fds[1];
	return ssl;
}

static void shake_hands(SSL *ssl, int fd, struct handshake *server)
{
	enum handshake_state state = HANDSHAKE_GOING;
	uint8_t data[CARRIER_DTLS_MAX];
	for (int turn = 0; turn < 4; turn++) {
		ssize_t n;
		bool spoke;
		(void)SSL_do_handshake(ssl);
		while ((n = recv(fd, data, sizeof data, 0)) > 0) {
			state = handshake_step(server, data, (size_t)n, &spoke);
			for (int i = 0; spoke && i < handshake_flight(server)->count; i++)
				assert(send(fd, handshake_flight(server)->data[i], handshake_flight(server)->len[i], 0) > 0);
		}
	}
	ok(SSL_is_init_finished(ssl) && state == HANDSHAKE_DONE, "another DTLS 1.2 client is understood");
}

static void test_exported_vectors(uuid network)
{
	uint8_t master[MASTER_BYTES], client[RANDOM_BYTES], server[RANDOM_BYTES], out[EXPORT_BYTES];
	vector("master_secret", master, sizeof master);
	vector("client_random", client, sizeof client);
	vector("server_random", server, sizeof server);
	export_keys(master, client, server, network, VNET_AES_256_GCM, out);
	is_vector("exported", out, sizeof out);
	export_keys(master, client, server, network, VNET_AEGIS_128L, out);
	is_vector("exported_aegis", out, AEGIS_EXPORT_BYTES);
}

static bool is_exported(const uint8_t *out, const struct seal_key *up, const struct seal_key *down)
{
	size_t key = up->cipher == VNET_AEGIS_128L ? 16 : 32, salt = up->cipher == VNET_AEGIS_128L ? 8 : 4, half = key + salt;
	return !memcmp(out, up->key, key) && !memcmp(out + key, up->salt, salt) && !memcmp(out + half, down->key, key) &&
	       !memcmp(out + half + key, down->salt, salt);
}

/* offered: the stranger's list of application protocols (RFC 7301), or "". */
static void test_exporter(uuid network, const char *offered, enum vnet_cipher cipher)
{
	uint8_t master[MASTER_BYTES], client[RANDOM_BYTES], server[RANDOM_BYTES], out[EXPORT_BYTES];
	char *key[2], *cert[2];
	sha256 pin[2];
	struct identity *id;
	struct handshake *h;
	struct seal_key up, down;
	int fd;
	SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
	for (int i = 0; i < 2; i++)
		assert(certificate_make("peer", &key[i], &cert[i]) == OK && certificate_pin(cert[i], &pin[i]) == OK);
	assert(identity_new(key[1], cert[1], true, &id) == OK && handshake_new(id, false, pin[0], &h) == OK);
	assert(pin_load(context, key[0], cert[0], &pin[0]) == OK);
	SSL *ssl = stranger_new(context, &fd);
	assert(SSL_set_alpn_protos(ssl, (const uint8_t *)offered, (unsigned)strlen(offered)) == 0);
	shake_hands(ssl, fd, h);
	assert(SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == MASTER_BYTES);
	SSL_get_client_random(ssl, client, sizeof client);
	SSL_get_server_random(ssl, server, sizeof server);
	export_keys(master, client, server, network, cipher, out);
	assert(handshake_keys(h, network, CLIENT_INDEX, SERVER_INDEX, &up, &down) == OK);
	ok(up.cipher == cipher && is_exported(out, &up, &down), "the formula gives both sides' keys and salts for %s",
	   vnet_cipher_names[cipher]);
	handshake_free(h);
	identity_free(id);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_free(context);
	for (int i = 0; i < 2; i++) {
		free(key[i]);
		free(cert[i]);
	}
}

/* ---- who is who ---- */
static void test_names(uuid network)
{
	p256_public public;
	p256_signature proof;
	uint8_t text[RELAY_PROOF_TEXT_BYTES];
	vector("public_key", public.bytes, sizeof public.bytes);
	is_vector("pin", p256_pin(public).bytes, sizeof(sha256));
	vector("relay_proof_text", text, sizeof text);
	vector("relay_proof", proof.bytes, sizeof proof.bytes);
	ok(p256_verify(public, text, sizeof text, proof), "vector relay_proof");
	struct in6_addr ip = vnet_ip6(network, (vnet_mac){ { 0x52, 0x54, 0, 0, 0, 1 } });
	is_vector("ipv6", ip.s6_addr, sizeof ip.s6_addr);
}

/* ---- packets ---- */
static void test_wish(void)
{
	uint8_t packet[CARRIER_PACKET_BYTES];
	struct gate_key key;
	struct carrier got, c = { .id = 0x8877665544332211, .sender_index = 1, .kind = CARRIER_SOLICIT };
	vector("mac1_key", key.mac, sizeof key.mac);
	vector("hint", key.hint, sizeof key.hint);
	memcpy(c.hint, key.hint, sizeof c.hint);
	is_int(carrier_put(&c, packet), CARRIER_PACKET_BYTES, "a wish is as large as what it asks for");
	gate_sign(&key, packet, sizeof packet);
	is_vector("wish_head", packet, CARRIER_HEAD_BYTES);
	is_vector("wish_mac1", packet + sizeof packet - CARRIER_MAC_BYTES, CARRIER_MAC_BYTES);
	ok(carrier_get(packet, sizeof packet, &got) == OK && got.kind == CARRIER_SOLICIT &&
		   gate_check(&key, packet, sizeof packet),
	   "and read");
}

static void check_probe(const char *name, const struct probe *p)
{
	uint8_t plain[PROBE_BYTES];
	struct probe got;
	probe_put(p, plain);
	is_vector(name, plain, sizeof plain);
	ok(vector(name, plain, sizeof plain) == PROBE_BYTES && probe_get(plain, sizeof plain, &got) == OK &&
		   got.kind == p->kind && got.token == p->token && address_equal(&got.seen, &p->seen),
	   "a %s is read as it was written", name);
}

static void test_probes(void)
{
	struct probe ping = { .kind = PROBE_PING, .token = 0x1122334455667788 }, leave = { .kind = PROBE_LEAVE };
	struct probe meet = { .kind = PROBE_MEET, .token = 1 }, rate = { .kind = PROBE_RATE, .token = 0x0102030405 };
	uint8_t packet[1472] = { 0 };
	struct seal_key key = { 0 };
	struct seal seal, open;
	struct wire_header got, h = { .type = WIRE_PROBE, .index = CLIENT_INDEX };
	size_t len;
	assert(address_parse("[2001:db8::7]:41641", &meet.seen) == OK);
	check_probe("ping", &ping);
	check_probe("leave", &leave);
	check_probe("meet", &meet);
	check_probe("rate", &rate);

	vector("key", key.key, sizeof key.key);
	vector("salt", key.salt, sizeof key.salt);
	assert(seal_init(&seal, &key, true, 5) == OK && seal_init(&open, &key, false, 0) == OK);
	probe_put(&ping, packet + WIRE_HEADER_BYTES);
	assert(seal_packet(&seal, &h, packet, sizeof packet - WIRE_SEAL_BYTES) == OK);
	is_vector("search_ping", packet, WIRE_HEADER_BYTES + PROBE_BYTES);
	is_vector("search_ping_tag", packet + sizeof packet - WIRE_TAG_BYTES, WIRE_TAG_BYTES);
	ok(wire_header_get(packet, sizeof packet, &got) == OK && seal_open(&open, packet, sizeof packet, &len) == OK &&
		   probe_get(packet + WIRE_HEADER_BYTES, len, &ping) == OK && len + WIRE_SEAL_BYTES == sizeof packet,
	   "a search for larger datagrams is opened and read");
	seal_clear(&seal);
	seal_clear(&open);
}

static void test_super(void)
{
	uint8_t frame[128], plain[INNER_MAX_BYTES + sizeof frame];
	uint8_t segments[3][sizeof plain];
	struct offload o = { .partial_csum = true, .gso = INNER_GSO_TCP4, .gso_size = 8, .super_id = 0x1234 };
	struct super s;
	struct run run;
	size_t frame_len = vector("super_frame", frame, sizeof frame), used;
	assert(super_of(frame, frame_len, &o, &s) == OK);
	is_int((int64_t)super_count(&s, o.gso_size), 3, "a super-frame is three segments");
	for (uint16_t i = 0; i < 3; i++) {
		char name[32];
		struct inner got, in = { .kind = INNER_SEGMENT, .flags = INNER_PARTIAL_CSUM | INNER_GSO_TCP4 };
		snprintf(name, sizeof name, "super_segment_%d", i);
		in.flags |= i == 2 ? INNER_LAST : 0;
		in.segment.super_id = o.super_id;
		in.segment.index = i;
		in.segment.gso_size = o.gso_size;
		in.segment.csum_start = s.at.transport;
		size_t head = inner_put(&in, plain);
		is_vector(name, plain, head + super_cut(&s, o.gso_size, i, plain + head));
		size_t len = vector(name, segments[i], sizeof segments[i]);
		assert(inner_get(segments[i], len, &got, &used) == OK);
		o.index = got.segment.index;
		o.last = got.flags & INNER_LAST;
		ok(i == 0 ? run_begin(&run, segments[i] + used, len - used, &o)
			  : run_join(&run, segments[i] + used, len - used, &o),
		   "and %s joined again", name);
	}
	run_finish(&run);
	ok(run.at.head_len + run.payload == frame_len && !memcmp(run.head, frame, run.at.head_len), "to what it was");
}

static void test_pieces(void)
{
	uint8_t frame[60], plain[3][64], *whole = NULL;
	struct fragments *f = fragments_new();
	size_t piece = 0, len = 0, used, frame_len = vector("frame", frame, sizeof frame);
	mono_time now = { SECOND_US };
	is_int(fragment_count(frame_len, 24, &piece), 3, "a frame that does not fit goes in equal pieces");
	for (int i = 2; i >= 0; i--) {
		char name[16];
		struct inner got, in = { .kind = INNER_FRAGMENT, .flags = INNER_PARTIAL_CSUM };
		in.fragment.frame_id = 0x01020304;
		in.fragment.index = (uint8_t)i;
		in.fragment.count = 3;
		in.fragment.offset = (uint16_t)((size_t)i * piece);
		size_t head = inner_put(&in, plain[i]);
		memcpy(plain[i] + head, frame + in.fragment.offset, piece);
		snprintf(name, sizeof name, "piece_%d", i);
		is_vector(name, plain[i], head + piece);
		size_t n = vector(name, plain[i], sizeof plain[i]);
		assert(inner_get(plain[i], n, &got, &used) == OK);
		is_int(fragments_take(f, &got, plain[i] + used, n - used, now, &whole, &len), i ? E_AGAIN : OK, "%s is taken",
		       name);
	}
	ok(whole && len == frame_len && !memcmp(whole, frame, len), "and the frame is whole again");
	fragments_free(f);
}

static void test_stream(void)
{
	static struct frames in;
	struct packet_queue out = { .bytes = 0 };
	uint8_t keep[RELAY_HEADER_BYTES], bytes[PACKET_QUEUE_PREFIX + PACKET_QUEUE_MAX_PACKET], *packet;
	size_t n = vector("relay_keep", keep, sizeof keep), size;
	packet_queue_put(&out, keep, n, true, (mono_time){ SECOND_US });
	is_vector("stream_keep", bytes, packet_queue_take(&out, bytes, sizeof bytes, sizeof bytes, (mono_time){ SECOND_US }));
	uint8_t *room = frames_room(&in, &size);
	frames_add(&in, vector("stream_keep", room, size));
	ok(frames_next(&in, &packet, &size) == OK && size == n && !memcmp(packet, keep, n),
	   "a packet in a stream is found again");
	packet_queue_clear(&out);
}

int main(void)
{
	uuid network;
	vectors_read();
	vector("network", network.bytes, sizeof network.bytes);
	test_exported_vectors(network);
	test_exporter(network, "", VNET_AES_256_GCM);
	test_exporter(network,
		      "\2h2\x12"
		      "cpushare/aegis-129",
		      VNET_AES_256_GCM);
	if (aegis_works())
		test_exporter(network,
			      "\2h2\x13"
			      "cpushare/aegis-128l",
			      VNET_AEGIS_128L);
	test_names(network);
	test_wish();
	test_probes();
	test_super();
	test_pieces();
	test_stream();
	return done_testing();
}

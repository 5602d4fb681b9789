/* SPDX-License-Identifier: Apache-2.0
 * handshake.c - DTLS by datagrams: same keys on both sides, only with the right pins, in any order, not with garbage; and which cipher
 * they are for
 */
#include <assert.h>
#include "aegis.h"
#include "handshake.h"
#include "tap.h"
#include "wire.h"

static const uuid network = { { 9, 8, 7 } };

struct end {
	struct identity *id;
	struct handshake *h;
	enum handshake_state state;
};

static struct identity *make(bool aegis)
{
	char *key, *cert;
	struct identity *id;
	assert(certificate_make("peer", &key, &cert) == OK && identity_new(key, cert, aegis, &id) == OK);
	free(key);
	free(cert);
	return id;
}

/* One side's flight to the other, backwards where asked. True where the other spoke. */
static bool fly(const struct end *from, struct end *to, bool backwards)
{
	struct flight f = *handshake_flight(from->h);
	bool any = false;
	for (int i = 0; i < f.count; i++) {
		bool spoke = false;
		int k = backwards ? f.count - 1 - i : i;
		if (to->state == HANDSHAKE_GOING)
			to->state = handshake_step(to->h, f.data[k], f.len[k], &spoke);
		any |= spoke;
	}
	return any;
}

static void begin(struct end *client, struct end *server, sha256 client_wants, sha256 server_wants)
{
	bool spoke;
	assert(handshake_new(client->id, true, client_wants, &client->h) == OK);
	assert(handshake_new(server->id, false, server_wants, &server->h) == OK);
	client->state = server->state = HANDSHAKE_GOING;
	assert(handshake_step(client->h, NULL, 0, &spoke) == HANDSHAKE_GOING && spoke);
}

static void finish(struct end *client, struct end *server)
{
	handshake_free(client->h);
	handshake_free(server->h);
}

static void talk(struct end *client, struct end *server, bool backwards)
{
	for (int i = 0; i < 4; i++) {
		if (!fly(client, server, backwards))
			break;
		if (!fly(server, client, backwards))
			break;
	}
}

static bool same_keys(struct end *client, struct end *server, uint32_t index)
{
	struct seal_key up[2], down[2];
	assert(handshake_keys(client->h, network, 1, 2, &up[0], &down[0]) == OK);
	assert(handshake_keys(server->h, network, 1, index, &up[1], &down[1]) == OK);
	return !memcmp(&up[0], &up[1], sizeof up[0]) && !memcmp(&down[0], &down[1], sizeof down[0]) &&
	       memcmp(&up[0], &down[0], sizeof up[0]) != 0;
}

static void test_good(struct end *client, struct end *server)
{
	sha256 c = identity_pin(client->id), s = identity_pin(server->id);
	for (int backwards = 0; backwards < 2; backwards++) {
		size_t bytes = 0;
		begin(client, server, s, c);
		for (int i = 0; i < handshake_flight(client->h)->count; i++)
			bytes += handshake_flight(client->h)->len[i];
		talk(client, server, backwards);
		ok(client->state == HANDSHAKE_DONE && server->state == HANDSHAKE_DONE, "pinned keys find each other%s",
		   backwards ? ", datagrams backwards" : "");
		ok(same_keys(client, server, 2), "both have the same keys, each direction its own");
		ok(!same_keys(client, server, 3), "other indexes, other keys");
		finish(client, server);
		ok(bytes > 0 && bytes <= CARRIER_DTLS_MAX, "the first flight fits one packet: %zu bytes", bytes);
	}
}

static void test_repeats(struct end *client, struct end *server)
{
	begin(client, server, identity_pin(server->id), identity_pin(client->id));
	for (int i = 0; i < 3; i++)
		fly(client, server, false);
	for (int i = 0; i < 3; i++)
		fly(server, client, false);
	for (int i = 0; i < 3; i++)
		fly(client, server, false);
	fly(server, client, false);
	ok(client->state == HANDSHAKE_DONE && server->state == HANDSHAKE_DONE, "repeated flights do no harm");
	finish(client, server);
}

static void test_wrong_pins(struct end *client, struct end *server)
{
	sha256 c = identity_pin(client->id), s = identity_pin(server->id), other = c;
	other.bytes[31] ^= 1;
	begin(client, server, other, c);
	talk(client, server, false);
	ok(client->state == HANDSHAKE_FAILED && server->state != HANDSHAKE_DONE, "the client refuses another server");
	finish(client, server);
	begin(client, server, s, other);
	talk(client, server, false);
	ok(server->state == HANDSHAKE_FAILED && client->state != HANDSHAKE_DONE, "the server refuses another client");
	finish(client, server);
}

static void test_garbage(struct end *client, struct end *server)
{
	unsigned dice = 3;
	int done = 0;
	for (int round = 0; round < 300; round++) {
		uint8_t data[CARRIER_DTLS_MAX];
		begin(client, server, identity_pin(server->id), identity_pin(client->id));
		struct flight f = *handshake_flight(client->h);
		memcpy(data, f.data[0], f.len[0]);
		dice = dice * 1103515245u + 12345u;
		data[(dice >> 8) % f.len[0]] ^= (uint8_t)(1 + (dice >> 4) % 255);
		bool spoke;
		server->state = handshake_step(server->h, data, f.len[0] - (dice >> 20) % 3, &spoke);
		done += server->state == HANDSHAKE_DONE;
		finish(client, server);
	}
	is_int(done, 0, "a damaged first flight never ends a handshake");
	ok(true, "and nothing breaks");
	struct identity *id = NULL;
	char *key, *cert, *other_key, *other_cert;
	assert(certificate_make("a", &key, &cert) == OK && certificate_make("b", &other_key, &other_cert) == OK);
	is_int(identity_new(key, other_cert, true, &id), E_INVALID, "a certificate of another key");
	is_int(identity_new("", cert, true, &id), E_INVALID, "no key");
	is_int(identity_new(key, "", true, &id), E_INVALID, "no certificate");
	sha256 pin;
	assert(identity_new(key, cert, true, &id) == OK && certificate_pin(cert, &pin) == OK);
	ok(sha256_equal(identity_pin(id), pin), "the pin is certificate_pin()'s");
	identity_free(id);
	free(key);
	free(cert);
	free(other_key);
	free(other_cert);
}

/* ---- the cipher ---- */
static bool all_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

/* aegis: bit 0 the client may, bit 1 the server. An endpoint that may not says what one said that knew of no second cipher. */
static void test_cipher(unsigned aegis)
{
	static const char *const who[] = { "neither side", "the client only", "the server only", "both sides" };
	struct end client = { .id = make(aegis & 1) }, server = { .id = make(aegis & 2) };
	enum vnet_cipher want = aegis == 3 && aegis_works() ? VNET_AEGIS_128L : VNET_AES_256_GCM;
	struct seal_key up, down;
	begin(&client, &server, identity_pin(server.id), identity_pin(client.id));
	talk(&client, &server, false);
	ok(same_keys(&client, &server, 2), "where %s may use AEGIS-128L they agree", who[aegis]);
	assert(handshake_keys(server.h, network, 1, 2, &up, &down) == OK);
	is_text(vnet_cipher_names[up.cipher], vnet_cipher_names[want], "on the one that both have");
	size_t key = want == VNET_AEGIS_128L ? 16 : 32, salt = want == VNET_AEGIS_128L ? 8 : 4;
	ok(down.cipher == want && all_zero(up.key + key, 32 - key) && all_zero(up.salt + salt, 8 - salt) &&
		   !all_zero(up.key + key - 8, 8),
	   "with keys of its length");
	finish(&client, &server);
	identity_free(client.id);
	identity_free(server.id);
}

/* Who sits on the way makes another name of the cipher's in one hello, so that both would take AES-256-GCM. */
static void test_downgrade(struct end *client, struct end *server, bool of_server)
{
	static const char name[] = "cpushare/aegis-128l";
	size_t changed = 0;
	begin(client, server, identity_pin(server->id), identity_pin(client->id));
	for (int turn = 0; turn < 6; turn++) {
		struct end *from = turn % 2 ? server : client, *to = turn % 2 ? client : server;
		struct flight f = *handshake_flight(from->h);
		for (int i = 0; i < f.count; i++) {
			bool spoke;
			uint8_t *at = memmem(f.data[i], f.len[i], name, strlen(name));
			if (at && (turn % 2) == of_server) {
				at[strlen(name) - 1] = 'x';
				changed++;
			}
			if (to->state == HANDSHAKE_GOING)
				to->state = handshake_step(to->h, f.data[i], f.len[i], &spoke);
		}
	}
	ok(changed > 0 && client->state != HANDSHAKE_DONE && server->state != HANDSHAKE_DONE,
	   "a changed name in the %s's hello ends the handshake", of_server ? "server" : "client");
	finish(client, server);
}

int main(void)
{
	struct end client = { .id = make(true) }, server = { .id = make(true) };
	test_good(&client, &server);
	test_repeats(&client, &server);
	test_wrong_pins(&client, &server);
	test_garbage(&client, &server);
	for (unsigned aegis = 0; aegis < 4; aegis++)
		test_cipher(aegis);
	for (int of_server = 0; of_server < 2 && aegis_works(); of_server++)
		test_downgrade(&client, &server, of_server);
	identity_free(client.id);
	identity_free(server.id);
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * relay.c - tickets, binding, forwarding, bounds, refusals
 */
#include "relay.h"
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "bytes.h"
#include "relay_wire.h"
#include "stun.h"
#include "ticket.h"
#include "vectors.h"

static struct ed25519_key *key;
static struct p256_key *endpoint, *thief; /* the members', and somebody's who saw their packets */
static struct relay *relay;
static mono_time now = { 1000 * SECOND_US };
static wall_time wall = { 1000000 * SECOND_US };
static const uuid network = { { 1 } }, other_network = { { 2 } };
/* what it sent last */
static uint8_t out[2048];
static size_t out_len;
static struct address out_to;
static int sent;

static void take(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	(void)context;
	assert(len <= sizeof out);
	memcpy(out, packet, len);
	out_len = len;
	out_to = *to;
	sent++;
}

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

static int say(const uint8_t *packet, size_t len, const struct address *from)
{
	uint8_t copy[2048];
	memcpy(copy, packet, len);
	int before = sent;
	relay_input(relay, copy, len, from, now, wall);
	return sent - before;
}

static void make_ticket(uuid net, uint8_t peer, uint64_t quota, uint8_t bytes[TICKET_BYTES])
{
	struct ticket t = {
		.network = net, .peer = { { peer } }, .expires = { wall.us + 3600 * SECOND_US }, .quota_bytes = quota
	};
	t.pin = p256_pin(p256_public_of(endpoint));
	ticket_sign(&t, key, bytes);
}

static int say_bind_by(const struct p256_key *by, const uint8_t *ticket, const uint8_t *cookie, const struct address *from)
{
	uint8_t packet[RELAY_BIND_BYTES], text[RELAY_PROOF_TEXT_BYTES];
	struct relay_packet p = { .kind = RELAY_BIND, .session = 77, .cookie = cookie, .ticket = ticket };
	relay_proof_text(&p, text);
	p.public = p256_public_of(by);
	assert(p256_sign(by, text, sizeof text, &p.proof) == OK);
	return say(packet, relay_put(&p, packet), from);
}

/* Says BIND; returns how many answers came. */
static int say_bind(const uint8_t *ticket, const uint8_t *cookie, const struct address *from)
{
	return say_bind_by(endpoint, ticket, cookie, from);
}

static uint64_t bind_with(const uint8_t *ticket, const struct address *from)
{
	static const uint8_t none[RELAY_COOKIE_BYTES];
	uint8_t cookie[RELAY_COOKIE_BYTES];
	struct relay_packet p;
	if (say_bind(ticket, none, from) != 1 || relay_get(out, out_len, &p) != OK || p.kind != RELAY_CHALLENGE)
		return 0;
	memcpy(cookie, p.cookie, sizeof cookie);
	if (say_bind(ticket, cookie, from) != 1 || relay_get(out, out_len, &p) != OK || p.kind != RELAY_BOUND || p.session != 77)
		return 0;
	return p.bound;
}

static uint64_t bind_peer(uuid net, uint8_t peer, uint64_t quota, const struct address *from)
{
	uint8_t ticket[TICKET_BYTES];
	make_ticket(net, peer, quota, ticket);
	return bind_with(ticket, from);
}

static int say_data(uint64_t session, uint8_t to, size_t len, const struct address *from)
{
	uint8_t packet[1500] = { 0 };
	struct relay_packet p = { .kind = RELAY_DATA, .session = session, .name = relay_name_of(network, (uuid){ { to } }) };
	memset(packet, 0x5a, sizeof packet);
	relay_put(&p, packet);
	return say(packet, RELAY_HEADER_BYTES + len, from);
}

static enum relay_kind out_kind(void)
{
	struct relay_packet p;
	return relay_get(out, out_len, &p) == OK ? p.kind : RELAY_KIND_COUNT;
}

static void start(size_t max_bindings, int64_t rate)
{
	struct relay_config c = {
		.ticket_key = ed25519_public_of(key), .max_bindings = max_bindings, .rate_bytes = rate, .send = take
	};
	relay_free(relay);
	assert(relay_new(&c, &relay) == OK);
}

static void test_ticket(void)
{
	struct ed25519_key *stranger;
	uint8_t bytes[TICKET_BYTES], bad[TICKET_BYTES];
	struct ticket t;
	assert(ed25519_new(&stranger) == OK);
	make_ticket(network, 5, 12345, bytes);
	ok(ticket_check(bytes, ed25519_public_of(key), wall) == OK, "a ticket holds");
	ok(ticket_read(bytes, &t) == OK && uuid_equal(t.network, network) && t.peer.bytes[0] == 5 && t.quota_bytes == 12345,
	   "and says what was put into it");
	is_int(ticket_check(bytes, ed25519_public_of(stranger), wall), E_AUTH, "another's key does not check it");
	is_int(ticket_check(bytes, ed25519_public_of(key), (wall_time){ wall.us + 3600 * SECOND_US }), E_TIMEOUT, "it expires");
	int held = 0;
	for (size_t i = 0; i < sizeof bytes; i++) {
		memcpy(bad, bytes, sizeof bad);
		bad[i] ^= 1;
		held += ticket_check(bad, ed25519_public_of(key), wall) == OK;
	}
	is_int(held, 0, "no byte of it can be changed");
	ed25519_free(stranger);
}

/* The ticket of docs/VNET.md, with the key of RFC 8032, section 7.1, test 1. */
static void test_ticket_vector(void)
{
	/* RFC 8410: what stands before the 32 bytes of a private key */
	uint8_t der[48] = { 0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20 };
	char path[] = "/tmp/cpushare-ticket-XXXXXX", text[128];
	uint8_t bytes[TICKET_BYTES], public[32];
	struct ed25519_key *market;
	struct ticket t = { .expires = { 1800000000ll * SECOND_US }, .quota_bytes = 1ull << 40 }, got;
	vectors_read();
	vector("ticket_key", der + 16, 32);
	int fd = mkostemp(path, O_CLOEXEC);
	assert(fd >= 0);
	dprintf(fd, "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n", base64_encode(der, sizeof der, text));
	close(fd);
	assert(ed25519_load(path, &market) == OK);
	unlink(path);
	ed25519_public key_public = ed25519_public_of(market);
	vector("ticket_public", public, sizeof public);
	ok(!memcmp(key_public.bytes, public, sizeof public), "the key of the ticket's vector");
	vector("network", t.network.bytes, sizeof t.network.bytes);
	vector("sender_pin", t.pin.bytes, sizeof t.pin.bytes);
	memset(t.peer.bytes, 0x61, sizeof t.peer.bytes);
	ticket_sign(&t, market, bytes);
	is_vector("ticket", bytes, sizeof bytes);
	vector("ticket", bytes, sizeof bytes);
	ok(ticket_check(bytes, key_public, (wall_time){ t.expires.us - 1 }) == OK && ticket_read(bytes, &got) == OK &&
		   sha256_equal(got.pin, t.pin) && got.quota_bytes == t.quota_bytes && got.expires.us == t.expires.us,
	   "it holds until its last moment, and is read as it was written");
	is_int(ticket_check(bytes, key_public, t.expires), E_TIMEOUT, "and not after");
	ed25519_free(market);
}

static void test_binding(void)
{
	static const uint8_t none[RELAY_COOKIE_BYTES];
	struct address a = address_of("198.51.100.1:1000"), b = address_of("198.51.100.2:1000"), c = address_of("203.0.113.3:7");
	uint8_t ticket[TICKET_BYTES], cookie[RELAY_COOKIE_BYTES];
	struct relay_packet p;
	start(16, 1 << 20);
	make_ticket(network, 1, 1 << 20, ticket);
	is_int(say_bind(ticket, none, &a), 1, "a BIND without a cookie is answered");
	ok(out_kind() == RELAY_CHALLENGE && out_len < RELAY_BIND_BYTES, "which is a cookie, smaller than the question");
	assert(relay_get(out, out_len, &p) == OK);
	memcpy(cookie, p.cookie, sizeof cookie);
	say_bind(ticket, cookie, &b);
	ok(out_kind() == RELAY_CHALLENGE, "a cookie is worth nothing at another address");
	uint64_t session = bind_with(ticket, &a);
	ok(session != 0, "the endpoint is bound");
	is_int((int64_t)(bind_with(ticket, &a) - session), 0, "binding again from there gives the same session");

	uint64_t second = bind_peer(network, 2, 1 << 20, &b);
	is_int(say_data(session, 2, 100, &a), 1, "a packet goes to another member");
	ok(address_equal(&out_to, &b) && out_len == RELAY_HEADER_BYTES + 100 && out[out_len - 1] == 0x5a,
	   "where that one is, whole");
	struct relay_name name = relay_name_of(network, (uuid){ { 1 } });
	ok(relay_get(out, out_len, &p) == OK && p.session == second && !memcmp(&p.name, &name, sizeof name),
	   "with the receiver's session and the sender's name");
	is_int(say_data(session, 3, 100, &a), 0, "to nobody it does not");
	is_int(say_data(session, 1, 100, &a), 0, "nor to oneself");
	bind_peer(other_network, 4, 1 << 20, &c);
	is_int(say_data(session, 4, 100, &a), 0, "nor to a member of another network");
	is_int(say_data(session, 2, 100, &c), 1, "from another address the session is none");
	ok(out_kind() == RELAY_UNBOUND && address_equal(&out_to, &c) && out_len == RELAY_HEADER_BYTES, "and that is said");
	is_int(say_data(4711, 2, 100, &a), 1, "nor is one that never was");
	ok(out_kind() == RELAY_UNBOUND, "and that is said too");

	uint8_t keep[RELAY_HEADER_BYTES];
	relay_put(&(struct relay_packet){ .kind = RELAY_KEEP, .session = session }, keep);
	ok(say(keep, sizeof keep, &a) == 1 && out_kind() == RELAY_KEEP, "a keepalive comes back");
	uint64_t moved = bind_with(ticket, &c);
	ok(moved && moved != session, "an endpoint that moved binds itself anew");
	is_int(say_data(second, 1, 100, &b), 1, "and is followed");
	ok(address_equal(&out_to, &c), "at its new address");
	ok(say_data(session, 2, 100, &a) == 1 && out_kind() == RELAY_UNBOUND, "its old session is over");

	now.us += 61 * SECOND_US;
	is_int(say_data(second, 1, 100, &b), 0, "nothing goes to one that was silent for a minute");
	wall.us += 3601 * SECOND_US;
	ok(say_data(second, 1, 100, &b) == 1 && out_kind() == RELAY_UNBOUND, "the binding ends with its ticket");
	struct relay_status st;
	relay_tick(relay, now, wall);
	relay_status(relay, &st);
	is_int(st.bindings, 0, "as do the silent ones");
}

/* The relay's cookie for a BIND with that ticket from that address. */
static void cookie_for(const uint8_t *ticket, const struct address *from, uint8_t cookie[RELAY_COOKIE_BYTES])
{
	static const uint8_t none[RELAY_COOKIE_BYTES];
	struct relay_packet p;
	assert(say_bind(ticket, none, from) == 1 && relay_get(out, out_len, &p) == OK && p.kind == RELAY_CHALLENGE);
	memcpy(cookie, p.cookie, RELAY_COOKIE_BYTES);
}

/* Whoever saw a ticket on the way, or made one up, gets nothing by it. */
static void test_thieves(void)
{
	struct address a = address_of("198.51.100.1:1000"), b = address_of("198.51.100.2:1000"), c = address_of("203.0.113.3:7");
	uint8_t ticket[TICKET_BYTES], forged[TICKET_BYTES], cookie[RELAY_COOKIE_BYTES], packet[RELAY_BIND_BYTES];
	uint8_t text[RELAY_PROOF_TEXT_BYTES];
	struct ed25519_key *stranger;
	start(16, 1 << 20);
	make_ticket(network, 1, 1 << 20, ticket);

	cookie_for(ticket, &c, cookie);
	is_int(say_bind_by(thief, ticket, cookie, &c), 0, "a ticket with another key than its own binds nobody");
	struct relay_packet p = { .kind = RELAY_BIND, .session = 77, .cookie = cookie, .ticket = ticket };
	relay_proof_text(&p, text);
	p.public = p256_public_of(endpoint);
	assert(p256_sign(thief, text, sizeof text, &p.proof) == OK);
	is_int(say(packet, relay_put(&p, packet), &c), 0, "nor does its own key without a signature by it");
	memset(p.public.bytes + 1, 0x5a, sizeof p.public.bytes - 1);
	is_int(say(packet, relay_put(&p, packet), &c), 0, "nor a point beside the curve");
	assert(p256_sign(endpoint, text, sizeof text, &p.proof) == OK);
	p.public = p256_public_of(endpoint);
	p.session = 78;
	is_int(say(packet, relay_put(&p, packet), &c), 0, "nor a signature for another BIND");

	uint64_t session = bind_with(ticket, &a);
	uint64_t second = bind_peer(network, 2, 1 << 20, &b);
	cookie_for(ticket, &a, cookie);
	p = (struct relay_packet){ .kind = RELAY_BIND, .session = 77, .cookie = cookie, .ticket = ticket };
	relay_proof_text(&p, text);
	p.public = p256_public_of(endpoint);
	assert(p256_sign(endpoint, text, sizeof text, &p.proof) == OK);
	say(packet, relay_put(&p, packet), &c);
	ok(out_kind() == RELAY_CHALLENGE, "a whole BIND that was seen and is sent again from elsewhere gets a challenge");
	say(packet, relay_put(&p, packet), &a);
	ok(out_kind() == RELAY_BOUND && address_equal(&out_to, &a), "from the same address its owner hears of it");
	ok(say_data(second, 1, 100, &b) == 1 && address_equal(&out_to, &a), "who still has the packets");
	ok(say_data(session, 2, 100, &a) == 1 && address_equal(&out_to, &b), "and the session");
	now.us += 300 * SECOND_US;
	say(packet, relay_put(&p, packet), &a);
	ok(out_kind() == RELAY_CHALLENGE, "minutes later it is too old");

	assert(ed25519_new(&stranger) == OK);
	struct ticket t = { .network = network, .peer = { { 1 } }, .pin = p256_pin(p256_public_of(endpoint)) };
	t.expires.us = wall.us + 3600 * SECOND_US;
	t.quota_bytes = 1 << 20;
	ticket_sign(&t, stranger, forged);
	is_int((int64_t)bind_with(forged, &c), 0, "a ticket that the market did not sign binds nobody");
	memcpy(forged, ticket, sizeof forged);
	forged[5] ^= 1;
	is_int((int64_t)bind_with(forged, &c), 0, "nor one that was changed");
	t.expires.us = wall.us;
	ticket_sign(&t, key, forged);
	cookie[0] = 0;
	is_int(say_bind(forged, cookie, &c), 0, "an expired one gets no answer");
	ed25519_free(stranger);
}

static void test_bounds(void)
{
	struct address a = address_of("198.51.100.1:1000"), b = address_of("198.51.100.2:1000");
	char text[32];
	start(16, 10000);
	uint64_t session = bind_peer(network, 1, 1 << 20, &a);
	bind_peer(network, 2, 1 << 20, &b);
	int passed = 0;
	for (int i = 0; i < 100; i++)
		passed += say_data(session, 2, 984, &a);
	is_int(passed, 10, "a second's worth of the rate passes");
	now.us += SECOND_US / 2;
	passed = 0;
	for (int i = 0; i < 100; i++)
		passed += say_data(session, 2, 984, &a);
	is_int(passed, 5, "then what the rate allows");

	start(16, 1 << 20);
	session = bind_peer(network, 1, 3000, &a);
	bind_peer(network, 2, 1 << 20, &b);
	passed = 0;
	for (int i = 0; i < 10; i++)
		passed += say_data(session, 2, 984, &a);
	is_int(passed, 3, "no more than the quota passes");
	now.us += 120 * SECOND_US;
	relay_tick(relay, now, wall);
	session = bind_peer(network, 1, 3000, &a);
	bind_peer(network, 2, 1 << 20, &b);
	is_int(say_data(session, 2, 984, &a), 0, "coming again with the same ticket does not renew it");
	wall.us += SECOND_US;
	bind_peer(network, 1, 3000, &a);
	is_int(say_data(session, 2, 984, &a), 1, "a newer ticket does");

	start(4, 1 << 20);
	int bound = 0;
	for (uint8_t i = 1; i <= 6; i++) {
		snprintf(text, sizeof text, "198.51.%u.1:1000", i);
		a = address_of(text);
		bound += bind_peer(network, i, 1 << 20, &a) != 0;
	}
	is_int(bound, 4, "no more bindings than there is room for");
	now.us += 61 * SECOND_US;
	ok(bind_peer(network, 6, 1 << 20, &a), "but the silent ones make room");

	start(16, 1 << 20);
	int answers = 0;
	for (int i = 0; i < 1000; i++)
		answers += say_data(4711, 2, 100, &a);
	is_int(answers, 200, "one prefix gets a bounded number of answers");
}

/* What was looked up for a packet holds for those behind it, and no longer than it is so. */
static void test_trains(void)
{
	struct address a = address_of("198.51.100.1:1000"), b = address_of("198.51.100.2:1000"),
		       c = address_of("198.51.100.3:1000");
	start(16, 1 << 20);
	uint64_t first = bind_peer(network, 1, 1 << 20, &a), second = bind_peer(network, 2, 1 << 20, &b);
	int passed = 0;
	for (int i = 0; i < 3; i++)
		passed += say_data(first, 2, 100, &a);
	is_int(passed, 3, "a train passes");
	ok(address_equal(&out_to, &b) && out_len == RELAY_HEADER_BYTES + 100, "to whom it is for");
	is_int(say_data(first, 2, 0, &a), 0, "nothing but a header does not, in a train");
	is_int(say_data(first, 2, 100, &a), 1, "the next one does");
	is_int(say_data(first, 2, 100, &b), 1, "from another address it is answered");
	is_int(out_kind(), RELAY_UNBOUND, "that it is not bound there");
	ok(say_data(second, 1, 100, &b) == 1 && address_equal(&out_to, &a), "the other way has its own look");
	say_data(first, 2, 100, &a);
	bind_peer(network, 2, 1 << 20, &c);
	ok(say_data(first, 2, 100, &a) == 1 && address_equal(&out_to, &c), "who is bound anew gets the next one where it is now");
	bind_peer(network, 1, 1 << 20, &c);
	say_data(first, 2, 100, &a);
	is_int(out_kind(), RELAY_UNBOUND, "who moved is not known at its old address");
	first = bind_peer(network, 1, 1 << 20, &a);
	is_int(say_data(first, 2, 100, &a), 1, "a train begins");
	wall.us += 3600 * SECOND_US;
	say_data(first, 2, 100, &a);
	is_int(out_kind(), RELAY_UNBOUND, "and ends with its ticket");
}

static void test_stun(void)
{
	struct address a = address_of("198.51.100.1:1000");
	uint8_t request[STUN_REQUEST_BYTES];
	struct stun_id id = { { 9 } };
	struct stun_message m;
	start(16, 1 << 20);
	a.via = 3;
	is_int(say(request, stun_put_request(id, request), &a), 1, "a STUN request is answered");
	ok(stun_get(out, out_len, &m) == OK && m.kind == STUN_ANSWER && !memcmp(&m.id, &id, sizeof id) && out_to.via == 3,
	   "from the socket it came to");
	a.via = 0;
	ok(address_equal(&m.mapped, &a), "with the address it came from");
	is_int(say(out, out_len, &a), 0, "an answer is not answered");
	/* CHANGE-REQUEST of RFC 5780 and an optional attribute; the answer: 420, the first one unknown. */
	static const char question[] = "000100102112a442b7e7a701bc34d686fa87dfae000300040000000080220003616263ff";
	static const char want[] = "011100182112a442b7e7a701bc34d686fa87dfae0009000400000414000a000200030000";
	uint8_t asked[(sizeof question - 1) / 2], wanted[(sizeof want - 1) / 2];
	assert(hex_decode(question, asked, sizeof asked) == OK && hex_decode(want, wanted, sizeof wanted) == OK);
	ok(say(asked, sizeof asked, &a) == 1 && out_len == sizeof wanted + 8 && !memcmp(out, wanted, sizeof wanted),
	   "a request with an unknown attribute is told so");
}

static void test_refusals(void)
{
	static const struct {
		const char *why, *hex;
	} bad[] = {
		{ "cut short", "c510000000000000000000000000" },
		{ "another version", "c5240000000000000000000000000001" },
		{ "an unknown kind", "c5160000000000000000000000000001" },
		{ "a session of 0", "c5140000000000000000000000000000" },
		{ "an empty packet", "c5100000000000000000000000000001" },
		{ "a name where none belongs", "c5140000000000010000000000000001" },
		{ "a keepalive that is too long", "c514000000000000000000000000000100" },
		{ "BIND without a ticket", "c5110000000000000000000000000001" },
		{ "BOUND without a session", "c513000000000000000000000000000100000000000000000000" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint8_t packet[64];
		struct relay_packet p;
		size_t len = strlen(bad[i].hex) / 2;
		assert(hex_decode(bad[i].hex, packet, len) == OK);
		is_int(relay_get(packet, len, &p), E_INVALID, "refused: %s", bad[i].why);
	}
}

static struct p256_key *new_key(void)
{
	struct p256_key *made;
	char *key_pem, *cert_pem;
	assert(certificate_make("peer", &key_pem, &cert_pem) == OK && p256_new(key_pem, &made) == OK);
	free(key_pem);
	free(cert_pem);
	return made;
}

int main(void)
{
	assert(ed25519_new(&key) == OK);
	endpoint = new_key();
	thief = new_key();
	test_ticket();
	test_ticket_vector();
	test_binding();
	test_thieves();
	test_bounds();
	test_trains();
	test_stun();
	test_refusals();
	relay_free(relay);
	ed25519_free(key);
	p256_free(endpoint);
	p256_free(thief);
	return done_testing();
}

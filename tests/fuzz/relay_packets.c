/* SPDX-License-Identifier: Apache-2.0
 * relay_packets.c - fuzz: what anybody may send to a relay. No answer but STUN's is larger than the question
 *
 * The input is a row of packets, each behind a byte of length and one that says from whom. Some of them are completed with what a
 * fuzzer cannot guess: a good ticket, the cookie, the session.
 */
#include <assert.h>
#include <string.h>
#include "relay.h"
#include "relay_wire.h"
#include "stun.h"
#include "ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t cookie[RELAY_COOKIE_BYTES];
static struct p256_key *endpoint;
static uint64_t session;
static size_t question;

static void take(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	struct relay_packet p;
	(void)context;
	(void)to;
	if (stun_is(packet, len)) {
		assert(len <= STUN_ANSWER_BYTES);
		return;
	}
	assert(len <= question && relay_get(packet, len, &p) == OK);
	if (p.kind == RELAY_CHALLENGE)
		memcpy(cookie, p.cookie, sizeof cookie);
	if (p.kind == RELAY_BOUND)
		session = p.bound;
}

static void complete(struct ed25519_key *key, uint8_t *packet, size_t len, uint8_t who)
{
	struct ticket t = { .network = { { 1 } }, .peer = { { who & 3 } }, .expires = { 2000 * SECOND_US }, .quota_bytes = 5000 };
	struct relay_packet p;
	uint8_t ticket[TICKET_BYTES], text[RELAY_PROOF_TEXT_BYTES];
	t.pin = p256_pin(p256_public_of(endpoint));
	if (relay_get(packet, len, &p) != OK)
		return;
	if (p.kind == RELAY_BIND) {
		ticket_sign(&t, key, ticket);
		p.cookie = cookie;
		p.ticket = ticket;
		p.public = p256_public_of(endpoint);
		relay_proof_text(&p, text);
		assert(p256_sign(endpoint, text, sizeof text, &p.proof) == OK);
	} else {
		p.session = session ? session : 1;
		p.name = p.kind == RELAY_DATA ? relay_name_of(t.network, (uuid){ { packet[2] & 3 } }) : p.name;
	}
	if (p.kind == RELAY_BIND || p.kind == RELAY_DATA || p.kind == RELAY_KEEP)
		relay_put(&p, packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ed25519_key *key;
	struct relay *r;
	mono_time now = { SECOND_US };
	if (!key) {
		char *key_pem, *cert_pem;
		assert(ed25519_new(&key) == OK && certificate_make("peer", &key_pem, &cert_pem) == OK);
		assert(p256_new(key_pem, &endpoint) == OK);
		free(key_pem);
		free(cert_pem);
	}
	struct relay_config c = { .ticket_key = ed25519_public_of(key), .max_bindings = 2, .rate_bytes = 3000, .send = take };
	assert(relay_new(&c, &r) == OK);
	memset(cookie, 0, sizeof cookie);
	session = 0;
	while (size >= 2) {
		uint8_t packet[512];
		size_t len = data[0] == 255 ? RELAY_BIND_BYTES : data[0]; /* which no byte can say */
		uint8_t who = data[1];
		struct address from = { .ip = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 }, .port = (uint16_t)(1 + (who & 3)) };
		data += 2, size -= 2;
		len = len < size ? len : size;
		memcpy(packet, data, len);
		data += len, size -= len;
		if (who & 0x80)
			complete(key, packet, len, who);
		question = len;
		relay_input(r, packet, len, &from, now, (wall_time){ 1000 * SECOND_US });
		now.us += (int64_t)(who >> 2 & 0x1f) * SECOND_US;
		if (who & 4)
			relay_tick(r, now, (wall_time){ 1000 * SECOND_US });
	}
	relay_free(r);
	return 0;
}

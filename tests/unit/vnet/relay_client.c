/* SPDX-License-Identifier: Apache-2.0
 * relay_client.c - an endpoint's side of the relay: binding, keeping, losing it, what is no answer
 */
#include "relay_client.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "tap.h"

static struct relay_client client;
static mono_time now = { 10 * SECOND_US };
static uint8_t packet[RELAY_BIND_BYTES];
static struct p256_key *key;
static const uint8_t ticket[RELAY_TICKET_BYTES] = { 1, 2, 3 }, cookie[RELAY_COOKIE_BYTES] = { 4, 5, 6 };

/* What it says now: its kind, or RELAY_KIND_COUNT for silence. */
static enum relay_kind says(struct relay_packet *ret_packet)
{
	size_t len;
	if (!relay_client_next(&client, now, packet, &len))
		return RELAY_KIND_COUNT;
	assert(relay_get(packet, len, ret_packet) == OK);
	return ret_packet->kind;
}

static enum relay_event hears(const struct relay_packet *p)
{
	uint8_t answer[RELAY_BIND_BYTES + 20] = { 0 };
	size_t len = relay_put(p, answer);
	return relay_client_take(&client, answer, p->kind == RELAY_DATA ? len + 20 : len, now);
}

static uint64_t bind_it(uint64_t session)
{
	struct relay_packet p;
	assert(says(&p) == RELAY_BIND);
	uint64_t nonce = p.session;
	assert(hears(&(struct relay_packet){ .kind = RELAY_BOUND, .session = nonce, .bound = session }) == RELAY_CAME_UP);
	return nonce;
}

static void test_binding(void)
{
	struct address relay;
	struct relay_packet p, bind;
	uint8_t header[RELAY_HEADER_BYTES];
	assert(address_parse("192.0.2.1:3478", &relay) == OK);
	relay_client_init(&client, &relay, key, ticket, now);
	ok(!relay_client_wrap(&client, (struct relay_name){ { 9 } }, header, now), "nothing goes before it is bound");
	is_int(says(&bind), RELAY_BIND, "it binds itself at once");
	ok(!memcmp(bind.ticket, ticket, sizeof ticket), "with the ticket");
	is_int(says(&p), RELAY_KIND_COUNT, "and waits");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_CHALLENGE, .session = bind.session + 1, .cookie = cookie }),
	       RELAY_STRANGE, "a challenge to another BIND is a stranger's");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_CHALLENGE, .session = bind.session, .cookie = cookie }), RELAY_NOTHING,
	       "the one to ours is taken");
	ok(says(&p) == RELAY_BIND && !memcmp(p.cookie, cookie, sizeof cookie), "and answered at once with its cookie");
	uint8_t text[RELAY_PROOF_TEXT_BYTES];
	relay_proof_text(&p, text);
	ok(p256_verify(p256_public_of(key), text, sizeof text, p.proof), "and with proof that the key is ours");
	assert(hears(&(struct relay_packet){ .kind = RELAY_CHALLENGE, .session = bind.session, .cookie = cookie }) ==
	       RELAY_NOTHING);
	is_int(says(&p), RELAY_KIND_COUNT, "but not twice");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_BOUND, .session = bind.session, .bound = 42 }), RELAY_CAME_UP,
	       "bound");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_BOUND, .session = bind.session, .bound = 43 }), RELAY_STRANGE, "once");
	ok(relay_client_wrap(&client, (struct relay_name){ { 9 } }, header, now) &&
		   relay_get(header, sizeof header, &p) == E_INVALID && header[2] == 9 && header[15] == 42,
	   "packets get the name and the session");
}

static void test_keeping(void)
{
	struct relay_packet p;
	is_int(hears(&(struct relay_packet){ .kind = RELAY_DATA, .session = 42 }), RELAY_PACKET, "a peer's packet");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_DATA, .session = 43 }), RELAY_STRANGE,
	       "of another session is a stranger's");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_BIND, .session = 42, .cookie = cookie, .ticket = ticket }),
	       RELAY_STRANGE, "relays do not bind themselves");
	now.us += RELAY_KEEP_US;
	ok(says(&p) == RELAY_KEEP && p.session == 42, "after 15 s it says that it is there");
	is_int(hears(&p), RELAY_NOTHING, "and hears it back");
	now.us += RELAY_KEEP_US - 1;
	is_int(says(&p), RELAY_KIND_COUNT, "so it is silent");
	now.us++;
	int keeps = 0;
	while (says(&p) == RELAY_KEEP) {
		keeps++;
		now.us += RELAY_KEEP_RETRY_US;
	}
	ok(keeps == RELAY_KEEP_TRIES && p.kind == RELAY_BIND, "after three unanswered ones it binds itself anew");
	int binds = 1;
	for (int64_t end = now.us + 60 * SECOND_US; now.us < end; now.us += SECOND_US / 4)
		binds += says(&p) == RELAY_BIND;
	ok(binds > 15 && binds < 25, "and tries for ever, each 4 s in the end");
	now.us += RELAY_RETRY_MAX_US;
	bind_it(50);
	is_int(hears(&(struct relay_packet){ .kind = RELAY_UNBOUND, .session = 42 }), RELAY_STRANGE,
	       "the old session's end is no news");
	is_int(hears(&(struct relay_packet){ .kind = RELAY_UNBOUND, .session = 50 }), RELAY_NOTHING, "its own is");
	bind_it(51);
	relay_client_wake(&client, now);
	uint8_t header[RELAY_HEADER_BYTES];
	ok(relay_client_wrap(&client, (struct relay_name){ { 9 } }, header, now),
	   "while it binds itself anew the old session may do");
	uint64_t first = bind_it(52);
	relay_client_wake(&client, now);
	ok(bind_it(53) != first, "each time with another nonce");
}

int main(void)
{
	char *key_pem, *cert_pem;
	assert(certificate_make("peer", &key_pem, &cert_pem) == OK && p256_new(key_pem, &key) == OK);
	free(key_pem);
	free(cert_pem);
	test_binding();
	test_keeping();
	return done_testing();
}

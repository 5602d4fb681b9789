/* SPDX-License-Identifier: Apache-2.0
 * gate.c - what keeps strangers and floods away from the handshake
 *
 * How it works: the pins of a network's members are known to its members only, so a MAC under a key made of two pins tells
 * members from strangers before any state or public-key work is spent; strangers get silence. A member's packets can be
 * replayed by who overheard them, so new handshakes are limited by origin and in all; and when many come, or a peer has one
 * going on already, the first packet must bring a cookie that only somebody who receives at that address can have. The cookie
 * is an HMAC of the address under a secret that changes every two minutes: nothing is stored for it.
 */
#include "bytes.h"
#include "gate.h"

static sha256 labelled(const char *label, uuid network, sha256 receiver_pin, sha256 sender_pin)
{
	uint8_t text[128];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, label, strlen(label));
	write_bytes(&w, network.bytes, sizeof network.bytes);
	write_bytes(&w, receiver_pin.bytes, sizeof receiver_pin.bytes);
	write_bytes(&w, sender_pin.bytes, sizeof sender_pin.bytes);
	return sha256_of(text, writer_len(&w));
}

struct gate_key gate_key_of(uuid network, sha256 receiver_pin, sha256 sender_pin)
{
	struct gate_key k;
	sha256 mac = labelled("cpushare vnet mac1 v1", network, receiver_pin, sender_pin);
	sha256 hint = labelled("cpushare vnet hint v1", network, receiver_pin, sender_pin);
	memcpy(k.mac, mac.bytes, sizeof k.mac);
	memcpy(k.hint, hint.bytes, sizeof k.hint);
	return k;
}

void gate_sign(const struct gate_key *k, uint8_t *packet, size_t len)
{
	sha256 mac = hmac_sha256(k->mac, sizeof k->mac, packet, len - CARRIER_MAC_BYTES);
	memcpy(packet + len - CARRIER_MAC_BYTES, mac.bytes, CARRIER_MAC_BYTES);
}

bool gate_check(const struct gate_key *k, const uint8_t *packet, size_t len)
{
	if (len < CARRIER_MAC_BYTES)
		return false;
	sha256 mac = hmac_sha256(k->mac, sizeof k->mac, packet, len - CARRIER_MAC_BYTES);
	return constant_time_equal(packet + len - CARRIER_MAC_BYTES, mac.bytes, CARRIER_MAC_BYTES);
}

void gate_init(struct gate *g, mono_time now)
{
	*g = (struct gate){ .secret_us = now.us };
	random_fill(g->secret, sizeof g->secret);
	random_fill(&g->salt, sizeof g->salt);
}

static void cookie_under(const uint8_t secret[32], const struct address *from, const struct carrier *c,
			 uint8_t cookie[CARRIER_COOKIE_BYTES])
{
	uint8_t text[64];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, from->ip, sizeof from->ip);
	write_u16(&w, from->port);
	write_u32(&w, c->sender_index);
	write_u64(&w, c->id);
	write_bytes(&w, c->hint, sizeof c->hint);
	sha256 mac = hmac_sha256(secret, 32, text, writer_len(&w));
	memcpy(cookie, mac.bytes, CARRIER_COOKIE_BYTES);
}

static void refresh_secret(struct gate *g, mono_time now)
{
	if (now.us - g->secret_us < GATE_SECRET_US)
		return;
	if (now.us - g->secret_us < 2 * GATE_SECRET_US)
		memcpy(g->secret[1], g->secret[0], sizeof g->secret[1]);
	else
		random_fill(g->secret[1], sizeof g->secret[1]);
	random_fill(g->secret[0], sizeof g->secret[0]);
	g->secret_us = now.us;
}

void gate_cookie(struct gate *g, const struct address *from, const struct carrier *c, mono_time now,
		 uint8_t cookie[CARRIER_COOKIE_BYTES])
{
	refresh_secret(g, now);
	cookie_under(g->secret[0], from, c, cookie);
}

static bool cookie_is_good(struct gate *g, const struct address *from, const struct carrier *c, mono_time now)
{
	uint8_t want[CARRIER_COOKIE_BYTES];
	bool good = false;
	refresh_secret(g, now);
	for (int i = 0; i < 2; i++) {
		cookie_under(g->secret[i], from, c, want);
		good |= constant_time_equal(want, c->cookie, sizeof want);
	}
	return good;
}

static struct bucket *prefix_bucket(struct gate *g, const struct address *from)
{
	uint64_t h = (address_prefix(from) ^ g->salt) * 0x9e3779b97f4a7c15ull;
	return &g->prefixes[h >> 56];
}

enum gate_verdict gate_admit(struct gate *g, const struct address *from, const struct carrier *c, bool contended, mono_time now)
{
	bool busy = !bucket_take(&g->busy, GATE_BUSY_RATE, GATE_BUSY_RATE, now);
	bool proven = cookie_is_good(g, from, c, now);
	if ((busy || contended) && !proven)
		return GATE_ASK_COOKIE; /* costs no more than mac1 did, and must not use up what the proven ones need */
	if (!bucket_take(prefix_bucket(g, from), GATE_PREFIX_RATE, GATE_PREFIX_RATE, now))
		return GATE_DROP;
	if (!bucket_take(&g->all, GATE_RATE, GATE_RATE, now))
		return GATE_DROP;
	return GATE_PASS;
}

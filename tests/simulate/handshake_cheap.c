/* SPDX-License-Identifier: Apache-2.0
 * handshake_cheap.c - stands in for DTLS where a simulation needs millions of handshakes: hashes in the stead of curves
 *
 * How it works: the same four flights of like sizes, each side proves its key over all that was said, and the exported keys hang on
 * both sides' random numbers, the network and the indexes. A proof is an HMAC under a secret that only its identity
 * has; who checks it looks the secret up in a list here, which stands for the mathematics of signatures. So a wrong key, a
 * changed byte or a flight of another handshake fails as with DTLS, at once and without mercy; large flights go in two datagrams
 * now and then, as DTLS's do with larger certificates. The simulation also runs with DTLS itself, at its price.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "aegis.h"
#include "bytes.h"
#include "handshake.h"
#include "map.h"
#include "world.h"

#define RANDOM_BYTES 32
#define MAX_IDENTITIES 8192
#define TURNS 4

struct identity {
	sha256 pin, secret;
};
struct handshake {
	const struct identity *id;
	bool client;
	const sha256 *peer_secret;
	sha256 said;  /* a hash of all flights until now */
	uint8_t turn; /* flights that are whole */
	uint8_t client_random[RANDOM_BYTES], server_random[RANDOM_BYTES];
	uint8_t in[2][CARRIER_DTLS_MAX];
	size_t in_len[2];
	struct flight flight;
	uint8_t next_part;
};

static struct {
	sha256 pin, secret;
} identities[MAX_IDENTITIES];
static size_t identity_count;
static struct map by_pin; /* its first 8 bytes, to position in identities */

static uint64_t first_of(sha256 pin)
{
	uint64_t first;
	memcpy(&first, pin.bytes, sizeof first);
	return first;
}

static const sha256 *secret_of(sha256 pin)
{
	uint32_t i;
	return map_get(&by_pin, first_of(pin), &i) ? &identities[i].secret : NULL;
}

bool handshakes_are_cheap(void)
{
	return true;
}

err_t identity_new(const char *key_pem, const char *cert_pem, bool aegis, struct identity **ret_identity)
{
	(void)aegis; /* half of the sessions have it */
	struct identity *id = calloc(1, sizeof *id);
	assert(id && certificate_pin(cert_pem, &id->pin) == OK);
	id->secret = sha256_of(key_pem, strlen(key_pem));
	if (!secret_of(id->pin)) {
		assert(identity_count < MAX_IDENTITIES && map_set(&by_pin, first_of(id->pin), (uint32_t)identity_count) == OK);
		identities[identity_count].pin = id->pin;
		identities[identity_count++].secret = id->secret;
	}
	*ret_identity = id;
	return OK;
}

void identity_free(struct identity *id)
{
	free(id);
}

sha256 identity_pin(const struct identity *id)
{
	return id->pin;
}

err_t handshake_new(struct identity *id, bool client, sha256 peer_pin, struct handshake **ret_handshake)
{
	struct handshake *h = calloc(1, sizeof *h);
	assert(h);
	h->id = id;
	h->client = client;
	h->peer_secret = secret_of(peer_pin);
	*ret_handshake = h;
	return OK;
}

void handshake_free(struct handshake *h)
{
	free(h);
}

/* ---- flights: random 32, proof 32, and zeros; 1 client's hello, 2 server's, 3 client's end, 4 server's ---- */
#define FLIGHT_HEAD 3 /* u8 flight, u8 piece, u8 pieces */
static const uint16_t flight_bytes[TURNS] = { 190, 612, 484, 75 };

static void add_to_said(struct handshake *h, const uint8_t *body, size_t len)
{
	uint8_t text[32 + CARRIER_DTLS_MAX];
	memcpy(text, h->said.bytes, 32);
	memcpy(text + 32, body, len);
	h->said = sha256_of(text, 32 + len);
}

static void add_piece(struct handshake *h, uint8_t piece, uint8_t pieces, const uint8_t *body, size_t len)
{
	struct flight *f = &h->flight;
	uint8_t *data = f->data[f->count];
	data[0] = h->turn;
	data[1] = piece;
	data[2] = pieces;
	memcpy(data + FLIGHT_HEAD, body, len);
	f->len[f->count++] = (uint16_t)(FLIGHT_HEAD + len);
	h->next_part++;
}

static void speak(struct handshake *h)
{
	uint8_t body[CARRIER_DTLS_MAX] = { 0 }, split;
	size_t len = flight_bytes[h->turn] - FLIGHT_HEAD;
	uint8_t *mine = h->client ? h->client_random : h->server_random;
	if (h->turn < 2)
		random_fill(mine, RANDOM_BYTES);
	memcpy(body, mine, RANDOM_BYTES);
	sha256 proof = hmac_sha256(h->id->secret.bytes, 32, h->said.bytes, 32);
	memcpy(body + RANDOM_BYTES, proof.bytes, 32);
	random_fill(&split, sizeof split);
	h->flight = (struct flight){ .first_part = h->next_part };
	if (len > 400 && split % 4 == 0) {
		add_piece(h, 0, 2, body, len / 2);
		add_piece(h, 1, 2, body + len / 2, len - len / 2);
	} else {
		add_piece(h, 0, 1, body, len);
	}
	add_to_said(h, body, len);
	h->turn++;
}

/* 1: the flight is whole and good; 0: more is to come; -1: it is not what it should be. */
static int take(struct handshake *h, const uint8_t *data, size_t len)
{
	uint8_t body[2 * CARRIER_DTLS_MAX];
	if (len < FLIGHT_HEAD || data[0] > TURNS || data[1] > 1 || data[2] > 2 || data[1] >= data[2])
		return -1;
	if (data[0] != h->turn)
		return 0; /* an older one again */
	memcpy(h->in[data[1]], data + FLIGHT_HEAD, len - FLIGHT_HEAD);
	h->in_len[data[1]] = len - FLIGHT_HEAD;
	for (int i = 0; i < data[2]; i++)
		if (h->in_len[i] == 0)
			return 0;
	size_t n = 0;
	for (int i = 0; i < data[2]; i++) {
		memcpy(body + n, h->in[i], h->in_len[i]);
		n += h->in_len[i];
		h->in_len[i] = 0;
	}
	if (n != (size_t)flight_bytes[h->turn] - FLIGHT_HEAD || !h->peer_secret)
		return -1;
	sha256 proof = hmac_sha256(h->peer_secret->bytes, 32, h->said.bytes, 32);
	if (h->turn > 0 && memcmp(proof.bytes, body + RANDOM_BYTES, 32) != 0)
		return -1;
	uint8_t *theirs = h->client ? h->server_random : h->client_random;
	if (h->turn < 2)
		memcpy(theirs, body, RANDOM_BYTES);
	add_to_said(h, body, n);
	h->turn++;
	return 1;
}

enum handshake_state handshake_step(struct handshake *h, const uint8_t *datagram, size_t len, bool *ret_spoke)
{
	*ret_spoke = false;
	if (datagram) {
		int took = take(h, datagram, len);
		if (took < 0)
			return HANDSHAKE_FAILED;
		if (took == 0)
			return HANDSHAKE_GOING;
	}
	if (h->turn < TURNS) {
		speak(h);
		*ret_spoke = true;
	}
	return h->turn == TURNS ? HANDSHAKE_DONE : HANDSHAKE_GOING;
}

const struct flight *handshake_flight(const struct handshake *h)
{
	return &h->flight;
}

err_t handshake_keys(const struct handshake *h, uuid network, uint32_t client_index, uint32_t server_index,
		     struct seal_key *ret_client_to_server, struct seal_key *ret_server_to_client)
{
	uint8_t text[32 + 16 + 4 + 4 + 1];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, h->said.bytes, 32);
	write_bytes(&w, network.bytes, sizeof network.bytes);
	write_u32(&w, client_index);
	write_u32(&w, server_index);
	for (uint8_t i = 0; i < 2; i++) {
		struct seal_key *key = i ? ret_server_to_client : ret_client_to_server;
		text[sizeof text - 1] = i;
		sha256 hash = sha256_of(text, sizeof text);
		memcpy(key->key, hash.bytes, SEAL_KEY_BYTES);
		key->cipher = aegis_works() && h->said.bytes[0] % 2 ? VNET_AEGIS_128L : VNET_AES_256_GCM;
		text[sizeof text - 1] = (uint8_t)(i + 2);
		hash = sha256_of(text, sizeof text);
		memcpy(key->salt, hash.bytes, SEAL_SALT_BYTES);
	}
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * relay_wire.c - the packets between an endpoint and a relay
 */
#include "bytes.h"
#include "crypto.h"
#include "relay_wire.h"

struct relay_name relay_name_of(uuid network, uuid peer)
{
	static const char label[] = "cpushare relay name v1";
	uint8_t text[sizeof label - 1 + 32];
	struct relay_name name;
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, label, sizeof label - 1);
	write_bytes(&w, network.bytes, sizeof network.bytes);
	write_bytes(&w, peer.bytes, sizeof peer.bytes);
	sha256 hash = sha256_of(text, sizeof text);
	memcpy(name.bytes, hash.bytes, sizeof name.bytes);
	return name;
}

void relay_proof_text(const struct relay_packet *bind, uint8_t text[RELAY_PROOF_TEXT_BYTES])
{
	struct writer w = writer_of(text, RELAY_PROOF_TEXT_BYTES);
	write_bytes(&w, RELAY_PROOF_LABEL, sizeof RELAY_PROOF_LABEL);
	write_u64(&w, bind->session);
	write_bytes(&w, bind->cookie, RELAY_COOKIE_BYTES);
	write_bytes(&w, bind->ticket, RELAY_TICKET_BYTES);
}

static size_t relay_bytes(enum relay_kind kind)
{
	switch (kind) {
	case RELAY_BIND:
		return RELAY_BIND_BYTES;
	case RELAY_CHALLENGE:
		return RELAY_CHALLENGE_BYTES;
	case RELAY_BOUND:
		return RELAY_BOUND_BYTES;
	default:
		return RELAY_HEADER_BYTES;
	}
}

size_t relay_put(const struct relay_packet *p, uint8_t *packet)
{
	struct writer w = writer_of(packet, relay_bytes(p->kind));
	write_u8(&w, WIRE_RELAY);
	write_u8(&w, (uint8_t)(RELAY_VERSION << 4 | p->kind));
	write_bytes(&w, p->name.bytes, sizeof p->name.bytes);
	write_u64(&w, p->session);
	if (p->kind == RELAY_BIND || p->kind == RELAY_CHALLENGE)
		write_bytes(&w, p->cookie, RELAY_COOKIE_BYTES);
	if (p->kind == RELAY_BIND) {
		write_bytes(&w, p->ticket, RELAY_TICKET_BYTES);
		write_bytes(&w, p->public.bytes, sizeof p->public.bytes);
		write_bytes(&w, p->proof.bytes, sizeof p->proof.bytes);
	}
	if (p->kind == RELAY_BOUND)
		write_u64(&w, p->bound);
	return writer_len(&w);
}

err_t relay_get(const uint8_t *packet, size_t len, struct relay_packet *ret_packet)
{
	static const struct relay_name none;
	struct reader r = reader_of(packet, len);
	struct relay_name name;
	uint8_t type = read_u8(&r), version = read_u8(&r);
	uint8_t kind = version & 0x0f;
	read_copy(&r, name.bytes, sizeof name.bytes);
	uint64_t session = read_u64(&r);
	if (r.bad || type != WIRE_RELAY || version >> 4 != RELAY_VERSION || kind >= RELAY_KIND_COUNT || session == 0)
		return E_INVALID;
	if (kind == RELAY_DATA) { /* nearly all are: no more is written than it has */
		if (len == RELAY_HEADER_BYTES)
			return E_INVALID;
		ret_packet->kind = RELAY_DATA;
		ret_packet->name = name;
		ret_packet->session = session;
		return OK;
	}
	struct relay_packet p = { .kind = (enum relay_kind)kind, .session = session };
	if (len != relay_bytes(p.kind) || memcmp(&name, &none, sizeof none) != 0)
		return E_INVALID;
	if (p.kind == RELAY_BIND || p.kind == RELAY_CHALLENGE)
		p.cookie = read_bytes(&r, RELAY_COOKIE_BYTES);
	if (p.kind == RELAY_BIND) {
		p.ticket = read_bytes(&r, RELAY_TICKET_BYTES);
		read_copy(&r, p.public.bytes, sizeof p.public.bytes);
		read_copy(&r, p.proof.bytes, sizeof p.proof.bytes);
	}
	if (p.kind == RELAY_BOUND) {
		p.bound = read_u64(&r);
		if (p.bound == 0)
			return E_INVALID;
	}
	*ret_packet = p;
	return OK;
}

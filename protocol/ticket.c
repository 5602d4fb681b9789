/* SPDX-License-Identifier: Apache-2.0
 * ticket.c - the market's permission to use a relay
 */
#include <assert.h>
#include "bytes.h"
#include "ticket.h"

#define VERSION 2
#define LABEL "cpushare relay ticket v2" /* no other signature of the key can be taken for a ticket's */
#define BODY_BYTES 84
#define SIGNED_BYTES (sizeof LABEL + BODY_BYTES)

static_assert(BODY_BYTES + sizeof(ed25519_signature) == TICKET_BYTES, "a body and its signature");

static void put_signed(const uint8_t body[BODY_BYTES], uint8_t text[SIGNED_BYTES])
{
	struct writer w = writer_of(text, SIGNED_BYTES);
	write_bytes(&w, LABEL, sizeof LABEL);
	write_bytes(&w, body, BODY_BYTES);
}

void ticket_sign(const struct ticket *t, const struct ed25519_key *key, uint8_t bytes[TICKET_BYTES])
{
	uint8_t text[SIGNED_BYTES];
	struct writer w = writer_of(bytes, TICKET_BYTES);
	write_u8(&w, VERSION);
	write_u8(&w, 0);
	write_u16(&w, 0);
	write_bytes(&w, t->network.bytes, sizeof t->network.bytes);
	write_bytes(&w, t->peer.bytes, sizeof t->peer.bytes);
	write_bytes(&w, t->pin.bytes, sizeof t->pin.bytes);
	write_u64(&w, (uint64_t)(t->expires.us / SECOND_US));
	write_u64(&w, t->quota_bytes);
	put_signed(bytes, text);
	ed25519_signature s = ed25519_sign(key, text, sizeof text);
	write_bytes(&w, s.bytes, sizeof s.bytes);
}

err_t ticket_read(const uint8_t bytes[TICKET_BYTES], struct ticket *ret_ticket)
{
	struct reader r = reader_of(bytes, BODY_BYTES);
	struct ticket t = { 0 };
	uint8_t version = read_u8(&r);
	uint32_t reserved = (uint32_t)read_u8(&r) << 16;
	reserved |= read_u16(&r);
	read_copy(&r, t.network.bytes, sizeof t.network.bytes);
	read_copy(&r, t.peer.bytes, sizeof t.peer.bytes);
	read_copy(&r, t.pin.bytes, sizeof t.pin.bytes);
	uint64_t expires_s = read_u64(&r);
	t.quota_bytes = read_u64(&r);
	if (r.bad || version != VERSION || reserved || expires_s > (uint64_t)INT64_MAX / SECOND_US)
		return E_INVALID;
	t.expires.us = (int64_t)expires_s * SECOND_US;
	*ret_ticket = t;
	return OK;
}

err_t ticket_check(const uint8_t bytes[TICKET_BYTES], ed25519_public key, wall_time now)
{
	uint8_t text[SIGNED_BYTES];
	ed25519_signature s;
	struct ticket t;
	TRY(ticket_read(bytes, &t));
	if (now.us >= t.expires.us)
		return E_TIMEOUT;
	put_signed(bytes, text);
	memcpy(s.bytes, bytes + BODY_BYTES, sizeof s.bytes);
	return ed25519_verify(key, text, sizeof text, s) ? OK : E_AUTH;
}

/* SPDX-License-Identifier: Apache-2.0
 * wire.c - the packets between two peers: writing and reading
 *
 * Every reader here is handed bytes that anybody may have sent. Reserved fields must be zero, so that a later version can
 * give them a meaning which an older peer does not misread.
 */
#include "bytes.h"
#include "vnet.h"
#include "wire.h"

void wire_header_put(const struct wire_header *h, uint8_t *packet)
{
	struct writer w = writer_of(packet, WIRE_HEADER_BYTES);
	write_u8(&w, (uint8_t)h->type);
	write_u8(&w, WIRE_VERSION << 4);
	write_u16(&w, 0);
	write_u32(&w, h->index);
	write_u64(&w, h->counter);
}

err_t wire_header_get(const uint8_t *packet, size_t len, struct wire_header *ret_header)
{
	struct reader r = reader_of(packet, len);
	uint8_t type = read_u8(&r);
	uint8_t version = read_u8(&r);
	uint16_t reserved = read_u16(&r);
	struct wire_header h = { .type = (enum wire_type)type };
	h.index = read_u32(&r);
	h.counter = read_u64(&r);
	if (r.bad || version != WIRE_VERSION << 4 || reserved != 0 || type < WIRE_DATA || type > WIRE_RELAY)
		return E_INVALID;
	*ret_header = h;
	return OK;
}

size_t inner_bytes(enum inner_kind kind)
{
	return kind == INNER_FRAME ? INNER_FRAME_BYTES : INNER_MAX_BYTES;
}

size_t inner_put(const struct inner *in, uint8_t *to)
{
	struct writer w = writer_of(to, inner_bytes(in->kind));
	write_u8(&w, (uint8_t)in->kind);
	write_u8(&w, in->flags);
	write_u16(&w, 0); /* the port: one per endpoint today */
	if (in->kind == INNER_SEGMENT) {
		write_u16(&w, in->segment.super_id);
		write_u16(&w, in->segment.index);
		write_u16(&w, in->segment.gso_size);
		write_u16(&w, in->segment.csum_start);
	} else if (in->kind == INNER_FRAGMENT) {
		write_u32(&w, in->fragment.frame_id);
		write_u8(&w, in->fragment.index);
		write_u8(&w, in->fragment.count);
		write_u16(&w, in->fragment.offset);
	}
	return writer_len(&w);
}

err_t inner_get(const uint8_t *plain, size_t len, struct inner *ret_inner, size_t *ret_bytes)
{
	struct reader r = reader_of(plain, len);
	uint8_t kind = read_u8(&r);
	uint8_t allowed = INNER_PARTIAL_CSUM;
	struct inner in = { .kind = (enum inner_kind)kind, .flags = read_u8(&r) };
	uint16_t port = read_u16(&r);
	bool sound = port == 0;

	if (kind == INNER_SEGMENT) {
		allowed |= INNER_LAST | INNER_GSO_MASK;
		in.segment.super_id = read_u16(&r);
		in.segment.index = read_u16(&r);
		in.segment.gso_size = read_u16(&r);
		in.segment.csum_start = read_u16(&r);
	} else if (kind == INNER_FRAGMENT) {
		in.fragment.frame_id = read_u32(&r);
		in.fragment.index = read_u8(&r);
		in.fragment.count = read_u8(&r);
		in.fragment.offset = read_u16(&r);
		sound = sound && in.fragment.count >= 2 && in.fragment.index < in.fragment.count &&
			(in.fragment.index == 0) == (in.fragment.offset == 0);
	} else if (kind != INNER_FRAME) {
		sound = false;
	}
	if (r.bad || !sound || (in.flags & ~allowed))
		return E_INVALID;
	*ret_inner = in;
	*ret_bytes = len - reader_left(&r);
	return OK;
}

size_t carrier_put(const struct carrier *c, uint8_t *packet)
{
	struct wire_header h = { .type = WIRE_HANDSHAKE, .index = c->index, .counter = c->id };
	size_t len = CARRIER_HEAD_BYTES + c->dtls_len + CARRIER_MAC_BYTES;
	if (c->index == 0)
		len = CARRIER_PACKET_BYTES;
	memset(packet, 0, len);
	wire_header_put(&h, packet);
	struct writer w = writer_of(packet + WIRE_HEADER_BYTES, len - WIRE_HEADER_BYTES);
	write_u32(&w, c->sender_index);
	write_u8(&w, (uint8_t)c->kind);
	write_u8(&w, c->part);
	write_u16(&w, (uint16_t)c->dtls_len);
	write_bytes(&w, c->hint, sizeof c->hint);
	write_bytes(&w, c->cookie, sizeof c->cookie);
	if (c->dtls_len > 0)
		write_bytes(&w, c->dtls, c->dtls_len);
	return len;
}

err_t carrier_get(const uint8_t *packet, size_t len, struct carrier *ret_carrier)
{
	struct wire_header h;
	TRY(wire_header_get(packet, len, &h));
	if (h.type != WIRE_HANDSHAKE || len < CARRIER_HEAD_BYTES + CARRIER_MAC_BYTES || len > CARRIER_PACKET_BYTES)
		return E_INVALID;
	struct reader r = reader_of(packet + WIRE_HEADER_BYTES, len - WIRE_HEADER_BYTES - CARRIER_MAC_BYTES);
	struct carrier c = { .index = h.index, .id = h.counter, .sender_index = read_u32(&r) };
	uint8_t kind = read_u8(&r);
	c.kind = (enum carrier_kind)kind;
	c.part = read_u8(&r);
	c.dtls_len = read_u16(&r);
	read_copy(&r, c.hint, sizeof c.hint);
	read_copy(&r, c.cookie, sizeof c.cookie);
	c.dtls = read_bytes(&r, c.dtls_len);
	if (r.bad || (kind != CARRIER_DTLS && kind != CARRIER_SOLICIT) || c.sender_index == 0)
		return E_INVALID;
	if ((kind == CARRIER_DTLS) != (c.dtls_len > 0))
		return E_INVALID;
	if (c.index == 0 && len != CARRIER_PACKET_BYTES)
		return E_INVALID;
	*ret_carrier = c;
	return OK;
}

void cookie_put(const struct cookie_reply *c, uint8_t *packet)
{
	struct wire_header h = { .type = WIRE_COOKIE, .index = c->index, .counter = c->id };
	wire_header_put(&h, packet);
	memcpy(packet + WIRE_HEADER_BYTES, c->cookie, sizeof c->cookie);
}

err_t cookie_get(const uint8_t *packet, size_t len, struct cookie_reply *ret_reply)
{
	struct wire_header h;
	TRY(wire_header_get(packet, len, &h));
	if (len != COOKIE_PACKET_BYTES || h.type != WIRE_COOKIE || h.index == 0)
		return E_INVALID;
	ret_reply->index = h.index;
	ret_reply->id = h.counter;
	memcpy(ret_reply->cookie, packet + WIRE_HEADER_BYTES, sizeof ret_reply->cookie);
	return OK;
}

void probe_put(const struct probe *p, uint8_t *to)
{
	struct writer w = writer_of(to, PROBE_BYTES);
	write_u8(&w, (uint8_t)p->kind);
	write_u8(&w, 0);
	write_u16(&w, p->datagram_bytes);
	write_u64(&w, p->token);
	write_bytes(&w, p->seen.ip, sizeof p->seen.ip);
	write_u16(&w, p->seen.port);
	write_u16(&w, 0);
}

err_t probe_get(const uint8_t *plain, size_t len, struct probe *ret_probe)
{
	struct reader r = reader_of(plain, len);
	uint8_t kind = read_u8(&r);
	uint8_t flags = read_u8(&r);
	struct probe p = { .kind = (enum probe_kind)kind, .datagram_bytes = read_u16(&r), .token = read_u64(&r) };
	read_copy(&r, p.seen.ip, sizeof p.seen.ip);
	p.seen.port = read_u16(&r);
	uint16_t reserved = read_u16(&r);
	if (r.bad || flags != 0 || reserved != 0 || kind < PROBE_PING || kind > PROBE_RATE)
		return E_INVALID;
	if ((kind != PROBE_PING && len != PROBE_BYTES) || (kind == PROBE_MEET && p.token > 1) ||
	    (kind == PROBE_RATE && p.token > VNET_RATE_MAX_BYTES_S))
		return E_INVALID;
	*ret_probe = p;
	return OK;
}

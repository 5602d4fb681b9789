/* SPDX-License-Identifier: Apache-2.0
 * segment.c - super-frames cut into frames, and frames joined into super-frames
 *
 * Cutting does what a network card's segmentation does (Linux: tcp_gso_segment, __udp_gso_segment): headers repeated, lengths,
 * IPv4's identification and TCP's sequence adjusted, FIN and PSH on the last one only, CWR on the first only. Joining is the
 * inverse and as strict as the kernel's receive offload: every header field is equal or follows from the one before.
 */
#include "bytes.h"
#include "frame.h"
#include "segment.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define URG 0x20
#define CWR 0x80

const struct offload offload_none = { 0 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* ---- headers ---- */
/* A whole packet without padding, not fragmented, with the protocol right behind IP's header. */
static err_t layout_of(const uint8_t *frame, size_t len, uint8_t gso, struct layout *ret_layout)
{
	struct frame f;
	struct layout at = { 0 };
	uint8_t protocol;
	TRY(frame_parse((uint8_t *)(uintptr_t)frame, len, &f));
	at.ip = (uint16_t)(len - f.payload_len);
	if (f.ethertype == ETHERTYPE_IPV4 && gso != INNER_GSO_TCP6) {
		struct ipv4 ip;
		TRY(ipv4_parse(&f, &ip));
		at.transport = (uint16_t)(ip.payload - frame);
		protocol = ip.protocol;
		if ((get16(f.payload + 6) & 0x3fff) || at.transport + ip.payload_len != len)
			return E_INVALID;
		at.pseudo = (uint16_t)~internet_checksum(f.payload + 12, 8, protocol);
		uint32_t fixed = (uint32_t)get16(f.payload) + get16(f.payload + 6) + get16(f.payload + 8);
		at.ip_sum = (uint16_t)~internet_checksum(f.payload + 12, (size_t)(ip.payload - f.payload) - 12, fixed);
	} else if (f.ethertype == ETHERTYPE_IPV6 && gso != INNER_GSO_TCP4) {
		if (f.payload_len < 40 || f.payload[0] >> 4 != 6 || get16(f.payload + 4) != f.payload_len - 40)
			return E_INVALID;
		at.ipv6 = true;
		at.transport = (uint16_t)(at.ip + 40);
		protocol = f.payload[6];
		at.pseudo = (uint16_t)~internet_checksum(f.payload + 8, 32, protocol);
	} else {
		return E_INVALID;
	}
	size_t left = len - at.transport, head = 8;
	const uint8_t *t = frame + at.transport;
	if (protocol != (gso == INNER_GSO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP) || left < (gso == INNER_GSO_UDP ? 8 : 20))
		return E_INVALID;
	if (gso != INNER_GSO_UDP)
		head = (size_t)(t[12] >> 4) * 4;
	else if (get16(t + 4) != left)
		return E_INVALID;
	if (head < 8 || (gso != INNER_GSO_UDP && head < 20) || head >= left)
		return E_INVALID;
	at.head_len = (uint16_t)(at.transport + head);
	*ret_layout = at;
	return OK;
}

/* Lengths and checksums of headers in front of so much payload. */
static void set_lengths(uint8_t *head, const struct layout *at, uint8_t gso, size_t payload)
{
	uint8_t *ip = head + at->ip, *t = head + at->transport;
	size_t len = at->head_len - at->transport + payload;
	if (at->ipv6) {
		put16(ip + 4, len);
	} else {
		size_t ip_len = (size_t)(at->transport - at->ip) + len;
		put16(ip + 2, ip_len);
		put16(ip + 10, ~fold(at->ip_sum + (uint32_t)ip_len + get16(ip + 4)));
	}
	if (gso == INNER_GSO_UDP)
		put16(t + 4, len);
	put16(t + (gso == INNER_GSO_UDP ? 6 : 16), fold(at->pseudo + (uint32_t)len));
}

/* ---- cutting ---- */
err_t super_of(const uint8_t *frame, size_t len, const struct offload *o, struct super *ret_super)
{
	struct super s = { .frame = frame, .len = len, .offload = *o };
	if (len > SUPER_MAX_BYTES || o->gso_size == 0 || !o->partial_csum ||
	    (o->gso != INNER_GSO_TCP4 && o->gso != INNER_GSO_TCP6 && o->gso != INNER_GSO_UDP))
		return E_INVALID;
	TRY(layout_of(frame, len, o->gso, &s.at));
	if (o->gso != INNER_GSO_UDP) {
		s.sequence = get32(frame + s.at.transport + 4);
		if (frame[s.at.transport + 13] & (SYN | RST))
			return E_INVALID;
	}
	if (!s.at.ipv6)
		s.id = get16(frame + s.at.ip + 4);
	*ret_super = s;
	return OK;
}

size_t super_count(const struct super *s, size_t size)
{
	return (s->len - s->at.head_len + size - 1) / size;
}

size_t super_cut(const struct super *s, size_t size, size_t index, uint8_t *to)
{
	const struct layout *at = &s->at;
	size_t offset = index * size, left = s->len - at->head_len - offset, n = left < size ? left : size;
	memcpy(to, s->frame, at->head_len);
	memcpy(to + at->head_len, s->frame + at->head_len + offset, n);
	if (!at->ipv6)
		put16(to + at->ip + 4, s->id + index);
	if (s->offload.gso != INNER_GSO_UDP) {
		uint8_t *tcp = to + at->transport;
		put32(tcp + 4, s->sequence + (uint32_t)offset);
		if (n < left)
			tcp[13] &= (uint8_t) ~(FIN | PSH);
		if (index > 0)
			tcp[13] &= (uint8_t)~CWR;
	}
	set_lengths(to, at, s->offload.gso, n);
	return at->head_len + n;
}

/* ---- joining ---- */
/* Which bits of the headers are the same in each segment of a super-frame. */
static void make_mask(struct run *r)
{
	uint8_t *ip = r->mask + r->at.ip, *t = r->mask + r->at.transport;
	memset(r->mask, 0xff, r->at.head_len);
	if (r->at.ipv6) {
		put16(ip + 4, 0);
	} else {
		put32(ip + 2, 0); /* length, identification */
		put16(ip + 10, 0);
	}
	if (r->gso == INNER_GSO_UDP) {
		put32(t + 4, 0); /* length, checksum */
	} else {
		put32(t + 4, 0);
		t[13] = (uint8_t) ~(FIN | PSH);
		put16(t + 16, 0);
	}
}

bool run_begin(struct run *r, const uint8_t *frame, size_t len, const struct offload *o)
{
	uint8_t gso = o->loose ? INNER_GSO_UDP : o->gso;
	r->count = 0;
	if (!o->partial_csum || o->last || (gso != INNER_GSO_TCP4 && gso != INNER_GSO_TCP6 && gso != INNER_GSO_UDP) ||
	    layout_of(frame, len, gso, &r->at) != OK)
		return false;
	const uint8_t *t = frame + r->at.transport;
	if (gso != INNER_GSO_UDP && (t[13] & (FIN | SYN | RST | PSH | URG | CWR)))
		return false;
	r->gso = gso;
	r->loose = o->loose;
	r->id = r->at.ipv6 ? 0 : get16(frame + r->at.ip + 4);
	r->size = (uint16_t)(len - r->at.head_len);
	r->payload = r->size;
	r->super_id = o->super_id;
	r->index = o->index;
	r->sequence = gso == INNER_GSO_UDP ? 0 : get32(t + 4);
	r->closed = false;
	r->frame[0] = frame;
	r->len[0] = len;
	r->count = 1;
	memcpy(r->head, frame, r->at.head_len);
	make_mask(r);
	return true;
}

/* All of the headers but lengths, identification, checksums, sequence and the last one's flags. */
static bool same_headers(const struct run *r, const uint8_t *frame)
{
	size_t len = r->at.head_len, i = 0;
	uint64_t a, b, mask, differ = 0;
	for (; i + sizeof a <= len; i += sizeof a) {
		memcpy(&a, r->head + i, sizeof a);
		memcpy(&b, frame + i, sizeof b);
		memcpy(&mask, r->mask + i, sizeof mask);
		differ |= (a ^ b) & mask;
	}
	for (; i < len; i++)
		differ |= (uint64_t)(r->head[i] ^ frame[i]) & r->mask[i];
	return differ == 0;
}

static bool is_next_segment(const struct run *r, const struct offload *o)
{
	return o->gso == r->gso && o->super_id == r->super_id && o->index == (uint16_t)(r->index + r->count);
}

/* Whoever takes the joined ones apart counts IPv4's identification up; where DF is set it means nothing (RFC 6864 section 4.1). */
static bool is_next_loose(const struct run *r, const uint8_t *frame)
{
	const uint8_t *ip = frame + r->at.ip;
	return r->at.ipv6 || (ip[6] & 0x40) || get16(ip + 4) == (uint16_t)(r->id + r->count);
}

bool run_join(struct run *r, const uint8_t *frame, size_t len, const struct offload *o)
{
	if (r->count == 0 || r->closed || r->count == RUN_MAX || !o->partial_csum || o->loose != r->loose ||
	    len <= r->at.head_len || !(r->loose ? is_next_loose(r, frame) : is_next_segment(r, o)))
		return false;
	size_t n = len - r->at.head_len, transport_len = len - r->at.transport;
	const uint8_t *t = frame + r->at.transport;
	if (n > r->size || r->at.head_len - r->at.ip + r->payload + n > 65535 || !same_headers(r, frame))
		return false;
	if (get16(frame + r->at.ip + (r->at.ipv6 ? 4 : 2)) != (r->at.ipv6 ? len - r->at.ip - 40 : len - r->at.ip))
		return false;
	if (r->gso == INNER_GSO_UDP ? get16(t + 4) != transport_len : get32(t + 4) != r->sequence + (uint32_t)r->payload)
		return false;
	if (r->gso != INNER_GSO_UDP) {
		r->head[r->at.transport + 13] |= t[13];
		r->closed = t[13] & (FIN | PSH);
	}
	r->closed = r->closed || o->last || n < r->size;
	r->frame[r->count] = frame;
	r->len[r->count++] = len;
	r->payload += n;
	return true;
}

void run_finish(struct run *r)
{
	set_lengths(r->head, &r->at, r->gso, r->payload);
}

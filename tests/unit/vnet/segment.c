/* SPDX-License-Identifier: Apache-2.0
 * segment.c - super-frames of all kinds and sizes are cut as a network card would and joined again; nothing else is joined
 */
#include <assert.h>
#include <stdlib.h>
#include "frame.h"
#include "port_tap.h"
#include "segment.h"
#include "tap.h"

#define SIZE 1334

static uint8_t whole[SUPER_MAX_BYTES], pieces[SUPER_MAX_SEGMENTS][1600];
static size_t piece_len[SUPER_MAX_SEGMENTS];
static struct run run;

static void put16(uint8_t *to, size_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct shape {
	uint8_t gso;
	bool ipv6;
	int tags, ip_options, tcp_options;
};

static size_t transport_of(const struct shape *s)
{
	return 14 + 4 * (size_t)s->tags + (s->ipv6 ? 40 : 20 + (size_t)s->ip_options);
}

static uint16_t pseudo_of(const uint8_t *ip, bool ipv6, uint8_t protocol, size_t len)
{
	return (uint16_t)~internet_checksum(ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8, (uint32_t)(protocol + len));
}

/* A super-frame as the kernel hands it over: a partial checksum. */
static size_t make(const struct shape *s, size_t payload, uint8_t flags)
{
	bool udp = s->gso == INNER_GSO_UDP;
	size_t ip = 14 + 4 * (size_t)s->tags, t = transport_of(s), head = t + (udp ? 8 : 20 + (size_t)s->tcp_options);
	memset(whole, 0, head);
	memcpy(whole, "\x52\x54\0\0\0\2\x52\x54\0\0\0\1", 12);
	for (int i = 0; i < s->tags; i++)
		put16(whole + 12 + 4 * i, 0x8100);
	put16(whole + ip - 2, s->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	uint8_t protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP, *p = whole + ip;
	if (s->ipv6) {
		p[0] = 0x60;
		put16(p + 4, head + payload - t);
		p[6] = protocol;
		memset(p + 8, 0xfd, 32);
	} else {
		p[0] = (uint8_t)(0x40 | (20 + s->ip_options) / 4);
		put16(p + 2, head + payload - ip);
		put16(p + 4, 0xfffe); /* identification: wraps */
		put16(p + 6, 0x4000);
		p[8] = 64;
		p[9] = protocol;
		memcpy(p + 12, "\x0a\x4d\1\1\x0a\x4d\1\2", 8);
		put16(p + 10, internet_checksum(p, t - ip, 0));
	}
	put16(whole + t, 1234);
	put16(whole + t + 2, 5001);
	if (udp) {
		put16(whole + t + 4, 8 + payload);
	} else {
		memcpy(whole + t + 4, "\xff\xff\xff\0", 4); /* the sequence wraps */
		whole[t + 12] = (uint8_t)((20 + s->tcp_options) / 4 << 4);
		whole[t + 13] = flags;
		put16(whole + t + 14, 512);
	}
	put16(whole + t + (udp ? 6 : 16), pseudo_of(p, s->ipv6, protocol, head + payload - t));
	for (size_t i = 0; i < payload; i++)
		whole[head + i] = (uint8_t)(i * 2654435761u >> 11);
	return head + payload;
}

static bool is_right(const uint8_t *frame, size_t len, const struct shape *s)
{
	uint8_t copy[SUPER_MAX_BYTES];
	struct frame f;
	size_t start, offset;
	memcpy(copy, frame, len);
	if (frame_parse(copy, len, &f) != OK || frame_checksum_place(&f, &start, &offset) != OK ||
	    checksum_complete(copy, len, start, offset) != OK)
		return false;
	if (!s->ipv6 && internet_checksum(f.payload, start - (size_t)(f.payload - copy), 0) != 0)
		return false;
	uint32_t pseudo = pseudo_of(f.payload, s->ipv6, s->gso == INNER_GSO_UDP ? PROTOCOL_UDP : PROTOCOL_TCP, len - start);
	return internet_checksum(copy + start, len - start, pseudo) == 0;
}

static struct offload offload_of(const struct shape *s, size_t size)
{
	return (struct offload){ .partial_csum = true, .gso = s->gso, .gso_size = (uint16_t)size };
}

static size_t cut(const struct shape *s, size_t len, size_t size)
{
	struct super super;
	struct offload o = offload_of(s, size);
	if (super_of(whole, len, &o, &super) != OK)
		return 0;
	size_t count = super_count(&super, size);
	assert(count <= SUPER_MAX_SEGMENTS);
	for (size_t i = 0; i < count; i++)
		piece_len[i] = super_cut(&super, size, i, pieces[i]);
	return count;
}

static bool join_next(size_t i, size_t count, struct offload o)
{
	o.index = (uint16_t)i;
	o.last = i == count - 1;
	return run_join(&run, pieces[i], piece_len[i], &o);
}

/* Joins all from the first one on; returns how many made it into the first run. */
static size_t join(const struct shape *s, size_t count, size_t size)
{
	struct offload o = offload_of(s, size);
	o.last = count == 1;
	if (!run_begin(&run, pieces[0], piece_len[0], &o))
		return 0;
	size_t n = 1;
	while (n < count && join_next(n, count, o))
		n++;
	run_finish(&run);
	return n;
}

static bool is_whole_again(size_t len)
{
	uint8_t *back = malloc(len);
	size_t at = run.at.head_len;
	memcpy(back, run.head, at);
	for (int i = 0; i < run.count; i++) {
		size_t n = run.len[i] - run.at.head_len;
		assert(at + n <= len);
		memcpy(back + at, run.frame[i] + run.at.head_len, n);
		at += n;
	}
	bool same = at == len && !memcmp(back, whole, len);
	free(back);
	return same;
}

static void test_all_sizes(void)
{
	static const struct shape shapes[] = {
		{ INNER_GSO_TCP4, false, 0, 0, 12 }, { INNER_GSO_TCP4, false, 1, 0, 0 }, { INNER_GSO_TCP4, false, 2, 40, 40 },
		{ INNER_GSO_TCP6, true, 0, 0, 12 },  { INNER_GSO_TCP6, true, 2, 0, 40 }, { INNER_GSO_UDP, false, 0, 0, 0 },
		{ INNER_GSO_UDP, true, 0, 0, 0 },
	};
	static const char *const names[] = { "TCP/IPv4",     "with a VLAN tag",	      "with two and all options",
					     "TCP/IPv6",     "with tags and options", "UDP over IPv4",
					     "UDP over IPv6" };
	for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
		const struct shape *s = &shapes[k];
		bool counted = true, right = true, back = true;
		for (size_t payload = 1; payload < 64000; payload = payload < 4200 ? payload + 61 : payload + 5323) {
			size_t len = make(s, payload, 0x18), count = cut(s, len, SIZE);
			counted &= count == (payload + SIZE - 1) / SIZE;
			for (size_t i = 0; i < count; i++)
				right &= is_right(pieces[i], piece_len[i], s);
			if (count > 1)
				back &= join(s, count, SIZE) == count && is_whole_again(len);
		}
		ok(counted, "%s: as many segments as it takes", names[k]);
		ok(right, "all of them with right lengths and checksums");
		ok(back, "and joined they are what was cut");
	}
}

static void test_headers(void)
{
	const struct shape s = { INNER_GSO_TCP4, false, 0, 0, 0 };
	size_t count = cut(&s, make(&s, 3000, 0x99), 1000); /* CWR, ACK, PSH, FIN */
	is_int(count, 3, "3000 bytes are three segments");
	is_int(pieces[0][47], 0x90, "the first has CWR");
	is_int(pieces[1][47], 0x10, "the middle one only ACK");
	is_int(pieces[2][47], 0x19, "the last FIN and PSH");
	ok(get32(pieces[1] + 38) == 0xffffff00u + 1000 && get32(pieces[2] + 38) == 0xffffff00u + 2000, "sequence numbers go on");
	ok(pieces[0][18] == 0xff && pieces[0][19] == 0xfe && pieces[2][18] == 0 && pieces[2][19] == 0, "identifications too");
	is_int(piece_len[2], 54 + 1000, "all are of one length");
}

static void test_bounds(void)
{
	const struct shape s = { INNER_GSO_TCP4, false, 0, 0, 12 };
	size_t count = cut(&s, make(&s, 65535 - 52, 0x10), 1000);
	is_int(count, 66, "the largest packet");
	is_int(join(&s, count, 1000), RUN_MAX, "is joined up to the bound on segments");
	ok(!join_next(RUN_MAX, count, offload_of(&s, 1000)), "and no further");
	count = cut(&s, make(&s, 4000, 0x10), 1000);
	is_int(count, 4, "four segments");
	struct offload o = offload_of(&s, 1000);
	assert(run_begin(&run, pieces[0], piece_len[0], &o));
	ok(!join_next(2, 4, o), "a lost one ends the run");
	ok(join_next(1, 4, o), "the next one goes on");
	ok(!join_next(1, 4, o), "but not twice");
	o.last = true;
	ok(!run_begin(&run, pieces[3], piece_len[3], &o), "the last begins none");
	count = cut(&s, make(&s, 2500, 0x10), 1000);
	is_int(join(&s, count, 1000), 3, "a short one");
	ok(run.closed, "ends it");
	count = cut(&s, make(&s, 2500, 0x18), 1000);
	assert(join(&s, 2, 1000) == 2);
	ok((run.head[47] & 0x08) == 0, "PSH of the last one does not come before it");
}

/* Every byte of a header that must agree, changed in the second segment, keeps it from joining. */
static void test_foreign(void)
{
	static const struct shape shapes[] = { { INNER_GSO_TCP4, false, 1, 4, 12 },
					       { INNER_GSO_TCP6, true, 0, 0, 12 },
					       { INNER_GSO_UDP, false, 0, 0, 0 } };
	for (size_t k = 0; k < 3; k++) {
		const struct shape *s = &shapes[k];
		struct offload o = offload_of(s, 1000);
		size_t ip = 14 + 4 * (size_t)s->tags, t = transport_of(s), wrong = 0, udp = s->gso == INNER_GSO_UDP;
		assert(cut(s, make(s, 3000, 0x10), 1000) == 3);
		for (size_t i = 0; i < t + (udp ? 8 : 32); i++) {
			bool free_field = (!s->ipv6 && (i == ip + 4 || i == ip + 5 || i == ip + 10 || i == ip + 11)) ||
					  i == t + (udp ? 6 : 16) || i == t + (udp ? 7 : 17);
			assert(run_begin(&run, pieces[0], piece_len[0], &o));
			pieces[1][i] ^= 2;
			wrong += join_next(1, 3, o) != free_field;
			pieces[1][i] ^= 2;
		}
		is_int(wrong, 0, "what differs in a header byte does not join (%zu)", k);
		assert(run_begin(&run, pieces[0], piece_len[0], &o));
		o.super_id = 1;
		ok(!join_next(1, 3, o), "nor what is of another super-frame");
		o.super_id = 0;
		o.partial_csum = false;
		ok(!join_next(1, 3, o), "nor what has a checksum of its own");
	}
}

/* UDP's frames that nobody cut: those that a network card would have cut of one. */
static void test_loose(void)
{
	static const struct shape shapes[] = { { INNER_GSO_UDP, false, 0, 0, 0 }, { INNER_GSO_UDP, true, 1, 0, 0 } };
	const struct offload loose = { .partial_csum = true, .loose = true }, cut_one = offload_of(&shapes[0], 64);
	for (size_t k = 0; k < 2; k++) {
		size_t len = make(&shapes[k], 64 * 9 + 5, 0), ip = 14 + 4 * (size_t)shapes[k].tags, joined = 1;
		assert(cut(&shapes[k], len, 64) == 10 && run_begin(&run, pieces[0], piece_len[0], &loose));
		while (joined < 10 && run_join(&run, pieces[joined], piece_len[joined], &loose))
			joined++;
		run_finish(&run);
		ok(joined == 10 && is_whole_again(len), "datagrams of one flow are joined (%zu)", k);
		ok(!run_join(&run, pieces[1], piece_len[1], &loose), "none behind a shorter one");
		assert(run_begin(&run, pieces[0], piece_len[0], &loose));
		ok(!run_join(&run, pieces[1], piece_len[1], &cut_one), "nor a segment");
		ok(!run_join(&run, pieces[1], piece_len[1], &offload_none), "nor what has a checksum of its own");
		if (shapes[k].ipv6)
			continue;
		ok(run_join(&run, pieces[2], piece_len[2], &loose), "the identification means nothing with DF");
		for (int i = 0; i < 3; i++)
			pieces[i][ip + 6] &= (uint8_t)~0x40;
		assert(run_begin(&run, pieces[0], piece_len[0], &loose));
		ok(!run_join(&run, pieces[2], piece_len[2], &loose), "and is the next one without");
		ok(run_join(&run, pieces[1], piece_len[1], &loose), "or they are not joined");
	}
	const struct shape tcp = { INNER_GSO_TCP4, false, 0, 0, 12 };
	assert(cut(&tcp, make(&tcp, 3000, 0x10), 1000) == 3);
	ok(!run_begin(&run, pieces[0], piece_len[0], &loose), "TCP is joined by its segments' hints only");
}

static void test_refusals(void)
{
	const struct shape s = { INNER_GSO_TCP4, false, 0, 0, 12 };
	static const struct {
		const char *what;
		int at;
		uint8_t value;
	} table[] = {
		{ "IP version 6 under IPv4's type", 14, 0x65 },
		{ "an IP header beyond the frame's fields", 14, 0x41 },
		{ "a total length that is less", 17, 1 },
		{ "a fragment", 20, 0x20 },
		{ "another fragment", 21, 1 },
		{ "another protocol", 23, 50 },
		{ "a short TCP header", 46, 0x40 },
		{ "a SYN", 47, 0x02 },
		{ "an RST", 47, 0x14 },
		{ "ARP", 13, 6 },
	};
	struct offload o = offload_of(&s, 1000);
	struct super super;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t len = make(&s, 3000, 0x10);
		whole[table[i].at] = table[i].value;
		is_int(super_of(whole, len, &o, &super), E_INVALID, "refused: %s", table[i].what);
	}
	size_t len = make(&s, 3000, 0x10);
	is_int(super_of(whole, len, &o, &super), OK, "without them it is taken");
	bool refused = true;
	for (size_t i = 0; i < len; i++)
		refused &= super_of(whole, i, &o, &super) == E_INVALID;
	ok(refused, "refused: cut short anywhere");
	is_int(super_of(whole, make(&s, 0, 0x10), &o, &super), E_INVALID, "refused: no payload");
	make(&s, 3000, 0x10);
	o.gso_size = 0;
	is_int(super_of(whole, len, &o, &super), E_INVALID, "refused: no segment size");
	o.gso_size = 1000;
	o.gso = INNER_GSO_TCP6;
	is_int(super_of(whole, len, &o, &super), E_INVALID, "refused: another type");
	o.gso = INNER_GSO_UDP;
	is_int(super_of(whole, len, &o, &super), E_INVALID, "refused: another type again");
}

static void test_virtio_header(void)
{
	const struct shape s = { INNER_GSO_TCP4, false, 0, 0, 12 };
	const struct virtio_net_hdr good = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					     .hdr_len = 66,
					     .gso_size = 1000,
					     .csum_start = 34,
					     .csum_offset = 16 };
	struct virtio_net_hdr h = good;
	struct offload o;
	size_t len = make(&s, 3000, 0x10);
	ok(tap_header_read(&h, whole, len, &o) && o.gso == INNER_GSO_TCP4 && o.gso_size == 1000 && o.partial_csum,
	   "the kernel's header is understood");
	h.hdr_len = 0xffff;
	ok(tap_header_read(&h, whole, len, &o), "its header length is not looked at");
	h = good;
	h.flags = 0;
	ok(!tap_header_read(&h, whole, len, &o), "refused: segments without a partial checksum");
	h = good;
	h.csum_start = 35;
	ok(!tap_header_read(&h, whole, len, &o), "refused: a checksum at another place");
	h = good;
	h.csum_offset = 6;
	ok(!tap_header_read(&h, whole, len, &o), "refused: another checksum");
	h = good;
	h.gso_size = 0;
	ok(!tap_header_read(&h, whole, len, &o), "refused: segments of nothing");
	static const uint8_t types[] = { VIRTIO_NET_HDR_GSO_UDP,
					 VIRTIO_NET_HDR_GSO_TCPV6,
					 VIRTIO_NET_HDR_GSO_UDP_L4,
					 VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
					 0x7f,
					 0xff };
	for (size_t i = 0; i < sizeof types; i++) {
		h = good;
		h.gso_type = types[i];
		ok(!tap_header_read(&h, whole, len, &o), "refused: type %#x", types[i]);
	}
	h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 0xffff, .csum_offset = 0xffff };
	ok(!tap_header_read(&h, whole, len, &o), "refused: a checksum outside of the frame");
	h.csum_start = (uint16_t)(len - 1);
	h.csum_offset = 0;
	ok(!tap_header_read(&h, whole, len, &o), "or half outside");
	h.flags = 0;
	ok(tap_header_read(&h, whole, len, &o) && !o.gso && !o.partial_csum, "without the flag it means nothing");
}

int main(void)
{
	test_all_sizes();
	test_loose();
	test_headers();
	test_bounds();
	test_foreign();
	test_refusals();
	test_virtio_header();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * frame.c - reading and making ethernet frames (IEEE 802.3, RFC 826, RFC 791, RFC 768)
 */
#include <endian.h>
#include <string.h>
#include "bytes.h"
#include "frame.h"

#define VLAN_CUSTOMER 0x8100
#define VLAN_SERVICE 0x88a8
#define MAX_TAGS 2
#define IPV4_TTL 64

static uint64_t read_mac(struct reader *r)
{
	uint64_t high = read_u16(r);
	return high << 32 | read_u32(r);
}

static void write_mac(struct writer *w, uint64_t mac)
{
	write_u16(w, (uint16_t)(mac >> 32));
	write_u32(w, (uint32_t)mac);
}

bool mac_is_multicast(uint64_t mac)
{
	return mac >> 40 & 1;
}

uint64_t mac_number(vnet_mac mac)
{
	struct reader r = reader_of(mac.bytes, sizeof mac.bytes);
	return read_mac(&r);
}

err_t frame_parse(uint8_t *data, size_t len, struct frame *ret_frame)
{
	struct reader r = reader_of(data, len);
	struct frame f = { .data = data, .len = len };
	f.to = read_mac(&r);
	f.from = read_mac(&r);
	f.ethertype = read_u16(&r);
	for (int tags = 0; f.ethertype == VLAN_CUSTOMER || f.ethertype == VLAN_SERVICE; tags++) {
		if (tags == MAX_TAGS)
			return E_INVALID;
		f.in_vlan |= (read_u16(&r) & 0xfff) != 0; /* 0: only a priority (IEEE 802.1Q, 9.6) */
		f.ethertype = read_u16(&r);
	}
	if (r.bad || f.from == 0 || mac_is_multicast(f.from))
		return E_INVALID;
	f.payload_len = reader_left(&r);
	f.payload = data + (len - f.payload_len);
	*ret_frame = f;
	return OK;
}

err_t arp_parse(const struct frame *f, struct arp *ret_arp)
{
	struct reader r = reader_of(f->payload, f->payload_len);
	struct arp a;
	bool usual = read_u16(&r) == 1 && read_u16(&r) == ETHERTYPE_IPV4 && read_u8(&r) == 6 && read_u8(&r) == 4;
	a.operation = read_u16(&r);
	a.sender_mac = read_mac(&r);
	a.sender_ip = read_u32(&r);
	a.target_mac = read_mac(&r);
	a.target_ip = read_u32(&r);
	if (r.bad || !usual || (a.operation != ARP_REQUEST && a.operation != ARP_REPLY))
		return E_INVALID;
	*ret_arp = a;
	return OK;
}

static void write_ethernet(struct writer *w, uint64_t to, uint64_t from, uint16_t ethertype)
{
	write_mac(w, to);
	write_mac(w, from);
	write_u16(w, ethertype);
}

void ethernet_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, uint16_t ethertype)
{
	struct writer w = writer_of(to, ETHERNET_BYTES);
	write_ethernet(&w, to_mac, from_mac, ethertype);
}

size_t arp_put(const struct arp *a, uint8_t *to)
{
	struct writer w = writer_of(to, ETHERNET_BYTES + ARP_BYTES);
	write_ethernet(&w, a->target_mac, a->sender_mac, ETHERTYPE_ARP);
	write_u16(&w, 1);
	write_u16(&w, ETHERTYPE_IPV4);
	write_u8(&w, 6);
	write_u8(&w, 4);
	write_u16(&w, a->operation);
	write_mac(&w, a->sender_mac);
	write_u32(&w, a->sender_ip);
	write_mac(&w, a->target_mac);
	write_u32(&w, a->target_ip);
	return writer_len(&w);
}

err_t ipv4_parse(const struct frame *f, struct ipv4 *ret_ip)
{
	struct reader r = reader_of(f->payload, f->payload_len);
	struct ipv4 ip = { 0 };
	uint8_t first = read_u8(&r);
	size_t head = (size_t)(first & 15) * 4;
	read_u8(&r);
	size_t total = read_u16(&r);
	read_u16(&r);
	ip.fragment = read_u16(&r) & 0x1fff;
	read_u8(&r);
	ip.protocol = read_u8(&r);
	read_u16(&r);
	ip.from = read_u32(&r);
	ip.to = read_u32(&r);
	if (r.bad || first >> 4 != 4 || head < 20 || total < head || total > f->payload_len)
		return E_INVALID;
	ip.payload = f->payload + head;
	ip.payload_len = total - head;
	*ret_ip = ip;
	return OK;
}

err_t udp_parse(const struct ipv4 *ip, struct udp *ret_udp)
{
	struct reader r = reader_of(ip->payload, ip->payload_len);
	struct udp u = { .from = read_u16(&r) };
	u.to = read_u16(&r);
	size_t len = read_u16(&r);
	read_u16(&r);
	if (r.bad || ip->fragment || ip->protocol != PROTOCOL_UDP || len < 8 || len > ip->payload_len)
		return E_INVALID;
	u.payload = ip->payload + 8;
	u.payload_len = len - 8;
	*ret_udp = u;
	return OK;
}

/* ---- checksums ---- */
static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* In the machine's own byte order: the sum does not depend on it but for a swap at the end (RFC 1071 section 2(B)). */
static uint64_t sum_of(const uint8_t *data, size_t len)
{
	uint64_t sum = 0, word = 0;
	for (; len >= sizeof word; len -= sizeof word, data += sizeof word) {
		memcpy(&word, data, sizeof word);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	word = 0;
	memcpy(&word, data, len);
	return sum + (word & UINT32_MAX) + (word >> 32);
}

uint16_t internet_checksum(const uint8_t *data, size_t len, uint32_t sum)
{
	return (uint16_t)~fold((uint64_t)be16toh(fold(sum_of(data, len))) + sum);
}

static void store_u16(uint8_t *to, uint16_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

err_t checksum_complete(uint8_t *data, size_t len, size_t start, size_t offset)
{
	if (start > len || offset > len - start || len - start - offset < 2)
		return E_INVALID;
	uint16_t sum = internet_checksum(data + start, len - start, 0);
	store_u16(data + start + offset, sum ? sum : 0xffff); /* 0 would mean "none" to UDP; both are the same sum */
	return OK;
}

err_t frame_checksum_place(const struct frame *f, size_t *ret_start, size_t *ret_offset)
{
	size_t at = (size_t)(f->payload - f->data), protocol_bytes;
	uint8_t protocol;
	if (f->ethertype == ETHERTYPE_IPV4) {
		struct ipv4 ip;
		TRY(ipv4_parse(f, &ip));
		if (ip.fragment)
			return E_INVALID;
		protocol = ip.protocol;
		at = (size_t)(ip.payload - f->data);
		protocol_bytes = ip.payload_len;
	} else if (f->ethertype == ETHERTYPE_IPV6 && f->payload_len >= 40) {
		protocol = f->payload[6];
		at += 40;
		protocol_bytes = f->payload_len - 40;
	} else {
		return E_INVALID;
	}
	size_t offset = protocol == PROTOCOL_TCP ? 16 : 6, head = protocol == PROTOCOL_TCP ? 20 : 8;
	if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) || protocol_bytes < head)
		return E_INVALID;
	*ret_start = at;
	*ret_offset = offset;
	return OK;
}

/* ---- making ---- */
size_t ipv4_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, const struct ipv4 *ip)
{
	struct writer w = writer_of(to, IPV4_HEAD_BYTES);
	write_ethernet(&w, to_mac, from_mac, ETHERTYPE_IPV4);
	write_u8(&w, 0x45);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(20 + ip->payload_len));
	write_u32(&w, 0x4000); /* no identification needed: DF (RFC 6864) */
	write_u8(&w, IPV4_TTL);
	write_u8(&w, ip->protocol);
	write_u16(&w, 0);
	write_u32(&w, ip->from);
	write_u32(&w, ip->to);
	store_u16(to + ETHERNET_BYTES + 10, internet_checksum(to + ETHERNET_BYTES, 20, 0));
	return IPV4_HEAD_BYTES + ip->payload_len;
}

size_t udp_put(uint8_t *to, uint64_t to_mac, uint64_t from_mac, uint32_t from_ip, uint32_t to_ip, const struct udp *udp)
{
	size_t len = 8 + udp->payload_len;
	struct ipv4 ip = { .from = from_ip, .to = to_ip, .protocol = PROTOCOL_UDP, .payload_len = len };
	struct writer w = writer_of(to + IPV4_HEAD_BYTES, 8);
	write_u16(&w, udp->from);
	write_u16(&w, udp->to);
	write_u16(&w, (uint16_t)len);
	write_u16(&w, 0);
	uint32_t pseudo = (from_ip >> 16) + (from_ip & 0xffff) + (to_ip >> 16) + (to_ip & 0xffff) + PROTOCOL_UDP + (uint32_t)len;
	uint16_t sum = internet_checksum(to + IPV4_HEAD_BYTES, len, pseudo);
	store_u16(to + IPV4_HEAD_BYTES + 6, sum ? sum : 0xffff);
	return ipv4_put(to, to_mac, from_mac, &ip);
}

err_t frame_copy_complete(uint8_t *to, const uint8_t *frame, size_t len, bool partial_csum)
{
	struct frame f;
	size_t start, offset;
	memcpy(to, frame, len);
	if (!partial_csum)
		return OK;
	TRY(frame_parse(to, len, &f));
	TRY(frame_checksum_place(&f, &start, &offset));
	return checksum_complete(to, len, start, offset);
}

/* SPDX-License-Identifier: Apache-2.0
 * mss.c - TCP is asked for segments that the way to the peer carries in one piece
 */
#include "ipv6.h"
#include "mss.h"

#define SYN 0x02
#define O_END 0
#define O_NOP 1
#define O_MSS 2
#define TCP_HEAD_BYTES 20
#define MSS_MIN 536 /* less no host has to expect (RFC 9293 section 3.7.1) */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* NULL: no TCP, or not its beginning. */
static uint8_t *tcp_of(const struct frame *f, size_t *ret_len)
{
	struct ipv4 v4;
	struct ipv6 v6;
	if (f->ethertype == ETHERTYPE_IPV4 && f->payload_len > 9 && f->payload[9] == PROTOCOL_TCP && ipv4_parse(f, &v4) == OK &&
	    !v4.fragment) {
		*ret_len = v4.payload_len;
		return v4.payload;
	}
	if (f->ethertype == ETHERTYPE_IPV6 && f->payload_len > 6 && f->payload[6] == PROTOCOL_TCP && ipv6_parse(f, &v6) == OK) {
		*ret_len = v6.payload_len;
		return (uint8_t *)(uintptr_t)v6.payload;
	}
	return NULL;
}

/* Where the value stands; 0: there is none. */
static size_t find_mss(const uint8_t *tcp, size_t head)
{
	size_t at = TCP_HEAD_BYTES;
	while (at < head && tcp[at] != O_END) {
		if (tcp[at] == O_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= head || tcp[at + 1] < 2 || at + tcp[at + 1] > head)
			return 0;
		if (tcp[at] == O_MSS)
			return tcp[at + 1] == 4 ? at + 2 : 0;
		at += tcp[at + 1];
	}
	return 0;
}

/* RFC 1624: HC' = ~(~HC + ~m + m'); at an odd place both halves count the other way round. */
static void change_word(uint8_t *tcp, size_t at, uint16_t value, bool with_checksum)
{
	uint16_t old = get16(tcp + at), new = value;
	tcp[at] = (uint8_t)(value >> 8);
	tcp[at + 1] = (uint8_t)value;
	if (!with_checksum)
		return;
	if (at & 1) {
		old = (uint16_t)(old << 8 | old >> 8);
		new = (uint16_t)(new << 8 | new >> 8);
	}
	uint32_t sum = (uint16_t)~get16(tcp + 16) + (uint32_t)(uint16_t)~old + new;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	tcp[16] = (uint8_t)(~sum >> 8);
	tcp[17] = (uint8_t)~sum;
}

void mss_clamp(const struct frame *f, size_t frame_bytes, const struct offload *o)
{
	size_t len;
	if (o->gso || frame_bytes == SIZE_MAX)
		return;
	uint8_t *tcp = tcp_of(f, &len);
	if (!tcp || len < TCP_HEAD_BYTES || !(tcp[13] & SYN))
		return;
	size_t head = (size_t)(tcp[12] >> 4) * 4, before = (size_t)(tcp - f->data) + TCP_HEAD_BYTES;
	size_t at = head >= TCP_HEAD_BYTES && head <= len ? find_mss(tcp, head) : 0;
	if (at && frame_bytes >= before + MSS_MIN && get16(tcp + at) > frame_bytes - before)
		change_word(tcp, at, (uint16_t)(frame_bytes - before), !o->partial_csum);
}

/* SPDX-License-Identifier: Apache-2.0
 * mss.c - a SYN's segment size is lowered to what fits, with the checksum right, and nothing else is touched
 */
#include <assert.h>
#include "ipv6.h"
#include "mss.h"
#include "tap.h"

static uint8_t data[256];
static const struct offload partial = { .partial_csum = true };

static uint32_t pseudo_of(const uint8_t *ip, bool v6, size_t len)
{
	return (uint16_t)~internet_checksum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, (uint32_t)len + PROTOCOL_TCP);
}

/* A TCP packet with these options, tags VLAN tags and a right checksum. */
static struct frame packet(bool v6, int tags, uint8_t flags, const char *options, size_t options_len)
{
	struct frame f;
	size_t at = ETHERNET_BYTES + 4 * (size_t)tags, ip_len = v6 ? 40 : 20, len = 20 + options_len;
	memset(data, 0, sizeof data);
	ethernet_put(data, 0x020000000002, 0x020000000001, tags ? 0x8100 : v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	for (int i = 0; i < tags; i++) {
		uint16_t next = i + 1 < tags ? 0x8100 : v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
		data[ETHERNET_BYTES + 4 * i + 1] = 7;
		data[ETHERNET_BYTES + 4 * i + 2] = (uint8_t)(next >> 8);
		data[ETHERNET_BYTES + 4 * i + 3] = (uint8_t)next;
	}
	uint8_t *ip = data + at, *tcp = ip + ip_len;
	ip[0] = v6 ? 0x60 : 0x45;
	ip[v6 ? 5 : 3] = (uint8_t)(v6 ? len : len + ip_len);
	ip[v6 ? 6 : 9] = PROTOCOL_TCP;
	memset(ip + (v6 ? 8 : 12), 0x35, v6 ? 32 : 8);
	tcp[12] = (uint8_t)(len / 4 << 4);
	tcp[13] = flags;
	memcpy(tcp + 20, options, options_len);
	uint16_t sum = internet_checksum(tcp, len, pseudo_of(ip, v6, len));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	assert(frame_parse(data, at + ip_len + len, &f) == OK);
	return f;
}

static bool sound(const struct frame *f, bool v6)
{
	size_t ip_len = v6 ? 40 : 20, len = f->payload_len - ip_len;
	return internet_checksum(f->payload + ip_len, len, pseudo_of(f->payload, v6, len)) == 0;
}

static void test_clamp(void)
{
	static const struct {
		const char *what, *options;
		size_t len, at; /* of the value; 0: none */
		uint8_t flags;
		int before, after4, after6, tags;
	} cases[] = {
		{ "a SYN", "\2\4\5\xb4", 4, 2, 0x02, 1460, 1102, 1082, 0 },
		{ "a SYN and ACK", "\2\4\5\xb4", 4, 2, 0x12, 1460, 1102, 1082, 0 },
		{ "behind other options", "\1\1\4\2\3\3\7\1\2\4\5\xb4", 12, 10, 0x02, 1460, 1102, 1082, 0 },
		{ "at an odd place", "\1\2\4\5\xb4\1\1\1", 8, 3, 0x02, 1460, 1102, 1082, 0 },
		{ "in a VLAN", "\2\4\5\xb4", 4, 2, 0x02, 1460, 1098, 1078, 1 },
		{ "in two", "\2\4\5\xb4", 4, 2, 0x02, 1460, 1094, 1074, 2 },
		{ "small as it is", "\2\4\2\x18", 4, 2, 0x02, 536, 536, 536, 0 },
		{ "no SYN", "\2\4\5\xb4", 4, 2, 0x10, 1460, 1460, 1460, 0 },
		{ "behind the end", "\0\0\0\0\2\4\5\xb4", 8, 6, 0x02, 1460, 1460, 1460, 0 },
		{ "of a wrong length", "\2\3\5\xb4", 4, 2, 0x02, 1460, 1460, 1460, 0 },
		{ "behind an option without length", "\x08\0\2\4\5\xb4\0\0", 8, 4, 0x02, 1460, 1460, 1460, 0 },
		{ "cut off", "\1\1\2\4", 4, 0, 0x02, 0, 0, 0, 0 },
		{ "none", "", 0, 0, 0x02, 0, 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct frame f = packet(v6, cases[i].tags, cases[i].flags, cases[i].options, cases[i].len);
			const uint8_t *value = f.payload + (v6 ? 40 : 20) + 20 + cases[i].at;
			mss_clamp(&f, 1156, &offload_none);
			int got = cases[i].at ? value[0] << 8 | value[1] : 0;
			is_int(got, v6 ? cases[i].after6 : cases[i].after4, "%s, IPv%d", cases[i].what, v6 ? 6 : 4);
			ok(sound(&f, v6), "the checksum is right");
		}
	}
}

static void test_left_alone(void)
{
	struct frame f = packet(false, 0, 0x02, "\2\4\5\xb4", 4);
	uint16_t sum = (uint16_t)(data[ETHERNET_BYTES + 36] << 8 | data[ETHERNET_BYTES + 37]);
	mss_clamp(&f, SIZE_MAX, &offload_none);
	mss_clamp(&f, 100, &offload_none);
	ok(data[ETHERNET_BYTES + 42] == 5, "without a bound, or with one that no host need obey, nothing changes");
	mss_clamp(&f, 1156, &partial);
	ok(data[ETHERNET_BYTES + 42] == 4 && (data[ETHERNET_BYTES + 36] << 8 | data[ETHERNET_BYTES + 37]) == sum,
	   "a partial checksum covers the pseudo-header only and stays");
	f = packet(false, 0, 0x02, "\2\4\5\xb4", 4);
	data[ETHERNET_BYTES + 7] = 1;
	mss_clamp(&f, 1156, &offload_none);
	is_int(data[ETHERNET_BYTES + 42], 5, "the middle of a packet is no SYN");
}

int main(void)
{
	test_clamp();
	test_left_alone();
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * vnet_nd.c - fuzz: IPv6 with its extension headers, neighbour discovery, and SYNs
 */
#include <assert.h>
#include <string.h>
#include "mss.h"
#include "nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ipv6(const struct frame *f)
{
	struct ipv6 ip;
	struct nd nd;
	struct udp udp;
	if (ipv6_parse(f, &ip) != OK)
		return;
	assert(ip.payload >= f->payload + 40 && ip.payload + ip.payload_len <= f->payload + f->payload_len);
	if (nd_parse(f, &ip, &nd) == OK)
		assert(!ip.in_fragments && ip.hop_limit == 255 && nd.type >= 133 && nd.type <= 137 &&
		       !ip6_is_multicast(nd.target));
	if (udp_parse6(&ip, &udp) == OK)
		assert(!ip.fragment && udp.payload + udp.payload_len <= f->payload + f->payload_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[2048], before[2048];
	struct frame f;
	struct offload o = { .partial_csum = size % 2 };
	if (size > sizeof room)
		return 0;
	memcpy(room, data, size);
	memcpy(before, data, size);
	if (frame_parse(room, size, &f) != OK)
		return 0;
	ipv6(&f);
	mss_clamp(&f, 1156, &o);
	size_t changed = 0;
	for (size_t i = 0; i < size; i++)
		changed += room[i] != before[i];
	assert(changed <= (o.partial_csum ? 2 : 4)); /* the value and its checksum, nothing else */
	return 0;
}

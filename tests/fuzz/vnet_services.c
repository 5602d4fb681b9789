/* SPDX-License-Identifier: Apache-2.0
 * vnet_services.c - fuzz: DHCP messages, DNS questions, and pieces of frames
 */
#include <assert.h>
#include <string.h>
#include "dhcp.h"
#include "dns.h"
#include "fragment.h"

#define PREFIX 0xfd00000000000001ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ip_of(void *context, const char *name, uint32_t *ret_ip)
{
	(void)context;
	assert(strlen(name) < 64);
	*ret_ip = 0x0a4d0105;
	return !strcmp(name, "vm5");
}

static const char *name_of(void *context, uint32_t ip)
{
	(void)context;
	return ip == 0x0a4d0105 ? "vm5" : NULL;
}

static bool ip6_of(void *context, const char *name, struct ip6 *ret_ip)
{
	*ret_ip = (struct ip6){ PREFIX, 5 };
	return ip_of(context, name, &(uint32_t){ 0 });
}

static const char *name_of6(void *context, struct ip6 ip)
{
	(void)context;
	assert(ip.prefix == PREFIX);
	return ip.id == 5 ? "vm5" : NULL;
}

static void dns(const uint8_t *data, size_t size)
{
	static const struct dns_zone zone = { .ip_of = ip_of,
					      .name_of = name_of,
					      .ip6_of = ip6_of,
					      .name_of6 = name_of6,
					      .subnet = 0x0a4d0000,
					      .netmask = 0xffff0000,
					      .prefix = PREFIX };
	bool foreign;
	uint8_t reply[DNS_REPLY_BYTES];
	size_t len;
	if (dns_answer(&zone, data, size, reply, &len, &foreign) != OK)
		return;
	assert(len >= 12 && len <= sizeof reply && !memcmp(reply, data, 2) && (reply[2] & 0x80) && !(data[2] & 0x80));
}

static void dhcp(const uint8_t *data, size_t size)
{
	static const struct vnet_network network = { .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
	static const struct dhcp server = { .network = &network,
					    .mac = { { 0x52, 0x54, 0, 0, 0, 1 } },
					    .ip = 0x0a4d0105,
					    .server = 0x0a4dfffe,
					    .gateway = 0x0a4d0101,
					    .name = "vm5",
					    .boot_server = 0x0a4d0102,
					    .boot_file = "boot" };
	struct dhcp_reply reply;
	if (dhcp_answer(&server, data, size, &reply) != OK)
		return;
	assert(reply.len >= 300 && reply.len <= sizeof reply.data && reply.data[0] == 2 && !memcmp(reply.data + 4, data + 4, 4));
	assert(reply.to_ip == UINT32_MAX || reply.to_ip == server.ip);
}

/* Pieces: a length byte and an inner header with its bytes, one after the other. */
static void pieces(const uint8_t *data, size_t size)
{
	struct fragments *f = fragments_new();
	mono_time now = { 1 };
	assert(f);
	while (size > 1) {
		size_t n = data[0] + 1u, head, len;
		struct inner in;
		uint8_t *frame;
		n = n < size - 1 ? n : size - 1;
		now.us += data[1] * 1000;
		if (inner_get(data + 1, n, &in, &head) == OK && in.kind == INNER_FRAGMENT &&
		    fragments_take(f, &in, data + 1 + head, n - head, now, &frame, &len) == OK)
			assert(len > 0 && len <= FRAME_MAX_BYTES && frame[len - 1] + 1 > 0);
		data += 1 + n;
		size -= 1 + n;
	}
	fragments_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void (*const parsers[])(const uint8_t *, size_t) = { dhcp, dns, pieces };
	if (size > 0)
		parsers[data[0] % (sizeof parsers / sizeof *parsers)](data + 1, size - 1);
	return 0;
}

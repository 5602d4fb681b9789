/* SPDX-License-Identifier: Apache-2.0
 * dhcp_answer.c - reads what a DHCP server says (RFC 2131, options of RFC 2132)
 */
#include "dhcp_answer.h"
#include <string.h>

enum {
	IP_HEAD = 20,
	UDP_HEAD = 8,
	BOOTP_HEAD = 236,
	IP_UDP = 17,
	SERVER_PORT = 67,
	CLIENT_PORT = 68,
	MAC_BYTES = 6,
	MTU_MIN = 576
};
enum option {
	O_PAD = 0,
	O_MASK = 1,
	O_ROUTER = 3,
	O_DNS = 6,
	O_NAME = 12,
	O_DOMAIN = 15,
	O_MTU = 26,
	O_BROADCAST = 28,
	O_OVERLOAD = 52,
	O_KIND = 53,
	O_SERVER = 54,
	O_SEARCH = 119, /* RFC 3397 */
	O_ROUTES = 121, /* RFC 3442 */
	O_END = 255
};

static uint16_t u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t u32(const uint8_t *at)
{
	return (uint32_t)u16(at) << 16 | u16(at + 2);
}

/* The UDP payload of a whole IPv4 packet between DHCP's ports; NULL where it is none. */
static const uint8_t *payload(const uint8_t *packet, size_t len, size_t *ret_len)
{
	if (len < IP_HEAD || packet[0] >> 4 != 4)
		return NULL;
	size_t head = (size_t)(packet[0] & 15) * 4, whole = u16(packet + 2);
	if (head < IP_HEAD || whole > len || whole < head + UDP_HEAD || packet[9] != IP_UDP)
		return NULL;
	if (u16(packet + 6) & 0x3fff) /* a piece of one */
		return NULL;
	const uint8_t *udp = packet + head;
	size_t udp_len = u16(udp + 4);
	if (u16(udp) != SERVER_PORT || u16(udp + 2) != CLIENT_PORT || udp_len < UDP_HEAD || udp_len > whole - head)
		return NULL;
	*ret_len = udp_len - UDP_HEAD;
	return udp + UDP_HEAD;
}

/* It ends up in files that shells read. */
static void take_name(const uint8_t *data, size_t len, char *to)
{
	if (len && !data[len - 1])
		len--; /* some servers count the end of the string */
	if (!len || len >= DHCP_NAME_SIZE || data[0] == '-' || data[0] == '.')
		return;
	for (size_t i = 0; i < len; i++)
		if (!(data[i] >= 'a' && data[i] <= 'z') && !(data[i] >= 'A' && data[i] <= 'Z') &&
		    !(data[i] >= '0' && data[i] <= '9') && !(data[i] && strchr("-._", data[i])))
			return;
	memcpy(to, data, len);
	to[len] = 0;
}

static void take_option(struct dhcp_answer *a, uint8_t code, const uint8_t *data, size_t len)
{
	switch (code) {
	case O_KIND:
		a->kind = len == 1 ? data[0] : 0;
		break;
	case O_SERVER:
		a->server = len == 4 ? u32(data) : 0;
		break;
	case O_MASK:
		a->mask = len == 4 ? u32(data) : 0;
		break;
	case O_BROADCAST:
		a->broadcast = len == 4 ? u32(data) : 0;
		break;
	case O_ROUTER:
		a->router = len >= 4 ? u32(data) : 0;
		break;
	case O_DNS:
		for (size_t i = 0; i + 4 <= len && a->dns_count < DHCP_DNS_MAX; i += 4)
			a->dns[a->dns_count++] = u32(data + i);
		break;
	case O_MTU:
		a->mtu = len == 2 && u16(data) >= MTU_MIN ? u16(data) : 0;
		break;
	case O_NAME:
		take_name(data, len, a->name);
		break;
	case O_DOMAIN:
		take_name(data, len, a->domain);
		break;
	case O_OVERLOAD:
	case O_SEARCH:
	case O_ROUTES:
		a->beyond = true;
	}
}

static bool take_options(struct dhcp_answer *a, const uint8_t *at, const uint8_t *end)
{
	bool seen[256] = { false };
	while (at < end) {
		uint8_t code = *at++;
		if (code == O_PAD)
			continue;
		if (code == O_END)
			break;
		if (at == end || end - at - 1 < *at)
			return false;
		a->beyond |= seen[code]; /* RFC 3396: its next piece */
		seen[code] = true;
		take_option(a, code, at + 1, *at);
		at += 1 + *at;
	}
	return true;
}

static bool is_one_of(uint32_t ip, uint32_t mask)
{
	return (ip & ~mask) && (ip & ~mask) != ~mask;
}

/* One machine's, in a network that its mask describes. */
static bool usable(const struct dhcp_answer *a)
{
	uint32_t hosts = ~a->mask;
	return a->mask && !(hosts & (hosts + 1)) && a->ip >> 24 && a->ip >> 24 != 127 && a->ip >> 24 < 224 &&
	       is_one_of(a->ip, a->mask);
}

/* The kernel takes no route by ourselves, or by who is not on the card's network. */
static bool router_is_beside(const struct dhcp_answer *a)
{
	return a->router != a->ip && !((a->router ^ a->ip) & a->mask) && is_one_of(a->router, a->mask);
}

bool dhcp_answer_read(const uint8_t *packet, size_t len, uint32_t xid, const uint8_t *mac, struct dhcp_answer *ret_answer)
{
	struct dhcp_answer a = { 0 };
	size_t n;
	const uint8_t *m = payload(packet, len, &n);
	if (!m || n < BOOTP_HEAD + 4 || m[0] != 2 || m[1] != 1 || m[2] != MAC_BYTES || u32(m + 4) != xid ||
	    memcmp(m + 28, mac, MAC_BYTES) != 0 || u32(m + BOOTP_HEAD) != DHCP_MAGIC)
		return false;
	a.ip = u32(m + 16);
	if (!take_options(&a, m + BOOTP_HEAD + 4, m + n) || !a.server)
		return false;
	if (a.kind != DHCP_NAK && ((a.kind != DHCP_OFFER && a.kind != DHCP_ACK) || !usable(&a)))
		return false;
	a.beyond |= a.router && !router_is_beside(&a);
	*ret_answer = a;
	return true;
}

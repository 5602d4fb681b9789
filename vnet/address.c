/* SPDX-License-Identifier: Apache-2.0
 * address.c - where a UDP packet goes to or came from
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include "address.h"
#include "bytes.h"

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool address_equal(const struct address *a, const struct address *b)
{
	return a->port == b->port && a->scope == b->scope && a->via == b->via && !memcmp(a->ip, b->ip, sizeof a->ip);
}

bool address_is_v4(const struct address *a)
{
	return !memcmp(a->ip, v4_mapped, sizeof v4_mapped);
}

uint32_t address_v4(const struct address *a)
{
	if (!address_is_v4(a))
		return 0;
	return (uint32_t)a->ip[12] << 24 | (uint32_t)a->ip[13] << 16 | (uint32_t)a->ip[14] << 8 | a->ip[15];
}

bool address_is_private(const struct address *a)
{
	static const struct {
		uint32_t net;
		uint8_t len;
	} nets[] = {
		{ 0x0a000000, 8 },  /* 10/8 */
		{ 0xac100000, 12 }, /* 172.16/12 */
		{ 0xc0a80000, 16 }, /* 192.168/16 */
		{ 0x64400000, 10 }, /* 100.64/10 */
		{ 0xa9fe0000, 16 }, /* 169.254/16 */
		{ 0x7f000000, 8 },  /* 127/8 */
	};
	if (!address_is_v4(a)) {
		static const uint8_t loopback[16] = { [15] = 1 };
		bool link_local = a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
		return link_local || (a->ip[0] & 0xfe) == 0xfc || !memcmp(a->ip, loopback, sizeof loopback);
	}
	uint32_t ip = address_v4(a);
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		if (ip >> (32 - nets[i].len) == nets[i].net >> (32 - nets[i].len))
			return true;
	return false;
}

bool address_is_unicast(const struct address *a)
{
	static const uint8_t unspecified[16];
	if (a->port == 0 || !memcmp(a->ip, unspecified, sizeof unspecified))
		return false;
	if (address_is_v4(a)) {
		uint8_t first = a->ip[12];
		return first != 0 && first < 224; /* 224/4 is multicast, 240/4 reserved with the broadcast address */
	}
	return a->ip[0] != 0xff;
}

bool address_has_ours(const struct address *a)
{
	static const uint8_t none[sizeof a->ours];
	return memcmp(a->ours, none, sizeof none) != 0;
}

void address_forget_ours(struct address *a)
{
	memset(a->ours, 0, sizeof a->ours);
}

uint64_t address_prefix(const struct address *a)
{
	uint64_t prefix = 0;
	if (address_is_v4(a))
		return address_v4(a) >> 8;
	for (int i = 0; i < 6; i++)
		prefix = prefix << 8 | a->ip[i];
	return prefix | 1ull << 63;
}

static err_t port_parse(const char *text, uint16_t *ret_port)
{
	uint32_t port = 0;
	size_t len = strlen(text);
	if (len == 0 || len > 5)
		return E_INVALID;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return E_INVALID;
		port = port * 10 + (uint32_t)(text[i] - '0');
	}
	if (port == 0 || port > 65535)
		return E_INVALID;
	*ret_port = (uint16_t)port;
	return OK;
}

/* "fe80::1%2" in host: cuts the scope off. */
static err_t scope_parse(char *host, uint32_t *ret_scope)
{
	char *percent = strchr(host, '%');
	*ret_scope = 0;
	if (!percent)
		return OK;
	uint16_t scope;
	TRY(port_parse(percent + 1, &scope)); /* an interface's number is in the same range */
	*percent = '\0';
	*ret_scope = scope;
	return OK;
}

err_t address_parse(const char *text, struct address *ret_address)
{
	char host[ADDRESS_TEXT_SIZE];
	struct address a = { 0 };
	TRY(text_copy(host, sizeof host, text) == OK ? OK : E_INVALID);
	char *colon = strrchr(host, ':');
	if (!colon)
		return E_INVALID;
	TRY(port_parse(colon + 1, &a.port));
	*colon = '\0';
	if (host[0] == '[') {
		if (colon == host + 1 || colon[-1] != ']')
			return E_INVALID;
		colon[-1] = '\0';
		TRY(scope_parse(host + 1, &a.scope));
		if (inet_pton(AF_INET6, host + 1, a.ip) != 1)
			return E_INVALID;
	} else {
		memcpy(a.ip, v4_mapped, sizeof v4_mapped);
		if (inet_pton(AF_INET, host, a.ip + 12) != 1)
			return E_INVALID;
	}
	*ret_address = a;
	return OK;
}

char *address_format(const struct address *a, char *text)
{
	char host[INET6_ADDRSTRLEN];
	if (address_is_v4(a)) {
		inet_ntop(AF_INET, a->ip + 12, host, sizeof host);
		snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", host, a->port);
	} else {
		inet_ntop(AF_INET6, a->ip, host, sizeof host);
		if (a->scope)
			snprintf(text, ADDRESS_TEXT_SIZE, "[%.40s%%%u]:%u", host, a->scope, a->port);
		else
			snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, a->port);
	}
	return text;
}

err_t address_of_socket(const struct sockaddr_storage *s, struct address *ret_address)
{
	struct address a = { 0 };
	if (s->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, s, sizeof in);
		memcpy(a.ip, v4_mapped, sizeof v4_mapped);
		memcpy(a.ip + 12, &in.sin_addr, 4);
		a.port = ntohs(in.sin_port);
	} else if (s->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, s, sizeof in6);
		memcpy(a.ip, &in6.sin6_addr, 16);
		a.port = ntohs(in6.sin6_port);
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			a.scope = in6.sin6_scope_id;
	} else {
		return E_INVALID;
	}
	*ret_address = a;
	return OK;
}

socklen_t address_to_socket(const struct address *a, int family, struct sockaddr_storage *ret_socket)
{
	memset(ret_socket, 0, sizeof *ret_socket);
	if (family == AF_INET6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope };
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(ret_socket, &in6, sizeof in6);
		return sizeof in6;
	}
	if (!address_is_v4(a))
		return 0;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	memcpy(&in.sin_addr, a->ip + 12, 4);
	memcpy(ret_socket, &in, sizeof in);
	return sizeof in;
}

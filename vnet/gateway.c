/* SPDX-License-Identifier: Apache-2.0
 * gateway.c - the default gateways of this machine
 */
#include <net/route.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"
#include "gateway.h"

#define LINES_MAX 2000 /* where the table is longer nobody will map a port for us */

err_t gateway_parse_v4(const char *line, struct address *ret_gateway)
{
	struct address a = { .ip = { [10] = 0xff, [11] = 0xff }, .port = GATEWAY_PORT };
	uint32_t destination, gateway, flags, mask;
	if (sscanf(line, "%*15s %8x %8x %4x %*d %*u %*d %8x", &destination, &gateway, &flags, &mask) != 4)
		return E_INVALID;
	if (destination || mask || !(flags & RTF_UP) || !(flags & RTF_GATEWAY))
		return E_INVALID;
	memcpy(a.ip + 12, &gateway, 4); /* the kernel prints the number as it lies in memory */
	if (!address_is_unicast(&a))
		return E_INVALID;
	*ret_gateway = a;
	return OK;
}

err_t gateway_parse_v6(const char *line, struct address *ret_gateway)
{
	struct address a = { .port = GATEWAY_PORT };
	char destination[33], gateway[33], interface[IFNAMSIZ];
	uint32_t prefix_len, flags;
	if (sscanf(line, "%32s %2x %*32s %*2x %32s %*8x %*8x %*8x %8x %15s", destination, &prefix_len, gateway, &flags,
		   interface) != 5)
		return E_INVALID;
	if (prefix_len || !(flags & RTF_UP) || !(flags & RTF_GATEWAY))
		return E_INVALID;
	TRY(hex_decode(gateway, a.ip, sizeof a.ip));
	if (a.ip[0] == 0xfe && (a.ip[1] & 0xc0) == 0x80)
		a.scope = if_nametoindex(interface);
	if (!address_is_unicast(&a))
		return E_INVALID;
	*ret_gateway = a;
	return OK;
}

/* The address that our packets to there would have: a UDP socket is connected without a packet. */
static err_t find_ours(const struct address *to, uint8_t ours[16])
{
	struct sockaddr_storage name;
	struct address a;
	socklen_t len = address_to_socket(to, address_is_v4(to) ? AF_INET : AF_INET6, &name);
	AUTO_FD fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, len) < 0)
		return E_IO;
	len = sizeof name;
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return E_IO;
	TRY(address_of_socket(&name, &a));
	if (a.scope)
		return E_INVALID; /* link-local: nobody outside reaches it */
	memcpy(ours, a.ip, sizeof a.ip);
	return OK;
}

static err_t find_one(const char *path, err_t (*parse)(const char *line, struct address *ret), struct address *ret_gateway)
{
	static const struct address outside = { .ip = { 0x20, [15] = 1 }, .port = GATEWAY_PORT }; /* global unicast, nobody's */
	char line[256];
	struct address a;
	bool found = false;
	FILE *f = fopen(path, "re");
	for (int i = 0; f && i < LINES_MAX && !found && fgets(line, sizeof line, f); i++)
		found = parse(line, &a) == OK;
	if (f)
		fclose(f);
	if (!found)
		return E_NOT_FOUND;
	/* An IPv6 gateway has a link-local address, and the route to it says nothing about the address that we have outside. */
	TRY(find_ours(address_is_v4(&a) ? &a : &outside, a.ours));
	*ret_gateway = a;
	return OK;
}

size_t gateway_find(int family, struct address gateways[GATEWAY_MAX])
{
	size_t n = find_one("/proc/thread-self/net/route", gateway_parse_v4, &gateways[0]) == OK;
	if (family == AF_INET6 && find_one("/proc/thread-self/net/ipv6_route", gateway_parse_v6, &gateways[n]) == OK)
		n++;
	return n;
}

/* SPDX-License-Identifier: Apache-2.0
 * candidates.c - the addresses of this machine under which others may reach us
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>
#include "bytes.h"
#include "candidates.h"

bool candidates_add(struct vnet_candidate *list, size_t *count, enum vnet_candidate_kind kind, const struct address *a)
{
	char text[ADDRESS_TEXT_SIZE];
	if (*count == VNET_MAX_CANDIDATES)
		return false;
	struct vnet_candidate *c = &list[*count];
	c->kind = kind;
	if (text_copy(c->address, sizeof c->address, address_format(a, text)) != OK)
		return false;
	for (size_t i = 0; i < *count; i++)
		if (!strcmp(list[i].address, c->address))
			return false;
	++*count;
	return true;
}

/* Link-local addresses mean nothing without the interface that the other side would have to use. */
static bool is_link_local(const struct address *a)
{
	if (address_is_v4(a))
		return address_v4(a) >> 16 == 0xa9fe;
	return a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

static bool is_usable(const struct ifaddrs *i, int family, bool loopback, uint32_t subnet, uint32_t netmask, uint16_t port,
		      struct address *ret_address)
{
	struct sockaddr_storage s = { 0 };
	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !!(i->ifa_flags & IFF_LOOPBACK) != loopback)
		return false;
	if (i->ifa_addr->sa_family != AF_INET && (i->ifa_addr->sa_family != AF_INET6 || family != AF_INET6))
		return false;
	memcpy(&s, i->ifa_addr, i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	if (address_of_socket(&s, ret_address) != OK)
		return false;
	ret_address->port = port;
	if (address_is_v4(ret_address) && (address_v4(ret_address) & netmask) == subnet)
		return false;
	return !is_link_local(ret_address) && address_is_unicast(ret_address);
}

size_t candidates_gather(const struct sockaddr_storage *bind, int socket_family, uint16_t port, uint32_t inner_subnet,
			 uint32_t inner_netmask, struct vnet_candidate *ret_candidates)
{
	struct address a;
	struct ifaddrs *list = NULL;
	size_t count = 0;
	if (bind->ss_family != AF_UNSPEC && address_of_socket(bind, &a) == OK) {
		a.port = port;
		if (address_is_unicast(&a)) {
			candidates_add(ret_candidates, &count, VNET_HOST, &a);
			return count;
		}
	}
	if (getifaddrs(&list) < 0)
		return 0;
	for (int loopback = 0; loopback < 2 && count == 0; loopback++)
		for (struct ifaddrs *i = list; i && count < CANDIDATES_HOST_MAX; i = i->ifa_next)
			if (is_usable(i, socket_family, loopback, inner_subnet, inner_netmask, port, &a))
				candidates_add(ret_candidates, &count, VNET_HOST, &a);
	freeifaddrs(list);
	return count;
}

int candidates_watch(void)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	name.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool candidates_changed(int fd)
{
	uint8_t message[8192];
	bool changed = false;
	/* What changed does not matter, so nothing is parsed; an overrun (ENOBUFS) is a change as well. */
	for (int i = 0; i < 64; i++) {
		ssize_t n = recv(fd, message, sizeof message, MSG_DONTWAIT);
		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			break;
		changed = true;
	}
	return changed;
}

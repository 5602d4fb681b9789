/* SPDX-License-Identifier: Apache-2.0
 * candidates.h - the addresses of this machine under which others may reach us
 */
#ifndef VNET_CANDIDATES_H
#define VNET_CANDIDATES_H

#include "address.h"
#include "vnet.h"

#define CANDIDATES_HOST_MAX (VNET_MAX_CANDIDATES - 8) /* the others must have room */

/* bind: what the socket is bound to; family 0: any. inner_subnet is left out: it is reached through ourselves. Returns how many, at
 * most CANDIDATES_HOST_MAX. */
size_t candidates_gather(const struct sockaddr_storage *bind, int socket_family, uint16_t port, uint32_t inner_subnet,
			 uint32_t inner_netmask, struct vnet_candidate *ret_candidates);

/* Adds one to a list of at most VNET_MAX_CANDIDATES, unless it is there. */
bool candidates_add(struct vnet_candidate *list, size_t *count, enum vnet_candidate_kind kind, const struct address *a);

/* A netlink descriptor that is readable after an address, a link or an IPv4 route changed; -1 where there is none. */
int candidates_watch(void);
/* Empties it. True where something changed. */
bool candidates_changed(int fd);

#endif

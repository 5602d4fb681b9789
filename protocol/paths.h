/* SPDX-License-Identifier: Apache-2.0
 * paths.h - how a network's members reach each other: what each says of its paths, and what its buyer is shown
 */
#ifndef PROTOCOL_PATHS_H
#define PROTOCOL_PATHS_H

#include "network.h"

#define PATH_RTT_MAX_US 60000000
#define PATH_DATAGRAM_MAX 65535

/* struct path_view: [{"peer","path":"direct","rtt_us","loss_permille","datagram_bytes"},…]. These are the endpoint's own words;
 * nobody is paid by them. */
json_t *paths_to_json(const struct path_view *paths, size_t count);
/* At most max, of different peers, in the order of their ids. Unknown fields are refused. */
void paths_take(struct json_reader *r, const char *name, struct path_view *ret_paths, size_t max, size_t *ret_count);
/* The same from an endpoint's own status (lan/lan.h), where a peer is "id" and more stands beside it. */
size_t paths_of_status(const json_t *peers, struct path_view *ret_paths, size_t max);

/* GET /v1/orders/{id}/network:
 * {"members":[{"name","ip","buyer","paths","reached","direct"},…],
 *  "paths":[{"from":"vm1","to":"vm2","path","rtt_us","loss_permille","datagram_bytes"},…],"complete"}
 * The list has what is not direct first; of a large network not all that is. What was said more than a minute ago is left out. */
#define NETWORK_PATHS_MAX 2048
struct network_member {
	const char *name, *ip;
	bool buyer;
	unsigned paths, reached, direct; /* that it told of, of them those that work, and those without a relay */
};
json_t *network_member_to_json(const struct network_member *m);
json_t *network_path_to_json(const char *from, const char *to, const struct path_view *p);

#endif

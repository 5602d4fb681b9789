/* SPDX-License-Identifier: Apache-2.0
 * networks.h - the peers of each order's network, as the market introduces them to each other
 *
 * In memory only: leases' endpoints tell theirs with each report, buyers' machines repeat theirs each few seconds. The version grows
 * with every change and begins at the clock, so that a peer notices a market that began anew.
 */
#ifndef MARKET_NETWORKS_H
#define MARKET_NETWORKS_H

#include "market.h"
#include "network.h"
#include "reach.h"

#define NETWORK_SUBNET "10.77.0.0"
#define NETWORK_PREFIX 16
#define BUYER_PEERS 64

struct buyer_peer {
	struct peer_view view;
	mono_time heard;
	struct reach reach;
	struct buyer_peer *next;
};
struct network {
	uuid order;
	uint64_t version;
	int64_t relays_period; /* of the tickets that its members have */
	struct live *leases;
	struct buyer_peer *buyers;
};

/* Made where it is not there. */
MUST_CHECK err_t network_of(struct market *m, uuid order, wall_time now, struct network **ret_network);
/* Without relays: those are told a member whose key is known. */
struct network_view network_view_of(const struct market *m, const struct order *order);
void network_changed(struct network *n);
/* All peers but one: heap, peer_list_clear(). */
MUST_CHECK err_t network_peers(const struct network *n, uuid except, struct peer_list *ret);
/* Has another member than this one the key? Its packets and the other's could not be told apart. */
bool network_pin_taken(const struct network *n, uuid except, sha256 pin);
/* The peer of a lease without pin and candidates. */
struct peer_view network_lease_peer(const struct lease *l);
/* A buyer's machine joins or stays; number: of the store. E_CONFLICT: another member has its key. */
MUST_CHECK err_t network_join(struct network *n, const struct peer_join *join, uint32_t number, mono_time now,
			      const struct peer_view **ret_self);
/* Takes what a peer says of itself; true where it is new. */
bool peer_introduced(struct peer_view *view, sha256 pin, const struct vnet_candidates_text *candidates);
bool network_leave(struct network *n, uuid peer);
struct buyer_peer *network_buyer(const struct network *n, uuid peer);

void networks_sweep(struct market *m, wall_time wall, mono_time now);
void networks_free_all(struct market *m);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * peers.c - the buyer's own machines join an order's network, stay, and leave
 */
#include "gate.h"
#include "handlers.h"
#include "networks.h"
#include "relays.h"
#include "sighting.h"

static err_t network_of_request(struct request *r, struct order *ret_order, struct network **ret_network)
{
	struct market *m = market_of(r);
	struct order order;
	TRY(store_order_get(m->store, r->values.id[0], &order));
	if (!uuid_equal(order.buyer, r->caller.account))
		return E_NOT_FOUND;
	if (order.ended_at.us)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the order has ended, and its network with it");
	*ret_order = order;
	return network_of(m, order.id, r->now, ret_network);
}

err_t peer_join(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct peer_join join = { 0 };
	struct network *n;
	struct order order;
	const struct peer_view *self;
	uint32_t number = 0;
	__attribute__((cleanup(peer_answer_clear))) struct peer_answer answer = { 0 };
	if (peer_join_from_json(r->json, &join, &error) != OK)
		return refuse_json(r, &error);
	TRY(network_of_request(r, &order, &n));
	if (!network_buyer(n, join.id))
		TRY(store_peer_number(m->store, n->order, join.id, &number));
	err_t e = network_join(n, &join, number, r->now_mono, &self);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_KEY_TAKEN, "pin", "another member of this network has this key: make one of its own");
	TRY(e);
	sightings_hear(m, n->order, (uuid){ 0 }, &network_buyer(n, join.id)->reach, r->now, r->now_mono);
	answer.network = network_view_of(m, &order);
	relays_for(m->relays, n->order, self->id, self->pin, r->now, &answer.network.relays);
	answer.self = *self;
	answer.peers_version = n->version;
	answer.has_peers = join.peers_version != n->version;
	if (answer.has_peers)
		TRY(network_peers(n, join.id, &answer.peers));
	answer_json(r, 200, peer_answer_to_json(&answer));
	return OK;
}

err_t peer_leave(struct request *r)
{
	struct network *n;
	struct order order;
	TRY(network_of_request(r, &order, &n));
	if (!network_leave(n, r->values.id[1]))
		return E_NOT_FOUND;
	answer_empty(r);
	return OK;
}

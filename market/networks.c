/* SPDX-License-Identifier: Apache-2.0
 * networks.c - the peers of each order's network
 */
#include "networks.h"
#include "relays.h"

#include "live.h"

err_t network_of(struct market *m, uuid order, wall_time now, struct network **ret_network)
{
	struct network *n = uuid_map_get(&m->networks, order);
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n)
			return E_NOMEM;
		n->order = order;
		n->version = (uint64_t)(now.us / 1000);
		n->relays_period = relays_period(now);
		err_t e = uuid_map_put(&m->networks, order, n);
		if (e) {
			free(n);
			return e;
		}
	}
	*ret_network = n;
	return OK;
}

struct network_view network_view_of(const struct market *m, const struct order *order)
{
	struct network_view n = { .id = order->id, .subnet = NETWORK_SUBNET, .prefix_len = NETWORK_PREFIX, .mtu = order->mtu };
	relays_add_stun(m->relays, &n);
	return n;
}

void network_changed(struct network *n)
{
	n->version++;
}

static size_t count_peers(const struct network *n)
{
	size_t count = 0;
	for (const struct live *l = n->leases; l; l = l->next_of_network)
		count += l->has_peer;
	for (const struct buyer_peer *b = n->buyers; b; b = b->next)
		count++;
	return count;
}

err_t network_peers(const struct network *n, uuid except, struct peer_list *ret)
{
	size_t max = count_peers(n);
	struct peer_list list = { .peers = calloc(max + 1, sizeof *list.peers) };
	if (!list.peers)
		return E_NOMEM;
	for (const struct live *l = n->leases; l; l = l->next_of_network)
		if (l->has_peer && !uuid_equal(l->peer.id, except) && list.count < PEER_MAX)
			list.peers[list.count++] = l->peer;
	for (const struct buyer_peer *b = n->buyers; b; b = b->next)
		if (!uuid_equal(b->view.id, except) && list.count < PEER_MAX)
			list.peers[list.count++] = b->view;
	*ret = list;
	return OK;
}

struct peer_view network_lease_peer(const struct lease *l)
{
	struct peer_view view = { .id = l->id };
	memcpy(view.name, l->name, sizeof view.name);
	memcpy(view.mac, l->mac, sizeof view.mac);
	memcpy(view.ip, l->ip, sizeof view.ip);
	return view;
}

struct buyer_peer *network_buyer(const struct network *n, uuid peer)
{
	for (struct buyer_peer *b = n->buyers; b; b = b->next)
		if (uuid_equal(b->view.id, peer))
			return b;
	return NULL;
}

static bool candidates_same(const struct vnet_candidates_text *a, const struct vnet_candidates_text *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].kind, b->list[i].kind) || strcmp(a->list[i].address, b->list[i].address))
			return false;
	return true;
}

bool peer_introduced(struct peer_view *view, sha256 pin, const struct vnet_candidates_text *candidates)
{
	if (view->has_pin && sha256_equal(view->pin, pin) && candidates_same(&view->candidates, candidates))
		return false;
	view->has_pin = true;
	view->pin = pin;
	view->candidates = *candidates;
	return true;
}

bool network_pin_taken(const struct network *n, uuid except, sha256 pin)
{
	for (const struct live *l = n->leases; l; l = l->next_of_network)
		if (l->has_peer && !uuid_equal(l->peer.id, except) && sha256_equal(l->peer.pin, pin))
			return true;
	for (const struct buyer_peer *b = n->buyers; b; b = b->next)
		if (!uuid_equal(b->view.id, except) && sha256_equal(b->view.pin, pin))
			return true;
	return false;
}

err_t network_join(struct network *n, const struct peer_join *join, uint32_t number, mono_time now,
		   const struct peer_view **ret_self)
{
	struct buyer_peer *b = network_buyer(n, join->id);
	if (network_pin_taken(n, join->id, join->pin))
		return E_CONFLICT;
	if (!b) {
		size_t count = 0;
		for (b = n->buyers; b; b = b->next)
			count++;
		if (count >= BUYER_PEERS || number == 0 || number > 254)
			return E_LIMIT;
		b = calloc(1, sizeof *b);
		if (!b)
			return E_NOMEM;
		b->view.id = join->id;
		snprintf(b->view.ip, sizeof b->view.ip, "10.77.0.%u", number);
		/* Locally administered, and made of the address, so that it is unique where that is. */
		snprintf(b->view.mac, sizeof b->view.mac, "02:00:0a:4d:00:%02x", number & 0xff);
		b->next = n->buyers;
		n->buyers = b;
		network_changed(n);
	}
	b->heard = now;
	reach_set(&b->reach, join->paths, join->path_count, now);
	bool renamed = strcmp(b->view.name, join->name) != 0;
	memcpy(b->view.name, join->name, sizeof b->view.name);
	bool other = memcmp(&b->view.offers, &join->offers, sizeof join->offers) != 0;
	b->view.offers = join->offers;
	if (peer_introduced(&b->view, join->pin, &join->candidates) || renamed || other)
		network_changed(n);
	*ret_self = &b->view;
	return OK;
}

bool network_leave(struct network *n, uuid peer)
{
	for (struct buyer_peer **at = &n->buyers; *at; at = &(*at)->next) {
		struct buyer_peer *b = *at;
		if (!uuid_equal(b->view.id, peer))
			continue;
		*at = b->next;
		reach_clear(&b->reach);
		free(b);
		network_changed(n);
		return true;
	}
	return false;
}

void networks_sweep(struct market *m, wall_time wall, mono_time now)
{
	size_t count;
	void **all = uuid_map_values(&m->networks, &count);
	for (size_t i = 0; i < count; i++) {
		struct network *n = all[i];
		if (m->relays && n->relays_period != relays_period(wall)) { /* each is told again, with a new ticket */
			n->relays_period = relays_period(wall);
			network_changed(n);
		}
		for (struct buyer_peer *b = n->buyers, *next; b; b = next) {
			next = b->next;
			if (now.us - b->heard.us > m->settings->peer_timeout_us)
				network_leave(n, b->view.id);
		}
		if (!n->buyers && !n->leases) {
			uuid_map_remove(&m->networks, n->order);
			free(n);
		}
	}
	free(all);
}

void networks_free_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->networks, &count);
	for (size_t i = 0; i < count; i++) {
		struct network *n = all[i];
		while (n->buyers)
			network_leave(n, n->buyers->view.id);
		free(n);
	}
	free(all);
	uuid_map_clear(&m->networks);
}

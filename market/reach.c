/* SPDX-License-Identifier: Apache-2.0
 * reach.c - how the members of an order's network reach each other, for its buyer
 *
 * How it works: members name their peers by id; here the names stand in their place, and a peer that the network does not have is left
 * out. Relayed and broken paths are what a buyer looks for: they come first, and a large network's many direct ones are only counted.
 */
#include "reach.h"
#include <stdlib.h>
#include <string.h>
#include "gate.h"
#include "handlers.h"
#include "json.h"
#include "live.h"
#include "networks.h"
#include "paths.h"
#include "relays.h"

void reach_set(struct reach *r, const struct path_view *paths, size_t count, mono_time now)
{
	struct path_view *list = NULL;
	if (count && count <= PEER_MAX)
		list = realloc(r->list, count * sizeof *list);
	if (!list) {
		reach_clear(r);
		return;
	}
	memcpy(list, paths, count * sizeof *list);
	*r = (struct reach){ .count = count, .list = list, .heard = now };
}

void reach_clear(struct reach *r)
{
	free(r->list);
	*r = (struct reach){ .count = 0 };
}

/* ---- the answer ---- */
struct entry {
	const struct peer_view *view;
	const struct reach *reach; /* NULL: said nothing lately */
	struct network_member member;
};
struct table {
	struct entry *entries; /* by id */
	size_t count;
};

static int by_id(const void *a, const void *b)
{
	return memcmp(&((const struct entry *)a)->view->id, &((const struct entry *)b)->view->id, sizeof(uuid));
}

static void add_entry(struct table *t, const struct peer_view *view, const struct reach *reach, bool buyer, mono_time now)
{
	struct entry *e = &t->entries[t->count++];
	bool fresh = reach->count && now.us - reach->heard.us < REACH_FRESH_US;
	*e = (struct entry){ .view = view, .reach = fresh ? reach : NULL };
	e->member = (struct network_member){ .name = view->name, .ip = view->ip, .buyer = buyer };
}

static err_t table_of(const struct network *n, mono_time now, struct table *ret)
{
	size_t max = 1;
	for (const struct live *l = n->leases; l; l = l->next_of_network)
		max++;
	for (const struct buyer_peer *b = n->buyers; b; b = b->next)
		max++;
	ret->entries = calloc(max, sizeof *ret->entries);
	if (!ret->entries)
		return E_NOMEM;
	for (const struct live *l = n->leases; l; l = l->next_of_network)
		if (l->has_peer)
			add_entry(ret, &l->peer, &l->reach, false, now);
	for (const struct buyer_peer *b = n->buyers; b; b = b->next)
		add_entry(ret, &b->view, &b->reach, true, now);
	qsort(ret->entries, ret->count, sizeof *ret->entries, by_id);
	return OK;
}

static const struct entry *find_entry(const struct table *t, uuid id)
{
	struct peer_view wanted = { .id = id };
	struct entry key = { .view = &wanted };
	return bsearch(&key, t->entries, t->count, sizeof *t->entries, by_id);
}

/* Lists the paths that are direct, or those that are not, and counts them. False: the list is full. */
static bool list_paths(struct table *t, bool direct, json_t *list)
{
	bool all = true;
	for (size_t i = 0; i < t->count; i++) {
		struct entry *from = &t->entries[i];
		for (size_t k = 0; from->reach && k < from->reach->count; k++) {
			const struct path_view *path = &from->reach->list[k];
			const struct entry *to = find_entry(t, path->peer);
			if (!to || to == from || direct != !strcmp(path->path, "direct"))
				continue;
			from->member.paths++;
			from->member.direct += direct;
			from->member.reached += direct || !strcmp(path->path, "relayed");
			all &= json_array_size(list) < NETWORK_PATHS_MAX;
			if (json_array_size(list) < NETWORK_PATHS_MAX)
				json_array_append_new(list, network_path_to_json(from->view->name, to->view->name, path));
		}
	}
	return all;
}

err_t network_show(struct request *r)
{
	struct market *m = market_of(r);
	struct order order;
	TRY(store_order_get(m->store, r->values.id[0], &order));
	if (!uuid_equal(order.buyer, r->caller.account))
		return E_NOT_FOUND;
	const struct network *n = uuid_map_get(&m->networks, order.id);
	struct table t = { .count = 0 };
	if (n)
		TRY(table_of(n, r->now_mono, &t));
	json_t *paths = json_array(), *members = json_array(), *answer = json_object();
	bool all = list_paths(&t, false, paths);
	all &= list_paths(&t, true, paths);
	for (size_t i = 0; i < t.count; i++)
		json_array_append_new(members, network_member_to_json(&t.entries[i].member));
	free(t.entries);
	json_put(answer, "members", members);
	json_put(answer, "paths", paths);
	json_put_bool(answer, "complete", all);
	answer_json(r, 200, answer);
	return OK;
}

err_t netcheck_show(struct request *r)
{
	struct netcheck n = { .now = r->now };
	relays_servers(market_of(r)->relays, &n);
	answer_json(r, 200, netcheck_to_json(&n));
	return OK;
}

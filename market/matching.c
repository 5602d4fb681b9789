/* SPDX-License-Identifier: Apache-2.0
 * matching.c - the book and the database: orders enter it, matches are made durable
 *
 * How it works: the book proposes, the database decides. What it refuses goes back, and order and machine are read again, so that the
 * book cannot propose the same mistake twice.
 */
#include "matching.h"

#include "live.h"
#include "log.h"

#define BATCH 64
#define ROUNDS 32

struct bid bid_of(const struct order *o)
{
	return (struct bid){
		.order = o->id,
		.buyer = o->buyer,
		.places = o->count - o->filled,
		.cores = o->cores,
		.memory_mib = o->memory_mib,
		.max_prices = o->max_prices,
		.duration_s = o->duration_s,
		.constraints = o->constraints,
	};
}

static void order_drop(struct market *m, uuid order)
{
	struct open_order *open = uuid_map_get(&m->orders, order);
	if (!open)
		return;
	book_remove_bid(m->book, order);
	uuid_map_remove(&m->orders, order);
	free(open);
}

err_t order_put(struct market *m, const struct order *o)
{
	if (o->state != ORDER_OPEN || o->filled >= o->count) {
		order_drop(m, o->id);
		return OK;
	}
	struct bid bid = bid_of(o);
	struct open_order *open = uuid_map_get(&m->orders, o->id);
	if (!open) {
		open = malloc(sizeof *open);
		if (!open)
			return E_NOMEM;
		*open = (struct open_order){ o->id, o->buyer, o->open_until };
		err_t e = uuid_map_put(&m->orders, o->id, open);
		if (e) {
			free(open);
			return e;
		}
	}
	m->match_wanted = true;
	return book_put_bid(m->book, &bid);
}

err_t order_reload(struct market *m, uuid order)
{
	struct order o;
	err_t e = store_order_get(m->store, order, &o);
	if (e == E_NOT_FOUND) { /* its transaction was rolled back */
		order_drop(m, order);
		return OK;
	}
	TRY(e);
	return order_put(m, &o);
}

size_t orders_open_of(const struct market *m, uuid buyer)
{
	size_t count, mine = 0;
	void **all = uuid_map_values(&m->orders, &count);
	for (size_t i = 0; i < count; i++)
		mine += uuid_equal(((struct open_order *)all[i])->buyer, buyer);
	free(all);
	return mine;
}

void orders_free_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->orders, &count);
	for (size_t i = 0; i < count; i++)
		free(all[i]);
	free(all);
	uuid_map_clear(&m->orders);
}

/* False where the database is gone. */
static bool make_durable(struct market *m, const struct match *matches, size_t n, wall_time now, mono_time now_mono)
{
	uuid leases[BATCH];
	err_t e = store_match(m->store, matches, n, now, leases);
	if (market_store_failed(m, e, "making matches durable")) {
		for (size_t i = 0; i < n; i++) {
			book_return(m->book, &matches[i], true);
			market_touch_order(m, matches[i].order);
			market_touch_machine(m, matches[i].machine);
		}
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (uuid_is_zero(leases[i])) {
			book_return(m->book, &matches[i], false);
			market_touch_machine(m, matches[i].machine);
		} else if (market_store_failed(m, live_reload(m, leases[i], now_mono), "reading a new lease")) {
			market_touch_lease(m, leases[i]);
		}
		market_touch_order(m, matches[i].order);
	}
	return true;
}

void matching_run(struct market *m, wall_time now, mono_time now_mono)
{
	m->match_wanted = false;
	for (int round = 0; round < ROUNDS; round++) {
		struct match matches[BATCH];
		size_t n = book_match(m->book, matches, BATCH);
		if (n == 0)
			return;
		if (!make_durable(m, matches, n, now, now_mono)) {
			m->match_wanted = true; /* the next sweep tries again */
			return;
		}
		if (n < BATCH)
			return;
	}
	m->match_wanted = true; /* others first */
	market_wake(m);
}

void orders_sweep(struct market *m, wall_time now)
{
	size_t count;
	void **all = uuid_map_values(&m->orders, &count);
	for (size_t i = 0; i < count; i++) {
		struct open_order *open = all[i];
		if (open->open_until.us > now.us)
			continue;
		uuid id = open->id;
		err_t e = store_order_close(m->store, id, ORDER_EXPIRED, now);
		if (e != E_CONFLICT && market_store_failed(m, e, "closing an expired order") == E_UNAVAILABLE)
			break;
		market_touch_order(m, id);
	}
	free(all);
}

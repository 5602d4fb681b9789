/* SPDX-License-Identifier: Apache-2.0
 * matching.c - the book and the database: orders enter it, matches are made durable
 *
 * How it works: the book proposes, the database decides. What it refuses goes back, and order and machine are read again, so that the
 * book cannot propose the same mistake twice.
 */
#include "matching.h"

#include "file.h"
#include "live.h"
#include "log.h"
#include "presence.h"

#define BATCH BOOK_PLACES /* so that the largest all-or-none order fits */
#define ROUNDS 8

struct bid bid_of(const struct order *o)
{
	return (struct bid){
		.order = o->id,
		.buyer = o->buyer,
		.places = o->count - o->filled,
		.cores = o->cores,
		.memory_mib = o->memory_mib,
		.max_prices = o->max_prices,
		.max_hour = o->max_hour,
		.duration_s = o->duration_s,
		.constraints = o->constraints,
	};
}

static err_t taken_places(struct market *m, uuid order, struct taken *ret, size_t max, size_t *ret_count)
{
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(store_lease_list_of_order(m->store, order, (uuid){ 0 }, &rows, &count));
	for (size_t i = 0; i < count && *ret_count < max; i++) {
		const struct lease *l = &rows[i].l;
		const struct presence *p = presence_get(m, l->machine);
		struct taken *t = &ret[*ret_count];
		if (l->state == LEASE_ENDED)
			continue;
		*t = (struct taken){ .machine = l->machine, .seller = l->seller, .vendor = p ? p->terms.cpu_vendor : CPU_ANY };
		memcpy(t->country, l->country, sizeof t->country);
		++*ret_count;
	}
	return OK;
}

/* 0: there is no such image. */
static err_t image_mib(struct market *m, sha256 id, uint32_t *ret_mib)
{
	struct image_size *known = &m->image_sizes[image_mark(id) % IMAGE_SIZES];
	int64_t bytes;
	if (!known->mib || !sha256_equal(known->id, id)) {
		err_t e = store_image_size(m->store, id, &bytes);
		if (e == E_NOT_FOUND) {
			*ret_mib = 0;
			return OK;
		}
		TRY(e);
		*known = (struct image_size){ id, (uint32_t)((bytes + (1 << 20) - 1) >> 20) };
	}
	*ret_mib = known->mib;
	return OK;
}

err_t bid_complete(struct market *m, struct bid *bid, sha256 image, const uint32_t *buyer_rating_ppm, struct taken *ret_taken,
		   size_t max)
{
	const struct constraints *c = &bid->constraints;
	bid->image = image_mark(image);
	TRY(image_mib(m, image, &bid->image_mib));
	if (c->max_rtt_ms)
		TRY(region_number(m->settings, c->region, &bid->region));
	if (buyer_rating_ppm)
		bid->buyer_rating_ppm = *buyer_rating_ppm;
	else
		TRY(store_buyer_rating(m->store, bid->buyer, &bid->buyer_rating_ppm));
	bid->taken = ret_taken;
	if (c->distinct_sellers || c->distinct_countries || c->distinct_cpu_vendors)
		TRY(taken_places(m, bid->order, ret_taken, max, &bid->taken_count));
	return OK;
}

static struct buyer *buyer_of(struct market *m, uuid id)
{
	struct buyer *buyer = uuid_map_get(&m->buyers, id);
	if (buyer)
		return buyer;
	buyer = calloc(1, sizeof *buyer);
	if (buyer && uuid_map_put(&m->buyers, id, buyer) != OK) {
		free(buyer);
		return NULL;
	}
	return buyer;
}

/* Forgets who has nothing here. */
static void buyer_release(struct market *m, uuid id, struct buyer *buyer)
{
	if (buyer->open || buyer->placing)
		return;
	uuid_map_remove(&m->buyers, id);
	free(buyer);
}

struct buyer *buyer_enter(struct market *m, uuid id)
{
	struct buyer *buyer = buyer_of(m, id);
	if (buyer)
		buyer->placing++;
	return buyer;
}

void buyer_leave(struct market *m, uuid id)
{
	struct buyer *buyer = uuid_map_get(&m->buyers, id);
	buyer->placing--;
	buyer_release(m, id, buyer);
}

static err_t order_schedule(struct market *m, struct open_order *open)
{
	return due_put(&m->orders_due, &open->due, open->not_before.us ? open->not_before : open->open_until);
}

static struct open_order *order_open(struct market *m, const struct order *o)
{
	struct buyer *buyer = buyer_of(m, o->buyer);
	struct open_order *open = buyer ? malloc(sizeof *open) : NULL;
	if (open) {
		*open = (struct open_order){
			.id = o->id, .buyer = o->buyer, .not_before = o->not_before, .open_until = o->open_until
		};
		if (order_schedule(m, open) == OK && uuid_map_put(&m->orders, o->id, open) == OK) {
			buyer->open++;
			return open;
		}
		due_remove(&m->orders_due, &open->due);
		free(open);
	}
	if (buyer)
		buyer_release(m, o->buyer, buyer);
	return NULL;
}

static void order_drop(struct market *m, uuid order)
{
	struct open_order *open = uuid_map_get(&m->orders, order);
	if (!open)
		return;
	book_remove_bid(m->book, order);
	uuid_map_remove(&m->orders, order);
	due_remove(&m->orders_due, &open->due);
	struct buyer *buyer = uuid_map_get(&m->buyers, open->buyer);
	buyer->open--;
	buyer_release(m, open->buyer, buyer);
	free(open);
}

err_t order_put(struct market *m, const struct book_order *row)
{
	const struct order *o = &row->o;
	if (o->state != ORDER_OPEN || o->filled >= o->count) {
		order_drop(m, o->id);
		return OK;
	}
	struct bid bid = bid_of(o);
	struct taken taken[BOOK_PLACES];
	struct open_order *open = uuid_map_get(&m->orders, o->id);
	if (!open)
		open = order_open(m, o);
	if (!open)
		return E_NOMEM;
	if (open->not_before.us)
		return OK; /* orders_sweep() brings it */
	TRY(bid_complete(m, &bid, o->image, &row->buyer_rating_ppm, taken, BOOK_PLACES));
	m->match_wanted = true;
	return book_put_bid(m->book, &bid);
}

err_t orders_reload(struct market *m, const uuid *ids, size_t count)
{
	AUTO_FREE struct book_order *rows = NULL;
	size_t found;
	TRY(store_order_list_again(m->store, ids, count, &rows, &found));
	for (size_t i = 0; i < found; i++)
		TRY(order_put(m, &rows[i]));
	/* An order that was there stays there; one that was not never got into the book. */
	return OK;
}

void orders_free_all(struct market *m)
{
	struct uuid_map *maps[] = { &m->orders, &m->buyers };
	for (int k = 0; k < 2; k++) {
		size_t count;
		void **all = uuid_map_values(maps[k], &count);
		for (size_t i = 0; i < count; i++)
			free(all[i]);
		free(all);
		uuid_map_clear(maps[k]);
	}
	due_clear(&m->orders_due);
}

/* What was refused goes back: the place to its bid, the capacity to its ask where that is not what was wrong. */
static void take_back(struct market *m, const struct match *match, enum match_outcome why)
{
	bool ask_is_fine = why == MATCH_ORDER || why == MATCH_GROUP;
	char order[UUID_TEXT_SIZE], machine[UUID_TEXT_SIZE];
	log_debug("a match was refused", "order=%s machine=%s why=%s", uuid_format(match->order, order),
		  uuid_format(match->machine, machine), match_outcome_names[why]);
	book_return(m->book, match, ask_is_fine);
	if (!ask_is_fine)
		market_touch_machine(m, match->machine);
}

/* False where the database is gone. */
static bool make_durable(struct market *m, const struct match *matches, size_t n, wall_time now)
{
	struct made made[BATCH];
	uuid leases[BATCH];
	size_t lease_count = 0;
	err_t e = store_match(m->store, matches, n, now, made);
	if (market_store_failed(m, e, "making matches durable")) {
		for (size_t i = 0; i < n; i++) {
			book_return(m->book, &matches[i], true);
			market_touch_order(m, matches[i].order);
			market_touch_machine(m, matches[i].machine);
		}
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (made[i].outcome == MATCH_MADE)
			leases[lease_count++] = made[i].lease;
		else
			take_back(m, &matches[i], made[i].outcome);
		market_touch_order(m, matches[i].order);
	}
	for (size_t i = 0; i < n; i++)
		if (made[i].outcome == MATCH_ORDER)
			book_remove_bid(m->book, matches[i].order); /* until it has been read again */
	if (lease_count && market_store_failed(m, lives_reload(m, leases, lease_count), "reading new leases"))
		for (size_t i = 0; i < lease_count; i++)
			market_touch_lease(m, leases[i]);
	return true;
}

void matching_run(struct market *m, wall_time now)
{
	m->match_wanted = false;
	for (int round = 0; round < ROUNDS; round++) {
		struct match matches[BATCH];
		size_t n = book_match(m->book, matches, BATCH);
		if (n == 0)
			return;
		if (!make_durable(m, matches, n, now)) {
			m->match_wanted = true; /* the next sweep tries again */
			return;
		}
	}
	m->match_wanted = true; /* others first */
	market_wake(m);
}

/* One that is not closed is tried again by the next sweep. */
static err_t order_expire(struct market *m, struct open_order *open, wall_time now)
{
	uuid id = open->id;
	TRY(due_put(&m->orders_due, &open->due, (wall_time){ now.us + 1 }));
	err_t e = store_order_close(m->store, id, ORDER_EXPIRED, now);
	if (e != E_CONFLICT)
		market_store_failed(m, e, "closing an expired order");
	market_touch_order(m, id);
	return e;
}

void orders_sweep(struct market *m, wall_time now)
{
	for (struct due *due; (due = due_first(&m->orders_due, now));) {
		struct open_order *open = (void *)((char *)due - offsetof(struct open_order, due));
		if (open->not_before.us) {
			open->not_before.us = 0;
			market_touch_order(m, open->id);
			(void)!order_schedule(m, open); /* it has its place */
		} else if (order_expire(m, open, now) == E_UNAVAILABLE) {
			break;
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0
 * orders.c - placing, looking at, extending, cancelling orders; what one would cost, and why one does not fill
 */
#include "file.h"
#include "fills.h"
#include "gate.h"
#include "handlers.h"
#include "lane.h"
#include "live.h"
#include "matching.h"
#include "presence.h"
#include "price.h"

#define AUTO_ORDER __attribute__((cleanup(order_request_clear))) struct order_request

/* The order in the path, where it is the caller's. */
static err_t order_of(struct request *r, struct order *ret)
{
	struct order order;
	TRY(store_order_get(market_of(r)->store, r->values.id[0], &order));
	if (!uuid_equal(order.buyer, r->caller.account))
		return E_NOT_FOUND;
	*ret = order;
	return OK;
}

static err_t read_request(struct request *r, struct order_request *ret)
{
	struct json_error error = { 0 };
	return order_request_from_text(r->body.data, r->body.len, ret, &error) == OK ? OK : refuse_json(r, &error);
}

/* By this market's settings. */
static err_t check_request(struct request *r, const struct order_request *o, money *ret_place_hold, money *ret_hold)
{
	money hold = { 0 }, place;
	uint8_t region;
	if (o->constraints.max_rtt_ms && region_number(market_of(r)->settings, o->constraints.region, &region) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "constraints.region", "this market has no region of that name");
	TRY(price_window(&o->max_prices, o->cores, o->memory_mib, market_of(r)->settings->hold_window_us, &place));
	TRY(money_scale(place, o->count, 1, &hold));
	if (o->budget.micro && o->budget.micro < hold.micro) {
		char text[MONEY_TEXT_SIZE];
		return refuse(r, REFUSE_BAD_FIELD, "budget_micro", "below the %s that the first minutes hold",
			      money_format(hold, text));
	}
	*ret_place_hold = place;
	*ret_hold = hold;
	return OK;
}

static err_t refuse_funds(struct request *r, money hold)
{
	struct market *m = market_of(r);
	char need[MONEY_TEXT_SIZE];
	return refuse(r, REFUSE_NO_FUNDS, NULL, "it takes %s %s at first", money_format(hold, need), m->settings->currency);
}

/* ---- placing: the order goes into a batch, and the answer out when that is committed ---- */

struct placement {
	struct placing placing;
	struct request *r;
	struct order_request request;
	money hold;
	char *constraints; /* NULL: none */
	const char *all_constraints;
	char *answer;
	struct buyer *buyer; /* NULL: it is not known here how many are open */
	struct fill *fill;   /* NULL: none */
};

static void placement_free(struct placement *p)
{
	if (p->buyer)
		buyer_leave(market_of(p->r), p->placing.buyer);
	order_request_clear(&p->request);
	free(p->constraints);
	free(p->answer);
	free(p);
}

/* As the database will have it. */
static struct order order_of_request(const struct placement *p)
{
	const struct order_request *asked = &p->request;
	const struct placing *placing = &p->placing;
	wall_time from = asked->not_before.us > placing->now.us ? asked->not_before : placing->now;
	struct order order = {
		.id = placing->id,
		.buyer = placing->buyer,
		.image = asked->image,
		.count = asked->count,
		.cores = asked->cores,
		.memory_mib = asked->memory_mib,
		.mtu = asked->mtu,
		.max_prices = asked->max_prices,
		.duration_s = asked->duration_s,
		.budget = asked->budget,
		.held = p->hold,
		.max_hour = asked->max_hour,
		.constraints = asked->constraints,
		.created_at = placing->now,
		.not_before = asked->not_before,
		.open_until = { asked->open_s ? from.us + asked->open_s * SECOND_US : 0 },
	};
	memcpy(order.name, asked->name, sizeof order.name);
	return order;
}

static void refuse_placing(struct placement *p, err_t e)
{
	struct request *r = p->r;
	if (e == E_AUTH)
		gate_forget(market_of(r)->gate);
	money place, hold;
	if (e == E_NOT_FOUND && p->placing.only_again)
		gate_refuse(r, check_request(r, &p->request, &place, &hold));
	else if (e == E_FUNDS)
		refuse_funds(r, p->hold);
	else if (e == E_NOT_FOUND)
		refuse(r, REFUSE_NOT_FOUND, "image", "there is no such image of yours");
	else if (e == E_CONFLICT)
		refuse(r, REFUSE_IMAGE_NOT_READY, "image", "%s", "");
	else if (e == E_EXISTS)
		refuse(r, REFUSE_KEY_REUSED, NULL, "%s", "");
	else if (e == E_AUTH)
		refuse(r, REFUSE_BAD_TOKEN, NULL, "%s", "");
	else if (e == E_LIMIT)
		refuse(r, REFUSE_LIMIT, NULL, "at most %lld open orders", (long long)p->placing.open_max);
	else
		gate_refuse(r, e);
}

/* Nothing but the book's holder changes an order, so it is as it was placed. */
static void take_placed(struct market *m, const struct placement *p)
{
	struct book_order row = { order_of_request(p), p->placing.buyer_rating_ppm };
	if (m->holds_book && order_put(m, &row) != OK)
		market_touch_order(m, p->placing.id);
	market_wake(m);
}

static char *constraints_dump(const struct constraints *c)
{
	AUTO_JSON json = constraints_to_json(c);
	return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

/* As the answer has them: all, also where none were asked for. */
static const char *constraints_text(struct placement *p)
{
	static const struct constraints none;
	static char *none_text;
	if (!memcmp(&p->request.constraints, &none, sizeof none)) {
		if (!none_text)
			none_text = constraints_dump(&none);
		return none_text;
	}
	p->constraints = constraints_dump(&p->request.constraints);
	return p->constraints;
}

/* What the buyer is told: the order as it was placed. */
static err_t placement_answer(struct placement *p)
{
	struct order order = order_of_request(p);
	free(p->answer);
	p->answer = order_to_text(&order, p->all_constraints);
	return p->answer ? OK : E_NOMEM;
}

/* Under its key it was placed before. */
static err_t replay(struct placement *p)
{
	struct stored_answer *stored = &p->placing.stored;
	if (!stored->body || !*stored->body) {
		TRY(money_scale(p->placing.place_hold, p->request.count, 1, &p->hold));
		TRY(placement_answer(p));
		free(stored->body);
		stored->body = p->answer;
		p->answer = NULL;
	}
	gate_replay(p->r, stored);
	return OK;
}

/* True where the order is filled. */
static bool end_fill(struct market *m, struct placement *p, err_t e, bool placed)
{
	struct fill *fill = p->fill;
	bool made = placed && !uuid_is_zero(p->placing.lease);
	p->fill = NULL;
	if (fill && made)
		fill_made(m, fill);
	else if (fill && e == E_UNAVAILABLE)
		fill_lost(m, fill, clock_mono());
	else if (fill)
		fill_refused(m, fill, placed);
	return fill && made;
}

static void on_placed(struct item *item, err_t e)
{
	struct placement *p = item->context;
	struct market *m = market_of(p->r);
	bool placed = e == OK && !p->placing.stored.status;
	bool filled = end_fill(m, p, e, placed);
	if (e == OK && !placed)
		e = replay(p);
	if (e) {
		refuse_placing(p, e);
	} else if (placed) {
		answer_text(p->r, 201, "application/json", p->answer, strlen(p->answer));
		p->answer = NULL;
		if (!filled)
			take_placed(m, p);
	}
	struct request *r = p->r;
	placement_free(p);
	request_resume(r);
}

static err_t placement_fill(struct placement *p)
{
	struct request *r = p->r;
	sha256 request_hash = gate_request_hash(r); /* before the body is taken apart */
	TRY(read_request(r, &p->request));
	err_t refused = check_request(r, &p->request, &p->placing.place_hold, &p->hold);
	if (refused) /* but what was accepted once, before the settings became others, is answered as it was then */
		answer_take_back(r);
	p->placing = (struct placing){
		.item = { .done = on_placed, .context = p },
		.request = &p->request,
		.only_again = refused != OK,
		.id = uuid_make(r->now),
		.buyer = r->caller.account,
		.token = r->caller.token,
		.place_hold = p->placing.place_hold,
		.now = r->now,
		.key = r->key,
		.request_hash = request_hash,
		.open_max = market_of(r)->settings->orders_per_account,
	};
	if (market_of(r)->holds_book)
		p->buyer = buyer_enter(market_of(r), r->caller.account);
	p->placing.open = p->buyer ? &p->buyer->open : NULL;
	p->all_constraints = constraints_text(p);
	p->placing.constraints = p->constraints ? p->constraints : "{}";
	return p->all_constraints ? placement_answer(p) : E_NOMEM;
}

/* A buyer's orders are decided in the order in which they come, and those of others lock nothing of his. */
static struct lane *placing_lane(struct market *m, uuid buyer)
{
	return m->placing_lanes[buyer.bytes[sizeof buyer.bytes - 1] % PLACING_LANES];
}

err_t order_create(struct request *r)
{
	struct placement *p = calloc(1, sizeof *p);
	if (!p)
		return E_NOMEM;
	p->r = r;
	err_t e = placement_fill(p);
	if (e) {
		placement_free(p);
		return e;
	}
	request_wait(r);
	struct order order = order_of_request(p);
	p->fill = p->placing.only_again ? NULL : fill_take(market_of(r), &order, r->now);
	if (p->fill) {
		p->placing.match = &p->fill->match;
		p->placing.lease = p->fill->lease;
	}
	lane_place(placing_lane(market_of(r), p->placing.buyer), &p->placing);
	return OK;
}

err_t order_list(struct request *r)
{
	struct page page;
	AUTO_FREE struct order *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_order_list(market_of(r)->store, r->caller.account, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		live_overlay_order(market_of(r), &rows[i]);
		json_array_append_new(items, order_to_json(&rows[i]));
	}
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

err_t order_show(struct request *r)
{
	struct order order;
	TRY(order_of(r, &order));
	live_overlay_order(market_of(r), &order);
	answer_json(r, 200, order_to_json(&order));
	return OK;
}

static err_t end_leases(struct request *r, uuid order)
{
	struct market *m = market_of(r);
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(store_lease_list_of_order(m->store, order, r->caller.account, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		TRY(live_cancel(m, &rows[i], r->now));
		market_touch_lease(m, rows[i].l.id);
	}
	return OK;
}

/* Again, or after its end: nothing more happens. */
err_t order_cancel(struct request *r)
{
	struct market *m = market_of(r);
	struct order order;
	if (r->json && json_object_size(r->json))
		return refuse(r, REFUSE_BAD_FIELD, "body", "must be empty");
	TRY(order_of(r, &order));
	TRY(store_leases_lock(m->store, order.id, (uuid){ 0 }));
	if (order.state == ORDER_OPEN || order.state == ORDER_FILLED)
		TRY(store_order_close(m->store, order.id, ORDER_CANCELLED, r->now));
	if (order.state != ORDER_ENDED)
		TRY(end_leases(r, order.id));
	TRY(store_order_get(m->store, order.id, &order));
	live_overlay_order(market_of(r), &order);
	answer_json(r, 200, order_to_json(&order));
	market_touch_order(m, order.id);
	return OK;
}

/* A machine's owner may take no lease that long. */
static err_t check_machines(struct request *r, uuid order, int64_t duration_s)
{
	struct market *m = market_of(r);
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(store_lease_list_of_order(m->store, order, r->caller.account, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		const struct lease *l = &rows[i].l;
		const struct presence *p = l->state == LEASE_ENDED ? NULL : presence_get(m, l->machine);
		if (p && p->row.max_duration_s && p->row.max_duration_s < duration_s)
			return refuse(r, REFUSE_WRONG_STATE, "duration_s",
				      "%s is on %s, which takes no lease longer than %u seconds", l->name, l->machine_name,
				      p->row.max_duration_s);
		market_touch_lease(m, l->id);
	}
	return OK;
}

/* To what it has already, as by the same request again: nothing happens. */
err_t order_extend(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct extension extension;
	struct order order;
	money most;
	if (extension_from_json(r->json, &extension, &error) != OK)
		return refuse_json(r, &error);
	TRY(order_of(r, &order));
	if (order.state != ORDER_OPEN && order.state != ORDER_FILLED)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the order is %s", order_state_names[order.state]);
	if (extension.duration_s < order.duration_s)
		return refuse(r, REFUSE_BAD_FIELD, "duration_s", "it has %lld seconds, and can only become longer",
			      (long long)order.duration_s);
	if (order_most(&order.max_prices, (uint64_t)order.count * (uint64_t)extension.duration_s, order.cores, order.memory_mib,
		       &most))
		return refuse(r, REFUSE_BAD_FIELD, "duration_s", "the amounts are too large to be multiplied");
	if (extension.duration_s > order.duration_s) {
		TRY(check_machines(r, order.id, extension.duration_s));
		TRY(store_order_extend(m->store, order.id, extension.duration_s, r->now));
		market_touch_order(m, order.id);
		TRY(store_order_get(m->store, order.id, &order));
	}
	live_overlay_order(market_of(r), &order);
	answer_json(r, 200, order_to_json(&order));
	return OK;
}

err_t order_leases(struct request *r)
{
	struct market *m = market_of(r);
	struct order order;
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(order_of(r, &order));
	TRY(store_lease_list_of_order(m->store, order.id, r->caller.account, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		live_overlay(m, &rows[i].l);
		json_array_append_new(items, lease_to_json(&rows[i].l));
	}
	return answer_items(r, items);
}

/* ---- what would be ---- */

static err_t complete(struct request *r, struct bid *bid, sha256 image, struct taken *taken, size_t max)
{
	err_t e = bid_complete(market_of(r), bid, image, NULL, taken, max);
	if (e == E_NOT_FOUND)
		return refuse(r, REFUSE_BAD_FIELD, "constraints.region", "this market has no region of that name");
	return e;
}

json_t *explanation_to_json(const struct explanation *e, const char *considered)
{
	json_t *json = json_object(), *removed = json_object();
	for (int i = 0; i < RULE_COUNT; i++)
		json_put_int(removed, rule_names[i], (int64_t)e->removed[i]);
	json_put_int(json, considered, (int64_t)e->considered);
	json_put(json, "removed", removed);
	json_put_int(json, "fits", (int64_t)e->left);
	return json;
}

err_t order_quote(struct request *r)
{
	struct market *m = market_of(r);
	AUTO_ORDER request = { 0 };
	money place, hold, hour_each, hour;
	struct explanation explanation;
	TRY(read_request(r, &request));
	TRY(check_request(r, &request, &place, &hold));
	TRY(price_window(&request.max_prices, request.cores, request.memory_mib, HOUR_US, &hour_each));
	TRY(money_scale(hour_each, request.count, 1, &hour));
	struct bid bid = { .order = uuid_make(r->now),
			   .buyer = r->caller.account,
			   .places = request.count,
			   .cores = request.cores,
			   .memory_mib = request.memory_mib,
			   .max_prices = request.max_prices,
			   .max_hour = request.max_hour,
			   .duration_s = request.duration_s,
			   .constraints = request.constraints };
	TRY(complete(r, &bid, request.image, NULL, 0));
	book_explain(m->book, &bid, &explanation);
	json_t *answer = explanation_to_json(&explanation, "asks");
	json_put_text(answer, "currency", m->settings->currency);
	json_put_money(answer, "hold_micro", hold);
	json_put_int(answer, "hold_window_s", m->settings->hold_window_us / SECOND_US);
	json_put_money(answer, "per_hour_micro", hour);
	answer_json(r, 200, answer);
	return OK;
}

err_t order_explain(struct request *r)
{
	struct market *m = market_of(r);
	struct order order;
	struct explanation explanation;
	TRY(order_of(r, &order));
	struct bid bid = bid_of(&order);
	struct taken taken[BOOK_PLACES];
	TRY(complete(r, &bid, order.image, taken, BOOK_PLACES));
	book_explain(m->book, &bid, &explanation);
	json_t *answer = explanation_to_json(&explanation, "asks");
	json_put_text(answer, "state", order_state_names[order.state]);
	json_put_int(answer, "places", order.count - order.filled);
	json_put_int(answer, "filled", order.filled);
	answer_json(r, 200, answer);
	return OK;
}

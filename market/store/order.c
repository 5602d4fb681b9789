/* SPDX-License-Identifier: Apache-2.0
 * order.c - orders, and the numbers of their buyers' peers
 */
#include "buf.h"
#include "bytes.h"
#include "connection.h"
#include "file.h"

static const char CREATE_SQL[] = "SELECT order_create($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
				 "$15, $16::jsonb, $17, $18, $19, $20)";

err_t store_order_create(struct store *s, uuid id, uuid buyer, const struct order_request *r, money place_hold, wall_time now)
{
	struct params p = { 0 };
	AUTO_JSON json = constraints_to_json(&r->constraints);
	AUTO_FREE char *constraints = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!constraints)
		return E_NOMEM;
	param_uuid(&p, id);
	param_uuid(&p, buyer);
	param_text(&p, r->name);
	param_sha256(&p, &r->image);
	param_int(&p, r->count);
	param_int(&p, r->cores);
	param_int(&p, r->memory_mib);
	param_prices(&p, &r->max_prices);
	param_int(&p, r->duration_s);
	param_int(&p, r->open_s);
	param_money(&p, r->budget);
	param_money(&p, r->max_hour);
	param_time(&p, r->not_before);
	param_text(&p, constraints);
	param_text(&p, r->user_data);
	param_money(&p, place_hold);
	param_time(&p, now);
	param_int(&p, r->mtu);
	return store_query(s, CREATE_SQL, &p, NULL);
}

#define COLUMNS                                                                                                          \
	"SELECT id, buyer, name, state, image, count, filled, ended, cores, memory_mib, max_price_per_core_hour_micro, " \
	"max_price_per_gib_hour_micro, max_price_per_gib_transferred_micro, duration_s, budget_micro, "                  \
	"held_micro + leases_held_micro, charged_micro, max_hour_micro, constraints::text, created_at, not_before, "     \
	"open_until, ended_at, mtu "
#define ORDERS "FROM cpushare.order "
/* With the buyer's rating. */
#define OPEN_ORDERS COLUMNS ", m.good, m.bad " ORDERS "o, LATERAL reputation_marks(o.buyer, 'buyer', now()) m "

static void constraints_read(struct row *row, struct constraints *c)
{
	AUTO_FREE char *text = row_text_new(row);
	AUTO_JSON json = NULL;
	AUTO_JSON outer = json_object();
	struct json_error error;
	struct json_reader r;
	if (!text || json_parse(text, strlen(text), &json, &error) != OK || json_object_set(outer, "constraints", json)) {
		row->bad = true;
		return;
	}
	json_open(&r, outer, &error);
	constraints_take(&r, LENIENT, c);
	row->bad |= json_close(&r) != OK;
}

static void order_read(struct row *row, void *element)
{
	struct order *o = element;
	o->id = row_uuid(row);
	o->buyer = row_uuid(row);
	row_text(row, o->name, sizeof o->name);
	o->state = (enum order_state)row_enum(row, order_state_names, ORDER_STATE_COUNT);
	o->image = row_sha256(row);
	o->count = row_u32(row);
	o->filled = row_u32(row);
	o->ended = row_u32(row);
	o->cores = row_u32(row);
	o->memory_mib = row_u32(row);
	o->max_prices = row_prices(row);
	o->duration_s = row_int(row);
	o->budget = row_money(row);
	o->held = row_money(row);
	o->charged = row_money(row);
	o->max_hour = row_money(row);
	constraints_read(row, &o->constraints);
	o->created_at = row_time(row);
	o->not_before = row_time(row);
	o->open_until = row_time(row);
	o->ended_at = row_time(row);
	o->mtu = row_u32(row);
}

static const char GET_SQL[] = COLUMNS ORDERS "WHERE id = $1";

err_t store_order_get(struct store *s, uuid id, struct order *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct order order = { 0 };
	order_read(&row, &order);
	TRY(row_end(s, &row));
	*ret = order;
	return OK;
}

/* As they were placed, the last one first. */
static const char LIST_SQL[] = COLUMNS ORDERS
	"WHERE buyer = $1 AND created_event < coalesce((SELECT created_event FROM cpushare.order "
	"WHERE id = $2), 9223372036854775807) AND (id < $2 OR EXISTS (SELECT 1 FROM cpushare.order WHERE id = $2)) "
	"ORDER BY created_event DESC LIMIT $3";

err_t store_order_list(struct store *s, uuid buyer, struct page page, struct order **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_uuid(&p, buyer);
	param_before(&p, page);
	param_int(&p, page.limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, order_read, (void **)ret_rows, ret_count);
}

static void book_order_read(struct row *row, void *element)
{
	struct book_order *o = element;
	order_read(row, &o->o);
	o->buyer_rating_ppm = row_rating(row);
}

static const char OPEN_SQL[] = OPEN_ORDERS "WHERE state = 'open' ORDER BY created_at, id";

err_t store_order_list_open(struct store *s, struct book_order **ret_rows, size_t *ret_count)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, OPEN_SQL, NULL, &result));
	return rows_read(s, result, sizeof **ret_rows, book_order_read, (void **)ret_rows, ret_count);
}

static const char AGAIN_SQL[] = OPEN_ORDERS "WHERE id = ANY ($1) ORDER BY created_at, id";

err_t store_order_list_again(struct store *s, const uuid *ids, size_t count, struct book_order **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid_array(&p, ids, count);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, AGAIN_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, book_order_read, (void **)ret_rows, ret_count);
}

static const char USER_DATA_SQL[] = "SELECT coalesce(user_data, '') FROM cpushare.order WHERE id = $1";

err_t store_order_user_data(struct store *s, uuid id, char **ret_text)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, USER_DATA_SQL, &p, &result));
	struct row row = row_of(result, 0);
	char *text = row_text_new(&row);
	if (!text)
		return E_NOMEM;
	*ret_text = text;
	return OK;
}

static const char CLOSE_SQL[] = "SELECT order_close($1, $2, $3)";

err_t store_order_close(struct store *s, uuid id, enum order_state state, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, order_state_names[state]);
	param_time(&p, now);
	return store_query(s, CLOSE_SQL, &p, NULL);
}

static const char EXTEND_SQL[] = "SELECT order_extend($1, $2, $3)";

err_t store_order_extend(struct store *s, uuid id, int64_t duration_s, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_int(&p, duration_s);
	param_time(&p, now);
	return store_query(s, EXTEND_SQL, &p, NULL);
}

static const char PEER_SQL[] = "SELECT peer_number($1, $2)";

err_t store_peer_number(struct store *s, uuid order, uuid peer, uint32_t *ret_number)
{
	struct params p = { 0 };
	int64_t number;
	param_uuid(&p, order);
	param_uuid(&p, peer);
	TRY(store_query_int(s, PEER_SQL, &p, &number));
	*ret_number = (uint32_t)number;
	return OK;
}

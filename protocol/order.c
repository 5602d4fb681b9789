/* SPDX-License-Identifier: Apache-2.0
 * order.c - orders and their requests as JSON
 */
#include <assert.h>
#include <string.h>
#include "buf.h"
#include "bytes.h"
#include "field.h"
#include "json_flat.h"
#include "order.h"

/* ---- prices ---- */
static const char *price_field(const char *prefix, const char *name, char *text, size_t size)
{
	if (!*prefix) /* of each report, for which printf takes too long */
		return name;
	snprintf(text, size, "%s%s", prefix, name);
	return text;
}

void prices_put(json_t *object, const char *prefix, const struct prices *p)
{
	char field[48];
	json_put_money(object, price_field(prefix, "price_per_core_hour_micro", field, sizeof field), p->per_core_hour);
	json_put_money(object, price_field(prefix, "price_per_gib_hour_micro", field, sizeof field), p->per_gib_hour);
	json_put_money(object, price_field(prefix, "price_per_gib_transferred_micro", field, sizeof field),
		       p->per_gib_transferred);
}

void prices_take(struct json_reader *r, const char *prefix, struct prices *ret)
{
	char field[48];
	struct prices p = { 0 };
	json_take_int(r, price_field(prefix, "price_per_core_hour_micro", field, sizeof field), 0, PRICE_MAX_MICRO,
		      &p.per_core_hour.micro);
	json_take_int(r, price_field(prefix, "price_per_gib_hour_micro", field, sizeof field), 0, PRICE_MAX_MICRO,
		      &p.per_gib_hour.micro);
	json_take_int(r, price_field(prefix, "price_per_gib_transferred_micro", field, sizeof field), 0, PRICE_MAX_MICRO,
		      &p.per_gib_transferred.micro);
	*ret = p;
}

/* ---- order_request ---- */
void order_request_clear(struct order_request *r)
{
	free(r->user_data);
	*r = (struct order_request){ 0 };
}

json_t *order_request_to_json(const struct order_request *r)
{
	json_t *json = json_object();
	json_put_text(json, "name", r->name);
	json_put_sha256(json, "image", r->image);
	json_put_int(json, "count", r->count);
	json_put_int(json, "cores", r->cores);
	json_put_int(json, "memory_mib", r->memory_mib);
	prices_put(json, "max_", &r->max_prices);
	json_put_int(json, "duration_s", r->duration_s);
	json_put_int(json, "open_s", r->open_s);
	json_put_money(json, "max_price_per_hour_micro", r->max_hour);
	json_put_time(json, "not_before", r->not_before);
	json_put_money(json, "budget_micro", r->budget);
	json_put(json, "constraints", constraints_to_json(&r->constraints));
	json_put_int(json, "mtu", r->mtu);
	if (r->user_data)
		json_put_text(json, "user_data", r->user_data);
	return json;
}

/* The largest quantities fit easily: 256 * 64 cores * 30 days, and 256 * 1 TiB * 30 days in MiB, are below 2^50. */
err_t order_most(const struct prices *max, uint64_t vm_s, uint32_t cores, uint32_t memory_mib, money *ret_most)
{
	money for_cores, for_memory;
	TRY(money_scale(max->per_core_hour, vm_s * cores, 3600, &for_cores));
	TRY(money_scale(max->per_gib_hour, vm_s * memory_mib, 3600ULL * 1024, &for_memory));
	return money_add(for_cores, for_memory, ret_most);
}

static void take_shape(struct json_reader *r, struct order_request *o)
{
	json_take_sha256(r, "image", &o->image);
	json_take_u32(r, "count", 1, ORDER_MAX_COUNT, &o->count);
	json_take_u32(r, "cores", 1, LEASE_MAX_CORES, &o->cores);
	json_take_u32(r, "memory_mib", LEASE_MIN_MEMORY_MIB, LEASE_MAX_MEMORY_MIB, &o->memory_mib);
	prices_take(r, "max_", &o->max_prices);
	field_maybe_int(r, "duration_s", LEASE_MIN_S, LEASE_MAX_S, &o->duration_s);
	field_maybe_int(r, "open_s", 0, LEASE_MAX_S, &o->open_s);
	field_maybe_money(r, "max_price_per_hour_micro", &o->max_hour);
	field_maybe_time(r, "not_before", &o->not_before);
}

static err_t order_request_read(struct json_reader *r, struct order_request *ret)
{
	__attribute__((cleanup(order_request_clear))) struct order_request o = { .duration_s = 3600,
										 .open_s = 3600,
										 .mtu = ORDER_DEFAULT_MTU };
	money most;
	field_maybe_name(r, "name", o.name, sizeof o.name);
	take_shape(r, &o);
	field_maybe_money(r, "budget_micro", &o.budget);
	constraints_take(r, STRICT, &o.constraints);
	field_maybe_u32(r, "mtu", ORDER_MIN_MTU, ORDER_MAX_MTU, &o.mtu);
	if (json_has(r, "user_data"))
		json_take_long_text(r, "user_data", USER_DATA_MAX, &o.user_data);
	if (!r->bad && o.constraints.warm && o.user_data && *o.user_data)
		json_refuse(r, "user_data", "must be empty where constraints.warm is asked for");
	if (!r->bad && order_most(&o.max_prices, (uint64_t)o.count * (uint64_t)o.duration_s, o.cores, o.memory_mib, &most) != OK)
		json_refuse(r, "max_price_per_core_hour_micro", "is more than this many VMs for so long can be charged for");
	TRY(json_close(r));
	*ret = o;
	o.user_data = NULL;
	return OK;
}

err_t order_request_from_json(json_t *json, struct order_request *ret, struct json_error *error)
{
	struct json_reader r;
	json_open(&r, json, error);
	return order_request_read(&r, ret);
}

err_t order_request_from_text(char *text, size_t len, struct order_request *ret, struct json_error *error)
{
	struct json_flat flat;
	struct json_reader r;
	if (json_flat_parse(&flat, text, len) == OK) {
		json_open_flat(&r, &flat, error);
		err_t e = order_request_read(&r, ret);
		json_flat_clear(&flat);
		return e;
	}
	AUTO_JSON json = NULL;
	TRY(json_parse(text, len, &json, error));
	return order_request_from_json(json, ret, error);
}

/* ---- order ---- */
json_t *extension_to_json(const struct extension *e)
{
	json_t *json = json_object();
	json_put_int(json, "duration_s", e->duration_s);
	return json;
}

err_t extension_from_json(json_t *json, struct extension *ret, struct json_error *error)
{
	struct json_reader r;
	struct extension e = { 0 };
	json_open(&r, json, error);
	json_take_int(&r, "duration_s", LEASE_MIN_S, LEASE_MAX_S, &e.duration_s);
	TRY(json_close(&r));
	*ret = e;
	return OK;
}

json_t *order_to_json(const struct order *o)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", o->id);
	json_put_uuid(json, "buyer", o->buyer);
	json_put_text(json, "name", o->name);
	json_put_text(json, "state", order_state_names[o->state]);
	json_put_sha256(json, "image", o->image);
	json_put_int(json, "count", o->count);
	json_put_int(json, "filled", o->filled);
	json_put_int(json, "ended", o->ended);
	json_put_int(json, "cores", o->cores);
	json_put_int(json, "memory_mib", o->memory_mib);
	prices_put(json, "max_", &o->max_prices);
	json_put_money(json, "max_price_per_hour_micro", o->max_hour);
	json_put_int(json, "duration_s", o->duration_s);
	json_put_money(json, "budget_micro", o->budget);
	json_put_money(json, "held_micro", o->held);
	json_put_money(json, "charged_micro", o->charged);
	json_put(json, "constraints", constraints_to_json(&o->constraints));
	json_put_int(json, "mtu", o->mtu);
	json_put_time(json, "created_at", o->created_at);
	json_put_time(json, "not_before", o->not_before);
	json_put_time(json, "open_until", o->open_until);
	json_put_time(json, "ended_at", o->ended_at);
	return json;
}

/* Placing an order answers with it, so it is written without a tree and without a format. before: what stands between the value and the
 * one in front of it. */
static void write_int(struct buf *b, const char *before, int64_t value)
{
	buf_puts(b, before);
	json_write_int(b, value);
}

static void write_plain(struct buf *b, const char *before, const char *text)
{
	buf_puts(b, before);
	buf_puts(b, text);
}

static void write_time(struct buf *b, const char *before, wall_time t)
{
	char text[WALL_TEXT_SIZE];
	write_plain(b, before, t.us ? "\"" : "null");
	if (t.us)
		write_plain(b, wall_format(t, text), "\"");
}

#define ORDER_TEXT_MAX 1024 /* without its constraints; more is fine, too */
char *order_to_text(const struct order *o, const char *constraints)
{
	AUTO_BUF b = { 0 };
	char text[2 * sizeof o->image + 1];
	static_assert(sizeof text >= UUID_TEXT_SIZE, "for both");
	(void)buf_reserve(&b, ORDER_TEXT_MAX + strlen(constraints));
	write_plain(&b, "{\"id\":\"", uuid_format(o->id, text));
	write_plain(&b, "\",\"buyer\":\"", uuid_format(o->buyer, text));
	buf_puts(&b, "\",\"name\":");
	json_write_text(&b, o->name);
	write_plain(&b, ",\"state\":\"", order_state_names[o->state]);
	write_plain(&b, "\",\"image\":\"", hex_encode(o->image.bytes, sizeof o->image.bytes, text));
	write_int(&b, "\",\"count\":", o->count);
	write_int(&b, ",\"filled\":", o->filled);
	write_int(&b, ",\"ended\":", o->ended);
	write_int(&b, ",\"cores\":", o->cores);
	write_int(&b, ",\"memory_mib\":", o->memory_mib);
	write_int(&b, ",\"max_price_per_core_hour_micro\":", o->max_prices.per_core_hour.micro);
	write_int(&b, ",\"max_price_per_gib_hour_micro\":", o->max_prices.per_gib_hour.micro);
	write_int(&b, ",\"max_price_per_gib_transferred_micro\":", o->max_prices.per_gib_transferred.micro);
	write_int(&b, ",\"max_price_per_hour_micro\":", o->max_hour.micro);
	write_int(&b, ",\"duration_s\":", o->duration_s);
	write_int(&b, ",\"budget_micro\":", o->budget.micro);
	write_int(&b, ",\"held_micro\":", o->held.micro);
	write_int(&b, ",\"charged_micro\":", o->charged.micro);
	write_plain(&b, ",\"constraints\":", constraints);
	write_int(&b, ",\"mtu\":", o->mtu);
	write_time(&b, ",\"created_at\":", o->created_at);
	write_time(&b, ",\"not_before\":", o->not_before);
	write_time(&b, ",\"open_until\":", o->open_until);
	write_time(&b, ",\"ended_at\":", o->ended_at);
	buf_puts(&b, "}");
	return buf_take(&b);
}

err_t order_from_json(json_t *json, struct order *ret, struct json_error *error)
{
	struct json_reader r;
	struct order o = { .mtu = ORDER_DEFAULT_MTU };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &o.id);
	field_maybe_uuid(&r, "buyer", &o.buyer);
	field_maybe_name(&r, "name", o.name, sizeof o.name);
	o.state = (enum order_state)field_enum(&r, "state", order_state_names, 0, ORDER_STATE_COUNT);
	json_take_sha256(&r, "image", &o.image);
	json_take_u32(&r, "count", 1, ORDER_MAX_COUNT, &o.count);
	json_take_u32(&r, "filled", 0, ORDER_MAX_COUNT, &o.filled);
	json_take_u32(&r, "ended", 0, ORDER_MAX_COUNT, &o.ended);
	json_take_u32(&r, "cores", 1, LEASE_MAX_CORES, &o.cores);
	json_take_u32(&r, "memory_mib", LEASE_MIN_MEMORY_MIB, LEASE_MAX_MEMORY_MIB, &o.memory_mib);
	prices_take(&r, "max_", &o.max_prices);
	json_take_int(&r, "duration_s", LEASE_MIN_S, LEASE_MAX_S, &o.duration_s);
	field_maybe_money(&r, "budget_micro", &o.budget);
	field_maybe_money(&r, "held_micro", &o.held);
	field_maybe_money(&r, "charged_micro", &o.charged);
	constraints_take(&r, LENIENT, &o.constraints);
	field_maybe_u32(&r, "mtu", ORDER_MIN_MTU, ORDER_MAX_MTU, &o.mtu);
	field_maybe_time(&r, "created_at", &o.created_at);
	field_maybe_money(&r, "max_price_per_hour_micro", &o.max_hour);
	field_maybe_time(&r, "not_before", &o.not_before);
	field_maybe_time(&r, "open_until", &o.open_until);
	field_maybe_time(&r, "ended_at", &o.ended_at);
	TRY(json_close_lenient(&r));
	*ret = o;
	return OK;
}

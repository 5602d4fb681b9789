/* SPDX-License-Identifier: Apache-2.0
 * lease.c - leases, feedback, offers and sellers as JSON
 */
#include "field.h"
#include "order.h"
#include "ula.h"

/* ---- lease ---- */
static void put_meters(json_t *json, const struct lease *l)
{
	json_put_int(json, "vcpu_ns", l->vcpu_ns);
	json_put_int(json, "running_us", l->running_us);
	json_put_int(json, "tx_bytes", l->tx_bytes);
	json_put_int(json, "rx_bytes", l->rx_bytes);
	json_put_money(json, "charged_micro", l->charged);
	json_put_money(json, "commission_micro", l->commission);
	json_put_money(json, "held_micro", l->held);
	json_put_bool(json, "usage_cut", l->usage_cut);
}

json_t *lease_to_json(const struct lease *l)
{
	char ip6[ULA_TEXT_SIZE];
	json_t *json = json_object();
	json_put_uuid(json, "id", l->id);
	json_put_uuid(json, "order", l->order);
	field_put_uuid(json, "machine", l->machine);
	field_put_uuid(json, "buyer", l->buyer);
	field_put_uuid(json, "seller", l->seller);
	json_put_text(json, "seller_name", l->seller_name);
	json_put_text(json, "machine_name", l->machine_name);
	field_put_text(json, "country", l->country);
	json_put_int(json, "number", l->number);
	json_put_text(json, "name", l->name);
	json_put_text(json, "ip", l->ip);
	field_put_text(json, "ip6", ula_text(l->order, l->mac, ip6) ? "" : ip6);
	json_put_text(json, "mac", l->mac);
	json_put_text(json, "state", lease_state_names[l->state]);
	json_put_text(json, "reason", end_reason_names[l->reason]);
	json_put_text(json, "detail", l->detail);
	json_put_text(json, "accel", accel_names[l->accel]);
	json_put_int(json, "cores", l->cores);
	json_put_int(json, "memory_mib", l->memory_mib);
	prices_put(json, "", &l->prices);
	put_meters(json, l);
	json_put_text(json, "path", *l->path ? l->path : "none");
	json_put_int(json, "feedback", l->feedback);
	json_put_time(json, "created_at", l->created_at);
	json_put_time(json, "started_at", l->started_at);
	json_put_time(json, "ended_at", l->ended_at);
	json_put_time(json, "withdrawable_at", l->withdrawable_at);
	return json;
}

static void take_parties(struct json_reader *r, struct lease *l)
{
	json_take_uuid(r, "id", &l->id);
	json_take_uuid(r, "order", &l->order);
	field_maybe_uuid(r, "machine", &l->machine);
	field_maybe_uuid(r, "buyer", &l->buyer);
	field_maybe_uuid(r, "seller", &l->seller);
	field_maybe_name(r, "seller_name", l->seller_name, sizeof l->seller_name);
	field_maybe_name(r, "machine_name", l->machine_name, sizeof l->machine_name);
	field_maybe_country(r, "country", l->country);
	json_take_u32(r, "number", 1, ORDER_MAX_COUNT, &l->number);
	field_label(r, "name", l->name, sizeof l->name);
	field_ip(r, "ip", l->ip);
	field_mac(r, "mac", l->mac);
}

static void take_meters(struct json_reader *r, struct lease *l)
{
	field_maybe_int(r, "vcpu_ns", 0, INT64_MAX, &l->vcpu_ns);
	field_maybe_int(r, "running_us", 0, INT64_MAX, &l->running_us);
	field_maybe_int(r, "tx_bytes", 0, INT64_MAX, &l->tx_bytes);
	field_maybe_int(r, "rx_bytes", 0, INT64_MAX, &l->rx_bytes);
	field_maybe_money(r, "charged_micro", &l->charged);
	field_maybe_money(r, "commission_micro", &l->commission);
	field_maybe_money(r, "held_micro", &l->held);
	field_maybe_bool(r, "usage_cut", &l->usage_cut);
}

err_t lease_from_json(json_t *json, struct lease *ret, struct json_error *error)
{
	struct json_reader r;
	struct lease l = { 0 };
	int64_t feedback = 0;
	json_open(&r, json, error);
	take_parties(&r, &l);
	l.state = (enum lease_state)field_enum(&r, "state", lease_state_names, 0, LEASE_STATE_COUNT);
	l.reason = (enum end_reason)field_maybe_enum(&r, "reason", end_reason_names, END_REASON_COUNT, END_NONE);
	field_maybe_text(&r, "detail", l.detail, sizeof l.detail);
	l.accel = (enum accel)field_maybe_enum(&r, "accel", accel_names, ACCEL_COUNT, ACCEL_ANY);
	json_take_u32(&r, "cores", 1, LEASE_MAX_CORES, &l.cores);
	json_take_u32(&r, "memory_mib", LEASE_MIN_MEMORY_MIB, LEASE_MAX_MEMORY_MIB, &l.memory_mib);
	prices_take(&r, "", &l.prices);
	take_meters(&r, &l);
	field_maybe_path(&r, "path", l.path);
	field_maybe_int(&r, "feedback", -1, 1, &feedback);
	l.feedback = (int)feedback;
	field_maybe_time(&r, "created_at", &l.created_at);
	field_maybe_time(&r, "started_at", &l.started_at);
	field_maybe_time(&r, "ended_at", &l.ended_at);
	field_maybe_time(&r, "withdrawable_at", &l.withdrawable_at);
	TRY(json_close_lenient(&r));
	*ret = l;
	return OK;
}

/* ---- feedback ---- */
json_t *feedback_to_json(const struct feedback *f)
{
	json_t *json = json_object();
	json_put_bool(json, "good", f->good);
	if (*f->comment)
		json_put_text(json, "comment", f->comment);
	return json;
}

err_t feedback_from_json(json_t *json, struct feedback *ret, struct json_error *error)
{
	struct json_reader r;
	struct feedback f = { 0 };
	json_open(&r, json, error);
	json_take_bool(&r, "good", &f.good);
	field_maybe_text(&r, "comment", f.comment, sizeof f.comment);
	TRY(json_close(&r));
	*ret = f;
	return OK;
}

/* ---- offer ---- */
json_t *rtts_to_json(const struct region_rtt *rtt, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *region = json_object();
		json_put_text(region, "region", rtt[i].region);
		json_put_int(region, "rtt_ms", rtt[i].rtt_ms);
		json_array_append_new(list, region);
	}
	return list;
}

void rtts_take(struct json_reader *r, const char *name, struct region_rtt *ret, size_t *ret_count)
{
	json_t *array;
	if (!json_take_array(r, name, MAX_REGIONS, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		struct json_reader object;
		if (!json_element_object(r, name, array, i, &object))
			return;
		field_label(&object, "region", ret[i].region, sizeof ret[i].region);
		json_take_u32(&object, "rtt_ms", 1, RTT_MAX_MS, &ret[i].rtt_ms);
		if (json_close(&object) != OK)
			r->bad = true;
		*ret_count = i + 1;
	}
}

json_t *offer_to_json(const struct offer *o)
{
	json_t *json = json_object();
	json_put_uuid(json, "machine", o->machine);
	json_put_uuid(json, "seller", o->seller);
	json_put_text(json, "seller_name", o->seller_name);
	json_put_text(json, "machine_name", o->machine_name);
	field_put_text(json, "country", o->country);
	json_put_text(json, "state", machine_state_names[o->state]);
	json_put_text(json, "accel", accel_names[o->accel]);
	json_put_int(json, "cores", o->cores);
	json_put_int(json, "cores_free", o->cores_free);
	json_put_int(json, "memory_mib", o->memory_mib);
	json_put_int(json, "memory_free_mib", o->memory_free_mib);
	json_put_int(json, "score", o->score);
	json_put_bool(json, "measured", o->measured);
	prices_put(json, "", &o->prices);
	json_put_int(json, "rating_ppm", o->rating_ppm);
	json_put_int(json, "good", o->good);
	json_put_int(json, "bad", o->bad);
	json_put_text(json, "cpu_vendor", cpu_vendor_names[o->cpu_vendor]);
	json_put_int(json, "up_kbit_s", o->up_kbit_s);
	json_put_int(json, "down_kbit_s", o->down_kbit_s);
	json_put(json, "rtt", rtts_to_json(o->rtt, o->rtt_count));
	json_put_bool(json, "direct", o->direct);
	json_put_bool(json, "trusted", o->trusted);
	json_put_bool(json, "first_use", o->first_use);
	return json;
}

err_t offer_from_json(json_t *json, struct offer *ret, struct json_error *error)
{
	struct json_reader r;
	struct offer o = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "machine", &o.machine);
	json_take_uuid(&r, "seller", &o.seller);
	field_maybe_name(&r, "seller_name", o.seller_name, sizeof o.seller_name);
	field_maybe_name(&r, "machine_name", o.machine_name, sizeof o.machine_name);
	field_maybe_country(&r, "country", o.country);
	o.state = (enum machine_state)field_enum(&r, "state", machine_state_names, 0, MACHINE_STATE_COUNT);
	o.accel = (enum accel)field_maybe_enum(&r, "accel", accel_names, ACCEL_COUNT, ACCEL_ANY);
	json_take_u32(&r, "cores", 0, MACHINE_MAX_CORES, &o.cores);
	json_take_u32(&r, "cores_free", 0, MACHINE_MAX_CORES, &o.cores_free);
	json_take_u32(&r, "memory_mib", 0, MACHINE_MAX_MEMORY_MIB, &o.memory_mib);
	json_take_u32(&r, "memory_free_mib", 0, MACHINE_MAX_MEMORY_MIB, &o.memory_free_mib);
	json_take_u32(&r, "score", 0, SCORE_MAX, &o.score);
	field_maybe_bool(&r, "measured", &o.measured);
	prices_take(&r, "", &o.prices);
	json_take_u32(&r, "rating_ppm", 0, RATING_MAX_PPM, &o.rating_ppm);
	json_take_u32(&r, "good", 0, UINT32_MAX, &o.good);
	json_take_u32(&r, "bad", 0, UINT32_MAX, &o.bad);
	o.cpu_vendor = (enum cpu_vendor)field_enum(&r, "cpu_vendor", cpu_vendor_names, 0, CPU_VENDOR_COUNT);
	json_take_u32(&r, "up_kbit_s", 0, RATE_MAX_KBIT_S, &o.up_kbit_s);
	json_take_u32(&r, "down_kbit_s", 0, RATE_MAX_KBIT_S, &o.down_kbit_s);
	rtts_take(&r, "rtt", o.rtt, &o.rtt_count);
	json_take_bool(&r, "direct", &o.direct);
	json_take_bool(&r, "trusted", &o.trusted);
	field_maybe_bool(&r, "first_use", &o.first_use);
	TRY(json_close_lenient(&r));
	*ret = o;
	return OK;
}

/* ---- seller ---- */
json_t *seller_to_json(const struct seller *s)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", s->id);
	json_put_text(json, "name", s->name);
	json_put_int(json, "rating_ppm", s->rating_ppm);
	json_put_int(json, "good", s->good);
	json_put_int(json, "bad", s->bad);
	json_put_int(json, "machines", s->machines);
	json_put_int(json, "machines_online", s->machines_online);
	json_put_int(json, "leases", s->leases);
	json_put_int(json, "leases_completed", s->leases_completed);
	json_put_int(json, "leases_failed", s->leases_failed);
	json_put_time(json, "since", s->since);
	return json;
}

err_t seller_from_json(json_t *json, struct seller *ret, struct json_error *error)
{
	struct json_reader r;
	struct seller s = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &s.id);
	field_name(&r, "name", s.name, sizeof s.name);
	json_take_u32(&r, "rating_ppm", 0, RATING_MAX_PPM, &s.rating_ppm);
	json_take_u32(&r, "good", 0, UINT32_MAX, &s.good);
	json_take_u32(&r, "bad", 0, UINT32_MAX, &s.bad);
	json_take_u32(&r, "machines", 0, UINT32_MAX, &s.machines);
	json_take_u32(&r, "machines_online", 0, UINT32_MAX, &s.machines_online);
	json_take_u32(&r, "leases", 0, UINT32_MAX, &s.leases);
	json_take_u32(&r, "leases_completed", 0, UINT32_MAX, &s.leases_completed);
	json_take_u32(&r, "leases_failed", 0, UINT32_MAX, &s.leases_failed);
	field_maybe_time(&r, "since", &s.since);
	TRY(json_close_lenient(&r));
	*ret = s;
	return OK;
}

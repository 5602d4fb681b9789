/* SPDX-License-Identifier: Apache-2.0
 * machines.c - enrolment, the owner's view of machines, retirement
 */
#include "calibrations.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "live.h"
#include "matching.h"
#include "presence.h"

static struct machine machine_view(struct market *m, const struct machine_row *row)
{
	struct machine view = row->m;
	view.claimed_score = row->m.score;
	view.score = machine_row_score(row);
	view.calibrated_at = row->calibrated_at;
	memcpy(view.off_reason, row->off_reason, sizeof view.off_reason);
	const struct presence *p = uuid_map_get(&m->machines, view.id);
	if (p && p->seen_at.us > view.seen_at.us)
		view.seen_at = p->seen_at;
	if (p) {
		view.nat = p->terms.nat;
		view.relay_rtt_ms = p->terms.relay_rtt_ms;
	}
	return view;
}

/* Enrolling again with the same key is how a machine that lost its token gets another: the same machine answers. */
static err_t enrolled_before(struct request *r, const struct enrolment *e, uuid *ret_id, size_t *ret_count)
{
	AUTO_FREE struct machine_row *rows = NULL;
	size_t count, active = 0;
	TRY(store_machine_list(market_of(r)->store, r->caller.account, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		active += rows[i].m.state != MACHINE_RETIRED;
		if (!memcmp(&rows[i].key, &e->key, sizeof e->key) && rows[i].m.state != MACHINE_RETIRED)
			*ret_id = rows[i].m.id;
	}
	*ret_count = active;
	return OK;
}

err_t machine_enrol(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct enrolment e = { 0 };
	struct enrolled answer = { 0 };
	size_t count;
	if (enrolment_from_json(r->json, &e, &error) != OK)
		return refuse_json(r, &error);
	if (!enrolment_proven(&e))
		return refuse(r, REFUSE_BAD_SIGNATURE, "proof", "it is not made with the key over the name");
	TRY(enrolled_before(r, &e, &answer.id, &count));
	if (uuid_is_zero(answer.id)) {
		if ((int64_t)count >= m->settings->machines_per_account)
			return refuse(r, REFUSE_LIMIT, NULL, "at most %lld machines",
				      (long long)m->settings->machines_per_account);
		answer.id = uuid_make(r->now);
		err_t stored = store_machine_create(m->store, answer.id, r->caller.account, &e);
		if (stored == E_EXISTS || stored == E_CONFLICT)
			return refuse(r, REFUSE_KEY_TAKEN, "public_key", "%s", "");
		TRY(stored);
	}
	memcpy(answer.name, e.name, sizeof answer.name);
	token_make(TOKEN_PREFIX_MACHINE, answer.token);
	TRY(store_token_create(m->store, uuid_make(r->now), r->caller.account, answer.id, e.name, SCOPE(MACHINE),
			       token_hash(answer.token), (wall_time){ 0 }));
	answer_json(r, 201, enrolled_to_json(&answer));
	explicit_bzero(answer.token, sizeof answer.token);
	market_touch_machine(m, answer.id);
	return OK;
}

err_t machine_list(struct request *r)
{
	struct market *m = market_of(r);
	AUTO_FREE struct machine_row *rows = NULL;
	size_t count;
	TRY(store_machine_list(m->store, r->caller.account, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		struct machine view = machine_view(m, &rows[i]);
		json_array_append_new(items, machine_to_json(&view));
	}
	return answer_items(r, items);
}

/* The machine in the path, where it is the caller's: its owner's, or itself. */
static err_t machine_of(struct request *r, struct machine_row *ret)
{
	struct machine_row row;
	TRY(store_machine_get(market_of(r)->store, r->values.id[0], &row));
	bool itself = uuid_is_zero(r->caller.machine) || uuid_equal(r->caller.machine, row.m.id);
	if (!uuid_equal(row.m.account, r->caller.account) || !itself)
		return E_NOT_FOUND;
	*ret = row;
	return OK;
}

err_t machine_show(struct request *r)
{
	struct machine_row row;
	TRY(machine_of(r, &row));
	struct machine view = machine_view(market_of(r), &row);
	answer_json(r, 200, machine_to_json(&view));
	return OK;
}

/* What orders of the last day would have paid for a core, and wanted of a seller. */
static err_t recent_orders(struct market *m, json_t **ret_json, wall_time now)
{
	struct recent_orders recent;
	TRY(store_recent_orders(m->store, (wall_time){ now.us - DAY_US }, &recent));
	json_t *json = json_object();
	json_put_int(json, "orders", recent.orders);
	json_put_money(json, "median_price_per_core_hour_micro", recent.median_price);
	json_put_money(json, "highest_price_per_core_hour_micro", recent.highest_price);
	json_put_int(json, "median_min_rating_ppm", recent.median_rating_ppm);
	json_put_int(json, "median_min_score", recent.median_score);
	*ret_json = json;
	return OK;
}

static json_t *line_to_json(const struct machine_row *row)
{
	json_t *json = json_object();
	json_put_int(json, "down_kbit_s", row->line_down_kbit_s);
	json_put_int(json, "up_kbit_s", row->line_up_kbit_s);
	json_put_time(json, "measured_at", row->line_at);
	return json;
}

/* Why there is no work: which orders wait, and what keeps each from this machine. */
err_t machine_explain(struct request *r)
{
	struct market *m = market_of(r);
	struct machine_row row;
	struct explanation explanation;
	TRY(machine_of(r, &row));
	const struct presence *p = presence_get(m, row.m.id);
	if (!p)
		return E_UNAVAILABLE;
	struct ask ask = presence_to_ask(m, p);
	book_explain_ask(m->book, &ask, &explanation);
	json_t *recent, *calibration;
	TRY(calibration_last(m->store, row.m.id, &calibration));
	err_t e = recent_orders(m, &recent, r->now);
	if (e) {
		json_decref(calibration);
		return e;
	}
	json_t *answer = explanation_to_json(&explanation, "orders");
	json_put(answer, "calibration", calibration);
	json_put(answer, "line", line_to_json(&p->row));
	json_put_text(answer, "state", machine_state_names[p->row.m.state]);
	json_put_bool(answer, "in_book", book_ask(m->book, row.m.id) != NULL);
	json_put_int(answer, "failures", row.failures);
	json_put_text(answer, "off_reason", row.off_reason);
	json_put(answer, "recent", recent);
	json_put_time(answer, "trial_until", presence_trial_until(m, p));
	answer_json(r, 200, answer);
	return OK;
}

err_t machine_leases(struct request *r)
{
	struct market *m = market_of(r);
	struct machine_row machine;
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(machine_of(r, &machine));
	TRY(store_lease_list_of_machine(m->store, machine.m.id, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		live_overlay(m, &rows[i].l);
		json_array_append_new(items, lease_to_json(&rows[i].l));
	}
	return answer_items(r, items);
}

/* For good: its token ends, its leases end as withdrawn. */
err_t machine_retire(struct request *r)
{
	struct market *m = market_of(r);
	struct machine_row machine;
	AUTO_FREE struct lease_row *rows = NULL;
	size_t count;
	TRY(machine_of(r, &machine));
	TRY(store_leases_lock(m->store, (uuid){ 0 }, machine.m.id));
	TRY(store_lease_list_of_machine(m->store, machine.m.id, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct live *l = live_get(m, rows[i].l.id);
		if (l)
			TRY(meter_settle(m, l, r->now, r->now_mono));
		TRY(store_lease_end(m->store, rows[i].l.id, END_WITHDRAWN_BY_SELLER, "the machine was retired", r->now));
		market_touch_lease(m, rows[i].l.id);
		market_touch_order(m, rows[i].l.order);
	}
	TRY(store_machine_retire(m->store, r->caller.account, machine.m.id));
	market_touch_machine(m, machine.m.id);
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * report.c - a machine's report and the market's answer as JSON
 */
#include "buf.h"
#include "field.h"
#include "file.h"
#include "json_flat.h"
#include "machine.h"
#include "paths.h"

/* An ended lease has a reason, and no other has. */
static void check_reason(struct json_reader *r, enum lease_state state, enum end_reason reason)
{
	if (r->bad)
		return;
	if (state == LEASE_ENDED && reason == END_NONE)
		json_refuse(r, "reason", "must say why the lease ended");
	else if (state != LEASE_ENDED && reason != END_NONE)
		json_refuse(r, "reason", "must be empty until the lease has ended");
}

/* ---- report ---- */
static json_t *lease_report_to_json(const struct report *report, const struct lease_report *l)
{
	json_t *json = json_object();
	json_put_uuid(json, "lease", l->lease);
	json_put_text(json, "state", lease_state_names[l->state]);
	json_put_text(json, "reason", end_reason_names[l->reason]);
	json_put_text(json, "detail", l->detail);
	json_put_int(json, "progress_permille", l->progress_permille);
	if (l->has_usage)
		json_put(json, "usage", usage_to_json(&l->usage));
	if (l->has_network) {
		json_put_sha256(json, "pin", l->pin);
		json_put(json, "candidates", candidates_to_json(&l->candidates));
	}
	json_put_text(json, "path", *l->path ? l->path : "none");
	json_put_int(json, "peers_version", (int64_t)l->peers_version);
	if (l->has_paths)
		json_put(json, "paths", paths_to_json(report->paths + l->first_path, l->path_count));
	return json;
}

static void lease_report_read(struct json_reader *r, struct report *report, struct lease_report *ret)
{
	int64_t progress = -1;
	json_take_uuid(r, "lease", &ret->lease);
	ret->state = (enum lease_state)field_enum(r, "state", lease_state_names, LEASE_PREPARING, LEASE_STATE_COUNT);
	ret->reason = (enum end_reason)field_maybe_enum(r, "reason", end_reason_names, END_REASON_COUNT, END_NONE);
	check_reason(r, ret->state, ret->reason);
	field_maybe_text(r, "detail", ret->detail, sizeof ret->detail);
	field_maybe_int(r, "progress_permille", -1, 1000, &progress);
	ret->progress_permille = (int)progress;
	ret->has_usage = json_has(r, "usage");
	if (ret->has_usage)
		usage_take(r, "usage", &ret->usage);
	ret->has_network = json_has(r, "pin");
	if (ret->has_network)
		json_take_sha256(r, "pin", &ret->pin);
	if (json_has(r, "candidates"))
		candidates_take(r, "candidates", &ret->candidates);
	field_maybe_path(r, "path", ret->path);
	field_maybe_u64(r, "peers_version", &ret->peers_version);
	ret->has_paths = json_has(r, "paths");
	if (!ret->has_paths)
		return;
	size_t left = REPORT_MAX_PATHS - report->path_count;
	ret->first_path = report->path_count;
	paths_take(r, "paths", report->paths + ret->first_path, left < PEER_MAX ? left : PEER_MAX, &ret->path_count);
	report->path_count += ret->path_count;
}

/* One report of a lease at most: two would be two truths. */
static bool named_before(const struct report *report, uuid lease)
{
	for (size_t i = 0; i < report->lease_count; i++) {
		if (uuid_equal(report->leases[i].lease, lease))
			return true;
	}
	return false;
}

static void take_lease_reports(struct json_reader *r, struct report *ret)
{
	json_t *array;
	if (!json_take_array(r, "leases", REPORT_MAX_LEASES, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		struct json_reader object;
		struct lease_report *l = &ret->leases[i];
		if (!json_element_object(r, "leases", array, i, &object))
			return;
		*l = (struct lease_report){ 0 };
		lease_report_read(&object, ret, l);
		if (!object.bad && named_before(ret, l->lease))
			json_refuse(&object, "lease", "is there twice");
		if (json_close(&object) != OK) {
			r->bad = true;
			return;
		}
		ret->lease_count++;
	}
}

/* ---- terms ---- */
static json_t *terms_to_json(const struct offer_terms *t)
{
	json_t *json = json_object();
	json_put_text(json, "cpu_vendor", cpu_vendor_names[t->cpu_vendor]);
	json_put_bool(json, "direct", t->direct);
	json_put_text(json, "nat", nat_kind_names[t->nat]);
	json_put_int(json, "relay_rtt_ms", t->relay_rtt_ms);
	json_put_int(json, "up_kbit_s", t->up_kbit_s);
	json_put_int(json, "down_kbit_s", t->down_kbit_s);
	json_put(json, "rtt", rtts_to_json(t->rtt, t->rtt_count));
	if (t->scratch_mib)
		json_put_int(json, "scratch_mib", t->scratch_mib);
	if (t->image_mib < UINT32_MAX)
		json_put_int(json, "image_mib", t->image_mib);
	if (t->display)
		json_put_bool(json, "display", true);
	json_put_int(json, "min_buyer_rating_ppm", t->min_buyer_rating_ppm);
	json_put(json, "blocked_buyers", ids_to_json(t->blocked_buyers, t->blocked_count));
	return json;
}

static void take_terms(struct json_reader *r, struct offer_terms *ret)
{
	struct json_reader object;
	struct offer_terms t = { .image_mib = UINT32_MAX };
	ret->image_mib = UINT32_MAX;
	if (!json_has(r, "terms") || !json_take_object(r, "terms", &object))
		return;
	t.cpu_vendor = (enum cpu_vendor)field_maybe_enum(&object, "cpu_vendor", cpu_vendor_names, CPU_VENDOR_COUNT, CPU_ANY);
	field_maybe_bool(&object, "direct", &t.direct);
	t.nat = (enum nat_kind)field_maybe_enum(&object, "nat", nat_kind_names, NAT_KIND_COUNT, NAT_UNKNOWN);
	field_maybe_u32(&object, "relay_rtt_ms", 0, RTT_MAX_MS, &t.relay_rtt_ms);
	field_maybe_u32(&object, "up_kbit_s", 0, RATE_MAX_KBIT_S, &t.up_kbit_s);
	field_maybe_u32(&object, "down_kbit_s", 0, RATE_MAX_KBIT_S, &t.down_kbit_s);
	if (json_has(&object, "rtt"))
		rtts_take(&object, "rtt", t.rtt, &t.rtt_count);
	field_maybe_u32(&object, "scratch_mib", 0, UINT32_MAX, &t.scratch_mib);
	field_maybe_u32(&object, "image_mib", 0, UINT32_MAX, &t.image_mib);
	field_maybe_bool(&object, "display", &t.display);
	field_maybe_u32(&object, "min_buyer_rating_ppm", 0, RATING_MAX_PPM, &t.min_buyer_rating_ppm);
	ids_take(&object, "blocked_buyers", MAX_BLOCKED_BUYERS, t.blocked_buyers, &t.blocked_count);
	if (json_close(&object) == OK)
		*ret = t;
	else
		r->bad = true;
}

json_t *report_to_json(const struct report *r)
{
	json_t *json = json_object();
	json_put_uuid(json, "boot", r->boot);
	json_put_int(json, "seq", (int64_t)r->seq);
	json_put_text(json, "version", r->version);
	json_put_bool(json, "accepting", r->accepting);
	if (r->draining)
		json_put_bool(json, "draining", true);
	json_put_text(json, "accel", accel_names[r->accel]);
	field_put_text(json, "country", r->country);
	json_put_int(json, "cores", r->cores);
	json_put_int(json, "memory_mib", r->memory_mib);
	json_put_int(json, "score", r->score);
	prices_put(json, "", &r->prices);
	json_put_int(json, "min_duration_s", r->min_duration_s);
	json_put_int(json, "max_duration_s", r->max_duration_s);
	json_put(json, "terms", terms_to_json(&r->terms));
	json_t *leases = json_array();
	for (size_t i = 0; i < r->lease_count; i++)
		json_array_append_new(leases, lease_report_to_json(r, &r->leases[i]));
	json_put(json, "leases", leases);
	return json;
}

static err_t report_read(struct json_reader *r, struct report *ret)
{
	/* More than 100 KiB, of which most reports use the first one: what is not used is not cleared. */
	memset(ret, 0, offsetof(struct report, leases));
	ret->path_count = 0;
	json_take_uuid(r, "boot", &ret->boot);
	json_take_u64(r, "seq", &ret->seq);
	if (!r->bad && ret->seq == 0)
		json_refuse(r, "seq", "must be at least 1");
	field_name(r, "version", ret->version, sizeof ret->version);
	json_take_bool(r, "accepting", &ret->accepting);
	field_maybe_bool(r, "draining", &ret->draining);
	ret->accel = (enum accel)field_enum(r, "accel", accel_names, ACCEL_KVM, ACCEL_COUNT);
	field_maybe_country(r, "country", ret->country);
	json_take_u32(r, "cores", 0, MACHINE_MAX_CORES, &ret->cores);
	json_take_u32(r, "memory_mib", 0, MACHINE_MAX_MEMORY_MIB, &ret->memory_mib);
	json_take_u32(r, "score", 0, SCORE_MAX, &ret->score);
	prices_take(r, "", &ret->prices);
	field_maybe_u32(r, "min_duration_s", 0, UINT32_MAX, &ret->min_duration_s);
	field_maybe_u32(r, "max_duration_s", 0, UINT32_MAX, &ret->max_duration_s);
	take_terms(r, &ret->terms);
	take_lease_reports(r, ret);
	return json_close(r);
}

err_t report_from_json(json_t *json, struct report *ret, struct json_error *error)
{
	struct json_reader r;
	AUTO_FREE struct report *t = malloc(sizeof *t);
	if (!t)
		return E_NOMEM;
	json_open(&r, json, error);
	TRY(report_read(&r, t));
	memcpy(ret, t, offsetof(struct report, leases));
	memcpy(ret->leases, t->leases, t->lease_count * sizeof *t->leases);
	ret->path_count = t->path_count;
	memcpy(ret->paths, t->paths, t->path_count * sizeof *t->paths);
	return OK;
}

err_t report_from_text(char *text, size_t len, struct report *ret, struct json_error *error)
{
	struct json_flat flat;
	struct json_reader r;
	if (json_flat_parse(&flat, text, len) == OK) {
		json_open_flat(&r, &flat, error);
		err_t e = report_read(&r, ret);
		json_flat_clear(&flat);
		return e;
	}
	AUTO_JSON json = NULL;
	TRY(json_parse(text, len, &json, error));
	json_open(&r, json, error);
	return report_read(&r, ret);
}

/* ---- answer ---- */
static json_t *lease_order_to_json(const struct lease_order *l)
{
	json_t *json = json_object();
	json_put_uuid(json, "lease", l->lease);
	json_put_text(json, "state", lease_state_names[l->state]);
	json_put_text(json, "reason", end_reason_names[l->reason]);
	json_put_int(json, "ack_seq", (int64_t)l->ack_seq);
	if (l->ack_seq)
		json_put_sha256(json, "ack_hash", l->ack_hash);
	json_put_int(json, "console_from", l->console_from);
	if (l->screen_width)
		json_put_int(json, "screen_width", l->screen_width);
	if (l->resets)
		json_put_int(json, "resets", l->resets);
	json_put_int(json, "peers_version", (int64_t)l->peers_version);
	if (l->has_peers)
		json_put(json, "peers", peer_list_to_json(&l->peers));
	if (l->has_peers && l->relays.count)
		json_put(json, "relays", relay_list_to_json(&l->relays));
	return json;
}

static void lease_order_read(struct json_reader *r, struct lease_order *ret)
{
	json_take_uuid(r, "lease", &ret->lease);
	ret->state = (enum lease_state)field_enum(r, "state", lease_state_names, LEASE_RUNNING, LEASE_STATE_COUNT);
	ret->reason = (enum end_reason)field_maybe_enum(r, "reason", end_reason_names, END_REASON_COUNT, END_NONE);
	check_reason(r, ret->state, ret->reason);
	field_maybe_u64(r, "ack_seq", &ret->ack_seq);
	if (ret->ack_seq)
		json_take_sha256(r, "ack_hash", &ret->ack_hash);
	ret->console_from = -1;
	field_maybe_int(r, "console_from", -1, INT64_MAX, &ret->console_from);
	field_maybe_u32(r, "screen_width", SCREEN_MIN_WIDTH, SCREEN_MAX_WIDTH, &ret->screen_width);
	field_maybe_u32(r, "resets", 0, INT32_MAX, &ret->resets);
	field_maybe_u64(r, "peers_version", &ret->peers_version);
	ret->has_peers = json_has(r, "peers");
	if (ret->has_peers)
		peer_list_take(r, "peers", &ret->peers);
	if (ret->has_peers && json_has(r, "relays"))
		relay_list_take(r, "relays", &ret->relays);
}

void report_answer_clear(struct report_answer *a)
{
	for (size_t i = 0; i < a->lease_count; i++)
		peer_list_clear(&a->leases[i].peers);
	free(a->leases);
	*a = (struct report_answer){ 0 };
}

json_t *report_answer_to_json(const struct report_answer *a)
{
	json_t *json = json_object();
	json_put_int(json, "interval_ms", a->interval_ms);
	json_put_time(json, "now", a->now);
	json_put_text(json, "note", a->note);
	json_t *leases = json_array();
	for (size_t i = 0; i < a->lease_count; i++)
		json_array_append_new(leases, lease_order_to_json(&a->leases[i]));
	json_put(json, "leases", leases);
	if (a->has_question)
		json_put(json, "question", question_to_json(&a->question));
	return json;
}

char *report_answer_to_text(const struct report_answer *a)
{
	if (a->lease_count || a->has_question) {
		AUTO_JSON json = report_answer_to_json(a);
		return json_dumps(json, JSON_COMPACT);
	}
	AUTO_BUF out = { 0 };
	char now[WALL_TEXT_SIZE];
	buf_puts(&out, "{\"interval_ms\":");
	json_write_int(&out, a->interval_ms);
	buf_puts(&out, ",\"now\":\"");
	buf_puts(&out, wall_format(a->now, now));
	buf_puts(&out, "\",\"note\":");
	json_write_text(&out, a->note);
	buf_puts(&out, ",\"leases\":[]}");
	return buf_take(&out);
}

static void take_lease_orders(struct json_reader *r, struct report_answer *ret)
{
	json_t *array;
	if (!json_take_array(r, "leases", REPORT_MAX_LEASES, &array))
		return;
	ret->leases = calloc(json_array_size(array) + 1, sizeof *ret->leases);
	if (!ret->leases) {
		json_refuse(r, "leases", "does not fit into memory");
		return;
	}
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct json_reader object;
		if (!json_element_object(r, "leases", array, i, &object))
			return;
		ret->lease_count++; /* before it is read: whatever it holds is then cleared with the rest */
		lease_order_read(&object, &ret->leases[i]);
		if (json_close_lenient(&object) != OK) {
			r->bad = true;
			return;
		}
	}
}

err_t report_answer_from_json(json_t *json, struct report_answer *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(report_answer_clear))) struct report_answer a = { 0 };
	json_open(&r, json, error);
	json_take_int(&r, "interval_ms", 200, 60000, &a.interval_ms);
	json_take_time(&r, "now", &a.now);
	if (!r.bad && a.now.us <= 0)
		json_refuse(&r, "now", "must be a time after 1970");
	field_maybe_text(&r, "note", a.note, sizeof a.note);
	take_lease_orders(&r, &a);
	a.has_question = json_has(&r, "question");
	if (a.has_question)
		question_take(&r, "question", &a.question);
	TRY(json_close_lenient(&r));
	*ret = a;
	a = (struct report_answer){ 0 };
	return OK;
}

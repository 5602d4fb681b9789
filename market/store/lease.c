/* SPDX-License-Identifier: Apache-2.0
 * lease.c - leases: what they are, what is wanted of them, what they used
 */
#include "connection.h"

/* $1: whose mark is shown, or NULL. */
#define COLUMNS                                                                                                                  \
	"SELECT l.id, l.order_id, l.machine_id, l.buyer, l.seller, a.name, m.name, m.country, l.number, l.name, host(l.ip), "    \
	"l.mac::text, l.state, l.reason, l.detail, l.accel, l.cores, l.memory_mib, l.price_per_core_hour_micro, "                \
	"l.price_per_gib_hour_micro, l.price_per_gib_transferred_micro, l.vcpu_ns, l.running_us, l.tx_bytes, l.rx_bytes, "       \
	"l.charged_micro, l.commission_micro, l.held_micro, l.usage_cut, l.path, "                                               \
	"CASE f.good WHEN true THEN 1 WHEN false THEN -1 ELSE 0 END, l.created_at, l.started_at, l.ended_at, "                   \
	"l.desired, l.desired_reason, l.desired_at, o.duration_s, l.usage_seq, l.usage_previous, l.usage_signature, "            \
	"l.usage_hash, l.usage_at, CASE o.budget_micro WHEN 0 THEN 9007199254740991 "                                            \
	"  ELSE o.budget_micro - o.charged_micro - o.held_micro - o.leases_held_micro END, m.public_key, l.refunded_micro, "     \
	"coalesce(o.constraints->>'trusted', 'off'), coalesce((o.constraints->>'max_freeze_s')::bigint, 0), "                    \
	"coalesce((o.constraints->>'scratch_mib')::bigint, 0), coalesce(o.constraints->>'display', 'none'), l.withdrawable_at, " \
	"l.resets "                                                                                                              \
	"FROM lease l JOIN cpushare.order o ON o.id = l.order_id JOIN machine m ON m.id = l.machine_id "                         \
	"JOIN account a ON a.id = l.seller LEFT JOIN feedback f ON f.lease = l.id AND f.from_account = $1 "

static void lease_read_view(struct row *row, struct lease *l)
{
	l->id = row_uuid(row);
	l->order = row_uuid(row);
	l->machine = row_uuid(row);
	l->buyer = row_uuid(row);
	l->seller = row_uuid(row);
	row_text(row, l->seller_name, sizeof l->seller_name);
	row_text(row, l->machine_name, sizeof l->machine_name);
	row_text(row, l->country, sizeof l->country);
	l->number = row_u32(row);
	row_text(row, l->name, sizeof l->name);
	row_text(row, l->ip, sizeof l->ip);
	row_text(row, l->mac, sizeof l->mac);
	l->state = (enum lease_state)row_enum(row, lease_state_names, LEASE_STATE_COUNT);
	l->reason = (enum end_reason)row_enum(row, end_reason_names, END_REASON_COUNT);
	row_text(row, l->detail, sizeof l->detail);
	l->accel = (enum accel)row_enum(row, accel_names, ACCEL_COUNT);
	l->cores = row_u32(row);
	l->memory_mib = row_u32(row);
	l->prices = row_prices(row);
	l->vcpu_ns = row_int(row);
	l->running_us = row_int(row);
	l->tx_bytes = row_int(row);
	l->rx_bytes = row_int(row);
	l->charged = row_money(row);
	l->commission = row_money(row);
	l->held = row_money(row);
	l->usage_cut = row_bool(row);
	row_text(row, l->path, sizeof l->path);
	l->feedback = (int)row_int(row);
	l->created_at = row_time(row);
	l->started_at = row_time(row);
	l->ended_at = row_time(row);
}

static void lease_read(struct row *row, void *element)
{
	struct lease_row *r = element;
	lease_read_view(row, &r->l);
	r->desired = (enum lease_state)row_enum(row, lease_state_names, LEASE_STATE_COUNT);
	r->desired_reason = (enum end_reason)row_enum(row, end_reason_names, END_REASON_COUNT);
	r->desired_at = row_time(row);
	r->duration_s = row_int(row);
	r->usage = (struct usage){ .seq = (uint64_t)row_int(row) };
	r->usage.vcpu_ns = (uint64_t)r->l.vcpu_ns;
	r->usage.running_us = (uint64_t)r->l.running_us;
	r->usage.tx_bytes = (uint64_t)r->l.tx_bytes;
	r->usage.rx_bytes = (uint64_t)r->l.rx_bytes;
	r->usage.previous = row_sha256(row);
	row_bytes(row, r->usage.signature.bytes, sizeof r->usage.signature.bytes);
	r->usage_hash = row_sha256(row);
	r->usage_at = row_time(row);
	r->budget_left = row_money(row);
	row_bytes(row, r->key.bytes, sizeof r->key.bytes);
	r->refunded = row_money(row);
	r->trusted = (enum trusted)row_enum(row, trusted_names, TRUSTED_COUNT);
	r->max_freeze_s = row_u32(row);
	r->scratch_mib = row_u32(row);
	r->display = (enum display)row_enum(row, display_names, DISPLAY_COUNT);
	r->l.withdrawable_at = row_time(row);
	r->resets = row_u32(row);
}

static const char GET_SQL[] = COLUMNS "WHERE l.id = $2";

err_t store_lease_get(struct store *s, uuid id, uuid asking, struct lease_row *ret)
{
	struct params p = { 0 };
	param_uuid(&p, asking);
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct lease_row lease = { 0 };
	lease_read(&row, &lease);
	TRY(row_end(s, &row));
	*ret = lease;
	return OK;
}

/* id: $2, or zero where the statement has none. */
static err_t lease_list(struct store *s, const char *sql, uuid asking, uuid id, struct lease_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, asking);
	if (!uuid_is_zero(id))
		param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, sql, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, lease_read, (void **)ret_rows, ret_count);
}

static const char OF_ORDER_SQL[] = COLUMNS "WHERE l.order_id = $2 ORDER BY l.number";

err_t store_lease_list_of_order(struct store *s, uuid order, uuid asking, struct lease_row **ret_rows, size_t *ret_count)
{
	return lease_list(s, OF_ORDER_SQL, asking, order, ret_rows, ret_count);
}

static const char OF_MACHINE_SQL[] = COLUMNS "WHERE l.machine_id = $2 AND l.state <> 'ended' ORDER BY l.id";

err_t store_lease_list_of_machine(struct store *s, uuid machine, struct lease_row **ret_rows, size_t *ret_count)
{
	return lease_list(s, OF_MACHINE_SQL, (uuid){ { 0 } }, machine, ret_rows, ret_count);
}

static const char LIVE_SQL[] = COLUMNS "WHERE l.state <> 'ended' ORDER BY l.id";

err_t store_lease_list_live(struct store *s, struct lease_row **ret_rows, size_t *ret_count)
{
	return lease_list(s, LIVE_SQL, (uuid){ { 0 } }, (uuid){ { 0 } }, ret_rows, ret_count);
}

static const char AGAIN_SQL[] = COLUMNS "WHERE l.id = ANY ($2)";

err_t store_lease_list_again(struct store *s, const uuid *ids, size_t count, struct lease_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, (uuid){ { 0 } });
	param_uuid_array(&p, ids, count);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, AGAIN_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, lease_read, (void **)ret_rows, ret_count);
}

/* ---- changes: all by the procedures of db/procedures/50_leases.sql ---- */

static const char STATE_SQL[] = "SELECT lease_set_state($1, $2, $3, $4, $5)";

err_t store_lease_state(struct store *s, uuid id, enum lease_state state, enum accel accel, const char *detail, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, lease_state_names[state]);
	param_text(&p, accel_names[accel]);
	param_text(&p, detail);
	param_time(&p, now);
	return store_query(s, STATE_SQL, &p, NULL);
}

static const char DESIRE_SQL[] = "SELECT lease_desire($1, $2, $3, $4)";

err_t store_lease_desire(struct store *s, uuid id, enum lease_state desired, enum end_reason reason, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, lease_state_names[desired]);
	param_text(&p, end_reason_names[reason]);
	param_time(&p, now);
	return store_query(s, DESIRE_SQL, &p, NULL);
}

static const char RESET_SQL[] = "SELECT lease_reset($1, $2)";

err_t store_lease_reset(struct store *s, uuid id, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_time(&p, now);
	return store_query(s, RESET_SQL, &p, NULL);
}

static const char ANNOUNCE_SQL[] = "SELECT lease_announce($1, $2)";

err_t store_lease_announce(struct store *s, uuid id, wall_time at)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_time(&p, at);
	return store_query(s, ANNOUNCE_SQL, &p, NULL);
}

static const char PATH_SQL[] = "SELECT lease_set_path($1, $2)";

err_t store_lease_path(struct store *s, uuid id, const char *path)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, path);
	return store_query(s, PATH_SQL, &p, NULL);
}

static const char USE_SQL[] = "SELECT lease_use($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

err_t store_lease_usage(struct store *s, uuid id, const struct usage *u, sha256 hash, bool cut, money charge_total,
			uint32_t commission_bp, money hold_target, wall_time now, struct lease_row *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_counter(&p, u->seq);
	param_counter(&p, u->vcpu_ns);
	param_counter(&p, u->running_us);
	param_counter(&p, u->tx_bytes);
	param_counter(&p, u->rx_bytes);
	param_sha256(&p, &u->previous);
	param_bytes(&p, u->signature.bytes, sizeof u->signature.bytes);
	param_sha256(&p, &hash);
	param_bool(&p, cut);
	param_money(&p, charge_total);
	param_int(&p, commission_bp);
	param_money(&p, hold_target);
	param_time(&p, now);
	TRY(store_query(s, USE_SQL, &p, NULL));
	return store_lease_get(s, id, (uuid){ { 0 } }, ret);
}

static const char LOCK_SQL[] = "SELECT leases_lock($1, $2)";

err_t store_leases_lock(struct store *s, uuid order, uuid machine)
{
	struct params p = { 0 };
	param_uuid(&p, order);
	param_uuid(&p, machine);
	return store_query(s, LOCK_SQL, &p, NULL);
}

static const char FINISH_SQL[] = "SELECT lease_finish($1, $2, $3, $4)";

err_t store_lease_end(struct store *s, uuid id, enum end_reason reason, const char *detail, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, end_reason_names[reason]);
	param_text(&p, detail ? detail : "");
	param_time(&p, now);
	return store_query(s, FINISH_SQL, &p, NULL);
}

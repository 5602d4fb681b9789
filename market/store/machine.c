/* SPDX-License-Identifier: Apache-2.0
 * machine.c - selling machines
 */
#include "batch.h"

static const char CREATE_SQL[] = "INSERT INTO machine (id, account, name, public_key) VALUES ($1, $2, $3, $4)";

err_t store_machine_create(struct store *s, uuid id, uuid account, const struct enrolment *e)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_uuid(&p, account);
	param_text(&p, e->name);
	param_bytes(&p, e->key.bytes, sizeof e->key.bytes);
	return store_query(s, CREATE_SQL, &p, NULL);
}

#define FIELDS                                                                                                                 \
	"SELECT m.id, m.account, m.name, m.country, m.version, m.state, m.accel, m.cores, m.memory_mib, m.score, "             \
	"coalesce(l.leases, 0), m.price_per_core_hour_micro, m.price_per_gib_hour_micro, "                                     \
	"m.price_per_gib_transferred_micro, m.created_at, m.seen_at, m.public_key, m.max_duration_s, m.accepting, a.name, "    \
	"coalesce(f.good, 0), coalesce(f.bad, 0), r.good, r.bad, m.failures, m.failed_at, "                                    \
	"m.measured_score, m.calibrated_at, m.off_reason, m.line_down_kbit_s, m.line_up_kbit_s, m.line_at, coalesce(l.cores, " \
	"0), "                                                                                                                 \
	"coalesce(l.memory_mib, 0) FROM machine m JOIN account a ON a.id = m.account "
#define LEASES                                                                               \
	"(SELECT machine_id, count(*) AS leases, coalesce(sum(cores), 0)::bigint AS cores, " \
	"coalesce(sum(memory_mib), 0)::bigint AS memory_mib FROM lease WHERE state <> 'ended' "
#define MARKS "(SELECT about, count(*) FILTER (WHERE good) AS good, count(*) FILTER (WHERE NOT good) AS bad FROM feedback "
#define COLUMNS                                                                                                    \
	FIELDS "LEFT JOIN LATERAL " LEASES "AND machine_id = m.id GROUP BY machine_id) l ON true "                 \
	       "LEFT JOIN LATERAL " MARKS "WHERE about = m.account AND side = 'seller' GROUP BY about) f ON true " \
	       "CROSS JOIN LATERAL reputation_marks(m.account, 'seller', now()) r "

static void machine_read(struct row *row, void *element)
{
	struct machine_row *r = element;
	struct machine *m = &r->m;
	m->id = row_uuid(row);
	m->account = row_uuid(row);
	row_text(row, m->name, sizeof m->name);
	row_text(row, m->country, sizeof m->country);
	row_text(row, m->version, sizeof m->version);
	m->state = (enum machine_state)row_enum(row, machine_state_names, MACHINE_STATE_COUNT);
	m->accel = (enum accel)row_enum(row, accel_names, ACCEL_COUNT);
	m->cores = row_u32(row);
	m->memory_mib = row_u32(row);
	m->score = row_u32(row);
	m->leases = row_u32(row);
	m->prices = row_prices(row);
	m->created_at = row_time(row);
	m->seen_at = row_time(row);
	row_bytes(row, r->key.bytes, sizeof r->key.bytes);
	r->max_duration_s = row_u32(row);
	r->accepting = row_bool(row);
	row_text(row, r->seller_name, sizeof r->seller_name);
	r->good = row_u32(row);
	r->bad = row_u32(row);
	r->rating_ppm = row_rating(row);
	r->failures = row_u32(row);
	r->failed_at = row_time(row);
	r->measured_score = row_u32(row);
	r->calibrated_at = row_time(row);
	row_text(row, r->off_reason, sizeof r->off_reason);
	r->line_down_kbit_s = row_u32(row);
	r->line_up_kbit_s = row_u32(row);
	r->line_at = row_time(row);
	r->cores_used = row_u32(row);
	r->memory_used_mib = row_u32(row);
}

static const char GET_SQL[] = COLUMNS "WHERE m.id = $1";

err_t store_machine_get(struct store *s, uuid id, struct machine_row *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct machine_row machine = { 0 };
	machine_read(&row, &machine);
	TRY(row_end(s, &row));
	*ret = machine;
	return OK;
}

static const char LIST_SQL[] = COLUMNS "WHERE m.account = $1 ORDER BY m.id DESC";
/* Of all: what is asked for each machine above is asked once for all, or once a seller. */
static const char LIST_ALL_SQL[] =
	FIELDS "LEFT JOIN " LEASES "GROUP BY machine_id) l ON l.machine_id = m.id "
	       "LEFT JOIN " MARKS "WHERE side = 'seller' GROUP BY about) f ON f.about = m.account "
	       "JOIN (SELECT s.account, k.good, k.bad FROM (SELECT DISTINCT account FROM machine WHERE state <> 'retired') s "
	       "CROSS JOIN LATERAL reputation_marks(s.account, 'seller', now()) k) r ON r.account = m.account "
	       "WHERE m.state <> 'retired' ORDER BY m.id DESC";

err_t store_machine_list(struct store *s, uuid account, struct machine_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	bool all = uuid_is_zero(account);
	if (!all)
		param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, all ? LIST_ALL_SQL : LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, machine_read, (void **)ret_rows, ret_count);
}

static const char UPDATE_SQL[] = "SELECT * FROM machines_update($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

#define OF(i) ((const struct updating *)(const void *)items[i])->row

static void update_fill(struct params *p, struct item **items, size_t count)
{
	COLUMN(p, param_uuid_array, uuid, count, OF(i).m.id);
	COLUMN(p, param_text_array, const char *, count, OF(i).m.country);
	COLUMN(p, param_text_array, const char *, count, OF(i).m.version);
	COLUMN(p, param_text_array, const char *, count, machine_state_names[OF(i).m.state]);
	COLUMN(p, param_text_array, const char *, count, accel_names[OF(i).m.accel]);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.cores);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.memory_mib);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.score);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.prices.per_core_hour.micro);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.prices.per_gib_hour.micro);
	COLUMN(p, param_int_array, int64_t, count, OF(i).m.prices.per_gib_transferred.micro);
	COLUMN(p, param_int_array, int64_t, count, OF(i).max_duration_s);
	COLUMN(p, param_bool_array, bool, count, OF(i).accepting);
	COLUMN(p, param_time_array, wall_time, count, OF(i).m.seen_at);
}

/* Retired is for good: only store_machine_retire() goes there, and nothing comes back. */
static err_t update_read(struct row *row, struct item *item)
{
	(void)item;
	return row_bool(row) ? OK : E_NOT_FOUND;
}

static bool update_fits(const struct item *item, struct item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (uuid_equal(OF(i).m.id, ((const struct updating *)(const void *)item)->row.m.id))
			return false;
	return true;
}

static const struct batch_kind update_kind = { UPDATE_SQL, update_fill, update_read, update_fits };

void lane_update(struct lane *l, struct updating *u)
{
	lane_add(l, &update_kind, &u->item);
}

err_t store_machine_update(struct store *s, const struct machine_row *machine)
{
	struct updating u = { .row = *machine };
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	update_fill(&p, (struct item *[]){ &u.item }, 1);
	TRY(store_query_one(s, UPDATE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	err_t e = update_read(&row, &u.item);
	TRY(row_end(s, &row));
	return e;
}

static const char LINE_SQL[] = "UPDATE machine SET line_down_kbit_s = $2, line_up_kbit_s = $3, line_at = $4 WHERE id = $1 AND "
			       "state <> 'retired' AND book_fence()";

err_t store_machine_line(struct store *s, uuid id, const struct line_row *line)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_int(&p, line->down_kbit_s);
	param_int(&p, line->up_kbit_s);
	param_time(&p, line->at);
	return store_query_one(s, LINE_SQL, &p, NULL);
}

static const char RETIRE_SQL[] = "UPDATE machine SET state = 'retired', accepting = false WHERE account = $1 AND id = $2 "
				 "AND state <> 'retired'";

err_t store_machine_retire(struct store *s, uuid account, uuid id)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, id);
	return store_query_one(s, RETIRE_SQL, &p, NULL);
}

static const char SEEN_SQL[] = "SELECT 1 FROM machines_see($1, $2)";

static void seen_fill(struct params *p, struct item **items, size_t count)
{
	const struct seeing *s = (const struct seeing *)(const void *)items[0];
	(void)count;
	param_uuid_array(p, s->machines, s->count);
	param_time(p, s->now);
}

static err_t seen_read(struct row *row, struct item *item)
{
	(void)item;
	(void)row_int(row);
	return OK;
}

static const struct batch_kind seen_kind = { SEEN_SQL, seen_fill, seen_read, batch_alone };

void lane_see(struct lane *l, struct seeing *s)
{
	lane_add(l, &seen_kind, &s->item);
}

err_t store_machine_seen(struct store *s, const uuid *ids, size_t count, wall_time now)
{
	/* Longer lists make the planner read the whole table. */
	enum { EACH = 200 };
	for (size_t i = 0; i < count; i += EACH) {
		struct params p = { 0 };
		param_uuid_array(&p, ids + i, count - i < EACH ? count - i : EACH);
		param_time(&p, now);
		TRY(store_query(s, SEEN_SQL, &p, NULL));
	}
	return OK;
}

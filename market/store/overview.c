/* SPDX-License-Identifier: Apache-2.0
 * overview.c - sums over the ledger: by day for one account, by account for operators
 */
#include "connection.h"
#include "people.h"

static void day_read(struct row *row, void *element)
{
	struct day_sums *d = element;
	row_text(row, d->day, sizeof d->day);
	d->earned = row_money(row);
	d->spent = row_money(row);
}

/* Days of UTC, the last one unfinished. What a charge brought to, or took from, the account's own together: one of before db/migrations/0061_holds.sql
 * filled the hold again, too. Back to the first posting of a time before them. */
static const char DAYS_SQL[] =
	"SELECT to_char(d, 'YYYY-MM-DD'), coalesce(sum(c.amount_micro) FILTER (WHERE c.amount_micro > 0), 0)::bigint, "
	"coalesce(-sum(c.amount_micro) FILTER (WHERE c.amount_micro < 0), 0)::bigint "
	"FROM generate_series(date_trunc('day', $3 AT TIME ZONE 'UTC') - ($2 - 1) * interval '1 day', date_trunc('day', $3 AT "
	"TIME ZONE 'UTC'), "
	"  interval '1 day') d "
	"LEFT JOIN (SELECT date_trunc('day', p.at AT TIME ZONE 'UTC') AS day, sum(w.amount_micro) AS amount_micro FROM "
	"ledger_account a, "
	"  (SELECT min(e.number) AS number FROM entry e WHERE e.posting = (SELECT id FROM posting "
	"    WHERE id >= uuid_v7_floor($3 - ($2 + 1) * interval '1 day') ORDER BY id LIMIT 1)) since, "
	"  LATERAL ledger_walk(a.id, 9223372036854775807, since.number, 9223372036854775807) w JOIN posting p ON p.id = "
	"w.posting "
	"  WHERE a.owner = $1 AND p.kind = 'charge' AND p.at > $3 - ($2 + 1) * interval '1 day' GROUP BY p.id) c "
	"ON c.day = d GROUP BY d ORDER BY d";

err_t store_day_sums(struct store *s, uuid account, int64_t days, wall_time now, struct day_sums **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_int(&p, days);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, DAYS_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, day_read, (void **)ret_rows, ret_count);
}

static void account_read(struct row *row, void *element)
{
	struct account_sums *a = element;
	a->account.id = row_uuid(row);
	row_text(row, a->account.email, sizeof a->account.email);
	row_text(row, a->account.name, sizeof a->account.name);
	a->account.operator_ = row_bool(row);
	a->account.created_at = row_time(row);
	a->account.second_factor = row_bool(row);
	a->available = row_money(row);
	a->held = row_money(row);
	a->orders = row_int(row);
	a->machines = row_int(row);
}

static const char ACCOUNTS_SQL[] =
	"SELECT a.id, a.email, a.name, a.operator, a.created_at, f.account IS NOT NULL, v.balance_micro - v.held_micro, "
	"v.held_micro, "
	"(SELECT count(*) FROM cpushare.order o WHERE o.buyer = a.id), "
	"(SELECT count(*) FROM machine m WHERE m.account = a.id AND m.state <> 'retired') FROM account a "
	"JOIN ledger_account v ON v.owner = a.id AND v.kind = 'funds' "
	"LEFT JOIN second_factor f ON f.account = a.id AND f.confirmed_at IS NOT NULL "
	"WHERE a.deleted_at IS NULL AND a.id < $1 ORDER BY a.id DESC LIMIT $2";

err_t store_account_list(struct store *s, struct page page, struct account_sums **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_before(&p, page);
	param_int(&p, page.limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, ACCOUNTS_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, account_read, (void **)ret_rows, ret_count);
}

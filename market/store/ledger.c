/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - balances, their history, the audit
 */
#include "connection.h"

static const char BALANCE_SQL[] =
	"SELECT f.balance_micro - f.held_micro, f.held_micro, coalesce(-o.balance_micro, 0) FROM ledger_account f "
	"LEFT JOIN ledger_account o ON o.owner = f.owner AND o.kind = 'owed' "
	"WHERE f.owner = $1 AND f.kind = 'funds'";

err_t store_balance(struct store *s, uuid account, struct balance *ret)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, BALANCE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	money available = row_money(&row), held = row_money(&row), owed = row_money(&row);
	TRY(row_end(s, &row));
	ret->available = available;
	ret->held = held;
	ret->owed = owed;
	return OK;
}

/* Found through the entries, walked back along each ledger account's history. A posting stands where its last entry of this owner
 * does, and may have three of them: more are looked at than are shown. The balance after it is that of the last entry up to it, of what
 * is owed (below zero), and of what was held once (db/migrations/0061_holds.sql). Where a time bounds them, the first posting since (its id begins with the time) tells which entries came before. */
static const char POSTINGS_SQL[] =
	"WITH mine AS MATERIALIZED (SELECT id, kind FROM ledger_account WHERE owner = $1), "
	"bound AS MATERIALIZED (SELECT coalesce((SELECT max(e.number) FROM entry e JOIN mine m ON m.id IN (e.debit, e.credit) "
	"  WHERE e.posting = $2), (SELECT max(number) FROM entry WHERE posting = ("
	"  SELECT id FROM posting WHERE id >= $4 ORDER BY id LIMIT 1)), 9223372036854775807) AS number), "
	"seen AS MATERIALIZED (SELECT m.kind, w.* FROM mine m, bound b, "
	"  LATERAL ledger_walk(m.id, b.number, 0, 3 * $3 + 3) w), "
	/* All of it once, newest last: what each account had at that moment is what its last entry until then tells. */
	"story AS (SELECT posting, number, amount_micro, kind, "
	"  max(ARRAY[number, balance_after]) FILTER (WHERE kind = 'funds') OVER w AS funds, "
	"  max(ARRAY[number, balance_after]) FILTER (WHERE kind = 'owed') OVER w AS owed, "
	"  max(ARRAY[number, balance_after]) FILTER (WHERE kind = 'held') OVER w AS held FROM seen WINDOW w AS (ORDER BY "
	"number)), "
	"page AS (SELECT posting, max(number) AS last, sum(amount_micro)::bigint AS change, "
	"    coalesce((max(funds))[2], 0) + coalesce((max(owed))[2], 0) + coalesce((max(held))[2], 0) AS balance "
	"  FROM story GROUP BY posting HAVING max(number) < (SELECT number FROM bound) ORDER BY last DESC LIMIT $3) "
	"SELECT p.id, CASE WHEN p.kind = 'charge' AND g.change > 0 THEN 'earning' ELSE p.kind END, "
	"  g.change, g.balance, p.order_id, p.lease_id, p.deposit_id, p.text, p.at "
	"FROM page g JOIN posting p ON p.id = g.posting ORDER BY g.last DESC";

static void posting_read(struct row *row, void *element)
{
	struct posting *p = element;
	p->id = row_uuid(row);
	row_text(row, p->kind, sizeof p->kind);
	p->amount_micro = row_int(row);
	p->balance_micro = row_int(row);
	p->order = row_uuid(row);
	p->lease = row_uuid(row);
	p->deposit = row_uuid(row);
	row_text(row, p->text, sizeof p->text);
	p->at = row_time(row);
}

/* The lowest UUID of version 7 (RFC 9562) of that time. */
static uuid first_id_at(wall_time at)
{
	uint64_t ms = (uint64_t)(at.us / MILLISECOND_US);
	uuid id = { 0 };
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	return id;
}

err_t store_postings(struct store *s, uuid account, struct page page, wall_time before, struct posting **ret_rows,
		     size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_uuid(&p, account);
	param_uuid(&p, page.after);
	param_int(&p, page.limit);
	param_uuid(&p, before.us ? first_id_at(before) : (uuid){ 0 });
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, POSTINGS_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, posting_read, (void **)ret_rows, ret_count);
}

static const char VERIFY_SQL[] =
	"SELECT postings, entries, accounts, sum_micro, unbalanced, negative, holds_difference_micro, "
	"orders_difference, commission_micro, external_micro, users_micro, payouts_micro, "
	"payouts_difference_micro, owed_micro, machines_difference FROM ledger_verify(), payouts_verify(), "
	"machines_verify()";

err_t store_ledger_verify(struct store *s, struct ledger_report *ret)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, VERIFY_SQL, NULL, &result));
	struct row row = row_of(result, 0);
	struct ledger_report report = { .postings = row_int(&row) };
	report.entries = row_int(&row);
	report.accounts = row_int(&row);
	report.sum_micro = row_int(&row);
	report.unbalanced = row_int(&row);
	report.negative = row_int(&row);
	report.holds_difference_micro = row_int(&row);
	report.orders_difference = row_int(&row);
	report.commission_micro = row_int(&row);
	report.external_micro = row_int(&row);
	report.users_micro = row_int(&row);
	report.payouts_micro = row_int(&row);
	report.payouts_difference_micro = row_int(&row);
	report.owed_micro = row_int(&row);
	report.machines_difference = row_int(&row);
	TRY(row_end(s, &row));
	*ret = report;
	return OK;
}

static const char WARN_SQL[] = "SELECT funds_warn($1, $2, $3, $4, $5, $6)";

err_t store_funds_warn(struct store *s, uuid account, uuid order, money left, money per_hour, wall_time runs_out_at,
		       wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, order);
	param_int(&p, left.micro);
	param_int(&p, per_hour.micro);
	param_time(&p, runs_out_at);
	param_time(&p, now);
	return store_query(s, WARN_SQL, &p, NULL);
}

static const char WELL_SQL[] = "SELECT funds_well($1)";

err_t store_funds_well(struct store *s, const uuid *but, size_t count)
{
	struct params p = { 0 };
	param_uuid_array(&p, but, count);
	return store_query(s, WELL_SQL, &p, NULL);
}

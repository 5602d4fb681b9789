/* SPDX-License-Identifier: Apache-2.0
 * deposit.c - money coming in
 */
#include "connection.h"

#define COLUMNS                                                                                                         \
	"SELECT id, account, provider, state, amount_micro, commission_micro, credit_micro, instructions, created_at, " \
	"credited_at, checkout, pay_url, note, reversed_micro "
#define FROM "FROM deposit "

static void deposit_read(struct row *row, void *element)
{
	struct deposit *d = element;
	d->id = row_uuid(row);
	d->account = row_uuid(row);
	row_text(row, d->provider, sizeof d->provider);
	d->state = (enum deposit_state)row_enum(row, deposit_state_names, DEPOSIT_STATE_COUNT);
	d->amount = row_money(row);
	d->commission = row_money(row);
	d->credit = row_money(row);
	row_text(row, d->instructions, sizeof d->instructions);
	d->created_at = row_time(row);
	d->credited_at = row_time(row);
	row_text(row, d->checkout, sizeof d->checkout);
	row_text(row, d->pay_url, sizeof d->pay_url);
	row_text(row, d->note, sizeof d->note);
	d->reversed = row_money(row);
}

static const char CREATE_SQL[] = "SELECT deposit_create($1, $2, $3, $4, $5, $6, $7, $8, $9)";

err_t store_deposit_create(struct store *s, const struct deposit *d)
{
	struct params p = { 0 };
	param_uuid(&p, d->id);
	param_uuid(&p, d->account);
	param_text(&p, d->provider);
	param_text(&p, deposit_state_names[d->state]);
	param_money(&p, d->amount);
	param_money(&p, d->commission);
	param_money(&p, d->credit);
	param_text(&p, d->instructions);
	param_time(&p, d->created_at);
	return store_query(s, CREATE_SQL, &p, NULL);
}

static const char GET_SQL[] = COLUMNS FROM "WHERE id = $1";

err_t store_deposit_get(struct store *s, uuid id, struct deposit *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct deposit deposit = { 0 };
	deposit_read(&row, &deposit);
	TRY(row_end(s, &row));
	*ret = deposit;
	return OK;
}

static const char LIST_SQL[] = COLUMNS FROM "WHERE account = $1 AND id < $2 AND ($3::text IS NULL OR state = $3) "
					    "ORDER BY id DESC LIMIT $4";
static const char LIST_ALL_SQL[] = COLUMNS FROM "WHERE $1::uuid IS NULL AND id < $2 AND ($3::text IS NULL OR state = $3) "
						"ORDER BY id DESC LIMIT $4";

err_t store_deposit_list(struct store *s, uuid account, enum deposit_state state, struct page page, struct deposit **ret_rows,
			 size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_uuid(&p, account);
	param_before(&p, page);
	param_text(&p, state < DEPOSIT_STATE_COUNT ? deposit_state_names[state] : NULL);
	param_int(&p, page.limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, uuid_is_zero(account) ? LIST_ALL_SQL : LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, deposit_read, (void **)ret_rows, ret_count);
}

static const char CREDIT_SQL[] = "SELECT deposit_credit($1, $2)";

err_t store_deposit_credit(struct store *s, uuid id, const char *reference, struct deposit *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, reference);
	TRY(store_query(s, CREDIT_SQL, &p, NULL));
	return store_deposit_get(s, id, ret);
}

static const char FAIL_SQL[] = "SELECT deposit_fail($1)";

err_t store_deposit_fail(struct store *s, uuid id, struct deposit *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	TRY(store_query(s, FAIL_SQL, &p, NULL));
	return store_deposit_get(s, id, ret);
}

/* ---- what providers tell ---- */

static const char DUE_SQL[] = COLUMNS "FROM deposit_due($1, $2, $3)";

err_t store_deposit_due(struct store *s, wall_time now, int64_t interval_us, uint32_t limit, struct deposit **ret_rows,
			size_t *ret_count)
{
	struct params p = { 0 };
	param_time(&p, now);
	param_int(&p, interval_us);
	param_int(&p, limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, DUE_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, deposit_read, (void **)ret_rows, ret_count);
}

static const char HURRY_SQL[] = "SELECT deposit_hurry($1, $2)";

err_t store_deposit_hurry(struct store *s, uuid id, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_time(&p, now);
	return store_query(s, HURRY_SQL, &p, NULL);
}

static const char STARTED_SQL[] = "SELECT deposit_started($1, $2, $3)";

err_t store_deposit_started(struct store *s, uuid id, const char *checkout, const char *url)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, checkout);
	param_text(&p, url);
	return store_query(s, STARTED_SQL, &p, NULL);
}

static const char PAID_SQL[] = "SELECT deposit_paid($1, $2, $3, $4, $5)";

err_t store_deposit_paid(struct store *s, uuid id, const char *provider, const char *reference, int64_t amount_micro,
			 const char *told, char *ret_outcome)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, provider);
	param_text(&p, reference);
	param_int(&p, amount_micro);
	param_text(&p, told);
	return outcome_query(s, PAID_SQL, &p, ret_outcome);
}

static const char LOST_SQL[] = "SELECT deposit_lost($1, $2, $3)";

err_t store_deposit_lost(struct store *s, uuid id, const char *provider, const char *note)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, provider);
	param_text(&p, note);
	return store_query(s, LOST_SQL, &p, NULL);
}

static const char REVERSE_SQL[] = "SELECT deposit_reverse($1, $2, $3, $4)";

err_t store_deposit_reverse(struct store *s, const char *provider, const char *payment, const char *reference, money amount)
{
	struct params p = { 0 };
	param_text(&p, provider);
	param_text(&p, payment);
	param_text(&p, reference);
	param_money(&p, amount);
	return store_query(s, REVERSE_SQL, &p, NULL);
}

static const char COLLECT_SQL[] = "SELECT debts_collect()";

err_t store_debts_collect(struct store *s)
{
	return store_query(s, COLLECT_SQL, NULL, NULL);
}

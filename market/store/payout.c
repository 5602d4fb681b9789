/* SPDX-License-Identifier: Apache-2.0
 * payout.c - money going out
 */
#include "connection.h"

#define COLUMNS                                                                                       \
	"SELECT id, account, provider, receiver, state, amount_micro, commission_micro, send_micro, " \
	"approved_at IS NOT NULL, note, created_at, sent_at, ended_at, reference "
#define FROM "FROM payout "

static void payout_read(struct row *row, void *element)
{
	struct payout *p = element;
	p->id = row_uuid(row);
	p->account = row_uuid(row);
	row_text(row, p->provider, sizeof p->provider);
	row_text(row, p->receiver, sizeof p->receiver);
	p->state = (enum payout_state)row_enum(row, payout_state_names, PAYOUT_STATE_COUNT);
	p->amount = row_money(row);
	p->commission = row_money(row);
	p->send = row_money(row);
	p->approved = row_bool(row);
	row_text(row, p->note, sizeof p->note);
	p->created_at = row_time(row);
	p->sent_at = row_time(row);
	p->ended_at = row_time(row);
	row_text(row, p->reference, sizeof p->reference);
}

static const char CREATE_SQL[] = "SELECT payout_create($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

err_t store_payout_create(struct store *s, const struct payout *payout, bool due)
{
	struct params p = { 0 };
	param_uuid(&p, payout->id);
	param_uuid(&p, payout->account);
	param_text(&p, payout->provider);
	param_text(&p, payout->receiver);
	param_money(&p, payout->amount);
	param_money(&p, payout->commission);
	param_money(&p, payout->send);
	param_bool(&p, payout->approved);
	param_bool(&p, due);
	param_time(&p, payout->created_at);
	return store_query(s, CREATE_SQL, &p, NULL);
}

static const char GET_SQL[] = COLUMNS FROM "WHERE id = $1";

err_t store_payout_get(struct store *s, uuid id, struct payout *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct payout payout = { 0 };
	payout_read(&row, &payout);
	TRY(row_end(s, &row));
	*ret = payout;
	return OK;
}

static const char LIST_SQL[] = COLUMNS FROM "WHERE account = $1 AND id < $2 AND ($3::text IS NULL OR state = $3) "
					    "ORDER BY id DESC LIMIT $4";
static const char LIST_ALL_SQL[] = COLUMNS FROM "WHERE $1::uuid IS NULL AND id < $2 AND ($3::text IS NULL OR state = $3) "
						"ORDER BY id DESC LIMIT $4";

err_t store_payout_list(struct store *s, uuid account, enum payout_state state, struct page page, struct payout **ret_rows,
			size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_uuid(&p, account);
	param_before(&p, page);
	param_text(&p, state < PAYOUT_STATE_COUNT ? payout_state_names[state] : NULL);
	param_int(&p, page.limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, uuid_is_zero(account) ? LIST_ALL_SQL : LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, payout_read, (void **)ret_rows, ret_count);
}

static const char APPROVE_SQL[] = "SELECT payout_approve($1, $2, $3, $4)";

err_t store_payout_approve(struct store *s, uuid id, uuid by, bool due, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_uuid(&p, by);
	param_bool(&p, due);
	param_time(&p, now);
	return store_query(s, APPROVE_SQL, &p, NULL);
}

static const char DUE_SQL[] = COLUMNS "FROM payout_due($1, $2, $3)";

err_t store_payout_due(struct store *s, wall_time now, int64_t interval_us, uint32_t limit, struct payout **ret_rows,
		       size_t *ret_count)
{
	struct params p = { 0 };
	param_time(&p, now);
	param_int(&p, interval_us);
	param_int(&p, limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, DUE_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, payout_read, (void **)ret_rows, ret_count);
}

static const char SENT_SQL[] = "SELECT payout_sent($1, $2, $3)";

err_t store_payout_sent(struct store *s, uuid id, const char *reference, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, *reference ? reference : NULL);
	param_time(&p, now);
	return store_query(s, SENT_SQL, &p, NULL);
}

static const char NOTE_SQL[] = "SELECT payout_note($1, $2)";

err_t store_payout_note(struct store *s, uuid id, const char *note)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, note);
	return store_query(s, NOTE_SQL, &p, NULL);
}

static const char PAID_SQL[] = "SELECT payout_paid($1, $2)";

err_t store_payout_paid(struct store *s, uuid id, wall_time now, char *ret_outcome)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_time(&p, now);
	return outcome_query(s, PAID_SQL, &p, ret_outcome);
}

static const char FAIL_SQL[] = "SELECT payout_fail($1, $2, $3)";

err_t store_payout_fail(struct store *s, uuid id, const char *note, wall_time now, char *ret_outcome)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, note);
	param_time(&p, now);
	return outcome_query(s, FAIL_SQL, &p, ret_outcome);
}

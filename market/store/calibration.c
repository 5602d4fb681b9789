/* SPDX-License-Identifier: Apache-2.0
 * calibration.c - what the market keeps of its calibrations
 */
#include "calibrations.h"
#include "connection.h"
#include "file.h"

/* ---- whose name it is bought in ---- */

static const char BUYER_SQL[] = "SELECT b.account FROM calibration_buyer b WHERE NOT EXISTS (SELECT 1 FROM lease l "
				"WHERE l.buyer = b.account AND l.seller = $1) ORDER BY random() LIMIT 1";
static const char BUYER_MAKE_SQL[] = "SELECT calibration_buyer_make($1, $2)";

/* As people are called; sellers see it. */
static void buyer_name(char *text, size_t size)
{
	static const char *const first[] = { "al", "bo", "ca", "da", "el", "fa", "gi", "ha",
					     "io", "ja", "ka", "le", "mi", "no", "pa", "ro" };
	static const char *const last[] = { "",	   "n",	 "s",	"ra",  "mo",  "ti", "na",  "lin",
					    "das", "ko", "vic", "ber", "man", "ta", "rie", "x" };
	uint8_t r[4];
	random_fill(r, sizeof r);
	snprintf(text, size, "%s%s%s", first[r[0] % 16], first[r[1] % 16], last[r[2] % 16]);
	if (r[3] & 1)
		snprintf(text + strlen(text), size - strlen(text), "%u", r[3] >> 1);
}

err_t store_calibration_buyer(struct store *s, uuid seller, wall_time now, uuid *ret_account)
{
	struct params find = { 0 }, make = { 0 };
	AUTO_RESULT *result = NULL;
	char name[NAME_SIZE];
	param_uuid(&find, seller);
	err_t e = store_query_one(s, BUYER_SQL, &find, &result);
	if (e == OK) {
		struct row row = row_of(result, 0);
		uuid account = row_uuid(&row);
		TRY(row_end(s, &row));
		*ret_account = account;
		return OK;
	}
	if (e != E_NOT_FOUND)
		return e;
	uuid account = uuid_make(now);
	buyer_name(name, sizeof name);
	param_uuid(&make, account);
	param_text(&make, name);
	TRY(store_query(s, BUYER_MAKE_SQL, &make, NULL));
	*ret_account = account;
	return OK;
}

static const char PAY_SQL[] = "SELECT calibration_pay($1, $2, $3)";

err_t store_calibration_pay(struct store *s, uuid buyer, money amount, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, buyer);
	param_money(&p, amount);
	param_time(&p, now);
	return store_query(s, PAY_SQL, &p, NULL);
}

static const char RETURN_SQL[] = "SELECT calibration_return($1, $2)";

err_t store_calibration_return(struct store *s, uuid buyer, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, buyer);
	param_time(&p, now);
	return store_query(s, RETURN_SQL, &p, NULL);
}

static const char FUND_SQL[] = "SELECT calibration_fund($1, $2, $3)";

err_t store_calibration_fund(struct store *s, money amount, const char *by, wall_time now)
{
	struct params p = { 0 };
	param_money(&p, amount);
	param_text(&p, by);
	param_time(&p, now);
	return store_query(s, FUND_SQL, &p, NULL);
}

/* ---- calibrations ---- */

static const char BEGIN_SQL[] =
	"INSERT INTO calibration (id, machine, buyer, order_id, lease_id, image, cores, memory_mib, claimed, "
	"began_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
static const char BEGUN_SQL[] = "UPDATE machine SET calibration_asked = false WHERE id = $1";

err_t store_calibration_begin(struct store *s, const struct calibration_row *row)
{
	struct params p = { 0 }, begun = { 0 };
	param_uuid(&p, row->id);
	param_uuid(&p, row->machine);
	param_uuid(&p, row->buyer);
	param_uuid(&p, row->order);
	param_uuid(&p, row->lease);
	param_sha256(&p, &row->image);
	param_int(&p, row->cores);
	param_int(&p, row->memory_mib);
	param_int(&p, row->claimed);
	param_time(&p, row->began_at);
	TRY(store_query(s, BEGIN_SQL, &p, NULL));
	param_uuid(&begun, row->machine);
	return store_query(s, BEGUN_SQL, &begun, NULL);
}

static const char END_SQL[] = "UPDATE calibration SET ended_at = $2, result = $3, score = $4, took_us = $5, detail = $6 "
			      "WHERE id = $1 AND ended_at IS NULL AND book_fence()";
/* A failed one says nothing of the machine. */
static const char JUDGE_SQL[] =
	"UPDATE machine SET calibrated_at = $2, measured_score = CASE $3 WHEN 'good' THEN $4 ELSE measured_score END, "
	"off_reason = CASE $3 WHEN 'good' THEN '' WHEN 'failed' THEN off_reason ELSE $5 END WHERE id = $1";

err_t store_calibration_end(struct store *s, const struct calibration_row *row)
{
	struct params p = { 0 }, judge = { 0 };
	param_uuid(&p, row->id);
	param_time(&p, row->ended_at);
	param_text(&p, calibration_result_names[row->result]);
	param_int(&p, row->score);
	param_int(&p, row->took_us);
	param_text(&p, row->detail);
	TRY(store_query_one(s, END_SQL, &p, NULL));
	param_uuid(&judge, row->machine);
	param_time(&judge, row->ended_at);
	param_text(&judge, calibration_result_names[row->result]);
	param_int(&judge, row->score);
	param_text(&judge, row->detail);
	return store_query(s, JUDGE_SQL, &judge, NULL);
}

#define COLUMNS                                                                                                            \
	"SELECT c.id, c.machine, c.buyer, c.order_id, c.lease_id, c.image, c.cores, c.memory_mib, c.claimed, c.began_at, " \
	"c.ended_at, c.result, c.score, c.took_us, c.detail, m.name FROM calibration c JOIN machine m ON m.id = c.machine "

static void calibration_read(struct row *row, void *element)
{
	struct calibration_row *c = element;
	c->id = row_uuid(row);
	c->machine = row_uuid(row);
	c->buyer = row_uuid(row);
	c->order = row_uuid(row);
	c->lease = row_uuid(row);
	c->image = row_sha256(row);
	c->cores = row_u32(row);
	c->memory_mib = row_u32(row);
	c->claimed = row_u32(row);
	c->began_at = row_time(row);
	c->ended_at = row_time(row);
	c->result = (enum calibration_result)row_enum(row, calibration_result_names, CALIBRATION_RESULT_COUNT);
	c->score = row_u32(row);
	c->took_us = row_int(row);
	row_text(row, c->detail, sizeof c->detail);
	row_text(row, c->machine_name, sizeof c->machine_name);
}

static const char LIST_SQL[] = COLUMNS "WHERE $1::uuid IS NULL OR c.machine = $1 ORDER BY c.began_at DESC, c.id DESC LIMIT $2";

err_t store_calibration_list(struct store *s, uuid machine, uint32_t limit, struct calibration_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, machine);
	param_int(&p, limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, calibration_read, (void **)ret_rows, ret_count);
}

static const char UNENDED_SQL[] = COLUMNS "WHERE c.ended_at IS NULL";

err_t store_calibration_unended(struct store *s, struct calibration_row **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, UNENDED_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, calibration_read, (void **)ret_rows, ret_count);
}

static const char COUNT_SQL[] = "SELECT count(*) FROM calibration WHERE machine = $1 AND began_at > $2";

err_t store_calibration_count(struct store *s, uuid machine, wall_time since, int64_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, machine);
	param_time(&p, since);
	return store_query_int(s, COUNT_SQL, &p, ret_count);
}

static const char SPENT_SQL[] = "SELECT coalesce(sum(o.budget_micro), 0)::bigint FROM calibration c JOIN cpushare.order o "
				"ON o.id = c.order_id WHERE c.began_at > $1";

err_t store_calibration_spent(struct store *s, wall_time since, money *ret)
{
	struct params p = { 0 };
	param_time(&p, since);
	return store_query_int(s, SPENT_SQL, &p, &ret->micro);
}

static const char ASK_SQL[] = "UPDATE machine SET calibration_asked = true WHERE id = $1 AND state <> 'retired'";

err_t store_calibration_ask(struct store *s, uuid machine)
{
	struct params p = { 0 };
	param_uuid(&p, machine);
	return store_query_one(s, ASK_SQL, &p, NULL);
}

static const char WANT_SQL[] = "UPDATE machine SET calibration_asked = true, calibration_wanted_at = $4 WHERE id = $2 AND "
			       "account = $1 AND state <> 'retired' AND "
			       "(calibration_wanted_at IS NULL OR calibration_wanted_at <= $3)";

err_t store_calibration_want(struct store *s, uuid account, uuid machine, wall_time since, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, machine);
	param_time(&p, since);
	param_time(&p, now);
	return store_query_one(s, WANT_SQL, &p, NULL);
}

static const char FUNDS_SQL[] = "SELECT balance_micro FROM ledger_account WHERE owner IS NULL AND kind = 'commission'";

err_t store_calibration_funds(struct store *s, money *ret)
{
	struct params p = { 0 };
	return store_query_int(s, FUNDS_SQL, &p, &ret->micro);
}

static void id_read(struct row *row, void *element)
{
	*(uuid *)element = row_uuid(row);
}

/* At random, so that however many that cannot be measured do not hold up those that can. */
static const char ASKED_SQL[] = "SELECT id FROM machine WHERE calibration_asked AND state = 'online' ORDER BY random() LIMIT 100";

err_t store_calibration_asked(struct store *s, uuid **ret_machines, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, ASKED_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_machines, id_read, (void **)ret_machines, ret_count);
}

static void left_read(struct row *row, void *element)
{
	struct calibration_left *l = element;
	l->buyer = row_uuid(row);
	l->image = row_sha256(row);
}

/* OFFSET 0: a look at each image's orders by their index. As a join it is all open orders that are read, where the planner knows nothing of
 * so small tables. */
static const char LEFT_SQL[] =
	"SELECT i.account, i.id FROM image i JOIN calibration_buyer b ON b.account = i.account WHERE NOT EXISTS "
	"(SELECT 1 FROM cpushare.order o WHERE o.buyer = i.account AND o.image = i.id AND o.ended_at IS NULL OFFSET 0)";

err_t store_calibration_left(struct store *s, struct calibration_left **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LEFT_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, left_read, (void **)ret_rows, ret_count);
}

/* ---- what sellers are told of the market ---- */

/* Ids begin with their time, so that the newest are found by them. */
static const char RECENT_SQL[] =
	"SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY price), max(price), percentile_disc(0.5) WITHIN GROUP "
	"(ORDER BY rating), "
	"percentile_disc(0.5) WITHIN GROUP (ORDER BY score) FROM (SELECT max_price_per_core_hour_micro::bigint AS price, "
	"  coalesce((constraints ->> 'min_rating_ppm')::bigint, 0) AS rating, coalesce((constraints ->> 'min_score')::bigint, 0) "
	"AS score "
	"  FROM cpushare.order WHERE created_at > $1 AND buyer NOT IN (SELECT account FROM calibration_buyer) ORDER BY id DESC "
	"LIMIT 1000) o";

err_t store_recent_orders(struct store *s, wall_time since, struct recent_orders *ret)
{
	struct params p = { 0 };
	struct recent_orders recent = { 0 };
	AUTO_RESULT *result = NULL;
	param_time(&p, since);
	TRY(store_query(s, RECENT_SQL, &p, &result));
	struct row row = row_of(result, 0);
	recent.orders = row_int(&row);
	recent.median_price = row_money(&row);
	recent.highest_price = row_money(&row);
	recent.median_rating_ppm = row_u32(&row);
	recent.median_score = row_u32(&row);
	TRY(row_end(s, &row));
	*ret = recent;
	return OK;
}

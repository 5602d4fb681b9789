/* SPDX-License-Identifier: Apache-2.0
 * history.c - how the market and those in it did: samples, days, standings
 */
#include "history.h"

#include "connection.h"

/* ---- writing ---- */

static const char SAMPLE_SQL[] = "SELECT history_sample($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

err_t store_history_sample(struct store *s, const struct market_sample *sample, wall_time since)
{
	struct params p = { 0 };
	param_time(&p, sample->at);
	param_time(&p, since);
	param_int(&p, sample->machines);
	param_int(&p, sample->cores_offered);
	param_int(&p, sample->cores_free);
	param_int(&p, sample->cores_wanted);
	param_int(&p, sample->cores_leased);
	param_int(&p, sample->ask_p10_micro);
	param_int(&p, sample->ask_median_micro);
	param_int(&p, sample->ask_p90_micro);
	param_int(&p, sample->bid_best_micro);
	return store_query(s, SAMPLE_SQL, &p, NULL);
}

static const char HEARD_SQL[] = "SELECT history_heard($1, $2, $3, $4)";

err_t store_history_heard(struct store *s, const uuid *machines, const int64_t *scores, size_t count, wall_time now,
			  int64_t minutes)
{
	struct params p = { 0 };
	param_uuid_array(&p, machines, count);
	param_int_array(&p, scores, count);
	param_time(&p, now);
	param_int(&p, minutes);
	return store_query(s, HEARD_SQL, &p, NULL);
}

static const char FOLD_SQL[] = "SELECT history_fold($1)";

err_t store_history_fold(struct store *s, uint32_t limit, int64_t *ret_count)
{
	struct params p = { 0 };
	param_int(&p, limit);
	return store_query_int(s, FOLD_SQL, &p, ret_count);
}

/* Those of whom something happened; and those whose rating is a day old, for it fades. */
static const char UNRATED_SQL[] =
	"SELECT s.account, s.leases::bigint + s.good + s.bad + s.disputes + s.upheld, m.good, m.bad FROM ("
	"  (SELECT * FROM standing WHERE NOT rated AND side = $1 LIMIT $2) UNION "
	"  (SELECT * FROM standing WHERE side = $1 AND rated_at < $3::timestamptz - interval '1 day' ORDER BY rated_at LIMIT "
	"$2)) s "
	"CROSS JOIN LATERAL reputation_marks(s.account, s.side, $3) m LIMIT $2";
static const char RATE_SQL[] = "SELECT history_rate($1, $2, $3, $4, $5)";

#define RATE_MAX 500
err_t store_history_rate(struct store *s, const char *side, uint32_t limit, wall_time now, size_t *ret_count)
{
	uuid ids[RATE_MAX];
	int64_t changes[RATE_MAX], ratings[RATE_MAX];
	struct params p = { 0 }, rated = { 0 };
	AUTO_RESULT *result = NULL;
	param_text(&p, side);
	param_int(&p, limit < RATE_MAX ? limit : RATE_MAX);
	param_time(&p, now);
	TRY(store_query(s, UNRATED_SQL, &p, &result));
	size_t count = (size_t)PQntuples(result);
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(result, (int)i);
		ids[i] = row_uuid(&row);
		changes[i] = row_int(&row);
		ratings[i] = row_rating(&row);
		TRY(row_end(s, &row));
	}
	*ret_count = count;
	if (!count)
		return OK;
	param_uuid_array(&rated, ids, count);
	param_text(&rated, side);
	param_int_array(&rated, changes, count);
	param_int_array(&rated, ratings, count);
	param_time(&rated, now);
	return store_query(s, RATE_SQL, &rated, NULL);
}

static const char FORGET_SQL[] = "SELECT history_forget($1, $2)";

err_t store_history_forget(struct store *s, wall_time before, uint32_t limit)
{
	struct params p = { 0 };
	param_time(&p, before);
	param_int(&p, limit);
	return store_query(s, FORGET_SQL, &p, NULL);
}

/* ---- the market ---- */

static err_t query_json(struct store *s, const char *sql, struct params *p, char **ret_json)
{
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, sql, p, &result));
	struct row row = row_of(result, 0);
	char *text = row_text_new(&row);
	err_t e = row_end(s, &row);
	if (e == OK && !text)
		e = E_NOT_FOUND;
	if (e) {
		free(text);
		return e;
	}
	*ret_json = text;
	return OK;
}

#define RFC3339 "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'"

static const char TRADES_SQL[] =
	"SELECT coalesce(json_agg(t), '[]')::text FROM ("
	"  SELECT to_char(l.created_at AT TIME ZONE 'UTC', " RFC3339
	") AS at, l.price_per_core_hour_micro, l.cores, l.memory_mib, "
	"  m.country, l.accel FROM lease l JOIN machine m ON m.id = l.machine_id ORDER BY l.id DESC LIMIT $1) t";

err_t store_trades(struct store *s, uint32_t limit, char **ret_json)
{
	struct params p = { 0 };
	param_int(&p, limit);
	return query_json(s, TRADES_SQL, &p, ret_json);
}

/* clang-format off */
/* A step's prices of trades are means weighted by the number of trades. */
#define MEAN(what) "round(avg(" what "))::bigint AS " what ", "
#define TRADE_MEAN(what) \
	"(sum(" what "::numeric * trades) / nullif(sum(trades) FILTER (WHERE trades > 0), 0))::bigint AS " what ", "
static const char SAMPLES_SQL[] =
	"SELECT coalesce(json_agg(t ORDER BY t.at), '[]')::text FROM ("
	"  SELECT to_char(date_bin(make_interval(secs => $2), at, 'epoch') AT TIME ZONE 'UTC', " RFC3339 ") AS at, "
	MEAN("machines") MEAN("cores_offered") MEAN("cores_free") MEAN("cores_wanted") MEAN("cores_leased")
	MEAN("ask_p10_micro") MEAN("ask_median_micro") MEAN("ask_p90_micro") MEAN("bid_best_micro")
	TRADE_MEAN("trade_p10_micro") TRADE_MEAN("trade_median_micro") TRADE_MEAN("trade_p90_micro")
	"  sum(trade_cores)::bigint AS trade_cores, sum(trades)::bigint AS trades FROM market_sample WHERE at >= $1 GROUP BY 1) t";
/* clang-format on */

err_t store_samples(struct store *s, wall_time from, int64_t step_s, char **ret_json)
{
	struct params p = { 0 };
	param_time(&p, from);
	param_int(&p, step_s);
	return query_json(s, SAMPLES_SQL, &p, ret_json);
}

/* clang-format off */
static const char OUTCOMES_SQL[] =
	"SELECT json_build_object('ends', (SELECT coalesce(json_agg(t ORDER BY t.leases DESC, t.reason, t.bucket), '[]') FROM ("
	"    SELECT reason, bucket, sum(leases)::bigint AS leases FROM outcome_day WHERE day >= ($1 AT TIME ZONE 'UTC')::date "
	"    GROUP BY reason, bucket) t), "
	"  'running', (SELECT coalesce(json_agg(t ORDER BY t.bucket), '[]') FROM ("
	"    SELECT least(floor(ln(greatest(extract(epoch FROM clock_timestamp() - started_at), 0)::float8 / 60 + 1) / ln(2.0::float8)) + 1, "
	"      15)::int AS bucket, count(*) AS leases FROM lease WHERE state <> 'ended' AND started_at IS NOT NULL "
	"    GROUP BY 1) t), "
	"  'sellers', (SELECT count(*) FROM standing WHERE side = 'seller'), "
	"  'ratings', (SELECT json_agg(coalesce(d.count, 0) ORDER BY n) FROM generate_series(0, 19) n LEFT JOIN ("
	"    SELECT least(rating_ppm / 50000, 19) AS bin, count(*) AS count FROM standing WHERE side = 'seller' AND good + bad > 0 "
	"    GROUP BY 1) d ON d.bin = n))::text";
/* clang-format on */

err_t store_outcomes(struct store *s, wall_time from, char **ret_json)
{
	struct params p = { 0 };
	param_time(&p, from);
	return query_json(s, OUTCOMES_SQL, &p, ret_json);
}

/* Of the two thousand best, those who gained most since the end of the month before. */
/* clang-format off */
static const char IMPROVED_SQL[] =
	"SELECT coalesce(json_agg(t), '[]')::text FROM ("
	"  SELECT s.account AS id, a.name, s.rating_ppm, coalesce(r.rating_ppm, 0) AS rating_before_ppm, s.good + s.bad AS marks "
	"  FROM (SELECT * FROM standing WHERE side = 'seller' ORDER BY rating_ppm DESC, account DESC LIMIT 2000) s "
	"  JOIN account a ON a.id = s.account AND a.deleted_at IS NULL "
	"  LEFT JOIN rating_month r ON r.account = s.account AND r.side = 'seller' "
	"    AND r.month = (date_trunc('month', $1 AT TIME ZONE 'UTC') - interval '1 month')::date "
	"  WHERE s.rating_ppm > coalesce(r.rating_ppm, 0) "
	"  ORDER BY s.rating_ppm - coalesce(r.rating_ppm, 0) DESC, s.account LIMIT $2) t";
/* clang-format on */

err_t store_improved(struct store *s, wall_time now, uint32_t limit, char **ret_json)
{
	struct params p = { 0 };
	param_time(&p, now);
	param_int(&p, limit);
	return query_json(s, IMPROVED_SQL, &p, ret_json);
}

/* ---- those in it ---- */

/* clang-format off */
#define MARKS(side) \
	"(SELECT coalesce(json_agg(json_build_object('day', day, 'good', good, 'bad', bad) ORDER BY day), '[]') FROM (" \
	"SELECT day, good, bad FROM mark_day WHERE account = $1 AND side = " side " ORDER BY day DESC LIMIT 366) m)"

/* The machines that were heard last, and of each what 90 days were like: minutes a day, and the speed that it claimed; 0 where it was not
 * there. The last is today. And what its TPM proved last, where that was without fault under the policy that holds. */
static const char SELLER_HISTORY_SQL[] =
	"SELECT json_build_object('days', 90, 'marks', " MARKS("'seller'") ", "
	"  'reasons', (SELECT coalesce(json_agg(json_build_object('reason', reason, 'leases', leases) ORDER BY leases DESC, reason), "
	"    '[]') FROM seller_reason WHERE seller = $1), "
	"  'direct', s.direct, 'relayed', s.relayed, 'disputes', s.disputes, 'upheld', s.upheld, "
	"  'machines', (SELECT coalesce(json_agg(json_build_object('name', m.name, 'minutes', d.minutes, 'scores', d.scores, "
	"      'proven', t.proven)), '[]') "
	"    FROM (SELECT id, name FROM machine WHERE account = $1 AND state <> 'retired' "
	"      ORDER BY seen_at DESC NULLS LAST, id LIMIT 20) m "
	"    CROSS JOIN LATERAL (SELECT json_agg(coalesce(y.minutes, 0) ORDER BY n) AS minutes, "
	"      json_agg(coalesce(y.score, 0) ORDER BY n) AS scores FROM generate_series(0, 89) n "
	"      LEFT JOIN machine_day y ON y.machine = m.id AND y.day = ($2 AT TIME ZONE 'UTC')::date - 89 + n) d "
	"    LEFT JOIN LATERAL (SELECT json_build_object('tier', p.tier, 'at', to_char(p.at AT TIME ZONE 'UTC', "
	"      'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'first_use', NOT k.certified) AS proven FROM attestation p "
	"      JOIN attestation_key k ON k.machine = p.machine AND k.revoked_at IS NULL "
	"      WHERE p.machine = m.id AND p.lease IS NULL AND p.fault = '' AND p.tier <> 'none' "
	"      AND p.policy = coalesce((SELECT max(version) FROM trust_policy), 0)) t ON true))::text "
	"FROM standing s JOIN account a ON a.id = s.account "
	"WHERE s.account = $1 AND s.side = 'seller' AND a.deleted_at IS NULL";
/* clang-format on */

err_t store_seller_history(struct store *s, uuid id, wall_time now, char **ret_json)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_time(&p, now);
	return query_json(s, SELLER_HISTORY_SQL, &p, ret_json);
}

/* clang-format off */
static const char BUYER_SQL[] =
	"SELECT a.id, a.name, s.rating_ppm, s.good, s.bad, s.leases, s.completed, s.failed, s.disputes, s.upheld, "
	"a.created_at, "
	MARKS("'buyer'") "::text FROM standing s JOIN account a ON a.id = s.account "
	"WHERE s.account = $1 AND s.side = 'buyer' AND a.deleted_at IS NULL";
/* clang-format on */

err_t store_buyer_get(struct store *s, uuid id, struct buyer *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, BUYER_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct buyer v = { .id = row_uuid(&row) };
	row_text(&row, v.name, sizeof v.name);
	v.rating_ppm = row_u32(&row);
	v.good = row_u32(&row);
	v.bad = row_u32(&row);
	v.leases = row_u32(&row);
	v.completed = row_u32(&row);
	v.failed = row_u32(&row);
	v.disputes = row_u32(&row);
	v.upheld = row_u32(&row);
	v.since = row_time(&row);
	v.marks = row_text_new(&row);
	err_t e = row_end(s, &row);
	if (e) {
		free(v.marks);
		return e;
	}
	*ret = v;
	return OK;
}

/* ---- sellers, the best first ---- */

#define SELLERS_OF(standing)                                                                                             \
	"SELECT s.account, a.name, s.good, s.bad, m.machines, m.online, s.leases, s.completed, s.failed, a.created_at, " \
	"s.rating_ppm "                                                                                                  \
	"FROM " standing " s JOIN account a ON a.id = s.account "                                                        \
	"CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state <> 'retired') AS machines, "                            \
	"  count(*) FILTER (WHERE state = 'online') AS online FROM machine WHERE account = s.account) m "                \
	"WHERE s.side = 'seller' AND a.deleted_at IS NULL "
static const char BEST_SQL[] = SELLERS_OF(
	"standing") "AND (s.rating_ppm, s.account) < "
		    "(coalesce((SELECT rating_ppm FROM standing WHERE account = $1 AND side = 'seller'), 2000000), $1) "
		    "ORDER BY s.rating_ppm DESC, s.account DESC LIMIT $2";
/* The first thousand accounts of such a name are looked at, and the machines of those that are shown. */
static const char NAMED_SQL[] =
	"WITH page AS MATERIALIZED (SELECT * FROM standing WHERE side = 'seller' AND account IN (SELECT id FROM account "
	"  WHERE lower(name) COLLATE \"C\" >= lower($3) AND lower(name) COLLATE \"C\" < lower($3) || U&'\\+10FFFF' "
	"  AND deleted_at IS NULL ORDER BY lower(name) COLLATE \"C\" LIMIT 1000) AND (rating_ppm, account) < "
	"  (coalesce((SELECT rating_ppm FROM standing WHERE account = $1 AND side = 'seller'), 2000000), $1) "
	"  ORDER BY rating_ppm DESC, account DESC LIMIT $2) " SELLERS_OF("page") "ORDER BY s.rating_ppm DESC, s.account DESC";

static void seller_read(struct row *row, void *element)
{
	struct seller *v = element;
	v->id = row_uuid(row);
	row_text(row, v->name, sizeof v->name);
	v->good = row_u32(row);
	v->bad = row_u32(row);
	v->machines = row_u32(row);
	v->machines_online = row_u32(row);
	v->leases = row_u32(row);
	v->leases_completed = row_u32(row);
	v->leases_failed = row_u32(row);
	v->since = row_time(row);
	v->rating_ppm = row_u32(row);
}

err_t store_seller_best(struct store *s, const char *prefix, struct page page, struct seller **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_before(&p, page);
	param_int(&p, page.limit);
	if (prefix[0])
		param_text(&p, prefix);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, prefix[0] ? NAMED_SQL : BEST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, seller_read, (void **)ret_rows, ret_count);
}

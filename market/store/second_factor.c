/* SPDX-License-Identifier: Apache-2.0
 * second_factor.c - what authenticator apps share with the market, and recovery codes
 */
#include "bytes.h"
#include "connection.h"
#include "people.h"

/* A secret that is not sealed is shorter: the rest of it is zeros then. */
#define COLUMNS "account, rpad(encode(secret, 'hex'), 96, '0'), coalesce(key, ''), confirmed_at IS NOT NULL, last_step"

static void factor_read(struct row *row, void *element)
{
	struct second_factor *f = element;
	char hex[2 * SEALED_BYTES + 1];
	f->account = row_uuid(row);
	row_text(row, hex, sizeof hex);
	row_text(row, f->key, sizeof f->key);
	f->confirmed = row_bool(row);
	f->last_step = row_int(row);
	if (hex_decode(hex, f->sealed, sizeof f->sealed) != OK)
		row->bad = true;
	explicit_bzero(hex, sizeof hex);
}

static const char GET_SQL[] = "SELECT " COLUMNS " FROM second_factor WHERE account = $1";

err_t store_second_factor_get(struct store *s, uuid account, struct second_factor *ret)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct second_factor factor = { .confirmed = false };
	factor_read(&row, &factor);
	TRY(row_end(s, &row));
	*ret = factor;
	return OK;
}

static const char BEGIN_SQL[] =
	"INSERT INTO second_factor (account, secret, key) VALUES ($1, $2, $3) ON CONFLICT (account) "
	"DO UPDATE SET secret = excluded.secret, key = excluded.key, last_step = 0 WHERE second_factor.confirmed_at IS NULL";

err_t store_second_factor_begin(struct store *s, const struct second_factor *f)
{
	struct params p = { 0 };
	param_uuid(&p, f->account);
	param_bytes(&p, f->sealed, sizeof f->sealed);
	param_text(&p, f->key);
	err_t e = store_query_one(s, BEGIN_SQL, &p, NULL);
	return e == E_NOT_FOUND ? E_CONFLICT : e;
}

static const char STALE_SQL[] = "SELECT " COLUMNS " FROM second_factor WHERE key IS DISTINCT FROM $1 "
				"AND ($2::uuid IS NULL OR account > $2) ORDER BY account LIMIT $3";

err_t store_second_factor_stale(struct store *s, const char *key, uuid after, uint32_t limit, struct second_factor **ret_rows,
				size_t *ret_count)
{
	struct params p = { 0 };
	param_text(&p, key);
	param_uuid(&p, after);
	param_int(&p, limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, STALE_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, factor_read, (void **)ret_rows, ret_count);
}

static const char RESEAL_SQL[] = "UPDATE second_factor SET secret = $2, key = $3 WHERE account = $1 AND coalesce(key, '') = $4 "
				 "AND rpad(encode(secret, 'hex'), 96, '0') = encode($5, 'hex')";

err_t store_second_factor_reseal(struct store *s, const struct second_factor *was, const struct second_factor *now)
{
	struct params p = { 0 };
	param_uuid(&p, was->account);
	param_bytes(&p, now->sealed, sizeof now->sealed);
	param_text(&p, now->key);
	param_text(&p, was->key);
	param_bytes(&p, was->sealed, sizeof was->sealed);
	return store_query_one(s, RESEAL_SQL, &p, NULL);
}

static const char USED_SQL[] =
	"UPDATE second_factor SET last_step = $2, confirmed_at = coalesce(confirmed_at, clock_timestamp()) "
	"WHERE account = $1 AND last_step < $2";

err_t store_second_factor_used(struct store *s, uuid account, int64_t step)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_int(&p, step);
	err_t e = store_query_one(s, USED_SQL, &p, NULL);
	return e == E_NOT_FOUND ? E_CONFLICT : e;
}

static const char DELETE_SQL[] =
	"WITH codes AS (DELETE FROM recovery_code WHERE account = $1) DELETE FROM second_factor WHERE account = $1";

err_t store_second_factor_delete(struct store *s, uuid account)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	return store_query_one(s, DELETE_SQL, &p, NULL);
}

static const char RECOVERY_SQL[] = "INSERT INTO recovery_code (account, hash) VALUES ($1, $2)";

err_t store_recovery_add(struct store *s, uuid account, sha256 hash)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &hash);
	return store_query(s, RECOVERY_SQL, &p, NULL);
}

static const char TAKE_SQL[] = "DELETE FROM recovery_code WHERE account = $1 AND hash = $2";

err_t store_recovery_take(struct store *s, uuid account, sha256 hash)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &hash);
	return store_query_one(s, TAKE_SQL, &p, NULL);
}

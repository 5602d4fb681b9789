/* SPDX-License-Identifier: Apache-2.0
 * second_factor.c - what authenticator apps share with the market, and recovery codes
 */
#include "connection.h"
#include "people.h"

static const char GET_SQL[] = "SELECT secret, confirmed_at IS NOT NULL, last_step FROM second_factor WHERE account = $1";

err_t store_second_factor_get(struct store *s, uuid account, struct second_factor *ret)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct second_factor factor = { 0 };
	row_bytes(&row, factor.secret, sizeof factor.secret);
	factor.confirmed = row_bool(&row);
	factor.last_step = row_int(&row);
	TRY(row_end(s, &row));
	*ret = factor;
	return OK;
}

static const char BEGIN_SQL[] = "INSERT INTO second_factor (account, secret) VALUES ($1, $2) ON CONFLICT (account) "
				"DO UPDATE SET secret = excluded.secret, last_step = 0 WHERE second_factor.confirmed_at IS NULL";

err_t store_second_factor_begin(struct store *s, uuid account, const void *secret)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_bytes(&p, secret, TOTP_SECRET_BYTES);
	err_t e = store_query_one(s, BEGIN_SQL, &p, NULL);
	return e == E_NOT_FOUND ? E_CONFLICT : e;
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

/* SPDX-License-Identifier: Apache-2.0
 * device.c - programs without a browser that wait to be let in (RFC 8628)
 */
#include "connection.h"
#include "people.h"

#define WAITING_MAX 10000

static const char CREATE_SQL[] =
	"WITH late AS (DELETE FROM device_grant WHERE expires_at < $4) "
	"INSERT INTO device_grant (hash, user_code, client, created_at, expires_at) SELECT $1, $2, $3, $4, $5 "
	"WHERE (SELECT count(*) FROM device_grant) < $6";

err_t store_device_create(struct store *s, sha256 hash, const char *user_code, const char *client, wall_time now,
			  wall_time expires_at)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	param_text(&p, user_code);
	param_text(&p, client);
	param_time(&p, now);
	param_time(&p, expires_at);
	param_int(&p, WAITING_MAX);
	err_t e = store_query_one(s, CREATE_SQL, &p, NULL);
	return e == E_NOT_FOUND ? E_LIMIT : e;
}

#define COLUMNS "client, account, denied, created_at, expires_at, polled_at"

static err_t device_read(struct store *s, const PGresult *result, struct device_row *ret)
{
	struct row row = row_of(result, 0);
	struct device_row d = { 0 };
	row_text(&row, d.client, sizeof d.client);
	d.account = row_uuid(&row);
	d.denied = row_bool(&row);
	d.created_at = row_time(&row);
	d.expires_at = row_time(&row);
	d.polled_at = row_time(&row);
	TRY(row_end(s, &row));
	*ret = d;
	return OK;
}

static const char BY_CODE_SQL[] =
	"SELECT " COLUMNS " FROM device_grant WHERE user_code = $1 AND account IS NULL AND expires_at > $2";

err_t store_device_by_user_code(struct store *s, const char *user_code, wall_time now, struct device_row *ret)
{
	struct params p = { 0 };
	param_text(&p, user_code);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, BY_CODE_SQL, &p, &result));
	return device_read(s, result, ret);
}

static const char ANSWER_SQL[] =
	"UPDATE device_grant SET account = $2, denied = $3 WHERE user_code = $1 AND account IS NULL AND expires_at > $4";

err_t store_device_answer(struct store *s, const char *user_code, uuid account, bool denied, wall_time now)
{
	struct params p = { 0 };
	param_text(&p, user_code);
	param_uuid(&p, account);
	param_bool(&p, denied);
	param_time(&p, now);
	return store_query_one(s, ANSWER_SQL, &p, NULL);
}

static const char POLL_SQL[] = "WITH before AS (SELECT hash, " COLUMNS " FROM device_grant WHERE hash = $1 FOR UPDATE), "
			       "noted AS (UPDATE device_grant d SET polled_at = $2 FROM before b WHERE d.hash = b.hash) "
			       "SELECT " COLUMNS " FROM before";

err_t store_device_poll(struct store *s, sha256 hash, wall_time now, struct device_row *ret)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, POLL_SQL, &p, &result));
	return device_read(s, result, ret);
}

static const char DELETE_SQL[] = "DELETE FROM device_grant WHERE hash = $1";

err_t store_device_delete(struct store *s, sha256 hash)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	return store_query_one(s, DELETE_SQL, &p, NULL);
}

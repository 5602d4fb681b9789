/* SPDX-License-Identifier: Apache-2.0
 * session.c - passwords, and the tokens that a log-in made
 */
#include "connection.h"
#include "mail.h"

static const char PASSWORD_SQL[] = "SELECT password_hash FROM account WHERE id = $1 AND deleted_at IS NULL";

err_t store_password_get(struct store *s, uuid account, char *password_hash)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, PASSWORD_SQL, &p, &result));
	struct row row = row_of(result, 0);
	row_text(&row, password_hash, PASSWORD_HASH_SIZE);
	return row_end(s, &row);
}

/* Whoever had the account asks for a link with the password that is no more: what waits for one is void. */
static const char PASSWORD_SET_SQL[] =
	"WITH resets AS (DELETE FROM password_reset WHERE account = $1), "
	"moves AS (DELETE FROM address_confirmation WHERE account = $1 AND email IS NOT NULL), "
	"queued AS (UPDATE mail SET state = 'dropped' WHERE account = $1 AND kind = '" MAIL_MOVE_KIND "' AND state = 'waits') "
	"UPDATE account SET password_hash = $2 WHERE id = $1";

err_t store_password_set(struct store *s, uuid account, const char *password_hash)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_text(&p, password_hash);
	return store_query_one(s, PASSWORD_SET_SQL, &p, NULL);
}

static const char CREATE_SQL[] = "INSERT INTO token (id, account, name, session, client, scopes, hash, expires_at) "
				 "VALUES ($1, $2, 'session', true, $3, $4, $5, $6)";

err_t store_session_create(struct store *s, uuid id, uuid account, const char *client, uint32_t scopes, sha256 hash,
			   wall_time expires_at)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_uuid(&p, account);
	param_text(&p, client);
	param_int(&p, scopes);
	param_sha256(&p, &hash);
	param_time(&p, expires_at);
	return store_query(s, CREATE_SQL, &p, NULL);
}

static void session_read(struct row *row, void *element)
{
	struct session_view *v = element;
	v->id = row_uuid(row);
	row_text(row, v->client, sizeof v->client);
	v->created_at = row_time(row);
	v->expires_at = row_time(row);
	v->last_used_at = row_time(row);
}

static const char LIST_SQL[] =
	"SELECT id, client, created_at, expires_at, last_used_at FROM token WHERE account = $1 AND session "
	"AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id DESC";

err_t store_session_list(struct store *s, uuid account, struct session_view **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, session_read, (void **)ret_rows, ret_count);
}

static const char DELETE_SQL[] = "DELETE FROM token WHERE account = $1 AND id = $2 AND session";

err_t store_session_delete(struct store *s, uuid account, uuid id)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, id);
	return store_query_one(s, DELETE_SQL, &p, NULL);
}

static const char DELETE_OTHERS_SQL[] = "DELETE FROM token WHERE account = $1 AND session AND id IS DISTINCT FROM $2";

err_t store_session_delete_others(struct store *s, uuid account, uuid keep)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, keep);
	return store_query(s, DELETE_OTHERS_SQL, &p, NULL);
}

/* ---- a forgotten password ---- */

static const char RESET_ADD_SQL[] =
	"INSERT INTO password_reset (account, hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (account) "
	"DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at";

err_t store_reset_add(struct store *s, uuid account, sha256 hash, wall_time expires_at)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_sha256(&p, &hash);
	param_time(&p, expires_at);
	return store_query(s, RESET_ADD_SQL, &p, NULL);
}

static const char RESET_OPEN_SQL[] = "SELECT EXISTS (SELECT 1 FROM password_reset WHERE hash = $1 AND expires_at > $2)";

err_t store_reset_is_open(struct store *s, sha256 hash, wall_time now, bool *ret_open)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, RESET_OPEN_SQL, &p, &result));
	struct row row = row_of(result, 0);
	bool open = row_bool(&row);
	TRY(row_end(s, &row));
	*ret_open = open;
	return OK;
}

static const char RESET_TAKE_SQL[] = "DELETE FROM password_reset WHERE hash = $1 AND expires_at > $2 RETURNING account";

err_t store_reset_take(struct store *s, sha256 hash, wall_time now, uuid *ret_account)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, RESET_TAKE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	uuid account = row_uuid(&row);
	TRY(row_end(s, &row));
	*ret_account = account;
	return OK;
}

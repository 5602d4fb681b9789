/* SPDX-License-Identifier: Apache-2.0
 * account.c - accounts and their tokens
 */
#include "connection.h"

/* Its ledger accounts are made by a trigger. */
static const char CREATE_SQL[] = "INSERT INTO account (id, email, name, password_hash) VALUES ($1, $2, $3, $4)";

err_t store_account_create(struct store *s, uuid id, const char *email, const char *name, const char *password_hash)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, email);
	param_text(&p, name);
	param_text(&p, password_hash);
	return store_query(s, CREATE_SQL, &p, NULL);
}

#define COLUMNS "id, email, name, operator, created_at, address_confirmed_at"
static void account_read(struct row *row, struct account *a)
{
	a->id = row_uuid(row);
	row_text(row, a->email, sizeof a->email);
	row_text(row, a->name, sizeof a->name);
	a->operator_ = row_bool(row);
	a->created_at = row_time(row);
	a->address_confirmed_at = row_time(row);
}

static const char GET_SQL[] = "SELECT " COLUMNS " FROM account WHERE id = $1";

err_t store_account_get(struct store *s, uuid id, struct account *ret)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct account account = { 0 };
	account_read(&row, &account);
	TRY(row_end(s, &row));
	*ret = account;
	return OK;
}

static const char BY_EMAIL_SQL[] = "SELECT " COLUMNS ", password_hash FROM account WHERE email = $1";

err_t store_account_by_email(struct store *s, const char *email, struct account *ret, char *password_hash)
{
	struct params p = { 0 };
	param_text(&p, email);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, BY_EMAIL_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct account account = { 0 };
	char hash[PASSWORD_HASH_SIZE];
	account_read(&row, &account);
	row_text(&row, hash, sizeof hash);
	TRY(row_end(s, &row));
	*ret = account;
	memcpy(password_hash, hash, sizeof hash);
	return OK;
}

static const char OPERATOR_SQL[] = "UPDATE account SET operator = $2 WHERE email = $1";

err_t store_account_set_operator(struct store *s, const char *email, bool on)
{
	struct params p = { 0 };
	param_text(&p, email);
	param_bool(&p, on);
	return store_query_one(s, OPERATOR_SQL, &p, NULL);
}

/* ---- tokens ---- */

static const char TOKEN_SQL[] = "INSERT INTO token (id, account, machine, name, scopes, hash, expires_at) "
				"VALUES ($1, $2, $3, $4, $5, $6, $7)";

err_t store_token_create(struct store *s, uuid id, uuid account, uuid machine, const char *name, uint32_t scopes, sha256 hash,
			 wall_time expires_at)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_uuid(&p, account);
	param_uuid(&p, machine);
	param_text(&p, name);
	param_int(&p, scopes);
	param_sha256(&p, &hash);
	param_time(&p, expires_at);
	return store_query(s, TOKEN_SQL, &p, NULL);
}

/* The note costs a write, so it is made once a minute; of a machine's token once a day: when it was seen stands in its own row. */
static const char FIND_SQL[] = "WITH found AS (SELECT t.id, t.account, t.machine, t.scopes, a.operator, t.last_used_at "
			       "  FROM token t JOIN account a ON a.id = t.account "
			       "  WHERE t.hash = $1 AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())), "
			       "noted AS (UPDATE token SET last_used_at = clock_timestamp() WHERE id = (SELECT id FROM found "
			       "  WHERE last_used_at IS NULL OR last_used_at < clock_timestamp() - "
			       "  CASE WHEN machine IS NULL THEN interval '1 minute' ELSE interval '1 day' END)) "
			       "SELECT id, account, machine, scopes, operator FROM found";

err_t store_token_find(struct store *s, sha256 hash, struct token_row *ret)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, FIND_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct token_row token = { .id = row_uuid(&row) };
	token.account = row_uuid(&row);
	token.machine = row_uuid(&row);
	token.scopes = row_u32(&row);
	token.operator_ = row_bool(&row);
	TRY(row_end(s, &row));
	*ret = token;
	return OK;
}

static void token_read(struct row *row, void *element)
{
	struct token_view *t = element;
	t->id = row_uuid(row);
	row_text(row, t->name, sizeof t->name);
	t->scopes = row_u32(row);
	t->created_at = row_time(row);
	t->expires_at = row_time(row);
	t->last_used_at = row_time(row);
}

static const char TOKENS_SQL[] = "SELECT id, name, scopes, created_at, expires_at, last_used_at FROM token WHERE account = $1 "
				 "AND NOT session AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id DESC";

err_t store_token_list(struct store *s, uuid account, struct token_view **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, TOKENS_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, token_read, (void **)ret_rows, ret_count);
}

static const char DELETE_SQL[] = "DELETE FROM token WHERE account = $1 AND id = $2";

err_t store_token_delete(struct store *s, uuid account, uuid id)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, id);
	return store_query_one(s, DELETE_SQL, &p, NULL);
}

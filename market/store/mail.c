/* SPDX-License-Identifier: Apache-2.0
 * mail.c - what is to be mailed, and who may be mailed
 */
#include "mail.h"

#include <assert.h>
#include "connection.h"

const char *const mail_state_names[] = { "waits", "sent", "given_up", "dropped" };
static_assert(sizeof mail_state_names / sizeof *mail_state_names == MAIL_STATE_COUNT, "each state has a name");

/* ---- queueing ---- */

static const char ADD_SQL[] =
	"INSERT INTO mail (id, account, address, kind, created_at, next_at) VALUES ($1, $2, $3, $4, $5, $5)";

err_t store_mail_add(struct store *s, uuid account, const char *address, const char *kind, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, uuid_make(now));
	param_uuid(&p, account);
	param_text(&p, address);
	param_text(&p, kind);
	param_time(&p, now);
	return store_query(s, ADD_SQL, &p, NULL);
}

static const char LOGIN_SQL[] =
	"INSERT INTO mail (id, account, address, kind, data, created_at, next_at) "
	"SELECT $1, id, email, 'login', jsonb_build_object('client', $3::text, 'address', $4::text, "
	"  'at', to_char($6::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')), $6, $6 FROM account "
	"WHERE id = $2 AND address_confirmed_at IS NOT NULL AND 'logins' = ANY (mail_kinds) "
	"AND NOT EXISTS (SELECT 1 FROM token WHERE account = $2 AND session AND client = $3) "
	"AND (SELECT count(*) FROM mail m WHERE m.address = email AND m.account IS NOT NULL "
	"  AND m.created_at > $6 - interval '1 day') < $5";

err_t store_mail_login(struct store *s, uuid account, const char *client, const char *from, int64_t a_day, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, uuid_make(now));
	param_uuid(&p, account);
	param_text(&p, client);
	param_text(&p, from);
	param_int(&p, a_day);
	param_time(&p, now);
	return store_query(s, LOGIN_SQL, &p, NULL);
}

static const char NEWS_SQL[] = "SELECT mail_news($1, $2, $3)";

err_t store_mail_news(struct store *s, int64_t span, int64_t a_day, wall_time now)
{
	struct params p = { 0 };
	param_int(&p, span);
	param_int(&p, a_day);
	param_time(&p, now);
	return store_query(s, NEWS_SQL, &p, NULL);
}

/* ---- sending ---- */

void mail_rows_free(struct mail_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		free(rows[i].data);
	free(rows);
}

static void mail_read(struct row *row, void *element)
{
	struct mail_row *m = element;
	m->id = row_uuid(row);
	m->account = row_uuid(row);
	row_text(row, m->address, sizeof m->address);
	row_text(row, m->kind, sizeof m->kind);
	m->created_at = row_time(row);
	m->tries = row_int(row);
	m->data = row_text_new(row);
}

static const char DUE_SQL[] = "SELECT id, account, address, kind, created_at, tries, data::text FROM mail_due($1, $2, $3)";

err_t store_mail_due(struct store *s, uint32_t limit, int64_t retry_us, wall_time now, struct mail_row **ret_rows,
		     size_t *ret_count)
{
	struct params p = { 0 };
	param_int(&p, limit);
	param_int(&p, retry_us);
	param_time(&p, now);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, DUE_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, mail_read, (void **)ret_rows, ret_count);
}

static const char COUNT_SQL[] =
	"SELECT count(*) FROM mail WHERE address = $1 AND kind = $2 AND state = 'sent' AND created_at > $3";

err_t store_mail_count(struct store *s, const char *address, const char *kind, wall_time since, int64_t *ret_count)
{
	struct params p = { 0 };
	param_text(&p, address);
	param_text(&p, kind);
	param_time(&p, since);
	return store_query_int(s, COUNT_SQL, &p, ret_count);
}

/* The password of a sign-up lies nowhere but in the row that its link takes. */
static const char NOTE_SQL[] = "UPDATE mail SET state = $2, note = $3, "
			       "data = CASE WHEN kind = '" MAIL_SIGNUP_KIND "' AND $2 <> 'waits' THEN '{}' ELSE data END "
			       "WHERE id = $1 AND state = 'waits'";

err_t store_mail_note(struct store *s, uuid id, enum mail_state state, const char *note)
{
	struct params p = { 0 };
	param_uuid(&p, id);
	param_text(&p, mail_state_names[state]);
	param_text(&p, note);
	return store_query(s, NOTE_SQL, &p, NULL);
}

static const char SUMS_SQL[] = "SELECT count(*) FILTER (WHERE state = 'waits'), count(*) FILTER (WHERE state = 'sent'), "
			       "count(*) FILTER (WHERE state = 'given_up'), count(*) FILTER (WHERE state = 'dropped') FROM mail";

err_t store_mail_sums(struct store *s, struct mail_sums *ret)
{
	AUTO_RESULT *result = NULL;
	struct mail_sums sums;
	TRY(store_query_one(s, SUMS_SQL, NULL, &result));
	struct row row = row_of(result, 0);
	for (int i = 0; i < MAIL_STATE_COUNT; i++)
		sums.count[i] = row_int(&row);
	TRY(row_end(s, &row));
	*ret = sums;
	return OK;
}

/* ---- addresses ---- */

static const char CONFIRM_ADD_SQL[] =
	"INSERT INTO address_confirmation (account, hash, expires_at, email) SELECT account, $2, $3, $4 FROM mail "
	"WHERE id = $1 AND state = 'waits' FOR NO KEY UPDATE ON CONFLICT (account) "
	"DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at, email = excluded.email";

err_t store_confirmation_add(struct store *s, uuid mail, sha256 hash, const char *email, wall_time expires_at)
{
	struct params p = { 0 };
	param_uuid(&p, mail);
	param_sha256(&p, &hash);
	param_time(&p, expires_at);
	param_text(&p, email);
	return store_query_one(s, CONFIRM_ADD_SQL, &p, NULL);
}

static const char CONFIRM_TAKE_SQL[] =
	"WITH taken AS (DELETE FROM address_confirmation WHERE hash = $1 AND expires_at > $4 RETURNING account, email), "
	"widened AS (UPDATE token SET scopes = $3 WHERE account = (SELECT account FROM taken) AND session AND scopes = $2), "
	"told AS (INSERT INTO mail (id, account, address, kind, data, created_at, next_at) "
	"  SELECT $5, a.id, a.email, 'moved', jsonb_build_object('email', t.email), $4, $4 FROM taken t JOIN account a ON a.id = "
	"t.account "
	"  WHERE t.email IS NOT NULL AND a.address_confirmed_at IS NOT NULL), "
	"resets AS (DELETE FROM password_reset WHERE account = (SELECT account FROM taken WHERE email IS NOT NULL)) "
	"UPDATE account a SET email = coalesce(t.email, a.email), "
	"  address_confirmed_at = CASE WHEN t.email IS NULL THEN coalesce(a.address_confirmed_at, $4) ELSE $4 END "
	"FROM taken t WHERE a.id = t.account";

err_t store_confirmation_take(struct store *s, sha256 hash, uint32_t narrow, uint32_t wide, wall_time now)
{
	struct params p = { 0 };
	param_sha256(&p, &hash);
	param_int(&p, narrow);
	param_int(&p, wide);
	param_time(&p, now);
	param_uuid(&p, uuid_make(now));
	return store_query_one(s, CONFIRM_TAKE_SQL, &p, NULL);
}

static const char CHOICE_SQL[] =
	"SELECT email, address_confirmed_at IS NOT NULL, array_to_string(mail_kinds, ' ') FROM account WHERE id = $1";

err_t store_mail_choice_get(struct store *s, uuid account, struct mail_view *ret)
{
	struct params p = { 0 };
	struct mail_view view = { 0 };
	char kinds[DETAIL_SIZE], *rest = kinds;
	param_uuid(&p, account);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, CHOICE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	row_text(&row, view.email, sizeof view.email);
	view.confirmed = row_bool(&row);
	row_text(&row, kinds, sizeof kinds);
	TRY(row_end(s, &row));
	for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
		int kind;
		if (state_parse(mail_kind_names, MAIL_KIND_COUNT, word, &kind) == OK)
			view.kinds |= 1u << kind;
	}
	*ret = view;
	return OK;
}

static const char CHOICE_SET_SQL[] = "UPDATE account SET mail_kinds = $2 WHERE id = $1";

err_t store_mail_choice_set(struct store *s, uuid account, uint32_t kinds)
{
	struct params p = { 0 };
	const char *names[MAIL_KIND_COUNT];
	size_t count = 0;
	for (int i = 0; i < MAIL_KIND_COUNT; i++)
		if (kinds & 1u << i)
			names[count++] = mail_kind_names[i];
	param_uuid(&p, account);
	param_text_array(&p, names, count);
	return store_query_one(s, CHOICE_SET_SQL, &p, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * signup.c - who wants an account, until the link is opened that was mailed to them
 */
#include "connection.h"
#include "mail.h"

static const char ASK_SQL[] = "INSERT INTO mail (id, address, kind, data, created_at, next_at) "
			      "VALUES ($1, $2, '" MAIL_SIGNUP_KIND "', "
			      "jsonb_build_object('name', $3::text, 'password_hash', $4::text), $5, $5)";

err_t store_signup_ask(struct store *s, const char *email, const char *name, const char *password_hash, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, uuid_make(now));
	param_text(&p, email);
	param_text(&p, name);
	param_text(&p, password_hash);
	param_time(&p, now);
	return store_query(s, ASK_SQL, &p, NULL);
}

static const char ADD_SQL[] =
	"INSERT INTO signup (email, name, password_hash, hash, expires_at) "
	"SELECT address, data ->> 'name', data ->> 'password_hash', $2, $3 FROM mail WHERE id = $1 AND state = 'waits' "
	"ON CONFLICT (email) DO UPDATE SET name = excluded.name, password_hash = excluded.password_hash, hash = excluded.hash, "
	"expires_at = excluded.expires_at";

err_t store_signup_add(struct store *s, uuid mail, sha256 hash, wall_time expires_at)
{
	struct params p = { 0 };
	param_uuid(&p, mail);
	param_sha256(&p, &hash);
	param_time(&p, expires_at);
	return store_query_one(s, ADD_SQL, &p, NULL);
}

static const char TAKE_SQL[] = "WITH taken AS (DELETE FROM signup WHERE hash = $2 AND expires_at > $3 "
			       "  RETURNING email, name, password_hash) "
			       "INSERT INTO account (id, email, name, password_hash, address_confirmed_at) "
			       "SELECT $1, email, name, password_hash, $3 FROM taken";

err_t store_signup_take(struct store *s, sha256 hash, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, uuid_make(now));
	param_sha256(&p, &hash);
	param_time(&p, now);
	return store_query_one(s, TAKE_SQL, &p, NULL);
}

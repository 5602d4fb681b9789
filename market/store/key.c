/* SPDX-License-Identifier: Apache-2.0
 * key.c - idempotency keys
 */
#include "connection.h"

/* Waits for a transaction that has the same key under way: either its answer is there afterwards, or the key is free. */
static const char CLAIM_SQL[] =
	"INSERT INTO idempotency_key (account, key, request) SELECT $1, $2, $3 "
	"WHERE NOT EXISTS (SELECT 1 FROM cpushare.order WHERE buyer = $1 AND key = $2) ON CONFLICT DO NOTHING";
/* An order's key is in its row: whatever asks here is another request. */
static const char READ_SQL[] = "SELECT request, status, body FROM idempotency_key WHERE account = $1 AND key = $2 "
			       "UNION ALL SELECT request, 201, '' FROM cpushare.order WHERE buyer = $1 AND key = $2";

err_t store_key_claim(struct store *s, uuid account, const char *key, sha256 request, struct stored_answer *ret)
{
	struct params claim = { 0 }, read = { 0 };
	param_uuid(&claim, account);
	param_text(&claim, key);
	param_sha256(&claim, &request);
	TRY(store_query(s, CLAIM_SQL, &claim, NULL));
	param_uuid(&read, account);
	param_text(&read, key);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, READ_SQL, &read, &result));
	struct row row = row_of(result, 0);
	sha256 first = row_sha256(&row);
	int status = (int)row_int(&row);
	if (!sha256_equal(first, request))
		return store_fail(s, E_CONFLICT, "the key was used with another request");
	char *body = row_text_new(&row);
	err_t e = row_end(s, &row);
	if (e != OK) {
		free(body);
		return e;
	}
	*ret = (struct stored_answer){ status, body };
	return OK;
}

static const char SAVE_SQL[] = "UPDATE idempotency_key SET status = $3, body = $4 WHERE account = $1 AND key = $2";

err_t store_key_save(struct store *s, uuid account, const char *key, int status, const char *body)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_text(&p, key);
	param_int(&p, status);
	param_text(&p, body ? body : "");
	return store_query_one(s, SAVE_SQL, &p, NULL);
}

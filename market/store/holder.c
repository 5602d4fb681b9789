/* SPDX-License-Identifier: Apache-2.0
 * holder.c - which market holds the book, and where the others reach it
 */
#include "connection.h"

static const char CLAIM_SQL[] = "SELECT coalesce(book_claim($1, $2, $3, $4, $5), 0)";

err_t store_book_claim(struct store *s, uuid owner, int64_t for_us, const struct book_holder *self, int64_t *ret_epoch)
{
	struct params p = { 0 };
	int64_t epoch;
	param_uuid(&p, owner);
	param_int(&p, for_us / MILLISECOND_US);
	param_text(&p, self->url);
	param_text(&p, self->pin);
	param_text(&p, self->secret);
	TRY(store_query_int(s, CLAIM_SQL, &p, &epoch));
	if (!epoch)
		return store_fail(s, E_EXISTS, "another market holds the book");
	TRY(store_set_epoch(s, epoch));
	*ret_epoch = epoch;
	return OK;
}

static const char HOLDER_SQL[] = "SELECT url, pin, secret FROM book WHERE owner IS NOT NULL AND expires_at > clock_timestamp()";

err_t store_book_holder(struct store *s, struct book_holder *ret)
{
	AUTO_RESULT *result = NULL;
	struct book_holder holder = { 0 };
	TRY(store_query_one(s, HOLDER_SQL, NULL, &result));
	struct row row = row_of(result, 0);
	row_text(&row, holder.url, sizeof holder.url);
	row_text(&row, holder.pin, sizeof holder.pin);
	row_text(&row, holder.secret, sizeof holder.secret);
	TRY(row_end(s, &row));
	*ret = holder;
	return OK;
}

static const char RENEW_SQL[] = "SELECT book_renew($1, $2, $3)";

err_t store_book_renew(struct store *s, uuid owner, int64_t for_us)
{
	struct params p = { 0 };
	param_uuid(&p, owner);
	param_int(&p, s->epoch);
	param_int(&p, for_us / MILLISECOND_US);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, RENEW_SQL, &p, &result));
	struct row row = row_of(result, 0);
	bool held = row_bool(&row);
	TRY(row_end(s, &row));
	return held ? OK : store_fail(s, E_DENIED, "another market holds the book");
}

/* SPDX-License-Identifier: Apache-2.0
 * event.c - events, and forgetting what is past its time
 */
#include "connection.h"

void event_rows_free(struct event_row *rows, size_t count)
{
	for (size_t i = 0; rows && i < count; i++)
		free(rows[i].data);
	free(rows);
}

static const char READ_SQL[] = "SELECT id, account, order_id, lease_id, kind, data::text, at FROM event_read($1, $2, $3, $4)";

err_t store_events(struct store *s, uuid account, uuid order, int64_t after, uint32_t limit, struct event_row **ret_rows,
		   size_t *ret_count)
{
	struct params p = { 0 };
	param_uuid(&p, account);
	param_uuid(&p, order);
	param_int(&p, after);
	param_int(&p, limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, READ_SQL, &p, &result));
	size_t count = (size_t)PQntuples(result);
	struct event_row *rows = calloc(count ? count : 1, sizeof *rows);
	if (!rows)
		return E_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct row row = row_of(result, (int)i);
		struct event_row *e = &rows[i];
		e->id = row_int(&row);
		e->account = row_uuid(&row);
		e->order = row_uuid(&row);
		e->lease = row_uuid(&row);
		row_text(&row, e->kind, sizeof e->kind);
		e->data = row_text_new(&row);
		e->at = row_time(&row);
		err_t bad = row_end(s, &row);
		if (bad != OK) {
			event_rows_free(rows, count);
			return bad;
		}
	}
	*ret_rows = rows;
	*ret_count = count;
	return OK;
}

static const char LAST_SQL[] = "SELECT event_horizon()";

err_t store_event_last(struct store *s, int64_t *ret_id)
{
	return store_query_int(s, LAST_SQL, NULL, ret_id);
}

static const char KEYS_SQL[] = "DELETE FROM idempotency_key WHERE created_at < $1";
static const char TOKENS_SQL[] = "DELETE FROM token WHERE expires_at < $1";
static const char MAIL_SQL[] = "DELETE FROM mail WHERE state <> 'waits' AND created_at < $1";
static const char SIGNUPS_SQL[] = "DELETE FROM signup WHERE expires_at < $1";
static const char EVENTS_SQL[] = "SELECT event_sweep($1)";

static err_t forget(struct store *s, const char *sql, wall_time before)
{
	struct params p = { 0 };
	param_time(&p, before);
	return store_query(s, sql, &p, NULL);
}

err_t store_sweep(struct store *s, wall_time now)
{
	TRY(forget(s, KEYS_SQL, (wall_time){ now.us - DAY_US }));
	TRY(forget(s, TOKENS_SQL, (wall_time){ now.us - 30 * DAY_US }));
	TRY(forget(s, MAIL_SQL, (wall_time){ now.us - 30 * DAY_US }));
	TRY(forget(s, SIGNUPS_SQL, now));
	return forget(s, EVENTS_SQL, (wall_time){ now.us - 30 * DAY_US });
}

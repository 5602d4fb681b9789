/* SPDX-License-Identifier: Apache-2.0
 * dispute.c - corrections of what leases were charged, and disputes
 */
#include "books.h"
#include "connection.h"
#include "file.h"

static const char CORRECT_SQL[] = "SELECT correct($1, $2, $3, $4, $5)";

err_t store_correct(struct store *s, uuid lease, money amount, const char *reason, const char *by, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	param_money(&p, amount);
	param_text(&p, reason);
	param_text(&p, by);
	param_time(&p, now);
	return store_query(s, CORRECT_SQL, &p, NULL);
}

static const char OPEN_SQL[] = "SELECT dispute_open($1, $2, $3, $4, $5, $6, $7::jsonb)";

err_t store_dispute_open(struct store *s, uuid lease, uuid buyer, const char *text, const void *console, size_t len,
			 const char *seen, int64_t window_us, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	param_uuid(&p, buyer);
	param_text(&p, text);
	param_bytes(&p, console, len);
	param_int(&p, window_us / SECOND_US);
	param_time(&p, now);
	param_text(&p, seen);
	return store_query(s, OPEN_SQL, &p, NULL);
}

#define COLUMNS                                                                                                           \
	"SELECT d.lease, l.order_id, l.buyer, l.seller, l.name, a.name, d.state, d.text, l.charged_micro, "               \
	"l.refunded_micro, coalesce(d.refund_percent, -1)::bigint, d.refund_micro, d.decision, d.operator, d.opened_at, " \
	"d.decided_at FROM dispute d JOIN lease l ON l.id = d.lease JOIN account a ON a.id = l.seller "

static void dispute_read(struct row *row, void *element)
{
	struct dispute *d = element;
	d->lease = row_uuid(row);
	d->order = row_uuid(row);
	d->buyer = row_uuid(row);
	d->seller = row_uuid(row);
	row_text(row, d->name, sizeof d->name);
	row_text(row, d->seller_name, sizeof d->seller_name);
	row_text(row, d->state, sizeof d->state);
	row_text(row, d->text, sizeof d->text);
	d->charged = row_money(row);
	d->refunded = row_money(row);
	d->refund_percent = row_int(row);
	d->refund = row_money(row);
	row_text(row, d->decision, sizeof d->decision);
	row_text(row, d->by, sizeof d->by);
	d->opened_at = row_time(row);
	d->decided_at = row_time(row);
}

static const char GET_SQL[] = COLUMNS "WHERE d.lease = $1";

err_t store_dispute_get(struct store *s, uuid lease, struct dispute *ret)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, GET_SQL, &p, &result));
	struct row row = row_of(result, 0);
	struct dispute d = { 0 };
	dispute_read(&row, &d);
	TRY(row_end(s, &row));
	*ret = d;
	return OK;
}

static const char EVIDENCE_SQL[] = "SELECT evidence::text, translate(encode(console, 'base64'), E'\\n', '') FROM dispute "
				   "WHERE lease = $1";

err_t store_dispute_evidence(struct store *s, uuid lease, char **ret_json, char **ret_console)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	AUTO_RESULT *result = NULL;
	TRY(store_query_one(s, EVIDENCE_SQL, &p, &result));
	struct row row = row_of(result, 0);
	AUTO_FREE char *json = row_text_new(&row);
	AUTO_FREE char *console = row_text_new(&row);
	TRY(row_end(s, &row));
	if (!json || !console)
		return E_NOMEM;
	*ret_json = json;
	*ret_console = console;
	json = console = NULL;
	return OK;
}

static const char LIST_SQL[] = COLUMNS "WHERE d.lease < $1 AND d.state = coalesce($3, d.state) ORDER BY d.lease DESC LIMIT $2";

err_t store_dispute_list(struct store *s, const char *state, struct page page, struct dispute **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_before(&p, page);
	param_int(&p, page.limit);
	param_text(&p, state);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, dispute_read, (void **)ret_rows, ret_count);
}

static const char DECIDE_SQL[] = "SELECT dispute_decide($1, $2, $3, $4, $5)";

err_t store_dispute_decide(struct store *s, uuid lease, int64_t percent, const char *reason, const char *by, wall_time now)
{
	struct params p = { 0 };
	param_uuid(&p, lease);
	param_int(&p, percent);
	param_text(&p, reason);
	param_text(&p, by);
	param_time(&p, now);
	return store_query(s, DECIDE_SQL, &p, NULL);
}

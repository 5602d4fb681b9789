/* SPDX-License-Identifier: Apache-2.0
 * disputes.c - a buyer disputes a lease, an operator decides; what was charged wrongly is given back
 */
#include "books.h"
#include "disputes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "live.h"

#define REASON_SIZE 185 /* with the operator's name before it, it is a posting's text */

json_t *dispute_to_json(const struct dispute *d)
{
	json_t *json = json_object();
	json_put_uuid(json, "lease", d->lease);
	json_put_uuid(json, "order", d->order);
	json_put_uuid(json, "buyer", d->buyer);
	json_put_uuid(json, "seller", d->seller);
	json_put_text(json, "name", d->name);
	json_put_text(json, "seller_name", d->seller_name);
	json_put_text(json, "state", d->state);
	json_put_text(json, "text", d->text);
	json_put_money(json, "charged_micro", d->charged);
	json_put_money(json, "refunded_micro", d->refunded);
	if (d->refund_percent < 0)
		json_put(json, "refund_percent", json_null());
	else
		json_put_int(json, "refund_percent", d->refund_percent);
	json_put_money(json, "refund_micro", d->refund);
	json_put_text(json, "decision", d->decision);
	json_put_time(json, "opened_at", d->opened_at);
	json_put_time(json, "decided_at", d->decided_at);
	return json;
}

static err_t answer_dispute(struct request *r, uuid lease, int status)
{
	struct dispute d;
	AUTO_FREE char *evidence = NULL;
	AUTO_FREE char *console = NULL;
	TRY(store_dispute_get(market_of(r)->store, lease, &d));
	bool operates = r->caller.operator_ && r->caller.scopes & SCOPE(OPERATOR);
	bool buyer = uuid_equal(d.buyer, r->caller.account) && r->caller.scopes & SCOPE(ORDERS);
	bool seller = uuid_equal(d.seller, r->caller.account) && r->caller.scopes & SCOPE(MACHINES);
	if (!operates && !buyer && !seller)
		return E_NOT_FOUND;
	TRY(store_dispute_evidence(market_of(r)->store, lease, &evidence, &console));
	json_t *json = dispute_to_json(&d);
	json_put(json, "evidence", json_loads(evidence, 0, NULL));
	/* What a guest wrote is its buyer's; the seller does not read it. */
	json_put_text(json, "console_base64", operates || buyer ? console : NULL);
	answer_json(r, status, json);
	return OK;
}

/* The console's last bytes, as far as they are still here. */
static err_t console_tail(struct market *m, uuid lease, struct buf *out)
{
	struct live *l = live_get(m, lease);
	AUTO_FREE struct console_chunk *chunk = calloc(1, sizeof *chunk);
	if (!chunk)
		return E_NOMEM;
	for (int64_t from = l ? l->console.start : 0; l && from < l->console.end; from = chunk->from + (int64_t)chunk->len) {
		console_read(&l->console, from, chunk);
		if (!chunk->len)
			break;
		buf_append(out, (char *)chunk->data, chunk->len);
	}
	return out->error;
}

/* NULL: nothing is known any more. */
static err_t sighting_text(struct market *m, uuid lease, char **ret_text)
{
	const struct live *l = live_get(m, lease);
	if (!l)
		return OK;
	AUTO_JSON json = sighting_to_json(&l->sighting);
	*ret_text = json_dumps(json, JSON_COMPACT);
	return *ret_text ? OK : E_NOMEM;
}

err_t dispute_open(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct json_reader reader;
	struct lease_row row;
	char text[DISPUTE_TEXT_SIZE] = "";
	AUTO_BUF console = { 0 };
	AUTO_FREE char *seen = NULL;
	json_open(&reader, r->json, &error);
	json_take_text(&reader, "text", text, sizeof text);
	if (json_close(&reader) != OK)
		return refuse_json(r, &error);
	if (!text[0])
		return refuse(r, REFUSE_BAD_FIELD, "text", "must say what was wrong");
	TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	if (!uuid_equal(row.l.buyer, r->caller.account))
		return E_NOT_FOUND;
	if (row.l.state != LEASE_ENDED)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it can be disputed when it has ended");
	if (r->now.us > row.l.ended_at.us + m->settings->dispute_window_us)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it ended too long ago");
	TRY(console_tail(m, row.l.id, &console));
	TRY(sighting_text(m, row.l.id, &seen));
	err_t e = store_dispute_open(m->store, row.l.id, r->caller.account, text, console.data ? console.data : "", console.len,
				     seen, m->settings->dispute_window_us, r->now);
	if (e == E_EXISTS)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it is disputed already");
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_NOT_PAID, NULL, "nothing was paid for it, or it is your own");
	TRY(e);
	return answer_dispute(r, row.l.id, 201);
}

err_t dispute_show(struct request *r)
{
	return answer_dispute(r, r->values.id[0], 200);
}

err_t dispute_list(struct request *r)
{
	const char *state = request_query(r, "state");
	struct page page;
	AUTO_FREE struct dispute *rows = NULL;
	size_t count;
	if (state && strcmp(state, "open") && strcmp(state, "upheld") && strcmp(state, "refused"))
		return refuse(r, REFUSE_BAD_FIELD, "state", "must be open, upheld or refused");
	TRY(page_from_query(r, &page));
	TRY(store_dispute_list(market_of(r)->store, state, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, dispute_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].lease : (uuid){ 0 });
}

/* ---- the operator's decisions ---- */

/* {NUMBER-FIELD, "reason"}, and the operator's name. */
struct decision {
	int64_t number;
	char reason[REASON_SIZE];
	struct account by;
};

static err_t decision_from(struct request *r, const char *field, int64_t min, int64_t max, struct decision *ret)
{
	struct json_error error = { 0 };
	struct json_reader reader;
	json_open(&reader, r->json, &error);
	json_take_int(&reader, field, min, max, &ret->number);
	json_take_text(&reader, "reason", ret->reason, sizeof ret->reason);
	if (json_close(&reader) != OK)
		return refuse_json(r, &error);
	if (!ret->reason[0])
		return refuse(r, REFUSE_BAD_FIELD, "reason", "must say why");
	return store_account_get(market_of(r)->store, r->caller.account, &ret->by);
}

static err_t decided(struct request *r, err_t e)
{
	if (e == E_FUNDS)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "neither the seller nor the market has that much");
	return e;
}

err_t dispute_decide(struct request *r)
{
	struct market *m = market_of(r);
	struct decision d = { 0 };
	struct lease_row row;
	TRY(decision_from(r, "refund_percent", 0, 100, &d));
	TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	TRY(decided(r, store_dispute_decide(m->store, row.l.id, d.number, d.reason, d.by.name, r->now)));
	market_touch_machine(m, row.l.machine); /* its ask carries the seller's rating */
	return answer_dispute(r, row.l.id, 200);
}

err_t lease_correct(struct request *r)
{
	struct market *m = market_of(r);
	struct decision d = { 0 };
	struct lease_row row;
	TRY(decision_from(r, "amount_micro", 1, MONEY_MAX_MICRO, &d));
	TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	if (d.number > row.l.charged.micro - row.refunded.micro)
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "must not be above what was charged and not given back");
	TRY(decided(r, store_correct(m->store, row.l.id, (money){ d.number }, d.reason, d.by.name, r->now)));
	TRY(store_lease_get(m->store, row.l.id, r->caller.account, &row));
	json_t *answer = json_object();
	json_put_uuid(answer, "lease", row.l.id);
	json_put_money(answer, "charged_micro", row.l.charged);
	json_put_money(answer, "refunded_micro", row.refunded);
	answer_json(r, 200, answer);
	return OK;
}

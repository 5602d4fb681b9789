/* SPDX-License-Identifier: Apache-2.0
 * deposits.c - balance, history, deposits, and the operator's view of the ledger
 */
#include "books.h"
#include "bytes.h"
#include "file.h"
#include "funds.h"
#include "gate.h"
#include "handlers.h"
#include "pay.h"
#include "price.h"

err_t balance_show(struct request *r)
{
	struct market *m = market_of(r);
	struct balance balance = { 0 };
	TRY(store_balance(m->store, r->caller.account, &balance));
	memcpy(balance.currency, m->settings->currency, sizeof balance.currency);
	struct burn burn;
	TRY(funds_burn(m, r->caller.account, balance.available, r->now, &burn));
	struct accrued accrued;
	TRY(funds_accrued(m, r->caller.account, &accrued));
	balance.accrued = accrued.cost;
	balance.earning = accrued.earning;
	balance.per_hour = burn.per_hour;
	balance.runs_out_at = burn.runs_out_at;
	answer_json(r, 200, balance_to_json(&balance));
	return OK;
}

err_t posting_list(struct request *r)
{
	struct page page;
	AUTO_FREE struct posting *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_postings(market_of(r)->store, r->caller.account, page, (wall_time){ 0 }, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, posting_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

/* ---- deposits ---- */

static err_t refuse_provider(struct request *r)
{
	char names[128] = "";
	for (const struct provider *const *p = providers; *p; p++) {
		size_t len = strlen(names);
		if (provider_ready(*p, market_of(r)->pay))
			snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", (*p)->name);
	}
	return refuse(r, REFUSE_BAD_FIELD, "provider", "this market takes: %s", names);
}

static err_t check_pending(struct request *r)
{
	struct market *m = market_of(r);
	struct page page = { .limit = (uint32_t)m->settings->deposits_per_account };
	AUTO_FREE struct deposit *rows = NULL;
	size_t count, created;
	TRY(store_deposit_list(m->store, r->caller.account, DEPOSIT_PENDING, page, &rows, &count));
	free(rows);
	rows = NULL;
	TRY(store_deposit_list(m->store, r->caller.account, DEPOSIT_CREATED, page, &rows, &created));
	return count + created < page.limit ? OK : refuse(r, REFUSE_LIMIT, NULL, "%u deposits wait for money", page.limit);
}

err_t deposit_create(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct deposit_request request = { 0 };
	if (deposit_request_from_json(r->json, &request, &error) != OK)
		return refuse_json(r, &error);
	const struct provider *provider = provider_find(request.provider);
	if (!provider || !provider_ready(provider, m->pay))
		return refuse_provider(r);
	if (request.amount.micro > m->settings->deposit_max.micro) {
		char most[MONEY_TEXT_SIZE];
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "at most %s %s at once",
			      money_format(m->settings->deposit_max, most), m->settings->currency);
	}
	TRY(check_pending(r));
	struct deposit d = {
		.id = uuid_make(r->now), .account = r->caller.account, .amount = request.amount, .created_at = r->now
	};
	memcpy(d.provider, request.provider, sizeof d.provider);
	TRY(price_commission(d.amount, (uint32_t)m->settings->deposit_bp, &d.commission));
	TRY(money_sub(d.amount, d.commission, &d.credit));
	if (d.credit.micro < 1)
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "nothing would be left of it after the market's part");
	int64_t unit = provider->unit_micro ? provider->unit_micro(m->settings->currency) : 1;
	if (d.amount.micro % unit)
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "%s takes multiples of %lld", provider->name, (long long)unit);
	if (provider->operator_confirms) {
		d.state = DEPOSIT_PENDING;
		TRY(text_copy(d.instructions, sizeof d.instructions, m->settings->manual_instructions));
	}
	TRY(store_deposit_create(m->store, &d));
	answer_json(r, 201, deposit_to_json(&d));
	return OK;
}

static err_t answer_deposits(struct request *r, uuid account, enum deposit_state state)
{
	struct page page;
	AUTO_FREE struct deposit *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_deposit_list(market_of(r)->store, account, state, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, deposit_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

err_t deposit_list(struct request *r)
{
	return answer_deposits(r, r->caller.account, DEPOSIT_STATE_COUNT);
}

err_t deposit_show(struct request *r)
{
	struct deposit d;
	TRY(store_deposit_get(market_of(r)->store, r->values.id[0], &d));
	if (!uuid_equal(d.account, r->caller.account) && !(r->caller.operator_ && r->caller.scopes & SCOPE(OPERATOR)))
		return E_NOT_FOUND;
	answer_json(r, 200, deposit_to_json(&d));
	return OK;
}

/* ---- the operator's ---- */

/* {"reference"?}: what the bank calls the payment; without it the deposit's own id, so that it cannot be credited twice. */
static err_t reference_of(struct request *r, const struct deposit *d, char *ret_text, size_t size)
{
	struct json_error error = { 0 };
	struct json_reader reader;
	char id[UUID_TEXT_SIZE];
	snprintf(ret_text, size, "%s", uuid_format(d->id, id));
	if (!r->json)
		return OK;
	json_open(&reader, r->json, &error);
	if (json_has(&reader, "reference"))
		json_take_text(&reader, "reference", ret_text, size);
	return json_close(&reader) == OK ? OK : refuse_json(r, &error);
}

static err_t deposit_of_operator(struct request *r, struct deposit *ret)
{
	TRY(store_deposit_get(market_of(r)->store, r->values.id[0], ret));
	const struct provider *provider = provider_find(ret->provider);
	if (!provider || !provider->operator_confirms)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "its provider says by itself whether the money came");
	return OK;
}

err_t deposit_confirm(struct request *r)
{
	struct deposit d;
	char reference[DETAIL_SIZE];
	TRY(deposit_of_operator(r, &d));
	TRY(reference_of(r, &d, reference, sizeof reference));
	if (d.state == DEPOSIT_CREDITED)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it is credited");
	TRY(store_deposit_credit(market_of(r)->store, d.id, reference, &d));
	answer_json(r, 200, deposit_to_json(&d));
	return OK;
}

err_t deposit_fail(struct request *r)
{
	struct deposit d;
	char reference[DETAIL_SIZE];
	TRY(deposit_of_operator(r, &d));
	TRY(reference_of(r, &d, reference, sizeof reference));
	TRY(store_deposit_fail(market_of(r)->store, d.id, &d));
	answer_json(r, 200, deposit_to_json(&d));
	return OK;
}

err_t operator_deposits(struct request *r)
{
	const char *text = request_query(r, "state");
	int state = DEPOSIT_STATE_COUNT;
	if (text && state_parse(deposit_state_names, DEPOSIT_STATE_COUNT, text, &state) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "state", "must be a deposit's state");
	return answer_deposits(r, (uuid){ 0 }, (enum deposit_state)state);
}

err_t operator_ledger(struct request *r)
{
	struct ledger_report l;
	struct chain_head head;
	TRY(store_ledger_verify(market_of(r)->store, &l));
	TRY(store_chain_head(market_of(r)->store, &head));
	json_t *answer = json_object();
	json_put_text(answer, "currency", market_of(r)->settings->currency);
	json_put_int(answer, "postings", l.postings);
	json_put_int(answer, "entries", l.entries);
	json_put_int(answer, "accounts", l.accounts);
	json_put_int(answer, "sum_micro", l.sum_micro);
	json_put_int(answer, "unbalanced", l.unbalanced);
	json_put_int(answer, "negative", l.negative);
	json_put_int(answer, "holds_difference_micro", l.holds_difference_micro);
	json_put_int(answer, "orders_difference", l.orders_difference);
	json_put_int(answer, "commission_micro", l.commission_micro);
	json_put_int(answer, "external_micro", l.external_micro);
	json_put_int(answer, "users_micro", l.users_micro);
	json_put_int(answer, "chain_number", head.number);
	json_put_sha256(answer, "chain_hash", head.hash);
	json_put_int(answer, "chain_waiting", head.waiting);
	json_put_int(answer, "payouts_micro", l.payouts_micro);
	json_put_int(answer, "payouts_difference_micro", l.payouts_difference_micro);
	json_put_int(answer, "owed_micro", l.owed_micro);
	json_put_int(answer, "machines_difference", l.machines_difference);
	answer_json(r, 200, answer);
	return OK;
}

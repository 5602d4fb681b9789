/* SPDX-License-Identifier: Apache-2.0
 * payouts.c - taking money out, and the operator's part in it
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "pay.h"
#include "price.h"

static const char *ways_out(const struct market *m, char *text, size_t size)
{
	text[0] = 0;
	for (const struct provider *const *p = providers; *p; p++) {
		size_t len = strlen(text);
		if ((*p)->pays_out && provider_ready(*p, m->pay))
			snprintf(text + len, size - len, "%s%s", len ? ", " : "", (*p)->name);
	}
	return text;
}

/* Reads the request; what it would cost and send. */
static err_t payout_of_request(struct request *r, struct payout *ret, const struct provider **ret_provider)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct payout_request request = { 0 };
	char text[MONEY_TEXT_SIZE > 128 ? MONEY_TEXT_SIZE : 128];
	if (payout_request_from_json(r->json, &request, &error) != OK)
		return refuse_json(r, &error);
	const struct provider *provider = provider_find(request.provider);
	if (!provider || !provider->pays_out || !provider_ready(provider, m->pay))
		return refuse(r, REFUSE_BAD_FIELD, "provider", "this market pays out by: %s", ways_out(m, text, sizeof text));
	if (request.amount.micro < m->settings->payout_min.micro)
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "at least %s %s", money_format(m->settings->payout_min, text),
			      m->settings->currency);
	struct payout p = {
		.id = uuid_make(r->now), .account = r->caller.account, .amount = request.amount, .created_at = r->now
	};
	memcpy(p.provider, request.provider, sizeof p.provider);
	memcpy(p.receiver, request.receiver, sizeof p.receiver);
	TRY(price_commission(p.amount, (uint32_t)m->settings->payout_bp, &p.commission));
	TRY(money_sub(p.amount, p.commission, &p.send));
	/* What the provider cannot count stays with the market's part, which is shown before. */
	int64_t unit = provider->unit_micro ? provider->unit_micro(m->settings->currency) : 1, rest = p.send.micro % unit;
	p.send.micro -= rest;
	p.commission.micro += rest;
	if (p.send.micro < 1)
		return refuse(r, REFUSE_BAD_FIELD, "amount_micro", "nothing would be left of it after the market's part");
	p.approved = !provider->operator_confirms && p.amount.micro <= m->settings->payout_review.micro;
	*ret = p;
	*ret_provider = provider;
	return OK;
}

err_t payout_quote(struct request *r)
{
	struct payout p;
	const struct provider *provider;
	TRY(payout_of_request(r, &p, &provider));
	json_t *answer = json_object();
	json_put_money(answer, "amount_micro", p.amount);
	json_put_money(answer, "commission_micro", p.commission);
	json_put_money(answer, "send_micro", p.send);
	json_put_bool(answer, "approved", p.approved);
	answer_json(r, 200, answer);
	return OK;
}

err_t payout_create(struct request *r)
{
	struct payout p;
	const struct provider *provider;
	TRY(payout_of_request(r, &p, &provider));
	err_t e = store_payout_create(market_of(r)->store, &p, !provider->operator_confirms);
	if (e == E_FUNDS)
		return refuse(r, REFUSE_NO_FUNDS, NULL, "the available balance is less than that");
	TRY(e);
	answer_json(r, 201, payout_to_json(&p));
	return OK;
}

static err_t answer_payouts(struct request *r, uuid account, enum payout_state state)
{
	struct page page;
	AUTO_FREE struct payout *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_payout_list(market_of(r)->store, account, state, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, payout_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

err_t payout_list(struct request *r)
{
	return answer_payouts(r, r->caller.account, PAYOUT_STATE_COUNT);
}

err_t payout_show(struct request *r)
{
	struct payout p;
	TRY(store_payout_get(market_of(r)->store, r->values.id[0], &p));
	if (!uuid_equal(p.account, r->caller.account) && !(r->caller.operator_ && r->caller.scopes & SCOPE(OPERATOR)))
		return E_NOT_FOUND;
	answer_json(r, 200, payout_to_json(&p));
	return OK;
}

/* ---- the operator's ---- */

err_t operator_payouts(struct request *r)
{
	const char *text = request_query(r, "state");
	int state = PAYOUT_STATE_COUNT;
	if (text && state_parse(payout_state_names, PAYOUT_STATE_COUNT, text, &state) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "state", "must be a payout's state");
	return answer_payouts(r, (uuid){ 0 }, (enum payout_state)state);
}

static err_t answer_again(struct request *r, uuid id)
{
	struct payout p;
	TRY(store_payout_get(market_of(r)->store, id, &p));
	answer_json(r, 200, payout_to_json(&p));
	return OK;
}

static err_t payout_of_operator(struct request *r, struct payout *ret, bool *ret_manual)
{
	TRY(store_payout_get(market_of(r)->store, r->values.id[0], ret));
	const struct provider *provider = provider_find(ret->provider);
	*ret_manual = provider && provider->operator_confirms;
	return OK;
}

err_t payout_approve(struct request *r)
{
	struct payout p;
	bool manual;
	TRY(payout_of_operator(r, &p, &manual));
	TRY(store_payout_approve(market_of(r)->store, p.id, r->caller.account, !manual, r->now));
	return answer_again(r, p.id);
}

err_t payout_confirm(struct request *r)
{
	struct payout p;
	bool manual;
	char outcome[OUTCOME_SIZE];
	TRY(payout_of_operator(r, &p, &manual));
	if (!manual)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "its provider says by itself whether it was paid");
	if (p.state == PAYOUT_PAID || p.state == PAYOUT_FAILED)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it is %s", payout_state_names[p.state]);
	TRY(store_payout_paid(market_of(r)->store, p.id, r->now, outcome));
	return answer_again(r, p.id);
}

/* A payout that a provider may have begun to send is not to be given back by hand: it could be paid twice. */
err_t payout_fail(struct request *r)
{
	struct payout p;
	bool manual;
	char outcome[OUTCOME_SIZE];
	TRY(payout_of_operator(r, &p, &manual));
	if (p.state == PAYOUT_PAID || p.state == PAYOUT_FAILED || (!manual && p.approved))
		return refuse(r, REFUSE_WRONG_STATE, NULL, "it is %s", p.approved ? "on its way" : payout_state_names[p.state]);
	TRY(store_payout_fail(market_of(r)->store, p.id, "the operator refused it", r->now, outcome));
	return answer_again(r, p.id);
}

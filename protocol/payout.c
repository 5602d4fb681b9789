/* SPDX-License-Identifier: Apache-2.0
 * payout.c - payouts as JSON
 */
#include "payout.h"
#include "field.h"

json_t *payout_request_to_json(const struct payout_request *p)
{
	json_t *json = json_object();
	json_put_money(json, "amount_micro", p->amount);
	json_put_text(json, "provider", p->provider);
	json_put_text(json, "receiver", p->receiver);
	return json;
}

err_t payout_request_from_json(json_t *json, struct payout_request *ret, struct json_error *error)
{
	struct json_reader r;
	struct payout_request p = { 0 };
	json_open(&r, json, error);
	json_take_int(&r, "amount_micro", 1, MONEY_MAX_MICRO, &p.amount.micro);
	json_take_text(&r, "provider", p.provider, sizeof p.provider);
	field_name(&r, "receiver", p.receiver, sizeof p.receiver);
	TRY(json_close(&r));
	*ret = p;
	return OK;
}

json_t *payout_to_json(const struct payout *p)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", p->id);
	json_put_uuid(json, "account", p->account);
	json_put_text(json, "provider", p->provider);
	json_put_text(json, "receiver", p->receiver);
	json_put_text(json, "state", payout_state_names[p->state]);
	json_put_money(json, "amount_micro", p->amount);
	json_put_money(json, "commission_micro", p->commission);
	json_put_money(json, "send_micro", p->send);
	json_put_bool(json, "approved", p->approved);
	json_put_text(json, "note", p->note);
	json_put_time(json, "created_at", p->created_at);
	json_put_time(json, "sent_at", p->sent_at);
	json_put_time(json, "ended_at", p->ended_at);
	return json;
}

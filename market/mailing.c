/* SPDX-License-Identifier: Apache-2.0
 * mailing.c - what users ask of the market's mail: a link for a forgotten password, a confirmed address, another one, what they are told of
 *
 * A forgotten password: the answer, and the work until it, are the same whether anybody has the address or not; what follows is done by
 * the thread that sends (mails.c).
 */
#include "gate.h"
#include "handlers.h"
#include "login.h"
#include "mails.h"

static err_t needs_mail(struct request *r)
{
	return market_of(r)->mails ? OK : refuse(r, REFUSE_WRONG_STATE, NULL, "this market sends no mail");
}

err_t password_forgot(struct request *r)
{
	struct json_error error = { 0 };
	char email[EMAIL_SIZE];
	if (forgotten_from_json(r->json, email, &error) != OK)
		return refuse_json(r, &error);
	TRY(needs_mail(r));
	TRY(store_mail_add(market_of(r)->store, (uuid){ 0 }, email, MAIL_PASSWORD_KIND, r->now));
	answer_empty(r);
	return OK;
}

err_t address_confirm(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	char token[TOKEN_TEXT_SIZE];
	if (confirmation_from_json(r->json, token, &error) != OK)
		return refuse_json(r, &error);
	sha256 hash = token_hash(token);
	err_t e = store_confirmation_take(m->store, hash, SCOPE(ACCOUNT), SESSION_SCOPES, r->now);
	if (e == E_NOT_FOUND)
		e = store_signup_take(m->store, hash, r->now);
	explicit_bzero(token, sizeof token);
	if (e == E_EXISTS)
		return refuse(r, REFUSE_EMAIL_TAKEN, "token", "%s", "");
	if (e == E_NOT_FOUND)
		return refuse(r, REFUSE_BAD_FIELD, "token", "token is unknown, was used, or is older than two days");
	TRY(e);
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

/* ---- another address ---- */

static err_t address_finish(struct request *r)
{
	struct login *l = r->job;
	if (l->result == E_AUTH)
		return refuse(r, REFUSE_BAD_FIELD, "password", "password is not the present one");
	TRY(l->result);
	/* Whether it is somebody's already, the answer does not tell. */
	TRY(store_mail_add(market_of(r)->store, r->caller.account, l->who.email, MAIL_MOVE_KIND, r->now));
	answer_empty(r);
	return OK;
}

static err_t address_prepare(struct login *l)
{
	struct request *r = l->r;
	struct json_error error = { 0 };
	struct address_change change;
	if (address_change_from_json(r->json, &change, &error) != OK)
		return refuse_json(r, &error);
	memcpy(l->who.password, change.password, sizeof l->who.password);
	memcpy(l->who.email, change.email, sizeof l->who.email);
	explicit_bzero(&change, sizeof change);
	TRY(needs_mail(r));
	return store_password_get(market_of(r)->store, r->caller.account, l->hash);
}

err_t address_change(struct request *r)
{
	struct login *l = login_new(r, address_finish);
	if (!l)
		return E_NOMEM;
	err_t e = address_prepare(l);
	if (e == OK)
		return login_wait(l);
	login_free(l);
	return e;
}

err_t confirmation_send(struct request *r)
{
	struct account account;
	TRY(needs_mail(r));
	TRY(store_account_get(market_of(r)->store, r->caller.account, &account));
	if (account.address_confirmed_at.us)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the address is confirmed");
	TRY(mails_add_confirmation(market_of(r), &account, r->now));
	answer_empty(r);
	return OK;
}

static err_t answer_choice(struct request *r)
{
	struct mail_view view;
	TRY(store_mail_choice_get(market_of(r)->store, r->caller.account, &view));
	view.sends = market_of(r)->mails;
	answer_json(r, 200, mail_view_to_json(&view));
	return OK;
}

err_t mail_show(struct request *r)
{
	return answer_choice(r);
}

err_t mail_choose(struct request *r)
{
	struct json_error error = { 0 };
	uint32_t kinds;
	if (mail_choice_from_json(r->json, &kinds, &error) != OK)
		return refuse_json(r, &error);
	TRY(store_mail_choice_set(market_of(r)->store, r->caller.account, kinds));
	return answer_choice(r);
}

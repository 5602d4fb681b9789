/* SPDX-License-Identifier: Apache-2.0
 * accounts.c - sign-up, log-in, tokens
 *
 * A log-in with an unknown email address checks the password against a hash of nobody's, so that both refusals take the same time.
 * A sign-up where the market sends mail: the answer, and the work until it, are the same whether anybody has the address or not; what
 * follows is done by the thread that sends (mails.c), and the account comes into being when the link of its letter is opened.
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "login.h"
#include "mails.h"

/* ---- sign-up ---- */

static err_t signup_finish(struct request *r)
{
	struct login *l = r->job;
	struct market *m = market_of(r);
	struct account account = { .id = uuid_make(r->now) };
	TRY(l->result);
	if (mails_confirm_signup(m)) {
		TRY(store_signup_ask(m->store, l->who.email, l->who.name, l->hash, r->now));
		answer_json(r, 202, signup_mailed_to_json());
		return OK;
	}
	memcpy(account.email, l->who.email, sizeof account.email);
	memcpy(account.name, l->who.name, sizeof account.name);
	err_t e = store_account_create(m->store, account.id, account.email, account.name, l->hash);
	if (e == E_EXISTS)
		return refuse(r, REFUSE_EMAIL_TAKEN, "email", "%s", "");
	TRY(e);
	TRY(mails_add_confirmation(m, &account, r->now));
	return login_answer(r, &account, l->who.cookie);
}

/* A cookie is planted only where a page of ours asks: nobody else's page logs its reader in as somebody. */
static err_t take_credentials(struct request *r, err_t (*from_json)(json_t *, struct credentials *, struct json_error *),
			      struct login *l)
{
	struct json_error error = { 0 };
	if (from_json(r->json, &l->who, &error) != OK)
		return refuse_json(r, &error);
	return l->who.cookie ? login_check_origin(r) : OK;
}

err_t account_create(struct request *r)
{
	struct login *l = login_new(r, signup_finish);
	if (!l)
		return E_NOMEM;
	err_t e = take_credentials(r, signup_from_json, l);
	if (e == OK)
		return login_wait(l);
	login_free(l);
	return e;
}

/* ---- log-in ---- */

static err_t login_finish(struct request *r)
{
	struct login *l = r->job;
	/* Of a sign-up whose link waits, too: else whoever signs up with an address could ask here whether it had an account. */
	if (!l->known || l->result == E_AUTH)
		return refuse(r, REFUSE_BAD_LOGIN, NULL, "%s",
			      mails_confirm_signup(market_of(r)) ? "after a sign-up, open the link that was mailed first" : "");
	TRY(l->result);
	TRY(login_check_code(r, l->account.id, l->who.code));
	return login_answer(r, &l->account, l->who.cookie);
}

/* Whose account it is, and its hash. */
static err_t find_account(struct login *l)
{
	struct market *m = market_of(l->r);
	err_t e = store_account_by_email(m->store, l->who.email, &l->account, l->hash);
	l->known = e == OK;
	if (e != E_NOT_FOUND)
		return e;
	memcpy(l->hash, m->decoy_hash, sizeof l->hash);
	return OK;
}

err_t session_create(struct request *r)
{
	struct login *l = login_new(r, login_finish);
	if (!l)
		return E_NOMEM;
	err_t e = take_credentials(r, login_from_json, l);
	if (e == OK)
		e = find_account(l);
	if (e == OK)
		return login_wait(l);
	login_free(l);
	return e;
}

err_t account_show(struct request *r)
{
	struct account account;
	struct second_factor factor;
	struct store *store = market_of(r)->store;
	TRY(store_account_get(store, r->caller.account, &account));
	err_t e = store_second_factor_get(store, r->caller.account, &factor);
	account.second_factor = e == OK && factor.confirmed;
	explicit_bzero(&factor, sizeof factor);
	if (e != E_NOT_FOUND)
		TRY(e);
	answer_json(r, 200, account_to_json(&account));
	return OK;
}

/* ---- tokens ---- */

err_t token_list(struct request *r)
{
	AUTO_FREE struct token_view *rows = NULL;
	size_t count;
	TRY(store_token_list(market_of(r)->store, r->caller.account, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, token_view_to_json(&rows[i]));
	return answer_items(r, items);
}

static err_t check_scopes(struct request *r, uint32_t scopes)
{
	if (scopes & SCOPE(MACHINE))
		return refuse(r, REFUSE_BAD_FIELD, "scopes", "only a machine that enrols gets the scope machine");
	if (scopes & SCOPE(OPERATOR) && !r->caller.operator_)
		return refuse(r, REFUSE_NOT_OPERATOR, "scopes", "%s", "");
	if (scopes & ~r->caller.scopes)
		return refuse(r, REFUSE_MISSING_SCOPE, "scopes", "a token cannot make one that may do more than itself");
	return OK;
}

err_t token_create(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct token_request request = { 0 };
	AUTO_FREE struct token_view *rows = NULL;
	size_t count;
	if (token_request_from_json(r->json, &request, &error) != OK)
		return refuse_json(r, &error);
	TRY(check_scopes(r, request.scopes));
	TRY(store_token_list(m->store, r->caller.account, &rows, &count));
	if ((int64_t)count >= m->settings->tokens_per_account)
		return refuse(r, REFUSE_LIMIT, NULL, "at most %lld tokens: revoke some",
			      (long long)m->settings->tokens_per_account);
	struct token_view view = { .id = uuid_make(r->now), .scopes = request.scopes, .created_at = r->now };
	if (request.expires_in_s)
		view.expires_at.us = r->now.us + request.expires_in_s * SECOND_US;
	memcpy(view.name, request.name, sizeof view.name);
	token_make(TOKEN_PREFIX_PERSONAL, view.token);
	TRY(store_token_create(m->store, view.id, r->caller.account, (uuid){ 0 }, view.name, view.scopes, token_hash(view.token),
			       view.expires_at));
	answer_json(r, 201, token_view_to_json(&view));
	explicit_bzero(view.token, sizeof view.token);
	return OK;
}

err_t token_delete(struct request *r)
{
	struct market *m = market_of(r);
	TRY(store_token_delete(m->store, r->caller.account, r->values.id[0]));
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

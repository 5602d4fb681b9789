/* SPDX-License-Identifier: Apache-2.0
 * accounts.c - sign-up, log-in, sessions, tokens
 *
 * How it works: scrypt runs on a worker's thread while the request waits; its end is a transaction of its own (gate_finish). A log-in with
 * an unknown email address checks the password against a hash of nobody's, so that both refusals take the same time.
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"

#define SESSION_SCOPES (SCOPE(ACCOUNT) | SCOPE(FUNDS) | SCOPE(IMAGES) | SCOPE(ORDERS) | SCOPE(MACHINES))

struct login {
	struct request *r;
	struct credentials who;
	char hash[PASSWORD_HASH_SIZE];
	err_t result; /* of scrypt */
	struct account account;
	bool known;
};

static void login_free(struct login *l)
{
	explicit_bzero(l, sizeof *l);
	free(l);
}

static err_t answer_session(struct request *r, const struct account *account)
{
	struct market *m = market_of(r);
	struct session s = { .account = account->id, .expires_at.us = r->now.us + m->settings->session_us };
	memcpy(s.email, account->email, sizeof s.email);
	memcpy(s.name, account->name, sizeof s.name);
	token_make(TOKEN_PREFIX_SESSION, s.token);
	uint32_t scopes = SESSION_SCOPES | (account->operator_ ? SCOPE(OPERATOR) : 0);
	TRY(store_token_create(m->store, uuid_make(r->now), s.account, (uuid){ 0 }, "session", scopes, token_hash(s.token),
			       s.expires_at));
	answer_json(r, 201, session_to_json(&s));
	explicit_bzero(s.token, sizeof s.token);
	return OK;
}

/* Hands the job to a worker. Takes l. */
static err_t wait_for(struct request *r, struct login *l, work_fn *run, work_fn *done)
{
	r->job = l;
	l->r = r;
	if (workers_submit(market_of(r)->passwords, run, done, l) == OK) {
		request_wait(r);
		return OK;
	}
	login_free(l);
	refuse(r, REFUSE_TOO_MANY, NULL, "many are signing in at the moment");
	answer_header(r, "Retry-After", "2");
	return E_LIMIT;
}

/* ---- sign-up ---- */

static void hash_password(void *job)
{
	struct login *l = job;
	l->result = password_hash(l->who.password, l->hash);
}

static err_t signup_finish(struct request *r)
{
	struct login *l = r->job;
	struct market *m = market_of(r);
	struct account account = { .id = uuid_make(r->now) };
	TRY(l->result);
	memcpy(account.email, l->who.email, sizeof account.email);
	memcpy(account.name, l->who.name, sizeof account.name);
	err_t e = store_account_create(m->store, account.id, account.email, account.name, l->hash);
	if (e == E_EXISTS)
		return refuse(r, REFUSE_EMAIL_TAKEN, "email", "%s", "");
	TRY(e);
	return answer_session(r, &account);
}

static void signup_done(void *job)
{
	struct login *l = job;
	gate_finish(l->r, signup_finish);
	login_free(l);
}

err_t account_create(struct request *r)
{
	struct json_error error = { 0 };
	struct login *l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	if (signup_from_json(r->json, &l->who, &error) != OK) {
		login_free(l);
		return refuse_json(r, &error);
	}
	return wait_for(r, l, hash_password, signup_done);
}

/* ---- log-in ---- */

static void check_password(void *job)
{
	struct login *l = job;
	l->result = password_check(l->who.password, l->hash);
}

static err_t login_finish(struct request *r)
{
	struct login *l = r->job;
	if (!l->known || l->result == E_AUTH)
		return refuse(r, REFUSE_BAD_LOGIN, NULL, "%s", "");
	TRY(l->result);
	return answer_session(r, &l->account);
}

static void login_done(void *job)
{
	struct login *l = job;
	gate_finish(l->r, login_finish);
	login_free(l);
}

err_t session_create(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct login *l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	if (login_from_json(r->json, &l->who, &error) != OK) {
		login_free(l);
		return refuse_json(r, &error);
	}
	err_t e = store_account_by_email(m->store, l->who.email, &l->account, l->hash);
	l->known = e == OK;
	if (e == E_NOT_FOUND) {
		memcpy(l->hash, m->decoy_hash, sizeof l->hash);
	} else if (e) {
		login_free(l);
		return e;
	}
	return wait_for(r, l, check_password, login_done);
}

err_t session_end(struct request *r)
{
	struct market *m = market_of(r);
	if (!uuid_is_zero(r->caller.machine))
		return refuse(r, REFUSE_MISSING_SCOPE, NULL, "a machine's token ends when the machine retires");
	TRY(store_token_delete(m->store, r->caller.account, r->caller.token));
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

err_t account_show(struct request *r)
{
	struct account account;
	TRY(store_account_get(market_of(r)->store, r->caller.account, &account));
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

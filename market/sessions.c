/* SPDX-License-Identifier: Apache-2.0
 * sessions.c - where an account is logged in: list, end one, end all; another password
 */
#include "file.h"
#include "handlers.h"
#include "login.h"

err_t session_end(struct request *r)
{
	struct market *m = market_of(r);
	if (!uuid_is_zero(r->caller.machine))
		return refuse(r, REFUSE_MISSING_SCOPE, NULL, "a machine's token ends when the machine retires");
	TRY(store_token_delete(m->store, r->caller.account, r->caller.token));
	gate_forget(m->gate);
	answer_empty(r);
	login_forget_cookie(r);
	return OK;
}

err_t session_list(struct request *r)
{
	AUTO_FREE struct session_view *rows = NULL;
	size_t count;
	TRY(store_session_list(market_of(r)->store, r->caller.account, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		rows[i].current = uuid_equal(rows[i].id, r->caller.token);
		json_array_append_new(items, session_view_to_json(&rows[i]));
	}
	return answer_items(r, items);
}

err_t session_delete(struct request *r)
{
	struct market *m = market_of(r);
	TRY(store_session_delete(m->store, r->caller.account, r->values.id[0]));
	gate_forget(m->gate);
	answer_empty(r);
	if (uuid_equal(r->values.id[0], r->caller.token))
		login_forget_cookie(r);
	return OK;
}

/* Tokens made by hand stay: programs use them, and they are revoked one by one. */
err_t session_delete_all(struct request *r)
{
	struct market *m = market_of(r);
	TRY(store_session_delete_others(m->store, r->caller.account, (uuid){ 0 }));
	gate_forget(m->gate);
	answer_empty(r);
	login_forget_cookie(r);
	return OK;
}

/* ---- another password ---- */

static err_t password_finish(struct request *r)
{
	struct market *m = market_of(r);
	struct login *l = r->job;
	if (l->result == E_AUTH)
		return refuse(r, REFUSE_BAD_FIELD, "password", "password is not the present one");
	TRY(l->result);
	TRY(store_password_set(m->store, r->caller.account, l->hash));
	/* Whoever knew the old one is out. */
	TRY(store_session_delete_others(m->store, r->caller.account, r->caller.token));
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

err_t password_change(struct request *r)
{
	struct json_error error = { 0 };
	struct password_change change;
	struct login *l = login_new(r, password_finish);
	if (!l)
		return E_NOMEM;
	err_t e = password_change_from_json(r->json, &change, &error);
	if (e == OK) {
		memcpy(l->who.password, change.password, sizeof l->who.password);
		memcpy(l->fresh, change.new_password, sizeof l->fresh);
		explicit_bzero(&change, sizeof change);
		e = store_password_get(market_of(r)->store, r->caller.account, l->hash);
	} else {
		e = refuse_json(r, &error);
	}
	if (e == OK)
		return login_wait(l);
	login_free(l);
	return e;
}

/* SPDX-License-Identifier: Apache-2.0
 * reset.c - a new password without the old one, for who was given a token by the operator (cpushare-market user reset)
 *
 * The second factor stays: who has stolen the token alone is not let in where there is one.
 */
#include "file.h"
#include "handlers.h"
#include "login.h"

static err_t too_late(struct request *r)
{
	return refuse(r, REFUSE_BAD_FIELD, "token", "token is unknown, was used, or is older than half an hour");
}

static err_t reset_finish(struct request *r)
{
	struct market *m = market_of(r);
	struct login *l = r->job;
	uuid account;
	TRY(l->result);
	err_t e = store_reset_take(m->store, l->permission, r->now, &account);
	if (e == E_NOT_FOUND)
		return too_late(r);
	TRY(e);
	TRY(store_password_set(m->store, account, l->hash));
	TRY(store_session_delete_others(m->store, account, (uuid){ 0 }));
	gate_forget(m->gate);
	answer_empty(r);
	return OK;
}

err_t password_reset(struct request *r)
{
	struct json_error error = { 0 };
	struct password_reset reset;
	if (password_reset_from_json(r->json, &reset, &error) != OK)
		return refuse_json(r, &error);
	struct login *l = login_new(r, reset_finish);
	if (!l)
		return E_NOMEM;
	l->permission = token_hash(reset.token);
	memcpy(l->who.password, reset.new_password, sizeof l->who.password);
	explicit_bzero(&reset, sizeof reset);
	bool open = false; /* asked first: hashing costs much more */
	err_t e = store_reset_is_open(market_of(r)->store, l->permission, r->now, &open);
	if (e == OK && open)
		return login_wait(l);
	login_free(l);
	return e ? e : too_late(r);
}

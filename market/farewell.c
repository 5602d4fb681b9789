/* SPDX-License-Identifier: Apache-2.0
 * farewell.c - what the market keeps of an account, for its owner; and the account's end
 */
#include "file.h"
#include "handlers.h"
#include "login.h"

err_t account_export(struct request *r)
{
	char *text;
	TRY(store_account_export(market_of(r)->store, r->caller.account, &text));
	answer_text(r, 200, "application/json", text, strlen(text));
	answer_header(r, "Content-Disposition", "attachment; filename=\"cpushare-account.json\"");
	return OK;
}

static err_t delete_finish(struct request *r)
{
	struct market *m = market_of(r);
	struct login *l = r->job;
	char obstacle[DETAIL_SIZE] = "";
	if (l->result == E_AUTH)
		return refuse(r, REFUSE_BAD_FIELD, "password", "password is not this account's");
	TRY(l->result);
	TRY(login_check_code(r, r->caller.account, l->who.code));
	err_t e = store_account_delete(m->store, r->caller.account, l->forfeit, r->now, obstacle);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_HAS_OBLIGATIONS, NULL, "%s", obstacle);
	TRY(e);
	gate_forget(m->gate);
	answer_empty(r);
	login_forget_cookie(r);
	return OK;
}

err_t account_delete(struct request *r)
{
	struct json_error error = { 0 };
	struct farewell said;
	struct login *l = login_new(r, delete_finish);
	if (!l)
		return E_NOMEM;
	err_t e = farewell_from_json(r->json, &said, &error);
	if (e == OK) {
		memcpy(l->who.password, said.password, sizeof l->who.password);
		memcpy(l->who.code, said.code, sizeof l->who.code);
		l->forfeit = said.forfeit;
		explicit_bzero(&said, sizeof said);
		e = store_password_get(market_of(r)->store, r->caller.account, l->hash);
	} else {
		e = refuse_json(r, &error);
	}
	if (e == OK)
		return login_wait(l);
	login_free(l);
	return e;
}

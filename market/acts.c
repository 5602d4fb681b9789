/* SPDX-License-Identifier: Apache-2.0
 * acts.c - what operators do is written down, in the transaction that does it
 */
#include "acts.h"

#include "bytes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "people.h"

bool act_is_one(const struct request *r)
{
	return r->route->scopes == SCOPE(OPERATOR) && strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
}

err_t act_note(struct request *r)
{
	AUTO_FREE struct operator_act *act = calloc(1, sizeof *act);
	AUTO_FREE char *body = r->json ? json_dumps(r->json, JSON_COMPACT) : NULL;
	if (!act || (r->json && !body))
		return E_NOMEM;
	act->id = uuid_make(r->now);
	act->at = r->now;
	act->account = r->caller.account;
	snprintf(act->act, sizeof act->act, "%.8s %.480s", r->method, r->path);
	if (body)
		TRY(text_copy(act->detail, sizeof act->detail, body));
	return store_act_add(market_of(r)->store, act);
}

err_t operator_acts(struct request *r)
{
	struct page page;
	AUTO_FREE struct operator_act *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_act_list(market_of(r)->store, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct operator_act *a = &rows[i];
		json_t *item = json_object();
		json_put_uuid(item, "id", a->id);
		json_put_time(item, "at", a->at);
		if (uuid_is_zero(a->account))
			json_put_text(item, "account", NULL);
		else
			json_put_uuid(item, "account", a->account);
		json_put_text(item, "who", a->name);
		json_put_text(item, "act", a->act);
		json_put_text(item, "detail", a->detail);
		json_array_append_new(items, item);
	}
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

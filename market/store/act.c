/* SPDX-License-Identifier: Apache-2.0
 * act.c - what operators did: written once, never changed
 */
#include "connection.h"
#include "people.h"

static const char ADD_SQL[] = "INSERT INTO operator_act (id, at, account, name, act, detail) VALUES ($1, $2, $3, $4, $5, $6)";

err_t store_act_add(struct store *s, const struct operator_act *act)
{
	struct params p = { 0 };
	param_uuid(&p, act->id);
	param_time(&p, act->at);
	param_uuid(&p, act->account);
	param_text(&p, act->name);
	param_text(&p, act->act);
	param_text(&p, act->detail);
	return store_query(s, ADD_SQL, &p, NULL);
}

static void act_read(struct row *row, void *element)
{
	struct operator_act *a = element;
	a->id = row_uuid(row);
	a->at = row_time(row);
	a->account = row_uuid(row);
	row_text(row, a->name, sizeof a->name);
	row_text(row, a->act, sizeof a->act);
	row_text(row, a->detail, sizeof a->detail);
}

static const char LIST_SQL[] = "SELECT o.id, o.at, o.account, coalesce(a.email, o.name), o.act, o.detail FROM operator_act o "
			       "LEFT JOIN account a ON a.id = o.account WHERE o.id < $1 ORDER BY o.id DESC LIMIT $2";

err_t store_act_list(struct store *s, struct page page, struct operator_act **ret_rows, size_t *ret_count)
{
	struct params p = { 0 };
	TRY(page_check(s, page));
	param_before(&p, page);
	param_int(&p, page.limit);
	AUTO_RESULT *result = NULL;
	TRY(store_query(s, LIST_SQL, &p, &result));
	return rows_read(s, result, sizeof **ret_rows, act_read, (void **)ret_rows, ret_count);
}

/* SPDX-License-Identifier: Apache-2.0
 * overview.c - what a seller earned by day; what an operator sees of the users and of the market's health
 */
#include "events.h"
#include "file.h"
#include "funds.h"
#include "gate.h"
#include "handlers.h"
#include "people.h"
#include "presence.h"

#define DAYS_MAX 366

err_t earnings_show(struct request *r)
{
	AUTO_FREE struct day_sums *days = NULL;
	size_t count;
	int64_t wanted = 30;
	TRY(request_query_int(r, "days", 30, 1, DAYS_MAX, &wanted));
	TRY(store_day_sums(market_of(r)->store, r->caller.account, wanted, r->now, &days, &count));
	struct accrued accrued;
	TRY(funds_accrued(market_of(r), r->caller.account, &accrued));
	if (count) { /* today is the last one */
		TRY(money_add(days[count - 1].earned, accrued.earning, &days[count - 1].earned));
		TRY(money_add(days[count - 1].spent, accrued.cost, &days[count - 1].spent));
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *day = json_object();
		json_put_text(day, "day", days[i].day);
		json_put_money(day, "earned_micro", days[i].earned);
		json_put_money(day, "spent_micro", days[i].spent);
		json_array_append_new(items, day);
	}
	return answer_items(r, items);
}

/* ---- the operator ---- */

err_t operator_accounts(struct request *r)
{
	struct page page;
	AUTO_FREE struct account_sums *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_account_list(market_of(r)->store, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *item = account_to_json(&rows[i].account);
		json_put_money(item, "available_micro", rows[i].available);
		json_put_money(item, "held_micro", rows[i].held);
		json_put_int(item, "orders", rows[i].orders);
		json_put_int(item, "machines", rows[i].machines);
		json_array_append_new(items, item);
	}
	return answer_page(r, items, &page, count, count ? rows[count - 1].account.id : (uuid){ 0 });
}

static int64_t machines_heard(struct market *m, mono_time now)
{
	size_t count;
	int64_t heard = 0;
	void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count; i++)
		heard += presence_is_heard(m, all[i], now);
	free(all);
	return heard;
}

err_t operator_health(struct request *r)
{
	struct market *m = market_of(r);
	json_t *answer = json_object();
	json_put_bool(answer, "database", m->database_up);
	json_put_bool(answer, "paypal", m->settings->paypal_file[0] != 0);
	json_put_bool(answer, "stripe", m->settings->stripe_file[0] != 0);
	json_put_bool(answer, "relay", m->settings->relays[0] != 0);
	json_put_int(answer, "machines_heard", machines_heard(m, r->now_mono));
	json_put_int(answer, "asks", (int64_t)book_ask_count(m->book));
	json_put_int(answer, "bids", (int64_t)book_bid_count(m->book));
	json_put_int(answer, "leases", (int64_t)m->leases.count);
	json_put_int(answer, "connections", http_connection_count(m->http));
	json_put_int(answer, "event_streams", (int64_t)events_count(m->events));
	answer_json(r, 200, answer);
	return OK;
}

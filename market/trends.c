/* SPDX-License-Identifier: Apache-2.0
 * trends.c - what everyone may see of the past: trades, prices, supply and demand, how leases end, how sellers and buyers did
 */
#include <assert.h>

#include "bytes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "history.h"
#include "presence.h"
#include "rating.h"
#include "samples.h"

#define TRADES 50
#define BUSY_S 5  /* what moves all the time is at most so old */
#define CALM_S 30 /* what takes the database some work */
#define IMPROVED 10

/* ---- the market ---- */

static err_t trades_make(struct market *m, wall_time now, int variant, struct buf *out)
{
	(void)now, (void)variant;
	AUTO_FREE char *items = NULL;
	TRY(store_trades(m->store, TRADES, &items));
	buf_printf(out, "{\"items\":%s,\"next\":null}", items);
	return OK;
}

err_t trade_list(struct request *r)
{
	return shared_answer(r, SHARED_TRADES, 0, BUSY_S, trades_make);
}

static const struct {
	const char *name;
	int days, step_s;
} ranges[] = { { "day", 1, 300 }, { "week", 7, 3600 }, { "month", 30, 4 * 3600 }, { "quarter", 90, 12 * 3600 } };
#define RANGE_COUNT (sizeof ranges / sizeof *ranges)

static err_t samples_make(struct market *m, wall_time now, int variant, struct buf *out)
{
	AUTO_FREE char *items = NULL;
	TRY(store_samples(m->store, (wall_time){ now.us - ranges[variant].days * DAY_US }, ranges[variant].step_s, &items));
	buf_printf(out, "{\"range\":\"%s\",\"step_s\":%d,\"items\":%s}", ranges[variant].name, ranges[variant].step_s, items);
	return OK;
}

err_t sample_list(struct request *r)
{
	const char *range = request_query(r, "range");
	static_assert(RANGE_COUNT == SHARED_COUNT - SHARED_SAMPLES, "a text for each range");
	for (size_t i = 0; i < RANGE_COUNT; i++)
		if (!strcmp(range ? range : "day", ranges[i].name))
			return shared_answer(r, SHARED_SAMPLES, (int)i, CALM_S, samples_make);
	return refuse(r, REFUSE_BAD_FIELD, "range", "must be day, week, month or quarter");
}

/* ---- by country ---- */

struct country {
	char code[COUNTRY_SIZE];
	int64_t machines, kvm, cores, cores_free;
	int64_t cheapest_micro; /* -1: no core is free */
};
#define COUNTRIES_MAX (26 * 26 + 1)

static struct country *country_of(struct country *list, const char *code)
{
	size_t at = code[0] ? 1 + (size_t)(code[0] - 'A') * 26 + (size_t)(code[1] - 'A') : 0;
	struct country *c = &list[at < COUNTRIES_MAX ? at : 0];
	if (!c->machines) {
		memcpy(c->code, code, sizeof c->code);
		c->cheapest_micro = -1;
	}
	return c;
}

static int by_cores(const void *a, const void *b)
{
	const struct country *x = a, *y = b;
	if (x->cores != y->cores)
		return x->cores > y->cores ? -1 : 1;
	return strcmp(x->code, y->code);
}

static void count_countries(struct market *m, struct country *list)
{
	size_t count;
	mono_time now = clock_mono();
	void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count; i++) {
		const struct presence *p = all[i];
		if (p->row.m.state != MACHINE_ONLINE || !presence_is_heard(m, p, now))
			continue;
		struct offer offer = presence_to_offer(m, p);
		struct country *c = country_of(list, offer.country);
		int64_t price = offer.prices.per_core_hour.micro;
		c->machines++;
		c->kvm += offer.accel == ACCEL_KVM;
		c->cores += offer.cores;
		c->cores_free += offer.cores_free;
		if (offer.cores_free && (c->cheapest_micro < 0 || price < c->cheapest_micro))
			c->cheapest_micro = price;
	}
	free(all);
}

static err_t countries_make(struct market *m, wall_time now, int variant, struct buf *out)
{
	(void)now, (void)variant;
	AUTO_FREE struct country *list = calloc(COUNTRIES_MAX, sizeof *list);
	if (!list)
		return E_NOMEM;
	count_countries(m, list);
	qsort(list, COUNTRIES_MAX, sizeof *list, by_cores);
	const char *between = "";
	buf_puts(out, "{\"items\":[");
	for (size_t i = 0; i < COUNTRIES_MAX; i++) {
		const struct country *c = &list[i];
		if (!c->machines)
			continue;
		buf_printf(out,
			   "%s{\"country\":\"%s\",\"machines\":%lld,\"machines_kvm\":%lld,\"cores\":%lld,\"cores_free\":%lld,",
			   between, c->code, (long long)c->machines, (long long)c->kvm, (long long)c->cores,
			   (long long)c->cores_free);
		if (c->cheapest_micro < 0)
			buf_puts(out, "\"price_per_core_hour_micro\":null}");
		else
			buf_printf(out, "\"price_per_core_hour_micro\":%lld}", (long long)c->cheapest_micro);
		between = ",";
	}
	buf_puts(out, "],\"next\":null}");
	return OK;
}

err_t country_list(struct request *r)
{
	return shared_answer(r, SHARED_COUNTRIES, 0, BUSY_S, countries_make);
}

/* ---- reputation ---- */

static err_t outcomes_make(struct market *m, wall_time now, int variant, struct buf *out)
{
	(void)variant;
	AUTO_FREE char *outcomes = NULL, *improved = NULL;
	TRY(store_outcomes(m->store, (wall_time){ now.us - HISTORY_DAYS * DAY_US }, &outcomes));
	TRY(store_improved(m->store, now, IMPROVED, &improved));
	buf_printf(out, "{\"formula_version\":%d,\"days\":%d,\"improved\":%s,\"outcomes\":%s}", RATING_VERSION, HISTORY_DAYS,
		   improved, outcomes);
	return OK;
}

err_t outcome_show(struct request *r)
{
	return shared_answer(r, SHARED_OUTCOMES, 0, CALM_S, outcomes_make);
}

/* ---- sellers and buyers ---- */

err_t seller_list(struct request *r)
{
	struct page page;
	AUTO_FREE struct seller *rows = NULL;
	size_t count;
	const char *prefix = request_query(r, "name");
	TRY(page_from_query(r, &page));
	if (prefix && strlen(prefix) >= NAME_SIZE)
		return refuse(r, REFUSE_BAD_FIELD, "name", "must have at most %d bytes", NAME_SIZE - 1);
	TRY(store_seller_best(market_of(r)->store, prefix ? prefix : "", page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, seller_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

err_t seller_history(struct request *r)
{
	char *text = NULL;
	TRY(store_seller_history(market_of(r)->store, r->values.id[0], r->now, &text));
	answer_text(r, 200, "application/json", text, strlen(text));
	return OK;
}

err_t buyer_show(struct request *r)
{
	struct buyer buyer;
	TRY(store_buyer_get(market_of(r)->store, r->values.id[0], &buyer));
	AUTO_FREE char *marks = buyer.marks;
	json_t *answer = json_object();
	json_put_uuid(answer, "id", buyer.id);
	json_put_text(answer, "name", buyer.name);
	json_put_int(answer, "rating_ppm", buyer.rating_ppm);
	json_put_int(answer, "good", buyer.good);
	json_put_int(answer, "bad", buyer.bad);
	json_put_int(answer, "leases", buyer.leases);
	json_put_int(answer, "leases_completed", buyer.completed);
	json_put_int(answer, "leases_failed", buyer.failed);
	json_put_int(answer, "disputes", buyer.disputes);
	json_put_int(answer, "disputes_upheld", buyer.upheld);
	json_put_time(answer, "since", buyer.since);
	json_put(answer, "marks", json_loads(marks ? marks : "[]", 0, NULL));
	answer_json(r, 200, answer);
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * public.c - what everyone may see: offers, the book, sellers, the market's rules, the pages
 */
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "presence.h"
#include "price.h"
#include "rating.h"

#define RATING_FORMULA                                                                                                      \
	"for each counterpart the money of paid leases that ended, good and bad, which loses half of its weight in "        \
	"half_life_periods periods; the square root of its sum over mark_micro, at most counterpart_marks, shared between " \
	"good and bad as the money is; of all counterparts' good and bad together the lower bound of the Wilson score "     \
	"interval of good / (good + bad) at 95 %, in millionths"
#define LEVELS 50
#define OFFERS_MAX 500

static int cheaper(const void *a, const void *b)
{
	const struct offer *x = a, *y = b;
	int64_t left = x->prices.per_core_hour.micro, right = y->prices.per_core_hour.micro;
	if (left != right)
		return left < right ? -1 : 1;
	return memcmp(x->machine.bytes, y->machine.bytes, sizeof x->machine.bytes);
}

/* Machines that are heard and accept work; the cheapest core first. */
err_t offer_list(struct request *r)
{
	struct market *m = market_of(r);
	size_t count, n = 0;
	AUTO_FREE struct offer *offers = NULL;
	void **all = uuid_map_values(&m->machines, &count);
	offers = calloc(count + 1, sizeof *offers);
	for (size_t i = 0; offers && i < count; i++) {
		const struct presence *p = all[i];
		if (p->row.m.state == MACHINE_ONLINE && presence_is_heard(m, p, r->now_mono))
			offers[n++] = presence_to_offer(p);
	}
	free(all);
	if (!offers)
		return E_NOMEM;
	qsort(offers, n, sizeof *offers, cheaper);
	json_t *items = json_array();
	for (size_t i = 0; i < n && i < OFFERS_MAX; i++)
		json_array_append_new(items, offer_to_json(&offers[i]));
	return answer_items(r, items);
}

static json_t *levels_to_json(const struct level *levels, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *level = json_object();
		json_put_money(level, "price_per_core_hour_micro", levels[i].price_per_core_hour);
		json_put_int(level, "cores", (int64_t)levels[i].cores);
		json_put_int(level, "count", levels[i].count);
		json_array_append_new(list, level);
	}
	return list;
}

err_t book_show(struct request *r)
{
	struct market *m = market_of(r);
	struct level levels[LEVELS];
	json_t *answer = json_object();
	json_put_text(answer, "currency", m->settings->currency);
	json_put(answer, "asks", levels_to_json(levels, book_ask_levels(m->book, levels, LEVELS)));
	json_put(answer, "bids", levels_to_json(levels, book_bid_levels(m->book, levels, LEVELS)));
	json_put_int(answer, "ask_count", (int64_t)book_ask_count(m->book));
	json_put_int(answer, "bid_count", (int64_t)book_bid_count(m->book));
	answer_json(r, 200, answer);
	return OK;
}

err_t seller_list(struct request *r)
{
	struct page page;
	AUTO_FREE struct seller *rows = NULL;
	size_t count;
	TRY(page_from_query(r, &page));
	TRY(store_seller_list(market_of(r)->store, page, &rows, &count));
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, seller_to_json(&rows[i]));
	return answer_page(r, items, &page, count, count ? rows[count - 1].id : (uuid){ 0 });
}

err_t seller_show(struct request *r)
{
	struct seller seller;
	TRY(store_seller_get(market_of(r)->store, r->values.id[0], &seller));
	answer_json(r, 200, seller_to_json(&seller));
	return OK;
}

static json_t *limits_to_json(const struct settings *s)
{
	json_t *limits = json_object();
	json_put_money(limits, "deposit_micro", s->deposit_max);
	json_put_int(limits, "image_bytes", s->image_bytes);
	json_put_int(limits, "piece_bytes", PIECE_BYTES);
	json_put_int(limits, "count", ORDER_MAX_COUNT);
	json_put_int(limits, "cores", LEASE_MAX_CORES);
	json_put_int(limits, "memory_mib", LEASE_MAX_MEMORY_MIB);
	json_put_int(limits, "duration_s", LEASE_MAX_S);
	json_put_int(limits, "user_data_bytes", USER_DATA_MAX);
	json_put_money(limits, "price_micro", (money){ PRICE_MAX_MICRO });
	return limits;
}

err_t market_show(struct request *r)
{
	const struct settings *s = market_of(r)->settings;
	json_t *answer = json_object(), *fees = json_object();
	json_put_int(fees, "deposit_basis_points", s->deposit_bp);
	json_put_int(fees, "settlement_basis_points", s->settlement_bp);
	json_put_text(answer, "name", s->name);
	json_put_text(answer, "currency", s->currency);
	json_put_text(answer, "version", CPUSHARE_VERSION);
	json_put_text(answer, "contact", s->operator_contact);
	json_put(answer, "fees", fees);
	json_put(answer, "limits", limits_to_json(s));
	json_put_int(answer, "hold_window_s", s->hold_window_us / SECOND_US);
	json_put_int(answer, "funds_grace_s", s->funds_grace_us / SECOND_US);
	json_put_int(answer, "lost_contact_s", s->lost_contact_us / SECOND_US);
	json_put_int(answer, "start_timeout_s", s->start_timeout_us / SECOND_US);
	json_put_text(answer, "price_formula",
		      "price_per_core_hour * vCPU seconds / 3600 + price_per_gib_hour * GiB * running seconds / 3600 + "
		      "price_per_gib_transferred * (sent + received bytes) / 2^30, each part rounded once to a millionth");
	json_put_text(answer, "rating_formula", RATING_FORMULA);
	answer_json(r, 200, answer);
	return OK;
}

/* How ratings are computed, so that anybody can do it too. */
err_t reputation_show(struct request *r)
{
	json_t *answer = json_object();
	json_put_int(answer, "version", RATING_VERSION);
	json_put_text(answer, "formula", RATING_FORMULA);
	json_put_int(answer, "period_s", RATING_PERIOD_S);
	json_put_int(answer, "half_life_periods", RATING_HALF_LIFE_PERIODS);
	json_put_int(answer, "periods", RATING_PERIODS);
	json_put_int(answer, "mark_micro", RATING_MARK_MICRO);
	json_put_int(answer, "counterpart_marks", RATING_COUNTERPART_MARKS);
	json_put_text(answer, "currency", market_of(r)->settings->currency);
	json_put_int(answer, "trial_pause_s", market_of(r)->settings->trial_pause_us / SECOND_US);
	answer_json(r, 200, answer);
	return OK;
}

err_t health_show(struct request *r)
{
	struct market *m = market_of(r);
	if (!m->database_up)
		return refuse(r, REFUSE_UNAVAILABLE, NULL, "the database does not answer");
	json_t *answer = json_object();
	json_put_text(answer, "status", "ok");
	answer_json(r, 200, answer);
	return OK;
}

/* Beside the pages lies the interface's description. */
err_t openapi_show(struct request *r)
{
	return files_answer(market_of(r)->pages, r, strrchr(r->path, '/'));
}

err_t page_show(struct request *r)
{
	return files_answer(market_of(r)->pages, r, r->path);
}

/* SPDX-License-Identifier: Apache-2.0
 * public.c - what everyone may see: offers, the book, sellers, the market's rules, the pages
 */
#include "bytes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "holding.h"
#include "presence.h"
#include "price.h"
#include "query.h"
#include "rating.h"

#define RATING_FORMULA                                                                                                      \
	"for each counterpart the money of paid leases that ended, good and bad, which loses half of its weight in "        \
	"half_life_periods periods; the square root of its sum over mark_micro, at most counterpart_marks, shared between " \
	"good and bad as the money is; of all counterparts' good and bad together the lower bound of the Wilson score "     \
	"interval of good / (good + bad) at 95 %, in millionths"
#define LEVELS 50
#define OFFERS_MAX 500

/* An offer's place in the answer: by what it is sorted by, then by its machine. Also a cursor: where a page ended. */
struct place {
	int64_t key;
	uuid machine;
};

static int compare_places(const struct place *a, const struct place *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return memcmp(a->machine.bytes, b->machine.bytes, sizeof a->machine.bytes);
}

struct placed_offer {
	struct place place;
	struct offer offer;
};

static int compare_offers(const void *a, const void *b)
{
	const struct placed_offer *x = a, *y = b;
	return compare_places(&x->place, &y->place);
}

struct offer_question {
	struct query query;
	struct query_sort sort;
	bool has_after;
	struct place after;
	int64_t limit;
};

/* "KEY.MACHINE" */
static err_t cursor_parse(const char *text, struct place *ret)
{
	char key[24];
	const char *dot = strchr(text, '.');
	if (!dot || (size_t)(dot - text) >= sizeof key)
		return E_INVALID;
	snprintf(key, sizeof key, "%.*s", (int)(dot - text), text);
	TRY(int_parse(key, &ret->key));
	return uuid_parse(dot + 1, &ret->machine);
}

static err_t known_region(struct request *r, const char *field, const char *region)
{
	uint8_t number;
	if (*region && region_number(market_of(r)->settings, region, &number) != OK)
		return refuse(r, REFUSE_BAD_FIELD, field, "this market has no region \"%s\"", region);
	return OK;
}

static err_t offer_question(struct request *r, struct offer_question *ret)
{
	char error[QUERY_ERROR_SIZE];
	const char *cursor = request_query(r, "cursor");
	const char *query = request_query(r, "q"), *sort = request_query(r, "sort");
	ret->has_after = cursor;
	TRY(request_query_int(r, "limit", OFFERS_MAX, 1, OFFERS_MAX, &ret->limit));
	if (query_parse(query ? query : "", &ret->query, error) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "q", "%s", error);
	for (size_t i = 0; i < ret->query.term_count; i++)
		TRY(known_region(r, "q", ret->query.terms[i].region));
	if (query_sort_parse(sort ? sort : "price", &ret->sort) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "sort",
			      "must be a field of numbers, as in price, or -score for the largest first");
	TRY(known_region(r, "sort", ret->sort.region));
	if (cursor && cursor_parse(cursor, &ret->after) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "cursor", "must be what \"next\" of the page before said");
	return OK;
}

static err_t answer_offers(struct request *r, const struct offer_question *q, const struct placed_offer *offers, size_t count)
{
	json_t *items = json_array(), *answer = json_object();
	size_t n = count < (size_t)q->limit ? count : (size_t)q->limit;
	char next[80], id[UUID_TEXT_SIZE];
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, offer_to_json(&offers[i].offer));
	if (n < count)
		snprintf(next, sizeof next, "%lld.%s", (long long)offers[n - 1].place.key,
			 uuid_format(offers[n - 1].place.machine, id));
	json_put(answer, "items", items);
	json_put_text(answer, "next", n < count ? next : NULL);
	answer_json(r, 200, answer);
	return OK;
}

/* Machines that are heard and accept work; the cheapest core first, unless it is asked for otherwise. */
err_t offer_list(struct request *r)
{
	struct market *m = market_of(r);
	struct offer_question q;
	size_t count, n = 0;
	TRY(offer_question(r, &q));
	AUTO_FREE struct placed_offer *offers = NULL;
	void **all = uuid_map_values(&m->machines, &count);
	offers = calloc(count + 1, sizeof *offers);
	for (size_t i = 0; offers && i < count; i++) {
		const struct presence *p = all[i];
		if (p->row.m.state != MACHINE_ONLINE || p->row.off_reason[0] || !presence_is_heard(m, p, r->now_mono))
			continue;
		struct placed_offer *o = &offers[n];
		o->offer = presence_to_offer(m, p);
		o->place = (struct place){ query_sort_key(&q.sort, &o->offer), o->offer.machine };
		n += query_matches(&q.query, &o->offer) && (!q.has_after || compare_places(&o->place, &q.after) > 0);
	}
	free(all);
	if (!offers)
		return E_NOMEM;
	qsort(offers, n, sizeof *offers, compare_offers);
	return answer_offers(r, &q, offers, n);
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

static json_t *regions_to_json(const struct settings *s)
{
	json_t *list = json_array();
	char names[MAX_REGIONS][REGION_SIZE];
	size_t count = region_names(s, names);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	return list;
}

static char *rules_of(const struct market *m)
{
	const struct settings *s = m->settings;
	json_t *answer = json_object(), *fees = json_object();
	json_put_int(fees, "deposit_basis_points", s->deposit_bp);
	json_put_int(fees, "settlement_basis_points", s->settlement_bp);
	json_put_text(answer, "name", s->name);
	json_put_text(answer, "currency", s->currency);
	json_put_text(answer, "version", CPUSHARE_VERSION);
	json_put_text(answer, "pin", m->pin);
	json_put_text(answer, "contact", s->operator_contact);
	json_put_bool(answer, "mail", m->mails);
	json_put(answer, "fees", fees);
	json_put(answer, "limits", limits_to_json(s));
	json_put(answer, "regions", regions_to_json(s));
	json_put_int(answer, "hold_window_s", s->hold_window_us / SECOND_US);
	json_put_int(answer, "funds_grace_s", s->funds_grace_us / SECOND_US);
	json_put_int(answer, "lost_contact_s", s->lost_contact_us / SECOND_US);
	json_put_int(answer, "start_timeout_s", s->start_timeout_us / SECOND_US);
	json_put_text(answer, "price_formula",
		      "price_per_core_hour * vCPU seconds / 3600 + price_per_gib_hour * GiB * running seconds / 3600 + "
		      "price_per_gib_transferred * (sent + received bytes) / 2^30, each part rounded once to a millionth");
	json_put_text(answer, "rating_formula", RATING_FORMULA);
	ed25519_public key = ed25519_public_of(m->signing_key);
	json_put_hex(answer, "receipt_key", key.bytes, sizeof key.bytes);
	char *text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return text;
}

err_t market_show(struct request *r)
{
	struct market *m = market_of(r);
	if (!m->rules && !(m->rules = rules_of(m)))
		return E_NOMEM;
	answer_fixed(r, 200, "application/json", m->rules, strlen(m->rules));
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
	if (!holding_reachable(m))
		return refuse(r, REFUSE_UNAVAILABLE, NULL, "no market holds the book at the moment");
	json_t *answer = json_object();
	json_put_text(answer, "status", "ok");
	json_put_bool(answer, "holds_book", m->holds_book);
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

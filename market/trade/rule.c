/* SPDX-License-Identifier: Apache-2.0
 * rule.c - whether an ask fits a bid, and in what order asks and bids are served
 */
#include "rule.h"

#include <assert.h>
#include <string.h>

const char *const rule_names[RULE_COUNT] = {
	[RULE_ACCEL] = "accel",		[RULE_VENDOR] = "cpu_vendor",
	[RULE_COUNTRY] = "country",	[RULE_RTT] = "rtt",
	[RULE_BANDWIDTH] = "bandwidth", [RULE_DIRECT] = "direct",
	[RULE_TRUSTED] = "trusted",	[RULE_SCORE] = "score",
	[RULE_RATING] = "rating",	[RULE_BUYER_RATING] = "buyer_rating",
	[RULE_BLOCKED] = "blocked",	[RULE_DISTINCT] = "distinct",
	[RULE_DURATION] = "duration",	[RULE_PRICE] = "price",
	[RULE_CORES] = "cores",		[RULE_MEMORY] = "memory",
	[RULE_SCRATCH] = "scratch",	[RULE_DISPLAY] = "display",
	[RULE_IMAGE] = "image",
};
static_assert(sizeof rule_names / sizeof rule_names[0] == RULE_COUNT, "every rule has a name");

static bool country_allowed(const struct constraints *c, const char *country)
{
	for (size_t i = 0; i < c->country_not_count; i++) {
		if (!strcmp(c->countries_not[i], country))
			return false;
	}
	for (size_t i = 0; i < c->country_count; i++) {
		if (!strcmp(c->countries[i], country))
			return true;
	}
	return c->country_count == 0;
}

static bool uuid_among(const uuid *ids, size_t count, uuid id)
{
	for (size_t i = 0; i < count; i++) {
		if (uuid_equal(ids[i], id))
			return true;
	}
	return false;
}

bool rule_prefers(const struct bid *bid, const struct ask *ask)
{
	return uuid_among(bid->constraints.preferred, bid->constraints.preferred_count, ask->seller);
}

static bool is_blocked(const struct bid *bid, const struct ask *ask)
{
	return uuid_among(bid->constraints.blocked, bid->constraints.blocked_count, ask->seller) ||
	       uuid_among(ask->blocked, ask->blocked_count, bid->buyer);
}

/* Two unknown countries or vendors count as one. */
static bool is_taken(const struct bid *bid, const struct ask *ask)
{
	const struct constraints *c = &bid->constraints;

	for (size_t i = 0; i < bid->taken_count; i++) {
		const struct taken *t = &bid->taken[i];

		if ((c->distinct_sellers && uuid_equal(t->seller, ask->seller)) ||
		    (c->distinct_countries && !strcmp(t->country, ask->country)) ||
		    (c->distinct_cpu_vendors && t->vendor == ask->vendor))
			return true;
	}
	return false;
}

static bool is_near(const struct bid *bid, const struct ask *ask)
{
	uint16_t rtt_ms = ask->rtt_ms[bid->region];

	return rtt_ms > 0 && rtt_ms <= bid->constraints.max_rtt_ms;
}

static bool prices_within(const struct prices *p, const struct prices *max)
{
	return p->per_core_hour.micro <= max->per_core_hour.micro && p->per_gib_hour.micro <= max->per_gib_hour.micro &&
	       p->per_gib_transferred.micro <= max->per_gib_transferred.micro;
}

static bool is_affordable(const struct bid *bid, const struct ask *ask)
{
	return prices_within(&ask->prices, &bid->max_prices) &&
	       (bid->max_hour.micro == 0 ||
		rule_hour_cost(&ask->prices, bid->cores, bid->memory_mib) <= (hour_cost)bid->max_hour.micro);
}

enum rule rule_against(const struct bid *bid, const struct ask *ask)
{
	const struct constraints *c = &bid->constraints;

	if (c->accel != ACCEL_ANY && c->accel != ask->accel)
		return RULE_ACCEL;
	if (c->cpu_vendor != CPU_ANY && c->cpu_vendor != ask->vendor)
		return RULE_VENDOR;
	if (!country_allowed(c, ask->country))
		return RULE_COUNTRY;
	if (c->max_rtt_ms && !is_near(bid, ask))
		return RULE_RTT;
	if (ask->up_kbit_s < c->min_up_kbit_s || ask->down_kbit_s < c->min_down_kbit_s)
		return RULE_BANDWIDTH;
	if (c->direct && !ask->direct)
		return RULE_DIRECT;
	if (c->trusted == TRUSTED_REQUIRE && !ask->trusted)
		return RULE_TRUSTED;
	if (ask->score < c->min_score)
		return RULE_SCORE;
	if (ask->rating_ppm < c->min_rating_ppm || ask->ratings < c->min_ratings)
		return RULE_RATING;
	if (bid->buyer_rating_ppm < ask->min_buyer_rating_ppm)
		return RULE_BUYER_RATING;
	if (is_blocked(bid, ask))
		return RULE_BLOCKED;
	if (is_taken(bid, ask))
		return RULE_DISTINCT;
	if (bid->duration_s < ask->min_duration_s || (ask->max_duration_s && bid->duration_s > ask->max_duration_s))
		return RULE_DURATION;
	if (!is_affordable(bid, ask))
		return RULE_PRICE;
	if (ask->cores_free < bid->cores)
		return RULE_CORES;
	if (ask->memory_free_mib < bid->memory_mib)
		return RULE_MEMORY;
	if (ask->scratch_free_mib < c->scratch_mib)
		return RULE_SCRATCH;
	if (c->display != DISPLAY_NONE && !ask->display)
		return RULE_DISPLAY;
	if (ask->image_mib < bid->image_mib || (ask->image_failed && ask->image_failed == bid->image))
		return RULE_IMAGE;
	return RULE_COUNT;
}

hour_cost rule_hour_cost(const struct prices *prices, uint32_t cores, uint32_t memory_mib)
{
	hour_cost cpu = (hour_cost)prices->per_core_hour.micro * cores;
	hour_cost memory = (hour_cost)prices->per_gib_hour.micro * memory_mib;

	return cpu + (memory + 512) / 1024; /* halves away from zero, as money_scale() rounds */
}

int rule_compare_bids(const struct bid *a, const struct bid *b)
{
	/* Each offer by its own cores, without a division: at most 2^87 * 2^32. */
	hour_cost of_a = rule_hour_cost(&a->max_prices, a->cores, a->memory_mib) * b->cores;
	hour_cost of_b = rule_hour_cost(&b->max_prices, b->cores, b->memory_mib) * a->cores;

	return (of_a < of_b) - (of_a > of_b);
}

static bool price_in_range(money price)
{
	return price.micro >= 0 && price.micro <= MONEY_MAX_MICRO;
}

static bool prices_in_range(const struct prices *p)
{
	return price_in_range(p->per_core_hour) && price_in_range(p->per_gib_hour) && price_in_range(p->per_gib_transferred);
}

err_t rule_check_ask(const struct ask *ask)
{
	bool fine = (ask->accel == ACCEL_KVM || ask->accel == ACCEL_TCG) && ask->rating_ppm <= RATING_MAX_PPM &&
		    (unsigned int)ask->vendor < CPU_VENDOR_COUNT && ask->min_duration_s >= 0 && ask->max_duration_s >= 0 &&
		    ask->blocked_count <= BOOK_BLOCKED_BUYERS && prices_in_range(&ask->prices);

	return fine ? OK : E_INVALID;
}

err_t rule_check_bid(const struct bid *bid)
{
	const struct constraints *c = &bid->constraints;
	bool fine = bid->cores > 0 && bid->memory_mib > 0 && bid->duration_s > 0 && bid->places <= BOOK_PLACES &&
		    bid->taken_count <= BOOK_PLACES && bid->region < BOOK_REGIONS && prices_in_range(&bid->max_prices) &&
		    price_in_range(bid->max_hour) && c->country_count <= MAX_COUNTRIES && c->country_not_count <= MAX_COUNTRIES &&
		    c->preferred_count <= MAX_SELLERS && c->blocked_count <= MAX_SELLERS &&
		    (unsigned int)c->accel < ACCEL_COUNT && (unsigned int)c->cpu_vendor < CPU_VENDOR_COUNT &&
		    (unsigned int)c->trusted < TRUSTED_COUNT && (unsigned int)c->display < DISPLAY_COUNT;

	return fine ? OK : E_INVALID;
}

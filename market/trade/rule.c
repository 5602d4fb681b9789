/* SPDX-License-Identifier: Apache-2.0
 * rule.c - whether an ask fits a bid, and in what order asks and bids are served
 */
#include "rule.h"

#include <assert.h>
#include <string.h>

const char *const rule_names[RULE_COUNT] = {
	[RULE_ACCEL] = "accel",	      [RULE_COUNTRY] = "country", [RULE_SCORE] = "score", [RULE_RATING] = "rating",
	[RULE_DURATION] = "duration", [RULE_PRICE] = "price",	  [RULE_CORES] = "cores", [RULE_MEMORY] = "memory",
};
static_assert(sizeof rule_names / sizeof rule_names[0] == RULE_COUNT, "every rule has a name");

static bool country_allowed(const struct constraints *c, const char *country)
{
	for (size_t i = 0; i < c->country_count; i++) {
		if (!strcmp(c->countries[i], country))
			return true;
	}
	return c->country_count == 0;
}

static bool prices_within(const struct prices *p, const struct prices *max)
{
	return p->per_core_hour.micro <= max->per_core_hour.micro && p->per_gib_hour.micro <= max->per_gib_hour.micro &&
	       p->per_gib_transferred.micro <= max->per_gib_transferred.micro;
}

enum rule rule_against(const struct bid *bid, const struct ask *ask)
{
	const struct constraints *c = &bid->constraints;

	if (c->accel != ACCEL_ANY && c->accel != ask->accel)
		return RULE_ACCEL;
	if (!country_allowed(c, ask->country))
		return RULE_COUNTRY;
	if (ask->score < c->min_score)
		return RULE_SCORE;
	if (ask->rating_ppm < c->min_rating_ppm)
		return RULE_RATING;
	if (ask->max_duration_s && bid->duration_s > ask->max_duration_s)
		return RULE_DURATION;
	if (!prices_within(&ask->prices, &bid->max_prices))
		return RULE_PRICE;
	if (ask->cores_free < bid->cores)
		return RULE_CORES;
	if (ask->memory_free_mib < bid->memory_mib)
		return RULE_MEMORY;
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
		    ask->max_duration_s >= 0 && prices_in_range(&ask->prices);

	return fine ? OK : E_INVALID;
}

err_t rule_check_bid(const struct bid *bid)
{
	bool fine = bid->cores > 0 && bid->memory_mib > 0 && bid->duration_s > 0 && prices_in_range(&bid->max_prices) &&
		    bid->constraints.country_count <= MAX_COUNTRIES && (unsigned int)bid->constraints.accel < ACCEL_COUNT;

	return fine ? OK : E_INVALID;
}

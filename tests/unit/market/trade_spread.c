/* SPDX-License-Identifier: Apache-2.0
 * trade_spread.c - tests of percentiles of prices, weighted by cores
 */
#include "spread.h"
#include "tap.h"

int main(void)
{
	const struct level one[] = { { .price_per_core_hour = { 500 }, .cores = 3 } };
	const struct level many[] = { { .price_per_core_hour = { 100 }, .cores = 1 },
				      { .price_per_core_hour = { 200 }, .cores = 8 },
				      { .price_per_core_hour = { 900 }, .cores = 1 } };
	const struct level busy[] = { { .price_per_core_hour = { 100 }, .cores = 0 },
				      { .price_per_core_hour = { 200 }, .cores = 2 } };
	is_int(spread_price_micro(NULL, 0, 500), SPREAD_NONE, "no cores, no price");
	is_int(spread_price_micro(one, 1, 100), 500, "one level is each percentile");
	is_int(spread_price_micro(one, 1, 900), 500, "the upper one, too");
	is_int(spread_price_micro(many, 3, 100), 100, "a tenth of the cores costs this or less");
	is_int(spread_price_micro(many, 3, 101), 200, "a little more than a tenth costs more");
	is_int(spread_price_micro(many, 3, 500), 200, "the median");
	is_int(spread_price_micro(many, 3, 900), 200, "nine tenths");
	is_int(spread_price_micro(many, 3, 1000), 900, "all");
	is_int(spread_price_micro(busy, 2, 0), 200, "a level without cores has no say");
	is_int(spread_cores(many, 3), 10, "all cores");
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * trade_rating.c - the rating's table, checked against the formula of docs/RATING.md
 */
#include "rating.h"
#include "tap.h"

/* The values that docs/RATING.md shows, and extremes; computed with 50 digits and rounded down. */
static const struct {
	uint64_t good_milli, bad_milli;
	uint32_t ppm;
} table[] = {
	{ 0, 0, 0 },
	{ 0, 1000, 0 },
	{ 0, 50000, 0 },
	{ 1, 0, 260 },
	{ 1, 1, 130 },
	{ 52, 0, 13355 },
	{ 100, 0, 25370 },
	{ 1000, 0, 206543 },
	{ 2000, 0, 342371 },
	{ 1000, 1000, 94528 },
	{ 3000, 0, 438493 },
	{ 3500, 250, 431969 },
	{ 5000, 0, 565508 },
	{ 10000, 0, 722459 },
	{ 9000, 1000, 595843 },
	{ 20000, 0, 838869 },
	{ 19000, 1000, 763864 },
	{ 50000, 0, 928649 },
	{ 100000, 0, 963005 },
	{ 95000, 5000, 888248 },
	{ 90000, 10000, 825632 },
	{ 50000, 50000, 403829 },
	{ 1000000, 0, 996173 },
	{ 990000, 10000, 981690 },
	{ 4294967295, 0, 999999 },
	{ 0, 4294967295, 0 },
	{ 4294967295, 1000, 999998 },
	{ 4294967295, 4294967295, 499665 },
	{ UINT64_MAX, UINT64_MAX, 499665 },
	{ 3000000000, 1234567890, 708021 },
};

static uint32_t of(uint32_t good, uint32_t bad)
{
	return rating_ppm((struct rating_marks){ 500ULL * good, 500ULL * bad });
}

int main(void)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		is_int(rating_ppm((struct rating_marks){ table[i].good_milli, table[i].bad_milli }), table[i].ppm,
		       "%llu good, %llu bad", (unsigned long long)table[i].good_milli, (unsigned long long)table[i].bad_milli);

	/* In steps of half a mark. */
	bool good_helps = true, bad_hurts = true, below_share = true;
	for (uint32_t good = 0; good < 60; good++) {
		for (uint32_t bad = 0; bad < 60; bad++) {
			uint32_t ppm = of(good, bad);

			good_helps &= of(good + 1, bad) > ppm;
			bad_hurts &= good == 0 ? ppm == 0 : of(good, bad + 1) < ppm;
			below_share &= good == 0 || ppm < 1000000ULL * good / (good + bad);
		}
	}
	ok(good_helps, "one good mark more is always better");
	ok(bad_hurts, "one bad mark more is always worse, where there is a good one");
	ok(below_share, "the bound is below the plain share");
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * trade_rating.c - the rating's table, checked against the formula of docs/RATING.md
 */
#include "rating.h"
#include "tap.h"

/* The values that docs/RATING.md shows, and extremes; computed with 50 digits and rounded down. */
static const struct {
	uint32_t good, bad, ppm;
} table[] = {
	{ 0, 0, 0 },
	{ 0, 1, 0 },
	{ 0, 50, 0 },
	{ 1, 0, 206543 },
	{ 2, 0, 342371 },
	{ 1, 1, 94528 },
	{ 5, 0, 565508 },
	{ 10, 0, 722459 },
	{ 9, 1, 595843 },
	{ 20, 0, 838869 },
	{ 19, 1, 763864 },
	{ 50, 0, 928649 },
	{ 100, 0, 963005 },
	{ 95, 5, 888248 },
	{ 90, 10, 825632 },
	{ 50, 50, 403829 },
	{ 1000, 0, 996173 },
	{ 990, 10, 981690 },
	{ 4294967295, 0, 999999 },
	{ 0, 4294967295, 0 },
	{ 4294967295, 1, 999999 },
	{ 4294967295, 4294967295, 499989 },
	{ 3000000000, 1234567890, 708441 },
};

int main(void)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		is_int(rating_ppm(table[i].good, table[i].bad), table[i].ppm, "%u good, %u bad", table[i].good, table[i].bad);

	bool good_helps = true, bad_hurts = true, below_share = true;
	for (uint32_t good = 0; good < 60; good++) {
		for (uint32_t bad = 0; bad < 60; bad++) {
			uint32_t ppm = rating_ppm(good, bad);

			good_helps &= rating_ppm(good + 1, bad) > ppm;
			bad_hurts &= good == 0 ? ppm == 0 : rating_ppm(good, bad + 1) < ppm;
			below_share &= good == 0 || ppm < 1000000ULL * good / (good + bad);
		}
	}
	ok(good_helps, "one good mark more is always better");
	ok(bad_hurts, "one bad mark more is always worse, where there is a good one");
	ok(below_share, "the bound is below the plain share");
	return done_testing();
}

/* SPDX-License-Identifier: Apache-2.0
 * rating.c - what is made of good and bad marks: Wilson's lower bound, in whole numbers
 *
 * How it works: with g good of n marks and z = 1.96 the bound is
 *
 *	(g + z²/2 - z √(g (n - g) / n + z²/4)) / (n + z²)          [the usual form, times n above and below]
 *
 * z is 49/25, and g, b come in thousandths. Multiplying above and below by 1250000 makes every constant whole (z²/2 = 2401/1250):
 *
 *	numerator   = 1250 g + 2401000 - √( 2450² * 1000 (g b / n) + 2401000² )
 *	denominator = 1250 n + 4802000
 *
 * The root is the only thing that is not a whole number. It is taken as r of a square scaled by S² and rounded up, so that
 * the bound is never above the true one. All machines give the same millionth: no floating point.
 */
#include "rating.h"

#define SCALE 1024ULL

typedef unsigned __int128 wide;

/* The smallest r with r * r >= n. */
static uint64_t root_up(wide n)
{
	uint64_t low = 0, high = UINT64_MAX;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if ((wide)middle * middle >= n)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static uint64_t bounded(uint64_t milli)
{
	return milli < UINT32_MAX ? milli : UINT32_MAX;
}

uint32_t rating_ppm(struct rating_marks marks)
{
	uint64_t good = bounded(marks.good_milli), bad = bounded(marks.bad_milli), n = good + bad;

	if (n == 0)
		return 0;
	/* In units of 1/SCALE², rounded up. The product is below 2^23 * 2^10 * 2^64 * 2^20 = 2^117. */
	wide spread = ((wide)2450 * 2450 * 1000 * good * bad * SCALE * SCALE + n - 1) / n;
	uint64_t root = root_up(spread + (wide)2401000 * 2401000 * SCALE * SCALE);
	wide numerator = (wide)SCALE * (1250 * good + 2401000) - root;

	return (uint32_t)(numerator * 1000000 / ((wide)SCALE * (1250 * n + 4802000)));
}

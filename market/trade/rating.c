/* SPDX-License-Identifier: Apache-2.0
 * rating.c - what is made of good and bad marks: Wilson's lower bound, in whole numbers
 *
 * How it works: with g good of n marks and z = 1.96 the bound is
 *
 *	(g + z²/2 - z √(g (n - g) / n + z²/4)) / (n + z²)          [the usual form, times n above and below]
 *
 * z is 49/25. Multiplying above and below by 1250 makes every constant whole (z²/2 = 2401/1250):
 *
 *	numerator   = 1250 g + 2401 - √( 2450² (g (n - g)/n) + 2401² )
 *	denominator = 1250 n + 4802
 *
 * The root is the only thing that is not a whole number. It is taken as r of a square scaled by S² and rounded up, so that
 * the bound is never above the true one. All machines give the same millionth: no floating point.
 */
#include "rating.h"

#define SCALE (1ULL << 20)

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

uint32_t rating_ppm(uint32_t good, uint32_t bad)
{
	uint64_t n = (uint64_t)good + bad;

	if (n == 0)
		return 0;
	/* 2450² g b / n in units of 1/SCALE², rounded up. The product is below 2^23 * 2^64 * 2^40 = 2^127. */
	wide spread = ((wide)2450 * 2450 * good * bad * SCALE * SCALE + n - 1) / n;
	uint64_t root = root_up(spread + (wide)2401 * 2401 * SCALE * SCALE);
	wide numerator = (wide)SCALE * (1250ULL * good + 2401) - root;

	return (uint32_t)(numerator * 1000000 / ((wide)SCALE * (1250 * n + 4802)));
}

/* SPDX-License-Identifier: Apache-2.0
 * spread.c - how the prices of the book's cores are spread
 */
#include "spread.h"

int64_t spread_cores(const struct level *levels, size_t count)
{
	int64_t cores = 0;
	for (size_t i = 0; i < count; i++)
		cores += (int64_t)levels[i].cores;
	return cores;
}

int64_t spread_price_micro(const struct level *levels, size_t count, uint32_t permille)
{
	int64_t all = spread_cores(levels, count), below = 0;
	for (size_t i = 0; i < count; i++) {
		below += (int64_t)levels[i].cores;
		if (below > 0 && below * 1000 >= all * (int64_t)permille)
			return levels[i].price_per_core_hour.micro;
	}
	return SPREAD_NONE;
}

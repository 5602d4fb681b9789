/* SPDX-License-Identifier: Apache-2.0
 * spread.h - how the prices of the book's cores are spread
 */
#ifndef TRADE_SPREAD_H
#define TRADE_SPREAD_H

#include "book.h"

#define SPREAD_NONE (-1)

/* The lowest price that at least permille thousandths of all cores of these levels (cheapest first) do not exceed; SPREAD_NONE where there
 * are no cores. 500 is the median. */
int64_t spread_price_micro(const struct level *levels, size_t count, uint32_t permille);
/* Cores of all levels. */
int64_t spread_cores(const struct level *levels, size_t count);

#endif

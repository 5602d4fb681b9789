/* SPDX-License-Identifier: Apache-2.0
 * rule.h - whether an ask fits a bid, and in what order asks and bids are served
 */
#ifndef TRADE_RULE_H
#define TRADE_RULE_H

#include "book.h"

/* The first rule that keeps this ask from this bid, or RULE_COUNT: it fits. */
enum rule rule_against(const struct bid *bid, const struct ask *ask);

bool rule_prefers(const struct bid *bid, const struct ask *ask); /* the seller by name */

/* What an hour of this shape costs at most, in micro: price_window() over an hour, but it cannot overflow. */
typedef unsigned __int128 hour_cost;
hour_cost rule_hour_cost(const struct prices *prices, uint32_t cores, uint32_t memory_mib);
/* Below 0 where a offers more than b for an hour of one of its cores, 0 where they offer the same. */
int rule_compare_bids(const struct bid *a, const struct bid *b);

/* E_INVALID: a field is out of the range that protocol/order.h gives it. */
MUST_CHECK err_t rule_check_ask(const struct ask *ask);
MUST_CHECK err_t rule_check_bid(const struct bid *bid);

#endif

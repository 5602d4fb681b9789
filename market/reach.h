/* SPDX-License-Identifier: Apache-2.0
 * reach.h - how a member of a network says that it reaches the others: what it said last, in memory alone
 */
#ifndef MARKET_REACH_H
#define MARKET_REACH_H

#include "clock.h"
#include "network.h"

#define REACH_FRESH_US MINUTE_US /* what was said before is not shown */

/* Zero-initialised is ready. */
struct reach {
	size_t count;
	struct path_view *list; /* at most PEER_MAX */
	mono_time heard;
};
/* Without memory it is as if nothing had been said. */
void reach_set(struct reach *r, const struct path_view *paths, size_t count, mono_time now);
void reach_clear(struct reach *r);

#endif

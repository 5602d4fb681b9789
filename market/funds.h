/* SPDX-License-Identifier: Apache-2.0
 * funds.h - for how long buyers' money lasts, and an event before it is gone
 *
 * How it works: what a buyer's leases that run cost in an hour with all cores busy, against what is available and held for them. Where that is
 * gone within timing.funds_warning, and before the last of the leases is over anyway, the buyer is told once: funds.low, or for an
 * order's budget order.budget_low. Once it lasts twice as long again, the next time is told again.
 */
#ifndef MARKET_FUNDS_H
#define MARKET_FUNDS_H

#include "market.h"

struct burn {
	money per_hour;	       /* of the leases that run */
	wall_time runs_out_at; /* us 0: not before they are over */
};
/* As it is now, with this much available. */
MUST_CHECK err_t funds_burn(const struct market *m, uuid buyer, money available, wall_time now, struct burn *ret);
/* What leases that run have used and are not charged for yet. */
struct accrued {
	money cost;    /* of this user's own */
	money earning; /* of those on this user's machines, less the commission */
};
MUST_CHECK err_t funds_accrued(const struct market *m, uuid user, struct accrued *ret);
void funds_sweep(struct market *m, wall_time now, mono_time now_mono);

#endif

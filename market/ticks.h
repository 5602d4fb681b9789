/* SPDX-License-Identifier: Apache-2.0
 * ticks.h - the metering tick: once a minute what was heard of running leases is made durable
 *
 * How it works: a tick writes, for every lease with a record that is heard and not settled, that record and what it costs in all: thousands a
 * row, in a batch of the lane, no lease's own row touched, nothing posted. A tick is complete when all its parts are committed; the next one then
 * deletes what is older. Settling moves lease.usage_seq in the transaction that charges, so what a tick has up to that number says nothing
 * any more: no record is charged twice, however often it was kept.
 */
#ifndef MARKET_TICKS_H
#define MARKET_TICKS_H

#include "market.h"

/* Begins a tick where one is due. */
void ticks_sweep(struct market *m, wall_time now, mono_time now_mono);
/* Behind the leases' own rows: what the last ticks kept of them. */
MUST_CHECK err_t ticks_load(struct market *m);

#endif

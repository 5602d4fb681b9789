/* SPDX-License-Identifier: Apache-2.0
 * wakes.h - tells a machine at once that the market wants something else of it, so that it reports before its interval is over
 */
#ifndef MARKET_WAKES_H
#define MARKET_WAKES_H

#include "market.h"

/* To the machine's open stream, if it has one: a machine without one learns it by its next report. */
void wake_machine(struct market *m, uuid machine);
/* Signs of life. */
void wakes_beat(struct market *m, mono_time now);

#endif

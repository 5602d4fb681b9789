/* SPDX-License-Identifier: Apache-2.0
 * meter.h - a lease's usage: heard often, settled seldom
 *
 * How it works: every report brings a usage record (protocol/machine.h). One that verifies is kept in memory, where the next one
 * replaces it: counters are cumulative. Each tick makes what was heard durable, many leases a row (ticks.h). Each settle interval, before the
 * hold runs low, and when the lease ends, the last one is stored, charged and so acknowledged. Until then the machine goes on building
 * on the record that was acknowledged before, so a market that is killed in between loses nothing: the next report brings it all again,
 * and where there is no next one the last tick has it.
 */
#ifndef MARKET_METER_H
#define MARKET_METER_H

#include "market.h"
#include "store.h"

#define ENOUGH_US (15 * SECOND_US) /* a lease whose hold does not cover this long, and cannot be filled up, is paused */

struct meter {
	bool heard; /* there is a record that is not settled */
	struct usage usage;
	bool cut;
	money total;   /* what its counters cost */
	bool settling; /* one is under way */
	mono_time settled;
};

struct live;
struct ticked;

/* A machine's record. One that does not hold, or is older than what was heard, changes nothing. */
MUST_CHECK err_t meter_hear(struct market *m, struct live *l, const struct usage *u, wall_time now);
/* Is it time to settle? */
bool meter_due(const struct market *m, const struct live *l, mono_time now);
/* Does so with others', in a batch: done() is called once, after it is stored and charged, or not: perhaps before this returns. */
struct settled {
	void (*done)(struct settled *s, struct live *l, err_t e); /* l: NULL where the lease is not here any more */
	void *context;
};
void meter_settle_later(struct market *m, struct live *l, struct settled *settled, wall_time now);
/* Stores and charges what was heard, if anything was. */
MUST_CHECK err_t meter_settle(struct market *m, struct live *l, wall_time now, mono_time now_mono);
/* What of the hold is left once all that was heard is paid. */
money meter_hold_left(const struct live *l);
/* What its counters cost that it is not charged for yet, as far as its hold covers that. */
money meter_accrued(const struct live *l);
/* What a tick kept before this market began: as if it had been heard. One that says nothing new changes nothing. */
void meter_restore(struct live *l, const struct ticked *t);
/* What was heard, laid over a row for people to see. */
void meter_overlay(const struct live *l, struct lease *lease);

#endif

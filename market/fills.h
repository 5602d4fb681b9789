/* SPDX-License-Identifier: Apache-2.0
 * fills.h - orders of one VM that the statement which places them fills, too (orders_place in db/procedures/45_placing.sql)
 */
#ifndef MARKET_FILLS_H
#define MARKET_FILLS_H

#include "book.h"
#include "market.h"

/* What the book has for an order that is being placed, which is filled with it in the statement that places it (orders_place). NULL: nothing, it
 * enters the book once it is placed. Until one of the three below, which own it from then on. */
struct fill {
	struct match match;
	uuid lease;
	mono_time until; /* us 0: it is done; else nobody knows whether it is, and it is looked for until then */
	struct fill *next;
};
struct fill *fill_take(struct market *m, const struct order *o, wall_time now);
/* It is done. Of what is taken nothing is given back before the lease is seen to take it: by fills_settle(). */
void fill_made(struct market *m, struct fill *fill);
/* Nothing came of it; placed: the order is there all the same, so that it was the machine's fault. */
void fill_refused(struct market *m, struct fill *fill, bool placed);
/* The database did not answer: perhaps it is done. */
void fill_lost(struct market *m, struct fill *fill, mono_time now);
/* Reads what was filled. */
void fills_settle(struct market *m, mono_time now);
void fills_free_all(struct market *m);

#endif

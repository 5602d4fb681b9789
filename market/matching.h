/* SPDX-License-Identifier: Apache-2.0
 * matching.h - the book and the database: orders enter it, matches are made durable
 */
#ifndef MARKET_MATCHING_H
#define MARKET_MATCHING_H

#include "market.h"

struct open_order {
	uuid id, buyer;
	wall_time not_before; /* us 0: it is in the book */
	wall_time open_until; /* us 0: stands until it is cancelled */
	struct due due;	      /* the next of the two */
};

/* Who has open orders, or places one. */
struct buyer {
	int64_t open;
	unsigned placing;
};
/* Until buyer_leave(). NULL: no memory. */
struct buyer *buyer_enter(struct market *m, uuid buyer);
void buyer_leave(struct market *m, uuid buyer);

/* Without what a bid has from elsewhere: see bid_complete(). */
struct bid bid_of(const struct order *o);
/* The order's image, the buyer's rating, the number of its region (E_NOT_FOUND: the market has none of that name), what is taken already where places
 * must differ: at most max, in ret_taken. buyer_rating_ppm: NULL: to be read. */
MUST_CHECK err_t bid_complete(struct market *m, struct bid *bid, sha256 image, const uint32_t *buyer_rating_ppm,
			      struct taken *ret_taken, size_t max);
json_t *explanation_to_json(const struct explanation *e, const char *considered); /* its name for what was considered */
/* Puts the order into the book, changes it there, or takes it out: as the row says. */
MUST_CHECK err_t order_put(struct market *m, const struct book_order *row);
/* Reads these again, and puts them. */
MUST_CHECK err_t orders_reload(struct market *m, const uuid *ids, size_t count);
void orders_free_all(struct market *m);

/* Matches what can be matched and makes it durable. */
void matching_run(struct market *m, wall_time now);
/* Closes orders whose time to wait is over. */
void orders_sweep(struct market *m, wall_time now);

#endif

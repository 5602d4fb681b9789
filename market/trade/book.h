/* SPDX-License-Identifier: Apache-2.0
 * book.h - the order book: asks of machines, bids of orders, price-time priority with partial fills
 *
 * Pure: no clock, no I/O, no randomness; the same calls give the same matches. An ask is one machine's spare capacity, a bid is
 * the places that an order has still to fill. A proposed match takes its capacity from both at once; what the database refuses
 * is given back with book_return().
 *
 * A bid takes the cheapest ask that fits (price_window() of its shape over an hour), ties by the seller's rating, then by who
 * came first. Bids are served by the highest price offered (price_window() of max_prices over an hour, by core), then by who
 * came first. The price is the seller's. An ask fits where each of its three prices is at most the bid's.
 */
#ifndef TRADE_BOOK_H
#define TRADE_BOOK_H

#include "order.h"

struct book;

struct ask {
	uuid machine, seller;
	enum accel accel;
	char country[COUNTRY_SIZE];
	uint32_t score, rating_ppm;
	struct prices prices;
	uint32_t cores_free, memory_free_mib;
	int64_t max_duration_s; /* 0: any */
};
struct bid {
	uuid order, buyer;
	uint32_t places; /* still to fill */
	uint32_t cores, memory_mib;
	struct prices max_prices;
	int64_t duration_s;
	struct constraints constraints;
};
struct match {
	uuid order, machine;
	struct prices prices;
	uint32_t cores, memory_mib;
};

MUST_CHECK err_t book_new(struct book **ret_book);
void book_free(struct book *book);
/* Adds or replaces (an unchanged price keeps its place in time). E_INVALID: a field is out of its range; E_NOMEM. What the
 * book had matched of a replaced ask or bid counts no more: put what the database says, not between a match and its return. */
MUST_CHECK err_t book_put_ask(struct book *book, const struct ask *ask);
void book_remove_ask(struct book *book, uuid machine);
MUST_CHECK err_t book_put_bid(struct book *book, const struct bid *bid);
/* A filled bid stays, with no places, until it is removed: a match of it may come back. */
void book_remove_bid(struct book *book, uuid order);

/* Matches what can be matched, at most max; call again while it returns max. */
size_t book_match(struct book *book, struct match *ret_matches, size_t max);
/* The database refused this match: gives the place back to the bid, and the capacity to the ask only where ask_too is set (else
 * the ask is dropped until its machine reports again). */
void book_return(struct book *book, const struct match *match, bool ask_too);

const struct ask *book_ask(const struct book *book, uuid machine); /* NULL: none */
const struct bid *book_bid(const struct book *book, uuid order);
size_t book_ask_count(const struct book *book);
size_t book_bid_count(const struct book *book);

/* Why a bid does not fill: how many asks each rule removes, applied in this order to what is left. */
enum rule { RULE_ACCEL, RULE_COUNTRY, RULE_SCORE, RULE_RATING, RULE_DURATION, RULE_PRICE, RULE_CORES, RULE_MEMORY, RULE_COUNT };
extern const char *const rule_names[RULE_COUNT];
struct explanation {
	size_t asks, removed[RULE_COUNT], left;
};
void book_explain(const struct book *book, const struct bid *bid, struct explanation *ret);

/* One level of the public book: shape-free prices per core hour, cheapest first (asks) and dearest first (bids). */
struct level {
	money price_per_core_hour;
	uint64_t cores;
	uint32_t count;
};
size_t book_ask_levels(const struct book *book, struct level *ret_levels, size_t max);
size_t book_bid_levels(const struct book *book, struct level *ret_levels, size_t max);

#endif

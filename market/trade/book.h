/* SPDX-License-Identifier: Apache-2.0
 * book.h - the order book: asks of machines, bids of orders, price-time priority with partial fills
 *
 * Pure: no clock, no I/O, no randomness; the same calls give the same matches. An ask is one machine's spare capacity, a bid is
 * the places that an order has still to fill. A proposed match takes its capacity from both at once; what the database refuses
 * is given back with book_return().
 *
 * A bid takes first the asks of the sellers that it prefers, then those of trusted machines where it prefers these, then the
 * cheapest that fits (price_window() of its shape over an hour), ties by the seller's rating, then by who came first. Bids are
 * served by the highest price offered (price_window() of max_prices over an hour, by core), then by who came first. The price is
 * the seller's. An all-or-none bid is filled whole in one round or not at all: its matches follow each other in the answer.
 */
#ifndef TRADE_BOOK_H
#define TRADE_BOOK_H

#include <string.h>
#include "order.h"

struct book;

/* An image for the book: the first bytes of its id. */
static inline uint64_t image_mark(sha256 id)
{
	uint64_t mark;
	memcpy(&mark, id.bytes, sizeof mark);
	return mark;
}

#define BOOK_REGIONS MAX_REGIONS /* places that machines measure their round trip to */
#define BOOK_BLOCKED_BUYERS MAX_BLOCKED_BUYERS
#define BOOK_PLACES ORDER_MAX_COUNT /* of one bid */

struct ask {
	uuid machine, seller;
	struct prices prices;
	uint32_t cores_free, memory_free_mib, scratch_free_mib;
	uint32_t image_mib;		     /* the largest image that it takes */
	uint64_t image_failed;		     /* image_mark() of one that it failed at; 0: none */
	uint32_t score, rating_ppm, ratings; /* ratings: marks that the rating is made of */
	uint32_t up_kbit_s, down_kbit_s;
	uint32_t min_buyer_rating_ppm;
	uint16_t rtt_ms[BOOK_REGIONS]; /* 0: unknown */
	enum accel accel;
	enum cpu_vendor vendor;
	char country[COUNTRY_SIZE];
	bool direct;  /* reachable by UDP from anywhere: no NAT, or one whose mapping does not depend on the destination */
	bool trusted; /* what it booted is proven */
	bool display; /* gives guests a VGA card */
	bool trial;   /* one match takes all of it, until it is put again */
	uint8_t blocked_count;
	const uuid *blocked;			/* buyers; copied by book_put_ask() */
	int64_t min_duration_s, max_duration_s; /* max 0: any */
};
/* What a place of a bid is filled with, as far as the other places depend on it. */
struct taken {
	uuid machine, seller;
	char country[COUNTRY_SIZE];
	enum cpu_vendor vendor;
};
struct bid {
	uuid order, buyer;
	uint32_t buyer_rating_ppm;
	uint32_t places; /* still to fill */
	uint32_t cores, memory_mib, image_mib;
	uint64_t image; /* image_mark(); 0: of no matter */
	struct prices max_prices;
	money max_hour; /* of one VM: cores and memory together; 0: max_prices alone decide */
	int64_t duration_s;
	uint8_t region; /* of constraints.region, where constraints.max_rtt_ms is not 0; below BOOK_REGIONS */
	struct constraints constraints;
	/* Places that are filled, where any distinct_ is set; copied by book_put_bid(). */
	const struct taken *taken;
	size_t taken_count;
};
struct match {
	uuid order, machine;
	struct prices prices;
	uint32_t cores, memory_mib;
	bool all_or_none; /* with its neighbours of the same order: all of them or none */
	uint32_t scratch_mib;
};

MUST_CHECK err_t book_new(struct book **ret_book);
void book_free(struct book *book);
/* Adds or replaces (an unchanged price keeps its place in time). E_INVALID: a field is out of its range; E_NOMEM. What the
 * book had matched of a replaced ask or bid counts no more: put what the database says, not between a match and its return. */
MUST_CHECK err_t book_put_ask(struct book *book, const struct ask *ask, bool *ret_news); /* news: it was not there like this */
void book_remove_ask(struct book *book, uuid machine);
MUST_CHECK err_t book_put_bid(struct book *book, const struct bid *bid);
/* A filled bid stays, with no places, until it is removed: a match of it may come back. */
void book_remove_bid(struct book *book, uuid order);

/* Matches what can be matched, at most max; call again until it returns 0. max below BOOK_PLACES may leave an all-or-none bid waiting
 * for ever, and what comes after it. */
size_t book_match(struct book *book, struct match *ret_matches, size_t max);
/* Takes at once, for a bid of one place that is not in the book and whose buyer's rating is not known yet, the ask that it would be
 * filled with: where every bid that waits has seen every ask, so that none of them could have it. False also where that ask wants a rating of its
 * buyer. What comes of it is book_return()ed, or put. */
bool book_take(struct book *book, const struct bid *bid, struct match *ret_match);
/* The database refused this match: gives the place back to the bid, and the capacity to the ask only where ask_too is set (else
 * the ask is dropped until its machine reports again). */
void book_return(struct book *book, const struct match *match, bool ask_too);

const struct ask *book_ask(const struct book *book, uuid machine); /* NULL: none */
const struct bid *book_bid(const struct book *book, uuid order);
size_t book_ask_count(const struct book *book);
size_t book_bid_count(const struct book *book);

/* Why a bid does not fill: how many asks each rule removes, applied in this order to what is left. */
enum rule {
	RULE_ACCEL,
	RULE_VENDOR,
	RULE_COUNTRY,
	RULE_RTT,
	RULE_BANDWIDTH,
	RULE_DIRECT,
	RULE_TRUSTED,
	RULE_SCORE,
	RULE_RATING,	   /* the seller's, and from how many marks */
	RULE_BUYER_RATING, /* the buyer's, for the seller */
	RULE_BLOCKED,	   /* one of the two by the other */
	RULE_DISTINCT,	   /* another place is filled there */
	RULE_DURATION,
	RULE_PRICE,
	RULE_CORES,
	RULE_MEMORY,
	RULE_SCRATCH,
	RULE_DISPLAY,
	RULE_IMAGE, /* larger than it takes, or it failed at it */
	RULE_COUNT
};
extern const char *const rule_names[RULE_COUNT];
struct explanation {
	size_t considered, removed[RULE_COUNT], left;
};
/* considered: asks. */
void book_explain(const struct book *book, const struct bid *bid, struct explanation *ret);
/* Why an ask gets no work. considered: bids with places. */
void book_explain_ask(const struct book *book, const struct ask *ask, struct explanation *ret);

/* One level of the public book: shape-free prices per core hour, cheapest first (asks) and dearest first (bids). */
struct level {
	money price_per_core_hour;
	uint64_t cores;
	uint32_t count;
};
size_t book_ask_levels(const struct book *book, struct level *ret_levels, size_t max);
size_t book_bid_levels(const struct book *book, struct level *ret_levels, size_t max);

#endif

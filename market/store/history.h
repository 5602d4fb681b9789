/* SPDX-License-Identifier: Apache-2.0
 * history.h - how the market and those in it did: samples, days, standings, in the database (db/procedures/80_history.sql)
 *
 * Texts are JSON as PostgreSQL made it, heap. Each question reads a bounded number of rows.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store.h"

#define HISTORY_DAYS 90

struct market_sample {
	wall_time at;
	int64_t machines, cores_offered, cores_free, cores_wanted, cores_leased;
	int64_t ask_p10_micro, ask_median_micro, ask_p90_micro, bid_best_micro; /* -1: there was none */
};

/* ---- writing: each is one short transaction ---- */
/* With the leases made since then. The same moment again: fine. */
MUST_CHECK err_t store_history_sample(struct store *s, const struct market_sample *sample, wall_time since);
/* These machines were heard for so many minutes more of the day that now is in. */
MUST_CHECK err_t store_history_heard(struct store *s, const uuid *machines, const int64_t *scores, size_t count, wall_time now,
				     int64_t minutes);
/* Adds up at most limit of what happened; returns how many it were. */
MUST_CHECK err_t store_history_fold(struct store *s, uint32_t limit, int64_t *ret_count);
/* Rates at most limit of that side: of whom something happened, or whose rating is a day old. */
MUST_CHECK err_t store_history_rate(struct store *s, const char *side, uint32_t limit, wall_time now, size_t *ret_count);
MUST_CHECK err_t store_history_forget(struct store *s, wall_time before, uint32_t limit);

/* ---- reading ---- */
/* The last leases made, newest first: an array. */
MUST_CHECK err_t store_trades(struct store *s, uint32_t limit, char **ret_json);
/* Means over each step, oldest first: an array. */
MUST_CHECK err_t store_samples(struct store *s, wall_time from, int64_t step_s, char **ret_json);
/* How leases ended since then, by reason and by bucket of outcome_day; how sellers' ratings are distributed: an object. */
MUST_CHECK err_t store_outcomes(struct store *s, wall_time from, char **ret_json);
/* Sellers whose ratings have risen most since the month before: an array. */
MUST_CHECK err_t store_improved(struct store *s, wall_time now, uint32_t limit, char **ret_json);
/* A seller's days: an object. */
MUST_CHECK err_t store_seller_history(struct store *s, uuid id, wall_time now, char **ret_json);
/* A page of sellers, the best rated first. prefix: of those whose names begin so, in any case; "" for all. */
MUST_CHECK err_t store_seller_best(struct store *s, const char *prefix, struct page page, struct seller **ret_rows,
				   size_t *ret_count);
struct buyer {
	uuid id;
	char name[NAME_SIZE];
	uint32_t rating_ppm, good, bad, leases, completed, failed, disputes, upheld;
	wall_time since;
	char *marks; /* JSON array of days, heap */
};
/* E_NOT_FOUND: never had a lease. */
MUST_CHECK err_t store_buyer_get(struct store *s, uuid id, struct buyer *ret);

#endif

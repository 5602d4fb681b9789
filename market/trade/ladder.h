/* SPDX-License-Identifier: Apache-2.0
 * ladder.h - all asks by price, so that the cheapest which fit a bid are found among a million without looking at each
 *
 * Pure. What is found is exact: the same as comparing every ask by rule.h. Memory is got by ladder_put() alone.
 */
#ifndef TRADE_LADDER_H
#define TRADE_LADDER_H

#include "rule.h"
#include "slab.h"
#include "uuid_map.h"

struct ladder_block;

/* An ask in the book. */
struct ask_entry {
	struct ask ask;
	uint64_t since;			      /* its place in time */
	uuid *blocked;			      /* book.c's: ask.blocked */
	size_t position;		      /* book.c's */
	bool fresh;			      /* book.c's */
	uint32_t kept_cores, kept_memory_mib; /* book.c's */
	/* ladder.c's: where it stands, and the next of the same seller's */
	struct ladder_block *block;
	uint16_t slot;
	struct ask_entry *sibling;
};

/* Zero-initialised is empty. */
struct ladder {
	struct ladder_block **blocks; /* by price */
	struct ladder_zone *sides;    /* each block's own zone once more, side by side: blocks lie all over the memory */
	struct ladder_zone *zones;    /* what a run of RUN neighbours among them has, one for each run */
	size_t count, cap;
	struct slab slab;	 /* what the blocks are taken from */
	struct uuid_map sellers; /* the first entry of each */
};

void ladder_clear(struct ladder *ladder); /* the entries are the caller's */
/* Puts in one that is not there. E_NOMEM. */
MUST_CHECK err_t ladder_put(struct ladder *ladder, struct ask_entry *entry);
void ladder_remove(struct ladder *ladder, struct ask_entry *entry);
/* All but its prices and since may have changed. Cannot fail. */
void ladder_changed(struct ladder *ladder, struct ask_entry *entry);

struct candidate {
	bool preferred, trusted; /* as far as the bid prefers these */
	hour_cost cost;
	struct ask_entry *entry;
};
/* Is a served before b? */
bool candidate_before(const struct candidate *a, const struct candidate *b);
struct candidate candidate_of(const struct bid *bid, struct ask_entry *entry);

/* The first n of those that fit, in their order; at most n. */
size_t ladder_find(const struct ladder *ladder, const struct bid *bid, struct candidate *ret_candidates, size_t n);

#endif

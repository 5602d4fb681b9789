/* SPDX-License-Identifier: Apache-2.0
 * ladder.h - all asks by price, so that the cheapest which fit a bid are found among a million without looking at each
 *
 * Pure. What is found is exact: the same as comparing every ask by rule.h. Memory is got by ladder_put() and ladder_reprice()
 * alone.
 */
#ifndef TRADE_LADDER_H
#define TRADE_LADDER_H

#include "rule.h"
#include "slab.h"
#include "uuid_map.h"

struct ladder_block;
struct ladder_group;

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

#define LADDER_MAPS 163 /* ladder_block.h says which */

/* Zero-initialised is empty. */
struct ladder {
	struct ladder_group **groups; /* by price */
	size_t count, cap;
	size_t asks;
	uint32_t ones[LADDER_MAPS];		      /* how many asks each bitmap names */
	struct slab group_slab, map_slab, block_slab; /* a group, its bitmaps, and its blocks */
	struct uuid_map sellers;		      /* the first entry of each */
};

void ladder_clear(struct ladder *ladder); /* the entries are the caller's */
/* Puts in one that is not there. E_NOMEM. */
MUST_CHECK err_t ladder_put(struct ladder *ladder, struct ask_entry *entry);
void ladder_remove(struct ladder *ladder, struct ask_entry *entry);
/* All but its seller may have changed. E_NOMEM: it is removed. */
MUST_CHECK err_t ladder_reprice(struct ladder *ladder, struct ask_entry *entry);
/* All but its seller, its prices and since may have changed. Cannot fail. */
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

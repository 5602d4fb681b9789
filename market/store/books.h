/* SPDX-License-Identifier: Apache-2.0
 * books.h - what keeps the ledger honest after the fact: the chain of its postings (docs/MONEY.md)
 */
#ifndef STORE_BOOKS_H
#define STORE_BOOKS_H

#include "store.h"

/* ---- the chain ---- */
/* Chains at most limit postings that nothing under way can precede; says how many. Another market at it: 0. */
MUST_CHECK err_t store_chain(struct store *s, uint32_t limit, int64_t *ret_chained);
struct chain_head {
	int64_t number;	 /* of the last posting chained; 0: none */
	sha256 hash;	 /* over it and all before */
	int64_t waiting; /* postings behind it */
};
MUST_CHECK err_t store_chain_head(struct store *s, struct chain_head *ret);
struct chain_fault {
	int64_t number; /* its place in the chain; 0: it has none */
	uuid posting;
	char fault[16]; /* changed, removed, unlinked, inserted, moved, orphan */
};
/* Everything that is not as it was done, at most limit of it; reads the whole ledger. */
MUST_CHECK err_t store_chain_faults(struct store *s, uint32_t limit, struct chain_fault **ret_rows, size_t *ret_count);
/* The hash of link number; E_NOT_FOUND. */
MUST_CHECK err_t store_chain_hash(struct store *s, int64_t number, sha256 *ret);

#endif

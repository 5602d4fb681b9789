/* SPDX-License-Identifier: Apache-2.0
 * audit.h - the whole ledger against itself, and its chain, on all cores
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "books.h"
#include "store.h"

/* So much of all is read; from the caller's thread. */
typedef void audit_seen_fn(void *context, uint64_t done, uint64_t all);
/* What store_ledger_verify() finds, in one snapshot, read by up to workers connections at once (0: as many as there are cores); without its
 * time limit. seen may be NULL. */
MUST_CHECK err_t store_ledger_audit(struct store *s, int workers, audit_seen_fn *seen, void *context, struct ledger_report *ret);
/* Everything in the chain that is not as it was done, at most limit of it; likewise. */
MUST_CHECK err_t store_chain_audit(struct store *s, int workers, uint32_t limit, audit_seen_fn *seen, void *context,
				   struct chain_fault **ret_rows, size_t *ret_count);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * books.h - the ledger after the fact: the chain of its postings, corrections, disputes (docs/MONEY.md)
 */
#ifndef STORE_BOOKS_H
#define STORE_BOOKS_H

#include "lane.h"

/* ---- the chain ---- */
/* At most limit postings that nothing under way can precede. */
struct chaining {
	struct item item;
	uint32_t limit;
	int64_t chained; /* so many were; another market at it: 0 */
};
void lane_chain(struct lane *l, struct chaining *c);
struct chain_head {
	int64_t number;	 /* of the last posting chained; 0: none */
	sha256 hash;	 /* over it and all before */
	int64_t waiting; /* postings behind it */
};
MUST_CHECK err_t store_chain_head(struct store *s, struct chain_head *ret);
/* As store_chain_audit() (audit.h) finds it. */
struct chain_fault {
	int64_t number; /* its place in the chain; 0: it has none */
	uuid posting;
	char fault[16]; /* changed, removed, unlinked, inserted, moved, orphan */
};
/* The hash of link number; E_NOT_FOUND. */
MUST_CHECK err_t store_chain_hash(struct store *s, int64_t number, sha256 *ret);

/* ---- corrections and disputes ---- */
/* Gives amount of what the lease was charged back to its buyer. E_INVALID: more than was charged and not given back, or no reason;
 * E_FUNDS: neither seller nor market has it; E_CONFLICT: buyer and seller are one. */
MUST_CHECK err_t store_correct(struct store *s, uuid lease, money amount, const char *reason, const char *by, wall_time now);

#define DISPUTE_TEXT_SIZE 2001
struct dispute {
	uuid lease, order, buyer, seller;
	char name[NAME_SIZE], seller_name[NAME_SIZE];
	char state[12]; /* open, upheld, refused */
	char text[DISPUTE_TEXT_SIZE];
	money charged, refunded; /* of the lease, now */
	int64_t refund_percent;	 /* -1: not decided */
	money refund;		 /* by the decision */
	char decision[DETAIL_SIZE], by[NAME_SIZE];
	wall_time opened_at, decided_at;
};
/* console: its last bytes. E_NOT_FOUND: not the buyer's; E_CONFLICT: not ended, not paid, one's own, or too long ago; E_EXISTS. */
MUST_CHECK err_t store_dispute_open(struct store *s, uuid lease, uuid buyer, const char *text, const void *console, size_t len,
				    const char *seen, int64_t window_us, wall_time now);
MUST_CHECK err_t store_dispute_get(struct store *s, uuid lease, struct dispute *ret);
/* What was frozen: JSON text, and the console as base64; both heap. */
MUST_CHECK err_t store_dispute_evidence(struct store *s, uuid lease, char **ret_json, char **ret_console);
/* state NULL: any. */
MUST_CHECK err_t store_dispute_list(struct store *s, const char *state, struct page page, struct dispute **ret_rows,
				    size_t *ret_count);
/* percent 0 refuses it; above, that much of the charge is given back and the seller was in the wrong. E_CONFLICT: none is open;
 * E_INVALID; E_FUNDS. */
MUST_CHECK err_t store_dispute_decide(struct store *s, uuid lease, int64_t percent, const char *reason, const char *by,
				      wall_time now);

#endif

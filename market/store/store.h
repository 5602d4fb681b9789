/* SPDX-License-Identifier: Apache-2.0
 * store.h - everything the market keeps, in PostgreSQL: the only folder that speaks SQL
 *
 * One struct store is one connection, used from one thread. Calls are synchronous. Money moves only in the procedures of db/, which
 * the market's role may EXECUTE; it cannot write the ledger's tables. Failures: E_UNAVAILABLE (the connection is gone; the next
 * call connects again), E_NOT_FOUND, E_EXISTS, E_CONFLICT (its state does not allow it), E_FUNDS, E_LIMIT, E_INVALID, E_AGAIN (a
 * lock was not had in time: try again), else E_INTERNAL; store_error() tells why. After a failure inside a transaction only
 * store_rollback() is left.
 */
#ifndef STORE_H
#define STORE_H

#include "account.h"
#include "image.h"
#include "machine.h"
#include "order.h"
#include "payout.h"

struct store;

/* uri: a libpq connection string. Sets role cpushare_market where the user may. */
MUST_CHECK err_t store_open(const char *uri, struct store **ret_store);
/* From now on nothing waits for a server that is silent: E_UNAVAILABLE at once, until it says something again. pulse outlives s. */
struct pulse;
void store_watch(struct store *s, const struct pulse *pulse);
bool store_silent(const struct store *s);
void store_close(struct store *s);
const char *store_error(const struct store *s); /* of the last failure; for logs */
MUST_CHECK err_t store_ping(struct store *s);
/* ---- the book: one market at a time holds it (db/procedures/25_book.sql) ----
 * What only its holder may write is refused with E_DENIED on a connection of another epoch than the book's. */
/* For so long, and from now on this connection works under the epoch that it is told. E_EXISTS: another market holds it. */
struct book_holder {
	char url[320];	 /* where it takes what others hand on: "https://ADDRESS:PORT" */
	char pin[64];	 /* of its key, as certificate.h's; "": plain HTTP */
	char secret[65]; /* who knows it is another market of this database */
};
MUST_CHECK err_t store_book_claim(struct store *s, uuid owner, int64_t for_us, const struct book_holder *self,
				  int64_t *ret_epoch);
/* E_NOT_FOUND: nobody does now. */
MUST_CHECK err_t store_book_holder(struct store *s, struct book_holder *ret);
/* For so long from now; 0: not any more. E_DENIED: it is lost. */
MUST_CHECK err_t store_book_renew(struct store *s, uuid owner, int64_t for_us);
MUST_CHECK err_t store_set_epoch(struct store *s, int64_t epoch);
/* From now on hears of orders that are placed through other markets; the next one, E_NOT_FOUND: there is none. */
MUST_CHECK err_t store_listen(struct store *s);
MUST_CHECK err_t store_heard(struct store *s, uuid *ret_order);

/* Transactions: one BEGIN at a time. Calls outside of one are transactions of their own. */
MUST_CHECK err_t store_begin(struct store *s);
MUST_CHECK err_t store_commit(struct store *s);
void store_rollback(struct store *s); /* fine without a transaction */

/* ---- idempotency: inside a transaction, before and after the effect ---- */
struct stored_answer {
	int status; /* 0: none yet, go on */
	char *body; /* heap */
};
/* E_CONFLICT: the key was used with another request (hash differs). */
MUST_CHECK err_t store_key_claim(struct store *s, uuid account, const char *key, sha256 request, struct stored_answer *ret);
MUST_CHECK err_t store_key_save(struct store *s, uuid account, const char *key, int status, const char *body);

/* ---- accounts, tokens ---- */
MUST_CHECK err_t store_account_create(struct store *s, uuid id, const char *email, const char *name, const char *password_hash);
MUST_CHECK err_t store_account_get(struct store *s, uuid id, struct account *ret);
/* password_hash has PASSWORD_HASH_SIZE bytes. */
MUST_CHECK err_t store_account_by_email(struct store *s, const char *email, struct account *ret, char *password_hash);
MUST_CHECK err_t store_account_set_operator(struct store *s, const char *email, bool on);
struct token_row {
	uuid id, account, machine; /* machine: zero unless a machine's token */
	uint32_t scopes;
	bool operator_; /* the account's */
};
MUST_CHECK err_t store_token_create(struct store *s, uuid id, uuid account, uuid machine, const char *name, uint32_t scopes,
				    sha256 hash, wall_time expires_at);
/* By hash; expired ones are E_NOT_FOUND. Notes its use, at most once a minute. */
MUST_CHECK err_t store_token_find(struct store *s, sha256 hash, struct token_row *ret);
/* Those made by hand, and machines'; sessions: people.h. */
MUST_CHECK err_t store_token_list(struct store *s, uuid account, struct token_view **ret_rows, size_t *ret_count);
MUST_CHECK err_t store_token_delete(struct store *s, uuid account, uuid id);

/* A page: rows after the one with this id, newest first; zero: from the start. Results of lists are heap arrays, free(). */
struct page {
	uuid after;
	uint32_t limit; /* 1 .. 200 */
};

/* ---- money ---- */
MUST_CHECK err_t store_balance(struct store *s, uuid account, struct balance *ret); /* currency is left to the caller */
/* before: a page that begins there, to the second or so; us 0: with the newest. */
MUST_CHECK err_t store_postings(struct store *s, uuid account, struct page page, wall_time before, struct posting **ret_rows,
				size_t *ret_count);
MUST_CHECK err_t store_deposit_create(struct store *s, const struct deposit *d); /* state created or pending */
MUST_CHECK err_t store_deposit_get(struct store *s, uuid id, struct deposit *ret);
/* account zero: of all. state DEPOSIT_STATE_COUNT: any. */
MUST_CHECK err_t store_deposit_list(struct store *s, uuid account, enum deposit_state state, struct page page,
				    struct deposit **ret_rows, size_t *ret_count);
/* Credits once: by deposit and by (provider, reference). E_CONFLICT where it is not pending, E_EXISTS: the reference was credited. */
MUST_CHECK err_t store_deposit_credit(struct store *s, uuid id, const char *reference, struct deposit *ret);
MUST_CHECK err_t store_deposit_fail(struct store *s, uuid id, struct deposit *ret);
/* What providers tell; any of it may come again. The result is one of a procedure's words (db/procedures), OUTCOME_SIZE bytes. */
#define OUTCOME_SIZE 16
/* Those whose provider is to be asked now; each is put off by the interval, longer each time. */
MUST_CHECK err_t store_deposit_due(struct store *s, wall_time now, int64_t interval_us, uint32_t limit, struct deposit **ret_rows,
				   size_t *ret_count);
MUST_CHECK err_t store_deposit_hurry(struct store *s, uuid id, wall_time now);
MUST_CHECK err_t store_deposit_started(struct store *s, uuid id, const char *checkout, const char *url);
/* credited, repeated, second, mismatch. amount_micro -1: of another currency. */
MUST_CHECK err_t store_deposit_paid(struct store *s, uuid id, const char *provider, const char *reference, int64_t amount_micro,
				    const char *told, char *ret_outcome);
MUST_CHECK err_t store_deposit_lost(struct store *s, uuid id, const char *provider, const char *note);
/* amount: in all under this reference; before the payment is known, too. */
MUST_CHECK err_t store_deposit_reverse(struct store *s, const char *provider, const char *payment, const char *reference,
				       money amount);
MUST_CHECK err_t store_debts_collect(struct store *s);
/* E_FUNDS. due: the market sends it by itself. */
MUST_CHECK err_t store_payout_create(struct store *s, const struct payout *p, bool due);
MUST_CHECK err_t store_payout_get(struct store *s, uuid id, struct payout *ret);
MUST_CHECK err_t store_payout_list(struct store *s, uuid account, enum payout_state state, struct page page,
				   struct payout **ret_rows, size_t *ret_count);		   /* as store_deposit_list() */
MUST_CHECK err_t store_payout_approve(struct store *s, uuid id, uuid by, bool due, wall_time now); /* E_CONFLICT */
MUST_CHECK err_t store_payout_due(struct store *s, wall_time now, int64_t interval_us, uint32_t limit, struct payout **ret_rows,
				  size_t *ret_count);
MUST_CHECK err_t store_payout_sent(struct store *s, uuid id, const char *reference, wall_time now);
MUST_CHECK err_t store_payout_note(struct store *s, uuid id, const char *note);
MUST_CHECK err_t store_payout_paid(struct store *s, uuid id, wall_time now, char *ret_outcome); /* paid, repeated, returned */
MUST_CHECK err_t store_payout_fail(struct store *s, uuid id, const char *note, wall_time now,
				   char *ret_outcome); /* failed, repeated */
/* An event that the money is gone at that time, once; order zero: the account's balance. Then: who is not low (any more) can be told again. */
MUST_CHECK err_t store_funds_warn(struct store *s, uuid account, uuid order, money left, money per_hour, wall_time runs_out_at,
				  wall_time now);
MUST_CHECK err_t store_funds_well(struct store *s, const uuid *but, size_t count);
struct ledger_report {
	int64_t postings, entries, accounts;
	int64_t sum_micro;		/* over all ledger accounts: 0 */
	int64_t unbalanced;		/* accounts whose stored balance is not the sum of their entries: 0 */
	int64_t negative;		/* users' accounts below zero: 0 */
	int64_t holds_difference_micro; /* users' held accounts against open orders' and leases' holds: 0 */
	int64_t orders_difference; /* orders that are not the sum of their leases, leases that are not that of their charges: 0 */
	int64_t commission_micro, external_micro, users_micro;
	int64_t payouts_micro, owed_micro;
	int64_t payouts_difference_micro; /* money on its way out against payouts that are under way: 0 */
	int64_t machines_difference;	  /* machines whose row says another capacity leased than their leases take: 0 */
};
MUST_CHECK err_t store_ledger_verify(struct store *s, struct ledger_report *ret);

/* ---- images: owned per account; pieces' bytes lie in files beside (market/pieces.c), what is there is known here ---- */
MUST_CHECK err_t store_image_create(struct store *s, uuid account, const struct image_request *r, sha256 id); /* again: fine */
MUST_CHECK err_t store_image_get(struct store *s, uuid account, sha256 id, struct image *ret);
MUST_CHECK err_t store_image_list(struct store *s, uuid account, struct image **ret_rows, size_t *ret_count);
/* Whosever it is. */
MUST_CHECK err_t store_image_size(struct store *s, sha256 id, int64_t *ret_bytes);
/* The list, and what the account has not uploaded yet (in this or another image). account zero: nothing is missing. */
MUST_CHECK err_t store_image_pieces(struct store *s, uuid account, sha256 id, struct image_pieces *ret);
/* One entry of the list: its hash and length. */
MUST_CHECK err_t store_image_piece(struct store *s, sha256 id, uint32_t index, sha256 *ret_hash, size_t *ret_len);
/* The account has shown piece index; makes the image ready with the last one. */
MUST_CHECK err_t store_image_piece_add(struct store *s, uuid account, sha256 id, uint32_t index);
/* Which of these pieces nobody has shown, or has any more. The result is a heap array. */
MUST_CHECK err_t store_pieces_unused(struct store *s, const sha256 *hashes, size_t count, sha256 **ret_unused, size_t *ret_count);
/* E_CONFLICT while an order that has not ended uses it. */
MUST_CHECK err_t store_image_delete(struct store *s, uuid account, sha256 id);
/* In which order the last boot that was heard of read its pieces: none where none was. */
MUST_CHECK err_t store_image_order(struct store *s, sha256 id, uint32_t **ret_order, size_t *ret_count);
/* E_INVALID: it has not so many pieces. */
MUST_CHECK err_t store_image_order_set(struct store *s, sha256 id, const struct image_order *order);
/* May this machine read the image? (It has a lease of it that has not ended.) */
MUST_CHECK err_t store_image_for_machine(struct store *s, uuid machine, sha256 id, bool *ret_allowed);

/* ---- machines ---- */
struct machine_row {
	struct machine m;
	ed25519_public key;
	uint32_t max_duration_s;
	bool accepting;
	char seller_name[NAME_SIZE];
	uint32_t good, bad, rating_ppm; /* the seller's */
	uint32_t failures;		/* above 0: on trial (trial.h) */
	wall_time failed_at;
	uint32_t measured_score;		   /* by the last good calibration; 0: none was */
	wall_time calibrated_at;		   /* when the last one ended, us 0: never */
	char off_reason[DETAIL_SIZE];		   /* why one took it off the book; "": it is on */
	uint32_t line_down_kbit_s, line_up_kbit_s; /* of its line, as we measured it (lines.c) */
	wall_time line_at;			   /* when, us 0: never */
	uint32_t cores_used, memory_used_mib;	   /* by leases that have not ended */
};
MUST_CHECK err_t store_machine_create(struct store *s, uuid id, uuid account, const struct enrolment *e);
MUST_CHECK err_t store_machine_get(struct store *s, uuid id, struct machine_row *ret);
/* account zero: all that are not retired (to rebuild the book). */
MUST_CHECK err_t store_machine_list(struct store *s, uuid account, struct machine_row **ret_rows, size_t *ret_count);
/* What the machine says of itself, and its state; written on a change, not on every report. */
MUST_CHECK err_t store_machine_update(struct store *s, const struct machine_row *row);
struct line_row {
	uint32_t down_kbit_s, up_kbit_s;
	wall_time at;
};
MUST_CHECK err_t store_machine_line(struct store *s, uuid id, const struct line_row *line);
MUST_CHECK err_t store_machine_retire(struct store *s, uuid account, uuid id);
MUST_CHECK err_t store_machine_seen(struct store *s, const uuid *ids, size_t count, wall_time now); /* batched, each minute */

/* ---- orders, leases ---- */
/* Holds count * place_hold out of the buyer's available balance. E_FUNDS; E_NOT_FOUND: image; E_CONFLICT: image not ready; E_INVALID: the
 * budget is below that hold. */
MUST_CHECK err_t store_order_create(struct store *s, uuid id, uuid buyer, const struct order_request *r, money place_hold,
				    wall_time now);
MUST_CHECK err_t store_order_get(struct store *s, uuid id, struct order *ret);
MUST_CHECK err_t store_order_list(struct store *s, uuid buyer, struct page page, struct order **ret_rows, size_t *ret_count);
struct book_order {
	struct order o;
	uint32_t buyer_rating_ppm;
};
/* Orders with places left, oldest first: to rebuild the book; and these orders, as far as they are there. */
MUST_CHECK err_t store_order_list_open(struct store *s, struct book_order **ret_rows, size_t *ret_count);
MUST_CHECK err_t store_order_list_again(struct store *s, const uuid *ids, size_t count, struct book_order **ret_rows,
					size_t *ret_count);
/* Of the last 1000 orders since then, but for the market's own: what half of them at least would have paid, and half of them at most wanted. */
struct recent_orders {
	int64_t orders;
	money median_price, highest_price; /* of a core hour */
	uint32_t median_rating_ppm, median_score;
};
MUST_CHECK err_t store_recent_orders(struct store *s, wall_time since, struct recent_orders *ret);
MUST_CHECK err_t store_order_user_data(struct store *s, uuid id, char **ret_text);
/* No further places: releases the hold of the unfilled ones. state: cancelled or expired; an order without leases that
 * live is closed at once. Its leases are not touched. E_CONFLICT where it is closed, and where a filled one should expire. */
MUST_CHECK err_t store_order_close(struct store *s, uuid id, enum order_state state, wall_time now);
/* A longer duration of each of its leases. E_CONFLICT where it is closed, E_INVALID where that is not longer. */
MUST_CHECK err_t store_order_extend(struct store *s, uuid id, int64_t duration_s, wall_time now);

/* Makes the matches durable in one statement: leases, capacity, places and their holds, events; each match by itself, those of an
 * all-or-none order together. struct match is trade/book.h's. */
struct match;
enum match_outcome {
	MATCH_MADE,
	MATCH_ORDER,	/* the order does not take it: closed, filled, of another price or shape by now */
	MATCH_MACHINE,	/* the machine does not: not online, dearer, not for this order */
	MATCH_CAPACITY, /* it has not so much left */
	MATCH_GROUP,	/* another match of the same all-or-none order was refused */
	MATCH_OUTCOME_COUNT
};
extern const char *const match_outcome_names[MATCH_OUTCOME_COUNT];
struct made {
	uuid lease; /* zero where it was refused */
	enum match_outcome outcome;
};
MUST_CHECK err_t store_match(struct store *s, const struct match *matches, size_t count, wall_time now, struct made *ret_made);

struct lease_row {
	struct lease l;
	enum lease_state desired; /* what the market wants: running, paused, ended */
	enum end_reason desired_reason;
	wall_time desired_at; /* when it began to want that */
	int64_t duration_s;
	struct usage usage; /* the last record accepted; seq 0: none */
	sha256 usage_hash;
	wall_time usage_at; /* when it came */
	money budget_left;  /* of the order: what could still be held beyond its holds and charges; MONEY_MAX_MICRO: unbounded */
	ed25519_public key; /* the machine's */
	money refunded;	    /* of l.charged, by corrections */
	enum trusted trusted;		    /* what its order wants */
	uint32_t max_freeze_s, scratch_mib; /* likewise */
	enum display display;
	uint32_t resets; /* that its buyer has asked for */
};
MUST_CHECK err_t store_lease_get(struct store *s, uuid id, uuid asking, struct lease_row *ret); /* asking: whose mark is shown */
MUST_CHECK err_t store_lease_list_of_order(struct store *s, uuid order, uuid asking, struct lease_row **ret_rows,
					   size_t *ret_count);
MUST_CHECK err_t store_lease_list_of_machine(struct store *s, uuid machine, struct lease_row **ret_rows,
					     size_t *ret_count); /* not ended */
MUST_CHECK err_t store_lease_list_live(struct store *s, struct lease_row **ret_rows,
				       size_t *ret_count); /* all that have not ended */
MUST_CHECK err_t store_lease_list_again(struct store *s, const uuid *ids, size_t count, struct lease_row **ret_rows,
					size_t *ret_count); /* these, as far as they are there */
/* What metering ticks (lane.h) have of leases that have not ended, and is not settled: at most one record a lease, the latest. */
struct ticked {
	uuid lease;
	struct usage usage; /* previous: not kept, and zero: the hash of the lease's last settled record */
	money total;
	bool cut;
};
MUST_CHECK err_t store_ticked(struct store *s, struct ticked **ret_rows, size_t *ret_count);
/* The number of the last tick begun; 0: there was none. */
MUST_CHECK err_t store_tick_last(struct store *s, int64_t *ret_generation);
/* What the machine says: preparing, running, paused (both set started_at once). Going back or out of ended: E_CONFLICT. */
MUST_CHECK err_t store_lease_state(struct store *s, uuid id, enum lease_state state, enum accel accel, const char *detail,
				   wall_time now);
/* Wanting the end is final: its first reason and time stay, and wanting another state afterwards is E_CONFLICT. */
MUST_CHECK err_t store_lease_desire(struct store *s, uuid id, enum lease_state desired, enum end_reason reason, wall_time now);
/* From then on its seller may withdraw it without blame; at.us 0: not. */
/* Its machine is to start anew. E_CONFLICT: it does not run. */
MUST_CHECK err_t store_lease_reset(struct store *s, uuid id, wall_time now);
MUST_CHECK err_t store_lease_announce(struct store *s, uuid id, wall_time at);
MUST_CHECK err_t store_lease_path(struct store *s, uuid id, const char *path);
/* Accepts a usage record and charges up to charge_total (cumulative, as is commission_total) out of the lease's hold, then fills
 * the hold up to hold_target out of the buyer's balance, within the order's budget. A seq not above the stored one changes
 * nothing and is OK. What the hold does not cover is not charged now; a later record's total asks for it again. Nothing is charged
 * before the lease has started (store_lease_state). E_CONFLICT: it has ended; E_INVALID: counters went back. Returns the row as it
 * is then. */
MUST_CHECK err_t store_lease_usage(struct store *s, uuid id, const struct usage *u, sha256 hash, bool cut, money charge_total,
				   uint32_t commission_bp, money hold_target, wall_time now, struct lease_row *ret);
/* Before several of an order, or of a machine (the other one zero), are ended in one transaction: what that needs, locked as others do. */
MUST_CHECK err_t store_leases_lock(struct store *s, uuid order, uuid machine);
/* Ends it: state, reason, hold released, capacity free; closes the order with its last lease. Ended already: E_CONFLICT. */
MUST_CHECK err_t store_lease_end(struct store *s, uuid id, enum end_reason reason, const char *detail, wall_time now);

/* The number of the buyer's peer in the order's network, 1, 2, …; made at the first call. E_LIMIT beyond 64. */
MUST_CHECK err_t store_peer_number(struct store *s, uuid order, uuid peer, uint32_t *ret_number);

/* ---- reputation ---- */
/* from: buyer or seller of the lease; marks the other side once. E_NOT_FOUND, E_EXISTS, E_CONFLICT: nothing was paid, or both are one. */
MUST_CHECK err_t store_feedback(struct store *s, uuid lease, uuid from, bool good, const char *comment, wall_time now);
MUST_CHECK err_t store_buyer_rating(struct store *s, uuid buyer, uint32_t *ret_ppm);
/* All sums that ratings are made of, anew from the leases and marks; how many were wrong. */
MUST_CHECK err_t store_reputation_recompute(struct store *s, int64_t *ret_wrong);
MUST_CHECK err_t store_seller_get(struct store *s, uuid id, struct seller *ret);

/* ---- events: appended by the procedures above; read by the SSE routes ---- */
struct event_row {
	int64_t id;
	uuid account, order, lease; /* account: whose it is */
	char kind[32];		    /* order.created, order.filled, order.ended, lease.matched, lease.running, … */
	char *data;		    /* JSON text, heap */
	wall_time at;
};
void event_rows_free(struct event_row *rows, size_t count);
/* Of the account (and of the order, unless zero) with id > after, at most limit. */
MUST_CHECK err_t store_events(struct store *s, uuid account, uuid order, int64_t after, uint32_t limit,
			      struct event_row **ret_rows, size_t *ret_count);
/* Behind it everything is still to come: what is under way and not committed has higher ids for every reader. */
MUST_CHECK err_t store_event_last(struct store *s, int64_t *ret_id);

/* Forgets what is past its time: idempotency keys after 24 h, expired tokens, events and mail that is sent after 30 days. */
MUST_CHECK err_t store_sweep(struct store *s, wall_time now);

#endif

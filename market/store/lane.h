/* SPDX-License-Identifier: Apache-2.0
 * lane.h - group commit: what is asked for while a batch is under way is the next batch
 *
 * A lane is a connection of its own, which never makes the loop wait. One statement is under way at a time, for a whole batch of items of
 * one kind, and each item learns what became of it after the commit. There is no timer: a batch is as large as what came meanwhile.
 * An item lies in its caller's memory, untouched, until done() is called, once, later.
 */
#ifndef STORE_LANE_H
#define STORE_LANE_H

#include "book.h"
#include "loop.h"
#include "store.h"

struct lane;
/* pulse: NULL, or as in store_watch(). */
MUST_CHECK err_t lane_open(struct loop *loop, const char *uri, const struct pulse *pulse, struct lane **ret_lane);
/* Waits a little for what is asked for; what is not done then is told E_UNAVAILABLE, and may have been committed. */
void lane_close(struct lane *l);
/* What is sent from now on is under this epoch of the book. */
void lane_set_epoch(struct lane *l, int64_t epoch);

struct batch_kind;
struct item {
	/* E_UNAVAILABLE: the connection was lost, perhaps after the commit. Anything else: nothing was done. */
	void (*done)(struct item *item, err_t e);
	void *context;
	/* The lane's: */
	const struct batch_kind *kind;
	struct item *next;
	bool alone; /* in a batch of its own */
};

/* ---- an order, as store_order_create(), under its Idempotency-Key ---- */
struct placing {
	struct item item;
	const struct order_request *request;
	const char *constraints; /* of it, as JSON */
	bool only_again;	 /* placed before under its key, or not at all: E_NOT_FOUND */
	uuid id, buyer, token;	 /* E_AUTH where the token has ended meanwhile */
	money place_hold;
	wall_time now;
	const char *key; /* NULL: none */
	sha256 request_hash;
	int64_t open_max;    /* E_LIMIT where the buyer has as many open orders */
	const int64_t *open; /* the buyer has at most so many, as the batch is sent; NULL: they are counted */
	/* E_CONFLICT: the image is not ready. E_EXISTS: the key was used with another request. With OK: status 0, it is placed; else
	 * what was answered under this key before, body on the heap, and nothing was done. Where that body is empty the answer was that to
	 * this very request with what is now in id, now and place_hold. */
	struct stored_answer stored;
	uint32_t buyer_rating_ppm; /* of one that is placed, where this market holds the book */
	/* NULL: none. Else what the book has for an order of one VM, which is filled with it by this lease as it is placed. Zero afterwards: it
	 * was not. */
	const struct match *match;
	uuid lease;
};
void lane_place(struct lane *l, struct placing *p);

/* ---- a usage record, as store_lease_usage() ---- */
struct settling {
	struct item item;
	uuid lease;
	struct usage usage;
	sha256 hash;
	bool cut;
	money total, hold_target;
	uint32_t commission_bp;
	wall_time now;
	/* With OK: the lease's, and what is left of its order's budget (struct lease_row), as they are then. E_EXISTS: a record of
	 * that number is there already. */
	money charged, commission, held, budget_left;
};
/* At most one of a lease in a batch: of two the second waits. */
void lane_settle(struct lane *l, struct settling *s);

/* ---- the metering tick: what was heard of leases and is not settled, kept so that it is there after a crash ---- */
#define TICK_MAX 2048
/* A part of a tick. Its arrays are what the statement takes: element i of each is of lease i. */
struct tick_part {
	struct item item;
	int64_t generation, complete; /* the tick; the last one that was kept as a whole: what is older goes */
	wall_time now;
	size_t count; /* at least 1 */
	uuid leases[TICK_MAX];
	int64_t seqs[TICK_MAX], vcpu_ns[TICK_MAX], running_us[TICK_MAX], tx_bytes[TICK_MAX], rx_bytes[TICK_MAX];
	int64_t totals_micro[TICK_MAX]; /* what the counters cost */
	bool cuts[TICK_MAX];
	ed25519_signature signatures[TICK_MAX];
};
void lane_tick(struct lane *l, struct tick_part *part);

/* ---- what a machine says of itself, as store_machine_update() ---- */
struct updating {
	struct item item;
	struct machine_row row; /* E_NOT_FOUND where it was retired; never to MACHINE_RETIRED */
};
/* At most one of a machine in a batch: of two the second waits. */
void lane_update(struct lane *l, struct updating *u);

/* ---- when machines were seen ---- */
#define SEEN_MAX 2000
struct seeing {
	struct item item;
	wall_time now;
	size_t count; /* at least 1 */
	uuid machines[SEEN_MAX];
};
void lane_see(struct lane *l, struct seeing *s);

#endif

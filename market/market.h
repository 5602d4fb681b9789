/* SPDX-License-Identifier: Apache-2.0
 * market.h - the running market: what it remembers beside the database, and what is done when
 *
 * How it works: one thread, one loop, one connection to the database, beside the lanes'. Of several markets on one database one holds the
 * book and what belongs to it (holding.h). A handler changes the database in one transaction and notes
 * what it touched (market_touch_*). Behind it, in a turn of its own, market_catch_up() reads again what was touched, matches the
 * book and wakes event streams; so a transaction that was rolled back leaves nothing wrong in memory. What is kept here can
 * always be made anew from the database and the machines' next reports.
 */
#ifndef MARKET_H
#define MARKET_H

#include "book.h"
#include "due.h"
#include "fate.h"
#include "files.h"
#include "loop.h"
#include "rate.h"
#include "server.h"
#include "settings.h"
#include "store.h"
#include "uuid_map.h"
#include "workers.h"

struct forward;
struct gate;
struct lane;
struct relays;
struct events;
struct metrics;
struct samples;
struct pay;
struct pulse;
struct attest;
struct vault;
struct calibrations;
struct lines;
struct mails;

/* How large images are that were asked for last; what an id stands for never changes. By the first bytes of their ids. */
#define IMAGE_SIZES 1024
#define PLACING_LANES 2 /* more of them make smaller batches, and each costs its overhead */
struct image_size {
	sha256 id;
	uint32_t mib; /* 0: none is here */
};

struct market {
	const struct settings *settings;
	const char *data_dir, *resources_dir;
	struct loop *loop;
	struct store *store;
	struct pulse *pulse;			   /* pulse.h */
	struct lane *lane;			   /* lane.h: usage, metering ticks, machines */
	struct lane *placing_lanes[PLACING_LANES]; /* orders; all of one buyer on one */
	struct lane *chain_lane;		   /* what nobody waits for: chaining postings */
	struct cluster *cluster;		   /* NULL: somebody else's server */
	struct http_server *http;
	const char *pin; /* of a self-signed certificate: what sellers and buyers need beside the address; else "" */
	struct workers *passwords, *disks, *payers;
	struct pay *pay;		  /* pay.h */
	struct mails *mails;		  /* mails.h; NULL: it sends none */
	struct rate *signups, *strangers; /* by address */
	struct rate *callers;		  /* by account, or machine */
	struct rate *codes;		  /* of second factors, by account */
	struct ed25519_key *signing_key;  /* of receipts */
	struct vault *vault;		  /* vault.h: second factors */
	struct files *pages;
	char *rules; /* what GET /v1/market answers: nothing of it changes */
	struct gate *gate;
	struct relays *relays;		   /* relays.h */
	struct attest *attest;		   /* attest.h */
	struct calibrations *calibrations; /* calibrate.h */
	struct lines *lines;		   /* lines.h */
	struct events *events;
	struct metrics *metrics;
	struct samples *samples; /* samples.h */
	struct book *book;
	struct uuid_map machines; /* struct presence, presence.h */
	struct uuid_map leases;	  /* struct live, live.h */
	struct uuid_map networks; /* struct network, networks.h */
	struct uuid_map orders;	  /* struct open_order, matching.h */
	struct due_heap orders_due;
	struct uuid_map buyers; /* struct buyer, matching.h */
	struct uuid_map wakers; /* wakes.h */
	struct fill *fills;	/* of fills.h, that are done */
	struct image_size image_sizes[IMAGE_SIZES];
	char decoy_hash[PASSWORD_HASH_SIZE]; /* checked where the email address is unknown, for equal work */

	struct book_holder self; /* where other markets reach us */
	struct forward *forward; /* and we the one that holds the book */
	uuid owner;		 /* of the book: this process */
	bool holds_book;	 /* else the maps above and the book are empty */
	bool stands_by;		 /* and it has said so */
	bool book_lost;		 /* another market holds it: this one ends, and stands by */
	bool database_up;
	mono_time hearing_since; /* when machines could begin to be heard: our start, or the database's return */
	struct uuid_list touched_orders, touched_machines, touched_leases;
	bool match_wanted, stopping, woken, chaining;
	int catch_up_fd;
	struct {
		int64_t generation, complete; /* of the last tick begun, of the last complete one of ours */
		size_t parts;		      /* under way */
		bool failed;
		mono_time begun;
	} ticks;		      /* ticks.h */
	size_t swept_slot, seen_slot; /* of the machines: where presence.c goes on */
	bool seeing;
	mono_time funds_watched, seen_written, swept, pieces_swept, debts_collected;
	unsigned pieces_folder;
};

/* Starts to serve; whoever gets the book loads what the database has. */
MUST_CHECK err_t market_start(struct market *m, const struct http_config *http);
void market_stop(struct market *m);

/* These were changed by a transaction that may commit: look at them again. */
void market_touch_order(struct market *m, uuid order);
void market_touch_machine(struct market *m, uuid machine);
void market_touch_lease(struct market *m, uuid lease);
/* Something happened: run market_catch_up() in the loop's next turn. */
void market_wake(struct market *m);
void market_catch_up(struct market *m);
/* A call to the store failed: notes an outage, logs what is no one's fault but ours. Returns e. */
err_t market_store_failed(struct market *m, err_t e, const char *doing);
/* Reads everything again: at the start, and when the database is back. */
MUST_CHECK err_t market_load(struct market *m);

/* Timers (sweeps.c). */
MUST_CHECK err_t sweeps_start(struct market *m);

extern const struct route market_routes[];
static inline struct market *market_of(struct request *r)
{
	return r->context;
}

#endif

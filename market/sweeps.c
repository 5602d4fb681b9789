/* SPDX-License-Identifier: Apache-2.0
 * sweeps.c - what is due without anybody asking: leases, orders, silent machines, housekeeping
 */
#include "attest.h"
#include "books.h"
#include "calibrate.h"
#include "cluster.h"
#include "events.h"
#include "funds.h"
#include "live.h"
#include "log.h"
#include "market.h"
#include "matching.h"
#include "networks.h"
#include "pieces.h"
#include "wakes.h"
#include "presence.h"
#include "samples.h"
#include "ticks.h"

#define HOUSEKEEPING_US HOUR_US
#define FOLDERS_AT_ONCE 32 /* more can wait for the next turn */
#define CHECK_US SECOND_US
#define CHAINED_AT_ONCE 2000 /* postings */

/* The embedded server is started again where it died. */
static void on_check(void *context, mono_time now)
{
	struct market *m = context;
	(void)now;
	if (m->cluster && !m->stopping) {
		err_t e = cluster_check(m->cluster);
		if (e && e != E_AGAIN)
			log_error("the embedded database does not start", "error=%s", err_name(e));
	}
	if (m->database_up || m->stopping || store_ping(m->store) != OK)
		return;
	m->database_up = true;
	err_t e = m->holds_book ? market_load(m) : OK;
	if (e == OK)
		log_info("the database is back", "%s", "");
	else
		market_store_failed(m, e, "reading everything again");
	market_wake(m);
}

static err_t pieces_unused(void *context, const sha256 *hashes, size_t count, sha256 **ret_unused, size_t *ret_count)
{
	struct market *m = context;
	return store_pieces_unused(m->store, hashes, count, ret_unused, ret_count);
}

/* One folder at a time, for ever around. */
static void sweep_pieces(struct market *m, wall_time now)
{
	size_t deleted;
	err_t e = pieces_sweep(m->data_dir, m->pieces_folder, now, m->settings->pieces_grace_us, pieces_unused, m, &deleted);
	m->pieces_folder = (m->pieces_folder + 1) % PIECE_FOLDERS;
	if (e == OK && deleted)
		log_info("pieces that nobody has any more are deleted", "count=%zu", deleted);
	market_store_failed(m, e, "looking for pieces that nobody has");
}

static void housekeeping(struct market *m, wall_time now, mono_time now_mono)
{
	if (now_mono.us - m->seen_written.us > m->settings->seen_interval_us) {
		m->seen_written = now_mono;
		presence_see(m, now);
	}
	for (int i = 0; i < FOLDERS_AT_ONCE && now_mono.us - m->pieces_swept.us > m->settings->pieces_interval_us; i++) {
		m->pieces_swept.us += m->settings->pieces_interval_us;
		sweep_pieces(m, now);
	}
	if (now_mono.us - m->swept.us > HOUSEKEEPING_US) {
		m->swept = now_mono;
		market_store_failed(m, store_sweep(m->store, now), "forgetting what is old");
	}
}

struct chain_turn {
	struct chaining c;
	struct market *market;
};

static void chain(struct market *m);

static void on_chained(struct item *item, err_t e)
{
	struct chain_turn *t = item->context;
	struct market *m = t->market;
	bool more = e == OK && t->c.chained == CHAINED_AT_ONCE;
	free(t);
	m->chaining = false;
	if (e)
		log_warn("postings are not chained", "error=%s", err_name(e)); /* the next sweep tries again */
	if (more)
		chain(m);
}

/* Goes on beside what the loop does, until it is up with those who post. */
static void chain(struct market *m)
{
	struct chain_turn *t = m->chaining || m->stopping ? NULL : calloc(1, sizeof *t);
	if (!t)
		return;
	*t = (struct chain_turn){ { .item = { .done = on_chained, .context = t }, .limit = CHAINED_AT_ONCE }, m };
	m->chaining = true;
	lane_chain(m->chain_lane, &t->c);
}

static void on_sweep(void *context, mono_time now_mono)
{
	struct market *m = context;
	wall_time now = clock_wall();
	if (m->stopping)
		return;
	networks_sweep(m, now, now_mono);
	events_beat(m, now_mono);
	wakes_beat(m, now_mono);
	/* While the database is away nobody can be heard, so nobody is late. */
	if (m->database_up)
		market_store_failed(m, store_ping(m->store), "asking whether it is there");
	if (!m->database_up || !m->holds_book) /* the rest is the holder's */
		return;
	attest_sweep(m, now, now_mono);
	calibrate_sweep(m, now, now_mono);
	live_sweep(m, now, now_mono);
	presence_sweep(m, now, now_mono);
	orders_sweep(m, now);
	ticks_sweep(m, now, now_mono);
	funds_sweep(m, now, now_mono);
	chain(m);
	samples_sweep(m, now);
	housekeeping(m, now, now_mono);
	market_catch_up(m);
}

err_t sweeps_start(struct market *m)
{
	m->seen_written = m->swept = m->pieces_swept = clock_mono();
	if (!loop_timer_add(m->loop, m->settings->sweep_interval_us, on_sweep, m) ||
	    !loop_timer_add(m->loop, CHECK_US, on_check, m))
		return E_NOMEM;
	return OK;
}

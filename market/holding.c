/* SPDX-License-Identifier: Apache-2.0
 * holding.c - which market holds the book: claiming it, keeping it, and handing on to who has it
 *
 * How it works: docs/MARKET.md, "Several markets". The holder renews its claim three times while it lasts. Every other market tries to
 * claim the book all the while, and learns where its holder is. Whoever gets it loads what the database has and goes on from there.
 * A holder that finds out that it lost the book ends, and starts anew as one of the others (serve.c): all that it has in memory may be wrong.
 */
#include "holding.h"

#include "events.h"
#include "forward.h"
#include "gate.h"
#include "lane.h"
#include "log.h"

#define LOOK_US (250 * MILLISECOND_US)

static err_t take_over(struct market *m, int64_t epoch)
{
	log_info("this market holds the book", "epoch=%lld", (long long)epoch);
	lane_set_epoch(m->lane, epoch);
	for (int i = 0; i < PLACING_LANES; i++)
		lane_set_epoch(m->placing_lanes[i], epoch);
	forward_aim(m->forward, NULL, NULL, NULL);
	m->holds_book = true;
	gate_forget(m->gate);
	TRY(store_listen(m->store));
	TRY(market_load(m));
	market_wake(m);
	return OK;
}

/* Claims the book, or looks who has it. */
static err_t look(struct market *m)
{
	struct book_holder holder;
	int64_t epoch;
	err_t e = store_book_claim(m->store, m->owner, m->settings->book_us, &m->self, &epoch);
	if (e == OK)
		return take_over(m, epoch);
	if (e != E_EXISTS)
		return e;
	if (!m->stands_by)
		log_info("another market works on this database: standing by", "%s", "");
	m->stands_by = true;
	e = store_book_holder(m->store, &holder);
	if (e != OK && e != E_NOT_FOUND)
		return e;
	/* At our own address nobody listens but us: that one is dead, and the database does not know yet. */
	if (e == OK && holder.url[0] && strcmp(holder.url, m->self.url))
		forward_aim(m->forward, holder.url, holder.pin, holder.secret);
	else
		forward_aim(m->forward, NULL, NULL, NULL);
	return OK;
}

static void on_look(void *context, mono_time now)
{
	struct market *m = context;
	uuid order;
	(void)now;
	while (m->holds_book && store_heard(m->store, &order) == OK)
		market_touch_order(m, order);
	if (m->holds_book || m->stopping)
		return;
	err_t e = look(m);
	if (e == E_AGAIN) /* the holder's last transaction still runs */
		return;
	if (market_store_failed(m, e, "taking the book over") && e != E_UNAVAILABLE && m->holds_book) {
		m->book_lost = true; /* not all was loaded: from the beginning */
		loop_stop(m->loop);
		return;
	}
	events_send(m);
}

/* The holder says that it lives. */
static void on_keep(void *context, mono_time now)
{
	struct market *m = context;
	(void)now;
	if (m->holds_book && !m->stopping)
		market_store_failed(m, store_book_renew(m->store, m->owner, m->settings->book_us), "keeping the book");
}

err_t holding_start(struct market *m)
{
	TRY(forward_new(m->loop, &m->forward));
	err_t e = look(m);
	if (e != E_AGAIN)
		TRY(e);
	m->database_up = true;
	if (!loop_timer_add(m->loop, m->settings->book_us / 3, on_keep, m) || !loop_timer_add(m->loop, LOOK_US, on_look, m))
		return E_NOMEM;
	return OK;
}

void holding_stop(struct market *m)
{
	if (m->holds_book && !m->book_lost && store_book_renew(m->store, m->owner, 0) != OK)
		log_warn("the book is not given up: the next market waits for it", "%s", "");
}

bool holding_reachable(const struct market *m)
{
	return m->holds_book || forward_has_aim(m->forward);
}

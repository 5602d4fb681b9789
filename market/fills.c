/* SPDX-License-Identifier: Apache-2.0
 * fills.c - orders of one VM that are filled as they are placed
 *
 * How it works: the book is asked for a place as the order comes, and only while no bid that waits could have it. What is taken stands in the book
 * and in the machine's presence, so that no report in between gives it to another, until the lease that takes it is read, or the database
 * has refused: it decides. While the database is away nothing is taken: what it did not answer to is kept for a while.
 */
#include "fills.h"

#include "file.h"
#include "live.h"
#include "matching.h"
#include "presence.h"

#define PART 256
#define FILL_LOST_US (60 * SECOND_US) /* by then a connection that was lost has committed, or never will */

struct fill *fill_take(struct market *m, const struct order *o, wall_time now)
{
	const struct image_size *image = &m->image_sizes[image_mark(o->image) % IMAGE_SIZES];
	struct bid bid = bid_of(o);
	struct match match;
	if (!m->holds_book || !m->database_up || m->match_wanted || o->not_before.us || !image->mib ||
	    !sha256_equal(image->id, o->image))
		return NULL;
	bid.image = image_mark(o->image);
	bid.image_mib = image->mib;
	if (bid.constraints.max_rtt_ms && region_number(m->settings, bid.constraints.region, &bid.region) != OK)
		return NULL;
	struct fill *fill = malloc(sizeof *fill);
	if (!fill || !book_take(m->book, &bid, &match)) {
		free(fill);
		return NULL;
	}
	*fill = (struct fill){ .match = match, .lease = uuid_make(now) };
	struct presence *p = presence_get(m, match.machine);
	p->placing++;
	p->placing_cores += match.cores;
	p->placing_memory_mib += match.memory_mib;
	p->placing_scratch_mib += match.scratch_mib;
	return fill;
}

/* What it took is a lease's by now, or nobody's. */
static struct presence *fill_end(struct market *m, struct fill *fill)
{
	struct presence *p = presence_get(m, fill->match.machine);
	p->placing--;
	p->placing_cores -= fill->match.cores;
	p->placing_memory_mib -= fill->match.memory_mib;
	p->placing_scratch_mib -= fill->match.scratch_mib;
	free(fill);
	return p;
}

void fill_made(struct market *m, struct fill *fill)
{
	fill->next = m->fills;
	m->fills = fill;
	market_wake(m);
}

void fill_refused(struct market *m, struct fill *fill, bool placed)
{
	struct presence *p = fill_end(m, fill);
	if (placed) {
		book_remove_ask(m->book, p->row.m.id); /* until it has been read again */
		market_touch_machine(m, p->row.m.id);
	} else {
		presence_offer(m, p);
		market_wake(m);
	}
}

void fill_lost(struct market *m, struct fill *fill, mono_time now)
{
	fill->until = (mono_time){ now.us + FILL_LOST_US };
	fill_made(m, fill);
}

void fills_settle(struct market *m, mono_time now)
{
	struct fill *all = m->fills;
	uuid leases[PART];
	m->fills = NULL;
	while (all) {
		struct fill *part = all, **end = &all;
		size_t n = 0;
		for (; *end && n < PART; end = &(*end)->next)
			leases[n++] = (*end)->lease;
		all = *end;
		*end = NULL;
		err_t e = m->database_up ? lives_reload(m, leases, n) : E_UNAVAILABLE;
		market_store_failed(m, e, "reading new leases");
		for (struct fill *fill = part, *next; fill; fill = next) {
			next = fill->next;
			bool there = live_get(m, fill->lease);
			if (there || (e == OK && now.us >= fill->until.us)) {
				if (fill->until.us)
					market_touch_order(m, fill->match.order);
				struct presence *p = fill_end(m, fill);
				if (!there)
					market_touch_machine(m, p->row.m.id);
				continue;
			}
			fill->next = m->fills; /* the next turn looks again */
			m->fills = fill;
		}
	}
}

void fills_free_all(struct market *m)
{
	for (struct fill *fill = m->fills, *next; fill; fill = next) {
		next = fill->next;
		free(fill);
	}
	m->fills = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 * presence.h - the selling machines as they were heard last
 *
 * A report that changes nothing writes nothing: what a machine says is kept here, its row is written on a change, and when it was seen
 * goes to the database in batches.
 */
#ifndef MARKET_PRESENCE_H
#define MARKET_PRESENCE_H

#include "machine.h"
#include "market.h"

#define OLD_BOOTS 4

/* What the market measured, or while it has not: what the machine claims. */
static inline uint32_t machine_row_score(const struct machine_row *row)
{
	return row->measured_score ? row->measured_score : row->m.score;
}

struct presence {
	struct machine_row row;
	mono_time last_report; /* us 0: not since we started */
	wall_time seen_at;
	bool seen_dirty; /* not written yet */
	uuid boot, old_boots[OLD_BOOTS];
	uint64_t seq;
	/* Of the last report: */
	uint32_t min_duration_s;
	struct offer_terms terms;
	uint64_t image_failed; /* image_mark() of the last image that a lease here failed at */
	wall_time image_failed_at;
	uint32_t image_failed_mib; /* what it had room for then */
	mono_time line_tried;	   /* when a trial of its line began a round last (lines.c); us 0: none did */
	struct live *leases;	   /* those that have not ended */
	struct change *change;	   /* of its row, the one that is under way; NULL: none is */
	/* Taken of it for orders that are being placed (struct fill): */
	uint32_t placing, placing_cores, placing_memory_mib, placing_scratch_mib;
};

/* NULL where there is no such machine, or the database does not answer. */
struct presence *presence_get(struct market *m, uuid machine);
/* From a row, or from the database. */
MUST_CHECK err_t presence_put(struct market *m, const struct machine_row *row, struct presence **ret_presence);
MUST_CHECK err_t presence_reload(struct market *m, uuid machine);
void presence_free_all(struct market *m);

/* False where an earlier report comes late: it says nothing new. */
bool presence_is_news(struct presence *p, uuid boot, uint64_t seq);
/* Told once, when what presence_heard() had to write is written, and the ask in the book; perhaps at once. E_NOT_FOUND: it was retired. */
struct changed {
	void (*done)(struct changed *changed, err_t e);
	void *context;
	struct changed *next; /* the presence's */
};
/* What the report says of the machine itself. *ret_later: it is not written yet, and changed is told; else the ask is as it says already. */
MUST_CHECK err_t presence_heard(struct market *m, struct presence *p, const struct report *report, wall_time now,
				struct changed *changed, bool *ret_later);
/* For a report that comes once more: false where nothing of its machine is on its way, else changed is told. */
bool presence_wait(struct presence *p, struct changed *changed);
/* As the machine and its leases are now. Its blocked buyers are the presence's. */
struct ask presence_to_ask(const struct market *m, const struct presence *p);
/* A lease of that image ended because of it: the machine gets none of it for a while, or until it has more room. */
void presence_image_failed(struct presence *p, sha256 image, wall_time now);
/* The ask in the book, as the machine and its leases are now. */
void presence_offer(struct market *m, struct presence *p);
/* Where it is on trial (trial.h): when it may have a lease again; us 0: at once. */
wall_time presence_trial_until(const struct market *m, const struct presence *p);
bool presence_is_heard(const struct market *m, const struct presence *p, mono_time now);
int64_t presence_silent_us(const struct market *m, const struct presence *p, mono_time now);
struct offer presence_to_offer(const struct market *m, const struct presence *p);

/* Marks silent machines offline; of many, some each time, around and around. */
void presence_sweep(struct market *m, wall_time now, mono_time now_mono);
/* Writes when machines were seen, beside what the loop does. Nothing where that is under way already. */
void presence_see(struct market *m, wall_time now);
/* And before it returns. */
MUST_CHECK err_t presence_write_seen(struct market *m, wall_time now);

#endif

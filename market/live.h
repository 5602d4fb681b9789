/* SPDX-License-Identifier: Apache-2.0
 * live.h - the leases that have not ended, and for a while those that have: what their machines say, and what becomes of them
 *
 * The row is a copy of the database's, read again after every write. Beside it stands what is too fleeting to be stored: how far the
 * preparation is, the endpoint's candidates, the console's last bytes, the screen's picture.
 */
#ifndef MARKET_LIVE_H
#define MARKET_LIVE_H

#include "console.h"
#include "machine.h"
#include "market.h"
#include "meter.h"
#include "reach.h"
#include "screen.h"
#include "sighting.h"

struct live {
	struct lease_row row;
	struct presence *machine;
	struct network *network;
	bool told;		  /* the machine knows of it */
	mono_time named;	  /* when its machine named it last, or could have for the first time */
	mono_time ended;	  /* us 0: it has not */
	mono_time frozen;	  /* since then paused by its machine, though it is to run; us 0: not */
	int progress_permille;	  /* of the preparation, -1 unknown */
	char detail[DETAIL_SIZE]; /* what the machine says while it prepares */
	struct console console;
	struct screen screen;
	struct meter meter;
	bool has_peer; /* the endpoint is up: */
	struct peer_view peer;
	struct reach reach;	  /* and says how it reaches the others */
	struct sighting sighting; /* as they say of it */
	struct live *next_of_machine, *next_of_network;
};

struct live *live_get(struct market *m, uuid lease); /* NULL where it is not in memory */
/* From a row that was read now: added, changed, or (ended) taken off its machine. */
MUST_CHECK err_t live_put(struct market *m, const struct lease_row *row, mono_time now);
MUST_CHECK err_t live_reload(struct market *m, uuid lease, mono_time now);
MUST_CHECK err_t lives_reload(struct market *m, const uuid *ids, size_t count);
void live_free_all(struct market *m);

/* What its machine says of it. Each step is stored by itself; the next report goes on where this one failed. ret_later: it is to be
 * settled now, by meter_settle_later(), and judged behind that. */
MUST_CHECK err_t live_heard(struct market *m, struct live *l, const struct report *report, const struct lease_report *said,
			    wall_time now, mono_time now_mono, bool *ret_later);
/* Does what is due: pauses, wakes, wants its end, ends. */
MUST_CHECK err_t live_judge(struct market *m, struct live *l, wall_time now, mono_time now_mono);
MUST_CHECK err_t live_desire(struct market *m, struct live *l, enum lease_state desired, enum end_reason reason, wall_time now,
			     mono_time now_mono);
MUST_CHECK err_t live_end(struct market *m, struct live *l, enum end_reason reason, const char *detail, wall_time now,
			  mono_time now_mono);
/* For its buyer: one that its machine was told of is to end, one that no machine knows of yet is simply over. Again: nothing. */
MUST_CHECK err_t live_cancel(struct market *m, const struct lease_row *row, wall_time now);
/* What stands in answers: the row, with what only we know laid over it. */
void live_overlay(struct market *m, struct lease *lease);

/* The same for an order: what its leases have used is charged, or as good as. */
void live_overlay_order(struct market *m, struct order *order);

void live_sweep(struct market *m, wall_time now, mono_time now_mono);

#endif

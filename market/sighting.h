/* SPDX-License-Identifier: Apache-2.0
 * sighting.h - what the other members of its network saw of a lease, and which paths it had: evidence beside its machine's own counters
 *
 * Members say with their reports how they reach each other. Who reaches a VM's endpoint has seen that it was there; where those who speak
 * do not, for as long as its machine counts, an operator who decides a dispute should know. A seller's own machines, and a buyer's who rents
 * from himself, are no witnesses. In memory alone: of the time before the book changed hands nothing is known, and since says so.
 */
#ifndef MARKET_SIGHTING_H
#define MARKET_SIGHTING_H

#include <jansson.h>
#include "clock.h"
#include "order.h"
#include "reach.h"

struct market;

#define SIGHTING_PATHS 16 /* the last ones */

/* By one kind of witness. */
struct witness {
	mono_time heard, reached;      /* when any of them spoke, and reached it; us 0: never */
	wall_time since, reached_at;   /* the first word; as reached */
	int64_t reached_us, missed_us; /* while it ran and they spoke: reached by one of them within a minute, or by none */
};
/* Zero-initialised is ready. */
struct sighting {
	struct witness sellers, buyer;
	struct {
		wall_time at;
		char path[12];
	} paths[SIGHTING_PATHS];
	size_t path_count; /* ever; the last ones are kept */
};

/* A member's word about the leases of its network; seller: whose VM it is, zero for the buyer's own machine. */
void sightings_hear(struct market *m, uuid order, uuid seller, const struct reach *reach, wall_time now, mono_time now_mono);
void sighting_path(struct sighting *s, const char *path, wall_time now);
json_t *sighting_to_json(const struct sighting *s);

#endif

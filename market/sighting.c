/* SPDX-License-Identifier: Apache-2.0
 * sighting.c - what the other members of its network saw of a lease
 *
 * How it works: between two words of one kind of witness lies a time, at most REACH_FRESH_US of which counts, for after that nobody has
 * spoken. It is reached_us where one of them reached the lease within REACH_FRESH_US, so that members who see each other well outweigh one that
 * sees nobody, else missed_us.
 */
#include "sighting.h"
#include <string.h>
#include "json.h"
#include "live.h"

static void witness_hear(struct witness *w, bool reached, wall_time now, mono_time now_mono)
{
	int64_t passed_us = w->heard.us ? now_mono.us - w->heard.us : 0;
	if (!w->heard.us)
		w->since = now;
	w->heard = now_mono;
	if (reached) {
		w->reached = now_mono;
		w->reached_at = now;
	}
	passed_us = passed_us < REACH_FRESH_US ? passed_us : REACH_FRESH_US;
	if (w->reached.us && now_mono.us - w->reached.us < REACH_FRESH_US)
		w->reached_us += passed_us;
	else
		w->missed_us += passed_us;
}

void sightings_hear(struct market *m, uuid order, uuid seller, const struct reach *reach, wall_time now, mono_time now_mono)
{
	bool by_buyer = uuid_is_zero(seller);
	for (size_t i = 0; i < reach->count; i++) {
		const struct path_view *path = &reach->list[i];
		struct live *l = uuid_map_get(&m->leases, path->peer);
		if (!l || l->row.l.state != LEASE_RUNNING || !uuid_equal(l->row.l.order, order) ||
		    uuid_equal(l->row.l.seller, by_buyer ? l->row.l.buyer : seller))
			continue;
		bool reached = !strcmp(path->path, "direct") || !strcmp(path->path, "relayed");
		witness_hear(by_buyer ? &l->sighting.buyer : &l->sighting.sellers, reached, now, now_mono);
	}
}

void sighting_path(struct sighting *s, const char *path, wall_time now)
{
	size_t at = s->path_count++ % SIGHTING_PATHS;
	s->paths[at].at = now;
	snprintf(s->paths[at].path, sizeof s->paths[at].path, "%s", path);
}

static json_t *witness_to_json(const struct witness *w)
{
	if (!w->heard.us)
		return json_null();
	json_t *json = json_object();
	json_put_time(json, "since", w->since);
	json_put_int(json, "reached_s", w->reached_us / SECOND_US);
	json_put_int(json, "missed_s", w->missed_us / SECOND_US);
	json_put_time(json, "reached_at", w->reached_at);
	return json;
}

json_t *sighting_to_json(const struct sighting *s)
{
	json_t *json = json_object(), *paths = json_array();
	size_t first = s->path_count > SIGHTING_PATHS ? s->path_count - SIGHTING_PATHS : 0;
	for (size_t i = first; i < s->path_count; i++) {
		json_t *path = json_object();
		json_put_time(path, "at", s->paths[i % SIGHTING_PATHS].at);
		json_put_text(path, "path", s->paths[i % SIGHTING_PATHS].path);
		json_array_append_new(paths, path);
	}
	json_put(json, "sellers", witness_to_json(&s->sellers));
	json_put(json, "buyer", witness_to_json(&s->buyer));
	json_put(json, "paths", paths);
	return json;
}

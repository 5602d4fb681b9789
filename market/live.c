/* SPDX-License-Identifier: Apache-2.0
 * live.c - the leases that have not ended: what their machines say, and what becomes of them
 *
 * How it works: live_heard() takes one lease of a machine's report: its endpoint, its state, its usage record (meter.c), its end. Each is stored
 * by a call of its own, usage with others' in a batch, and the report that follows repeats whatever failed. live_judge() asks trade/fate.c what is due, after each
 * report and once a second. A lease that is to end waits for its machine to send the last counters; live_end() releases what it held.
 */
#include "live.h"

#include "file.h"
#include "log.h"
#include "networks.h"
#include "presence.h"
#include "price.h"
#include "wakes.h"

#define KEEP_ENDED_US (10 * MINUTE_US) /* so that the console of a lease that failed can still be read */

/* ---- the table ---- */

struct live *live_get(struct market *m, uuid lease)
{
	return uuid_map_get(&m->leases, lease);
}

static void unlink_live(struct live *l)
{
	if (l->machine)
		for (struct live **at = &l->machine->leases; *at; at = &(*at)->next_of_machine)
			if (*at == l) {
				*at = l->next_of_machine;
				break;
			}
	if (l->network)
		for (struct live **at = &l->network->leases; *at; at = &(*at)->next_of_network)
			if (*at == l) {
				*at = l->next_of_network;
				break;
			}
	if (l->network)
		network_changed(l->network);
	l->machine = NULL;
	l->network = NULL;
}

static void live_free(struct market *m, struct live *l)
{
	unlink_live(l);
	uuid_map_remove(&m->leases, l->row.l.id);
	console_clear(&l->console);
	screen_clear(&l->screen);
	reach_clear(&l->reach);
	free(l);
}

static err_t live_new(struct market *m, const struct lease_row *row, mono_time now, struct live **ret_live)
{
	struct presence *machine = presence_get(m, row->l.machine);
	struct network *network;
	if (!machine)
		return E_UNAVAILABLE;
	TRY(network_of(m, row->l.order, clock_wall(), &network));
	struct live *l = calloc(1, sizeof *l);
	if (!l)
		return E_NOMEM;
	l->row = *row;
	l->named = now;
	l->progress_permille = -1;
	l->peer = network_lease_peer(&row->l);
	err_t e = uuid_map_put(&m->leases, row->l.id, l);
	if (e) {
		free(l);
		return e;
	}
	l->machine = machine;
	l->network = network;
	l->next_of_machine = machine->leases;
	machine->leases = l;
	machine->row.cores_used += row->l.cores;
	machine->row.memory_used_mib += row->l.memory_mib;
	l->next_of_network = network->leases;
	network->leases = l;
	*ret_live = l;
	return OK;
}

err_t live_put(struct market *m, const struct lease_row *row, mono_time now)
{
	struct live *l = live_get(m, row->l.id);
	if (!l && row->l.state == LEASE_ENDED)
		return OK;
	bool wanted = !l || l->row.desired != row->desired || l->row.resets != row->resets;
	if (!l)
		TRY(live_new(m, row, now, &l));
	l->row = *row;
	if (wanted && row->l.state != LEASE_ENDED)
		wake_machine(m, row->l.machine);
	if (row->l.state == LEASE_ENDED && !l->ended.us) {
		struct presence *machine = l->machine;
		l->ended = now;
		unlink_live(l);
		if (machine)
			market_touch_machine(m, row->l.machine); /* it is free again, and its seller's rating another one */
		market_touch_order(m, row->l.order);
	}
	return OK;
}

err_t live_reload(struct market *m, uuid lease, mono_time now)
{
	struct lease_row row;
	TRY(store_lease_get(m->store, lease, (uuid){ 0 }, &row));
	return live_put(m, &row, now);
}

err_t lives_reload(struct market *m, const uuid *ids, size_t count)
{
	AUTO_FREE struct lease_row *rows = NULL;
	size_t found;
	mono_time now = clock_mono();
	TRY(store_lease_list_again(m->store, ids, count, &rows, &found));
	for (size_t i = 0; i < found; i++)
		TRY(live_put(m, &rows[i], now));
	return OK;
}

void live_free_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count; i++)
		live_free(m, all[i]);
	free(all);
	uuid_map_clear(&m->leases);
}

/* ---- what is done to one ---- */

err_t live_desire(struct market *m, struct live *l, enum lease_state desired, enum end_reason reason, wall_time now,
		  mono_time now_mono)
{
	char id[UUID_TEXT_SIZE];
	TRY(store_lease_desire(m->store, l->row.l.id, desired, reason, now));
	log_info("a lease should change", "lease=%s desired=%s reason=%s", uuid_format(l->row.l.id, id),
		 lease_state_names[desired], end_reason_names[reason]);
	return live_reload(m, l->row.l.id, now_mono);
}

err_t live_cancel(struct market *m, const struct lease_row *row, wall_time now)
{
	const struct live *l = live_get(m, row->l.id);
	if (row->l.state == LEASE_ENDED || row->desired == LEASE_ENDED)
		return OK;
	if (row->l.state == LEASE_MATCHED && l && !l->told)
		return store_lease_end(m->store, row->l.id, END_CANCELLED_BY_BUYER, "", now);
	return store_lease_desire(m->store, row->l.id, LEASE_ENDED, END_CANCELLED_BY_BUYER, now);
}

/* It is not tried there again at once: what the machine reports of its room may be older than what it lacked. */
static void note_image_failed(struct market *m, const struct live *l, wall_time now)
{
	struct order order;
	err_t e = store_order_get(m->store, l->row.l.order, &order);
	if (!market_store_failed(m, e, "reading a failed lease's order") && l->machine)
		presence_image_failed(l->machine, order.image, now);
}

err_t live_end(struct market *m, struct live *l, enum end_reason reason, const char *detail, wall_time now, mono_time now_mono)
{
	char id[UUID_TEXT_SIZE];
	uuid lease = l->row.l.id;
	TRY(meter_settle(m, l, now, now_mono));
	err_t e = store_lease_end(m->store, lease, reason, detail, now);
	if (e != E_CONFLICT) /* it may have ended in a transaction whose answer was lost */
		TRY(e);
	if (reason == END_IMAGE_FAILED)
		note_image_failed(m, l, now);
	log_info("a lease ended", "lease=%s reason=%s", uuid_format(lease, id), end_reason_names[reason]);
	return live_reload(m, lease, now_mono);
}

/* ---- what its machine says ---- */

static void hear_network(struct live *l, const struct lease_report *said)
{
	/* With the key of another member it is not introduced: the others would refuse the whole list. */
	if (!said->has_network || (l->network && network_pin_taken(l->network, l->peer.id, said->pin))) {
		if (l->has_peer && l->network)
			network_changed(l->network);
		l->has_peer = false;
		return;
	}
	bool news = peer_introduced(&l->peer, said->pin, &said->candidates) || !l->has_peer;
	l->has_peer = true;
	if (news && l->network)
		network_changed(l->network);
}

static void hear_paths(struct market *m, struct live *l, const struct path_view *paths, size_t count, wall_time now,
		       mono_time now_mono)
{
	reach_set(&l->reach, paths, count, now_mono);
	sightings_hear(m, l->row.l.order, l->row.l.seller, &l->reach, now, now_mono);
}

/* Its machine is being drained, or no longer: from the notice's end on it may be withdrawn without blame. */
static err_t hear_draining(struct market *m, struct live *l, bool draining, wall_time now, mono_time now_mono)
{
	wall_time at = { draining ? now.us + m->settings->drain_notice_us : 0 };
	if (draining == (l->row.l.withdrawable_at.us != 0))
		return OK;
	TRY(store_lease_announce(m->store, l->row.l.id, at));
	return live_reload(m, l->row.l.id, now_mono);
}

static err_t hear_state(struct market *m, struct live *l, const struct lease_report *said, enum accel accel, wall_time now,
			mono_time now_mono)
{
	enum lease_state have = l->row.l.state, to = said->state;
	l->progress_permille = said->progress_permille;
	memcpy(l->detail, said->detail, sizeof l->detail);
	bool back = to == LEASE_PREPARING && have != LEASE_MATCHED;
	if (to == LEASE_ENDED || to == LEASE_MATCHED || to == have || back)
		return OK;
	TRY(store_lease_state(m->store, l->row.l.id, to, accel, said->detail, now));
	return live_reload(m, l->row.l.id, now_mono);
}

/* A machine may only give reasons that are its own to know. */
static enum end_reason machine_reason(const struct live *l, enum end_reason said)
{
	if (l->row.desired == LEASE_ENDED)
		return l->row.desired_reason;
	switch (said) {
	case END_COMPLETED:
	case END_WITHDRAWN_BY_SELLER:
	case END_IMAGE_FAILED:
	case END_BOOT_FAILED:
	case END_ATTESTATION_FAILED:
		return said;
	default:
		return END_WITHDRAWN_BY_SELLER;
	}
}

err_t live_heard(struct market *m, struct live *l, const struct report *report, const struct lease_report *said, wall_time now,
		 mono_time now_mono, bool *ret_later)
{
	*ret_later = false;
	l->named = now_mono;
	l->told = true;
	hear_network(l, said);
	if (said->has_paths)
		hear_paths(m, l, report->paths + said->first_path, said->path_count, now, now_mono);
	TRY(hear_state(m, l, said, report->accel, now, now_mono));
	TRY(hear_draining(m, l, report->draining, now, now_mono));
	if (said->has_usage)
		TRY(meter_hear(m, l, &said->usage, now));
	if (strcmp(l->row.l.path, said->path) && said->path[0]) {
		TRY(store_lease_path(m->store, l->row.l.id, said->path));
		memcpy(l->row.l.path, said->path, sizeof l->row.l.path);
		sighting_path(&l->sighting, said->path, now);
	}
	if (said->state == LEASE_ENDED) /* which settles */
		return live_end(m, l, machine_reason(l, said->reason), said->detail, now, now_mono);
	*ret_later = meter_due(m, l, now_mono);
	return *ret_later ? OK : live_judge(m, l, now, now_mono);
}

/* ---- what is due ---- */

err_t live_judge(struct market *m, struct live *l, wall_time now, mono_time now_mono)
{
	const struct settings *s = m->settings;
	const struct lease *lease = &l->row.l;
	if (lease->state == LEASE_ENDED || !l->machine)
		return OK;
	int64_t silent_us = presence_silent_us(m, l->machine, now_mono);
	/* A machine that reports, and has not named this lease for as long, has lost it. */
	int64_t named_us = l->named.us > m->hearing_since.us ? l->named.us : m->hearing_since.us;
	if (now_mono.us - named_us > silent_us && now_mono.us - named_us > s->lost_contact_us)
		silent_us = now_mono.us - named_us;
	bool frozen = lease->state == LEASE_PAUSED && l->row.desired == LEASE_RUNNING;
	l->frozen.us = !frozen ? 0 : l->frozen.us ? l->frozen.us : now_mono.us;
	struct fate_facts facts = {
		.state = lease->state,
		.desired = l->row.desired,
		.desired_reason = l->row.desired_reason,
		.desired_at = l->row.desired_at,
		.created_at = lease->created_at,
		.started_at = lease->started_at,
		.duration_s = l->row.duration_s,
		.held = meter_hold_left(l),
		.silent_us = silent_us,
		.frozen_us = frozen ? now_mono.us - l->frozen.us : 0,
		.max_freeze_s = l->row.max_freeze_s,
	};
	const struct fate_bounds bounds = { s->lost_contact_us, s->start_timeout_us, s->end_grace_us, s->funds_grace_us };
	TRY(price_window(&lease->prices, lease->cores, lease->memory_mib, ENOUGH_US, &facts.cost_15s));
	struct fate fate = lease_fate(&facts, &bounds, now);
	if (fate.act == FATE_DESIRE)
		return live_desire(m, l, fate.state, fate.reason, now, now_mono);
	if (fate.act == FATE_END)
		return live_end(m, l, fate.reason, "", now, now_mono);
	return OK;
}

void live_overlay(struct market *m, struct lease *lease)
{
	const struct live *l = live_get(m, lease->id);
	if (!l || lease->state == LEASE_ENDED)
		return;
	meter_overlay(l, lease);
	if (lease->state == LEASE_PREPARING && l->progress_permille >= 0 && !l->detail[0])
		snprintf(lease->detail, sizeof lease->detail, "fetching the image: %d %%", l->progress_permille / 10);
	else if (lease->state == LEASE_RUNNING && l->progress_permille >= 0 && l->progress_permille < 1000 && !l->detail[0])
		snprintf(lease->detail, sizeof lease->detail, "booting, %d %% of the image fetched", l->progress_permille / 10);
	else if (l->detail[0])
		memcpy(lease->detail, l->detail, sizeof lease->detail);
}

void live_overlay_order(struct market *m, struct order *order)
{
	const struct network *n = uuid_map_get(&m->networks, order->id);
	for (const struct live *l = n ? n->leases : NULL; l; l = l->next_of_network) {
		int64_t accrued = l->meter.settling ? 0 : meter_accrued(l).micro; /* the row may have it already */
		accrued = accrued < order->held.micro ? accrued : order->held.micro;
		order->charged.micro += accrued;
		order->held.micro -= accrued;
	}
}

void live_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	size_t count;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count; i++) {
		struct live *l = all[i];
		screen_sweep(&l->screen, now_mono);
		if (l->ended.us) {
			if (now_mono.us - l->ended.us > KEEP_ENDED_US)
				live_free(m, l);
			continue;
		}
		if (market_store_failed(m, live_judge(m, l, now, now_mono), "judging a lease") == E_UNAVAILABLE)
			break;
	}
	free(all);
}

/* SPDX-License-Identifier: Apache-2.0
 * ticks.c - the metering tick: once a minute what was heard of running leases is made durable
 */
#include "ticks.h"
#include "file.h"
#include "lane.h"
#include "live.h"
#include "log.h"

/* A part more or less is under way. With the last one the tick is over. */
static void part_done(struct market *m, err_t e)
{
	m->ticks.failed |= e != OK;
	if (--m->ticks.parts == 0 && !m->ticks.failed)
		m->ticks.complete = m->ticks.generation;
}

static void on_kept(struct item *item, err_t e)
{
	struct market *m = item->context;
	free(item);
	part_done(m, market_store_failed(m, e, "keeping what was heard of leases"));
}

static void send(struct market *m, struct tick_part *part)
{
	m->ticks.parts++;
	lane_tick(m->lane, part);
}

static struct tick_part *part_new(struct market *m, wall_time now)
{
	struct tick_part *part = malloc(sizeof *part); /* not cleared: of the arrays only what is counted is read */
	if (!part)
		return NULL;
	part->item = (struct item){ .done = on_kept, .context = m };
	part->generation = m->ticks.generation;
	part->complete = m->ticks.complete;
	part->now = now;
	part->count = 0;
	return part;
}

static void add(struct tick_part *part, const struct live *l)
{
	const struct meter *meter = &l->meter;
	size_t i = part->count++;
	part->leases[i] = l->row.l.id;
	part->seqs[i] = (int64_t)meter->usage.seq; /* above 2^63 - 1: below zero there, and itself again when it is read */
	part->vcpu_ns[i] = (int64_t)meter->usage.vcpu_ns;
	part->running_us[i] = (int64_t)meter->usage.running_us;
	part->tx_bytes[i] = (int64_t)meter->usage.tx_bytes;
	part->rx_bytes[i] = (int64_t)meter->usage.rx_bytes;
	part->totals_micro[i] = meter->total.micro;
	part->cuts[i] = meter->cut;
	part->signatures[i] = meter->usage.signature;
}

static err_t keep_all(struct market *m, wall_time now)
{
	size_t count;
	struct tick_part *part = NULL;
	void **all = uuid_map_values(&m->leases, &count);
	err_t e = OK;
	for (size_t i = 0; i < count; i++) {
		const struct live *l = all[i];
		if (l->ended.us || !l->meter.heard)
			continue;
		if (!part && !(part = part_new(m, now))) {
			e = E_NOMEM;
			break;
		}
		add(part, l);
		if (part->count == TICK_MAX) {
			send(m, part);
			part = NULL;
		}
	}
	free(all);
	if (part)
		send(m, part);
	return e;
}

void ticks_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	if (m->ticks.parts || now_mono.us - m->ticks.begun.us < m->settings->tick_interval_us)
		return;
	m->ticks.begun = now_mono;
	m->ticks.generation++;
	m->ticks.failed = false;
	m->ticks.parts = 1; /* so that no part's end is the tick's while others are to come */
	part_done(m, keep_all(m, now));
}

err_t ticks_load(struct market *m)
{
	AUTO_FREE struct ticked *rows = NULL;
	size_t count;
	int64_t last;
	TRY(store_tick_last(m->store, &last));
	TRY(store_ticked(m->store, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct live *l = live_get(m, rows[i].lease);
		if (l)
			meter_restore(l, &rows[i]);
	}
	if (m->ticks.generation < last)
		m->ticks.generation = last;
	if (count)
		log_info("usage that was heard before is not lost", "leases=%zu", count);
	return OK;
}

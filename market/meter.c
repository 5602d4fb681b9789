/* SPDX-License-Identifier: Apache-2.0
 * meter.c - a lease's usage: heard often, settled seldom
 */
#include "meter.h"
#include "lane.h"
#include "live.h"
#include "log.h"
#include "price.h"

/* Since when its counters can have grown. A machine may have run it for a while before it could tell us. */
static int64_t counted_us(const struct market *m, const struct lease *l, wall_time now)
{
	int64_t since = l->started_at.us ? l->started_at.us - m->settings->lost_contact_us : l->created_at.us;
	return now.us - (since > l->created_at.us ? since : l->created_at.us);
}

static bool grew(const struct usage *from, const struct usage *to)
{
	return to->vcpu_ns >= from->vcpu_ns && to->running_us >= from->running_us && to->tx_bytes >= from->tx_bytes &&
	       to->rx_bytes >= from->rx_bytes;
}

static bool usage_follows(const struct live *l, const struct usage *u)
{
	const struct usage *last = &l->row.usage;
	sha256 none = { { 0 } };
	return u->seq == last->seq + 1 && sha256_equal(u->previous, last->seq ? l->row.usage_hash : none) && grew(last, u);
}

err_t meter_hear(struct market *m, struct live *l, const struct usage *u, wall_time now)
{
	static struct log_bucket bucket;
	const struct lease *lease = &l->row.l;
	char id[UUID_TEXT_SIZE];
	if (u->seq <= l->row.usage.seq)
		return OK; /* our acknowledgement was lost: the answer repeats it */
	if (!usage_follows(l, u) || !usage_verify(l->row.key, lease->id, u)) {
		if (log_allowed(&bucket))
			log_warn("a usage record does not hold", "lease=%s seq=%llu have=%llu", uuid_format(lease->id, id),
				 (unsigned long long)u->seq, (unsigned long long)l->row.usage.seq);
		return OK;
	}
	if (l->meter.heard && !grew(&l->meter.usage, u))
		return OK; /* came late: a newer one was faster */
	struct counters counters = { u->vcpu_ns, u->running_us, u->tx_bytes, u->rx_bytes }, none = { 0 };
	bool cut = price_cut(&counters, &none, lease->cores, counted_us(m, lease, now));
	if (cut && !lease->usage_cut && !l->meter.cut)
		log_warn("a machine counts more than it can have done", "lease=%s", uuid_format(lease->id, id));
	TRY(price_total(&lease->prices, lease->memory_mib, &counters, &l->meter.total));
	l->meter.usage = *u;
	l->meter.cut = cut;
	l->meter.heard = true;
	return OK;
}

void meter_restore(struct live *l, const struct ticked *t)
{
	if (l->ended.us || l->meter.heard || t->usage.seq != l->row.usage.seq + 1 || !grew(&l->row.usage, &t->usage))
		return;
	l->meter.usage = t->usage;
	l->meter.usage.previous = l->row.usage_hash; /* zeros before the first */
	l->meter.cut = t->cut;
	l->meter.total = t->total;
	l->meter.heard = true;
}

money meter_accrued(const struct live *l)
{
	int64_t due = l->meter.heard ? l->meter.total.micro - l->row.l.charged.micro : 0, held = l->row.l.held.micro;
	return (money){ due < 0 ? 0 : due < held ? due : held };
}

money meter_hold_left(const struct live *l)
{
	return (money){ l->row.l.held.micro - meter_accrued(l).micro };
}

bool meter_due(const struct market *m, const struct live *l, mono_time now)
{
	const struct lease *lease = &l->row.l;
	money enough, left = meter_hold_left(l);
	if (!l->meter.heard || l->meter.settling)
		return false;
	bool low = left.micro <= lease->held.micro / 2 ||
		   price_window(&lease->prices, lease->cores, lease->memory_mib, ENOUGH_US, &enough) || left.micro < enough.micro;
	return low || now.us - l->meter.settled.us >= m->settings->settle_interval_us;
}

/* ---- in a batch ---- */

struct later {
	struct settling settling;
	struct market *market;
	struct settled *settled;
};

/* Only what the batch has changed; the whole row is read soon. */
static void take_settled(struct live *l, const struct settling *s)
{
	struct lease_row *row = &l->row;
	row->usage = s->usage;
	row->usage_hash = s->hash;
	row->usage_at = s->now;
	row->l.vcpu_ns = (int64_t)s->usage.vcpu_ns;
	row->l.running_us = (int64_t)s->usage.running_us;
	row->l.tx_bytes = (int64_t)s->usage.tx_bytes;
	row->l.rx_bytes = (int64_t)s->usage.rx_bytes;
	row->l.usage_cut |= s->cut;
	row->l.charged = s->charged;
	row->l.commission = s->commission;
	row->l.held = s->held;
	row->budget_left = s->budget_left;
}

static void on_settled(struct item *item, err_t e)
{
	struct later *later = item->context;
	struct market *m = later->market;
	struct settled *settled = later->settled;
	struct live *l = live_get(m, later->settling.lease);
	if (l) {
		l->meter.settling = false;
		if (e == OK && l->row.usage.seq < later->settling.usage.seq)
			take_settled(l, &later->settling);
		if ((e == OK || e == E_EXISTS) && l->meter.usage.seq <= later->settling.usage.seq) {
			l->meter.heard = false;
			l->meter.settled = clock_mono();
		}
		market_touch_lease(m, later->settling.lease);
	}
	free(later);
	settled->done(settled, l, e == E_EXISTS ? OK : e);
}

void meter_settle_later(struct market *m, struct live *l, struct settled *settled, wall_time now)
{
	const struct lease *lease = &l->row.l;
	struct later *later = calloc(1, sizeof *later);
	money target;
	err_t e = later ? price_window(&lease->prices, lease->cores, lease->memory_mib, m->settings->hold_window_us, &target)
			: E_NOMEM;
	if (e) {
		free(later);
		settled->done(settled, l, e);
		return;
	}
	*later = (struct later){ .market = m, .settled = settled };
	later->settling = (struct settling){
		.item = { .done = on_settled, .context = later },
		.lease = lease->id,
		.usage = l->meter.usage,
		.hash = usage_hash(lease->id, &l->meter.usage),
		.cut = l->meter.cut,
		.total = l->meter.total,
		.hold_target = target,
		.commission_bp = (uint32_t)m->settings->settlement_bp,
		.now = now,
	};
	l->meter.settling = true;
	lane_settle(m->lane, &later->settling);
}

/* ---- by itself ---- */

err_t meter_settle(struct market *m, struct live *l, wall_time now, mono_time now_mono)
{
	const struct lease *lease = &l->row.l;
	struct lease_row row;
	money target;
	if (!l->meter.heard)
		return OK;
	TRY(price_window(&lease->prices, lease->cores, lease->memory_mib, m->settings->hold_window_us, &target));
	TRY(store_lease_usage(m->store, lease->id, &l->meter.usage, usage_hash(lease->id, &l->meter.usage), l->meter.cut,
			      l->meter.total, (uint32_t)m->settings->settlement_bp, target, now, &row));
	l->meter.heard = false;
	l->meter.settled = now_mono;
	return live_put(m, &row, now_mono);
}

void meter_overlay(const struct live *l, struct lease *lease)
{
	if (!l->meter.heard || l->meter.usage.seq <= l->row.usage.seq)
		return;
	money accrued = meter_accrued(l);
	lease->vcpu_ns = (int64_t)l->meter.usage.vcpu_ns;
	lease->running_us = (int64_t)l->meter.usage.running_us;
	lease->tx_bytes = (int64_t)l->meter.usage.tx_bytes;
	lease->rx_bytes = (int64_t)l->meter.usage.rx_bytes;
	lease->charged.micro += accrued.micro;
	lease->held.micro -= accrued.micro;
}

/* SPDX-License-Identifier: Apache-2.0
 * funds.c - for how long buyers' money lasts, and an event before it is gone
 */
#include "funds.h"

#include "live.h"
#include "price.h"

#define WATCH_US (5 * SECOND_US)
#define WELL_FACTOR 2 /* it is well again when it lasts this many times as long as what is warned of */

/* A balance, or an order's budget, and what draws on it. */
struct purse {
	uuid account, order; /* order zero: the account's balance */
	int64_t left_micro, per_hour_micro;
	wall_time until; /* when the last of its leases is over anyway */
};

static void draw_on(struct purse *p, const struct live *l, money per_hour)
{
	const struct lease *lease = &l->row.l;
	int64_t over_us = lease->started_at.us + l->row.duration_s * SECOND_US;
	p->left_micro += meter_hold_left(l).micro;
	p->per_hour_micro += per_hour.micro;
	if (over_us > p->until.us)
		p->until.us = over_us;
}

/* False where it lasts until the leases are over. */
static bool runs_out(const struct purse *p, wall_time now, int64_t *ret_lasts_us)
{
	if (p->per_hour_micro <= 0)
		return false;
	int64_t left = p->left_micro > 0 ? p->left_micro : 0;
	__int128 lasts = (__int128)left * HOUR_US / p->per_hour_micro;
	if (lasts >= p->until.us - now.us)
		return false;
	*ret_lasts_us = (int64_t)lasts;
	return true;
}

static bool draws(const struct live *l, money *ret_per_hour)
{
	const struct lease *lease = &l->row.l;
	return lease->state == LEASE_RUNNING && lease->started_at.us && !l->ended.us &&
	       price_window(&lease->prices, lease->cores, lease->memory_mib, HOUR_US, ret_per_hour) == OK;
}

err_t funds_burn(const struct market *m, uuid buyer, money available, wall_time now, struct burn *ret)
{
	struct purse purse = { .left_micro = available.micro };
	int64_t lasts_us;
	money per_hour;
	size_t count;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count; i++) {
		const struct live *l = all[i];
		if (uuid_equal(l->row.l.buyer, buyer) && draws(l, &per_hour))
			draw_on(&purse, l, per_hour);
	}
	free(all);
	*ret = (struct burn){ .per_hour = { purse.per_hour_micro } };
	if (runs_out(&purse, now, &lasts_us))
		ret->runs_out_at.us = now.us + lasts_us;
	return OK;
}

/* The market's part of it is that of the whole charge, less what was taken before (leases_use()). */
static err_t earning_of(const struct market *m, const struct lease *lease, money accrued, money *ret)
{
	money total, share;
	TRY(money_add(lease->charged, accrued, &total));
	TRY(money_scale(total, (uint64_t)m->settings->settlement_bp, 10000, &share));
	int64_t earning = accrued.micro - (share.micro - lease->commission.micro);
	ret->micro = earning < 0 ? 0 : earning < accrued.micro ? earning : accrued.micro;
	return OK;
}

err_t funds_accrued(const struct market *m, uuid user, struct accrued *ret)
{
	struct accrued sum = { 0 };
	size_t count;
	err_t e = OK;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count && !e; i++) {
		const struct live *l = all[i];
		money accrued = meter_accrued(l), earning = { 0 };
		if (l->ended.us || !accrued.micro)
			continue;
		if (uuid_equal(l->row.l.buyer, user))
			e = money_add(sum.cost, accrued, &sum.cost);
		if (!e && uuid_equal(l->row.l.seller, user))
			e = earning_of(m, &l->row.l, accrued, &earning);
		if (!e)
			e = money_add(sum.earning, earning, &sum.earning);
	}
	free(all);
	*ret = sum;
	return e;
}

/* ---- warnings ---- */

static err_t purse_of(struct uuid_map *purses, uuid account, uuid order, int64_t left_micro, struct purse **ret_purse)
{
	uuid about = uuid_is_zero(order) ? account : order;
	struct purse *p = uuid_map_get(purses, about);
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return E_NOMEM;
		*p = (struct purse){ .account = account, .order = order, .left_micro = left_micro };
		err_t e = uuid_map_put(purses, about, p);
		if (e) {
			free(p);
			return e;
		}
	}
	*ret_purse = p;
	return OK;
}

static err_t draw_lease(struct market *m, struct uuid_map *purses, const struct live *l)
{
	const struct lease *lease = &l->row.l;
	struct purse *purse;
	money per_hour;
	if (!draws(l, &per_hour))
		return OK;
	if (!uuid_map_get(purses, lease->buyer)) {
		struct balance balance = { 0 };
		TRY(store_balance(m->store, lease->buyer, &balance));
		TRY(purse_of(purses, lease->buyer, (uuid){ 0 }, balance.available.micro, &purse));
	}
	TRY(purse_of(purses, lease->buyer, (uuid){ 0 }, 0, &purse));
	draw_on(purse, l, per_hour);
	if (l->row.budget_left.micro >= MONEY_MAX_MICRO)
		return OK;
	TRY(purse_of(purses, lease->buyer, lease->order, l->row.budget_left.micro, &purse));
	draw_on(purse, l, per_hour);
	return OK;
}

static err_t warn_of(struct market *m, const struct purse *p, wall_time now, struct uuid_list *low)
{
	int64_t lasts_us, warning_us = m->settings->funds_warning_us;
	if (!runs_out(p, now, &lasts_us) || lasts_us >= WELL_FACTOR * warning_us)
		return OK;
	TRY(uuid_list_add(low, uuid_is_zero(p->order) ? p->account : p->order));
	if (lasts_us >= warning_us)
		return OK;
	return store_funds_warn(m->store, p->account, p->order, (money){ p->left_micro > 0 ? p->left_micro : 0 },
				(money){ p->per_hour_micro }, (wall_time){ now.us + lasts_us }, now);
}

void funds_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	if (now_mono.us - m->funds_watched.us < WATCH_US)
		return;
	m->funds_watched = now_mono;
	struct uuid_map purses = { 0 };
	struct uuid_list low = { 0 };
	size_t count;
	err_t e = OK;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count && !e; i++)
		e = draw_lease(m, &purses, all[i]);
	free(all);
	all = uuid_map_values(&purses, &count);
	for (size_t i = 0; i < count; i++) {
		if (!e)
			e = warn_of(m, all[i], now, &low);
		free(all[i]);
	}
	free(all);
	if (!e)
		e = store_funds_well(m->store, low.ids, low.count);
	market_store_failed(m, e, "looking whose money runs out");
	uuid_map_clear(&purses);
	uuid_list_clear(&low);
}

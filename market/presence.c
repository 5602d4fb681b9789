/* SPDX-License-Identifier: Apache-2.0
 * presence.c - the selling machines as they were heard last
 */
#include "presence.h"

#include "attest.h"
#include "lane.h"
#include "live.h"
#include "log.h"
#include "trial.h"

#define SEEN_BATCH 200
#define SWEPT_AT_ONCE 4096 /* each costs a miss of the cache or two */
#define IMAGE_FAILED_US HOUR_US

struct presence *presence_get(struct market *m, uuid machine)
{
	struct presence *p = uuid_map_get(&m->machines, machine);
	if (!p && m->holds_book && presence_reload(m, machine) == OK)
		p = uuid_map_get(&m->machines, machine);
	return p;
}

err_t presence_put(struct market *m, const struct machine_row *row, struct presence **ret_presence)
{
	struct presence *p = uuid_map_get(&m->machines, row->m.id);
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return E_NOMEM;
		err_t e = uuid_map_put(&m->machines, row->m.id, p);
		if (e) {
			free(p);
			return e;
		}
	}
	p->row = *row;
	if (p->seen_at.us < row->m.seen_at.us)
		p->seen_at = row->m.seen_at;
	*ret_presence = p;
	return OK;
}

err_t presence_reload(struct market *m, uuid machine)
{
	struct machine_row row;
	struct presence *p;
	TRY(store_machine_get(m->store, machine, &row));
	TRY(presence_put(m, &row, &p));
	presence_offer(m, p);
	return OK;
}

void presence_free_all(struct market *m)
{
	size_t count;
	void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count; i++)
		free(all[i]);
	free(all);
	uuid_map_clear(&m->machines);
}

bool presence_is_news(struct presence *p, uuid boot, uint64_t seq)
{
	if (uuid_equal(p->boot, boot)) {
		if (seq <= p->seq)
			return false;
		p->seq = seq;
		return true;
	}
	for (int i = 0; i < OLD_BOOTS; i++)
		if (uuid_equal(p->old_boots[i], boot))
			return false;
	memmove(p->old_boots + 1, p->old_boots, (OLD_BOOTS - 1) * sizeof *p->old_boots);
	p->old_boots[0] = p->boot;
	p->boot = boot;
	p->seq = seq;
	return true;
}

static bool row_same(const struct machine_row *a, const struct machine_row *b)
{
	return a->m.state == b->m.state && a->m.accel == b->m.accel && a->m.cores == b->m.cores &&
	       a->m.memory_mib == b->m.memory_mib && a->m.score == b->m.score && a->accepting == b->accepting &&
	       a->max_duration_s == b->max_duration_s && !strcmp(a->m.country, b->m.country) &&
	       !strcmp(a->m.version, b->m.version) && a->m.prices.per_core_hour.micro == b->m.prices.per_core_hour.micro &&
	       a->m.prices.per_gib_hour.micro == b->m.prices.per_gib_hour.micro &&
	       a->m.prices.per_gib_transferred.micro == b->m.prices.per_gib_transferred.micro;
}

/* What a machine says of itself. */
static void row_take(struct machine_row *row, const struct machine_row *said)
{
	row->m.state = said->m.state;
	row->m.accel = said->m.accel;
	row->m.cores = said->m.cores;
	row->m.memory_mib = said->m.memory_mib;
	row->m.score = said->m.score;
	row->m.prices = said->m.prices;
	memcpy(row->m.country, said->m.country, sizeof row->m.country);
	memcpy(row->m.version, said->m.version, sizeof row->m.version);
	row->accepting = said->accepting;
	row->max_duration_s = said->max_duration_s;
}

/* A row on its way to the database, in a batch with others. Until it is there its machine's ask stays as it was. Of a machine one is under way, and
 * one waits for that: however fast it changes its mind, it is in a batch once. */
struct change {
	struct updating updating;
	struct market *market;
	struct changed *changed; /* who waits, the last one first; NULL: nobody */
	struct change *then;	 /* what was said since then; NULL: the same */
};

static void on_changed(struct item *item, err_t e);

static struct change *change_new(struct market *m, const struct machine_row *row)
{
	struct change *c = malloc(sizeof *c);
	if (c)
		*c = (struct change){ .updating = { { .done = on_changed, .context = c }, *row }, .market = m };
	return c;
}

static void change_wait(struct change *c, struct changed *changed)
{
	changed->next = c->changed;
	c->changed = changed;
}

static void change_end(struct change *c, err_t e)
{
	struct changed *changed = c->changed;
	if (!changed)
		market_store_failed(c->market, e, "marking a machine offline");
	free(c);
	for (struct changed *next; changed; changed = next) {
		next = changed->next;
		changed->done(changed, e);
	}
}

static void change_send(struct presence *p, struct change *c)
{
	p->change = c;
	lane_update(c->market->lane, &c->updating);
}

static void on_changed(struct item *item, err_t e)
{
	struct change *c = item->context, *then = c->then;
	struct market *m = c->market;
	const struct machine_row *row = &c->updating.row;
	struct presence *p = uuid_map_get(&m->machines, row->m.id);
	p->change = NULL;
	if (e == OK && p->row.m.state != MACHINE_RETIRED) { /* which is for good, and perhaps was read meanwhile */
		if (row->m.state != p->row.m.state)
			log_info("a machine changed its state", "machine=%s state=%s", row->m.name,
				 machine_state_names[row->m.state]);
		row_take(&p->row, row);
		presence_offer(m, p);
		market_wake(m);
	} else if (e == E_NOT_FOUND) {
		market_touch_machine(m, p->row.m.id); /* somebody else retired it */
	}
	if (then && e != E_UNAVAILABLE)
		change_send(p, then);
	else if (then)
		change_end(then, e); /* and is said again */
	change_end(c, e);
}

bool presence_wait(struct presence *p, struct changed *changed)
{
	if (p->change)
		change_wait(p->change->then ? p->change->then : p->change, changed);
	return p->change;
}

static err_t row_change(struct market *m, struct presence *p, const struct machine_row *row, struct changed *changed)
{
	struct change **at = p->change ? &p->change->then : &p->change;
	struct change *c = *at ? *at : change_new(m, row);
	if (!c)
		return E_NOMEM;
	c->updating.row = *row;
	if (changed)
		change_wait(c, changed);
	if (p->change)
		p->change->then = c;
	else
		change_send(p, c);
	return OK;
}

static struct machine_row row_said(const struct presence *p, const struct report *report, wall_time now)
{
	struct machine_row row = p->row;
	row.m.state = report->accepting ? MACHINE_ONLINE : MACHINE_PAUSED;
	row.accepting = report->accepting;
	row.m.accel = report->accel;
	row.m.cores = report->cores;
	row.m.memory_mib = report->memory_mib;
	row.m.score = report->score;
	row.m.prices = report->prices;
	row.max_duration_s = report->max_duration_s;
	memcpy(row.m.country, report->country, sizeof row.m.country);
	memcpy(row.m.version, report->version, sizeof row.m.version);
	row.m.seen_at = now;
	return row;
}

err_t presence_heard(struct market *m, struct presence *p, const struct report *report, wall_time now, struct changed *changed,
		     bool *ret_later)
{
	struct machine_row row = row_said(p, report, now);
	p->min_duration_s = report->min_duration_s;
	p->terms = report->terms;
	p->seen_at = p->row.m.seen_at = now;
	p->seen_dirty = true;
	/* What is under way comes before what is said now. */
	const struct change *last = p->change && p->change->then ? p->change->then : p->change;
	*ret_later = true;
	if (!row_same(&row, last ? &last->updating.row : &p->row))
		return row_change(m, p, &row, changed);
	*ret_later = presence_wait(p, changed);
	presence_offer(m, p);
	return OK;
}

static uint32_t less(uint32_t all, uint64_t used)
{
	return used < all ? all - (uint32_t)used : 0;
}

/* What counts of a line: as much as we measured, and no more than its owner offers, where he says so. */
static uint32_t line_rate(uint32_t measured_kbit_s, uint32_t offered_kbit_s)
{
	return offered_kbit_s && offered_kbit_s < measured_kbit_s ? offered_kbit_s : measured_kbit_s;
}

static uint64_t image_failed(const struct presence *p)
{
	/* An eighth, and not just a file that came and went. */
	bool has_more = 8 * (uint64_t)p->terms.image_mib > 9 * (uint64_t)p->image_failed_mib;
	return has_more || p->seen_at.us - p->image_failed_at.us > IMAGE_FAILED_US ? 0 : p->image_failed;
}

struct ask presence_to_ask(const struct market *m, const struct presence *p)
{
	const struct offer_terms *t = &p->terms;
	struct ask ask;
	memset(&ask, 0, sizeof ask); /* also between its members: asks are compared whole */
	ask.machine = p->row.m.id;
	ask.seller = p->row.m.account;
	ask.prices = p->row.m.prices;
	ask.cores_free = less(p->row.m.cores, p->row.cores_used);
	ask.memory_free_mib = less(p->row.m.memory_mib, p->row.memory_used_mib);
	uint64_t scratch_used_mib = p->placing_scratch_mib;
	for (const struct live *l = p->leases; l; l = l->next_of_machine)
		scratch_used_mib += l->row.scratch_mib;
	ask.scratch_free_mib = t->scratch_mib > scratch_used_mib ? (uint32_t)(t->scratch_mib - scratch_used_mib) : 0;
	ask.image_mib = t->image_mib;
	ask.image_failed = image_failed(p);
	ask.score = machine_row_score(&p->row);
	ask.rating_ppm = p->row.rating_ppm;
	ask.ratings = p->row.good + p->row.bad;
	ask.up_kbit_s = line_rate(p->row.line_up_kbit_s, t->up_kbit_s);
	ask.down_kbit_s = line_rate(p->row.line_down_kbit_s, t->down_kbit_s);
	ask.min_buyer_rating_ppm = t->min_buyer_rating_ppm;
	ask.accel = p->row.m.accel;
	ask.vendor = t->cpu_vendor;
	memcpy(ask.country, p->row.m.country, sizeof ask.country);
	ask.direct = t->direct;
	ask.trusted = attest_trusted(m, p->row.m.id);
	ask.display = t->display;
	ask.trial = p->row.failures > 0;
	ask.blocked = t->blocked_buyers;
	ask.blocked_count = (uint8_t)t->blocked_count;
	ask.min_duration_s = p->min_duration_s;
	ask.max_duration_s = p->row.max_duration_s;
	for (size_t i = 0; i < t->rtt_count; i++) {
		uint8_t region;
		if (region_number(m->settings, t->rtt[i].region, &region) == OK)
			ask.rtt_ms[region] = (uint16_t)t->rtt[i].rtt_ms;
	}
	return ask;
}

void presence_image_failed(struct presence *p, sha256 image, wall_time now)
{
	p->image_failed = image_mark(image);
	p->image_failed_at = now;
	p->image_failed_mib = p->terms.image_mib;
}

wall_time presence_trial_until(const struct market *m, const struct presence *p)
{
	return trial_until(p->row.failures, p->row.failed_at, m->settings->trial_pause_us);
}

void presence_offer(struct market *m, struct presence *p)
{
	bool trial = p->row.failures > 0 && (p->leases || p->placing || presence_trial_until(m, p).us > p->seen_at.us);
	uint64_t cores = p->placing_cores, memory_mib = p->placing_memory_mib;
	for (const struct live *l = p->leases; l; l = l->next_of_machine) {
		cores += l->row.l.cores;
		memory_mib += l->row.l.memory_mib;
	}
	p->row.cores_used = (uint32_t)cores;
	p->row.memory_used_mib = (uint32_t)memory_mib;
	if (!p->last_report.us || p->row.m.state != MACHINE_ONLINE || !p->row.accepting || trial || p->row.off_reason[0]) {
		book_remove_ask(m->book, p->row.m.id);
		return;
	}
	struct ask ask = presence_to_ask(m, p);
	bool news;
	if (book_put_ask(m->book, &ask, &news) != OK)
		log_error("an ask does not fit into the book", "machine=%s", p->row.m.name);
	else if (news)
		m->match_wanted = true;
}

int64_t presence_silent_us(const struct market *m, const struct presence *p, mono_time now)
{
	int64_t since = p->last_report.us > m->hearing_since.us ? p->last_report.us : m->hearing_since.us;
	return now.us - since;
}

bool presence_is_heard(const struct market *m, const struct presence *p, mono_time now)
{
	return p->last_report.us && now.us - p->last_report.us < m->settings->lost_contact_us;
}

struct offer presence_to_offer(const struct market *m, const struct presence *p)
{
	const struct machine_row *row = &p->row;
	struct offer o = {
		.machine = row->m.id,
		.seller = row->m.account,
		.state = row->m.state,
		.accel = row->m.accel,
		.cores = row->m.cores,
		.cores_free = less(row->m.cores, row->cores_used),
		.memory_mib = row->m.memory_mib,
		.memory_free_mib = less(row->m.memory_mib, row->memory_used_mib),
		.score = machine_row_score(row),
		.measured = row->measured_score > 0,
		.prices = row->m.prices,
		.rating_ppm = row->rating_ppm,
		.good = row->good,
		.bad = row->bad,
		.cpu_vendor = p->terms.cpu_vendor,
		.up_kbit_s = line_rate(row->line_up_kbit_s, p->terms.up_kbit_s),
		.down_kbit_s = line_rate(row->line_down_kbit_s, p->terms.down_kbit_s),
		.direct = p->terms.direct,
		.trusted = attest_trusted(m, row->m.id),
		.first_use = attest_first_use(m, row->m.id),
	};
	uint8_t region;
	for (size_t i = 0; i < p->terms.rtt_count; i++)
		if (region_number(m->settings, p->terms.rtt[i].region, &region) == OK)
			o.rtt[o.rtt_count++] = p->terms.rtt[i];
	memcpy(o.seller_name, row->seller_name, sizeof o.seller_name);
	memcpy(o.machine_name, row->m.name, sizeof o.machine_name);
	memcpy(o.country, row->m.country, sizeof o.country);
	return o;
}

/* Around and around. There is one. */
static struct presence *next_machine(const struct uuid_map *map, size_t *slot)
{
	struct presence *p;
	do
		p = map->slots[(*slot)++ % map->cap].value;
	while (!p);
	return p;
}

static err_t mark_offline(struct market *m, struct presence *p)
{
	struct machine_row row = p->row;
	row.m.state = MACHINE_OFFLINE;
	row.m.seen_at = p->seen_at;
	return row_change(m, p, &row, NULL);
}

void presence_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	size_t count = m->machines.count < SWEPT_AT_ONCE ? m->machines.count : SWEPT_AT_ONCE;
	(void)now;
	while (count--) {
		struct presence *p = next_machine(&m->machines, &m->swept_slot);
		bool up = p->row.m.state == MACHINE_ONLINE || p->row.m.state == MACHINE_PAUSED;
		if (!up || p->change || presence_silent_us(m, p, now_mono) < m->settings->lost_contact_us)
			continue;
		if (market_store_failed(m, mark_offline(m, p), "marking a machine offline"))
			break;
	}
}

/* ---- when they were seen ---- */

struct seen_turn {
	struct seeing s;
	struct market *market;
};

static void on_seen(struct item *item, err_t e)
{
	struct seen_turn *t = item->context;
	struct market *m = t->market;
	for (size_t i = 0; e && i < t->s.count; i++) {
		struct presence *p = uuid_map_get(&m->machines, t->s.machines[i]);
		if (p)
			p->seen_dirty = true;
	}
	free(t);
	m->seeing = false;
	if (e)
		log_warn("when machines were seen is not written", "error=%s", err_name(e)); /* in the next round again */
	else if (m->seen_slot && !m->stopping)
		presence_see(m, clock_wall());
}

/* A part of a round over all of them; where it ends the next one begins with the first slot. */
static void gather_seen(struct market *m, struct seeing *s)
{
	while (m->seen_slot < m->machines.cap && s->count < SEEN_MAX) {
		struct presence *p = m->machines.slots[m->seen_slot++].value;
		if (p && p->seen_dirty) {
			p->seen_dirty = false;
			s->machines[s->count++] = p->row.m.id;
		}
	}
	if (m->seen_slot >= m->machines.cap)
		m->seen_slot = 0;
}

void presence_see(struct market *m, wall_time now)
{
	struct seen_turn *t = m->seeing ? NULL : calloc(1, sizeof *t);
	if (!t)
		return;
	t->s.item = (struct item){ .done = on_seen, .context = t };
	t->s.now = now;
	t->market = m;
	gather_seen(m, &t->s);
	if (!t->s.count) {
		free(t);
		return;
	}
	m->seeing = true;
	lane_see(m->chain_lane, &t->s);
}

err_t presence_write_seen(struct market *m, wall_time now)
{
	uuid ids[SEEN_BATCH];
	size_t count, pending = 0;
	void **all = uuid_map_values(&m->machines, &count);
	err_t e = OK;
	for (size_t i = 0; i < count && !e; i++) {
		struct presence *p = all[i];
		if (p->seen_dirty)
			ids[pending++] = p->row.m.id;
		p->seen_dirty = false;
		if (pending == SEEN_BATCH || (pending && i + 1 == count)) {
			e = store_machine_seen(m->store, ids, pending, now);
			pending = 0;
		}
	}
	free(all);
	return e;
}

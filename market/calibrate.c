/* SPDX-License-Identifier: Apache-2.0
 * calibrate.c - the market measures machines by buying work whose answer it can check
 *
 * How it works: a run goes from SALTING (its image is made, in a thread) to WAITING (its order is placed and matched in one transaction; the
 * guest boots) to WORKING (it was told the seed) to CHECKING (in a thread), one step a sweep at most. The console is read as its buyer would, from the
 * ring in memory. What a run leaves behind, its image and the money that was not spent, is put away when its order has ended, whoever began it.
 */
#include "calibrate.h"

#include <unistd.h>

#include "calibrate_image.h"
#include "calibrations.h"
#include "file.h"
#include "live.h"
#include "log.h"
#include "networks.h"
#include "presence.h"
#include "price.h"

#define AT_ONCE 4
#define FIRST_MEAN_US (2 * MINUTE_US) /* until a new machine is measured: not at once, or it would be plain */
#define WORK_MEMORY_MIN_MIB 192	      /* the image's own, and something to walk in */
#define WORK_MEMORY_MAX_MIB 2048
#define ANSWER_GRACE_US (10 * SECOND_US) /* of a slow answer, for what is not work */
#define CHECKED_MORE 3			 /* chunks beside one of each core */
#define THREADS 1
#define LEFT_INTERVAL_US (10 * SECOND_US)

enum phase { PHASE_SALTING, PHASE_WAITING, PHASE_WORKING, PHASE_CHECKING };

struct run {
	struct market *market;
	struct run *next;
	enum phase phase;
	bool job; /* a thread has it */
	struct calibration_row row;
	uuid seller, peer;
	struct image_request image;
	char path[1024];
	err_t error; /* of the job */
	bool right;
	struct answers answers;
	int64_t console_at;
	mono_time asked;
	uint32_t picks[WORK_CORES + CHECKED_MORE];
};
struct calibrations {
	struct workers *workers;
	struct run *runs;
	mono_time left_looked;
	bool image_missing_told, funds_told, day_told;
	uint64_t results[CALIBRATION_RESULT_COUNT];
};

static uint32_t dice(uint32_t below)
{
	uint32_t r;
	random_fill(&r, sizeof r);
	return (uint32_t)((uint64_t)r * below >> 32);
}

err_t calibrate_new(struct market *m, struct calibrations **ret)
{
	struct calibrations *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	err_t e = workers_new(m->loop, THREADS, 2 * AT_ONCE, &c->workers);
	if (e) {
		free(c);
		return e;
	}
	*ret = c;
	return OK;
}

static void run_free(struct run *run)
{
	image_request_clear(&run->image);
	free(run);
}

void calibrate_free(struct calibrations *c)
{
	if (!c)
		return;
	workers_free(c->workers);
	while (c->runs) {
		struct run *run = c->runs;
		c->runs = run->next;
		run_free(run);
	}
	free(c);
}

static void run_remove(struct calibrations *c, struct run *run)
{
	for (struct run **at = &c->runs; *at; at = &(*at)->next)
		if (*at == run) {
			*at = run->next;
			break;
		}
	run_free(run);
}

struct calibration_counts calibrate_counts(const struct market *m)
{
	struct calibration_counts counts;
	memcpy(counts.results, m->calibrations->results, sizeof counts.results);
	for (const struct run *run = m->calibrations->runs; run; run = run->next)
		counts.results[CALIBRATION_RUNS]++;
	return counts;
}

/* ---- the end ---- */

/* As its buyer would: no more places, and the lease is to end. Again, and where it has ended, nothing happens. */
static err_t order_cancel_own(struct market *m, const struct calibration_row *row, wall_time now)
{
	const struct live *l = live_get(m, row->lease);
	err_t e = store_order_close(m->store, row->order, ORDER_CANCELLED, now);
	if (e && e != E_CONFLICT)
		return e;
	e = l && !l->ended.us && l->row.desired != LEASE_ENDED
		    ? store_lease_desire(m->store, row->lease, LEASE_ENDED, END_CANCELLED_BY_BUYER, now)
		    : OK;
	return e == E_CONFLICT ? OK : e;
}

/* First the order: what fails behind it is done again, and that is not. */
static err_t row_end_all(struct market *m, const struct calibration_row *row, wall_time now)
{
	TRY(order_cancel_own(m, row, now));
	market_touch_lease(m, row->lease);
	market_touch_order(m, row->order);
	TRY(store_begin(m->store));
	err_t e = store_calibration_end(m->store, row);
	if (!e)
		e = store_commit(m->store);
	if (e)
		store_rollback(m->store);
	market_touch_machine(m, row->machine);
	return e;
}

PRINTF_LIKE(4, 5)
static void run_end(struct run *run, enum calibration_result result, wall_time now, const char *fmt, ...)
{
	struct market *m = run->market;
	struct calibration_row *row = &run->row;
	char id[UUID_TEXT_SIZE];
	va_list args;
	va_start(args, fmt);
	vsnprintf(row->detail, sizeof row->detail, fmt, args);
	va_end(args);
	row->result = result;
	row->ended_at = now;
	if (market_store_failed(m, row_end_all(m, row, now), "ending a calibration"))
		return; /* the next sweep does it */
	m->calibrations->results[result]++;
	log_info("a machine was calibrated", "machine=%s result=%s score=%u claimed=%u took_ms=%lld why=\"%s\"",
		 uuid_format(row->machine, id), calibration_result_names[result], row->score, row->claimed,
		 (long long)row->took_us / 1000, row->detail);
	run_remove(m->calibrations, run);
}

err_t calibrate_load(struct market *m)
{
	AUTO_FREE struct calibration_row *rows = NULL;
	size_t count;
	TRY(store_calibration_unended(m->store, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		bool ours = false;
		for (const struct run *run = m->calibrations->runs; run; run = run->next)
			ours |= uuid_equal(run->row.id, rows[i].id);
		if (ours)
			continue;
		rows[i].result = CALIBRATION_FAILED;
		rows[i].ended_at = clock_wall();
		snprintf(rows[i].detail, sizeof rows[i].detail, "the market began anew");
		TRY(row_end_all(m, &rows[i], rows[i].ended_at));
	}
	return OK;
}

/* What ended calibrations left. */
static void put_away(struct market *m, wall_time now)
{
	AUTO_FREE struct calibration_left *left = NULL;
	size_t count;
	err_t e = store_calibration_left(m->store, &left, &count);
	for (size_t i = 0; !e && i < count; i++) {
		e = store_image_delete(m->store, left[i].buyer, left[i].image);
		if (!e)
			e = store_calibration_return(m->store, left[i].buyer, now);
	}
	market_store_failed(m, e, "putting away what calibrations left");
}

/* ---- placing ---- */

static void salt(void *job)
{
	struct run *run = job;
	run->error = calibrate_image_make(run->path, run->market->data_dir, &run->image, &run->row.image);
}

static const char user_data[] =
	"#!/bin/sh\n"
	"echo w ready\n"
	"until n=$(nslookup 10.77.0.1 2>/dev/null | sed -n 's/.*name = \\([a-z0-9]*\\)\\.lan.*/\\1/p') && [ \"$n\" ]; do\n"
	"\tsleep 0.2\n"
	"done\n"
	"exec work \"$n\" %u %u %u\n";

static err_t order_fill(const struct run *run, const struct presence *p, int64_t work_us, struct order_request *ret, char *text,
			size_t size)
{
	const struct calibration_row *row = &run->row;
	const struct work *w = &run->answers.work;
	int64_t longest = p->row.max_duration_s ? p->row.max_duration_s : INT64_MAX;
	int64_t want = work_us / SECOND_US * 4 + 60 * (5 + dice(30));
	snprintf(text, size, user_data, w->cores, w->memory_mib, w->steps);
	*ret = (struct order_request){
		.image = row->image,
		.count = 1,
		.cores = row->cores,
		.memory_mib = row->memory_mib,
		.max_prices = p->row.m.prices,
		.duration_s = want < p->min_duration_s ? p->min_duration_s
			      : want > longest	       ? longest
						       : want,
		.open_s = 60,
		.mtu = ORDER_DEFAULT_MTU,
		.user_data = text,
	};
	return OK;
}

static err_t image_put(struct store *s, struct run *run)
{
	snprintf(run->image.name, sizeof run->image.name, "disc%u.iso", dice(100));
	TRY(store_image_create(s, run->row.buyer, &run->image, run->row.image));
	for (uint32_t i = 0; i < run->image.piece_count; i++)
		TRY(store_image_piece_add(s, run->row.buyer, run->row.image, i));
	return OK;
}

/* In a transaction. E_AGAIN: the machine is not free any more. */
static err_t place(struct market *m, struct run *run, const struct presence *p, wall_time now)
{
	struct calibration_row *row = &run->row;
	struct order_request order;
	char text[sizeof user_data + 64];
	money hold;
	TRY(order_fill(run, p, m->settings->calibration_work_us, &order, text, sizeof text));
	TRY(price_window(&order.max_prices, order.cores, order.memory_mib, m->settings->hold_window_us, &hold));
	if (hold.micro > m->settings->calibration_cost.micro)
		return E_LIMIT;
	if (hold.micro)
		order.budget = m->settings->calibration_cost; /* what costs nothing needs none */
	TRY(store_calibration_buyer(m->store, run->seller, now, &row->buyer));
	if (order.budget.micro)
		TRY(store_calibration_pay(m->store, row->buyer, order.budget, now));
	TRY(image_put(m->store, run));
	row->order = uuid_make(now);
	TRY(store_order_create(m->store, row->order, row->buyer, &order, hold, now));
	const struct match match = { row->order, row->machine, order.max_prices, order.cores, order.memory_mib, false, 0 };
	struct made made;
	TRY(store_match(m->store, &match, 1, now, &made));
	if (made.outcome != MATCH_MADE)
		return E_AGAIN;
	row->lease = made.lease;
	return store_calibration_begin(m->store, row);
}

static void placing_failed(struct market *m, const struct run *run, err_t e)
{
	struct calibrations *c = m->calibrations;
	char id[UUID_TEXT_SIZE], cost[MONEY_TEXT_SIZE];
	if (e == E_AGAIN || e == E_CONFLICT)
		return;
	if (e != E_FUNDS && e != E_LIMIT) {
		market_store_failed(m, e, "placing a calibration");
	} else if (!c->funds_told) {
		c->funds_told = true;
		log_warn(e == E_FUNDS ? "the market's commission does not cover calibrations: cpushare-market calibration fund"
				      : "machines are too dear to be calibrated",
			 "machine=%s calibration.cost=%s", uuid_format(run->row.machine, id),
			 money_format(m->settings->calibration_cost, cost));
	}
}

/* False where nothing was placed: the run is gone. */
static bool run_place(struct run *run, wall_time now, mono_time now_mono)
{
	struct market *m = run->market;
	const struct presence *p = presence_get(m, run->row.machine);
	err_t e = p && p->row.m.state == MACHINE_ONLINE ? store_begin(m->store) : E_AGAIN;
	if (!e) {
		e = place(m, run, p, now);
		if (!e)
			e = store_commit(m->store);
		if (e)
			store_rollback(m->store);
	}
	if (e) {
		placing_failed(m, run, e);
		run_remove(m->calibrations, run);
		return false;
	}
	m->calibrations->funds_told = false;
	if (market_store_failed(m, live_reload(m, run->row.lease, now_mono), "reading a new lease"))
		market_touch_lease(m, run->row.lease);
	market_touch_machine(m, run->row.machine);
	run->phase = PHASE_WAITING;
	return true;
}

static void salted(void *job)
{
	struct run *run = job;
	struct market *m = run->market;
	struct calibrations *c = m->calibrations;
	run->job = false;
	if (m->stopping)
		return;
	if (run->error && !c->image_missing_told)
		log_warn("there is no image for calibrations: make image-calibrate, or calibration.image", "path=%s error=%s",
			 run->path, err_name(run->error));
	c->image_missing_told = run->error != OK;
	if (run->error || !m->database_up)
		run_remove(c, run);
	else if (run_place(run, clock_wall(), clock_mono()))
		market_wake(m);
}

/* The operator's, that of the tree we run from, or the installed one. */
static void image_path(const struct market *m, char *path, size_t size)
{
	static const char *const places[] = { "build/images", "images" };
	if (m->settings->calibration_image[0]) {
		snprintf(path, size, "%s", m->settings->calibration_image);
		return;
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, size, "%s/%s/calibrate.iso", m->resources_dir, places[i]);
		if (!access(path, R_OK))
			return;
	}
}

/* E_AGAIN: later. Who asks and is paid for it can make as many machines as he likes. */
static err_t check_day(struct market *m, wall_time now)
{
	const money cost = m->settings->calibration_cost, most = m->settings->calibration_day_cost;
	char text[MONEY_TEXT_SIZE];
	money spent;
	TRY(store_calibration_spent(m->store, (wall_time){ now.us - DAY_US }, &spent));
	bool enough = spent.micro <= most.micro - cost.micro;
	if (!enough && !m->calibrations->day_told)
		log_warn("calibrations have cost all that they may in 24 hours", "calibration.day_cost=%s",
			 money_format(most, text));
	m->calibrations->day_told = !enough;
	return enough ? OK : E_AGAIN;
}

/* Before an image is made for nothing: what its first minutes hold, and whether the commission covers the most that it may cost. */
static err_t check_funds(struct market *m, const struct run *run, const struct prices *prices, wall_time now)
{
	money hold, funds;
	TRY(price_window(prices, run->row.cores, run->row.memory_mib, m->settings->hold_window_us, &hold));
	if (hold.micro > m->settings->calibration_cost.micro)
		return E_LIMIT;
	if (!hold.micro)
		return OK;
	TRY(store_calibration_funds(m->store, &funds));
	if (funds.micro < m->settings->calibration_cost.micro)
		return E_FUNDS;
	return check_day(m, now);
}

static err_t run_begin(struct market *m, const struct presence *p, wall_time now)
{
	const struct settings *s = m->settings;
	struct calibrations *c = m->calibrations;
	uint32_t cores = p->row.m.cores - p->row.cores_used, memory_mib = p->row.m.memory_mib - p->row.memory_used_mib;
	uint32_t most = memory_mib < WORK_MEMORY_MAX_MIB ? memory_mib : WORK_MEMORY_MAX_MIB;
	struct run *run = calloc(1, sizeof *run);
	if (!run)
		return E_NOMEM;
	run->market = m;
	run->seller = p->row.m.account;
	run->row.id = uuid_make(now);
	run->row.machine = p->row.m.id;
	run->row.began_at = now;
	run->row.claimed = p->row.m.score;
	run->row.cores = 1 + dice(cores < WORK_CORES ? cores : WORK_CORES);
	run->row.memory_mib = WORK_MEMORY_MIN_MIB + dice(most - WORK_MEMORY_MIN_MIB + 1);
	struct work *w = &run->answers.work;
	w->cores = run->row.cores;
	w->memory_mib = run->row.memory_mib / 2 - 16; /* the guest's system is in the other half */
	uint32_t expected = p->row.m.score > p->row.measured_score ? p->row.m.score : p->row.measured_score;
	w->steps = work_steps_for(expected, s->calibration_work_us);
	image_path(m, run->path, sizeof run->path);
	err_t e = check_funds(m, run, &p->row.m.prices, now);
	if (e == E_FUNDS || e == E_LIMIT)
		placing_failed(m, run, e);
	if (e) {
		run_free(run);
		return e == E_FUNDS || e == E_LIMIT || e == E_AGAIN ? OK : e;
	}
	run->next = c->runs;
	c->runs = run;
	run->job = true;
	e = workers_submit(c->workers, salt, salted, run);
	if (e)
		run_remove(c, run);
	return e;
}

/* ---- the guest ---- */

/* The seed is a host name: a buyer's machine joins the network. Again, and it stays. */
static err_t challenge(struct run *run, wall_time now, mono_time now_mono)
{
	struct market *m = run->market;
	struct network *n;
	uint32_t number = 0;
	const struct peer_view *self;
	struct peer_join join = { .id = run->peer };
	char *seed = run->answers.work.seed;
	TRY(network_of(m, run->row.order, now, &n));
	if (!seed[0]) {
		static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
		size_t len = 24 + dice(16);
		for (size_t i = 0; i < len; i++)
			seed[i] = letters[dice(i ? 36 : 26)];
		run->peer = join.id = uuid_make(now);
		TRY(store_peer_number(m->store, run->row.order, join.id, &number));
	}
	memcpy(join.name, seed, sizeof join.name);
	join.pin = sha256_of(seed, strlen(seed));
	return network_join(n, &join, number, now_mono, &self);
}

static void listen_to(struct run *run, struct live *l, mono_time now_mono)
{
	struct console_chunk chunk;
	console_want(&l->console, now_mono, run->market->settings->console_wanted_us);
	do {
		console_read(&l->console, run->console_at, &chunk);
		answers_hear(&run->answers, chunk.data, chunk.len);
		run->console_at = chunk.from + (int64_t)chunk.len;
	} while (chunk.len);
}

static void check(void *job)
{
	struct run *run = job;
	run->right = answers_right(&run->answers, run->picks, run->answers.work.cores + CHECKED_MORE);
}

static void checked(void *job)
{
	struct run *run = job;
	struct calibration_row *row = &run->row;
	struct market *m = run->market;
	run->job = false;
	if (m->stopping || !m->database_up)
		return;
	wall_time now = clock_wall();
	if (!run->right) {
		run_end(run, CALIBRATION_WRONG, now, "a calibration's answer was wrong");
		return;
	}
	row->score = work_score(&run->answers.work, row->took_us);
	enum calibration_result result = answers_verdict(row->score, row->claimed, m->settings->calibration_least);
	if (result == CALIBRATION_GOOD)
		run_end(run, result, now, "%s", "");
	else
		run_end(run, result, now, "a calibration measured a score of %u, it claims %u", row->score, row->claimed);
}

static void answer_came(struct run *run, const struct live *l)
{
	run->row.took_us = l->console.heard.us - run->asked.us;
	if (run->row.took_us < 1)
		run->row.took_us = 1;
	for (size_t i = 0; i < sizeof run->picks / sizeof *run->picks; i++)
		run->picks[i] = dice(WORK_CHUNKS);
	run->phase = PHASE_CHECKING;
}

static void run_step(struct run *run, wall_time now, mono_time now_mono)
{
	struct market *m = run->market;
	struct live *l = live_get(m, run->row.lease);
	int64_t work_us = m->settings->calibration_work_us;
	if (run->phase == PHASE_CHECKING) { /* it was to be handed to the thread, or could not be stored */
		run->job = workers_submit(m->calibrations->workers, check, checked, run) == OK;
		return;
	}
	if (!l || l->ended.us || l->row.desired == LEASE_ENDED) {
		run_end(run, CALIBRATION_FAILED, now, "its lease ended: %s",
			l ? end_reason_names[l->ended.us ? l->row.l.reason : l->row.desired_reason] : "gone");
		return;
	}
	if (l->row.l.state != LEASE_RUNNING)
		return;
	listen_to(run, l, now_mono);
	if (run->phase == PHASE_WAITING && !run->answers.ready)
		return;
	market_store_failed(m, challenge(run, now, now_mono), "telling a calibration's seed");
	if (run->phase == PHASE_WAITING) {
		run->phase = PHASE_WORKING;
		run->asked = now_mono;
	} else if (answers_whole(&run->answers)) {
		answer_came(run, l);
	} else if (now_mono.us - run->asked.us > work_us * 100 / m->settings->calibration_least + ANSWER_GRACE_US) {
		run_end(run, CALIBRATION_SLOW, now, "a calibration did not end in time: %zu of %zu parts in %lld s",
			run->answers.count, (size_t)run->answers.work.cores * WORK_CHUNKS,
			(long long)(now_mono.us - run->asked.us) / SECOND_US);
	}
}

/* ---- which, and when ---- */

static bool is_run(const struct calibrations *c, uuid machine)
{
	for (const struct run *run = c->runs; run; run = run->next)
		if (uuid_equal(run->row.machine, machine))
			return true;
	return false;
}

static bool can_run(const struct market *m, const struct presence *p, mono_time now_mono)
{
	const struct machine_row *row = &p->row;
	return row->m.state == MACHINE_ONLINE && row->accepting && presence_is_heard(m, p, now_mono) &&
	       row->m.cores > row->cores_used && row->m.memory_mib >= row->memory_used_mib + WORK_MEMORY_MIN_MIB &&
	       !(row->failures && p->leases) && !is_run(m->calibrations, row->m.id);
}

/* Is one drawn now? So the time between two is exponential, and nobody can foresee it. */
static bool is_drawn(const struct market *m, const struct presence *p, wall_time now)
{
	const struct settings *s = m->settings;
	int64_t mean_us = s->calibration_mean_us, since_us = now.us - p->row.calibrated_at.us;
	if (!p->row.calibrated_at.us && mean_us > FIRST_MEAN_US)
		mean_us = FIRST_MEAN_US;
	if (p->row.off_reason[0])
		return since_us >= s->calibration_pause_us;
	return dice(UINT32_MAX) < (uint64_t)UINT32_MAX * (uint64_t)s->sweep_interval_us / (uint64_t)mean_us;
}

static size_t run_count(const struct calibrations *c)
{
	size_t count = 0;
	for (const struct run *run = c->runs; run; run = run->next)
		count++;
	return count;
}

static bool has_image(const struct market *m)
{
	char path[sizeof((struct run *)0)->path];
	image_path(m, path, sizeof path);
	return !access(path, R_OK);
}

static err_t draw(struct market *m, wall_time now, mono_time now_mono)
{
	const struct settings *s = m->settings;
	AUTO_FREE uuid *asked = NULL;
	size_t asked_count, count;
	int64_t today;
	TRY(store_calibration_asked(m->store, &asked, &asked_count));
	for (size_t i = 0; i < asked_count && run_count(m->calibrations) < AT_ONCE; i++) {
		const struct presence *p = presence_get(m, asked[i]);
		if (p && can_run(m, p, now_mono))
			TRY(run_begin(m, p, now));
	}
	if (!s->calibration_random || !has_image(m))
		return OK;
	AUTO_FREE void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count && run_count(m->calibrations) < AT_ONCE; i++) {
		const struct presence *p = all[i];
		if (!can_run(m, p, now_mono) || !is_drawn(m, p, now))
			continue;
		TRY(store_calibration_count(m->store, p->row.m.id, (wall_time){ now.us - DAY_US }, &today));
		if (today < s->calibration_a_day)
			TRY(run_begin(m, p, now));
	}
	return OK;
}

void calibrate_sweep(struct market *m, wall_time now, mono_time now_mono)
{
	struct calibrations *c = m->calibrations;
	for (struct run *run = c->runs, *next; run && m->database_up; run = next) {
		next = run->next;
		if (!run->job && run->phase != PHASE_SALTING)
			run_step(run, now, now_mono);
	}
	if (!m->database_up)
		return;
	if (now_mono.us - c->left_looked.us > LEFT_INTERVAL_US) {
		c->left_looked = now_mono;
		put_away(m, now);
	}
	market_store_failed(m, draw(m, now, now_mono), "drawing machines to calibrate");
}

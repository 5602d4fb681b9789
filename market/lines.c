/* SPDX-License-Identifier: Apache-2.0
 * lines.c - measures machines' internet lines by our own clock
 *
 * How it works: a trial is some rounds, each as much as the round before it would have moved in a second. Its time down runs from when the bytes
 * were handed to the server until their hash was here, its time up from when the seed was told until all bytes were: with a round trip,
 * the server's and the network's buffers in it, so that a line is at least as fast as we say. The best round counts. Few trials go on at
 * one time, or they would measure our own line.
 */
#include "lines.h"

#include "file.h"
#include "gate.h"
#include "handlers.h"
#include "line.h"
#include "log.h"
#include "presence.h"

#define AT_ONCE 4
#define FIRST_BYTES (128 << 10)
#define SILENCE_US (30 * SECOND_US) /* such a trial is given up */
#define AGAIN_US (10 * MINUTE_US)   /* after one that did not end */
#define LONG_US (4 * SECOND_US)	    /* no further round after that */
#define BUSY_S "30"

/* PHASE_BETWEEN: two rounds. */
enum phase { PHASE_FREE, PHASE_DRAWING, PHASE_DOWN, PHASE_UP, PHASE_BETWEEN };

struct way {
	uint32_t bytes; /* of this round */
	uint32_t best_kbit_s;
};
struct trial {
	enum phase phase;
	uuid machine;
	unsigned round; /* 1 .. LINE_ROUNDS */
	mono_time began, asked;
	struct way down, up;
	sha256 proof, seed;
};
struct lines {
	struct trial trials[AT_ONCE];
};

struct lines *lines_new(void)
{
	return calloc(1, sizeof(struct lines));
}

void lines_free(struct lines *l)
{
	free(l);
}

static bool goes_on(const struct trial *t, mono_time now)
{
	return t->phase == PHASE_DRAWING || (t->phase != PHASE_FREE && now.us - t->asked.us <= SILENCE_US);
}

static struct trial *trial_of(struct lines *l, uuid machine, mono_time now)
{
	for (size_t i = 0; i < AT_ONCE; i++)
		if (goes_on(&l->trials[i], now) && uuid_equal(l->trials[i].machine, machine))
			return &l->trials[i];
	return NULL;
}

static struct trial *trial_begin(struct lines *l, uuid machine, mono_time now)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct trial *t = &l->trials[i];
		if (goes_on(t, now))
			continue;
		*t = (struct trial){
			.machine = machine, .began = now, .asked = now, .down.bytes = FIRST_BYTES, .up.bytes = FIRST_BYTES
		};
		return t;
	}
	return NULL;
}

/* What this round was, and how much the next one moves. */
static void way_took(struct way *w, int64_t took_us)
{
	int64_t us = took_us > 0 ? took_us : 1, kbit_s = (int64_t)w->bytes * 8000 / us;
	uint32_t rate = kbit_s > RATE_MAX_KBIT_S ? RATE_MAX_KBIT_S : (uint32_t)kbit_s;
	if (rate > w->best_kbit_s)
		w->best_kbit_s = rate;
	int64_t second = (int64_t)rate * 125;
	w->bytes = second < FIRST_BYTES ? FIRST_BYTES : second > LINE_MAX_BYTES ? LINE_MAX_BYTES : (uint32_t)second;
}

static err_t too_many(struct request *r, const char *why)
{
	refuse(r, REFUSE_TOO_MANY, NULL, "%s", why);
	answer_header(r, "Retry-After", BUSY_S);
	return E_LIMIT;
}

/* ---- down ---- */

/* Bytes that are drawn in a thread: as many would hold up the loop. */
struct drawing {
	struct request *r;
	uuid machine;
	uint32_t bytes;
	char *data;
	sha256 hash;
};

static void draw(void *job)
{
	struct drawing *d = job;
	random_fill(d->data, d->bytes);
	d->hash = sha256_of(d->data, d->bytes);
}

static void drawn(void *job)
{
	struct drawing *d = job;
	struct request *r = d->r;
	struct market *m = market_of(r);
	struct trial *t = trial_of(m->lines, d->machine, clock_mono());
	if (t && t->phase == PHASE_DRAWING) {
		t->proof = d->hash;
		t->phase = PHASE_DOWN;
		t->asked = clock_mono();
		answer_text(r, 200, "application/octet-stream", d->data, d->bytes);
		answer_header(r, "Cache-Control", "no-store");
	} else {
		free(d->data);
		gate_refuse(r, E_UNAVAILABLE);
	}
	free(d);
	request_resume(r);
	market_wake(m);
}

err_t line_get(struct request *r)
{
	struct market *m = market_of(r);
	uuid machine = r->caller.machine;
	if (!uuid_equal(machine, r->values.id[0]))
		return E_NOT_FOUND;
	struct presence *p = presence_get(m, machine);
	if (!p)
		return E_UNAVAILABLE;
	if (p->row.line_at.us && r->now.us - p->row.line_at.us < m->settings->line_interval_us)
		return refuse(r, REFUSE_WRONG_STATE, NULL,
			      "its line was measured already, and is again after timing.line_interval");
	struct trial *t = trial_of(m->lines, machine, r->now_mono);
	bool lately = p->line_tried.us && r->now_mono.us - p->line_tried.us < AGAIN_US;
	if (t ? t->phase == PHASE_DRAWING || t->round >= LINE_ROUNDS : lately)
		return too_many(r, "it asked just now");
	if (!t)
		t = trial_begin(m->lines, machine, r->now_mono);
	if (!t)
		return too_many(r, "other lines are being measured");
	struct drawing *d = malloc(sizeof *d);
	char *data = malloc(t->down.bytes);
	if (d && data)
		*d = (struct drawing){ .r = r, .machine = machine, .bytes = t->down.bytes, .data = data };
	if (!d || !data || request_reserve(r, t->down.bytes) || workers_submit(m->disks, draw, drawn, d)) {
		free(data);
		free(d);
		return too_many(r, "much is asked of this market at the moment");
	}
	p->line_tried = r->now_mono;
	t->phase = PHASE_DRAWING;
	t->round++;
	request_wait(r);
	return OK;
}

/* The trial that this request goes on with. */
static err_t trial_in(struct request *r, enum phase phase, mono_time now, struct trial **ret_trial)
{
	struct trial *t = trial_of(market_of(r)->lines, r->caller.machine, now);
	if (!uuid_equal(r->caller.machine, r->values.id[0]))
		return E_NOT_FOUND;
	if (!t || t->phase != phase)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "this is not what comes next");
	*ret_trial = t;
	return OK;
}

static bool has_more(const struct trial *t, mono_time now)
{
	return t->round < LINE_ROUNDS && now.us - t->began.us < LONG_US;
}

err_t line_proof(struct request *r)
{
	struct json_error error = { 0 };
	struct trial *t;
	sha256 proof;
	if (line_proof_from_json(r->json, &proof, &error) != OK)
		return refuse_json(r, &error);
	TRY(trial_in(r, PHASE_DOWN, r->now_mono, &t));
	if (!sha256_equal(proof, t->proof)) {
		t->phase = PHASE_FREE;
		return refuse(r, REFUSE_BAD_FIELD, "sha256", "it is not that of the bytes that were sent");
	}
	way_took(&t->down, r->now_mono.us - t->asked.us);
	random_fill(t->seed.bytes, sizeof t->seed.bytes);
	t->phase = PHASE_UP;
	t->asked = r->now_mono;
	const struct line_turn turn = { .seed = t->seed, .bytes = t->up.bytes, .more = has_more(t, r->now_mono) };
	/* What it is told now holds, however long the way up takes. */
	if (!turn.more)
		t->round = LINE_ROUNDS;
	answer_json(r, 200, line_turn_to_json(&turn));
	return OK;
}

/* ---- up ---- */

static err_t trial_end(struct request *r, struct trial *t)
{
	struct market *m = market_of(r);
	struct presence *p = presence_get(m, t->machine);
	if (!p)
		return E_UNAVAILABLE;
	const struct line_row line = { t->down.best_kbit_s, t->up.best_kbit_s, r->now };
	TRY(store_machine_line(m->store, t->machine, &line));
	t->phase = PHASE_FREE;
	p->row.line_down_kbit_s = line.down_kbit_s;
	p->row.line_up_kbit_s = line.up_kbit_s;
	p->row.line_at = line.at;
	presence_offer(m, p);
	log_info("a line was measured", "machine=%s down_kbit_s=%u up_kbit_s=%u", p->row.m.name, line.down_kbit_s,
		 line.up_kbit_s);
	return OK;
}

err_t line_wanted(struct request *r)
{
	struct trial *t;
	return trial_in(r, PHASE_UP, r->since, &t);
}

err_t line_put(struct request *r)
{
	struct trial *t;
	TRY(trial_in(r, PHASE_UP, r->now_mono, &t));
	if (r->body.len != t->up.bytes || !line_is_filled(t->seed, (const uint8_t *)r->body.data, r->body.len)) {
		t->phase = PHASE_FREE;
		return refuse(r, REFUSE_BAD_REQUEST, NULL, "these are not the bytes that were asked for");
	}
	way_took(&t->up, r->now_mono.us - t->asked.us);
	t->phase = PHASE_BETWEEN;
	t->asked = r->now_mono;
	if (t->round >= LINE_ROUNDS)
		TRY(trial_end(r, t));
	answer_empty(r);
	return OK;
}

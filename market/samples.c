/* SPDX-License-Identifier: Apache-2.0
 * samples.c - how the market did: it samples itself every few minutes, and adds up behind what happened to whom
 *
 * How it works: wall time is cut into slots of timing.sample_interval. When a new slot begins, one sample of the book goes to the
 * database, and the machines that are heard then are written down; the sweeps that follow credit them with the slot, so many at a
 * time. What leases, marks and disputes note in the tally is folded into days and standings in every sweep, and sellers whose
 * or their leases or marks are rated anew, and everybody once a day, for ratings fade. No step waits for another: what fails is done by a later sweep, or left out.
 */
#include "samples.h"

#include "bytes.h"
#include "file.h"
#include "history.h"
#include "live.h"
#include "presence.h"
#include "spread.h"

#define HEARD_AT_ONCE 500
#define FOLD_AT_ONCE 500
#define RATE_AT_ONCE 50
#define FADES_US MINUTE_US /* ratings are looked at for their age */
#define FORGET_AT_ONCE 5000
#define LEVELS_MAX 4096

struct shared_text {
	char *text;
	size_t len;
	char etag[20];
	mono_time at; /* us 0: never */
};
struct samples {
	int64_t slot; /* 0: none yet */
	wall_time credited_to, slot_at;
	uuid *heard; /* to be credited with minutes of slot_at's day */
	int64_t *scores, minutes;
	size_t heard_count, heard_done;
	bool all_rated; /* nothing has happened since */
	wall_time looked_at;
	struct shared_text shared[SHARED_COUNT];
};

err_t samples_new(struct samples **ret_samples)
{
	struct samples *h = calloc(1, sizeof *h);
	if (!h)
		return E_NOMEM;
	*ret_samples = h;
	return OK;
}

static void forget_heard(struct samples *h)
{
	free(h->heard);
	free(h->scores);
	h->heard = NULL;
	h->scores = NULL;
	h->heard_count = h->heard_done = 0;
}

void samples_free(struct samples *h)
{
	if (!h)
		return;
	forget_heard(h);
	for (size_t i = 0; i < SHARED_COUNT; i++)
		free(h->shared[i].text);
	free(h);
}

/* ---- the sample ---- */

static void count_machines(struct market *m, mono_time now_mono, struct market_sample *sample)
{
	size_t count;
	void **all = uuid_map_values(&m->machines, &count);
	for (size_t i = 0; i < count; i++) {
		const struct presence *p = all[i];
		if (p->row.m.state != MACHINE_ONLINE || !presence_is_heard(m, p, now_mono))
			continue;
		sample->machines++;
		sample->cores_offered += p->row.m.cores;
	}
	free(all);
}

static void count_leases(struct market *m, struct market_sample *sample)
{
	size_t count;
	void **all = uuid_map_values(&m->leases, &count);
	for (size_t i = 0; i < count; i++) {
		const struct live *l = all[i];
		if (!l->ended.us)
			sample->cores_leased += l->row.l.cores;
	}
	free(all);
}

/* The book's prices; of a very deep book, the best levels. */
static err_t sample_book(struct market *m, struct market_sample *sample)
{
	AUTO_FREE struct level *levels = calloc(LEVELS_MAX, sizeof *levels);
	if (!levels)
		return E_NOMEM;
	size_t count = book_ask_levels(m->book, levels, LEVELS_MAX);
	sample->cores_free = spread_cores(levels, count);
	sample->ask_p10_micro = spread_price_micro(levels, count, 100);
	sample->ask_median_micro = spread_price_micro(levels, count, 500);
	sample->ask_p90_micro = spread_price_micro(levels, count, 900);
	count = book_bid_levels(m->book, levels, LEVELS_MAX);
	sample->cores_wanted = spread_cores(levels, count);
	sample->bid_best_micro = count ? levels[0].price_per_core_hour.micro : SPREAD_NONE;
	return OK;
}

static err_t take_sample(struct market *m, wall_time at, mono_time now_mono)
{
	struct market_sample sample = { .at = at };
	TRY(sample_book(m, &sample));
	count_machines(m, now_mono, &sample);
	count_leases(m, &sample);
	return store_history_sample(m->store, &sample, (wall_time){ at.us - m->settings->sample_interval_us });
}

/* ---- who was there ---- */

static err_t note_heard(struct market *m, mono_time now_mono)
{
	struct samples *h = m->samples;
	size_t count;
	void **all = uuid_map_values(&m->machines, &count);
	forget_heard(h);
	h->heard = calloc(count + 1, sizeof *h->heard);
	h->scores = calloc(count + 1, sizeof *h->scores);
	for (size_t i = 0; h->heard && h->scores && i < count; i++) {
		const struct presence *p = all[i];
		if ((p->row.m.state != MACHINE_ONLINE && p->row.m.state != MACHINE_PAUSED) || !presence_is_heard(m, p, now_mono))
			continue;
		h->heard[h->heard_count] = p->row.m.id;
		h->scores[h->heard_count++] = machine_row_score(&p->row);
	}
	free(all);
	return h->heard && h->scores ? OK : E_NOMEM;
}

static err_t credit_heard(struct market *m)
{
	struct samples *h = m->samples;
	size_t left = h->heard_count - h->heard_done, n = left < HEARD_AT_ONCE ? left : HEARD_AT_ONCE;
	if (!n)
		return OK;
	TRY(store_history_heard(m->store, h->heard + h->heard_done, h->scores + h->heard_done, n, h->slot_at, h->minutes));
	h->heard_done += n;
	return OK;
}

/* A new slot has begun. What happened while we were away is nobody's uptime. */
static err_t begin_slot(struct market *m, wall_time now, mono_time now_mono)
{
	struct samples *h = m->samples;
	int64_t interval_us = m->settings->sample_interval_us, slot = now.us / interval_us;
	wall_time at = { slot * interval_us };
	if (slot == h->slot)
		return OK;
	bool goes_on = h->slot && slot == h->slot + 1;
	h->slot = slot;
	TRY(take_sample(m, at, now_mono));
	TRY(store_history_forget(m->store, (wall_time){ now.us - HISTORY_DAYS * DAY_US }, FORGET_AT_ONCE));
	if (!goes_on || at.us < h->credited_to.us)
		h->credited_to = at;
	h->minutes = (at.us - h->credited_to.us) / MINUTE_US;
	if (h->minutes < 1)
		return OK;
	h->slot_at = h->credited_to; /* the day that the time belongs to */
	h->credited_to.us += h->minutes * MINUTE_US;
	return note_heard(m, now_mono);
}

/* ---- the sweep ---- */

void samples_sweep(struct market *m, wall_time now)
{
	struct samples *h = m->samples;
	int64_t folded = 0;
	size_t sellers = 0, buyers = 0;
	market_store_failed(m, begin_slot(m, now, clock_mono()), "sampling the market");
	market_store_failed(m, credit_heard(m), "writing who was there");
	if (market_store_failed(m, store_history_fold(m->store, FOLD_AT_ONCE, &folded), "adding up what happened") != OK)
		return;
	if (h->all_rated && !folded && now.us - h->looked_at.us < FADES_US && now.us >= h->looked_at.us)
		return;
	h->looked_at = now;
	err_t e = store_history_rate(m->store, "seller", RATE_AT_ONCE, now, &sellers);
	if (e == OK)
		e = store_history_rate(m->store, "buyer", RATE_AT_ONCE, now, &buyers);
	h->all_rated = market_store_failed(m, e, "rating sellers and buyers") == OK && !sellers && !buyers;
}

/* ---- answers for everybody ---- */

static err_t shared_make(struct market *m, struct shared_text *s, wall_time now, int variant, shared_fn *fn)
{
	AUTO_BUF out = { 0 };
	TRY(fn(m, now, variant, &out));
	TRY(out.error);
	size_t len = out.len;
	char *text = buf_take(&out);
	if (!text)
		return E_NOMEM;
	sha256 hash = sha256_of(text, len);
	free(s->text);
	s->text = text;
	s->len = len;
	s->etag[0] = '"';
	hex_encode(hash.bytes, 8, s->etag + 1);
	s->etag[17] = '"';
	return OK;
}

err_t shared_answer(struct request *r, enum shared which, int variant, int max_age_s, shared_fn *fn)
{
	struct market *m = market_of(r);
	struct shared_text *s = &m->samples->shared[(int)which + variant];
	const char *known = request_header(r, "If-None-Match");
	char control[32];
	if (!s->text || r->now_mono.us - s->at.us > max_age_s * SECOND_US) {
		TRY(shared_make(m, s, r->now, variant, fn));
		s->at = r->now_mono;
	}
	if (known && strstr(known, s->etag)) {
		answer_fixed(r, 304, NULL, "", 0);
	} else {
		char *copy = malloc(s->len + 1);
		if (!copy)
			return E_NOMEM;
		memcpy(copy, s->text, s->len + 1);
		answer_text(r, 200, "application/json", copy, s->len);
	}
	snprintf(control, sizeof control, "public, max-age=%d", max_age_s);
	answer_header(r, "ETag", s->etag);
	answer_header(r, "Cache-Control", control);
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * leases.c - one lease, for its buyer and its seller: its state, its console and screen, the marks they give each other
 */
#include "gate.h"
#include "handlers.h"
#include "live.h"
#include "log.h"
#include "wakes.h"

err_t lease_show(struct request *r)
{
	struct market *m = market_of(r);
	struct lease_row row;
	TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	bool buyer = uuid_equal(row.l.buyer, r->caller.account) && r->caller.scopes & SCOPE(ORDERS);
	bool seller = uuid_equal(row.l.seller, r->caller.account) && r->caller.scopes & SCOPE(MACHINES);
	bool machine = uuid_equal(row.l.machine, r->caller.machine);
	if (!buyer && !seller && !machine)
		return E_NOT_FOUND;
	live_overlay(m, &row.l);
	answer_json(r, 200, lease_to_json(&row.l));
	return OK;
}

err_t lease_feedback(struct request *r)
{
	struct market *m = market_of(r);
	struct json_error error = { 0 };
	struct feedback feedback = { 0 };
	struct lease_row row;
	if (feedback_from_json(r->json, &feedback, &error) != OK)
		return refuse_json(r, &error);
	TRY(gate_lease(r, &row));
	err_t e = store_feedback(m->store, row.l.id, r->caller.account, feedback.good, feedback.comment, r->now);
	if (e == E_EXISTS)
		return refuse(r, REFUSE_ALREADY_MARKED, NULL, "%s", "");
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_NOT_PAID, NULL, "%s", "");
	TRY(e);
	TRY(store_lease_get(m->store, row.l.id, r->caller.account, &row));
	answer_json(r, 201, lease_to_json(&row.l));
	market_touch_machine(m, row.l.machine); /* its ask carries the seller's rating */
	return OK;
}

/* ---- its buyer ends it, or has its machine start anew ---- */

static err_t buyers_lease(struct request *r, struct lease_row *ret)
{
	TRY(store_lease_get(market_of(r)->store, r->values.id[0], r->caller.account, ret));
	return uuid_equal(ret->l.buyer, r->caller.account) ? OK : E_NOT_FOUND;
}

static err_t answer_lease(struct request *r, uuid id)
{
	struct lease_row row;
	TRY(store_lease_get(market_of(r)->store, id, r->caller.account, &row));
	live_overlay(market_of(r), &row.l);
	answer_json(r, 200, lease_to_json(&row.l));
	market_touch_lease(market_of(r), id);
	return OK;
}

/* Again, or after its end: nothing more happens. */
err_t lease_end(struct request *r)
{
	struct lease_row row;
	TRY(buyers_lease(r, &row));
	TRY(live_cancel(market_of(r), &row, r->now));
	return answer_lease(r, row.l.id);
}

err_t lease_reset(struct request *r)
{
	struct lease_row row;
	TRY(buyers_lease(r, &row));
	err_t e = store_lease_reset(market_of(r)->store, row.l.id, r->now);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the machine does not run");
	TRY(e);
	return answer_lease(r, row.l.id);
}

/* ---- console ---- */

err_t lease_console_show(struct request *r)
{
	struct market *m = market_of(r);
	struct live *l = live_get(m, r->values.id[0]);
	const struct console nothing = { 0 }; /* of a lease that ended long ago */
	struct console_chunk chunk;
	struct lease_row row;
	int64_t from;
	TRY(request_query_int(r, "from", 0, 0, INT64_MAX, &from));
	if (!l)
		TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	if (!uuid_equal(l ? l->row.l.buyer : row.l.buyer, r->caller.account))
		return E_NOT_FOUND;
	if (l && !l->ended.us)
		console_want(&l->console, r->now_mono, m->settings->console_wanted_us);
	console_read(l ? &l->console : &nothing, from, &chunk);
	answer_json(r, 200, console_chunk_to_json(&chunk));
	return OK;
}

err_t lease_console_add(struct request *r)
{
	struct live *l = live_get(market_of(r), r->values.id[0]);
	struct json_error error = { 0 };
	struct console_chunk chunk = { 0 };
	if (console_chunk_from_json(r->json, &chunk, &error) != OK)
		return refuse_json(r, &error);
	if (!l || !uuid_equal(l->row.l.machine, r->caller.machine))
		return E_NOT_FOUND;
	if (console_add(&l->console, &chunk, r->now_mono) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "end", "must not be below from and the data's length");
	console_taken(&l->console, chunk.typed);
	answer_json(r, 200, console_input_to_json(&l->console.typing.waits));
	return OK;
}

/* What is typed is never logged or kept: it may be a password. That somebody types is. */
err_t lease_console_type(struct request *r)
{
	struct market *m = market_of(r);
	struct live *l = live_get(m, r->values.id[0]);
	struct json_error error = { 0 };
	struct console_input typed;
	char id[UUID_TEXT_SIZE];
	if (console_typed_from_json(r->json, &typed, &error) != OK)
		return refuse_json(r, &error);
	if (!l || !uuid_equal(l->row.l.buyer, r->caller.account))
		return E_NOT_FOUND;
	if (l->ended.us || l->row.l.state != LEASE_RUNNING)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the machine does not run");
	bool goes_on = console_is_typed(&l->console, r->now_mono);
	err_t e = console_type(&l->console, &typed, r->now_mono);
	explicit_bzero(&typed, sizeof typed);
	if (e == E_LIMIT) {
		refuse(r, REFUSE_TOO_MANY, "data", "keys that the machine has not taken yet");
		answer_header(r, "Retry-After", "1");
		return e;
	}
	TRY(e);
	if (!goes_on)
		log_info("a console is typed into", "lease=%s", uuid_format(l->row.l.id, id));
	console_want(&l->console, r->now_mono, m->settings->console_wanted_us);
	answer_empty(r);
	return OK;
}

/* ---- screen ---- */

err_t lease_screen_show(struct request *r)
{
	struct market *m = market_of(r);
	struct live *l = live_get(m, r->values.id[0]);
	struct lease_row row;
	int64_t width;
	TRY(request_query_int(r, "width", SCREEN_USUAL_WIDTH, SCREEN_MIN_WIDTH, SCREEN_MAX_WIDTH, &width));
	if (!l)
		TRY(store_lease_get(m->store, r->values.id[0], r->caller.account, &row));
	const struct lease_row *lease = l ? &l->row : &row;
	if (!uuid_equal(lease->l.buyer, r->caller.account))
		return E_NOT_FOUND;
	if (lease->display == DISPLAY_NONE)
		return refuse(r, REFUSE_NO_DISPLAY, NULL, "%s", "");
	if (!l || l->ended.us || lease->l.state != LEASE_RUNNING)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the machine does not run");
	bool news = !screen_is_wanted(&l->screen, r->now_mono);
	screen_want(&l->screen, (uint32_t)width, r->now_mono);
	if (news)
		wake_machine(m, lease->l.machine);
	if (!screen_shows(&l->screen, (uint32_t)width, r->now_mono)) {
		err_t e = refuse(r, REFUSE_NO_PICTURE, NULL, "%s", "");
		answer_header(r, "Retry-After", "1");
		return e;
	}
	char *copy = malloc(l->screen.len);
	if (!copy)
		return E_NOMEM;
	memcpy(copy, l->screen.png, l->screen.len);
	answer_text(r, 200, "image/png", copy, l->screen.len);
	return OK;
}

/* What is in it, its guest and its seller chose: it goes on only where it can be nothing else than a small picture. */
err_t lease_screen_put(struct request *r)
{
	struct live *l = live_get(market_of(r), r->values.id[0]);
	if (!l || !uuid_equal(l->row.l.machine, r->caller.machine))
		return E_NOT_FOUND;
	if (l->row.display == DISPLAY_NONE)
		return refuse(r, REFUSE_NO_DISPLAY, NULL, "%s", "");
	if (l->ended.us)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "the machine does not run");
	err_t e = screen_put(&l->screen, r->body.data, r->body.len, r->now_mono);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "nobody has asked for this picture");
	if (e == E_INVALID)
		return refuse(r, REFUSE_BAD_FIELD, "body", "must be a PNG of at most %d x %d pixels in 8-bit RGB, and %d bytes",
			      SCREEN_MAX_WIDTH, SCREEN_MAX_HEIGHT, SCREEN_MAX_BYTES);
	TRY(e);
	answer_empty(r);
	return OK;
}

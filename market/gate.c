/* SPDX-License-Identifier: Apache-2.0
 * gate.c - what every request passes before and after its handler: token, scope, transaction, idempotency, refusal
 *
 * How it works: gate_admit() sees the headers alone, so that nobody sends us a body before we know who it is. gate_run() parses
 * the body and runs the handler: begin, claim the Idempotency-Key, handler, save the answer under the key, commit; a refusal
 * rolls all of it back. What only the book's holder can answer is handed on to it. Machines report every few seconds, a hundred thousand of
 * them, so their tokens are remembered for some minutes; a revoked one is forgotten at once by the book's holder (gate_forget). Others' are remembered too,
 * but only for what looks at them again itself (ROUTE_TOKEN), and as some that were good: an address that has used up what strangers
 * may is asked for one of these before the database is asked for its token.
 */
#include "acts.h"
#include "gate.h"

#include "bytes.h"
#include "forward.h"
#include "handlers.h"
#include "json.h"
#include "lines.h"
#include "log.h"
#include "login.h"
#include "metrics.h"
#include "presence.h"

#define RECENT_US (30 * SECOND_US)
#define RECENT_ROWS (1 << 15)
#define RECENT_WAYS 8
#define MACHINE_RECENT_US \
	(150 * SECOND_US) /* to twice as long, so that those that came together are not asked for together again */
#define CURSOR_LIMIT 200

struct recent {
	sha256 hash;
	struct token_row row;
	mono_time at;	     /* us 0: free */
	uint32_t generation; /* not the gate's: the row does not count any more */
};
struct gate {
	struct recent recent[RECENT_ROWS][RECENT_WAYS]; /* no page of it is there before it is used */
	uint32_t generation;
	struct log_bucket log_bucket;
};

err_t gate_new(struct gate **ret_gate)
{
	struct gate *gate = calloc(1, sizeof *gate);
	if (!gate)
		return E_NOMEM;
	*ret_gate = gate;
	return OK;
}

void gate_free(struct gate *gate)
{
	free(gate);
}

void gate_forget(struct gate *gate)
{
	gate->generation++;
}

/* ---- who asks ---- */

/* Its place, or the one that it would take: that of who was asked for longest ago. */
static struct recent *recent_of(struct gate *gate, sha256 hash)
{
	struct recent *row = gate->recent[(hash.bytes[0] | hash.bytes[1] << 8) % RECENT_ROWS], *oldest = row;
	for (int i = 0; i < RECENT_WAYS; i++) {
		if (row[i].at.us && sha256_equal(row[i].hash, hash))
			return &row[i];
		if (row[i].at.us < oldest->at.us)
			oldest = &row[i];
	}
	return oldest;
}

/* A token is revoked by the book's holder, which forgets it then: so what another market answers itself is not the longer time. */
static int64_t remembered_us(struct request *r, const struct recent *recent)
{
	int64_t more = recent->hash.bytes[2] | recent->hash.bytes[3] << 8;
	bool holder_looks = market_of(r)->holds_book || r->route->flags & ROUTE_BOOK;
	if (uuid_is_zero(recent->row.machine) || !holder_looks)
		return RECENT_US;
	return MACHINE_RECENT_US + MACHINE_RECENT_US * more / UINT16_MAX;
}

static bool is_known(struct gate *gate, sha256 hash)
{
	const struct recent *recent = recent_of(gate, hash);
	return recent->at.us && sha256_equal(recent->hash, hash);
}

static err_t token_row_of(struct request *r, sha256 hash, struct token_row *ret)
{
	struct market *m = market_of(r);
	mono_time now = r->since;
	bool checked_later = r->route->flags & ROUTE_TOKEN;
	struct recent *recent = recent_of(m->gate, hash);
	bool known = is_known(m->gate, hash), fresh = known && recent->generation == m->gate->generation;
	bool machine = fresh && !uuid_is_zero(recent->row.machine);
	if ((machine || (fresh && checked_later)) && now.us - recent->at.us < remembered_us(r, recent)) {
		*ret = recent->row;
		return OK;
	}
	err_t e = store_token_find(m->store, hash, ret);
	if (e == OK) {
		*recent = (struct recent){ hash, *ret, now, m->gate->generation };
	} else if (e == E_NOT_FOUND && known) {
		recent->at.us = 0;
	} else if (e == E_UNAVAILABLE && machine) {
		/* It lives, though nothing can be done for it now: an outage of ours must not end its leases. */
		struct presence *p = presence_get(m, recent->row.machine);
		if (p)
			p->last_report = now;
	}
	return e;
}

/* The text behind "Bearer ", or NULL. */
static const char *bearer_of(const struct request *r)
{
	const char *header = request_header(r, "Authorization");
	if (!header || strncasecmp(header, "Bearer ", 7))
		return NULL;
	return header + 7 + strspn(header + 7, " ");
}

/* Its hash, where it has a token's form. Who stays on a connection brings the same one each time. */
static err_t hash_of(struct request *r, const char *token, bool by_cookie, sha256 *ret_hash)
{
	struct known_sign *sign = request_sign(r);
	size_t len = strnlen(token, SIGN_SIZE);
	if (sign && sign->text[0] && sign->by_cookie == by_cookie && len < SIGN_SIZE &&
	    constant_time_equal(sign->text, token, len + 1)) {
		*ret_hash = sign->hash;
		return OK;
	}
	if (!token_well_formed(TOKEN_PREFIX_SESSION, token) &&
	    (by_cookie || (!token_well_formed(TOKEN_PREFIX_PERSONAL, token) && !token_well_formed(TOKEN_PREFIX_MACHINE, token))))
		return E_INVALID;
	*ret_hash = token_hash(token);
	if (sign && text_copy(sign->text, sizeof sign->text, token) == OK) {
		sign->hash = *ret_hash;
		sign->by_cookie = by_cookie;
	}
	return OK;
}

static err_t recognise(struct request *r)
{
	const char *token = bearer_of(r);
	bool by_cookie = !token;
	struct token_row row;
	sha256 hash;
	if (!token)
		token = request_cookie(r, SESSION_COOKIE);
	if (!token)
		return refuse(r, REFUSE_NO_TOKEN, NULL, "%s", "");
	if (hash_of(r, token, by_cookie, &hash) != OK)
		return refuse(r, REFUSE_BAD_TOKEN, NULL, "%s", "");
	if (!is_known(market_of(r)->gate, hash) && !rate_has(market_of(r)->strangers, r->address, r->since))
		return refuse(r, REFUSE_BAD_TOKEN, NULL, "%s", "");
	err_t e = token_row_of(r, hash, &row);
	if (e == E_NOT_FOUND)
		return refuse(r, REFUSE_BAD_TOKEN, NULL, "%s", "");
	TRY(e);
	if (!uuid_is_zero(row.machine)) {
		const struct presence *p = presence_get(market_of(r), row.machine);
		if (p && p->row.m.state == MACHINE_RETIRED)
			return refuse(r, REFUSE_BAD_TOKEN, NULL, "the machine was retired");
	}
	r->caller = (struct caller){ true, row.account, row.machine, row.id, row.scopes, row.operator_, by_cookie };
	bool writes = strcmp(r->method, "GET") && strcmp(r->method, "HEAD");
	return by_cookie && writes ? login_check_origin(r) : OK;
}

static err_t check_scope(struct request *r)
{
	uint32_t wanted = r->route->scopes;
	char names[128] = "";
	if (wanted == SCOPE(OPERATOR) && !(r->caller.operator_ && r->caller.scopes & SCOPE(OPERATOR)))
		return refuse(r, REFUSE_NOT_OPERATOR, NULL, "%s", "");
	if (r->caller.scopes & wanted)
		return OK;
	for (int i = 0; i < SCOPE_COUNT; i++) {
		size_t len = strlen(names);
		if (wanted & 1u << i)
			snprintf(names + len, sizeof names - len, "%s%s", len ? " or " : "", scope_names[i]);
	}
	return refuse(r, REFUSE_MISSING_SCOPE, NULL, "it needs the scope %s", names);
}

static err_t too_many(struct request *r, const char *from, int wait_s)
{
	char text[16];
	snprintf(text, sizeof text, "%d", wait_s);
	refuse(r, REFUSE_TOO_MANY, NULL, "from this %s; wait %s s", from, text);
	answer_header(r, "Retry-After", text);
	return E_LIMIT;
}

static err_t check_rate(struct request *r, struct rate *rate)
{
	int wait_s = 0;
	return rate_take(rate, r->address, r->since, &wait_s) ? OK : too_many(r, "address", wait_s);
}

/* Whoever is known is counted by account and, a machine, by itself; who is not by address: one address may have many users. */
static err_t check_caller_rate(struct request *r)
{
	const struct caller *c = &r->caller;
	bool machine = !uuid_is_zero(c->machine);
	int wait_s = 0;
	if (rate_take_id(market_of(r)->callers, machine ? c->machine : c->account, r->since, &wait_s))
		return OK;
	return too_many(r, machine ? "machine" : "account", wait_s);
}

static err_t admit(struct request *r)
{
	if (r->route->flags & ROUTE_LIMITED)
		TRY(check_rate(r, market_of(r)->signups));
	if (!r->route->scopes)
		return check_rate(r, market_of(r)->strangers);
	err_t e = recognise(r);
	if (r->caller.known)
		TRY(check_caller_rate(r));
	else if (e != E_UNAVAILABLE)
		TRY(check_rate(r, market_of(r)->strangers));
	TRY(e);
	TRY(check_scope(r));
	return r->route->fn == line_put && market_of(r)->holds_book ? line_wanted(r) : OK;
}

void gate_admit(struct request *r)
{
	err_t e = admit(r);
	if (e)
		gate_refuse(r, e);
}

/* ---- what went wrong ---- */

void gate_refuse(struct request *r, err_t e)
{
	struct market *m = market_of(r);
	if (answered(r) && r->answer.status >= 400)
		return;
	switch (e) {
	case E_NOT_FOUND:
		refuse(r, REFUSE_NOT_FOUND, NULL, "%s", "");
		return;
	case E_EXISTS:
	case E_CONFLICT:
		refuse(r, REFUSE_WRONG_STATE, NULL, "%s", "");
		return;
	case E_FUNDS:
		refuse(r, REFUSE_NO_FUNDS, NULL, "%s", "");
		return;
	case E_LIMIT:
		refuse(r, REFUSE_LIMIT, NULL, "%s", "");
		return;
	case E_OVERFLOW:
		refuse(r, REFUSE_BAD_FIELD, NULL, "the amounts are too large to be multiplied");
		return;
	case E_DENIED: /* another market holds the book */
	case E_AGAIN:  /* a deadlock, or too slow: nothing was done */
	case E_TIMEOUT:
	case E_UNAVAILABLE:
		market_store_failed(m, e, r->path);
		refuse(r, REFUSE_UNAVAILABLE, NULL, "%s", "");
		return;
	default:
		if (log_allowed(&m->gate->log_bucket))
			log_error("a request failed", "request=%s method=%s path=%s error=%s store=%s", r->id, r->method, r->path,
				  err_name(e), store_error(m->store));
		refuse(r, REFUSE_INTERNAL, NULL, "%s", "");
	}
}

/* ---- the handler, in its transaction ---- */

static err_t key_of(struct request *r, const char **ret_key)
{
	const char *key = request_header(r, "Idempotency-Key");
	size_t len = key ? strlen(key) : 0;
	*ret_key = NULL;
	if (!key && !(r->route->flags & ROUTE_KEY))
		return OK;
	if (len < 8 || len >= KEY_SIZE)
		return refuse(r, REFUSE_NO_KEY, NULL, "%s", "");
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return refuse(r, REFUSE_NO_KEY, NULL, "it may hold printable ASCII without spaces only");
	*ret_key = r->route->flags & ROUTE_SECRET || !r->caller.known ? NULL : key;
	return OK;
}

/* Of what is asked, so that a key cannot be used for something else. */
sha256 gate_request_hash(const struct request *r)
{
	struct sha256_stream *s = sha256_stream_new();
	sha256_stream_add(s, r->method, strlen(r->method) + 1);
	sha256_stream_add(s, r->target, strlen(r->target) + 1);
	sha256_stream_add(s, r->body.data, r->body.len);
	return sha256_stream_end(s);
}

void gate_replay(struct request *r, const struct stored_answer *stored)
{
	bool empty = !stored->body || !stored->body[0];
	answer_text(r, stored->status, empty ? NULL : "application/json", stored->body, empty ? 0 : strlen(stored->body));
	answer_header(r, "Idempotency-Replayed", "true");
}

/* What an operator does is written down with it; a repeated request does nothing, and is not. */
static err_t run_handler(struct request *r, route_fn *fn)
{
	TRY(fn(r));
	return r->answer.status < 400 && act_is_one(r) ? act_note(r) : OK;
}

static err_t run_once(struct request *r, route_fn *fn, const char *key)
{
	struct market *m = market_of(r);
	if (!key)
		return run_handler(r, fn);
	struct stored_answer stored = { 0 };
	err_t e = store_key_claim(m->store, r->caller.account, key, gate_request_hash(r), &stored);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_KEY_REUSED, NULL, "%s", "");
	TRY(e);
	if (stored.status) {
		gate_replay(r, &stored);
		return OK;
	}
	free(stored.body);
	TRY(run_handler(r, fn));
	if (r->answer.status >= 400)
		return OK;
	return store_key_save(m->store, r->caller.account, key, r->answer.status,
			      r->answer.kind == ANSWER_TEXT ? r->answer.text : "");
}

static err_t run_in_transaction(struct request *r, route_fn *fn, const char *key)
{
	struct market *m = market_of(r);
	TRY(store_begin(m->store));
	err_t e = run_once(r, fn, key);
	bool keep = e == OK && r->answer.status < 400;
	if (keep)
		e = store_commit(m->store);
	if (!keep || e)
		store_rollback(m->store);
	if (e && keep)
		answer_take_back(r); /* it tells of what did not happen */
	return e;
}

static err_t parse_body(struct request *r)
{
	struct json_error error = { 0 };
	if (r->route->flags & (ROUTE_BYTES | ROUTE_TEXT) || r->route->body_max == 0 || r->body.len == 0)
		return OK;
	if (json_parse(r->body.data, r->body.len, &r->json, &error) != OK)
		return refuse_json(r, &error);
	return OK;
}

/* To the book's holder, who answers it as if it had come there. */
static void hand_on(struct request *r)
{
	err_t e = forward_request(market_of(r)->forward, r);
	if (e == E_UNAVAILABLE)
		refuse(r, REFUSE_UNAVAILABLE, NULL, "no market holds the book at the moment");
	else if (e)
		gate_refuse(r, e);
}

void gate_run(struct request *r)
{
	if (market_of(r)->stopping) { /* what would do it is gone */
		refuse(r, REFUSE_UNAVAILABLE, NULL, "the market is stopping");
		return;
	}
	if (r->route->flags & ROUTE_BOOK && !market_of(r)->holds_book) {
		hand_on(r);
		return;
	}
	err_t e = parse_body(r);
	if (e == OK && r->route->flags & (ROUTE_TX | ROUTE_KEY))
		e = key_of(r, &r->key);
	if (e == OK)
		e = r->route->flags & ROUTE_TX ? run_in_transaction(r, r->route->fn, r->key) : r->route->fn(r);
	if (e)
		gate_refuse(r, e);
	market_wake(market_of(r));
}

void gate_finish(struct request *r, route_fn *fn)
{
	r->now = clock_wall();
	r->now_mono = clock_mono();
	err_t e = run_in_transaction(r, fn, NULL);
	if (e)
		gate_refuse(r, e);
	market_wake(market_of(r));
	request_resume(r);
}

/* ---- lists ---- */

err_t page_from_query(struct request *r, struct page *ret)
{
	int64_t limit = 50;
	const char *cursor = request_query(r, "cursor");
	uuid after = { 0 };
	TRY(request_query_int(r, "limit", 50, 1, CURSOR_LIMIT, &limit));
	if (cursor && uuid_parse(cursor, &after) != OK)
		return refuse(r, REFUSE_BAD_FIELD, "cursor", "must be what \"next\" of the page before said");
	*ret = (struct page){ after, (uint32_t)limit };
	return OK;
}

err_t answer_page(struct request *r, json_t *items, const struct page *page, size_t count, uuid last)
{
	json_t *answer = json_object();
	json_put(answer, "items", items);
	if (count < page->limit) {
		json_put_text(answer, "next", NULL);
		answer_json(r, 200, answer);
		return OK;
	}
	char id[UUID_TEXT_SIZE], link[256];
	json_put_uuid(answer, "next", last);
	answer_json(r, 200, answer);
	/* RFC 8288 */
	snprintf(link, sizeof link, "<%.120s?cursor=%s&limit=%u>; rel=\"next\"", r->path, uuid_format(last, id), page->limit);
	answer_header(r, "Link", link);
	return OK;
}

err_t answer_items(struct request *r, json_t *items)
{
	json_t *answer = json_object();
	json_put(answer, "items", items);
	json_put_text(answer, "next", NULL);
	answer_json(r, 200, answer);
	return OK;
}

err_t gate_lease(struct request *r, struct lease_row *ret)
{
	TRY(store_lease_get(market_of(r)->store, r->values.id[0], r->caller.account, ret));
	bool buyer = uuid_equal(ret->l.buyer, r->caller.account) && r->caller.scopes & SCOPE(ORDERS);
	bool seller = uuid_equal(ret->l.seller, r->caller.account) && r->caller.scopes & SCOPE(MACHINES);
	return buyer || seller ? OK : E_NOT_FOUND;
}

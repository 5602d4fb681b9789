/* SPDX-License-Identifier: Apache-2.0
 * attempt.c - handshakes with a peer: who begins, where the flights go, when they are sent again
 *
 * How it works: of two peers the one with the smaller pin is the DTLS client and drives the handshake, so that they never begin two
 * against each other; the other can only say that it wishes for one (CARRIER_SOLICIT). The client sends its first flight to one
 * candidate after the other; the answer's origin is where the rest goes. Every datagram of a side has a number in its
 * handshake (part): the server answers a number that it has seen with its last flight again, to where the repetition came from, and
 * has no timer of its own for it. So nobody ever gets more from a server than he sent, and a lost flight is repeated by the client.
 *
 * client:  (none) --wants--> attempt: flight 1 to all candidates --answer--> last flight to via --done--> session is current
 * server:  (none) --flight 1, admitted by the gate--> attempt: answers --done--> session is next --packet under it--> current
 */
#include <openssl/crypto.h>
#include "log.h"
#include "peer.h"

#define ATTEMPT_LIFE_US (10 * SECOND_US)
#define ATTEMPT_SHORT_US (3 * SECOND_US) /* against a peer that has not answered for long */
#define ATTEMPT_REPEAT_US 20000		 /* a server repeats its flight once for all datagrams of a repeated one */
#define ATTEMPT_WAIT_US 500000
#define ATTEMPT_WAIT_MAX_US (4 * SECOND_US)
#define SILENT_US (10 * SECOND_US) /* pings unanswered: the peer may have restarted without its keys */
#define RETRY_FIRST_US SECOND_US
#define RETRY_MAX_US (60 * SECOND_US)
#define SOLICIT_US SECOND_US		    /* wishes heeded at most this often */
#define BUSY_US SECOND_US		    /* a handshake that takes longer needs wishes too */
#define SERVER_PATIENCE_US (20 * SECOND_US) /* a server reminds of a rekey only that late */
#define COOKIES_MAX 3
#define RELAYED_OPENERS 4 /* rounds */

static void attempt_free(struct peer *p, struct attempt **at)
{
	if (!*at)
		return;
	if (!(*at)->done)
		mesh_index_free(p->mesh, (*at)->local_index);
	handshake_free((*at)->dtls);
	free(*at);
	p->mesh->attempts--;
	*at = NULL;
}

void attempt_free_all(struct peer *p, bool only_done)
{
	for (int i = 0; i < PEER_ATTEMPTS; i++)
		if (p->attempt[i] && (!only_done || p->attempt[i]->done))
			attempt_free(p, &p->attempt[i]);
}

static void put_off(struct peer *p, mono_time now)
{
	int64_t wait = RETRY_FIRST_US << (p->failures < 6 ? p->failures : 6);
	if (wait > RETRY_MAX_US)
		wait = RETRY_MAX_US;
	if (p->failures < UINT8_MAX)
		p->failures++;
	p->retry_us = now.us + wait * 3 / 4 + mesh_jitter(p->mesh, wait / 2);
}

static err_t attempt_new(struct peer *p, uint64_t id, mono_time now, struct attempt **ret_attempt)
{
	struct attempt *at = calloc(1, sizeof *at);
	if (!at)
		return E_NOMEM;
	at->id = id;
	at->begun_us = at->next_us = now.us;
	at->wait_us = ATTEMPT_WAIT_US;
	p->handshakes++;
	p->mesh->attempts++;
	p->mesh->untidy = true;
	at->local_index = mesh_index_new(p->mesh, p);
	if (!at->local_index || handshake_new(p->mesh->identity, p->client, p->pin, &at->dtls) != OK) {
		attempt_free(p, &at);
		return E_NOMEM;
	}
	*ret_attempt = at;
	return OK;
}

/* ---- out ---- */
static void send_carrier(struct peer *p, struct carrier *c, const struct address *to)
{
	struct mesh_io *io = &p->mesh->io;
	memcpy(c->hint, p->to.hint, sizeof c->hint);
	uint8_t *packet = io->reserve(io->context, CARRIER_PACKET_BYTES);
	size_t len = carrier_put(c, packet);
	gate_sign(&p->to, packet, len);
	io->commit(io->context, p, to, len);
}

static void send_flight(struct peer *p, struct attempt *at, const struct address *to)
{
	const struct flight *f = handshake_flight(at->dtls);
	if (!address_equal(&at->sole, to))
		at->sole.port = 0;
	for (int i = 0; i < f->count; i++) {
		struct carrier c = {
			.index = at->remote_index,
			.id = at->id,
			.sender_index = at->local_index,
			.kind = CARRIER_DTLS,
			.part = (uint8_t)(f->first_part + i),
			.dtls = f->data[i],
			.dtls_len = f->len[i],
		};
		memcpy(c.cookie, at->cookie, sizeof c.cookie);
		send_carrier(p, &c, to);
	}
}

static size_t carrier_bytes(uint32_t index, size_t dtls_len)
{
	return index == 0 ? CARRIER_PACKET_BYTES : CARRIER_HEAD_BYTES + dtls_len + CARRIER_MAC_BYTES;
}

static size_t flight_bytes(const struct attempt *at)
{
	const struct flight *f = handshake_flight(at->dtls);
	size_t bytes = 0;
	for (int i = 0; i < f->count; i++)
		bytes += carrier_bytes(at->remote_index, f->len[i]);
	return bytes;
}

/* Is a packet as large as our last flight? Then a repetition of it, whoever says to have sent it, may have that flight again. */
static bool is_worth_a_flight(const struct attempt *at, const struct carrier *c)
{
	return carrier_bytes(c->index, c->dtls_len) >= flight_bytes(at);
}

/* An answer's origin may be a victim that the answer was deflected to: unless it is a known way, it gets no more than it sent. */
static bool via_may_have_a_flight(const struct peer *p, const struct attempt *at)
{
	int i = paths_find(&p->paths, &at->via);
	return (i >= 0 && paths_known(&p->paths, i) == i) || at->credit_bytes >= flight_bytes(at);
}

static void credit(struct attempt *at, const struct address *from, size_t bytes)
{
	if (address_equal(&at->via, from))
		at->credit_bytes += bytes;
}

static void send_flight_back(struct peer *p, struct attempt *at)
{
	size_t bytes = flight_bytes(at);
	at->credit_bytes -= bytes < at->credit_bytes ? bytes : at->credit_bytes;
	send_flight(p, at, &at->via);
}

static void send_wish(struct peer *p, const struct address *to)
{
	struct carrier c = { .kind = CARRIER_SOLICIT, .sender_index = 1 };
	random_fill(&c.id, sizeof c.id);
	send_carrier(p, &c, to);
}

static void send_cookie(struct peer *p, const struct carrier *c, const struct address *to, mono_time now)
{
	struct mesh_io *io = &p->mesh->io;
	struct cookie_reply reply = { .index = c->sender_index, .id = c->id };
	gate_cookie(&p->mesh->gate, to, c, now, reply.cookie);
	uint8_t *packet = io->reserve(io->context, COOKIE_PACKET_BYTES);
	cookie_put(&reply, packet);
	gate_sign(&p->to, packet, COOKIE_PACKET_BYTES);
	io->commit(io->context, p, to, COOKIE_PACKET_BYTES);
}

/* ---- in ---- */
static void finish(struct peer *p, struct attempt *at, mono_time now)
{
	struct seal_key up, down; /* client to server, server to client */
	struct session *s = NULL;
	uint32_t client = p->client ? at->local_index : at->remote_index, server = p->client ? at->remote_index : at->local_index;
	err_t e = handshake_keys(at->dtls, p->mesh->network, client, server, &up, &down);
	if (e == OK)
		e = session_new(p->client ? &up : &down, p->client ? &down : &up, at->local_index, at->remote_index, now, &s);
	OPENSSL_cleanse(&up, sizeof up);
	OPENSSL_cleanse(&down, sizeof down);
	if (e != OK) {
		mesh_log(p->mesh, LOG_ERROR, "handshake gave no keys name=%s error=%s", p->name, err_name(e));
		return;
	}
	at->done = true; /* the index is the session's now */
	/* Where else the peer may have got our flight, the address of its answer is anybody's word. */
	peer_take_session(p, s, &at->via, address_equal(&at->sole, &at->via), now);
	paths_credit(&p->paths, paths_find(&p->paths, &at->via), (int64_t)at->credit_bytes);
}

static void take_datagram(struct peer *p, struct attempt **slot, const struct carrier *c, const struct address *from,
			  mono_time now)
{
	struct attempt *at = *slot;
	uint64_t *seen = &at->seen[c->part / 64], bit = 1ull << (c->part % 64);
	bool spoke;
	if (*seen & bit) {
		credit(at, from, carrier_bytes(c->index, c->dtls_len));
		if (!p->client && now.us - at->repeated_us >= ATTEMPT_REPEAT_US && is_worth_a_flight(at, c)) {
			at->repeated_us = now.us;
			p->handshake_repeats++;
			send_flight(p, at, from);
		}
		return;
	}
	if (at->done)
		return;
	*seen |= bit;
	at->remote_index = c->sender_index;
	if (!address_equal(&at->via, from))
		at->credit_bytes = 0;
	at->via = *from;
	credit(at, from, carrier_bytes(c->index, c->dtls_len));
	enum handshake_state state = handshake_step(at->dtls, c->dtls, c->dtls_len, &spoke);
	if (state == HANDSHAKE_FAILED) {
		p->refused = true;
		if (bucket_take(&p->complaints, 1, 3, now)) /* another member could cause it at will */
			mesh_log(p->mesh, LOG_WARN, "handshake refused name=%s", p->name);
		attempt_free(p, slot);
		if (p->client)
			put_off(p, now);
		return;
	}
	if (spoke) {
		/* Parts of a flight that came from elsewhere do not count: then it goes to the candidates, at once. */
		bool worth = !p->client || via_may_have_a_flight(p, at);
		at->sole = worth ? at->via : (struct address){ 0 };
		if (worth)
			send_flight_back(p, at);
		at->target = 0;
		at->wait_us = ATTEMPT_WAIT_US;
		at->next_us = worth ? now.us + at->wait_us : now.us;
	}
	if (state == HANDSHAKE_DONE) {
		finish(p, at, now);
		if (p->client || !at->done)
			attempt_free(p, slot);
	}
}

/* ---- the server's side ---- */
static struct attempt **server_slot(struct peer *p)
{
	struct attempt **oldest = &p->attempt[0];
	for (int i = 0; i < PEER_ATTEMPTS; i++) {
		if (!p->attempt[i])
			return &p->attempt[i];
		if (p->attempt[i]->begun_us < (*oldest)->begun_us)
			oldest = &p->attempt[i];
	}
	attempt_free(p, oldest);
	return oldest;
}

static void server_take(struct peer *p, const struct carrier *c, const struct address *from, mono_time now)
{
	bool contended = false;
	for (int i = 0; i < PEER_ATTEMPTS; i++) {
		struct attempt *at = p->attempt[i];
		if (at && at->id == c->id && at->remote_index == c->sender_index &&
		    (c->index == 0 || c->index == at->local_index)) {
			take_datagram(p, &p->attempt[i], c, from, now);
			return;
		}
		contended |= at && !at->done;
	}
	if (c->index != 0 || c->part != 0)
		return;
	switch (gate_admit(&p->mesh->gate, from, c, contended, now)) {
	case GATE_DROP:
		return;
	case GATE_ASK_COOKIE:
		send_cookie(p, c, from, now);
		return;
	case GATE_PASS:
		break;
	}
	struct attempt **slot = server_slot(p);
	if (attempt_new(p, c->id, now, slot) == OK)
		take_datagram(p, slot, c, from, now);
}

/* ---- the client's side ---- */
static void client_begin(struct peer *p, const struct address *extra, mono_time now)
{
	uint64_t id;
	bool spoke;
	random_fill(&id, sizeof id);
	if (attempt_new(p, id, now, &p->attempt[0]) != OK) {
		put_off(p, now);
		return;
	}
	if (extra)
		p->attempt[0]->extra = *extra;
	if (handshake_step(p->attempt[0]->dtls, NULL, 0, &spoke) == HANDSHAKE_FAILED || !spoke) {
		mesh_log(p->mesh, LOG_ERROR, "handshake did not begin name=%s", p->name);
		attempt_free(p, &p->attempt[0]);
		put_off(p, now);
	}
}

static void client_take(struct peer *p, const struct carrier *c, const struct address *from, mono_time now)
{
	struct attempt *at = p->attempt[0];
	if (c->kind == CARRIER_SOLICIT) {
		if (at && at->via.port == 0) {
			at->extra = *from;
		} else if (at) {
			credit(at, from, CARRIER_PACKET_BYTES);
		} else if (now.us - p->solicited_us >= SOLICIT_US) {
			p->solicited_us = now.us;
			client_begin(p, from, now);
		}
		return;
	}
	if (at && at->id == c->id && at->local_index == c->index &&
	    (at->remote_index == 0 || at->remote_index == c->sender_index))
		take_datagram(p, &p->attempt[0], c, from, now);
}

void attempt_take(struct peer *p, const struct carrier *c, const struct address *from, mono_time now)
{
	if (p->client)
		client_take(p, c, from, now);
	else if (c->kind == CARRIER_DTLS)
		server_take(p, c, from, now);
}

void attempt_take_cookie(struct peer *p, const struct cookie_reply *c, mono_time now)
{
	struct attempt *at = p->attempt[0];
	if (!p->client || !at || at->local_index != c->index || at->id != c->id || at->remote_index != 0)
		return;
	if (at->cookies++ >= COOKIES_MAX)
		return;
	memcpy(at->cookie, c->cookie, sizeof at->cookie);
	/* The flight is larger than the cookie, which who sits on the way may have sent in anybody's name: it goes to the candidates, and
	 * elsewhere for the next wish from there. */
	at->target = 0;
	at->next_us = now.us;
}

/* ---- time ---- */
/* Nobody may knock at a NAT whose own host has not yet sent (meeting.c). So the first round to such addresses goes as openers; with a
 * relay, over which we may meet, the first ones. */
static struct address with_hops(const struct peer *p, const struct address *to, int round)
{
	struct address a = *to;
	int i = paths_find(&p->paths, to);
	int careful = p->mesh->relay_is_up && p->failures < RELAYED_OPENERS ? RELAYED_OPENERS : 1;
	if (i >= 0 && path_wants_opener(&p->paths.path[i]) && round < careful)
		a.hops = paths_opening_hops((unsigned)round);
	return a;
}

static bool path_is_silent(const struct peer *p, mono_time now)
{
	if (p->paths.active < 0)
		return true;
	int64_t waiting = p->paths.path[p->paths.active].waiting_us;
	return waiting && now.us - waiting >= SILENT_US;
}

static bool wants_keys(const struct peer *p, mono_time now)
{
	if (!p->current || path_is_silent(p, now))
		return true;
	if (p->client)
		return session_wants_rekey(p->current, now, p->rekey_jitter_us);
	return session_wants_rekey(p->current, now, -SERVER_PATIENCE_US);
}

/* When wants_keys() may turn true by itself. */
static int64_t wanted_us(const struct peer *p)
{
	if (!p->current || p->paths.active < 0)
		return p->retry_us;
	int64_t rekey = p->client ? -p->rekey_jitter_us : SERVER_PATIENCE_US;
	int64_t at = p->current->made_us + SESSION_REKEY_US + rekey;
	int64_t waiting = p->paths.path[p->paths.active].waiting_us;
	if (session_wants_rekey(p->current, (mono_time){ p->current->made_us }, 0))
		at = p->retry_us; /* by its count of packets */
	if (waiting && waiting + SILENT_US < at)
		at = waiting + SILENT_US;
	return at > p->retry_us ? at : p->retry_us;
}

/* The candidate whose turn it is: while a path works, only that one for the first two rounds. */
static const struct address *target_of(const struct peer *p, const struct attempt *at)
{
	bool works = peer_is_connected(p) && p->paths.path[p->paths.active].waiting_us == 0;
	int i = paths_known(&p->paths, at->target);
	if (works && at->round < 2)
		return at->target == 0 ? &p->paths.path[p->paths.active].to : NULL;
	if (i < p->paths.count)
		return &p->paths.path[i].to;
	return i == p->paths.count && at->extra.port ? &at->extra : NULL;
}

static void wait_longer(struct attempt *at, mono_time now)
{
	at->next_us = now.us + at->wait_us;
	at->wait_us = at->wait_us * 2 < ATTEMPT_WAIT_MAX_US ? at->wait_us * 2 : ATTEMPT_WAIT_MAX_US;
}

static int64_t attempt_life_us(const struct peer *p)
{
	return p->client && p->failures >= 3 ? ATTEMPT_SHORT_US : ATTEMPT_LIFE_US;
}

static void client_tick(struct peer *p, mono_time now)
{
	struct attempt *at = p->attempt[0];
	if (at && now.us - at->begun_us >= attempt_life_us(p)) {
		attempt_free(p, &p->attempt[0]);
		p->refused = false;
		put_off(p, now);
		return;
	}
	if (!at && now.us >= p->retry_us && wants_keys(p, now)) {
		client_begin(p, NULL, now);
		at = p->attempt[0];
	}
	if (!at || now.us < at->next_us)
		return;
	if (at->via.port && via_may_have_a_flight(p, at)) {
		p->handshake_repeats++;
		send_flight_back(p, at);
		wait_longer(at, now);
		return;
	}
	const struct address *to = target_of(p, at);
	if (to) {
		/* Who sent a wish from there has opened its NAT already, and ours was open to it. */
		struct address way = to == &at->extra ? *to : with_hops(p, to, at->round);
		p->handshake_repeats += at->round > 0;
		send_flight(p, at, &way);
		/* Where a wish came from gets one flight for it, which is no larger: a repeated wish must not lure more there. */
		if (to == &at->extra)
			at->extra.port = 0;
		at->target = paths_known(&p->paths, at->target) + 1;
		at->next_us = now.us + PATH_PACE_US;
	}
	if (!target_of(p, at)) {
		at->target = 0;
		at->round++;
		wait_longer(at, now);
	}
}

static void server_tick(struct peer *p, mono_time now)
{
	bool busy = false;
	for (int i = 0; i < PEER_ATTEMPTS; i++) {
		if (p->attempt[i] && now.us - p->attempt[i]->begun_us >= ATTEMPT_LIFE_US)
			attempt_free(p, &p->attempt[i]);
		busy |= p->attempt[i] && !p->attempt[i]->done && now.us - p->attempt[i]->begun_us < BUSY_US;
	}
	if (now.us < p->retry_us || !wants_keys(p, now))
		return;
	p->wish_target = paths_known(&p->paths, p->wish_target);
	if (busy || p->wish_target >= p->paths.count) {
		p->wish_target = 0;
		put_off(p, now);
		return;
	}
	struct address way = with_hops(p, &p->paths.path[p->wish_target++].to, p->failures);
	send_wish(p, &way);
	p->retry_us = now.us + PATH_PACE_US;
}

void attempt_hurry(struct peer *p, mono_time now)
{
	struct attempt *at = p->client ? p->attempt[0] : NULL;
	p->failures = 0;
	p->retry_us = now.us;
	p->wish_target = 0;
	if (at && at->via.port == 0) {
		at->target = 0;
		at->next_us = now.us;
	}
}

void attempt_tick(struct peer *p, mono_time now)
{
	if (p->client)
		client_tick(p, now);
	else
		server_tick(p, now);
}

int64_t attempt_due_us(const struct peer *p)
{
	int64_t due = INT64_MAX;
	for (int i = 0; i < PEER_ATTEMPTS; i++) {
		const struct attempt *at = p->attempt[i];
		if (!at)
			continue;
		int64_t at_us = at->begun_us + attempt_life_us(p);
		if (p->client && at->next_us < at_us)
			at_us = at->next_us;
		if (at_us < due)
			due = at_us;
	}
	if (p->client && p->attempt[0])
		return due;
	int64_t wanted = wanted_us(p);
	return wanted < due ? wanted : due;
}

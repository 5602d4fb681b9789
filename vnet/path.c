/* SPDX-License-Identifier: Apache-2.0
 * path.c - the ways to one peer: probing, choosing, noticing that one died
 *
 * How it works: each address is a path with a state of its own (path.h). A ping carries a token of 56 random bits and a
 * number; its sealed pong proves that the peer is reached at that address, so nobody can make us send data to an address
 * that did not answer. Of the VALID paths the cheapest is active: round-trip time with a bonus for the own site and for IPv6,
 * and a hysteresis, so that two like paths do not take turns. A VALID path is pinged now and then; when pings go unanswered the
 * others are asked at once, and the first that answers takes over with the third; one of a worse kind (a relay) with the fifth, as a
 * path that loses some is better than that. That is also how a peer that moved is followed: its packets from a new address make a
 * learned path, and make us ping the old one. Announced paths, and those that answered once, are never given up: dead ones are pinged
 * each minute.
 */
#include <assert.h>
#include <stdlib.h>
#include "path.h"
#include "relay_wire.h"

const char *const path_state_names[] = { "new", "opening", "probing", "valid", "suspect", "dead" };
static_assert(sizeof path_state_names / sizeof *path_state_names == PATH_STATE_COUNT, "a name for each state");

#define PATH_ROOM 4 /* grown by */
#define SWITCH_UNANSWERED 3
/* For a worse kind: 5 % loss each way takes two pings in a row once in 100 times, four once in 11,000. */
#define LEAVE_UNANSWERED 5
#define RETRY_MAX_US (PATH_SUSPECT_US / LEAVE_UNANSWERED) /* so many pings have their time before the path is SUSPECT */
#define SWITCH_GAIN_US 2000
#define NEVER INT64_MAX
#define OPENERS 2 /* one may be lost */

static int64_t retry_us(const struct path *p)
{
	int64_t rto = p->srtt_us < 0 ? 0 : p->srtt_us + 4 * p->rttvar_us;
	return rto < PATH_RETRY_US ? PATH_RETRY_US : rto < RETRY_MAX_US ? rto : RETRY_MAX_US;
}

static void path_reset(struct path *p)
{
	*p = (struct path){ .to = p->to,
			    .kind = p->kind,
			    .learned = p->learned,
			    .tls = p->tls,
			    .srtt_us = -1,
			    .datagram_bytes = PATH_BASE_BYTES };
}

void paths_init(struct paths *s, uint16_t want_bytes)
{
	*s = (struct paths){ .active = -1, .want_bytes = want_bytes };
}

bool path_wants_opener(const struct path *p)
{
	return p->kind == VNET_REFLEXIVE && address_is_v4(&p->to);
}

uint8_t paths_opening_hops(unsigned turn)
{
	static const uint8_t hops[] = { 4, 3, 2 }; /* a NAT at home is 1 away, one of the provider's some more */
	return hops[turn % sizeof hops];
}

void paths_clear(struct paths *s)
{
	free(s->path);
	*s = (struct paths){ .active = -1 };
}

int paths_find(const struct paths *s, const struct address *from)
{
	if (s->active >= 0 && address_equal(&s->path[s->active].to, from))
		return s->active;
	for (int i = 0; i < s->count; i++)
		if (address_equal(&s->path[i].to, from))
			return i;
	return -1;
}

static void path_remove(struct paths *s, int i)
{
	if (s->active == i)
		s->active = -1;
	s->count--;
	if (s->active == s->count)
		s->active = i;
	s->path[i] = s->path[s->count];
}

static bool grow(struct paths *s)
{
	int room = s->room + PATH_ROOM < PATH_MAX_COUNT ? s->room + PATH_ROOM : PATH_MAX_COUNT;
	struct path *path = realloc(s->path, (size_t)room * sizeof *path);
	if (!path)
		return false;
	s->path = path;
	s->room = room;
	return true;
}

/* -1 without memory. */
static int path_add(struct paths *s, const struct address *to, enum vnet_candidate_kind kind, bool learned)
{
	assert(s->count < PATH_MAX_COUNT);
	if (s->count == s->room && !grow(s))
		return -1;
	struct path *p = &s->path[s->count];
	p->to = *to;
	p->kind = kind;
	p->learned = learned;
	p->tls = false;
	path_reset(p);
	return s->count++;
}

static int learned_count(const struct paths *s)
{
	int n = 0;
	for (int i = 0; i < s->count; i++)
		n += s->path[i].learned;
	return n;
}

/* Room for one more learned path: the one that was silent longest goes, but never the active one. */
static bool make_room(struct paths *s)
{
	int stalest = -1;
	if (learned_count(s) < PATH_LEARNED)
		return true;
	for (int i = 0; i < s->count; i++)
		if (s->path[i].learned && i != s->active && (stalest < 0 || s->path[i].heard_us < s->path[stalest].heard_us))
			stalest = i;
	if (stalest < 0)
		return false;
	path_remove(s, stalest);
	return true;
}

void paths_set(struct paths *s, const struct address *to, const enum vnet_candidate_kind *kind, int count)
{
	/* One that is announced no longer but works stays as a learned one. */
	for (int i = s->count - 1; i >= 0; i--) {
		bool stays = s->path[i].learned || s->path[i].to.via;
		for (int k = 0; k < count && !stays; k++)
			stays = address_equal(&s->path[i].to, &to[k]);
		if (stays)
			continue;
		if (i == s->active && learned_count(s) < PATH_LEARNED)
			s->path[i].learned = true;
		else
			path_remove(s, i);
	}
	for (int k = 0; k < count; k++) {
		int i = paths_find(s, &to[k]);
		if (i < 0 && (i = path_add(s, &to[k], kind[k], false)) < 0)
			return;
		s->path[i].kind = kind[k];
		s->path[i].learned = false;
		if (s->path[i].state == PATH_DEAD)
			s->path[i].state = PATH_NEW;
	}
}

void paths_set_relays(struct paths *s, const struct address *relays, const bool *tls, int count)
{
	for (int i = s->count - 1; i >= 0; i--) {
		bool stays = s->path[i].to.via == 0;
		for (int k = 0; k < count && !stays; k++)
			stays = address_equal(&s->path[i].to, &relays[k]);
		if (!stays)
			path_remove(s, i);
	}
	for (int k = 0; k < count; k++) {
		int i = paths_find(s, &relays[k]);
		if (i < 0 && (i = path_add(s, &relays[k], VNET_RELAYED, false)) < 0)
			return;
		s->path[i].tls = tls[k];
	}
}

void paths_relay_up(struct paths *s, const struct address *relay, bool tls)
{
	int i = paths_find(s, relay);
	if (i < 0)
		return;
	struct path *p = &s->path[i];
	if (p->state == PATH_DEAD || p->state == PATH_PROBING)
		p->state = PATH_NEW;
	if (p->tls && !tls) { /* what TCP carried whole may be too much now */
		p->datagram_bytes = PATH_BASE_BYTES;
		p->search_bytes = 0;
		p->search_us = 0;
	}
	p->tls = tls;
	p->next_us = 0;
}

static int learn(struct paths *s, const struct address *from, mono_time now)
{
	int i = paths_find(s, from);
	if (i >= 0)
		return i;
	if (from->via || !address_is_unicast(from) || !make_room(s))
		return -1;
	i = path_add(s, from, VNET_HOST, true);
	if (i >= 0)
		s->path[i].heard_us = now.us;
	return i;
}

/* Where both sides' NATs map each destination anew, and let anybody in, a ping to a new address comes from a new one, whose
 * answer comes from a new one: without a bound the two would learn from each other without end. */
int paths_learn(struct paths *s, const struct address *from, mono_time now)
{
	int64_t *oldest = &s->learned_us[s->learned_next];
	int i = paths_find(s, from);
	if (i >= 0 || (*oldest && now.us - *oldest < PATH_LEARN_US))
		return i;
	i = learn(s, from, now);
	if (i >= 0) {
		*oldest = now.us;
		s->learned_next = (s->learned_next + 1) % PATH_LEARNED;
	}
	return i;
}

static bool is_known(const struct path *p)
{
	return !p->learned || p->answered_us;
}

/* Where the peer itself says that it is seen (paths_seen) it is its word, as a candidate is. */
static bool path_pays(const struct path *p)
{
	return !is_known(p) && p->kind != VNET_REFLEXIVE;
}

static bool waits_for_credit(const struct path *p)
{
	return p->state < PATH_VALID && path_pays(p) && p->credit_bytes < PATH_LEAN_BYTES;
}

void paths_credit(struct paths *s, int i, int64_t bytes)
{
	if (i < 0)
		return;
	int64_t credit = s->path[i].credit_bytes + bytes;
	s->path[i].credit_bytes = credit < 0 ? 0 : credit < INT32_MAX ? (uint32_t)credit : INT32_MAX;
}

int paths_known(const struct paths *s, int index)
{
	while (index < s->count && !is_known(&s->path[index]))
		index++;
	return index;
}

/* ---- choosing ---- */
static int64_t cost_us(const struct path *p)
{
	int64_t cost = p->srtt_us < 0 ? SECOND_US : p->srtt_us;
	if (address_is_private(&p->to))
		cost = cost * 8 / 10;
	else if (!address_is_v4(&p->to))
		cost = cost * 9 / 10;
	return cost;
}

/* What is better whatever it costs: any direct path than a relay, and UDP to a relay than TLS. */
static int rank(const struct path *p)
{
	return p->kind != VNET_RELAYED ? 0 : p->tls ? 2 : 1;
}

static bool is_cheaper(const struct path *p, const struct path *than)
{
	return rank(p) != rank(than) ? rank(p) < rank(than) : cost_us(p) < cost_us(than);
}

static bool is_clearly_cheaper(const struct path *p, const struct path *than)
{
	if (rank(p) != rank(than))
		return rank(p) < rank(than);
	int64_t have = cost_us(than), gain = have / 10 > SWITCH_GAIN_US ? have / 10 : SWITCH_GAIN_US;
	return cost_us(p) + gain < have;
}

static void activate(struct paths *s, int i, mono_time now)
{
	if (s->path[i].to.via && (s->active < 0 || !s->path[s->active].to.via))
		paths_meet_soon(s, now);
	s->active = i;
	s->path[i].search_us = now.us;
	s->path[i].search_modest = false;
	s->path[i].search_tries = 0;
	if (s->path[i].next_us > now.us + PATH_KEEPALIVE_US)
		s->path[i].next_us = now.us + PATH_KEEPALIVE_US;
}

/* Has the active path been silent for so long that p is better? */
static bool is_fading(const struct path *active, const struct path *p)
{
	return active->unanswered >= (rank(p) > rank(active) ? LEAVE_UNANSWERED : SWITCH_UNANSWERED);
}

static void choose(struct paths *s, mono_time now)
{
	struct path *active = s->active < 0 ? NULL : &s->path[s->active];
	bool lost = !active || active->state != PATH_VALID;
	bool silent = active && (lost || active->unanswered >= SWITCH_UNANSWERED);
	int best = -1;

	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		if (i == s->active || p->state != PATH_VALID || p->waiting_us)
			continue;
		/* Where ours is silent only a path that answered after it fell silent is better. */
		if (silent && p->answered_us <= active->waiting_us)
			continue;
		if (!lost && !is_fading(active, p) && !is_clearly_cheaper(p, active))
			continue;
		if (best < 0 || is_cheaper(p, &s->path[best]))
			best = i;
	}
	if (best >= 0)
		activate(s, best, now);
	else if (active && active->state == PATH_DEAD)
		s->active = -1;
}

/* ---- what comes in ---- */
/* It works in both directions: the peer answered. That it is heard says only that it reaches us. */
static void path_answered(struct path *p, mono_time now)
{
	p->heard_us = p->answered_us = now.us;
	p->waiting_us = 0;
	p->unanswered = 0;
	p->deaths = 0;
	if (p->state == PATH_SUSPECT)
		p->state = PATH_VALID;
}

static void begin_probing(struct path *p, enum path_state state, mono_time now)
{
	p->state = state;
	p->tries = 0;
	p->next_us = now.us;
	p->met = false;
	random_fill(&p->secret, sizeof p->secret);
	p->secret >>= 8;
}

static void ping_soon(struct path *p, mono_time now)
{
	if (p->state == PATH_DEAD)
		p->state = PATH_NEW;
	if (p->next_us > now.us)
		p->next_us = now.us;
}

/* Those that work are asked again and again, as only one that answers after the active one fell silent may take over. */
static void ask_the_others(struct paths *s, int except, bool dead_too, mono_time now)
{
	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		bool works = p->state == PATH_VALID;
		if (i != except && (works || dead_too) && p->pinged_us + (works ? PATH_RETRY_US : SECOND_US) <= now.us)
			ping_soon(p, now);
	}
}

void paths_heard(struct paths *s, int i, bool answer, mono_time now)
{
	if (i < 0)
		return;
	struct path *p = &s->path[i];
	p->heard_us = now.us;
	if (p->state == PATH_DEAD || p->state < PATH_PROBING)
		begin_probing(p, PATH_PROBING, now); /* our NAT is open to it */
	if (answer || s->active < 0 || i == s->active)
		return;
	/* The peer speaks over another path than ours: perhaps ours is dead. */
	struct path *active = &s->path[s->active];
	if (active->heard_us + PATH_RETRY_US < now.us && active->pinged_us + SECOND_US < now.us)
		ping_soon(active, now);
}

void paths_used(struct paths *s, mono_time now)
{
	s->used_us = now.us;
	if (s->active < 0)
		return;
	struct path *p = &s->path[s->active];
	if (p->waiting_us)
		return;
	if (p->next_us > now.us + PATH_HEARTBEAT_US)
		p->next_us = now.us + PATH_HEARTBEAT_US;
	if (p->heard_us + SECOND_US < now.us && p->pinged_us + SECOND_US < now.us) {
		p->full_turn = false; /* perhaps only what is large is lost */
		ping_soon(p, now);
	}
}

void paths_ours(struct paths *s, int i, const struct address *from)
{
	struct path *p = &s->path[i];
	if (!from->via && (p->state != PATH_VALID || p->waiting_us))
		memcpy(p->to.ours, from->ours, sizeof p->to.ours);
}

static int64_t keepalive_us(const struct paths *s, int i, mono_time now)
{
	if (i != s->active)
		return PATH_STANDBY_US;
	if (s->path[i].full_lost)
		return 2 * PATH_RETRY_US;
	return s->used_us && now.us - s->used_us < PATH_KEEPALIVE_US ? PATH_HEARTBEAT_US : PATH_KEEPALIVE_US;
}

/* RFC 6298 section 2. */
static void note_rtt(struct path *p, int64_t rtt_us)
{
	if (p->srtt_us < 0) {
		p->srtt_us = rtt_us;
		p->rttvar_us = rtt_us / 2;
		return;
	}
	int64_t off = p->srtt_us > rtt_us ? p->srtt_us - rtt_us : rtt_us - p->srtt_us;
	p->rttvar_us = (3 * p->rttvar_us + off) / 4;
	p->srtt_us = (7 * p->srtt_us + rtt_us) / 8;
}

static struct path_sent *sent_of(struct path *p, uint64_t token)
{
	struct path_sent *sent = &p->sent[token % PATH_RING];
	if (p->secret != token >> 8 || !sent->at_us || sent->number != (token & 0xff))
		return NULL;
	return sent;
}

bool paths_pong(struct paths *s, uint64_t token, mono_time now)
{
	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		struct path_sent *sent = sent_of(p, token);
		if (!sent)
			continue;
		note_rtt(p, now.us - sent->at_us);
		if (sent->bytes > p->datagram_bytes) {
			p->datagram_bytes = sent->bytes;
			p->search_tries = 0;
			p->search_bytes = 0;
			p->search_us = now.us;
		}
		if (sent->bytes == p->datagram_bytes)
			p->full_lost = 0;
		if (sent->counts)
			loss_answered(&p->loss, sent->at_us, now);
		*sent = (struct path_sent){ 0 };
		path_answered(p, now);
		p->state = PATH_VALID;
		choose(s, now);
		p->next_us = now.us + keepalive_us(s, i, now);
		return true;
	}
	return false;
}

void paths_handshaken(struct paths *s, const struct address *via, bool proven, mono_time now)
{
	int i = proven ? learn(s, via, now) : paths_learn(s, via, now);
	for (int k = 0; k < s->count; k++)
		if (s->path[k].state == PATH_DEAD)
			s->path[k].state = PATH_NEW;
	if (i < 0 || !proven)
		return;
	struct path *p = &s->path[i];
	paths_ours(s, i, via);
	path_answered(p, now);
	if (p->state != PATH_VALID) {
		random_fill(&p->secret, sizeof p->secret);
		p->secret >>= 8;
		p->state = PATH_VALID;
	}
	p->next_us = now.us; /* the first packet under the new keys is a ping */
	if (s->active < 0 || s->path[s->active].state != PATH_VALID)
		activate(s, i, now);
	else if (i != s->active)
		ping_soon(&s->path[s->active], now);
}

void paths_forget(struct paths *s)
{
	s->active = -1;
	for (int i = 0; i < s->count; i++)
		path_reset(&s->path[i]);
}

void paths_wake(struct paths *s)
{
	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		if (p->state == PATH_DEAD)
			p->state = PATH_NEW;
		else if (p->state == PATH_VALID || p->state == PATH_SUSPECT)
			p->next_us = 0; /* the others are being tried, and openers must have their time */
		p->deaths = 0;
		address_forget_ours(&p->to);
	}
}

void paths_too_big(struct paths *s, int i, size_t bytes, mono_time now)
{
	struct path *p = &s->path[i];
	if (bytes > p->datagram_bytes)
		return; /* a search ping: its silence is answer enough */
	p->datagram_bytes = PATH_BASE_BYTES;
	p->search_bytes = 0;
	p->search_tries = 0;
	p->search_modest = true;
	p->search_us = now.us + SECOND_US;
}

/* ---- the datagram size (RFC 8899) ---- */
static uint16_t next_size(const struct paths *s, const struct path *p)
{
	static const uint16_t sizes[] = { 1280, 1360, 1400, 1452, 1472, PATH_TOP_BYTES };
	uint16_t likely = address_is_v4(&p->to) ? 1472 : 1452; /* ethernet's 1500 less IP and UDP */
	if (p->to.via)
		likely -= RELAY_HEADER_BYTES;
	if (p->datagram_bytes >= s->want_bytes)
		return 0;
	if (!p->search_modest && p->datagram_bytes < likely)
		return likely;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (sizes[i] > p->datagram_bytes)
			return sizes[i] == PATH_TOP_BYTES && s->want_bytes <= 1472 ? 0 : sizes[i];
	return 0;
}

/* Returns the size of a search ping that is due, or 0. */
static uint16_t search(struct paths *s, struct path *p, mono_time now)
{
	if (p->state != PATH_VALID || p->waiting_us || now.us < p->search_us)
		return 0;
	if (p->search_bytes > p->datagram_bytes && ++p->search_tries >= (p->search_modest ? 3 : 2)) {
		p->search_tries = 0;
		p->search_bytes = 0;
		if (p->search_modest) {
			p->search_modest = false;
			p->search_us = now.us + PATH_SEARCH_US;
			return 0;
		}
		p->search_modest = true;
	}
	p->search_bytes = next_size(s, p);
	p->search_us = p->search_bytes ? now.us + retry_us(p) : now.us + PATH_SEARCH_US;
	return p->search_bytes;
}

/* The size of a heartbeat: every second one is full-size, so that a black hole shows. */
static uint16_t heartbeat_bytes(struct paths *s, int i, mono_time now)
{
	struct path *p = &s->path[i];
	if (i != s->active || p->unanswered || p->datagram_bytes == PATH_BASE_BYTES)
		return 0;
	p->full_turn = !p->full_turn || p->full_lost;
	if (!p->full_turn)
		return 0;
	if (++p->full_lost > 3) {
		p->full_lost = 0;
		p->full_turn = false;
		paths_too_big(s, i, p->datagram_bytes, now);
		p->search_us = now.us + PATH_STANDBY_US;
		return 0;
	}
	return p->datagram_bytes;
}

/* ---- what goes out ---- */
static void make_ping(struct paths *s, int i, uint16_t bytes, mono_time now, struct path_ping *ret_ping)
{
	struct path *p = &s->path[i];
	if (bytes == 0)
		bytes = path_pays(p) ? PATH_LEAN_BYTES : PATH_PING_BYTES;
	bool counts = bytes <= p->datagram_bytes; /* larger ones look for a larger size */
	paths_credit(s, i, -(int64_t)bytes);
	p->number++;
	p->pinged_us = now.us;
	p->sent[p->number % PATH_RING] =
		(struct path_sent){ .at_us = now.us, .bytes = bytes, .number = p->number, .counts = counts };
	if (counts)
		loss_asked(&p->loss, now);
	*ret_ping = (struct path_ping){ .path = i, .token = p->secret << 8 | p->number, .bytes = bytes };
}

/* While the relay carries the data a direct path is worth more tries: both sides' NATs must be open at the same time. */
static int64_t dead_us(const struct paths *s, struct path *p)
{
	int64_t wait = PATH_EAGER_US << p->deaths;
	bool relayed = s->active >= 0 && s->path[s->active].to.via;
	if (p->deaths < 4)
		p->deaths++;
	return relayed && wait < PATH_STANDBY_US ? wait : PATH_STANDBY_US;
}

/* Over the relay we can agree on when to begin; till then nothing may knock at the other side's NAT. */
static bool waits_for_meeting(const struct paths *s, const struct path *p)
{
	return path_wants_opener(p) && !p->met && s->active >= 0 && s->path[s->active].to.via;
}

static bool next_opener(struct paths *s, int i, mono_time now, struct path_ping *ret_ping)
{
	struct path *p = &s->path[i];
	int64_t rtt_us = s->active >= 0 && s->path[s->active].srtt_us > 0 ? s->path[s->active].srtt_us : 0;
	if (p->tries == OPENERS) {
		begin_probing(p, PATH_PROBING, now);
		return false;
	}
	p->tries++;
	p->next_us = now.us + (PATH_OPEN_US + rtt_us) / OPENERS;
	make_ping(s, i, 0, now, ret_ping);
	ret_ping->hops = paths_opening_hops(s->meetings ? s->meetings - 1 : p->deaths);
	return true;
}

static bool next_first_ping(struct paths *s, int i, mono_time now, struct path_ping *ret_ping)
{
	struct path *p = &s->path[i];
	if (waits_for_credit(p)) {
		if (now.us - p->heard_us >= PATH_DEAD_US)
			path_remove(s, i);
		return false;
	}
	if (p->state == PATH_NEW && path_wants_opener(p)) {
		/* Not paced: both sides' openers have to go out together, and there are few. */
		if (waits_for_meeting(s, p))
			return false;
		begin_probing(p, PATH_OPENING, now);
	} else if (p->state == PATH_NEW) {
		if (now.us < s->pace_us)
			return false;
		begin_probing(p, PATH_PROBING, now);
		s->pace_us = now.us + PATH_PACE_US;
	}
	if (now.us < p->next_us)
		return false;
	if (p->state == PATH_OPENING && next_opener(s, i, now, ret_ping))
		return true;
	if (p->state == PATH_OPENING || now.us < p->next_us)
		return false;
	if (p->tries == PATH_TRIES && !is_known(p) && p->deaths + 1 >= PATH_DEATHS) {
		path_remove(s, i);
		return false;
	}
	if (p->tries == PATH_TRIES) {
		p->state = PATH_DEAD;
		p->next_us = now.us + dead_us(s, p);
		return false;
	}
	p->tries++;
	p->next_us = now.us + PATH_RETRY_US;
	make_ping(s, i, 0, now, ret_ping);
	return true;
}

static bool next_heartbeat(struct paths *s, int i, mono_time now, struct path_ping *ret_ping)
{
	struct path *p = &s->path[i];
	if (p->waiting_us && now.us - p->waiting_us >= PATH_DEAD_US) {
		p->state = PATH_DEAD;
		p->next_us = now.us + dead_us(s, p);
		p->waiting_us = 0;
		p->unanswered = 0;
		choose(s, now);
		return false;
	}
	if (p->state == PATH_VALID && p->waiting_us && now.us - p->waiting_us >= PATH_SUSPECT_US) {
		p->state = PATH_SUSPECT;
		choose(s, now);
	}
	if (now.us >= p->next_us) {
		uint16_t bytes = heartbeat_bytes(s, i, now);
		if (!p->waiting_us)
			p->waiting_us = now.us;
		p->next_us = now.us + (p->unanswered < LEAVE_UNANSWERED ? retry_us(p) : SECOND_US);
		if (p->unanswered < UINT8_MAX)
			p->unanswered++;
		make_ping(s, i, bytes, now, ret_ping);
		if (i == s->active && p->unanswered >= SWITCH_UNANSWERED - 1)
			ask_the_others(s, i, p->unanswered == SWITCH_UNANSWERED - 1, now);
		if (i == s->active && p->unanswered >= SWITCH_UNANSWERED)
			choose(s, now);
		return true;
	}
	uint16_t bytes = i == s->active ? search(s, p, now) : 0;
	if (!bytes)
		return false;
	make_ping(s, i, bytes, now, ret_ping);
	return true;
}

bool paths_next(struct paths *s, mono_time now, struct path_ping *ret_ping)
{
	for (int i = 0; i < s->count; i++) {
		struct path *p = &s->path[i];
		switch (p->state) {
		case PATH_DEAD:
			if (now.us < p->next_us)
				break;
			p->state = PATH_NEW;
			/* fall through */
		case PATH_NEW:
		case PATH_OPENING:
		case PATH_PROBING:
			if (next_first_ping(s, i, now, ret_ping))
				return true;
			break;
		default:
			if (next_heartbeat(s, i, now, ret_ping))
				return true;
		}
	}
	return false;
}

int path_loss_permille(const struct path *p, mono_time now)
{
	unsigned pending = 0;
	for (int i = 0; i < PATH_RING; i++)
		pending += p->sent[i].counts && p->sent[i].at_us && now.us - p->sent[i].at_us < retry_us(p);
	return loss_permille(&p->loss, pending, now);
}

static int64_t path_due_us(const struct paths *s, int i)
{
	const struct path *p = &s->path[i];
	if (waits_for_credit(p))
		return p->heard_us + PATH_DEAD_US;
	if (p->state == PATH_NEW)
		return waits_for_meeting(s, p) ? NEVER : path_wants_opener(p) ? 0 : s->pace_us;
	int64_t due = p->next_us;
	if (p->waiting_us && p->state == PATH_VALID && p->waiting_us + PATH_SUSPECT_US < due)
		due = p->waiting_us + PATH_SUSPECT_US;
	if (i == s->active && p->state == PATH_VALID && !p->waiting_us && p->search_us < due)
		due = p->search_us;
	return due;
}

size_t path_settled_bytes(const struct path *p, mono_time now)
{
	bool searching = p->search_bytes > p->datagram_bytes || p->search_us - now.us < 2 * SECOND_US;
	return searching ? 0 : p->datagram_bytes;
}

int64_t paths_due_us(const struct paths *s)
{
	int64_t due = paths_meeting_due_us(s);
	for (int i = 0; i < s->count; i++) {
		int64_t at = path_due_us(s, i);
		if (at < due)
			due = at;
	}
	return due;
}

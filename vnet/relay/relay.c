/* SPDX-License-Identifier: Apache-2.0
 * relay.c - who is bound at the relay, and what goes from whom to whom
 *
 * How it works: an endpoint binds itself with the market's ticket. The first BIND from an address gets a cookie (an HMAC of that address;
 * nothing is stored), the second, which brings it, a session: 64 random bits that only the endpoint and who sits on the way know. A
 * packet counts as the session's from the session's address only. DATA names a receiver of the same network, in 48 bits of a hash;
 * if that one is bound, the packet goes there with the sender's name in the stead of the receiver's. Packets come in trains: one that has
 * the header and the origin of the one before it, in the same moment, needs no second look at who they are. Nothing is queued here: what
 * the rate, the quota or the kernel does not take is dropped. No answer is larger than the packet that it answers, except STUN's.
 */
#include "relay.h"
#include <assert.h>
#include "bucket.h"
#include "bytes.h"
#include "map.h"
#include "relay_wire.h"
#include "stun.h"
#include "ticket.h"

#define BIND_RATE 2000 /* bindings whose signatures are checked, a second in all */
#define PREFIX_RATE 50 /* answers a second to one /24 or /48 */
#define PREFIX_BURST 200
#define PREFIXES 1024
#define SILENT_US (60 * SECOND_US) /* an endpoint sends something each 15 s: so long a silence is its end */
#define SECRET_US (120 * SECOND_US)
#define NO_SLOT UINT32_MAX

static_assert(RELAY_TICKET_BYTES == TICKET_BYTES, "the endpoint carries what the market signs");

struct network {
	uuid id;
	uint32_t members; /* 0: free */
};
struct binding {
	uint64_t session; /* 0: free */
	uint32_t network;
	struct relay_name name;
	struct address address;
	int64_t heard_us;
	wall_time expires;
	uint64_t quota_bytes, used_bytes;
	int64_t level_bytes, level_us; /* what may go now */
};
struct relay {
	struct relay_config config;
	struct binding *bindings; /* of max_bindings */
	struct network *networks; /* as many */
	struct map by_session;	  /* to position in bindings */
	struct map by_member;	  /* network's position << 48 | name, to position in bindings */
	struct map by_network;	  /* first 8 bytes of its id, to position in networks */
	size_t count;
	struct bucket binds, prefixes[PREFIXES];
	uint64_t prefix_salt;
	uint8_t secret[2][32]; /* of cookies, now and before */
	int64_t secret_us;
	struct relay_status status;
	/* The last packet that was forwarded, from NULL: none. Any other packet ends the train, and a tick. */
	struct train {
		struct binding *from;
		const struct binding *to;
		mono_time now;
		wall_time wall;
		uint8_t came[RELAY_HEADER_BYTES], goes[RELAY_HEADER_BYTES];
	} train;
};

/* ---- life ---- */
err_t relay_new(const struct relay_config *config, struct relay **ret_relay)
{
	if (config->max_bindings == 0 || config->max_bindings > RELAY_MAX_BINDINGS || config->rate_bytes <= 0)
		return E_INVALID;
	struct relay *r = calloc(1, sizeof *r);
	if (!r)
		return E_NOMEM;
	r->config = *config;
	r->bindings = calloc(config->max_bindings, sizeof *r->bindings);
	r->networks = calloc(config->max_bindings, sizeof *r->networks);
	random_fill(r->secret, sizeof r->secret);
	random_fill(&r->prefix_salt, sizeof r->prefix_salt);
	if (!r->bindings || !r->networks) {
		relay_free(r);
		return E_NOMEM;
	}
	*ret_relay = r;
	return OK;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	map_clear(&r->by_session);
	map_clear(&r->by_member);
	map_clear(&r->by_network);
	free(r->bindings);
	free(r->networks);
	free(r);
}

void relay_status(const struct relay *r, struct relay_status *ret_status)
{
	*ret_status = r->status;
	ret_status->bindings = r->count;
}

/* ---- bounds on answers ---- */
static bool may_answer(struct relay *r, const struct address *to, mono_time now)
{
	uint64_t h = (address_prefix(to) ^ r->prefix_salt) * 0x9e3779b97f4a7c15ull;
	return bucket_take(&r->prefixes[h >> 54], PREFIX_RATE, PREFIX_BURST, now);
}

static void cookie_under(const uint8_t secret[32], const struct address *from, const uint8_t *ticket,
			 uint8_t cookie[RELAY_COOKIE_BYTES])
{
	uint8_t text[16 + 2 + RELAY_TICKET_BYTES];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, from->ip, sizeof from->ip);
	write_u16(&w, from->port);
	write_bytes(&w, ticket, RELAY_TICKET_BYTES);
	sha256 mac = hmac_sha256(secret, 32, text, writer_len(&w));
	memcpy(cookie, mac.bytes, RELAY_COOKIE_BYTES);
}

static bool cookie_is_good(const struct relay *r, const struct address *from, const struct relay_packet *p)
{
	uint8_t want[RELAY_COOKIE_BYTES];
	bool good = false;
	for (int i = 0; i < 2; i++) {
		cookie_under(r->secret[i], from, p->ticket, want);
		good |= constant_time_equal(want, p->cookie, sizeof want);
	}
	return good;
}

static void refresh_secret(struct relay *r, mono_time now)
{
	if (now.us - r->secret_us < SECRET_US)
		return;
	if (now.us - r->secret_us < 2 * SECRET_US)
		memcpy(r->secret[1], r->secret[0], sizeof r->secret[1]);
	else /* nobody came for long: both are too old */
		random_fill(r->secret[1], sizeof r->secret[1]);
	random_fill(r->secret[0], sizeof r->secret[0]);
	r->secret_us = now.us;
}

/* ---- bindings ---- */
static uint64_t member_key(uint32_t network, struct relay_name name)
{
	uint64_t key = network;
	for (int i = 0; i < RELAY_NAME_BYTES; i++)
		key = key << 8 | name.bytes[i];
	return key;
}

static uint64_t network_key(uuid id)
{
	struct reader r = reader_of(id.bytes, sizeof id.bytes);
	return read_u64(&r) ^ read_u64(&r);
}

static void binding_drop(struct relay *r, struct binding *b)
{
	struct network *n = &r->networks[b->network];
	map_remove(&r->by_session, b->session);
	map_remove(&r->by_member, member_key(b->network, b->name));
	if (--n->members == 0)
		map_remove(&r->by_network, network_key(n->id));
	*b = (struct binding){ 0 };
	r->count--;
}

static struct binding *session_find(const struct relay *r, uint64_t session)
{
	uint32_t i;
	return map_get(&r->by_session, session, &i) ? &r->bindings[i] : NULL;
}

static struct binding *member_find(const struct relay *r, uint32_t network, struct relay_name name)
{
	uint32_t i;
	return map_get(&r->by_member, member_key(network, name), &i) ? &r->bindings[i] : NULL;
}

/* NO_SLOT: another network has its key, which no market causes. */
static uint32_t network_find(const struct relay *r, uuid id, bool *ret_new)
{
	uint32_t i;
	*ret_new = !map_get(&r->by_network, network_key(id), &i);
	if (!*ret_new)
		return uuid_equal(r->networks[i].id, id) ? i : NO_SLOT;
	for (i = 0; i < r->config.max_bindings; i++)
		if (r->networks[i].members == 0)
			return i;
	return NO_SLOT;
}

/* A free binding, or the one that was silent longest if it is gone for good. */
static struct binding *binding_room(struct relay *r, mono_time now)
{
	struct binding *stalest = NULL;
	for (size_t i = 0; i < r->config.max_bindings; i++) {
		struct binding *b = &r->bindings[i];
		if (!b->session)
			return b;
		if (!stalest || b->heard_us < stalest->heard_us)
			stalest = b;
	}
	if (!stalest || now.us - stalest->heard_us < SILENT_US)
		return NULL;
	binding_drop(r, stalest);
	return stalest;
}

static struct binding *binding_new(struct relay *r, const struct ticket *t, struct relay_name name, mono_time now)
{
	bool new_network;
	struct binding *b = binding_room(r, now);
	uint32_t network = b ? network_find(r, t->network, &new_network) : NO_SLOT;
	if (network == NO_SLOT)
		return NULL;
	uint32_t at = (uint32_t)(b - r->bindings);
	if (map_set(&r->by_member, member_key(network, name), at) != OK)
		return NULL;
	if (new_network && map_set(&r->by_network, network_key(t->network), network) != OK) {
		map_remove(&r->by_member, member_key(network, name));
		return NULL;
	}
	r->networks[network].id = t->network;
	r->networks[network].members++;
	r->count++;
	*b = (struct binding){ .network = network, .name = name, .level_us = now.us, .level_bytes = r->config.rate_bytes };
	return b;
}

/* Gives b a session of its own. False without memory. */
static bool session_new(struct relay *r, struct binding *b)
{
	uint64_t session;
	uint32_t used;
	do
		random_fill(&session, sizeof session);
	while (session == 0 || map_get(&r->by_session, session, &used));
	if (map_set(&r->by_session, session, (uint32_t)(b - r->bindings)) != OK)
		return false;
	if (b->session)
		map_remove(&r->by_session, b->session);
	b->session = session;
	return true;
}

static struct binding *bind_member(struct relay *r, const struct ticket *t, const struct address *from, mono_time now)
{
	bool new_network;
	struct relay_name name = relay_name_of(t->network, t->peer);
	uint32_t network = network_find(r, t->network, &new_network);
	struct binding *b = network == NO_SLOT || new_network ? NULL : member_find(r, network, name);
	if (!b)
		b = binding_new(r, t, name, now);
	if (!b)
		return NULL;
	/* A repeated BIND, whose answer was lost, gets the same session. */
	if ((!b->session || !address_equal(&b->address, from)) && !session_new(r, b)) {
		if (!b->session)
			binding_drop(r, b);
		return NULL;
	}
	if (t->expires.us > b->expires.us) { /* a newer ticket, with a quota of its own */
		b->expires = t->expires;
		b->quota_bytes = t->quota_bytes;
		b->used_bytes = 0;
	}
	b->address = *from;
	b->heard_us = now.us;
	return b;
}

/* ---- packets ---- */
static void answer(struct relay *r, const struct relay_packet *p, const struct address *to)
{
	uint8_t packet[RELAY_CHALLENGE_BYTES];
	r->config.send(r->config.context, to, packet, relay_put(p, packet));
}

/* Has it the key that the ticket names? The cookie in what is signed is new each time, and good for one address. */
static bool is_proven(const struct relay_packet *p, const struct ticket *t)
{
	uint8_t text[RELAY_PROOF_TEXT_BYTES];
	relay_proof_text(p, text);
	return sha256_equal(p256_pin(p->public), t->pin) && p256_verify(p->public, text, sizeof text, p->proof);
}

static void take_bind(struct relay *r, const struct relay_packet *p, const struct address *from, mono_time now, wall_time wall)
{
	struct ticket t;
	uint8_t cookie[RELAY_COOKIE_BYTES];
	if (ticket_read(p->ticket, &t) != OK || wall.us >= t.expires.us || !may_answer(r, from, now)) {
		r->status.refused++;
		return;
	}
	refresh_secret(r, now);
	if (!cookie_is_good(r, from, p)) {
		cookie_under(r->secret[0], from, p->ticket, cookie);
		answer(r, &(struct relay_packet){ .kind = RELAY_CHALLENGE, .session = p->session, .cookie = cookie }, from);
		return;
	}
	bool sound = bucket_take(&r->binds, BIND_RATE, BIND_RATE, now) &&
		     ticket_check(p->ticket, r->config.ticket_key, wall) == OK && is_proven(p, &t);
	const struct binding *b = sound ? bind_member(r, &t, from, now) : NULL;
	if (b)
		answer(r, &(struct relay_packet){ .kind = RELAY_BOUND, .session = p->session, .bound = b->session }, from);
	else
		r->status.refused++;
}

/* The rate of what one binding sends, and its quota. */
static bool may_forward(const struct relay *r, struct binding *b, size_t len, mono_time now)
{
	/* More than a second's worth is never counted, which also keeps the product small. */
	int64_t passed_us = now.us - b->level_us < SECOND_US ? now.us - b->level_us : SECOND_US;
	int64_t gained = passed_us * r->config.rate_bytes / SECOND_US;
	if (gained > 0) {
		b->level_bytes = b->level_bytes + gained > r->config.rate_bytes ? r->config.rate_bytes : b->level_bytes + gained;
		b->level_us = now.us;
	}
	if (b->level_bytes < (int64_t)len || b->quota_bytes - b->used_bytes < len)
		return false;
	b->level_bytes -= (int64_t)len;
	b->used_bytes += len;
	return true;
}

static void forward(struct relay *r, uint8_t *packet, size_t len)
{
	const struct train *t = &r->train;
	if (!may_forward(r, t->from, len, t->now)) {
		r->status.dropped++;
		return;
	}
	memcpy(packet, t->goes, sizeof t->goes);
	r->config.send(r->config.context, &t->to->address, packet, len);
	r->status.forwarded++;
	r->status.forwarded_bytes += len;
}

static void take_data(struct relay *r, struct binding *b, const struct relay_packet *p, uint8_t *packet, size_t len,
		      mono_time now, wall_time wall)
{
	const struct binding *to = member_find(r, b->network, p->name);
	if (!to || to == b || now.us - to->heard_us >= SILENT_US) {
		r->status.dropped++;
		return;
	}
	r->train = (struct train){ .from = b, .to = to, .now = now, .wall = wall };
	memcpy(r->train.came, packet, sizeof r->train.came);
	relay_put(&(struct relay_packet){ .kind = RELAY_DATA, .name = b->name, .session = to->session }, r->train.goes);
	forward(r, packet, len);
}

static bool goes_on(const struct train *t, const uint8_t *packet, size_t len, const struct address *from, mono_time now,
		    wall_time wall)
{
	return t->from && len > sizeof t->came && !memcmp(packet, t->came, sizeof t->came) && now.us == t->now.us &&
	       wall.us == t->wall.us && address_equal(&t->from->address, from);
}

static void take_bound(struct relay *r, const struct relay_packet *p, uint8_t *packet, size_t len, const struct address *from,
		       mono_time now, wall_time wall)
{
	struct binding *b = session_find(r, p->session);
	if (b && wall.us >= b->expires.us) {
		binding_drop(r, b);
		b = NULL;
	}
	if (!b || !address_equal(&b->address, from)) {
		/* We were started anew, or its NAT was: it has to bind itself again. */
		if (may_answer(r, from, now))
			answer(r, &(struct relay_packet){ .kind = RELAY_UNBOUND, .session = p->session }, from);
		r->status.dropped++;
		return;
	}
	b->heard_us = now.us;
	if (p->kind == RELAY_KEEP)
		answer(r, p, from);
	else
		take_data(r, b, p, packet, len, now, wall);
}

static void take_stun(struct relay *r, const uint8_t *packet, size_t len, const struct address *from, mono_time now)
{
	struct stun_message m;
	uint8_t reply[STUN_ANSWER_BYTES];
	size_t answered = 0;
	err_t e = stun_get(packet, len, &m);
	if (e == E_UNSUPPORTED && may_answer(r, from, now))
		answered = stun_put_unknown(packet, len, reply);
	else if (e == OK && m.kind == STUN_REQUEST && may_answer(r, from, now))
		answered = stun_put_answer(m.id, from, reply);
	if (answered == 0) {
		r->status.refused++;
		return;
	}
	r->status.stun++;
	r->config.send(r->config.context, from, reply, answered);
}

void relay_input(struct relay *r, uint8_t *packet, size_t len, const struct address *from, mono_time now, wall_time wall)
{
	struct relay_packet p;
	if (goes_on(&r->train, packet, len, from, now, wall)) {
		forward(r, packet, len);
		return;
	}
	r->train.from = NULL;
	if (!address_is_unicast(from))
		return;
	if (stun_is(packet, len)) {
		take_stun(r, packet, len, from, now);
		return;
	}
	if (relay_get(packet, len, &p) != OK) {
		r->status.refused++;
		return;
	}
	switch (p.kind) {
	case RELAY_BIND:
		take_bind(r, &p, from, now, wall);
		break;
	case RELAY_DATA:
	case RELAY_KEEP:
		take_bound(r, &p, packet, len, from, now, wall);
		break;
	default:
		r->status.refused++; /* what only a relay says */
	}
}

void relay_tick(struct relay *r, mono_time now, wall_time wall)
{
	r->train.from = NULL;
	for (size_t i = 0; i < r->config.max_bindings; i++) {
		struct binding *b = &r->bindings[i];
		/* One that had something forwarded stays until its ticket expires, so that coming again does not renew the quota. */
		bool unused = now.us - b->heard_us >= SILENT_US && b->used_bytes == 0;
		if (b->session && (wall.us >= b->expires.us || unused))
			binding_drop(r, b);
	}
}

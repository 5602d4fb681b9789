/* SPDX-License-Identifier: Apache-2.0
 * mesh.c - all sealed talk with all peers of one network
 *
 * How it works: a packet's first byte says what it is, its receiver index (C1, C3, C4) or its hint (C2) whose it is. What
 * leads to no peer is a stranger's and gets no answer. Each peer tells when it wants peer_tick(); mesh_tick() asks them all, at
 * most each TICK_US.
 */
#include <malloc.h>
#include <stdarg.h>
#include "bytes.h"
#include "log.h"
#include "ula.h"
#include "mesh.h"
#include "peer.h"

#define TICK_US 5000
#define STUN_PATIENCE_US (3 * SECOND_US)
#define TIDY_US (10 * SECOND_US)
#define INDEX_SLOT_BITS 13 /* 3 sessions and 2 handshakes of 1024 peers */
#define INDEX_SLOT_MASK ((1u << INDEX_SLOT_BITS) - 1)
#define INDEX_FIRST_SIZE 64

err_t mesh_init(struct mesh *m, const struct vnet_network *network, uuid self, struct identity *identity,
		const struct mesh_io *io, mono_time now)
{
	*m = (struct mesh){ .io = *io, .identity = identity, .network = network->id, .self = self };
	m->frame_max = (uint16_t)(network->mtu + FRAME_OVERHEAD_BYTES);
	m->netmask = network->prefix_len ? UINT32_MAX << (32 - network->prefix_len) : 0;
	m->subnet = network->subnet & m->netmask;
	m->prefix = ula_prefix(network->id);
	m->due_us = m->made_us = now.us;
	gate_init(&m->gate, now);
	random_fill(&m->jitter_state, sizeof m->jitter_state);
	m->jitter_state |= 1;
	m->index_size = INDEX_FIRST_SIZE;
	m->indexes = calloc(m->index_size, sizeof *m->indexes);
	if (!m->indexes) {
		mesh_clear(m);
		return E_NOMEM;
	}
	return OK;
}

void mesh_leave(struct mesh *m, mono_time now)
{
	for (size_t i = 0; i < m->count; i++)
		peer_leave(m->peers[i], now);
}

void mesh_clear(struct mesh *m)
{
	for (size_t i = 0; i < m->count; i++)
		peer_free(m->peers[i]);
	free(m->peers);
	free(m->indexes);
	map_clear(&m->by_hint);
	identity_free(m->identity);
	*m = (struct mesh){ 0 };
}

/* ---- indexes ---- */
static bool index_grow(struct mesh *m)
{
	size_t size = m->index_size * 2;
	if (size > INDEX_SLOT_MASK + 1)
		return false;
	struct mesh_index *indexes = calloc(size, sizeof *indexes);
	if (!indexes)
		return false;
	memcpy(indexes, m->indexes, m->index_size * sizeof *indexes);
	free(m->indexes);
	m->indexes = indexes;
	m->index_size = size;
	return true;
}

uint32_t mesh_index_new(struct mesh *m, struct peer *p)
{
	uint32_t high, slot;
	do {
		random_fill(&high, sizeof high);
		for (slot = 0; slot < m->index_size && m->indexes[slot].index; slot++)
			;
		if (slot == m->index_size && !index_grow(m))
			return 0;
	} while (high >> INDEX_SLOT_BITS == 0);
	uint32_t index = (high & ~INDEX_SLOT_MASK) | slot;
	m->indexes[slot] = (struct mesh_index){ index, p };
	return index;
}

static struct peer *index_find(const struct mesh *m, uint32_t index)
{
	uint32_t slot = index & INDEX_SLOT_MASK;
	if (index == 0 || slot >= m->index_size || m->indexes[slot].index != index)
		return NULL;
	return m->indexes[slot].peer;
}

void mesh_index_free(struct mesh *m, uint32_t index)
{
	if (index_find(m, index))
		m->indexes[index & INDEX_SLOT_MASK] = (struct mesh_index){ 0 };
}

/* ---- peers ---- */
struct peer *mesh_find(const struct mesh *m, uuid id)
{
	for (size_t i = 0; i < m->count; i++)
		if (uuid_equal(m->peers[i]->id, id))
			return m->peers[i];
	return NULL;
}

static bool is_same_member(const struct peer *p, const struct vnet_peer *who)
{
	return p->ip == who->ip && sha256_equal(p->pin, who->pin) && !memcmp(p->mac.bytes, who->mac.bytes, sizeof p->mac.bytes) &&
	       !strcmp(p->name, who->name);
}

static uint64_t hint_key(const uint8_t hint[CARRIER_HINT_BYTES])
{
	struct reader r = reader_of(hint, CARRIER_HINT_BYTES);
	return read_u64(&r);
}

/* Moves what stays out of the old list, and makes what is new. */
static err_t build_list(struct mesh *m, const struct vnet_peer *peers, size_t count, mono_time now, struct peer **list,
			struct map *by_hint, size_t *ret_count)
{
	size_t n = 0;
	sha256 ours = identity_pin(m->identity);
	for (size_t i = 0; i < count; i++) {
		uint32_t other;
		if (uuid_equal(peers[i].id, m->self))
			continue;
		/* Whose packets are whose is told by the pin: with one key of two, who handshakes with whom would be chance. */
		if (sha256_equal(peers[i].pin, ours))
			return E_INVALID;
		struct peer *p = mesh_find(m, peers[i].id);
		if (!p || !is_same_member(p, &peers[i]))
			TRY(peer_new(m, &peers[i], now, &p));
		list[n] = p;
		*ret_count = n + 1;
		if (map_get(by_hint, hint_key(p->from.hint), &other))
			return E_INVALID;
		TRY(map_set(by_hint, hint_key(p->from.hint), (uint32_t)n));
		n++;
	}
	return OK;
}

static bool in_list(struct peer *const *list, size_t count, const struct peer *p)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == p)
			return true;
	return false;
}

/* Frees the members of one list that are not in the other; returns how many. */
static size_t free_others(struct peer **list, size_t count, struct peer *const *kept, size_t kept_count)
{
	size_t freed = 0;
	for (size_t i = 0; i < count; i++) {
		if (in_list(kept, kept_count, list[i]))
			continue;
		peer_free(list[i]);
		freed++;
	}
	return freed;
}

err_t mesh_set_peers(struct mesh *m, const struct vnet_peer *peers, size_t count, mono_time now)
{
	struct map by_hint = { 0 };
	size_t new_count = 0;
	struct peer **list = calloc(count + 1, sizeof *list);
	if (!list)
		return E_NOMEM;
	err_t e = build_list(m, peers, count, now, list, &by_hint, &new_count);
	if (e != OK) {
		free_others(list, new_count, m->peers, m->count);
		free(list);
		map_clear(&by_hint);
		return e;
	}
	m->busy = NULL; /* all are asked below */
	if (free_others(m->peers, m->count, list, new_count) > 0)
		m->generation++;
	free(m->peers);
	map_clear(&m->by_hint);
	m->peers = list;
	m->count = new_count;
	m->by_hint = by_hint;
	for (size_t i = 0; i < count; i++) {
		struct peer *p = mesh_find(m, peers[i].id);
		if (p)
			peer_set_candidates(p, &peers[i], now);
	}
	m->due_us = now.us;
	return OK;
}

void mesh_set_relays(struct mesh *m, const struct address *relays, size_t count, mono_time now)
{
	for (size_t i = 0; i < count && i < VNET_MAX_RELAYS; i++) {
		bool same = i < m->relay_count && address_equal(&m->relays[i], &relays[i]);
		m->relay_tls[i] &= same;
		m->relays[i] = relays[i];
	}
	m->relay_is_up = m->relay_is_up && count > 0;
	m->relay_count = count < VNET_MAX_RELAYS ? count : VNET_MAX_RELAYS;
	for (size_t i = 0; i < m->count; i++)
		paths_set_relays(&m->peers[i]->paths, m->relays, m->relay_tls, (int)m->relay_count);
	m->due_us = now.us;
}

void mesh_relay_up(struct mesh *m, const struct address *relay, bool tls, mono_time now)
{
	for (size_t i = 0; i < m->relay_count; i++)
		if (address_equal(&m->relays[i], relay))
			m->relay_tls[i] = tls;
	m->relay_is_up = true;
	for (size_t i = 0; i < m->count; i++)
		peer_relay_up(m->peers[i], relay, tls, now);
	m->due_us = now.us;
}

void mesh_set_reflexive(struct mesh *m, const struct address *addresses, size_t count, mono_time now)
{
	m->reflexive_count = count;
	if (count > 0)
		memcpy(m->reflexive, addresses, count * sizeof *addresses);
	for (size_t i = 0; i < m->count; i++)
		paths_meet_soon(&m->peers[i]->paths, now);
	m->due_us = now.us;
}

bool mesh_knows_itself(const struct mesh *m, mono_time now)
{
	return m->reflexive_count > 0 || now.us - m->made_us >= STUN_PATIENCE_US;
}

/* ---- packets ---- */
/* Something happened to p: it may want its tick sooner. It is asked when another's turn comes: most packets come in rows. */
static void look_at(struct mesh *m, const struct peer *p)
{
	if (m->busy != p)
		m->due_us = mesh_due_us(m);
	m->busy = p;
}

static struct peer *hint_find(const struct mesh *m, const uint8_t hint[CARRIER_HINT_BYTES])
{
	uint32_t i;
	return map_get(&m->by_hint, hint_key(hint), &i) ? m->peers[i] : NULL;
}

static void input_carrier(struct mesh *m, const uint8_t *packet, size_t len, const struct address *from, mono_time now)
{
	struct carrier c;
	if (carrier_get(packet, len, &c) != OK) {
		m->strangers++;
		return;
	}
	struct peer *p = hint_find(m, c.hint);
	if (!p || !gate_check(&p->from, packet, len)) {
		m->strangers++;
		return;
	}
	attempt_take(p, &c, from, now);
	m->due_us = now.us;
}

static void input_cookie(struct mesh *m, const uint8_t *packet, size_t len, mono_time now)
{
	struct cookie_reply c;
	struct peer *p = cookie_get(packet, len, &c) == OK ? index_find(m, c.index) : NULL;
	if (!p || !gate_check(&p->from, packet, len)) {
		m->strangers++;
		return;
	}
	attempt_take_cookie(p, &c, now);
	m->due_us = now.us;
}

bool mesh_is_inside(const struct mesh *m, const struct address *a)
{
	struct reader r = reader_of(a->ip, sizeof a->ip);
	return address_is_v4(a) ? (address_v4(a) & m->netmask) == m->subnet : read_u64(&r) == m->prefix;
}

void mesh_input(struct mesh *m, uint8_t *packet, size_t len, const struct address *from, mono_time now)
{
	struct wire_header h;
	struct peer *p = NULL;
	if (wire_header_get(packet, len, &h) != OK || (!from->via && mesh_is_inside(m, from))) {
		m->strangers++;
		return;
	}
	switch (h.type) {
	case WIRE_DATA:
	case WIRE_PROBE:
		p = index_find(m, h.index);
		if (!p) {
			m->strangers++;
			break;
		}
		peer_take_sealed(p, &h, packet, len, from, now);
		look_at(m, p);
		break;
	case WIRE_HANDSHAKE:
		input_carrier(m, packet, len, from, now);
		break;
	case WIRE_COOKIE:
		input_cookie(m, packet, len, now);
		break;
	case WIRE_RELAY:
		m->strangers++; /* vnet.c has taken off what a relay put around a packet */
		break;
	}
}

bool mesh_send(struct mesh *m, struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	if (len > m->frame_max && !o->gso)
		return false;
	bool sent = o->gso ? peer_send_super(p, frame, len, o, now) : peer_send(p, frame, len, o, now);
	look_at(m, p);
	return sent;
}

void mesh_too_big(struct mesh *m, struct peer *p, const struct address *to, size_t len, mono_time now)
{
	int i = paths_find(&p->paths, to);
	if (i >= 0)
		paths_too_big(&p->paths, i, len, now);
	m->due_us = now.us;
}

void mesh_wake(struct mesh *m, mono_time now)
{
	for (size_t i = 0; i < m->count; i++) {
		paths_wake(&m->peers[i]->paths);
		paths_meet_soon(&m->peers[i]->paths, now);
		m->peers[i]->retry_us = now.us;
	}
	m->due_us = now.us;
}

/* Many handshakes at a time leave a heap that is mostly holes: what they took goes back to the system. */
static void tidy_up(struct mesh *m, mono_time now)
{
	if (!m->untidy || m->attempts > 0 || now.us < m->tidy_us)
		return;
	(void)malloc_trim(0);
	m->untidy = false;
	m->tidy_us = now.us + TIDY_US;
}

void mesh_tick(struct mesh *m, mono_time now)
{
	int64_t due = INT64_MAX;
	if (now.us < mesh_due_us(m))
		return;
	m->busy = NULL;
	tidy_up(m, now);
	for (size_t i = 0; i < m->count; i++) {
		int64_t at = peer_due_us(m->peers[i]);
		if (at <= now.us) {
			peer_tick(m->peers[i], now);
			at = peer_due_us(m->peers[i]);
		}
		if (at < due)
			due = at;
	}
	m->due_us = due > now.us + TICK_US ? due : now.us + TICK_US;
}

int64_t mesh_due_us(const struct mesh *m)
{
	int64_t due = m->busy ? peer_due_us(m->busy) : INT64_MAX;
	return due < m->due_us ? due : m->due_us;
}

int64_t mesh_jitter(struct mesh *m, int64_t span)
{
	uint64_t x = m->jitter_state; /* xorshift64: what it spreads needs no secrecy */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	m->jitter_state = x;
	return span > 0 ? (int64_t)(x % (uint64_t)span) : 0;
}

void mesh_log(struct mesh *m, int level, const char *fmt, ...)
{
	char line[256];
	va_list args;
	if (!m->io.log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	m->io.log(m->io.context, level, line);
}

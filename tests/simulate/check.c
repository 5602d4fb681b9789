/* SPDX-License-Identifier: Apache-2.0
 * check.c - what must hold at every moment
 *
 * How it works: frames bear a number under which it is known who sent what to whom. Keys are seen where seal.c is called (the
 * linker puts our functions in front of it): each key for sending is somebody's alone, its counter only goes up, and its age is
 * measured by its machine's own clock.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "check.h"
#include "events.h"
#include "map.h"
#include "node.h"
#include "session.h"

const char *check_repeat = "";

void broken(const char *fmt, ...)
{
	va_list args;
	printf("# broken after %.6f s%s%d: ", (double)world_us / SECOND_US, acting ? ", at machine " : ", nobody's turn ",
	       acting ? acting->number : 0);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n# repeat with: %s\n", check_repeat);
	fflush(stdout);
	_Exit(1);
}

/* ---- frames ---- */
#define FRAMES (1u << 18) /* remembered; none that is older may come */

static struct sent_frame {
	uint64_t id;
	const struct node *from, *to;
	uint32_t len;
	bool came;
} frames[FRAMES];
uint64_t frames_sent, frames_came;

static uint8_t fill_of(uint64_t id, size_t i)
{
	return (uint8_t)((id * 31 + i * 7) >> 2);
}

void check_make_frame(const struct node *from, const struct node *to, uint8_t *frame, size_t len)
{
	uint64_t id = ++frames_sent;
	frames[id % FRAMES] = (struct sent_frame){ id, from, to, (uint32_t)len, false };
	for (size_t i = 0; i < len; i++)
		frame[i] = fill_of(id, i);
	frame[0] &= 0xfe; /* no multicast, which has a bound of its own */
	memcpy(frame + 16, &id, sizeof id);
}

void check_frame(const struct node *from, const struct node *to, const uint8_t *frame, size_t len)
{
	uint64_t id;
	if (len < CHECK_FRAME_MIN)
		broken("a frame of %zu bytes, which nobody sent", len);
	memcpy(&id, frame + 16, sizeof id);
	struct sent_frame *f = &frames[id % FRAMES];
	if (id == 0 || f->id != id)
		broken("frame %" PRIu64 " was never sent, or long ago", id);
	if (f->from != from || f->to != to)
		broken("frame %" PRIu64 " from %d to %d came to %d as if from %d", id, f->from->number, f->to->number, to->number,
		       from ? from->number : -1);
	if (f->came)
		broken("frame %" PRIu64 " came twice", id);
	if (f->len != len)
		broken("frame %" PRIu64 " had %u bytes and came with %zu", id, f->len, len);
	for (size_t i = 1; i < len; i++)
		if ((i < 16 || i >= 24) && frame[i] != fill_of(id, i))
			broken("frame %" PRIu64 " was changed at %zu", id, i);
	f->came = true;
	frames_came++;
}

/* ---- keys ---- */
uint64_t keys_made, packets_sealed;
static struct map all_keys; /* for sending, ever */
static struct map seals;    /* struct seal's address, to position in states */
static struct seal_state {
	const struct node *owner;
	uint64_t last;
	int64_t made_us;
	bool sends;
	uint8_t salt[SEAL_SALT_BYTES];
} * states;
static size_t state_count, state_room, free_count;
static uint32_t *free_states;

static uint32_t state_new(void)
{
	if (free_count > 0)
		return free_states[--free_count];
	if (state_count == state_room) {
		state_room = state_room ? state_room * 2 : 256;
		states = realloc(states, state_room * sizeof *states);
		free_states = realloc(free_states, state_room * sizeof *free_states);
		if (!states || !free_states)
			abort();
	}
	return (uint32_t)state_count++;
}

static struct seal_state *state_of(const struct seal *s)
{
	uint32_t i;
	if (!map_get(&seals, (uintptr_t)s, &i))
		broken("a key that was never made is used");
	return &states[i];
}

err_t __wrap_seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next)
{
	uint64_t name;
	uint32_t before, i = state_new();
	memcpy(&name, key->key, sizeof name);
	if (for_sending) {
		if (map_get(&all_keys, name, &before))
			broken("a key is used for sending twice");
		if (map_set(&all_keys, name, 1) != OK)
			abort();
		keys_made++;
	}
	states[i] = (struct seal_state){ .owner = acting, .made_us = node_now(acting).us, .sends = for_sending };
	memcpy(states[i].salt, key->salt, sizeof states[i].salt);
	if (map_set(&seals, (uintptr_t)s, i) != OK)
		abort();
	return __real_seal_init(s, key, for_sending, next);
}

void __wrap_seal_clear(struct seal *s)
{
	uint32_t i;
	if (map_get(&seals, (uintptr_t)s, &i)) {
		free_states[free_count++] = i;
		map_remove(&seals, (uintptr_t)s);
	}
	__real_seal_clear(s);
}

static void check_age(const struct seal_state *state, const char *what)
{
	int64_t age_us = node_now(acting).us - state->made_us;
	if (state->owner != acting)
		broken("somebody else's keys");
	if (age_us >= SESSION_END_US)
		broken("keys that are %.3f s old %s", (double)age_us / SECOND_US, what);
}

static uint64_t counter_of(const uint8_t *packet)
{
	struct reader r = reader_of(packet + 8, 8);
	return read_u64(&r);
}

err_t __wrap_seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len)
{
	struct seal_state *state = state_of(s);
	check_age(state, "seal a packet");
	err_t e = __real_seal_packet(s, h, packet, len);
	if (e != OK)
		return e;
	uint64_t counter = counter_of(packet);
	if (!state->sends || counter <= state->last)
		broken("counter %" PRIu64 " after %" PRIu64, counter, state->last);
	if (counter > SESSION_END_PACKETS)
		broken("counter %" PRIu64 " is beyond the bound", counter);
	state->last = counter;
	packets_sealed++;
	return OK;
}

void check_skip_counters(struct seal *s, uint64_t packets)
{
	uint8_t nonce[SEAL_GCM_SALT_BYTES + 8];
	struct seal_state *state = state_of(s);
	struct writer w = writer_of(nonce, sizeof nonce);
	s->next = state->last + packets + 1;
	write_bytes(&w, state->salt, SEAL_GCM_SALT_BYTES);
	write_u64(&w, s->next);
	if (s->context && EVP_CIPHER_CTX_ctrl(s->context, EVP_CTRL_GCM_SET_IV_FIXED, -1, nonce) != 1)
		abort();
}

err_t __wrap_seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	check_age(state_of(s), "open a packet");
	return __real_seal_open(s, packet, len, ret_plain_len);
}

/* ---- machines ---- */
#define MOST_IDLE_TICKS 200

static int index_uses(const struct mesh *m, uint32_t index, const struct peer *p)
{
	int uses = 0;
	for (size_t i = 0; i < m->index_size; i++)
		uses += m->indexes[i].index == index && m->indexes[i].peer == p;
	return uses;
}

static int check_peer(const struct mesh *m, const struct peer *p)
{
	const struct session *sessions[] = { p->current, p->next, p->previous };
	const struct paths *s = &p->paths;
	int uses = 0;
	for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++)
		if (sessions[i] && ++uses && index_uses(m, sessions[i]->local_index, p) != 1)
			broken("a session of machine %d has lost its index", p->id.bytes[0]);
	for (int i = 0; i < PEER_ATTEMPTS; i++)
		if (p->attempt[i] && !p->attempt[i]->done && ++uses && index_uses(m, p->attempt[i]->local_index, p) != 1)
			broken("a handshake has lost its index");
	if (s->count < 0 || s->count > PATH_MAX_COUNT || s->active >= s->count)
		broken("%d paths, of which %d is active", s->count, s->active);
	if (s->active >= 0 && s->path[s->active].state != PATH_VALID && s->path[s->active].state != PATH_SUSPECT)
		broken("the active path is %s", path_state_names[s->path[s->active].state]);
	for (int i = 0; i < s->count; i++)
		for (int k = 0; k < i; k++)
			if (address_equal(&s->path[i].to, &s->path[k].to))
				broken("an address is two paths");
	return uses;
}

void check_node(const struct node *n)
{
	const struct mesh *m = &n->mesh;
	size_t used = 0, want = 0;
	for (size_t i = 0; i < m->count; i++)
		want += (size_t)check_peer(m, m->peers[i]);
	for (size_t i = 0; i < m->index_size; i++)
		used += m->indexes[i].index != 0;
	if (used != want)
		broken("%zu indexes for %zu sessions and handshakes", used, want);
	if (m->index_size > 64 && m->index_size > 16 * (m->count + 8))
		broken("room for %zu indexes of %zu peers", m->index_size, m->count);
}

void check_tick(struct node *n, size_t packets)
{
	if (mesh_due_us(&n->mesh) <= node_now(n).us)
		broken("a tick that leaves work for the same moment");
	n->idle_ticks = packets > 0 ? 0 : n->idle_ticks + 1;
	if (n->idle_ticks > MOST_IDLE_TICKS)
		broken("%d ticks in which nothing was sent", n->idle_ticks);
}

/* ---- victims ---- */
#define VICTIMS 256
static struct {
	size_t lured, hit;
} victims[VICTIMS];

void check_lured(const struct address *victim, size_t bytes)
{
	victims[victim->ip[15]].lured += bytes;
}

void check_hit(const struct address *victim, size_t bytes)
{
	victims[victim->ip[15]].hit += bytes;
}

void check_victims(void)
{
	for (int i = 0; i < VICTIMS; i++)
		if (victims[i].hit > victims[i].lured)
			broken("%zu bytes in a victim's name brought it %zu", victims[i].lured, victims[i].hit);
}

void check_clear(void)
{
	free(states);
	free(free_states);
	map_clear(&all_keys);
	map_clear(&seals);
}

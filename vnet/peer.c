/* SPDX-License-Identifier: Apache-2.0
 * peer.c - one other member: sealing to it, opening from it, keeping its paths and sessions
 */
#include <assert.h>
#include "bytes.h"
#include "log.h"
#include "allot.h"
#include "peer.h"

#define FRAME_MIN_BYTES 14 /* an ethernet header */
#define REKEY_JITTER_US (SESSION_REKEY_US / 10)
#define FRAGMENTS_IDLE_US (10 * SECOND_US)
#define MULTICAST_RATE 400 /* a second from one peer: twice and more what an honest endpoint sends */

/* ---- life ---- */
static uint16_t want_bytes(const struct mesh *m)
{
	return (uint16_t)(m->frame_max + INNER_FRAME_BYTES + WIRE_SEAL_BYTES);
}

err_t peer_new(struct mesh *m, const struct vnet_peer *who, mono_time now, struct peer **ret_peer)
{
	struct peer *p = calloc(1, sizeof *p);
	if (!p)
		return E_NOMEM;
	sha256 ours = identity_pin(m->identity);
	p->mesh = m;
	p->id = who->id;
	memcpy(p->name, who->name, sizeof p->name);
	p->mac = who->mac;
	p->ip = who->ip;
	p->pin = who->pin;
	p->client = memcmp(ours.bytes, who->pin.bytes, sizeof ours.bytes) < 0;
	p->to = gate_key_of(m->network, who->pin, ours);
	p->from = gate_key_of(m->network, ours, who->pin);
	p->retry_us = now.us;
	p->relay_name = relay_name_of(m->network, who->id);
	paths_init(&p->paths, want_bytes(m));
	p->paths.client = p->client;
	paths_set_relays(&p->paths, m->relays, m->relay_tls, (int)m->relay_count);
	*ret_peer = p;
	return OK;
}

static void session_drop(struct peer *p, struct session **s)
{
	if (!*s)
		return;
	mesh_index_free(p->mesh, (*s)->local_index);
	session_free(*s);
	*s = NULL;
}

static void drop_keys(struct peer *p)
{
	session_drop(p, &p->current);
	session_drop(p, &p->next);
	session_drop(p, &p->previous);
	attempt_free_all(p, false);
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	drop_keys(p);
	fragments_free(p->fragments);
	paths_clear(&p->paths);
	free(p);
}

void peer_set_candidates(struct peer *p, const struct vnet_peer *who, mono_time now)
{
	struct address to[VNET_MAX_CANDIDATES] = { 0 };
	enum vnet_candidate_kind kind[VNET_MAX_CANDIDATES] = { 0 };
	int count = 0;
	bool new_one = false;
	for (size_t i = 0; i < who->candidate_count && i < VNET_MAX_CANDIDATES; i++) {
		struct address a;
		bool twice = false;
		if (address_parse(who->candidates[i].address, &a) != OK || !address_is_unicast(&a) || mesh_is_inside(p->mesh, &a))
			continue;
		for (int k = 0; k < count; k++)
			twice |= address_equal(&to[k], &a);
		if (twice)
			continue;
		new_one |= paths_find(&p->paths, &a) < 0;
		to[count] = a;
		kind[count++] = who->candidates[i].kind;
	}
	paths_set(&p->paths, to, kind, count);
	if (new_one)
		paths_meet_soon(&p->paths, now);
	if (new_one && !peer_is_connected(p)) {
		p->failures = 0;
		p->retry_us = now.us;
	}
}

void peer_relay_up(struct peer *p, const struct address *relay, bool tls, mono_time now)
{
	paths_relay_up(&p->paths, relay, tls);
	if (!peer_is_reached(p))
		attempt_hurry(p, now);
}

bool peer_is_connected(const struct peer *p)
{
	return p->current && p->paths.active >= 0;
}

bool peer_is_reached(const struct peer *p)
{
	return peer_is_connected(p) && p->paths.path[p->paths.active].state == PATH_VALID;
}

size_t peer_frame_bytes(const struct peer *p, mono_time now)
{
	size_t datagram = p->paths.active >= 0 ? path_settled_bytes(&p->paths.path[p->paths.active], now) : 0;
	size_t frame = datagram ? datagram - WIRE_SEAL_BYTES - INNER_FRAME_BYTES : SIZE_MAX;
	return frame < p->mesh->frame_max && frame >= p->mesh->frame_max / 2 ? frame : SIZE_MAX;
}

static void log_connection(struct peer *p)
{
	char text[ADDRESS_TEXT_SIZE];
	bool connected = peer_is_reached(p);
	if (connected == p->connected)
		return;
	p->connected = connected;
	if (connected && p->mesh->io.reached)
		p->mesh->io.reached(p->mesh->io.context, p);
	if (connected)
		mesh_log(p->mesh, LOG_INFO, "peer connected name=%s address=%s", p->name,
			 address_format(&p->paths.path[p->paths.active].to, text));
	else
		mesh_log(p->mesh, LOG_INFO, "peer lost name=%s", p->name);
}

/* ---- out ---- */
bool peer_seal_to(struct peer *p, struct session *s, enum wire_type type, const uint8_t *plain, size_t len,
		  const struct address *to)
{
	struct mesh_io *io = &p->mesh->io;
	uint8_t *packet = io->reserve(io->context, len + WIRE_SEAL_BYTES);
	memcpy(packet + WIRE_HEADER_BYTES, plain, len);
	bool sealed = session_seal(s, type, packet, len) == OK;
	io->commit(io->context, p, to, sealed ? len + WIRE_SEAL_BYTES : 0);
	return sealed;
}

/* singly: not in one message with others. Only trains are tried out with others. */
static void send_probe(struct peer *p, const struct probe *probe, size_t len, const struct address *to, bool singly)
{
	uint8_t plain[PATH_TOP_BYTES] = { 0 };
	probe_put(probe, plain);
	if (len < PROBE_BYTES)
		len = PROBE_BYTES;
	assert(len <= sizeof plain);
	p->singly = singly;
	(void)peer_seal_to(p, p->current, WIRE_PROBE, plain, len, to);
	p->singly = false;
}

bool peer_takes_trains(const struct peer *p)
{
	return !p->singly && !p->trains.refused;
}

void peer_used(struct peer *p, mono_time now)
{
	paths_used(&p->paths, now);
	trains_used(&p->trains, &p->paths.path[p->paths.active].to, now);
}

/* Pings of the size that the path's data has. */
static void try_trains(struct peer *p, mono_time now)
{
	bool refused = p->trains.refused, singly;
	if (trains_next(&p->trains, now, &singly) && p->current && session_may_send(p->current, now)) {
		int path = paths_find(&p->paths, &p->trains.to);
		size_t len = (path < 0 ? PATH_BASE_BYTES : p->paths.path[path].datagram_bytes) - WIRE_SEAL_BYTES;
		for (uint64_t i = 0; i < TRAIN_PINGS; i++) {
			struct probe ping = { .kind = PROBE_PING, .token = p->trains.secret | i };
			send_probe(p, &ping, len, &p->trains.to, singly);
		}
	}
	if (p->trains.refused && !refused)
		mesh_log(p->mesh, LOG_INFO, "packets get lost that go as one message: they go singly now name=%s", p->name);
}

void peer_leave(struct peer *p, mono_time now)
{
	struct probe leave = { .kind = PROBE_LEAVE };
	if (peer_is_connected(p) && session_may_send(p->current, now))
		send_probe(p, &leave, 0, &p->paths.path[p->paths.active].to, true);
}

err_t peer_ping(struct peer *p, mono_time now, uint64_t *ret_token)
{
	if (!peer_is_reached(p) || !session_may_send(p->current, now))
		return E_UNAVAILABLE;
	const struct path *path = &p->paths.path[p->paths.active];
	struct probe probe = { .kind = PROBE_PING, .token = pings_sent(&p->pings, path, now) };
	send_probe(p, &probe, 0, &path->to, true);
	*ret_token = probe.token;
	return OK;
}

/* The header goes right in front of each piece, over bytes of the piece before, which is sealed by then; they are put back. */
static bool send_fragments(struct peer *p, uint8_t *frame, size_t len, uint8_t flags, size_t room, const struct address *to)
{
	size_t piece = 0;
	int count = fragment_count(len, room - INNER_MAX_BYTES, &piece);
	struct inner in = { .kind = INNER_FRAGMENT, .flags = flags };
	bool sent = count > 0;
	in.fragment.frame_id = p->frame_id++;
	in.fragment.count = (uint8_t)count;
	for (int i = 0; i < count && sent; i++) {
		uint8_t kept[INNER_MAX_BYTES];
		size_t offset = (size_t)i * piece, n = len - offset < piece ? len - offset : piece;
		uint8_t *plain = frame + offset - INNER_MAX_BYTES;
		in.fragment.index = (uint8_t)i;
		in.fragment.offset = (uint16_t)offset;
		memcpy(kept, plain, sizeof kept);
		inner_put(&in, plain);
		sent = peer_seal_to(p, p->current, WIRE_DATA, plain, INNER_MAX_BYTES + n, to);
		memcpy(plain, kept, sizeof kept);
	}
	return sent;
}

void peer_tell_rate(struct peer *p, uint64_t bytes_s, mono_time now)
{
	struct probe rate = { .kind = PROBE_RATE, .token = bytes_s };
	if (peer_is_connected(p) && session_may_send(p->current, now))
		send_probe(p, &rate, 0, &p->paths.path[p->paths.active].to, true);
}

static uint64_t line_bytes(const struct peer *p)
{
	return p->tx_bytes + p->tx_frames * VNET_FRAME_LINE_BYTES;
}

static void keep_to(struct peer *p, uint64_t bytes_s, mono_time now)
{
	pace_set(&p->keep, (int64_t)bytes_s, line_bytes(p));
	p->keep_until_us = now.us + ALLOT_KEPT_US;
}

bool peer_may_send(struct peer *p, mono_time now)
{
	if (p->keep.bytes_s && now.us >= p->keep_until_us)
		keep_to(p, 0, now);
	bool may = peer_is_connected(p) && session_may_send(p->current, now) && pace_allows(&p->keep, line_bytes(p), now);
	p->dropped += !may;
	return may;
}

bool peer_send(struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	if (!peer_may_send(p, now))
		return false;
	const struct path *path = &p->paths.path[p->paths.active];
	size_t room = path->datagram_bytes - WIRE_SEAL_BYTES;
	struct inner in = { .kind = INNER_FRAME, .flags = o->partial_csum ? INNER_PARTIAL_CSUM : 0 };
	bool sent;
	if (INNER_FRAME_BYTES + len <= room) {
		uint8_t *plain = frame - INNER_FRAME_BYTES;
		inner_put(&in, plain);
		sent = peer_seal_to(p, p->current, WIRE_DATA, plain, INNER_FRAME_BYTES + len, &path->to);
	} else {
		sent = send_fragments(p, frame, len, in.flags, room, &path->to);
	}
	if (!sent) {
		p->dropped++;
		return false;
	}
	p->tx_frames++;
	p->tx_bytes += len;
	peer_used(p, now);
	return true;
}

/* ---- in ---- */
static void become_current(struct peer *p, struct session *s, mono_time now)
{
	session_drop(p, &p->previous);
	p->previous = p->current;
	if (p->previous)
		p->previous->replaced_us = now.us;
	p->current = s;
	p->failures = 0;
	p->refused = false;
	p->retry_us = now.us;
	p->rekey_jitter_us = mesh_jitter(p->mesh, REKEY_JITTER_US);
}

void peer_take_session(struct peer *p, struct session *s, const struct address *via, bool proven, mono_time now)
{
	if (!p->client) {
		session_drop(p, &p->next);
		p->next = s;
		return;
	}
	become_current(p, s, now);
	paths_handshaken(&p->paths, via, proven, now);
	log_connection(p);
}

/* One for each address that we are seen at, and one where there is none. */
static void send_meet(struct peer *p, bool answer)
{
	struct probe meet = { .kind = PROBE_MEET, .token = answer };
	size_t i = 0;
	do {
		if (i < p->mesh->reflexive_count)
			meet.seen = p->mesh->reflexive[i];
		if (peer_is_connected(p))
			send_probe(p, &meet, 0, &p->paths.path[p->paths.active].to, true);
	} while (++i < p->mesh->reflexive_count);
}

static void take_meet(struct peer *p, const struct probe *probe, mono_time now)
{
	bool answer = probe->token != 0, ready = mesh_knows_itself(p->mesh, now);
	if (!answer)
		paths_called(&p->paths, ready, now);
	if (!ready)
		return;
	if (!answer)
		send_meet(p, true);
	if (!mesh_is_inside(p->mesh, &probe->seen))
		paths_seen(&p->paths, &probe->seen, now);
}

static void take_probe(struct peer *p, struct session *s, const uint8_t *plain, size_t len, const struct address *from, int path,
		       mono_time now)
{
	struct probe probe;
	if (probe_get(plain, len, &probe) != OK) {
		p->dropped++;
		return;
	}
	paths_heard(&p->paths, path, probe.kind == PROBE_PONG, now);
	if (probe.kind == PROBE_PING && p->current) {
		struct probe pong = { .kind = PROBE_PONG, .token = probe.token, .seen = *from };
		pong.datagram_bytes = (uint16_t)(len + WIRE_SEAL_BYTES);
		send_probe(p, &pong, 0, from, true);
		paths_credit(&p->paths, path, -PATH_LEAN_BYTES);
	} else if (probe.kind == PROBE_PONG) {
		if (!paths_pong(&p->paths, probe.token, now) && !pings_answered(&p->pings, probe.token, now))
			trains_pong(&p->trains, probe.token, now);
	} else if (probe.kind == PROBE_MEET) {
		take_meet(p, &probe, now);
	} else if (probe.kind == PROBE_RATE) {
		keep_to(p, probe.token, now);
	} else if (probe.kind == PROBE_LEAVE && s == p->current) {
		drop_keys(p);
		paths_forget(&p->paths);
		p->retry_us = now.us + SECOND_US;
	}
}

static bool is_multicast(const uint8_t *frame)
{
	return frame[0] & 1;
}

static void take_frame(struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now)
{
	struct mesh *m = p->mesh;
	if (len < FRAME_MIN_BYTES || len > m->frame_max ||
	    (is_multicast(frame) && !bucket_take(&p->flood, MULTICAST_RATE, MULTICAST_RATE, now))) {
		p->dropped++;
		return;
	}
	m->io.deliver(m->io.context, p, frame, len, o);
}

/* stays: where the packet is until the port is flushed. What came over a relay may be gone with the connection to it. */
static void take_data(struct peer *p, uint8_t *plain, size_t len, bool stays, mono_time now)
{
	struct inner in;
	size_t head, frame_len;
	uint8_t *frame;
	if (inner_get(plain, len, &in, &head) != OK) {
		p->dropped++;
		return;
	}
	struct offload o = { .partial_csum = in.flags & INNER_PARTIAL_CSUM };
	if (in.kind != INNER_FRAGMENT) {
		/* A segment is a whole frame; what its port joins it to is only for speed. */
		if (in.kind == INNER_SEGMENT) {
			o.gso = in.flags & INNER_GSO_MASK;
			o.gso_size = in.segment.gso_size;
			o.super_id = in.segment.super_id;
			o.index = in.segment.index;
			o.last = in.flags & INNER_LAST;
		}
		o.loose = stays && in.kind == INNER_FRAME && o.partial_csum;
		take_frame(p, plain + head, len - head, &o, now);
		return;
	}
	if (!p->fragments)
		p->fragments = fragments_new();
	p->fragment_us = now.us;
	err_t e = p->fragments ? fragments_take(p->fragments, &in, plain + head, len - head, now, &frame, &frame_len) : E_NOMEM;
	if (e == OK)
		take_frame(p, frame, frame_len, &o, now);
	else if (e != E_AGAIN)
		p->dropped++;
}

static struct session *session_of(const struct peer *p, uint32_t index)
{
	if (p->current && p->current->local_index == index)
		return p->current;
	if (p->next && p->next->local_index == index)
		return p->next;
	return p->previous && p->previous->local_index == index ? p->previous : NULL;
}

/* Who has s's keys got the flight that completes them, which went to this address only? */
static bool has_the_last_flight(const struct peer *p, const struct session *s, const struct address *from)
{
	for (int i = 0; i < PEER_ATTEMPTS; i++) {
		const struct attempt *at = p->attempt[i];
		if (at && at->done && at->local_index == s->local_index)
			return address_equal(&at->sole, from);
	}
	return false;
}

void peer_take_sealed(struct peer *p, const struct wire_header *h, uint8_t *packet, size_t len, const struct address *from,
		      mono_time now)
{
	struct session *s = session_of(p, h->index);
	size_t plain_len;
	if (!s || session_is_over(s, now) || session_unseal(s, h, packet, len, &plain_len) != OK) {
		p->dropped++;
		return;
	}
	p->heard_us = now.us;
	int path = paths_find(&p->paths, from);
	if (s == p->next) {
		p->next = NULL;
		become_current(p, s, now);
		paths_handshaken(&p->paths, from, has_the_last_flight(p, s, from), now);
		attempt_free_all(p, true);
		path = paths_find(&p->paths, from);
		log_connection(p);
	}
	/* Only the newest packet says where the peer is now: an old one that was held back must not lead us astray. */
	bool newest = s == p->current && h->counter == s->replay.newest;
	if (path < 0 && newest)
		path = paths_learn(&p->paths, from, now);
	if (path >= 0 && newest)
		paths_ours(&p->paths, path, from);
	paths_credit(&p->paths, path, (int64_t)len);
	uint8_t *plain = packet + WIRE_HEADER_BYTES;
	if (h->type == WIRE_PROBE) {
		take_probe(p, s, plain, plain_len, from, path, now);
	} else {
		paths_heard(&p->paths, path, false, now);
		take_data(p, plain, plain_len, !from->via, now);
	}
}

/* ---- time ---- */
static void expire(struct peer *p, mono_time now)
{
	if (p->current && session_is_over(p->current, now))
		session_drop(p, &p->current);
	if (p->next && session_is_over(p->next, now))
		session_drop(p, &p->next);
	if (p->previous && session_is_over(p->previous, now))
		session_drop(p, &p->previous);
	if (p->fragments && now.us - p->fragment_us >= FRAGMENTS_IDLE_US) {
		fragments_free(p->fragments);
		p->fragments = NULL;
	}
}

void peer_tick(struct peer *p, mono_time now)
{
	struct path_ping ping;
	expire(p, now);
	if (p->current && paths_call_meeting(&p->paths, mesh_knows_itself(p->mesh, now), now))
		send_meet(p, false);
	while (p->current && paths_next(&p->paths, now, &ping)) {
		struct probe probe = { .kind = PROBE_PING, .token = ping.token };
		size_t len = ping.bytes > WIRE_SEAL_BYTES ? ping.bytes - WIRE_SEAL_BYTES : 0;
		struct address to = p->paths.path[ping.path].to;
		to.hops = ping.hops;
		send_probe(p, &probe, len, &to, true);
	}
	try_trains(p, now);
	attempt_tick(p, now);
	log_connection(p);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t peer_due_us(const struct peer *p)
{
	int64_t due = attempt_due_us(p);
	due = sooner(due, trains_due_us(&p->trains));
	if (p->current)
		due = sooner(due, sooner(paths_due_us(&p->paths), p->current->made_us + SESSION_END_US));
	if (p->next)
		due = sooner(due, p->next->made_us + SESSION_END_US);
	if (p->previous)
		due = sooner(due, p->previous->replaced_us + SESSION_PREVIOUS_US);
	if (p->fragments)
		due = sooner(due, p->fragment_us + FRAGMENTS_IDLE_US);
	return due;
}

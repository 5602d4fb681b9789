/* SPDX-License-Identifier: Apache-2.0
 * node.c - one machine of the simulation
 *
 * How it works: a machine runs when a packet comes or when what it waits for is due by its own clock, as vnet_run() does. What a
 * machine's STUN servers tell it reaches the market within ten seconds, and its peers within ten more.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "bytes.h"
#include "check.h"
#include "dice.h"
#include "events.h"
#include "node.h"
#include "relay.h"
#include "ticket.h"

#define WALL_OFFSET_US (1700000000 * SECOND_US)
#define NEWS_US (10 * SECOND_US)
#define RELAY_TICK_US (15 * SECOND_US)
#define RELAY_AWAKE_US (10 * MINUTE_US) /* after a packet: in a quiet night there is nothing to do */
#define FOREVER_US (200 * 365 * DAY_US)

struct node *acting;
struct server servers[MAX_SERVERS];
size_t server_count;
bool with_relay;
size_t peers_now;
static struct ed25519_key *market_key, *forgers_key;

static void run(struct node *n);

/* The heap is all machines' here. */
int __wrap_malloc_trim(size_t pad);
int __wrap_malloc_trim(size_t pad)
{
	(void)pad;
	return 0;
}

mono_time node_now(const struct node *n)
{
	return (mono_time){ world_us + n->clock_us };
}

/* ---- servers: the relay as it is ---- */
static wall_time wall_now(void)
{
	return (wall_time){ WALL_OFFSET_US + world_us };
}

static mono_time server_now(void)
{
	return (mono_time){ world_us + HOUR_US };
}

static void server_send(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	struct server *s = context;
	net_send(&s->host, to, packet, len);
}

static void server_take(void *owner, uint8_t *data, size_t len, const struct address *from)
{
	struct server *s = owner;
	s->heard_us = world_us;
	if (s->relay && (with_relay || stun_is(data, len)))
		relay_input(s->relay, data, len, from, server_now(), wall_now());
}

static void servers_tick(void *who, uint64_t what)
{
	(void)who, (void)what;
	for (size_t i = 0; i < server_count; i++)
		if (servers[i].relay && world_us - servers[i].heard_us <= RELAY_AWAKE_US)
			relay_tick(servers[i].relay, server_now(), wall_now());
	event_at(world_us + RELAY_TICK_US, servers_tick, NULL, 0);
}

void server_kill(size_t i)
{
	relay_free(servers[i].relay);
	servers[i].relay = NULL;
}

void server_start(size_t i)
{
	struct relay_config c = { .ticket_key = ed25519_public_of(market_key), .max_bindings = 4096, .rate_bytes = 125000000 };
	c.send = server_send;
	c.context = &servers[i];
	server_kill(i);
	assert(relay_new(&c, &servers[i].relay) == OK);
}

void servers_start(size_t count)
{
	assert(count <= MAX_SERVERS && ed25519_new(&market_key) == OK && ed25519_new(&forgers_key) == OK);
	server_count = count;
	for (size_t i = 0; i < count; i++) {
		servers[i].host =
			(struct host){ .site = NO_SITE, .ip = 0x09090900u + (uint32_t)i, .port = 3478, .mtu_bytes = 1472 };
		servers[i].host.owner = &servers[i];
		servers[i].host.take = server_take;
		net_add_host(&servers[i].host);
		server_start(i);
	}
	servers_tick(NULL, 0);
}

void servers_clear(void)
{
	for (size_t i = 0; i < server_count; i++)
		server_kill(i);
	ed25519_free(market_key);
	ed25519_free(forgers_key);
}

/* ---- what the mesh asks of vnet.c ---- */
static uint8_t *reserve(void *context, size_t len)
{
	struct node *n = context;
	assert(len + RELAY_HEADER_BYTES <= sizeof n->out);
	return n->out;
}

struct refusal {
	struct node *node;
	uuid peer;
	struct address to;
	size_t len;
};

/* The kernel's EMSGSIZE is seen when the queue is sent, after the call that filled it. */
static void tell_too_big(void *who, uint64_t what)
{
	struct refusal *r = who;
	struct peer *p = r->node->up ? mesh_find(&r->node->mesh, r->peer) : NULL;
	(void)what;
	if (p) {
		acting = r->node;
		mesh_too_big(&r->node->mesh, p, &r->to, r->len, node_now(r->node));
		run(r->node);
	}
	free(r);
}

/* SIMULATE_TRACE=NUMBER: what that machine sends. */
static void trace(const struct node *n, const struct peer *peer, const struct address *to, size_t len)
{
	static const char *wanted;
	char text[ADDRESS_TEXT_SIZE];
	if (!wanted)
		wanted = getenv("SIMULATE_TRACE") ? getenv("SIMULATE_TRACE") : "";
	if (*wanted && strtol(wanted, NULL, 10) == n->number)
		printf("# %.6f s: %02x, %zu bytes to %s at %s via %d\n", (double)world_us / SECOND_US, n->out[0], len, peer->name,
		       address_format(to, text), to->via);
}

static void commit(void *context, struct peer *peer, const struct address *to, size_t len)
{
	struct node *n = context;
	size_t sent = len;
	if (len == 0)
		return;
	trace(n, peer, to, len);
	if (to->via) {
		memmove(n->out + RELAY_HEADER_BYTES, n->out, len);
		if (!relay_client_wrap(&n->relays[to->via - 1], peer->relay_name, n->out, node_now(n)))
			return;
		sent += RELAY_HEADER_BYTES;
	}
	n->packets++;
	if (net_send(&n->host, to, n->out, sent))
		return;
	struct refusal *r = malloc(sizeof *r);
	assert(r);
	*r = (struct refusal){ n, peer->id, *to, len };
	event_at(world_us, tell_too_big, r, 0);
}

static struct node *who_is(const struct node *n, const struct peer *p)
{
	for (size_t i = 0; i < n->link_count; i++) {
		struct node *other = n->links[i]->a == n ? n->links[i]->b : n->links[i]->a;
		if (uuid_equal(other->self.id, p->id))
			return other;
	}
	return NULL;
}

static void deliver(void *context, struct peer *peer, uint8_t *frame, size_t len, const struct offload *o)
{
	struct node *n = context;
	(void)o;
	check_frame(who_is(n, peer), n, frame, len);
}

static void say(void *context, int level, const char *line)
{
	struct node *n = context;
	(void)level;
	if (getenv("TEST_VERBOSE"))
		printf("# %.3f s machine %d: %s\n", (double)world_us / SECOND_US, n->number, line);
}

/* ---- the market ---- */
static void fetch(void *who, uint64_t what)
{
	struct node *n = who;
	struct vnet_peer *list = calloc(n->link_count + 1, sizeof *list);
	size_t count = 0;
	(void)what;
	assert(list);
	n->fetching = false;
	for (size_t i = 0; n->up && i < n->link_count; i++) {
		const struct link *l = n->links[i];
		if (l->on)
			list[count++] = l->a == n ? l->b->self : l->a->self;
	}
	n->missed = n->up && world_us < n->frozen_us;
	if (n->up && !n->missed) {
		acting = n;
		peers_now -= n->mesh.count;
		assert(mesh_set_peers(&n->mesh, list, count, node_now(n)) == OK);
		peers_now += n->mesh.count;
		run(n);
	}
	free(list);
}

void node_news(struct node *n)
{
	if (n->fetching || !n->up)
		return;
	n->fetching = true;
	event_at(world_us + dice_between(PLAN, 0, NEWS_US), fetch, n, 0);
}

static void candidates_of(const struct node *n, struct vnet_candidate *list, size_t *ret_count)
{
	struct address seen[VNET_MAX_STUN_SERVERS], here = address_v4_of(n->host.ip, n->host.port);
	char text[ADDRESS_TEXT_SIZE];
	size_t count = 0, seen_count = reflexive_addresses(&n->reflexive, seen);
	list[count].kind = VNET_HOST;
	assert(text_copy(list[count++].address, VNET_CANDIDATE_SIZE, address_format(&here, text)) == OK);
	for (size_t i = 0; i < seen_count; i++) {
		if (address_equal(&seen[i], &here))
			continue;
		list[count].kind = VNET_REFLEXIVE;
		assert(text_copy(list[count++].address, VNET_CANDIDATE_SIZE, address_format(&seen[i], text)) == OK);
	}
	*ret_count = count;
}

static void publish(void *who, uint64_t what)
{
	struct node *n = who;
	struct vnet_candidate list[VNET_MAX_CANDIDATES] = { 0 };
	size_t count;
	(void)what;
	n->publishing = false;
	if (!n->up)
		return;
	candidates_of(n, list, &count);
	if (count == n->self.candidate_count && !memcmp(list, n->self.candidates, sizeof list))
		return;
	memcpy(n->self.candidates, list, sizeof list);
	n->self.candidate_count = count;
	for (size_t i = 0; i < n->link_count; i++)
		if (n->links[i]->on)
			node_news(n->links[i]->a == n ? n->links[i]->b : n->links[i]->a);
}

static void publish_soon(struct node *n)
{
	if (n->publishing)
		return;
	n->publishing = true;
	event_at(world_us + dice_between(PLAN, SECOND_US, NEWS_US), publish, n, 0);
}

/* ---- running ---- */
static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void wake(void *who, uint64_t what)
{
	struct node *n = who;
	if ((uint64_t)n->due_us != what || !n->up)
		return;
	n->due_us = INT64_MAX;
	acting = n;
	run(n);
}

static void wait_for_due(struct node *n)
{
	int64_t due = sooner(mesh_due_us(&n->mesh), reflexive_due_us(&n->reflexive));
	for (size_t i = 0; i < server_count && with_relay; i++)
		due = sooner(due, n->relays[i].next_us);
	if (due == INT64_MAX)
		return;
	due -= n->clock_us;
	if (due < n->frozen_us)
		due = n->frozen_us;
	if (due < world_us)
		due = world_us;
	if (due == n->due_us)
		return;
	n->due_us = due;
	event_at(due, wake, n, (uint64_t)due);
}

/* The second half of vnet_run(). */
static void run(struct node *n)
{
	mono_time now = node_now(n);
	if (n->missed)
		node_news(n);
	n->missed = false;
	uint8_t packet[RELAY_BIND_BYTES];
	struct address to;
	size_t len, before = n->packets;
	acting = n;
	while (reflexive_next(&n->reflexive, now, packet, &len, &to)) {
		n->packets++;
		net_send(&n->host, &to, packet, len);
	}
	for (size_t i = 0; i < server_count && with_relay; i++)
		if (relay_client_next(&n->relays[i], now, packet, &len)) {
			n->packets++;
			net_send(&n->host, &n->relays[i].address, packet, len);
		}
	mesh_tick(&n->mesh, now);
	check_tick(n, n->packets - before);
	wait_for_due(n);
	acting = NULL;
}

static void take_relayed(struct node *n, uint8_t *data, size_t len, const struct address *from)
{
	for (size_t i = 0; i < server_count && with_relay; i++) {
		struct address via = *from;
		if (!address_equal(&n->relays[i].address, from))
			continue;
		via.via = (uint8_t)(i + 1);
		switch (relay_client_take(&n->relays[i], data, len, node_now(n))) {
		case RELAY_CAME_UP:
			mesh_relay_up(&n->mesh, &via, false, node_now(n));
			return;
		case RELAY_PACKET:
			mesh_input(&n->mesh, data + RELAY_HEADER_BYTES, len - RELAY_HEADER_BYTES, &via, node_now(n));
			return;
		default:
			return;
		}
	}
}

static void take(void *owner, uint8_t *data, size_t len, const struct address *from)
{
	struct node *n = owner;
	bool changed = false;
	if (!n->up || world_us < n->frozen_us)
		return;
	acting = n;
	if (stun_is(data, len))
		(void)reflexive_take(&n->reflexive, data, len, from, node_now(n), &changed);
	else if (len > 0 && data[0] == WIRE_RELAY)
		take_relayed(n, data, len, from);
	else
		mesh_input(&n->mesh, data, len, from, node_now(n));
	if (changed) {
		struct address seen[VNET_MAX_STUN_SERVERS];
		mesh_set_reflexive(&n->mesh, seen, reflexive_addresses(&n->reflexive, seen), node_now(n));
		publish_soon(n);
	}
	run(n);
}

/* ---- life ---- */
static struct node *make(const struct vnet_peer *self, const struct vnet_network *network, const struct host *at)
{
	struct node *n = calloc(1, sizeof *n);
	struct identity *id;
	assert(n && at->owner == NULL);
	n->self = *self;
	n->network = network;
	n->host = *at;
	n->host.owner = n;
	n->host.take = take;
	n->due_us = INT64_MAX;
	n->clock_us = dice_between(PLAN, SECOND_US, 100 * DAY_US);
	assert(certificate_make(self->name, &n->key, &n->cert) == OK && identity_new(n->key, n->cert, true, &id) == OK);
	n->self.pin = identity_pin(id);
	assert(p256_new(n->key, &n->relay_key) == OK);
	identity_free(id);
	return n;
}

struct node *node_new(int number, const struct vnet_network *network, const struct host *at)
{
	struct vnet_peer self = { .id = { { (uint8_t)number, (uint8_t)(number >> 8) } } };
	self.ip = network->subnet + 1 + (uint32_t)number;
	self.mac.bytes[4] = (uint8_t)(number >> 8);
	self.mac.bytes[5] = (uint8_t)number;
	snprintf(self.name, sizeof self.name, "vm%d", number);
	struct node *n = make(&self, network, at);
	n->number = number;
	return n;
}

void node_free(struct node *n)
{
	node_crash(n);
	p256_free(n->relay_key);
	free(n->key);
	free(n->cert);
	free(n->links);
	free(n);
}

static void add_link(struct node *n, struct link *l)
{
	n->links = realloc(n->links, (n->link_count + 1) * sizeof(struct link *));
	assert(n->links);
	n->links[n->link_count++] = l;
}

void node_link(struct link *l)
{
	add_link(l->a, l);
	add_link(l->b, l);
}

static void set_relays(struct node *n)
{
	struct address relays[VNET_MAX_RELAYS];
	struct ticket t = { .network = n->network->id, .peer = n->self.id, .pin = n->self.pin, .quota_bytes = INT64_MAX };
	uint8_t ticket[TICKET_BYTES];
	t.expires.us = WALL_OFFSET_US + FOREVER_US;
	ticket_sign(&t, n->impostor ? forgers_key : market_key, ticket);
	for (size_t i = 0; i < server_count; i++) {
		relays[i] = address_v4_of(servers[i].host.ip, servers[i].host.port);
		relay_client_init(&n->relays[i], &relays[i], n->relay_key, ticket, node_now(n));
		relays[i].via = (uint8_t)(i + 1);
	}
	mesh_set_relays(&n->mesh, relays, server_count, node_now(n));
}

void node_start(struct node *n)
{
	struct mesh_io io = { .context = n, .reserve = reserve, .commit = commit, .deliver = deliver, .log = say };
	struct address stun[MAX_SERVERS];
	struct identity *id;
	if (n->up)
		return;
	acting = n;
	assert(identity_new(n->key, n->cert, true, &id) == OK);
	assert(mesh_init(&n->mesh, n->network, n->self.id, id, &io, node_now(n)) == OK);
	for (size_t i = 0; i < server_count; i++)
		stun[i] = address_v4_of(servers[i].host.ip, servers[i].host.port);
	reflexive_init(&n->reflexive, stun, server_count, node_now(n));
	if (with_relay)
		set_relays(n);
	n->up = true;
	n->idle_ticks = 0;
	net_add_host(&n->host);
	publish_soon(n);
	run(n);
	node_news(n);
}

void node_crash(struct node *n)
{
	if (!n->up)
		return;
	acting = n;
	n->up = false;
	n->frozen_us = 0;
	n->due_us = INT64_MAX;
	peers_now -= n->mesh.count;
	net_remove_host(&n->host);
	mesh_clear(&n->mesh);
	acting = NULL;
}

void node_leave(struct node *n)
{
	if (!n->up)
		return;
	acting = n;
	mesh_leave(&n->mesh, node_now(n));
	node_crash(n);
}

void node_freeze(struct node *n, int64_t us, bool clock_runs)
{
	if (!n->up || world_us < n->frozen_us)
		return;
	n->frozen_us = world_us + us;
	if (!clock_runs)
		n->clock_us -= us; /* what is due waits for the thaw, and by its own clock no time passes */
	n->due_us = n->frozen_us;
	event_at(n->due_us, wake, n, (uint64_t)n->due_us);
}

void node_thaw(struct node *n)
{
	if (!n->up || world_us >= n->frozen_us)
		return;
	n->frozen_us = n->due_us = world_us;
	event_at(n->due_us, wake, n, (uint64_t)n->due_us);
}

void node_move(struct node *n, const struct host *to)
{
	if (n->up)
		net_remove_host(&n->host);
	n->host.site = to->site;
	n->host.ip = to->ip;
	n->host.port = to->port;
	n->host.mtu_bytes = to->mtu_bytes;
	if (!n->up)
		return;
	net_add_host(&n->host);
	acting = n;
	mesh_wake(&n->mesh, node_now(n));
	reflexive_wake(&n->reflexive, node_now(n));
	for (size_t i = 0; i < server_count && with_relay; i++)
		relay_client_wake(&n->relays[i], node_now(n));
	publish_soon(n);
	wait_for_due(n);
	acting = NULL;
}

/* ---- seeing and speaking ---- */
struct peer *node_peer(const struct node *n, const struct node *of)
{
	return n->up ? mesh_find(&n->mesh, of->self.id) : NULL;
}

bool link_is_reached(const struct link *l)
{
	const struct peer *a = node_peer(l->a, l->b), *b = node_peer(l->b, l->a);
	return a && b && peer_is_reached(a) && peer_is_reached(b);
}

bool node_send(struct node *n, const struct node *to, size_t len)
{
	uint8_t room[MESH_HEADROOM + FRAME_MAX_BYTES];
	struct peer *p = node_peer(n, to);
	if (!p || world_us < n->frozen_us)
		return false;
	acting = n;
	check_make_frame(n, to, room + MESH_HEADROOM, len);
	bool sent = mesh_send(&n->mesh, p, room + MESH_HEADROOM, len, &offload_none, node_now(n));
	wait_for_due(n);
	acting = NULL;
	return sent;
}

void node_age_keys(struct node *n, const struct node *to, uint64_t packets)
{
	struct peer *p = node_peer(n, to);
	if (!p || !p->current || p->current->sent + packets > SESSION_END_PACKETS)
		return;
	check_skip_counters(&p->current->send, packets);
	p->current->sent += packets;
}

struct node *node_impostor(const struct node *of, const struct host *at)
{
	struct node *n = make(&of->self, of->network, at);
	n->number = -of->number - 1;
	n->impostor = true;
	return n;
}

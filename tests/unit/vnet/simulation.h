/* SPDX-License-Identifier: Apache-2.0
 * simulation.h - meshes in a simulated network: time is a number and packets are moved by hand
 */
#ifndef TESTS_VNET_SIMULATION_H
#define TESTS_VNET_SIMULATION_H

#include <assert.h>
#include "ethernet.h"
#include "peer.h"
#include "tap.h"

#ifndef NODES
#define NODES 3
#endif
#define QUEUE 4096
#define DELAY_US 10000
#define RELAY_DELAY_US 25000

struct packet {
	uint8_t data[2048];
	size_t len;
	struct address from, to;
	int64_t at_us;
};
struct node {
	struct mesh mesh;
	struct vnet_peer self;
	char *key, *cert;
	struct address address, second; /* second: port 0 where it has none */
	uint8_t out[PATH_TOP_BYTES + 64];
	size_t frames, last_len;
	uint8_t last[FRAME_MAX_BYTES];
	bool up;
	int64_t stalled_us; /* until then it does nothing, and its packets wait */
	bool gcm_only;	    /* as one that knows of no other cipher */
	bool has_ethernet;  /* frames go through it, else straight to last */
	struct ethernet ethernet;
};

static struct node nodes[NODES];
static struct packet queue[QUEUE];
static size_t queued, lost, carried;
static mono_time now = { 1000000 };
static unsigned loss_percent, seed = 1;
static struct address dead; /* packets to it vanish */
static struct address watched;
static size_t watched_bytes;  /* sent to it */
static size_t watched_knocks; /* packets to it that did not have a low TTL */
static size_t largest;	      /* larger packets vanish; 0: none */
static bool trains_lost;      /* packets that would go as one message vanish */
static const struct vnet_network network = { .id = { { 1, 2, 3 } }, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
static struct packet last_carrier, last_data;
static size_t cookies;		/* C4 packets carried */
static int spare_carriers = -1; /* so many C2 packets of nodes 0 and 1 pass before one is lost; -1: none is */

static struct address address_of(const char *text)
{
	struct address a;
	assert(address_parse(text, &a) == OK);
	return a;
}

static unsigned dice(void)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % 100;
}

static uint8_t *reserve(void *context, size_t len)
{
	struct node *n = context;
	assert(len <= sizeof n->out);
	return n->out;
}

/* Would this packet go as one message with the last that was queued? Then that one is lost too. */
static bool joins_train(const struct node *n, const struct peer *p, const struct address *to, size_t len)
{
	static const struct node *from;
	static const struct peer *peer;
	static size_t last_len;
	static int64_t at_us;
	bool joins = trains_lost && peer_takes_trains(p) && from == n && peer == p && last_len == len && at_us == now.us;
	if (joins && queued > 0 && queue[queued - 1].len == len && queue[queued - 1].at_us == now.us + DELAY_US &&
	    address_equal(&queue[queued - 1].to, to))
		queued--;
	from = peer_takes_trains(p) ? n : NULL;
	peer = p;
	last_len = len;
	at_us = now.us;
	return joins;
}

static void commit(void *context, struct peer *p, const struct address *to, size_t len)
{
	struct node *n = context;
	if (!len || !n->up)
		return;
	carried++;
	watched_bytes += address_equal(to, &watched) ? len : 0;
	watched_knocks += address_equal(to, &watched) && !to->hops;
	bool between_two = n != &nodes[2] && !address_equal(to, &nodes[2].address);
	if (n->out[0] == WIRE_HANDSHAKE && between_two && spare_carriers >= 0 && spare_carriers-- == 0) {
		lost++;
		return;
	}
	if (dice() < loss_percent || address_equal(to, &dead) || (largest && len > largest) || queued == QUEUE ||
	    joins_train(n, p, to, len)) {
		lost++;
		return;
	}
	if (len > sizeof queue[0].data)
		return; /* a search for jumbo frames: this network has none */
	struct packet *q = &queue[queued++];
	memcpy(q->data, n->out, len);
	q->len = len;
	q->to = *to;
	q->from = n->address;
	q->at_us = now.us + DELAY_US;
	if (to->via) {
		q->to = nodes[p->id.bytes[0] - 1].address;
		q->from = *to;
		q->at_us = now.us + RELAY_DELAY_US;
	}
	cookies += q->data[0] == WIRE_COOKIE;
	if (n == &nodes[0] && q->data[0] == WIRE_HANDSHAKE)
		last_carrier = *q;
	if (n == &nodes[0] && q->data[0] == WIRE_DATA)
		last_data = *q;
}

static void to_port(void *context, const uint8_t *frame, size_t len, const struct offload *o)
{
	struct node *n = context;
	(void)o;
	n->frames++;
	n->last_len = len;
	memcpy(n->last, frame, len);
}

static void deliver(void *context, struct peer *p, uint8_t *frame, size_t len, const struct offload *o)
{
	struct node *n = context;
	if (n->has_ethernet)
		ethernet_from_peer(&n->ethernet, p, frame, len, o, now);
	else
		to_port(n, frame, len, o);
}

static void say(void *context, int level, const char *line)
{
	(void)context, (void)level;
	if (getenv("TEST_VERBOSE"))
		printf("# %lld ms: %s\n", (long long)(now.us / 1000), line);
}

static struct node *owner_of(const struct address *a)
{
	for (int i = 0; i < NODES; i++)
		if (nodes[i].up &&
		    (address_equal(&nodes[i].address, a) || (nodes[i].second.port && address_equal(&nodes[i].second, a))))
			return &nodes[i];
	return NULL;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When the packet is taken in. */
static int64_t taken_us(const struct packet *q)
{
	const struct node *n = owner_of(&q->to);
	return n ? later(q->at_us, n->stalled_us) : q->at_us;
}

static int64_t next_packet_us(void)
{
	int64_t at = INT64_MAX;
	for (size_t i = 0; i < queued; i++)
		if (taken_us(&queue[i]) < at)
			at = taken_us(&queue[i]);
	return at;
}

/* What waited is taken in as it came. */
static void carry(void)
{
	for (;;) {
		size_t first = queued;
		for (size_t i = 0; i < queued; i++)
			if (taken_us(&queue[i]) <= now.us && (first == queued || queue[i].at_us < queue[first].at_us))
				first = i;
		if (first == queued)
			return;
		struct packet q = queue[first];
		memmove(&queue[first], &queue[first + 1], (--queued - first) * sizeof *queue);
		struct node *n = owner_of(&q.to);
		if (n)
			mesh_input(&n->mesh, q.data, q.len, &q.from, now);
	}
}

/* Lets time pass, from one thing to do to the next. */
static void run_us(int64_t us)
{
	int64_t end = now.us + us;
	while (now.us < end) {
		int64_t next = next_packet_us();
		for (int i = 0; i < NODES; i++)
			if (nodes[i].up && later(mesh_due_us(&nodes[i].mesh), nodes[i].stalled_us) < next)
				next = later(mesh_due_us(&nodes[i].mesh), nodes[i].stalled_us);
		now.us = next > now.us ? next : now.us + 1;
		if (now.us > end)
			now.us = end;
		carry();
		for (int i = 0; i < NODES; i++)
			if (nodes[i].up && nodes[i].stalled_us <= now.us)
				mesh_tick(&nodes[i].mesh, now);
	}
}

static void node_make(int i, const char *address)
{
	struct node *n = &nodes[i];
	struct identity *id;
	assert(certificate_make("peer", &n->key, &n->cert) == OK);
	assert(identity_new(n->key, n->cert, true, &id) == OK);
	n->address = address_of(address);
	n->self = (struct vnet_peer){ .id = { { (uint8_t)(i + 1) } }, .ip = 0x0a4d0001u + (uint32_t)i, .pin = identity_pin(id) };
	n->self.mac.bytes[5] = (uint8_t)(i + 1);
	snprintf(n->self.name, sizeof n->self.name, "vm%d", i);
	snprintf(n->self.candidates[0].address, sizeof n->self.candidates[0].address, "%s", address);
	n->self.candidate_count = 1;
	identity_free(id);
}

static void node_up_in(int i, const struct vnet_network *in)
{
	struct node *n = &nodes[i];
	struct mesh_io io = { .context = n, .reserve = reserve, .commit = commit, .deliver = deliver, .log = say };
	struct identity *id;
	assert(identity_new(n->key, n->cert, !n->gcm_only, &id) == OK);
	assert(mesh_init(&n->mesh, in, n->self.id, id, &io, now) == OK);
	n->mesh.jitter_state = 12345;
	n->up = true;
}

static void node_up(int i)
{
	node_up_in(i, &network);
}

/* Everybody knows everybody. */
__attribute__((unused)) static void introduce(void)
{
	struct vnet_peer all[NODES];
	for (int i = 0; i < NODES; i++)
		all[i] = nodes[i].self;
	for (int i = 0; i < NODES; i++)
		if (nodes[i].up)
			assert(mesh_set_peers(&nodes[i].mesh, all, NODES, now) == OK);
}

/* A crash: no farewell. */
__attribute__((unused)) static void node_crash(int i)
{
	nodes[i].up = false;
	mesh_clear(&nodes[i].mesh);
}

static struct peer *peer_at(int node, int other)
{
	return mesh_find(&nodes[node].mesh, nodes[other].self.id);
}

__attribute__((unused)) static bool connected(int a, int b)
{
	return peer_is_connected(peer_at(a, b)) && peer_is_connected(peer_at(b, a));
}

#endif

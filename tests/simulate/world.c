/* SPDX-License-Identifier: Apache-2.0
 * world.c - who is there, behind what, and what happens to them
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "attack.h"
#include "check.h"
#include "dice.h"
#include "events.h"
#include "world.h"

#define MOST_SITES 3000
#define MOST_LINKS 6		     /* of one machine, where many are there */
#define RELAYED_US (180 * SECOND_US) /* to reach each other where both are bound at a relay: the longest pause is 75 s */
#define DIRECT_US (20 * MINUTE_US)   /* where only holes punched at the same time help */
#define PACKETS_AN_HOUR 4000	     /* of a machine for each peer that it knows, in idle hours */
#define LAN_IP 0xc0a80100u
#define FIRST_SITE_IP 0x05000001u
#define FIRST_HOST_IP 0x06000001u
#define CARRIER_NAT_IP 0x64400001u

struct node *nodes[MAX_NODES];
size_t node_count;
struct link *links;
size_t link_count;
static struct node *cast[MAX_NODES]; /* those that are awake */
static size_t cast_count, cast_most;
static bool is_awake[MAX_NODES];
static struct link **cast_links; /* with both ends among them */
static size_t cast_link_count;
static struct node *impostors[8];
static size_t impostor_count;
static int first_site, site_count;
static uint32_t next_site_ip = FIRST_SITE_IP, next_host_ip = FIRST_HOST_IP, next_inner_ip = CARRIER_NAT_IP;
static struct vnet_network network = { .id = { { 7, 7, 7 } }, .subnet = 0x0a4d0000, .prefix_len = 16 };

/* ---- making ---- */
static int make_site(void)
{
	static const int64_t timeouts_us[] = { 30 * SECOND_US, 60 * SECOND_US, 120 * SECOND_US, 300 * SECOND_US };
	struct site s = { .outer = NO_SITE, .timeout_us = timeouts_us[dice_below(PLAN, 4)] };
	s.filtering = (enum dependence)dice_below(PLAN, 3);
	s.mapping = dice_chance(PLAN, 200) ? PORT_DEPENDENT : INDEPENDENT;
	s.hairpin = dice_chance(PLAN, 300);
	s.ip = next_site_ip++;
	if (site_count > 0 && dice_chance(PLAN, 100)) {
		s.outer = first_site + (int)dice_below(PLAN, (uint64_t)site_count);
		if (net_site(s.outer)->outer == NO_SITE)
			s.ip = next_inner_ip++;
		else
			s.outer = NO_SITE;
	}
	int i = net_add_site(&s);
	if (site_count++ == 0)
		first_site = i;
	return i;
}

static struct host make_place(void)
{
	struct host h = { .site = NO_SITE, .mtu_bytes = 1472, .port = (uint16_t)dice_between(PLAN, 1024, 65535) };
	if (dice_chance(PLAN, 100))
		h.mtu_bytes = (size_t)dice_between(PLAN, 1232, 1472);
	if (dice_chance(PLAN, 250)) {
		h.ip = next_host_ip++;
		return h;
	}
	h.site = site_count == 0 || (dice_chance(PLAN, 600) && site_count < MOST_SITES)
			 ? make_site()
			 : first_site + (int)dice_below(PLAN, (uint64_t)site_count);
	h.ip = LAN_IP + (uint32_t)dice_between(PLAN, 2, 250);
	return h;
}

static bool are_linked(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->link_count; i++)
		if (a->links[i]->a == b || a->links[i]->b == b)
			return true;
	return false;
}

static void make_links(void)
{
	size_t each = node_count - 1 < MOST_LINKS ? node_count - 1 : MOST_LINKS, most = node_count * each / 2;
	links = calloc(most + 1, sizeof *links);
	assert(links);
	for (size_t i = 0; i < node_count && link_count < most; i++)
		for (size_t k = 1; k <= (each + 1) / 2 && link_count < most; k++) {
			struct node *other =
				nodes[(i + (node_count <= MOST_LINKS ? k : 1 + dice_below(PLAN, node_count - 1))) % node_count];
			if (are_linked(nodes[i], other))
				continue;
			links[link_count] = (struct link){ nodes[i], other, true };
			node_link(&links[link_count++]);
		}
}

static void set_weather(bool storm)
{
	weather.delay_us = dice_between(PLAN, 2, 150) * MILLISECOND_US;
	weather.late_us = dice_between(PLAN, 10, 2000) * MILLISECOND_US;
	weather.loss = (unsigned)dice_below(PLAN, storm ? 200 : 20);
	weather.twice = (unsigned)dice_below(PLAN, storm ? 50 : 10);
	weather.damage = (unsigned)dice_below(PLAN, storm ? 30 : 2);
	weather.late = (unsigned)dice_below(PLAN, storm ? 200 : 20);
}

/* Those that the first of the cast knows, and whom they know, until it is full. */
static void add_to_cast(struct node *n)
{
	if (cast_count == cast_most || is_awake[n->number])
		return;
	is_awake[n->number] = true;
	cast[cast_count++] = n;
}

static void choose_cast(void)
{
	cast_count = cast_link_count = 0;
	for (size_t i = 0; i < node_count; i++)
		is_awake[i] = false;
	if (cast_most == node_count)
		for (size_t i = 0; i < node_count; i++)
			add_to_cast(nodes[i]);
	add_to_cast(nodes[dice_below(PLAN, node_count)]);
	for (size_t i = 0; i < cast_count && cast_count < cast_most; i++)
		for (size_t k = 0; k < cast[i]->link_count; k++)
			add_to_cast(cast[i]->links[k]->a == cast[i] ? cast[i]->links[k]->b : cast[i]->links[k]->a);
	for (size_t i = 0; i < link_count; i++)
		if (is_awake[links[i].a->number] && is_awake[links[i].b->number])
			cast_links[cast_link_count++] = &links[i];
}

void world_gather(int64_t night_us)
{
	for (size_t i = 0; i < impostor_count; i++)
		node_crash(impostors[i]);
	for (size_t i = 0; i < node_count; i++)
		switch (nodes[i]->up && world_us >= nodes[i]->frozen_us ? dice_below(PLAN, 4) : 9) {
		case 0:
			node_crash(nodes[i]);
			break;
		case 1:
			node_freeze(nodes[i], 1000 * DAY_US, true); /* till it is wanted */
			break;
		case 9:
			break;
		default:
			node_leave(nodes[i]);
		}
	events_until(world_us + dice_between(PLAN, 0, night_us));
	choose_cast();
	for (size_t i = 0; i < cast_count; i++) {
		node_thaw(cast[i]);
		node_start(cast[i]);
	}
}

void world_make(size_t peers, size_t awake)
{
	assert(peers >= 2 && peers <= MAX_NODES);
	network.mtu = dice_chance(PLAN, 300) ? 9000 : 1400;
	with_relay = dice_chance(PLAN, 700);
	set_weather(false);
	servers_start((size_t)dice_between(PLAN, 1, MAX_SERVERS));
	for (size_t i = 0; i < peers; i++) {
		struct host h = make_place();
		nodes[node_count++] = node_new((int)i, &network, &h);
	}
	make_links();
	cast_links = calloc(link_count + 1, sizeof *cast_links);
	assert(cast_links);
	cast_most = awake >= 2 && awake < node_count ? awake : node_count;
	choose_cast();
	for (size_t i = 0; i < cast_count; i++)
		node_start(cast[i]);
	attack_start();
}

static void drop_event(event_run *run, void *who)
{
	for (size_t i = 0; i < node_count; i++)
		if (who == nodes[i])
			return;
	for (size_t i = 0; i < impostor_count; i++)
		if (who == impostors[i])
			return;
	(void)run;
	free(who); /* a packet, or a kernel's refusal */
}

void world_clear(void)
{
	for (size_t i = 0; i < node_count; i++)
		node_crash(nodes[i]);
	for (size_t i = 0; i < impostor_count; i++)
		node_crash(impostors[i]);
	events_clear(drop_event);
	for (size_t i = 0; i < node_count; i++)
		node_free(nodes[i]);
	for (size_t i = 0; i < impostor_count; i++)
		node_free(impostors[i]);
	free(links);
	free(cast_links);
	servers_clear();
	net_clear();
	check_clear();
}

/* ---- storm ---- */
static struct node *any_node(void)
{
	return cast[dice_below(PLAN, cast_count)];
}

static struct link *any_link(void)
{
	return cast_links[dice_below(PLAN, cast_link_count)];
}

static void start_later(void *who, uint64_t what)
{
	(void)what;
	node_start(who);
}

static void uncut(void *who, uint64_t what)
{
	struct node *n = who;
	(void)what;
	n->host.cut = false;
}

static void talk(struct link *l, int frames)
{
	for (int i = 0; i < frames; i++) {
		bool turn = dice_chance(PLAN, 500);
		size_t len = (size_t)dice_between(PLAN, CHECK_FRAME_MIN, network.mtu + 14);
		node_send(turn ? l->a : l->b, turn ? l->b : l->a, len);
	}
}

/* Somebody with another key appears as a member, with what a member knows. */
static void add_impostor(void)
{
	struct host h = make_place();
	struct node *of = any_node();
	if (impostor_count == sizeof impostors / sizeof *impostors) {
		node_start(impostors[dice_below(PLAN, impostor_count)]);
		return;
	}
	if (of->link_count == 0)
		return;
	struct node *n = impostors[impostor_count++] = node_impostor(of, &h);
	for (size_t i = 0; i < of->link_count; i++) {
		n->links = realloc(n->links, (i + 1) * sizeof(struct link *));
		assert(n->links);
		n->links[n->link_count++] = of->links[i];
	}
	node_start(n);
}

static void set_link(struct link *l, bool on)
{
	l->on = on;
	node_news(l->a);
	node_news(l->b);
}

static void something_happens(void)
{
	struct node *n = any_node();
	struct link *l = any_link();
	int64_t soon = dice_between(PLAN, SECOND_US, 3 * MINUTE_US);
	switch (dice_below(PLAN, 16)) {
	case 0:
		node_crash(n);
		event_at(world_us + soon, start_later, n, 0);
		break;
	case 1:
		node_leave(n);
		event_at(world_us + soon, start_later, n, 0);
		break;
	case 2:
		node_freeze(n, soon * (dice_chance(PLAN, 200) ? 100 : 1), dice_chance(PLAN, 700));
		break;
	case 3:
		if (n->host.site != NO_SITE)
			net_forget_holes(n->host.site);
		break;
	case 4:
		if (n->host.site != NO_SITE && net_site(n->host.site)->outer == NO_SITE)
			net_move_site(n->host.site, next_site_ip++);
		break;
	case 5: {
		struct host h = make_place();
		if (world_us >= n->frozen_us)
			node_move(n, &h);
		break;
	}
	case 6:
		n->host.cut = true;
		event_at(world_us + soon, uncut, n, 0);
		break;
	case 7:
		set_link(l, !l->on);
		break;
	case 8:
		server_kill(dice_below(PLAN, server_count));
		break;
	case 9:
		server_start(dice_below(PLAN, server_count));
		break;
	case 10:
		node_age_keys(l->a, l->b, (1ull << (27 + dice_below(PLAN, 2))) - 1000);
		break;
	case 11:
		attack_flood((int)dice_between(PLAN, 1, 300));
		break;
	case 12:
		set_weather(true);
		break;
	case 13:
		if (dice_chance(PLAN, 200))
			add_impostor();
		break;
	default:
		attack_once();
	}
	talk(any_link(), (int)dice_between(PLAN, 1, 20));
}

void world_storm(int64_t us)
{
	int64_t end = world_us + us, pause = 20 * SECOND_US / (int64_t)(cast_count < 40 ? cast_count : 40);
	set_weather(true);
	while (world_us < end) {
		events_until(world_us + dice_between(PLAN, 1, 2 * pause));
		something_happens();
		check_victims();
		check_node(any_node());
	}
}

void world_calm(void)
{
	set_weather(false);
	for (size_t i = 0; i < server_count; i++)
		if (!servers[i].relay)
			server_start(i);
	for (size_t i = 0; i < cast_count; i++) {
		cast[i]->host.cut = false;
		if (world_us < cast[i]->frozen_us)
			node_crash(cast[i]);
		node_start(cast[i]);
	}
	for (size_t i = 0; i < link_count; i++)
		if (!links[i].on)
			set_link(&links[i], true);
}

/* ---- calm ---- */
/* The outermost NAT, which a machine's addresses are seen to come from; NO_SITE: none. */
static int edge_of(const struct node *n)
{
	int s = n->host.site;
	while (s != NO_SITE && net_site(s)->outer != NO_SITE)
		s = net_site(s)->outer;
	return s;
}

static enum dependence worst(const struct node *n, bool mapping)
{
	enum dependence d = INDEPENDENT;
	for (int s = n->host.site; s != NO_SITE; s = net_site(s)->outer) {
		enum dependence here = mapping ? net_site(s)->mapping : net_site(s)->filtering;
		d = here > d ? here : d;
	}
	return d;
}

/* Can holes be punched between them? Through NATs whose mapping hangs on the destination only where the other side does not ask
 * for the port (RFC 4787, RFC 5128). */
static bool can_be_direct(const struct node *a, const struct node *b)
{
	if (a->host.site == b->host.site && a->host.site != NO_SITE)
		return true;
	if (edge_of(a) == edge_of(b) && edge_of(a) != NO_SITE)
		return false; /* behind one NAT of the provider's: perhaps, by its hairpin */
	bool a_varies = worst(a, true) != INDEPENDENT, b_varies = worst(b, true) != INDEPENDENT;
	if (a_varies && b_varies)
		return false;
	if (a_varies)
		return worst(b, false) != PORT_DEPENDENT;
	return !b_varies || worst(a, false) != PORT_DEPENDENT;
}

static bool should_be_reached(const struct link *l)
{
	return l->on && (with_relay || can_be_direct(l->a, l->b));
}

static void say_peer(const struct node *n, const struct peer *p)
{
	char text[ADDRESS_TEXT_SIZE];
	printf("#   %s: %s, frames %" PRIu64 " out %" PRIu64 " in, dropped %" PRIu64 ", ", p->name,
	       p->client ? "client" : "server", p->tx_frames, p->rx_frames, p->dropped);
	if (p->current)
		printf("keys %lld s old and %" PRIu64 " packets, ", (node_now(n).us - p->current->made_us) / SECOND_US,
		       p->current->sent);
	printf("%d failures, next try in %lld s", p->failures, (p->retry_us - node_now(n).us) / SECOND_US);
	for (int i = 0; i < p->paths.count; i++)
		printf(", %s%s %s", i == p->paths.active ? "*" : "", address_format(&p->paths.path[i].to, text),
		       path_state_names[p->paths.path[i].state]);
	printf("\n");
}

static void say_who(const struct node *n)
{
	const struct host *h = &n->host;
	printf("# machine %d at %08x:%u", n->number, h->ip, h->port);
	for (int s = h->site; s != NO_SITE; s = net_site(s)->outer)
		printf(", behind site %d %08x mapping %d filtering %d hairpin %d timeout %lld s", s, net_site(s)->ip,
		       (int)net_site(s)->mapping, (int)net_site(s)->filtering, net_site(s)->hairpin,
		       net_site(s)->timeout_us / SECOND_US);
	printf("; its candidates:");
	for (size_t i = 0; i < n->self.candidate_count; i++)
		printf(" %s", n->self.candidates[i].address);
	printf("\n");
	for (size_t i = 0; i < n->mesh.count; i++)
		say_peer(n, n->mesh.peers[i]);
}

static void wait_for(const struct link *l, int64_t since_us, int64_t most_us)
{
	while (!link_is_reached(l)) {
		if (world_us - since_us >= most_us) {
			say_who(l->a);
			say_who(l->b);
			broken("%d and %d do not reach each other after %lld s", l->a->number, l->b->number,
			       (world_us - since_us) / SECOND_US);
		}
		events_until(world_us + SECOND_US);
	}
}

/* Among ten frames each way some come through. */
static void check_frames_pass(struct link *l)
{
	for (int way = 0; way < 2; way++) {
		uint64_t before = frames_came;
		for (int i = 0; i < 10 && frames_came == before; i++) {
			node_send(way ? l->a : l->b, way ? l->b : l->a, CHECK_FRAME_MIN);
			events_until(world_us + SECOND_US);
		}
		if (frames_came == before) {
			say_who(l->a);
			say_who(l->b);
		}
		if (frames_came == before)
			broken("no frames pass from %d to %d", way ? l->a->number : l->b->number,
			       way ? l->b->number : l->a->number);
	}
}

int64_t world_settle(void)
{
	int64_t since = world_us, took = 0;
	for (size_t i = 0; i < cast_link_count; i++) {
		struct link *l = cast_links[i];
		if (!should_be_reached(l))
			continue;
		wait_for(l, since, with_relay ? RELAYED_US : DIRECT_US);
		took = world_us - since;
	}
	for (int i = 0; i < 20 && cast_link_count > 0; i++) {
		struct link *l = any_link();
		if (!should_be_reached(l))
			continue;
		wait_for(l, world_us, RELAYED_US);
		check_frames_pass(l);
	}
	for (size_t i = 0; i < node_count; i++)
		check_node(nodes[i]);
	check_victims();
	return took;
}

void world_idle(int64_t us)
{
	size_t before[MAX_NODES];
	for (size_t i = 0; i < node_count; i++)
		before[i] = nodes[i]->packets;
	events_until(world_us + us);
	for (size_t i = 0; i < node_count; i++) {
		const struct node *n = nodes[i];
		double an_hour = (double)(n->packets - before[i]) * HOUR_US / (double)us;
		if (us >= HOUR_US && an_hour > PACKETS_AN_HOUR * (double)(n->link_count + 1)) {
			say_who(n);
			broken("an idle machine with %zu peers sends %.0f packets an hour", n->link_count, an_hour);
		}
	}
}

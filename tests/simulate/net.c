/* SPDX-License-Identifier: Apache-2.0
 * net.c - the simulated internet
 *
 * How it works: a packet leaves through its host's NATs at once, which may make holes in them, crosses the internet in its own time,
 * and what the NATs on the other side say is asked when it comes there. Private addresses mean what they mean at the sender's
 * site; the same ones are in use at every site, so that a wrong candidate leads to somebody else.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "dice.h"
#include "events.h"
#include "map.h"
#include "net.h"

#define MAX_SITES 4096
#define LAN_DELAY_US 300
#define SITE_FLAG 0x80000000u

struct weather weather;
void (*net_tap)(const struct packet *p);
void (*net_lost)(const struct packet *p);
uint64_t net_packets, net_bytes;

static struct site *sites[MAX_SITES];
static int site_count;
static struct host **hosts;
static size_t host_count, host_room;
static struct map by_ip;     /* the internet's: to a site, or to a public host */
static struct map by_lan_ip; /* a site's: to the last host that came there */

struct address address_v4_of(uint32_t ip, uint16_t port)
{
	struct address a = { .ip = { [10] = 0xff, [11] = 0xff }, .port = port };
	for (int i = 0; i < 4; i++)
		a.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

int net_add_site(const struct site *s)
{
	assert(site_count < MAX_SITES);
	struct site *copy = malloc(sizeof *copy);
	assert(copy);
	*copy = *s;
	sites[site_count] = copy;
	assert(map_set(&by_ip, s->ip, SITE_FLAG | (uint32_t)site_count) == OK);
	return site_count++;
}

struct site *net_site(int i)
{
	return sites[i];
}

void net_forget_holes(int site)
{
	sites[site]->hole_count = 0;
}

void net_move_site(int site, uint32_t ip)
{
	net_forget_holes(site);
	map_remove(&by_ip, sites[site]->ip);
	sites[site]->ip = ip;
	assert(map_set(&by_ip, ip, SITE_FLAG | (uint32_t)site) == OK);
}

static uint64_t lan_key(int site, uint32_t ip, uint16_t port)
{
	return (uint64_t)site << 48 | (uint64_t)ip << 16 | port;
}

/* Where hosts[i] is found. */
static void note_place(size_t i)
{
	const struct host *h = hosts[i];
	assert(h->site == NO_SITE ? map_set(&by_ip, h->ip, (uint32_t)i) == OK
				  : map_set(&by_lan_ip, lan_key(h->site, h->ip, h->port), (uint32_t)i) == OK);
}

void net_add_host(struct host *h)
{
	if (host_count == host_room) {
		host_room = host_room ? host_room * 2 : 64;
		hosts = realloc(hosts, host_room * sizeof(struct host *));
		assert(hosts);
	}
	hosts[host_count] = h;
	note_place(host_count++);
}

void net_remove_host(struct host *h)
{
	for (size_t i = 0; i < host_count; i++) {
		if (hosts[i] != h)
			continue;
		if (h->site == NO_SITE)
			map_remove(&by_ip, h->ip);
		else
			map_remove(&by_lan_ip, lan_key(h->site, h->ip, h->port));
		hosts[i] = hosts[--host_count];
		if (i < host_count)
			note_place(i);
		return;
	}
}

void net_clear(void)
{
	for (int i = 0; i < site_count; i++) {
		free(sites[i]->holes);
		free(sites[i]);
	}
	site_count = 0;
	free(hosts);
	hosts = NULL;
	host_count = host_room = 0;
	map_clear(&by_ip);
	map_clear(&by_lan_ip);
}

/* ---- NATs ---- */
static bool agrees(enum dependence d, const struct address *a, const struct address *b)
{
	return d == INDEPENDENT || (!memcmp(a->ip, b->ip, sizeof a->ip) && (d == ADDRESS_DEPENDENT || a->port == b->port));
}

static bool is_open(const struct site *s, const struct hole *h)
{
	return world_us - h->used_us < s->timeout_us;
}

static bool port_is_used(const struct site *s, uint16_t port)
{
	for (size_t i = 0; i < s->hole_count; i++)
		if (s->holes[i].port == port)
			return true;
	return false;
}

/* Where there is no room, the one that was not used for longest goes. */
static struct hole *hole_room(struct site *s)
{
	size_t stalest = 0;
	if (s->hole_count == s->hole_room && s->hole_room < SITE_HOLES) {
		s->hole_room = s->hole_room ? 2 * s->hole_room : 8;
		s->holes = realloc(s->holes, s->hole_room * sizeof *s->holes);
		assert(s->holes);
	}
	if (s->hole_count < s->hole_room)
		return &s->holes[s->hole_count++];
	for (size_t i = 1; i < SITE_HOLES; i++)
		if (s->holes[i].used_us < s->holes[stalest].used_us)
			stalest = i;
	return &s->holes[stalest];
}

static struct address go_out(struct site *s, const struct address *inside, const struct address *remote)
{
	uint16_t port = 0;
	for (size_t i = 0; i < s->hole_count; i++) {
		struct hole *h = &s->holes[i];
		if (!is_open(s, h)) {
			*h = s->holes[--s->hole_count];
			i--;
			continue;
		}
		if (!address_equal(&h->inside, inside) || !agrees(s->mapping, &h->remote, remote))
			continue;
		port = h->port;
		if (address_equal(&h->remote, remote)) {
			h->used_us = world_us;
			return address_v4_of(s->ip, port);
		}
	}
	if (port == 0)
		do
			port = (uint16_t)dice_between(WEATHER, 1024, 65535);
		while (port_is_used(s, port));
	*hole_room(s) = (struct hole){ .inside = *inside, .remote = *remote, .port = port, .used_us = world_us };
	return address_v4_of(s->ip, port);
}

/* False: filtered. */
static bool come_in(const struct site *s, const struct address *from, uint16_t port, struct address *ret_inside)
{
	for (size_t i = 0; i < s->hole_count; i++) {
		const struct hole *h = &s->holes[i];
		if (h->port == port && is_open(s, h) && agrees(s->filtering, &h->remote, from)) {
			*ret_inside = h->inside;
			return true;
		}
	}
	return false;
}

/* ---- ways ---- */
static bool is_lan(uint32_t ip)
{
	return ip >> 16 == 0xc0a8;
}

static struct host *host_at(int site, const struct address *to)
{
	uint32_t i;
	return map_get(&by_lan_ip, lan_key(site, address_v4(to), to->port), &i) ? hosts[i] : NULL;
}

static struct host *public_host(uint32_t ip, int *ret_site)
{
	uint32_t value;
	*ret_site = NO_SITE;
	if (!map_get(&by_ip, ip, &value))
		return NULL;
	if (value & SITE_FLAG)
		*ret_site = (int)(value & ~SITE_FLAG);
	return value & SITE_FLAG ? NULL : hosts[value];
}

static void hand_over(struct host *h, struct packet *p)
{
	if (h && !h->cut && p->len <= h->mtu_bytes)
		h->take(h->owner, p->data, p->len, &p->from);
	else if (!h && net_lost)
		net_lost(p);
}

/* At the other side's edge of the internet, or inside a site whose NAT sent it back. */
static void arrive(void *who, uint64_t what)
{
	struct packet *p = who;
	struct host *h = NULL;
	int site = NO_SITE;
	bool passes = true;
	if (is_lan(address_v4(&p->to))) {
		h = host_at((int)what, &p->to);
	} else {
		h = public_host(address_v4(&p->to), &site);
		while (site != NO_SITE && passes) {
			struct address inside;
			int behind = site;
			passes = come_in(net_site(site), &p->from, p->to.port, &inside);
			if (!passes)
				break;
			p->to = inside;
			if (is_lan(address_v4(&inside))) {
				h = host_at(behind, &inside);
				break;
			}
			h = public_host(address_v4(&inside), &site); /* a NAT behind this one */
		}
		passes = passes && (!h || h->port == p->to.port);
	}
	if (passes)
		hand_over(h, p);
	free(p);
}

static struct packet *packet_of(const struct address *from, const struct address *to, const uint8_t *data, size_t len)
{
	struct packet *p = malloc(sizeof *p + len);
	assert(p);
	p->from = *from;
	p->to = *to;
	p->from.via = p->to.via = 0;
	p->len = len;
	memcpy(p->data, data, len);
	return p;
}

static int64_t way_us(uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)(a > b ? a : b) << 32 | (a > b ? b : a)) * 0x9e3779b97f4a7c15ull;
	return MILLISECOND_US + (int64_t)(h >> 33) % (weather.delay_us + 1);
}

static void fly(struct packet *p, unsigned twice)
{
	int64_t way = way_us(address_v4(&p->from), address_v4(&p->to));
	net_packets++;
	net_bytes += p->len;
	if (net_tap)
		net_tap(p);
	if (dice_chance(WEATHER, weather.loss)) {
		free(p);
		return;
	}
	if (dice_chance(WEATHER, weather.damage) && p->len > 0) {
		p->data[dice_below(WEATHER, p->len)] ^= (uint8_t)(1 << dice_below(WEATHER, 8));
		if (dice_chance(WEATHER, 200))
			p->len = dice_below(WEATHER, p->len);
	}
	if (dice_chance(WEATHER, twice)) {
		struct packet *copy = packet_of(&p->from, &p->to, p->data, p->len);
		event_at(world_us + way + dice_between(WEATHER, 0, weather.late_us), arrive, copy, 0);
	}
	way += dice_between(WEATHER, 0, way / 10);
	if (dice_chance(WEATHER, weather.late))
		way += dice_between(WEATHER, 0, weather.late_us);
	event_at(world_us + way, arrive, p, 0);
}

void net_inject(const struct address *from, const struct address *to, const uint8_t *data, size_t len)
{
	fly(packet_of(from, to, data, len), 0);
}

bool net_send(struct host *h, const struct address *to, const uint8_t *data, size_t len)
{
	struct address from = address_v4_of(h->ip, h->port);
	if (len > h->mtu_bytes)
		return false;
	if (h->cut)
		return true;
	if (h->site == NO_SITE && is_lan(address_v4(to)))
		return true;
	if (is_lan(address_v4(to))) {
		event_at(world_us + LAN_DELAY_US, arrive, packet_of(&from, to, data, len), (uint64_t)h->site);
		return true;
	}
	for (int s = h->site; s != NO_SITE; s = sites[s]->outer) {
		bool back = address_v4(to) == sites[s]->ip;
		from = go_out(sites[s], &from, to);
		if (back && !sites[s]->hairpin)
			return true;
	}
	/* One that may not go far opens the NATs on this side and ends on the way. */
	if (to->hops == 0)
		fly(packet_of(&from, to, data, len), weather.twice);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * attack.c - one who sits on the way
 *
 * How it works: of all packets that cross the internet some are kept for ever and the newest for a while. They are sent again as they
 * were, from where they came or in the name of a victim that says nothing; cut, bent, with another receiver; and mixed with pure
 * chance. Victims have addresses that lead nowhere: what comes there is weighed against what was sent in their name.
 */
#include <string.h>
#include "attack.h"
#include "check.h"
#include "dice.h"
#include "stun.h"
#include "wire.h"

#define KEPT 4096
#define MOST_BYTES 1600
#define VICTIM_NET 0xcb007100u /* 203.0.113/24 */

uint64_t attacks_sent;
static struct kept {
	struct address from, to;
	size_t len; /* 0: none yet */
	uint8_t data[MOST_BYTES];
} kept[KEPT], carriers[KEPT];
static uint64_t seen, carriers_seen;

static bool is_victim(const struct address *a)
{
	return address_v4(a) >> 8 == VICTIM_NET >> 8;
}

static void keep(struct kept *list, uint64_t *count, const struct packet *p)
{
	/* Half of the places for the newest, half for a fair choice of all (reservoir sampling). */
	size_t i = *count % (KEPT / 2);
	uint64_t old = dice_below(WEATHER, ++*count);
	if (old < KEPT / 2)
		i = KEPT / 2 + old;
	list[i].from = p->from;
	list[i].to = p->to;
	list[i].len = p->len;
	memcpy(list[i].data, p->data, p->len);
}

static void overhear(const struct packet *p)
{
	if (is_victim(&p->to) &&
	    !stun_is(p->data, p->len)) /* STUN's answers are larger than its requests, as RFC 8489 has them */
		check_hit(&p->to, p->len);
	if (is_victim(&p->to) || is_victim(&p->from) || p->len == 0 || p->len > MOST_BYTES)
		return;
	keep(kept, &seen, p);
	if (p->data[0] == WIRE_HANDSHAKE || p->data[0] == WIRE_COOKIE)
		keep(carriers, &carriers_seen, p);
}

void attack_start(void)
{
	net_tap = overhear;
}

static struct address victim(void)
{
	return address_v4_of(VICTIM_NET + (uint32_t)dice_below(PLAN, 256), (uint16_t)dice_between(PLAN, 1, 65535));
}

static void inject(const struct address *from, const struct address *to, const uint8_t *data, size_t len)
{
	if (is_victim(from))
		check_lured(from, len);
	attacks_sent++;
	net_inject(from, to, data, len);
}

static const struct kept *choose(const struct kept *list)
{
	for (int i = 0; i < 20; i++) {
		const struct kept *p = &list[dice_below(PLAN, KEPT)];
		if (p->len > 0)
			return p;
	}
	return NULL;
}

static void change(uint8_t *data, size_t *len)
{
	switch (dice_below(PLAN, 5)) {
	case 0:
		data[dice_below(PLAN, *len)] ^= (uint8_t)(1 << dice_below(PLAN, 8));
		break;
	case 1:
		*len = dice_below(PLAN, *len);
		break;
	case 2: /* another counter, or handshake */
		if (*len >= 16)
			data[15] = (uint8_t)dice_u64(PLAN);
		break;
	case 3:
		data[0] = (uint8_t)(0xc0 + dice_below(PLAN, 7));
		break;
	case 4:
		for (size_t i = 0; i < *len; i++)
			data[i] = (uint8_t)dice_u64(PLAN);
		break;
	}
}

void attack_once(void)
{
	for (int i = 0; i < 8; i++) {
		const struct kept *p = choose(dice_chance(PLAN, 500) ? kept : carriers), *other = choose(kept);
		uint8_t data[MOST_BYTES];
		if (!p || !other)
			return;
		size_t len = p->len;
		memcpy(data, p->data, len);
		if (dice_chance(PLAN, 500))
			change(data, &len);
		struct address from = dice_chance(PLAN, 500) ? p->from : victim();
		inject(&from, dice_chance(PLAN, 900) ? &p->to : &other->to, data, len);
	}
}

void attack_flood(int packets)
{
	for (int i = 0; i < packets; i++) {
		const struct kept *p = choose(carriers);
		if (!p)
			return;
		struct address from = victim();
		inject(&from, &p->to, p->data, p->len);
	}
}

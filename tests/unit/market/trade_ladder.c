/* SPDX-License-Identifier: Apache-2.0
 * trade_ladder.c - what the ladder finds among many thousands of asks, against looking at each
 */
#include <stdlib.h>
#include <string.h>
#include "ladder_block.h"
#include "tap.h"

#define ASKS 30000 /* more than a group holds */
#define ROUNDS 12
#define FINDS 30
#define MOST 20

static struct ask_entry *entries[ASKS]; /* NULL: not on the ladder */
static uint64_t random_state = 7;

static uint32_t below(uint32_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % bound;
}

static uuid id_of(uint32_t n)
{
	return (uuid){ { [12] = (uint8_t)(n >> 16), [13] = (uint8_t)(n >> 8), [14] = (uint8_t)n, [15] = 1 } };
}

/* spread: of how many prices; 1: all alike, so that rating and time decide. */
static struct ask random_ask(uint32_t n, uint32_t spread)
{
	static const char countries[][COUNTRY_SIZE] = { "DE", "FR", "US", "PL", "" };
	struct ask a = { .machine = id_of(n), .seller = id_of(n % 997), .accel = below(4) ? ACCEL_KVM : ACCEL_TCG };

	memcpy(a.country, countries[below(5)], COUNTRY_SIZE);
	a.vendor = (enum cpu_vendor)below(CPU_VENDOR_COUNT);
	a.direct = below(2);
	a.trusted = !below(5);
	a.score = below(3200);
	a.rating_ppm = below(1000) * 1000;
	a.ratings = below(50);
	a.up_kbit_s = below(200) * 1000;
	a.down_kbit_s = below(1000) * 1000;
	a.rtt_ms[2] = (uint16_t)below(200);
	a.prices = (struct prices){ { below(spread) }, { below(spread) }, { below(3) } };
	a.cores_free = below(70);
	a.memory_free_mib = below(140) * 1000;
	a.max_duration_s = below(3) ? 0 : (int64_t)below(3000000);
	return a;
}

static struct bid random_bid(uint32_t spread)
{
	struct bid b = { .order = id_of(1), .buyer = id_of(2), .places = 4, .cores = 1 + below(8), .region = 2 };
	struct constraints *c = &b.constraints;

	b.memory_mib = 64 << below(11);
	b.max_prices = (struct prices){ { below(spread + 1) }, { below(spread + 1) }, { 2 } };
	b.duration_s = 60 + below(3) * 100000;
	if (below(2))
		c->min_score = below(3300);
	if (below(2))
		c->min_rating_ppm = below(1000001);
	if (!below(3))
		c->min_up_kbit_s = below(210000);
	if (!below(4))
		c->max_rtt_ms = below(200);
	if (!below(4))
		c->direct = true;
	if (!below(4))
		c->cpu_vendor = CPU_INTEL;
	if (!below(4))
		c->trusted = below(2) ? TRUSTED_PREFER : TRUSTED_REQUIRE;
	if (!below(3))
		memcpy(c->countries[c->country_count++], "US", COUNTRY_SIZE);
	if (!below(6))
		memcpy(c->countries[c->country_count++], "DE", COUNTRY_SIZE);
	if (!below(4)) {
		c->preferred_count = 2;
		c->preferred[0] = id_of(below(997));
		c->preferred[1] = id_of(below(997));
	}
	return b;
}

static int compare(const void *a, const void *b)
{
	return candidate_before(a, b) ? -1 : candidate_before(b, a);
}

static bool found_alike(const struct ladder *ladder, uint32_t spread)
{
	static struct candidate all[ASKS];
	struct candidate found[MOST];
	struct bid bid = random_bid(spread);
	size_t n = 1 + below(MOST), count = 0, got = ladder_find(ladder, &bid, found, n);

	for (size_t i = 0; i < ASKS; i++) {
		if (entries[i] && rule_against(&bid, &entries[i]->ask) == RULE_COUNT)
			all[count++] = candidate_of(&bid, entries[i]);
	}
	qsort(all, count, sizeof all[0], compare);
	if (got != (count < n ? count : n))
		return false;
	for (size_t i = 0; i < got; i++) {
		if (found[i].entry != all[i].entry)
			return false;
	}
	return true;
}

static bool change(struct ladder *ladder, uint32_t n, uint32_t spread, uint64_t *now)
{
	struct ask ask = random_ask(n, spread);

	if (!entries[n]) {
		entries[n] = calloc(1, sizeof *entries[n]);
		entries[n]->ask = ask;
		entries[n]->since = ++*now;
		return ladder_put(ladder, entries[n]) == OK;
	}
	switch (below(3)) {
	case 0:
		ladder_remove(ladder, entries[n]);
		free(entries[n]);
		entries[n] = NULL;
		return true;
	case 1: /* a new price, near the old one or not */
		if (below(2)) {
			ask.prices = entries[n]->ask.prices;
			ask.prices.per_core_hour.micro += below(3);
		}
		entries[n]->ask = ask;
		entries[n]->since = ++*now;
		return ladder_reprice(ladder, entries[n]) == OK;
	default:
		ask.prices = entries[n]->ask.prices;
		entries[n]->ask = ask;
		ladder_changed(ladder, entries[n]);
		return true;
	}
}

/* ---- what the ladder keeps to be quicker ---- */

static bool map_names(const struct ladder_block *b, unsigned int map, unsigned int slot)
{
	return b->group->maps[map][b->index][slot / 64] >> (slot % 64) & 1;
}

/* The bits of a slot are those of its ask. */
static bool slot_true(const struct ladder_block *b, unsigned int slot)
{
	const struct ask_entry *e = b->entry[slot];
	struct standing is = ladder_standing(&e->ask);
	bool fine = e->block == b && e->slot == slot &&
		    b->price[slot].per_core_hour == (uint64_t)e->ask.prices.per_core_hour.micro &&
		    b->price[slot].per_gib_hour == (uint64_t)e->ask.prices.per_gib_hour.micro &&
		    b->facts[slot].cores_free == e->ask.cores_free && b->facts[slot].rating_ppm == e->ask.rating_ppm;

	for (unsigned int g = 0; g < GRADED_COUNT; g++) {
		for (unsigned int i = 0; i < GRADES; i++)
			fine &= map_names(b, g * GRADES + i, slot) == (is.level[g] / 4 > i);
		for (unsigned int i = 0; g < FINE_COUNT && i < QUARTERS; i++)
			fine &= map_names(b, FIRST_QUARTER + g * QUARTERS + i, slot) == (is.level[g] % 4 > i);
	}
	for (unsigned int f = 0; f < FLAG_COUNT; f++)
		fine &= map_names(b, FIRST_FLAG + f, slot) == (is.flags >> f & 1);
	for (unsigned int c = 0; c < COUNTRY_BUCKETS; c++)
		fine &= map_names(b, FIRST_COUNTRY + c, slot) == (is.country == c);
	return fine;
}

static bool bound_holds(const struct bound *b, const struct bound *one)
{
	bool holds = one->per_gib_hour >= b->per_gib_hour && one->since >= b->since && one->rating_ppm <= b->rating_ppm;

	for (int i = 0; i < RATIOS; i++)
		holds &= one->least[i] >= b->least[i];
	return holds;
}

static bool box_holds(const struct box *b, const struct box *one)
{
	return one->least >= b->least && one->most <= b->most && one->least_per_gib >= b->least_per_gib &&
	       one->most_per_gib <= b->most_per_gib;
}

static bool block_true(const struct ladder_block *b, uint32_t ones[MAPS])
{
	const struct bound *bound = &b->group->bounds[b->index];
	uint32_t count = 0;
	bool fine = b->count > 0 && bound_holds(&b->group->bound, bound);

	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		bool used = b->used[slot / 64] >> (slot % 64) & 1;

		fine &= used == (b->entry[slot] != NULL);
		for (unsigned int m = 0; m < MAPS && !used; m++)
			fine &= !map_names(b, m, slot);
		if (used && b->entry[slot]) {
			struct bound one = bound_of(b->entry[slot]);
			struct box box = box_of(b->entry[slot]);
			struct key key = key_of(b->entry[slot]);

			fine &= slot_true(b, slot) && bound_holds(bound, &one) && box_holds(&b->group->boxes[b->index], &box) &&
				!key_before(&key, &b->group->firsts[b->index]);
			count++;
		}
	}
	for (unsigned int m = 0; m < MAPS; m++) {
		fine &= (b->group->any[m] >> b->index & 1) == !map_empty(&b->group->maps[m][b->index]);
		for (unsigned int w = 0; w < WORDS; w++)
			ones[m] += (uint32_t)__builtin_popcountll(b->group->maps[m][b->index][w]);
	}
	return fine && b->count == count;
}

/* All bitmaps, words and counts are as if they were made from the asks now, and all bounds hold them. */
static bool ladder_true(const struct ladder *l)
{
	uint32_t ones[MAPS] = { 0 };
	bool fine = true;
	size_t count = 0, there = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct ladder_group *g = l->groups[i];

		fine &= g->position == i && g->present;
		for (unsigned int m = 0; m < MAPS; m++)
			fine &= !(g->any[m] & ~g->present);
		for (unsigned int b = 0; b < GROUP_BLOCKS; b++) {
			fine &= (g->present >> b & 1) == (g->blocks[b] != NULL);
			if (g->blocks[b]) {
				fine &= g->blocks[b]->group == g && g->blocks[b]->index == b && block_true(g->blocks[b], ones);
				count += g->blocks[b]->count;
			}
		}
	}
	for (uint32_t n = 0; n < ASKS; n++)
		there += entries[n] != NULL;
	return fine && count == there && count == l->asks && !memcmp(ones, l->ones, sizeof ones);
}

static void test_spread(uint32_t spread)
{
	struct ladder ladder = { 0 };
	uint64_t now = 0;
	bool fine = true, alike = true, kept = true;

	for (uint32_t n = 0; n < ASKS; n++)
		fine &= change(&ladder, n, spread, &now);
	ok(ladder.count > 1, "they stand in more than one group");
	for (int round = 0; round < ROUNDS && alike; round++) {
		for (int i = 0; i < FINDS && alike; i++)
			alike = found_alike(&ladder, spread);
		for (uint32_t i = 0; i < ASKS / 8; i++)
			fine &= change(&ladder, below(ASKS), spread, &now);
		kept &= ladder_true(&ladder);
	}
	ok(fine && alike, "%d times the first ones of some %d asks at %u prices are found", ROUNDS * FINDS, ASKS, spread);
	ok(kept, "after each round of changes its bitmaps, words, counts and bounds are those of the asks");
	for (uint32_t n = 0; n < ASKS; n++) {
		if (entries[n])
			ladder_remove(&ladder, entries[n]);
		free(entries[n]);
		entries[n] = NULL;
	}
	is_int(ladder.count, 0, "nothing is left when all are removed");
	ladder_clear(&ladder);
}

int main(void)
{
	test_spread(100000);
	test_spread(50);
	test_spread(1);
	return done_testing();
}

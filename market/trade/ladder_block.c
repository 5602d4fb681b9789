/* SPDX-License-Identifier: Apache-2.0
 * ladder_block.c - blocks of the ladder: what their bitmaps and bounds say of the asks in their slots
 */
#include "ladder_block.h"

#include <stdlib.h>
#include <string.h>

/* ---- what an ask is by its bitmaps ---- */

static const uint32_t grade_from[GRADED_COUNT][GRADES] = {
	[G_SCORE] = { 50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1200, 1500, 1800, 2100, 2500, 3000 },
	[G_RATING] = { 100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 850000, 900000, 920000, 940000, 960000,
		       980000, 990000, 995000 },
	[G_UP] = { 1000, 2000, 5000, 10000, 20000, 30000, 50000, 75000, 100000, 150000, 200000, 300000, 500000, 750000, 1000000,
		   2500000 },
	[G_DOWN] = { 1000, 2000, 5000, 10000, 20000, 30000, 50000, 75000, 100000, 150000, 200000, 300000, 500000, 750000, 1000000,
		     2500000 },
	[G_CORES] = { 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64 },
	[G_MEMORY] = { 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384, 32768, 65536, 131072 },
	[G_DURATION] = { 600, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 64800, 86400, 172800, 259200, 432000, 604800,
			 2592000 },
};

uint8_t ladder_level(enum graded which, uint32_t value)
{
	const uint32_t *from = grade_from[which];
	unsigned int grade = 0, quarters = 0;

	for (unsigned int i = 0; i < GRADES; i++)
		grade += value >= from[i];
	if (which < FINE_COUNT && grade > 0 && grade < GRADES) {
		uint32_t low = from[grade - 1], width = from[grade] - low;

		for (uint32_t i = 1; i <= QUARTERS; i++)
			quarters += value - low >= width * i / 4;
	}
	return (uint8_t)(4 * grade + quarters);
}

unsigned int ladder_country(const char *country)
{
	return ((unsigned char)country[0] * 7U + (unsigned char)country[1] * 11U) % COUNTRY_BUCKETS;
}

struct standing ladder_standing(const struct ask *a)
{
	struct standing s = { .country = (uint8_t)ladder_country(a->country) };

	s.level[G_SCORE] = ladder_level(G_SCORE, a->score);
	s.level[G_RATING] = ladder_level(G_RATING, a->rating_ppm);
	s.level[G_UP] = ladder_level(G_UP, a->up_kbit_s);
	s.level[G_DOWN] = ladder_level(G_DOWN, a->down_kbit_s);
	s.level[G_CORES] = ladder_level(G_CORES, a->cores_free);
	s.level[G_MEMORY] = ladder_level(G_MEMORY, a->memory_free_mib);
	s.level[G_DURATION] = ladder_level(G_DURATION, a->max_duration_s ? clamp_u32(a->max_duration_s) : UINT32_MAX);
	s.flags = (uint8_t)((a->accel == ACCEL_KVM) << F_KVM | (a->accel == ACCEL_TCG) << F_TCG | a->direct << F_DIRECT |
			    a->trusted << F_TRUSTED | (a->vendor == CPU_INTEL) << F_INTEL | (a->vendor == CPU_AMD) << F_AMD |
			    (a->vendor == CPU_OTHER) << F_OTHER);
	return s;
}

static struct facts facts_of(const struct ask *a)
{
	return (struct facts){ a->score,       a->rating_ppm, a->ratings,	  a->up_kbit_s,
			       a->down_kbit_s, a->cores_free, a->memory_free_mib, a->scratch_free_mib };
}

/* ---- bounds ---- */

static const struct bound bound_of_none = {
	.least = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
	.per_gib_hour = UINT64_MAX,
	.since = UINT64_MAX,
};
static const struct box box_of_none = { UINT64_MAX, 0, UINT64_MAX, 0 };
static const struct key last_key = { UINT64_MAX, 0, UINT64_MAX };

bool key_before(const struct key *a, const struct key *b)
{
	if (a->price != b->price)
		return a->price < b->price;
	if (a->rating_ppm != b->rating_ppm)
		return a->rating_ppm > b->rating_ppm;
	return a->since < b->since;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void bound_widen(struct bound *b, const struct bound *more)
{
	for (int i = 0; i < RATIOS; i++)
		b->least[i] = least_of(b->least[i], more->least[i]);
	b->per_gib_hour = least_of(b->per_gib_hour, more->per_gib_hour);
	b->since = least_of(b->since, more->since);
	b->rating_ppm = (uint32_t)most_of(b->rating_ppm, more->rating_ppm);
}

static struct price price_of(const struct ask *a)
{
	return (struct price){ (uint64_t)a->prices.per_core_hour.micro, (uint64_t)a->prices.per_gib_hour.micro };
}

static uint64_t price_at(const struct price *p, unsigned int ratio)
{
	return 2 * p->per_core_hour + half_gib[ratio] * p->per_gib_hour;
}

struct bound bound_of(const struct ask_entry *e)
{
	struct price price = price_of(&e->ask);
	struct bound b = { .per_gib_hour = price.per_gib_hour, .since = e->since, .rating_ppm = e->ask.rating_ppm };

	for (unsigned int i = 0; i < RATIOS; i++)
		b.least[i] = price_at(&price, i);
	return b;
}

struct key key_of(const struct ask_entry *e)
{
	struct price price = price_of(&e->ask);

	return (struct key){ price_at(&price, COMMON_RATIO), e->ask.rating_ppm, e->since };
}

struct box box_of(const struct ask_entry *e)
{
	struct price price = price_of(&e->ask);
	uint64_t common = price_at(&price, COMMON_RATIO);

	return (struct box){ common, common, price.per_gib_hour, price.per_gib_hour };
}

/* After the slot's ask came, or is another. */
static void bounds_note(struct ladder_block *b, unsigned int slot)
{
	const struct ask_entry *e = b->entry[slot];
	struct ladder_group *g = b->group;
	struct bound bound = bound_of(e);
	struct box *box = &g->boxes[b->index], one = box_of(e);
	struct key key = key_of(e);

	bound_widen(&g->bounds[b->index], &bound);
	bound_widen(&g->bound, &bound);
	box->least = least_of(box->least, one.least);
	box->most = most_of(box->most, one.most);
	box->least_per_gib = least_of(box->least_per_gib, one.least_per_gib);
	box->most_per_gib = most_of(box->most_per_gib, one.most_per_gib);
	if (key_before(&key, &g->firsts[b->index]))
		g->firsts[b->index] = key;
}

static void bounds_clear(struct ladder_group *g, unsigned int block)
{
	g->bounds[block] = bound_of_none;
	g->boxes[block] = box_of_none;
	g->firsts[block] = last_key;
}

void block_tighten(struct ladder_block *b)
{
	bounds_clear(b->group, b->index);
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		const struct ask_entry *ahead = b->entry[(slot + 16) % SLOTS];

		if (ahead) {
			__builtin_prefetch(&ahead->ask.prices);
			__builtin_prefetch(&ahead->ask.rating_ppm);
			__builtin_prefetch(&ahead->since);
		}
		if (b->entry[slot])
			bounds_note(b, slot);
	}
	b->gone = 0;
}

void group_tighten(struct ladder_group *g)
{
	g->bound = bound_of_none;
	for (uint64_t rest = g->present; rest; rest &= rest - 1)
		bound_widen(&g->bound, &g->bounds[__builtin_ctzll(rest)]);
}

/* ---- bitmaps ---- */

static void map_flip(struct ladder *l, struct ladder_block *b, unsigned int map, unsigned int slot)
{
	block_map *m = &b->group->maps[map][b->index];
	uint64_t bit = 1ULL << (slot % 64), block = 1ULL << b->index;

	(*m)[slot / 64] ^= bit;
	if ((*m)[slot / 64] & bit) {
		l->ones[map]++;
		b->group->any[map] |= block;
	} else {
		l->ones[map]--;
		if (map_empty(m))
			b->group->any[map] &= ~block;
	}
}

/* The maps in which a slot's bit changes: asked for all at once, since each lies elsewhere and few are in the cache. */
struct flips {
	uint16_t maps[MAPS];
	int count;
};

static void flips_add(struct flips *f, const struct ladder_block *b, unsigned int map)
{
	__builtin_prefetch(&b->group->maps[map][b->index], 1);
	f->maps[f->count++] = (uint16_t)map;
}

static void flips_add_level(struct flips *f, const struct ladder_block *b, enum graded g, unsigned int from, unsigned int to)
{
	for (unsigned int i = from / 4; i < to / 4; i++)
		flips_add(f, b, g * GRADES + i);
	for (unsigned int i = 0; g < FINE_COUNT && i < QUARTERS; i++) {
		if ((from % 4 > i) != (to % 4 > i))
			flips_add(f, b, FIRST_QUARTER + g * QUARTERS + i);
	}
}

/* Makes a slot's bits what they should be; was, is: NULL for none. */
static void block_stand(struct ladder *l, struct ladder_block *b, unsigned int slot, const struct standing *was,
			const struct standing *is)
{
	static const struct standing none = { 0 };
	struct flips f = { .count = 0 };
	bool moved = !was || !is || was->country != is->country;

	if (moved && was)
		flips_add(&f, b, FIRST_COUNTRY + was->country);
	if (moved && is)
		flips_add(&f, b, FIRST_COUNTRY + is->country);
	was = was ? was : &none;
	is = is ? is : &none;
	for (enum graded g = 0; g < GRADED_COUNT; g++) {
		if (was->level[g] < is->level[g])
			flips_add_level(&f, b, g, was->level[g], is->level[g]);
		else if (was->level[g] > is->level[g])
			flips_add_level(&f, b, g, is->level[g], was->level[g]);
	}
	for (unsigned int rest = was->flags ^ is->flags; rest; rest &= rest - 1)
		flips_add(&f, b, FIRST_FLAG + (unsigned int)__builtin_ctz(rest));
	for (int i = 0; i < f.count; i++)
		map_flip(l, b, f.maps[i], slot);
}

void block_note(struct ladder *l, struct ladder_block *b, unsigned int slot)
{
	const struct ask *ask = &b->entry[slot]->ask;
	struct standing is = ladder_standing(ask);

	block_stand(l, b, slot, &b->standing[slot], &is);
	b->standing[slot] = is;
	bool rated = b->facts[slot].rating_ppm != ask->rating_ppm;
	b->facts[slot] = facts_of(ask);
	if (rated)
		bounds_note(b, slot);
}

/* ---- blocks ---- */

struct ladder_block *block_new(struct ladder *l, struct ladder_group *g)
{
	struct ladder_block *b = slab_take(&l->block_slab);

	if (!b)
		return NULL;
	memset(b, 0, sizeof *b);
	b->group = g;
	b->index = (unsigned int)__builtin_ctzll(~g->present);
	g->present |= 1ULL << b->index;
	g->blocks[b->index] = b;
	bounds_clear(g, b->index);
	for (unsigned int m = 0; m < MAPS; m++)
		g->maps[m][b->index] = (block_map){ 0 };
	return b;
}

static void block_unlink(struct ladder_block *b)
{
	b->group->present &= ~(1ULL << b->index);
	b->group->blocks[b->index] = NULL;
}

void block_free(struct ladder *l, struct ladder_block *b)
{
	block_unlink(b);
	slab_give(&l->block_slab, b);
}

static void block_put(struct ladder_block *b, unsigned int slot, struct ask_entry *e)
{
	b->used[slot / 64] |= 1ULL << (slot % 64);
	b->entry[slot] = e;
	b->count++;
	e->block = b;
	e->slot = (uint16_t)slot;
}

static void block_drop(struct ladder_block *b, unsigned int slot)
{
	b->used[slot / 64] &= ~(1ULL << (slot % 64));
	b->entry[slot] = NULL;
	b->count--;
}

void block_add(struct ladder *l, struct ladder_block *b, struct ask_entry *e)
{
	struct standing is = ladder_standing(&e->ask);
	unsigned int w = 0;

	while (!~b->used[w])
		w++;
	unsigned int slot = w * 64 + (unsigned int)__builtin_ctzll(~b->used[w]);
	block_stand(l, b, slot, NULL, &is);
	l->asks++;
	b->standing[slot] = is;
	b->facts[slot] = facts_of(&e->ask);
	b->price[slot] = price_of(&e->ask);
	block_put(b, slot, e);
	bounds_note(b, slot);
}

/* After an ask or its price has gone. */
static void bounds_age(struct ladder_block *b)
{
	if (++b->gone > SLOTS / 2 && b->count) {
		block_tighten(b);
		group_tighten(b->group);
	}
}

void block_take(struct ladder *l, struct ladder_block *b, unsigned int slot)
{
	block_stand(l, b, slot, &b->standing[slot], NULL);
	l->asks--;
	block_drop(b, slot);
	bounds_age(b);
}

void block_reprice(struct ladder *l, struct ladder_block *b, unsigned int slot)
{
	block_note(l, b, slot);
	b->price[slot] = price_of(&b->entry[slot]->ask);
	bounds_note(b, slot);
	bounds_age(b);
}

struct ranked {
	struct key key;
	unsigned int slot;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct key *x = &((const struct ranked *)a)->key, *y = &((const struct ranked *)b)->key;

	return key_before(x, y) ? -1 : key_before(y, x);
}

/* The slots of the dearer half: by memory's price where that differs more. Prices that are all alike leave it to rating and
 * time. */
static void dearer_half(const struct ladder_block *b, block_map *ret)
{
	const struct box *box = &b->group->boxes[b->index];
	bool by_memory = half_gib[COMMON_RATIO] * (box->most_per_gib - box->least_per_gib) > box->most - box->least;
	struct ranked ranked[SLOTS];

	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		ranked[slot] = (struct ranked){ key_of(b->entry[slot]), slot };
		if (by_memory)
			ranked[slot].key.price = b->price[slot].per_gib_hour;
	}
	qsort(ranked, SLOTS, sizeof ranked[0], compare_ranked);
	*ret = (block_map){ 0 };
	for (unsigned int i = SLOTS / 2; i < SLOTS; i++)
		(*ret)[ranked[i].slot / 64] |= 1ULL << (ranked[i].slot % 64);
}

void block_halve(struct ladder_block *b, struct ladder_block *other)
{
	struct ladder_group *g = b->group;
	block_map moved;

	block_tighten(b);
	dearer_half(b, &moved);
	for (unsigned int m = 0; m < MAPS; m++) { /* slots keep their numbers */
		block_map *from = &g->maps[m][b->index], *to = &g->maps[m][other->index];

		*to = *from & moved;
		*from &= ~moved;
		g->any[m] &= ~(1ULL << b->index | 1ULL << other->index);
		g->any[m] |= (uint64_t)!map_empty(from) << b->index | (uint64_t)!map_empty(to) << other->index;
	}
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		if (!(moved[slot / 64] >> (slot % 64) & 1))
			continue;
		other->price[slot] = b->price[slot];
		other->facts[slot] = b->facts[slot];
		other->standing[slot] = b->standing[slot];
		block_put(other, slot, b->entry[slot]);
		block_drop(b, slot);
	}
	block_tighten(b);
	block_tighten(other);
}

void block_move(struct ladder_block *b, struct ladder_group *to)
{
	struct ladder_group *from = b->group;
	unsigned int was = b->index, is = (unsigned int)__builtin_ctzll(~to->present);

	block_unlink(b);
	b->group = to;
	b->index = is;
	to->present |= 1ULL << is;
	to->blocks[is] = b;
	to->bounds[is] = from->bounds[was];
	to->boxes[is] = from->boxes[was];
	to->firsts[is] = from->firsts[was];
	for (unsigned int m = 0; m < MAPS; m++) {
		uint64_t has = from->any[m] >> was & 1;

		to->maps[m][is] = from->maps[m][was];
		to->any[m] |= has << is;
		from->any[m] &= ~(has << was);
	}
}

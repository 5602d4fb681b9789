/* SPDX-License-Identifier: Apache-2.0
 * ladder.c - all asks by price, so that the cheapest which fit a bid are found among a million without looking at each
 *
 * How it works: asks are sorted by what an hour of a common shape costs, then by rating and time, into blocks of up to 512 slots; a
 * block's slots are 16 rungs of 32, sorted among each other and not within. For each quantity that a bid may want at least so much
 * of (cores, memory, score, ...) a block has up to 16 bitmaps, "has at least the i-th grade", and one for each yes-or-no; the AND
 * of those that a bid needs names a few slots of 512, which are then compared exactly. Grades are coarser than quantities, so the
 * bitmaps leave too many slots and never too few.
 *
 * What is skipped without a look: runs of 32 blocks, blocks and rungs in which no ask has the grades that are wanted, or whose
 * cheapest one could not be before the worst that was found. Lowest prices are lower bounds: they are right after a block was
 * arranged anew and may be too low after removals, which costs time and nothing else.
 */
#include "ladder_block.h"

#include <stdlib.h>
#include <string.h>

#define FULL 384 /* a block with more is split in two rather than arranged anew */

/* ---- grades ---- */

static const uint32_t grade_from[GRADED_COUNT][GRADES] = {
	[G_CORES] = { 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 48, 64 },
	[G_MEMORY] = { 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 16384, 32768, 65536, 131072 },
	[G_SCORE] = { 50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1200, 1500, 1800, 2100, 2500, 3000 },
	[G_RATING] = { 100000, 200000, 300000, 400000, 500000, 600000, 700000, 800000, 850000, 900000, 920000, 940000, 960000,
		       980000, 990000, 995000 },
	[G_UP] = { 1000, 2000, 5000, 10000, 20000, 30000, 50000, 75000, 100000, 150000, 200000, 300000, 500000, 750000, 1000000,
		   2500000 },
	[G_DOWN] = { 1000, 2000, 5000, 10000, 20000, 30000, 50000, 75000, 100000, 150000, 200000, 300000, 500000, 750000, 1000000,
		     2500000 },
	[G_DURATION] = { 600, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 64800, 86400, 172800, 259200, 432000, 604800,
			 2592000 },
};

uint8_t ladder_grade(enum graded which, uint32_t value)
{
	uint8_t grade = 0;

	while (grade < GRADES && value >= grade_from[which][grade])
		grade++;
	return grade;
}

unsigned int ladder_country(const char *country)
{
	return ((unsigned char)country[0] * 7U + (unsigned char)country[1] * 11U) % COUNTRY_BUCKETS;
}

static struct standing standing_of(const struct ask *a)
{
	struct standing s = { .country = (uint8_t)ladder_country(a->country) };

	s.grade[G_CORES] = ladder_grade(G_CORES, a->cores_free);
	s.grade[G_MEMORY] = ladder_grade(G_MEMORY, a->memory_free_mib);
	s.grade[G_SCORE] = ladder_grade(G_SCORE, a->score);
	s.grade[G_RATING] = ladder_grade(G_RATING, a->rating_ppm);
	s.grade[G_UP] = ladder_grade(G_UP, a->up_kbit_s);
	s.grade[G_DOWN] = ladder_grade(G_DOWN, a->down_kbit_s);
	s.grade[G_DURATION] = ladder_grade(G_DURATION, a->max_duration_s ? clamp_u32(a->max_duration_s) : UINT32_MAX);
	s.flags = (uint8_t)((a->accel == ACCEL_KVM) << F_KVM | (a->accel == ACCEL_TCG) << F_TCG | a->direct << F_DIRECT |
			    a->trusted << F_TRUSTED | (a->vendor == CPU_INTEL) << F_INTEL | (a->vendor == CPU_AMD) << F_AMD |
			    (a->vendor == CPU_OTHER) << F_OTHER);
	return s;
}

static struct facts facts_of(const struct ask *a)
{
	return (struct facts){ (uint64_t)a->prices.per_core_hour.micro,
			       (uint64_t)a->prices.per_gib_hour.micro,
			       a->score,
			       a->rating_ppm,
			       a->ratings,
			       a->up_kbit_s,
			       a->down_kbit_s,
			       a->cores_free,
			       a->memory_free_mib,
			       a->scratch_free_mib };
}

/* ---- order ---- */

bool candidate_before(const struct candidate *a, const struct candidate *b)
{
	if (a->preferred != b->preferred)
		return a->preferred;
	if (a->trusted != b->trusted)
		return a->trusted;
	if (a->cost != b->cost)
		return a->cost < b->cost;
	if (a->entry->ask.rating_ppm != b->entry->ask.rating_ppm)
		return a->entry->ask.rating_ppm > b->entry->ask.rating_ppm;
	return a->entry->since < b->entry->since;
}

struct candidate candidate_of(const struct bid *bid, struct ask_entry *entry)
{
	return (struct candidate){
		.preferred = rule_prefers(bid, &entry->ask),
		.trusted = bid->constraints.trusted == TRUSTED_PREFER && entry->ask.trusted,
		.cost = rule_hour_cost(&entry->ask.prices, bid->cores, bid->memory_mib),
		.entry = entry,
	};
}

static const struct key last_key = { UINT64_MAX, 0, UINT64_MAX };

static struct key key_of(const struct ask_entry *e)
{
	return (struct key){ (uint64_t)e->ask.prices.per_core_hour.micro + 2 * (uint64_t)e->ask.prices.per_gib_hour.micro,
			     e->ask.rating_ppm, e->since };
}

static bool key_before(const struct key *a, const struct key *b)
{
	if (a->price != b->price)
		return a->price < b->price;
	if (a->rating_ppm != b->rating_ppm)
		return a->rating_ppm > b->rating_ppm;
	return a->since < b->since;
}

/* ---- what many asks have at best ---- */

static const struct bound nothing = {
	{ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, UINT64_MAX, UINT64_MAX, 0
};

static void bound_widen(struct bound *b, const struct bound *more)
{
	for (int i = 0; i < RATIOS; i++)
		b->least[i] = more->least[i] < b->least[i] ? more->least[i] : b->least[i];
	b->per_gib_hour = more->per_gib_hour < b->per_gib_hour ? more->per_gib_hour : b->per_gib_hour;
	b->since = more->since < b->since ? more->since : b->since;
	b->rating_ppm = more->rating_ppm > b->rating_ppm ? more->rating_ppm : b->rating_ppm;
}

static struct bound bound_of(const struct ask_entry *e)
{
	uint64_t core = (uint64_t)e->ask.prices.per_core_hour.micro, gib = (uint64_t)e->ask.prices.per_gib_hour.micro;
	struct bound b = { .per_gib_hour = gib, .since = e->since, .rating_ppm = e->ask.rating_ppm };

	for (int i = 0; i < RATIOS; i++)
		b.least[i] = 2 * core + half_gib[i] * gib;
	return b;
}

static void zone_widen(struct ladder_zone *z, const struct ladder_zone *more)
{
	bound_widen(&z->bound, &more->bound);
	for (int i = 0; i < 8; i++)
		z->top[i] = z->top[i] > more->top[i] ? z->top[i] : more->top[i];
	z->flags |= more->flags;
	z->countries |= more->countries;
}

static void map_set(struct ladder_block *b, unsigned int map, unsigned int slot, bool on)
{
	uint64_t bit = 1ULL << (slot % 64), *word = &b->maps[map][slot / 64];

	if (!!(*word & bit) == on)
		return;
	*word ^= bit;
	b->sizes[map] = (uint16_t)(b->sizes[map] + (on ? 1 : -1));
}

/* Moves a slot's bits from what they were to what they should be, and the block's zone with them. */
static void block_note(struct ladder_block *b, unsigned int slot, const struct standing *is)
{
	struct standing *was = &b->standing[slot];

	for (unsigned int g = 0; g < GRADED_COUNT; g++) {
		if (was->grade[g] == is->grade[g])
			continue;
		for (unsigned int i = was->grade[g]; i < is->grade[g]; i++)
			map_set(b, g * GRADES + i, slot, true);
		for (unsigned int i = is->grade[g]; i < was->grade[g]; i++)
			map_set(b, g * GRADES + i, slot, false);
		if (is->grade[g] > b->zone.top[g])
			b->zone.top[g] = is->grade[g];
		while (b->zone.top[g] && !b->sizes[g * GRADES + b->zone.top[g] - 1])
			b->zone.top[g]--;
	}
	for (unsigned int rest = was->flags ^ is->flags; rest; rest &= rest - 1) {
		unsigned int f = (unsigned int)__builtin_ctz(rest);

		map_set(b, FIRST_FLAG + f, slot, is->flags >> f & 1);
		b->zone.flags = (uint8_t)((b->zone.flags & ~(1U << f)) | (b->sizes[FIRST_FLAG + f] ? 1U << f : 0));
	}
	if (was->country != is->country || !(b->used[slot / 64] >> (slot % 64) & 1)) {
		unsigned int old = was->country;

		map_set(b, FIRST_COUNTRY + old, slot, false);
		if (!b->sizes[FIRST_COUNTRY + old])
			b->zone.countries &= ~(1U << old);
		map_set(b, FIRST_COUNTRY + is->country, slot, true);
		b->zone.countries |= 1U << is->country;
	}
	*was = *is;
}

static void block_clear_slot(struct ladder_block *b, unsigned int slot)
{
	const struct standing none = { .country = b->standing[slot].country };

	block_note(b, slot, &none);
	map_set(b, FIRST_COUNTRY + none.country, slot, false);
	if (!b->sizes[FIRST_COUNTRY + none.country])
		b->zone.countries &= ~(1U << none.country);
	b->used[slot / 64] &= ~(1ULL << (slot % 64));
	b->entry[slot] = NULL;
	b->filled[slot / RUNG_SLOTS]--;
	b->count--;
}

static void block_fill_slot(struct ladder_block *b, unsigned int slot, struct ask_entry *e)
{
	struct standing standing = standing_of(&e->ask);
	struct bound bound = bound_of(e);
	unsigned int rung = slot / RUNG_SLOTS;

	block_note(b, slot, &standing);
	b->used[slot / 64] |= 1ULL << (slot % 64);
	b->entry[slot] = e;
	b->facts[slot] = facts_of(&e->ask);
	b->filled[rung]++;
	b->count++;
	bound_widen(&b->bounds[rung], &bound);
	bound_widen(&b->zone.bound, &bound);
	e->block = b;
	e->slot = (uint16_t)slot;
}

static unsigned int free_slot(const struct ladder_block *b, unsigned int rung)
{
	uint32_t used = (uint32_t)(b->used[rung / 2] >> (rung % 2 * RUNG_SLOTS));

	return rung * RUNG_SLOTS + (unsigned int)__builtin_ctz(~used);
}

static void block_empty(struct ladder_block *b)
{
	size_t position = b->position;

	memset(b, 0, sizeof *b);
	b->position = position;
	b->zone.bound = nothing;
	for (int i = 0; i < RUNGS; i++) {
		b->low[i] = last_key;
		b->bounds[i] = nothing;
	}
}

/* Puts sorted entries into an empty block, the same number on each rung. */
static void block_arrange(struct ladder_block *b, struct ask_entry **sorted, size_t count)
{
	block_empty(b);
	for (size_t i = 0; i < count; i++) {
		unsigned int rung = (unsigned int)(i * RUNGS / count);

		if (!b->filled[rung])
			b->low[rung] = key_of(sorted[i]);
		block_fill_slot(b, free_slot(b, rung), sorted[i]);
	}
}

static int compare_entries(const void *a, const void *b)
{
	struct key x = key_of(*(struct ask_entry *const *)a), y = key_of(*(struct ask_entry *const *)b);

	return key_before(&x, &y) ? -1 : key_before(&y, &x);
}

static size_t block_sorted(const struct ladder_block *b, struct ask_entry **ret)
{
	size_t count = 0;

	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		if (b->entry[slot])
			ret[count++] = b->entry[slot];
	}
	qsort(ret, count, sizeof(struct ask_entry *), compare_entries);
	return count;
}

/* ---- the ladder ---- */

void ladder_clear(struct ladder *l)
{
	slab_clear(&l->slab);
	free(l->blocks);
	free(l->sides);
	free(l->zones);
	uuid_map_clear(&l->sellers);
	*l = (struct ladder){ 0 };
}

/* After each change of a block. */
static void side_note(struct ladder *l, const struct ladder_block *b)
{
	l->sides[b->position] = b->zone;
}

static void zone_refresh(struct ladder *l, size_t run)
{
	struct ladder_zone *z = &l->zones[run];

	*z = (struct ladder_zone){ .bound = nothing };
	for (size_t i = run * RUN; i < l->count && i < (run + 1) * RUN; i++)
		zone_widen(z, &l->sides[i]);
}

static void zones_refresh(struct ladder *l, size_t from_block)
{
	for (size_t run = from_block / RUN; run * RUN < l->count; run++)
		zone_refresh(l, run);
}

static err_t block_insert(struct ladder *l, size_t at, struct ladder_block **ret)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : RUN;
		struct ladder_block **blocks = reallocarray(l->blocks, cap, sizeof *blocks);

		if (!blocks)
			return E_NOMEM;
		l->blocks = blocks;
		struct ladder_zone *sides = reallocarray(l->sides, cap, sizeof *sides);
		if (!sides)
			return E_NOMEM;
		l->sides = sides;
		struct ladder_zone *zones = reallocarray(l->zones, cap / RUN, sizeof *zones);
		if (!zones)
			return E_NOMEM;
		l->zones = zones;
		l->cap = cap;
	}
	l->slab.size = sizeof(struct ladder_block);
	struct ladder_block *b = slab_take(&l->slab);
	if (!b)
		return E_NOMEM;
	memmove(l->blocks + at + 1, l->blocks + at, (l->count - at) * sizeof(struct ladder_block *));
	memmove(l->sides + at + 1, l->sides + at, (l->count - at) * sizeof *l->sides);
	l->blocks[at] = b;
	l->count++;
	for (size_t i = at; i < l->count; i++)
		l->blocks[i]->position = i;
	block_empty(b);
	side_note(l, b);
	*ret = b;
	return OK;
}

static void block_remove(struct ladder *l, struct ladder_block *b)
{
	size_t at = b->position;

	l->count--;
	memmove(l->blocks + at, l->blocks + at + 1, (l->count - at) * sizeof(struct ladder_block *));
	memmove(l->sides + at, l->sides + at + 1, (l->count - at) * sizeof *l->sides);
	for (size_t i = at; i < l->count; i++)
		l->blocks[i]->position = i;
	slab_give(&l->slab, b);
	zones_refresh(l, at);
}

/* The last block whose first rung does not begin behind the key, or the first block. */
static struct ladder_block *block_for(const struct ladder *l, const struct key *key)
{
	size_t low = 0, high = l->count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (key_before(key, &l->blocks[middle]->low[0]))
			high = middle;
		else
			low = middle;
	}
	return l->blocks[low];
}

static unsigned int rung_for(const struct ladder_block *b, const struct key *key)
{
	unsigned int rung = 0;

	while (rung + 1 < RUNGS && !key_before(key, &b->low[rung + 1]))
		rung++;
	return rung;
}

/* Makes room around a full rung. */
static err_t make_room(struct ladder *l, struct ladder_block *b)
{
	struct ask_entry *sorted[SLOTS] = { NULL };
	size_t count, half;
	struct ladder_block *second;

	if (b->count <= FULL) {
		count = block_sorted(b, sorted);
		block_arrange(b, sorted, count);
		side_note(l, b);
		return OK;
	}
	TRY(block_insert(l, b->position + 1, &second));
	count = block_sorted(b, sorted);
	half = count / 2;
	block_arrange(b, sorted, half);
	block_arrange(second, sorted + half, count - half);
	side_note(l, b);
	side_note(l, second);
	zones_refresh(l, b->position);
	return OK;
}

static void seller_unlink(struct ladder *l, struct ask_entry *e)
{
	struct ask_entry *first = uuid_map_get(&l->sellers, e->ask.seller);

	if (first != e) {
		while (first->sibling != e)
			first = first->sibling;
		first->sibling = e->sibling;
	} else if (e->sibling) {
		(void)!uuid_map_put(&l->sellers, e->ask.seller, e->sibling); /* replaces: needs no memory */
	} else {
		uuid_map_remove(&l->sellers, e->ask.seller);
	}
	e->sibling = NULL;
}

static err_t stand(struct ladder *l, struct ask_entry *e)
{
	struct key key = key_of(e);
	struct ladder_block *b;

	if (!l->count)
		TRY(block_insert(l, 0, &b));
	b = block_for(l, &key);
	unsigned int rung = rung_for(b, &key);
	bool last = b->position + 1 == l->count && (rung + 1 == RUNGS || b->low[rung + 1].price == UINT64_MAX);
	if (b->filled[rung] == RUNG_SLOTS && last && rung + 1 < RUNGS) {
		rung++; /* dearer than all others: asks often come so */
	} else if (b->filled[rung] == RUNG_SLOTS) {
		TRY(make_room(l, b));
		b = block_for(l, &key);
		rung = rung_for(b, &key);
	}
	if (!b->filled[rung] || key_before(&key, &b->low[rung]))
		b->low[rung] = key;
	block_fill_slot(b, free_slot(b, rung), e);
	side_note(l, b);
	if (b->count == 1)
		zone_refresh(l, b->position / RUN);
	zone_widen(&l->zones[b->position / RUN], &b->zone);
	return OK;
}

err_t ladder_put(struct ladder *l, struct ask_entry *e)
{
	struct ask_entry *first = uuid_map_get(&l->sellers, e->ask.seller);

	TRY(uuid_map_put(&l->sellers, e->ask.seller, e));
	e->sibling = first;
	err_t error = stand(l, e);
	if (error)
		seller_unlink(l, e);
	return error;
}

void ladder_remove(struct ladder *l, struct ask_entry *e)
{
	struct ladder_block *b = e->block;

	seller_unlink(l, e);
	block_clear_slot(b, e->slot);
	side_note(l, b);
	e->block = NULL;
	if (b->count == 0)
		block_remove(l, b);
	else
		zone_refresh(l, b->position / RUN);
}

void ladder_changed(struct ladder *l, struct ask_entry *e)
{
	struct ladder_block *b = e->block;
	struct standing standing = standing_of(&e->ask);
	struct bound bound = bound_of(e);
	struct ladder_zone was = b->zone;

	b->facts[e->slot] = facts_of(&e->ask);
	block_note(b, e->slot, &standing);
	bound_widen(&b->bounds[e->slot / RUNG_SLOTS], &bound);
	bound_widen(&b->zone.bound, &bound);
	if (memcmp(&was, &b->zone, sizeof was)) {
		side_note(l, b);
		zone_refresh(l, b->position / RUN);
	}
}

/* SPDX-License-Identifier: Apache-2.0
 * ladder_find.c - the cheapest asks that fit a bid, among a million
 *
 * How it works: ladder.c says how asks stand. Memory is what a look costs, so the search goes through runs of blocks by turns, and asks for all that
 * the next step of a turn will read at once: the first bitmaps, then the others of the blocks that these left something of, then
 * the facts of the slots that are left. An ask's entry is read only where its facts suffice.
 */
#include "ladder_block.h"

/* Whether rule_against() may have nothing to say; all that it says of these numbers is said here. */
static bool facts_suffice(const struct facts *f, const struct bid *bid)
{
	const struct constraints *c = &bid->constraints;

	return f->score >= c->min_score && f->rating_ppm >= c->min_rating_ppm && f->ratings >= c->min_ratings &&
	       f->up_kbit_s >= c->min_up_kbit_s && f->down_kbit_s >= c->min_down_kbit_s && f->cores_free >= bid->cores &&
	       f->memory_free_mib >= bid->memory_mib && f->scratch_free_mib >= c->scratch_mib &&
	       f->per_core_hour <= (uint64_t)bid->max_prices.per_core_hour.micro &&
	       f->per_gib_hour <= (uint64_t)bid->max_prices.per_gib_hour.micro;
}

/* The first maps of a search often leave nothing of a block; then the others are not read. */
#define FIRST_MAPS 3

/* What a bid needs, by grades. */
struct search {
	const struct bid *bid;
	uint8_t grade[8];
	uint8_t flags;
	uint32_t countries; /* buckets, any of which will do; 0: all */
	uint16_t maps[GRADED_COUNT + FLAG_COUNT];
	int map_count, first_maps;
	bool trusted; /* trusted machines are preferred, and it is their turn */
	/* An hour costs at least (weight[0] * least[ratio] + weight[1] * least[ratio + 1] + rest * per_gib_hour) / scale. */
	int ratio;
	uint64_t weight[2], rest, scale;
	struct candidate *found;
	size_t count, max;
	size_t turn; /* how many blocks are looked at together: the first ones are often enough */
};

static void search_weigh(struct search *s, uint64_t cores, uint64_t memory_mib)
{
	uint64_t unit = 512 * cores; /* MiB of one half GiB a core */

	while (s->ratio + 2 < RATIOS && memory_mib > unit * half_gib[s->ratio + 1])
		s->ratio++;
	uint64_t low = half_gib[s->ratio], high = half_gib[s->ratio + 1];
	if (memory_mib > unit * high) {
		s->rest = (memory_mib - unit * high) * (high - low);
		memory_mib = unit * high;
	}
	s->weight[0] = unit * high - memory_mib;
	s->weight[1] = memory_mib - unit * low;
	s->scale = 1024 * (high - low);
}

static void search_need(struct search *s, enum graded which, uint32_t least)
{
	s->grade[which] = ladder_grade(which, least);
	if (s->grade[which])
		s->maps[s->map_count++] = (uint16_t)(which * GRADES + s->grade[which] - 1);
}

static void search_need_flag(struct search *s, bool wanted, enum flag flag)
{
	if (!wanted)
		return;
	s->flags |= (uint8_t)(1U << flag);
	s->maps[s->map_count++] = (uint16_t)(FIRST_FLAG + flag);
}

static void search_begin(struct search *s, const struct bid *bid, struct candidate *found, size_t max)
{
	const struct constraints *c = &bid->constraints;

	*s = (struct search){ .bid = bid, .found = found, .max = max, .turn = 1 };
	search_weigh(s, bid->cores, bid->memory_mib);
	/* Those first that most often leave nothing. */
	search_need(s, G_SCORE, c->min_score);
	search_need(s, G_CORES, bid->cores); /* the cheapest are often sold out */
	search_need(s, G_RATING, c->min_rating_ppm);
	search_need_flag(s, c->trusted == TRUSTED_REQUIRE, F_TRUSTED);
	search_need(s, G_UP, c->min_up_kbit_s);
	search_need(s, G_DOWN, c->min_down_kbit_s);
	search_need(s, G_MEMORY, bid->memory_mib);
	search_need(s, G_DURATION, clamp_u32(bid->duration_s));
	search_need_flag(s, c->direct, F_DIRECT);
	search_need_flag(s, c->accel == ACCEL_KVM, F_KVM);
	search_need_flag(s, c->accel == ACCEL_TCG, F_TCG);
	search_need_flag(s, c->cpu_vendor == CPU_INTEL, F_INTEL);
	search_need_flag(s, c->cpu_vendor == CPU_AMD, F_AMD);
	search_need_flag(s, c->cpu_vendor == CPU_OTHER, F_OTHER);
	s->first_maps = s->map_count < FIRST_MAPS ? s->map_count : FIRST_MAPS;
	for (size_t i = 0; i < c->country_count; i++)
		s->countries |= 1U << ladder_country(c->countries[i]);
}

/* May one of these be wanted, and come before the worst that was found? */
static bool bound_promises(const struct search *s, const struct bound *b)
{
	const struct prices *max = &s->bid->max_prices;

	if (b->least[0] > 2 * (uint64_t)max->per_core_hour.micro || b->per_gib_hour > (uint64_t)max->per_gib_hour.micro)
		return false;
	if (s->count < s->max)
		return true;
	const struct candidate *worst = &s->found[s->count - 1];
	if (worst->preferred || (worst->trusted && !s->trusted))
		return false;
	hour_cost least = (hour_cost)s->weight[0] * b->least[s->ratio] + (hour_cost)s->weight[1] * b->least[s->ratio + 1] +
			  (hour_cost)s->rest * b->per_gib_hour;
	hour_cost most = worst->cost * s->scale;
	if (least < most)
		return true;
	if (least > most + s->scale / 2) /* costs are rounded */
		return false;
	uint32_t rating_ppm = worst->entry->ask.rating_ppm;
	return b->rating_ppm > rating_ppm || (b->rating_ppm == rating_ppm && b->since < worst->entry->since);
}

static bool zone_promises(const struct search *s, const struct ladder_zone *z)
{
	bool enough = true;

	for (int i = 0; i < 8; i++)
		enough &= z->top[i] >= s->grade[i];
	return enough && (z->flags & s->flags) == s->flags && (!s->countries || (z->countries & s->countries)) &&
	       bound_promises(s, &z->bound);
}

/* Keeps the first s->max in their order. */
static void search_offer(struct search *s, const struct candidate *c)
{
	size_t at = s->count;

	if (s->count == s->max && !candidate_before(c, &s->found[s->count - 1]))
		return;
	if (rule_against(s->bid, &c->entry->ask) != RULE_COUNT)
		return;
	if (s->count < s->max)
		s->count++;
	else
		at--;
	for (; at > 0 && candidate_before(c, &s->found[at - 1]); at--)
		s->found[at] = s->found[at - 1];
	s->found[at] = *c;
}

/* Whether the slot's ask may be wanted, and come before the worst that was found, as far as its facts tell. */
static bool slot_promises(const struct search *s, const struct facts *f)
{
	if (!facts_suffice(f, s->bid))
		return false;
	if (s->count < s->max)
		return true;
	struct prices prices = { { (int64_t)f->per_core_hour }, { (int64_t)f->per_gib_hour }, { 0 } };

	return rule_hour_cost(&prices, s->bid->cores, s->bid->memory_mib) <= s->found[s->count - 1].cost;
}

/* An entry lies elsewhere, on several lines: those that most bids look at. */
static void entry_prefetch(const struct ask_entry *e)
{
	__builtin_prefetch(&e->ask.seller);
	__builtin_prefetch(&e->ask.rating_ppm);
	__builtin_prefetch(&e->ask.accel);
	__builtin_prefetch(&e->ask.max_duration_s);
}

static void search_slot(struct search *s, const struct ladder_block *b, unsigned int slot)
{
	if (!slot_promises(s, &b->facts[slot])) /* by now others may have been found */
		return;
	struct candidate c = candidate_of(s->bid, b->entry[slot]);
	if (!c.preferred && c.trusted == s->trusted)
		search_offer(s, &c);
}

/* Which slots have all grades of the maps from first to end; false: none. */
static bool block_sieve(const struct search *s, const struct ladder_block *b, int first, int end, uint64_t left[WORDS])
{
	uint64_t any = 1;

	for (int m = first; any && m < end; m++) {
		const uint64_t *map = b->maps[s->maps[m]];

		any = 0;
		for (int w = 0; w < WORDS; w++)
			any |= left[w] &= map[w];
	}
	return any;
}

static bool block_sieve_countries(const struct search *s, const struct ladder_block *b, uint64_t left[WORDS])
{
	uint64_t any = 0, there[WORDS] = { 0 };

	if (!s->countries)
		return true;
	for (uint32_t rest = s->countries; rest; rest &= rest - 1) {
		const uint64_t *map = b->maps[FIRST_COUNTRY + __builtin_ctz(rest)];

		for (int w = 0; w < WORDS; w++)
			there[w] |= map[w];
	}
	for (int w = 0; w < WORDS; w++)
		any |= left[w] &= there[w];
	return any;
}

/* A block and its slots that have all grades. */
struct sieved {
	const struct ladder_block *block;
	uint64_t left[WORDS];
};

static void sieved_prefetch(const struct sieved *v)
{
	for (unsigned int w = 0; w < WORDS; w++) {
		for (uint64_t rest = v->left[w]; rest; rest &= rest - 1)
			__builtin_prefetch(&v->block->facts[w * 64 + (unsigned int)__builtin_ctzll(rest)]);
	}
}

static void search_sieved(struct search *s, const struct sieved *v)
{
	for (unsigned int rung = 0; rung < RUNGS; rung++) {
		uint32_t slots = (uint32_t)(v->left[rung / 2] >> (rung % 2 * RUNG_SLOTS));

		/* A bound is dearer to read than a slot's facts, which are under way. */
		if ((slots & (slots - 1)) && !bound_promises(s, &v->block->bounds[rung]))
			continue;
		uint32_t promising = 0;

		for (uint32_t rest = slots; rest; rest &= rest - 1) {
			unsigned int slot = rung * RUNG_SLOTS + (unsigned int)__builtin_ctz(rest);

			if (slot_promises(s, &v->block->facts[slot])) {
				promising |= rest & -rest;
				entry_prefetch(v->block->entry[slot]);
			}
		}
		for (; promising; promising &= promising - 1)
			search_slot(s, v->block, rung * RUNG_SLOTS + (unsigned int)__builtin_ctz(promising));
	}
}

/* Memory is what a look at a block costs: all that the next step will read is asked for at once. */
#define TURN 8 /* blocks, at most */

static void maps_prefetch(const struct search *s, const struct ladder_block *b, int first, int end)
{
	for (int m = first; m < end; m++)
		__builtin_prefetch(b->maps[s->maps[m]]);
}

static void block_prefetch(const struct search *s, const struct ladder_block *b)
{
	__builtin_prefetch(b->used);
	maps_prefetch(s, b, 0, s->first_maps);
}

struct promising {
	const struct ladder_block *block;
	const struct ladder_zone *zone;
};

static void search_turn(struct search *s, const struct promising *blocks, size_t count)
{
	struct sieved sieved[TURN];
	size_t first = 0, found = 0;

	for (size_t i = 0; i < count; i++) {
		struct sieved *v = &sieved[first];

		v->block = blocks[i].block;
		if (!bound_promises(s, &blocks[i].zone->bound))
			continue;
		memcpy(v->left, v->block->used, sizeof v->left);
		if (!block_sieve(s, v->block, 0, s->first_maps, v->left))
			continue;
		maps_prefetch(s, v->block, s->first_maps, s->map_count);
		for (uint32_t rest = s->countries; rest; rest &= rest - 1)
			__builtin_prefetch(v->block->maps[FIRST_COUNTRY + __builtin_ctz(rest)]);
		first++;
	}
	for (size_t i = 0; i < first; i++) {
		struct sieved *v = &sieved[i];

		if (!block_sieve(s, v->block, s->first_maps, s->map_count, v->left) ||
		    !block_sieve_countries(s, v->block, v->left))
			continue;
		sieved_prefetch(v);
		sieved[found++] = *v;
	}
	for (size_t i = 0; i < found; i++)
		search_sieved(s, &sieved[i]);
}

static void search_run(struct search *s, const struct ladder *l, size_t from, size_t count)
{
	struct promising promising[RUN];
	size_t found = 0;

	for (size_t i = from; i < from + count; i++) {
		if (zone_promises(s, &l->sides[i]))
			promising[found++] = (struct promising){ l->blocks[i], &l->sides[i] };
	}
	for (size_t i = 0; i < found && i < s->turn; i++)
		block_prefetch(s, promising[i].block);
	for (size_t at = 0, n, next; at < found; at += n) {
		n = s->turn < found - at ? s->turn : found - at;
		next = s->count == s->max ? 1 : s->turn < TURN ? 2 * s->turn : TURN;
		for (size_t i = at + n; i < found && i < at + n + next; i++)
			block_prefetch(s, promising[i].block);
		search_turn(s, promising + at, n);
		s->turn = next;
	}
}

static void search_all(struct search *s, const struct ladder *l)
{
	for (size_t run = 0; run * RUN < l->count; run++) {
		size_t rest = l->count - run * RUN;

		if (zone_promises(s, &l->zones[run]))
			search_run(s, l, run * RUN, rest < RUN ? rest : RUN);
	}
}

static void search_sellers(struct search *s, const struct ladder *l, const struct constraints *c)
{
	for (size_t i = 0; i < c->preferred_count; i++) {
		struct ask_entry *e = uuid_map_get(&l->sellers, c->preferred[i]);

		for (size_t k = 0; k < i; k++) {
			if (uuid_equal(c->preferred[k], c->preferred[i]))
				e = NULL; /* named twice */
		}
		for (; e; e = e->sibling) {
			struct candidate found = candidate_of(s->bid, e);

			search_offer(s, &found);
		}
	}
}

size_t ladder_find(const struct ladder *l, const struct bid *bid, struct candidate *ret_candidates, size_t n)
{
	struct search s;

	if (!n)
		return 0;
	search_begin(&s, bid, ret_candidates, n);
	search_sellers(&s, l, &bid->constraints);
	if (bid->constraints.trusted == TRUSTED_PREFER) {
		s.trusted = true;
		search_all(&s, l);
		s.trusted = false;
	}
	search_all(&s, l);
	return s.count;
}

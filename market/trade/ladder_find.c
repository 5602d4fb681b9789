/* SPDX-License-Identifier: Apache-2.0
 * ladder_find.c - the cheapest asks that fit a bid, among a million
 *
 * How it works: ladder.c says how asks stand. Memory is what a look costs, so the search reads little at first and goes on with
 * what is left: of a group the words that say which of its blocks have asks of each grade, of these blocks the first bitmaps,
 * then the others and the bounds. The blocks that are left are taken by the least that an hour costs there, and so are the slots
 * within one; what is dearer than the worst that was found ends it. An ask's facts and its entry are read only in their turn.
 */
#include "ladder_block.h"

#include <string.h>

/* Whether rule_against() may have nothing to say; all that it says of these numbers is said here. */
static bool facts_suffice(const struct facts *f, const struct bid *bid)
{
	const struct constraints *c = &bid->constraints;

	return f->score >= c->min_score && f->rating_ppm >= c->min_rating_ppm && f->ratings >= c->min_ratings &&
	       f->up_kbit_s >= c->min_up_kbit_s && f->down_kbit_s >= c->min_down_kbit_s && f->cores_free >= bid->cores &&
	       f->memory_free_mib >= bid->memory_mib && f->scratch_free_mib >= c->scratch_mib;
}

/* The first maps of a search, those with the fewest asks, often leave nothing of a block; then the others are not read. */
#define FIRST_MAPS 3

/* What a bid needs, by grades. */
struct search {
	const struct bid *bid;
	const struct ladder *ladder;
	uint16_t maps[GRADED_COUNT + FLAG_COUNT]; /* those with the fewest asks first */
	int map_count;
	struct {
		uint16_t above, quarter; /* of its grade: either the next one or so many quarters more */
	} fine[FINE_COUNT];
	int fine_count;
	uint32_t countries; /* buckets, any of which will do; 0: all */
	bool trusted;	    /* trusted machines are preferred, and it is their turn */
	/* An hour costs at least (weight[0] * least[ratio] + weight[1] * least[ratio + 1] + rest * per_gib_hour) / scale. */
	int ratio;
	uint64_t weight[2], rest, scale;
	struct candidate *found;
	size_t count, max;
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

static void search_need_map(struct search *s, unsigned int map)
{
	int at = s->map_count;

	if (at && s->ladder->ones[map] == s->ladder->asks) /* all have it */
		return;
	s->map_count++;
	for (; at > 0 && s->ladder->ones[map] < s->ladder->ones[s->maps[at - 1]]; at--)
		s->maps[at] = s->maps[at - 1];
	s->maps[at] = (uint16_t)map;
}

static void search_need(struct search *s, enum graded which, uint32_t least)
{
	unsigned int level = ladder_level(which, least), grade = level / 4, quarters = level % 4;

	if (grade)
		search_need_map(s, which * GRADES + grade - 1);
	if (quarters) {
		s->fine[s->fine_count].above = (uint16_t)(which * GRADES + grade);
		s->fine[s->fine_count++].quarter = (uint16_t)(FIRST_QUARTER + which * QUARTERS + quarters - 1);
	}
}

static void search_need_flag(struct search *s, bool wanted, enum flag flag)
{
	if (wanted)
		search_need_map(s, FIRST_FLAG + flag);
}

static void search_begin(struct search *s)
{
	const struct bid *bid = s->bid;
	const struct constraints *c = &bid->constraints;

	s->map_count = s->fine_count = 0;
	s->countries = 0;
	search_need(s, G_CORES, bid->cores); /* the first, so that there is one: a slot with this bit is in use */
	search_need(s, G_SCORE, c->min_score);
	search_need(s, G_RATING, c->min_rating_ppm);
	search_need(s, G_UP, c->min_up_kbit_s);
	search_need(s, G_DOWN, c->min_down_kbit_s);
	search_need(s, G_MEMORY, bid->memory_mib);
	search_need(s, G_DURATION, clamp_u32(bid->duration_s));
	search_need_flag(s, c->trusted == TRUSTED_REQUIRE || s->trusted, F_TRUSTED);
	search_need_flag(s, c->direct, F_DIRECT);
	search_need_flag(s, c->accel == ACCEL_KVM, F_KVM);
	search_need_flag(s, c->accel == ACCEL_TCG, F_TCG);
	search_need_flag(s, c->cpu_vendor == CPU_INTEL, F_INTEL);
	search_need_flag(s, c->cpu_vendor == CPU_AMD, F_AMD);
	search_need_flag(s, c->cpu_vendor == CPU_OTHER, F_OTHER);
	for (size_t i = 0; i < c->country_count; i++)
		s->countries |= 1U << ladder_country(c->countries[i]);
}

/* ---- prices ---- */

/* scale times what an hour costs at least. */
static hour_cost bound_least(const struct search *s, const struct bound *b)
{
	return (hour_cost)s->weight[0] * b->least[s->ratio] + (hour_cost)s->weight[1] * b->least[s->ratio + 1] +
	       (hour_cost)s->rest * b->per_gib_hour;
}

/* Does all that costs so much come behind the worst that was found? */
static bool too_dear(const struct search *s, hour_cost least)
{
	if (s->count < s->max)
		return false;
	const struct candidate *worst = &s->found[s->count - 1];
	return worst->preferred || (worst->trusted && !s->trusted) ||
	       least > worst->cost * s->scale + s->scale / 2; /* costs are rounded */
}

/* May one of these come before it? least: bound_least(). */
static bool bound_promises(const struct search *s, const struct bound *b, hour_cost least)
{
	if (s->count < s->max)
		return true;
	if (too_dear(s, least))
		return false;
	const struct candidate *worst = &s->found[s->count - 1];
	if (least < worst->cost * s->scale)
		return true;
	uint32_t rating_ppm = worst->entry->ask.rating_ppm;
	return b->rating_ppm > rating_ppm || (b->rating_ppm == rating_ppm && b->since < worst->entry->since);
}

static bool bound_affordable(const struct search *s, const struct bound *b)
{
	const struct prices *max = &s->bid->max_prices;

	return b->least[0] <= 2 * (uint64_t)max->per_core_hour.micro && b->per_gib_hour <= (uint64_t)max->per_gib_hour.micro;
}

static bool price_affordable(const struct search *s, const struct price *p)
{
	const struct prices *max = &s->bid->max_prices;

	return p->per_core_hour <= (uint64_t)max->per_core_hour.micro && p->per_gib_hour <= (uint64_t)max->per_gib_hour.micro;
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

/* An entry lies elsewhere, on several lines: those that most bids look at. */
static void entry_prefetch(const struct ask_entry *e)
{
	__builtin_prefetch(&e->ask.seller);
	__builtin_prefetch(&e->ask.rating_ppm);
	__builtin_prefetch(&e->ask.accel);
	__builtin_prefetch(&e->ask.max_duration_s);
}

#define AHEAD 8 /* blocks, or slots, whose memory is asked for at once */

/* ---- a block ---- */

/* A block and its slots that have all grades. */
struct sieved {
	const struct ladder_block *block;
	unsigned int index; /* its */
	hour_cost least;
	block_map left;
};

/* The slots that have all grades of the first maps; false: none. */
static bool sieve_first(const struct search *s, const struct ladder_group *g, unsigned int block, block_map *left)
{
	const block_map *maps[FIRST_MAPS];

	for (int m = 0; m < FIRST_MAPS; m++)
		maps[m] = &g->maps[s->maps[m < s->map_count ? m : 0]][block];
	*left = *maps[0] & *maps[1] & *maps[2];
	return !map_empty(left);
}

static bool sieve_countries(const struct search *s, const struct ladder_group *g, unsigned int block, block_map *left)
{
	block_map there = { 0 };

	for (uint32_t rest = s->countries; rest; rest &= rest - 1)
		there |= g->maps[FIRST_COUNTRY + __builtin_ctz(rest)][block];
	*left &= there;
	return !map_empty(left);
}

/* And of all others. */
static bool sieve_rest(const struct search *s, const struct ladder_group *g, unsigned int block, block_map *left)
{
	for (int m = FIRST_MAPS; m < s->map_count; m++)
		*left &= g->maps[s->maps[m]][block];
	return !map_empty(left) && (!s->countries || sieve_countries(s, g, block, left));
}

static void rest_prefetch(const struct search *s, const struct ladder_group *g, unsigned int block)
{
	for (int m = FIRST_MAPS; m < s->map_count; m++)
		__builtin_prefetch(&g->maps[s->maps[m]][block]);
	for (uint32_t rest = s->countries; rest; rest &= rest - 1)
		__builtin_prefetch(&g->maps[FIRST_COUNTRY + __builtin_ctz(rest)][block]);
}

/* And of the quarters between grades. */
static bool sieve_fine(const struct search *s, const struct ladder_group *g, unsigned int block, block_map *left)
{
	for (int m = 0; m < s->fine_count; m++)
		*left &= g->maps[s->fine[m].above][block] | g->maps[s->fine[m].quarter][block];
	return !map_empty(left);
}

static void fine_prefetch(const struct search *s, const struct ladder_group *g, unsigned int block)
{
	__builtin_prefetch(&g->bounds[block].least[s->ratio]);
	for (int m = 0; m < s->fine_count; m++) {
		__builtin_prefetch(&g->maps[s->fine[m].above][block]);
		__builtin_prefetch(&g->maps[s->fine[m].quarter][block]);
	}
}

static void prices_prefetch(const struct sieved *v)
{
	for (unsigned int w = 0; w < WORDS; w++) {
		for (uint64_t rest = v->left[w]; rest; rest &= rest - 1)
			__builtin_prefetch(&v->block->price[w * 64 + (unsigned int)__builtin_ctzll(rest)]);
	}
}

/* ---- its slots ---- */

struct priced {
	hour_cost cost;
	unsigned int slot;
};

/* A heap's first is its least. */
static void heap_sink(struct priced *heap, size_t count, size_t at)
{
	struct priced sinking = heap[at];

	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && heap[child + 1].cost < heap[child].cost)
			child++;
		if (sinking.cost <= heap[child].cost)
			break;
		heap[at] = heap[child];
	}
	heap[at] = sinking;
}

static bool cost_promises(const struct search *s, hour_cost cost)
{
	return s->count < s->max || cost <= s->found[s->count - 1].cost;
}

static size_t slots_priced(const struct search *s, const struct sieved *v, struct priced heap[SLOTS])
{
	size_t count = 0;

	for (unsigned int w = 0; w < WORDS; w++) {
		for (uint64_t rest = v->left[w]; rest; rest &= rest - 1) {
			unsigned int slot = w * 64 + (unsigned int)__builtin_ctzll(rest);
			const struct price *p = &v->block->price[slot];
			struct prices prices = { { (int64_t)p->per_core_hour }, { (int64_t)p->per_gib_hour }, { 0 } };
			hour_cost cost = rule_hour_cost(&prices, s->bid->cores, s->bid->memory_mib);

			if (price_affordable(s, p) && cost_promises(s, cost))
				heap[count++] = (struct priced){ cost, slot };
		}
	}
	for (size_t i = count / 2; i-- > 0;)
		heap_sink(heap, count, i);
	return count;
}

static void slots_prefetch(const struct search *s, const struct ladder_block *b, const struct priced *heap, size_t count)
{
	size_t ahead = count < AHEAD ? count : AHEAD;

	for (size_t i = 0; i < ahead; i++) {
		__builtin_prefetch(&b->facts[heap[i].slot]);
		__builtin_prefetch(&b->entry[heap[i].slot]);
	}
	for (size_t i = 0; i < ahead; i++) {
		if (facts_suffice(&b->facts[heap[i].slot], s->bid))
			entry_prefetch(b->entry[heap[i].slot]);
	}
}

static void search_slots(struct search *s, const struct sieved *v)
{
	struct priced heap[SLOTS];
	size_t count = slots_priced(s, v, heap);

	slots_prefetch(s, v->block, heap, count);
	for (; count && cost_promises(s, heap[0].cost); heap_sink(heap, count, 0)) {
		unsigned int slot = heap[0].slot;

		heap[0] = heap[--count];
		if (!facts_suffice(&v->block->facts[slot], s->bid))
			continue;
		struct candidate c = candidate_of(s->bid, v->block->entry[slot]);
		if (!c.preferred && c.trusted == s->trusted)
			search_offer(s, &c);
	}
}

/* ---- a group ---- */

/* Its blocks that have asks of each grade. */
static uint64_t group_sieve(const struct search *s, const struct ladder_group *g)
{
	uint64_t blocks = g->present, somewhere = 0;

	for (int m = 0; m < s->map_count; m++)
		blocks &= g->any[s->maps[m]];
	for (int m = 0; m < s->fine_count; m++)
		blocks &= g->any[s->fine[m].above] | g->any[s->fine[m].quarter];
	for (uint32_t rest = s->countries; rest; rest &= rest - 1)
		somewhere |= g->any[FIRST_COUNTRY + __builtin_ctz(rest)];
	return s->countries ? blocks & somewhere : blocks;
}

/* And may have one that comes before the worst that was found. */
static uint64_t group_promising(const struct search *s, const struct ladder_group *g)
{
	uint64_t blocks = group_sieve(s, g);

	for (uint64_t rest = s->count == s->max ? blocks : 0; rest; rest &= rest - 1) {
		const struct bound *b = &g->bounds[__builtin_ctzll(rest)];

		if (!bound_promises(s, b, bound_least(s, b)))
			blocks &= ~(rest & -rest);
	}
	return blocks;
}

static void first_prefetch(const struct search *s, const struct ladder_group *g, uint64_t blocks)
{
	unsigned int block = (unsigned int)__builtin_ctzll(blocks);

	for (int m = 0; m < FIRST_MAPS && m < s->map_count; m++)
		__builtin_prefetch(&g->maps[s->maps[m]][block]);
}

/* The blocks in which something is left, in no order. */
static size_t group_sieved(const struct search *s, const struct ladder_group *g, struct sieved ret[GROUP_BLOCKS])
{
	size_t first = 0, rest = 0, count = 0;
	uint64_t blocks = group_promising(s, g), ahead = blocks;

	for (int i = 0; ahead && i < AHEAD; i++, ahead &= ahead - 1)
		first_prefetch(s, g, ahead);
	for (; blocks; blocks &= blocks - 1) {
		unsigned int block = (unsigned int)__builtin_ctzll(blocks);

		if (ahead)
			first_prefetch(s, g, ahead);
		ahead &= ahead - 1;
		if (!sieve_first(s, g, block, &ret[first].left))
			continue;
		rest_prefetch(s, g, block);
		ret[first++].index = block;
	}
	for (size_t i = 0; i < first; i++) {
		if (!sieve_rest(s, g, ret[i].index, &ret[i].left))
			continue;
		fine_prefetch(s, g, ret[i].index);
		ret[rest++] = ret[i];
	}
	for (size_t i = 0; i < rest; i++) {
		struct sieved *v = &ret[i];
		const struct bound *b = &g->bounds[v->index];

		if (!bound_affordable(s, b) || !sieve_fine(s, g, v->index, &v->left))
			continue;
		v->block = g->blocks[v->index];
		v->least = bound_least(s, b);
		ret[count++] = *v;
	}
	return count;
}

/* Brings the cheapest of those from at on to at. */
static void sieved_bring(struct sieved *list, size_t count, size_t at)
{
	size_t least = at;

	for (size_t i = at + 1; i < count; i++) {
		if (list[i].least < list[least].least)
			least = i;
	}
	struct sieved cheapest = list[least];
	list[least] = list[at];
	list[at] = cheapest;
}

static void search_group(struct search *s, const struct ladder_group *g)
{
	struct sieved list[GROUP_BLOCKS];
	size_t count = group_sieved(s, g, list);

	for (size_t i = 0; i < count; i++) {
		if (i == 0) {
			sieved_bring(list, count, 0);
			prices_prefetch(&list[0]);
		}
		if (too_dear(s, list[i].least))
			break;
		if (i + 1 < count) {
			sieved_bring(list, count, i + 1);
			prices_prefetch(&list[i + 1]);
		}
		if (bound_promises(s, &g->bounds[list[i].index], list[i].least))
			search_slots(s, &list[i]);
	}
}

static void words_prefetch(const struct search *s, const struct ladder_group *g)
{
	__builtin_prefetch(&g->bound);
	for (int m = 0; m < s->map_count; m++)
		__builtin_prefetch(&g->any[s->maps[m]]);
}

static void search_all(struct search *s)
{
	const struct ladder *l = s->ladder;

	search_begin(s);
	for (size_t i = 0; i < l->count; i++) {
		const struct bound *b = &l->groups[i]->bound;

		if (i + 1 < l->count && s->count < s->max) /* later most are too dear */
			words_prefetch(s, l->groups[i + 1]);
		if (bound_affordable(s, b) && bound_promises(s, b, bound_least(s, b)))
			search_group(s, l->groups[i]);
	}
}

static void search_sellers(struct search *s)
{
	const struct constraints *c = &s->bid->constraints;

	for (size_t i = 0; i < c->preferred_count; i++) {
		struct ask_entry *e = uuid_map_get(&s->ladder->sellers, c->preferred[i]);

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
	struct search s = { .bid = bid, .ladder = l, .found = ret_candidates, .max = n };

	if (!n)
		return 0;
	search_weigh(&s, bid->cores, bid->memory_mib);
	search_sellers(&s);
	if (bid->constraints.trusted == TRUSTED_PREFER) {
		s.trusted = true;
		search_all(&s);
		s.trusted = false;
	}
	search_all(&s);
	return s.count;
}

/* SPDX-License-Identifier: Apache-2.0
 * ladder.c - all asks by price, so that the cheapest which fit a bid are found among a million without looking at each
 *
 * How it works: asks stand in the slots of blocks, up to 512 in one and in no order; a block's asks are near each other in both
 * prices, of cores and of memory, so that it has narrow bounds for bids of any shape. For each quantity that a bid may want at
 * least so much of (cores, memory, score, ...) there is a bitmap of the block's slots "has at least the i-th grade" for 16
 * grades, and one for each yes-or-no; the AND of those that a bid needs names a few slots of 512, which are then compared
 * exactly. Grades are coarser than quantities, so the bitmaps leave too many slots and never too few.
 *
 * Up to 64 blocks are a group; groups are sorted by price at the common shape, blocks within one are not. One bitmap of all
 * blocks of a group is one piece of memory, read from its begin to its end by a search that little fits; and for each bitmap a
 * group has a word "which blocks have any such slot", so that a look at a few words leaves out blocks without such asks, those
 * that are sold out among them.
 *
 * A full block is halved, where its asks differ more: by price or by memory's price. An ask that comes goes into the block of
 * its group whose bounds need be widened least. Bounds are right after a block was halved and may be too wide after removals.
 */
#include "ladder_block.h"

#include <stdlib.h>
#include <string.h>

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

void ladder_clear(struct ladder *l)
{
	slab_clear(&l->group_slab);
	slab_clear(&l->map_slab);
	slab_clear(&l->block_slab);
	free(l->groups);
	uuid_map_clear(&l->sellers);
	*l = (struct ladder){ 0 };
}

/* ---- groups ---- */

static err_t group_insert(struct ladder *l, size_t at, struct ladder_group **ret)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct ladder_group **groups = reallocarray(l->groups, cap, sizeof(struct ladder_group *));

		if (!groups)
			return E_NOMEM;
		l->groups = groups;
		l->cap = cap;
	}
	l->group_slab.size = sizeof(struct ladder_group);
	l->map_slab.size = MAPS * sizeof(group_map);
	l->block_slab.size = sizeof(struct ladder_block);
	struct ladder_group *g = slab_take(&l->group_slab);
	group_map *maps = slab_take(&l->map_slab);
	if (!g || !maps) {
		slab_give(&l->group_slab, g);
		slab_give(&l->map_slab, maps);
		return E_NOMEM;
	}
	memset(g, 0, sizeof *g);
	g->maps = maps;
	group_tighten(g);
	memmove(l->groups + at + 1, l->groups + at, (l->count - at) * sizeof(struct ladder_group *));
	l->groups[at] = g;
	l->count++;
	for (size_t i = at; i < l->count; i++)
		l->groups[i]->position = i;
	*ret = g;
	return OK;
}

static void group_remove(struct ladder *l, struct ladder_group *g)
{
	size_t at = g->position;

	l->count--;
	memmove(l->groups + at, l->groups + at + 1, (l->count - at) * sizeof(struct ladder_group *));
	for (size_t i = at; i < l->count; i++)
		l->groups[i]->position = i;
	slab_give(&l->map_slab, g->maps);
	slab_give(&l->group_slab, g);
}

/* The last group that does not begin behind the key, or the first one. */
static struct ladder_group *group_for(const struct ladder *l, const struct key *key)
{
	size_t low = 0, high = l->count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (key_before(key, &l->groups[middle]->low))
			high = middle;
		else
			low = middle;
	}
	return l->groups[low];
}

static int compare_blocks(const void *a, const void *b)
{
	const struct ladder_block *x = *(struct ladder_block *const *)a, *y = *(struct ladder_block *const *)b;
	const struct key *of_x = &x->group->firsts[x->index], *of_y = &y->group->firsts[y->index];

	return key_before(of_x, of_y) ? -1 : key_before(of_y, of_x);
}

/* The dearer half of a full group's blocks go into a new one. */
static err_t group_halve(struct ladder *l, struct ladder_group *g)
{
	struct ladder_block *sorted[GROUP_BLOCKS];
	struct ladder_group *other;

	TRY(group_insert(l, g->position + 1, &other));
	memcpy(sorted, g->blocks, sizeof sorted);
	qsort(sorted, GROUP_BLOCKS, sizeof sorted[0], compare_blocks);
	other->low = g->firsts[sorted[GROUP_BLOCKS / 2]->index];
	for (int i = GROUP_BLOCKS / 2; i < GROUP_BLOCKS; i++)
		block_move(sorted[i], other);
	group_tighten(g);
	group_tighten(other);
	return OK;
}

/* ---- asks ---- */

static uint64_t outside(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least - value : value > most ? value - most : 0;
}

/* By how much a block's box must be widened for one more, as a price at the common ratio. */
static uint64_t widened(const struct box *box, const struct box *one)
{
	return outside(one->least, box->least, box->most) +
	       half_gib[COMMON_RATIO] * outside(one->least_per_gib, box->least_per_gib, box->most_per_gib);
}

static uint64_t width(const struct box *box)
{
	return box->most - box->least + half_gib[COMMON_RATIO] * (box->most_per_gib - box->least_per_gib);
}

/* Does one more go into block a rather than b? Where they are alike, into the last that does not begin behind it. */
static bool fits_better(const struct ladder_group *g, unsigned int a, unsigned int b, const struct ask_entry *e)
{
	const struct key *of_a = &g->firsts[a], *of_b = &g->firsts[b], key = key_of(e);
	uint64_t width_a = width(&g->boxes[a]), width_b = width(&g->boxes[b]);

	if (width_a != width_b)
		return width_a < width_b;
	bool behind_a = key_before(&key, of_a), behind_b = key_before(&key, of_b);
	if (behind_a != behind_b)
		return behind_b;
	return behind_a ? key_before(of_a, of_b) : key_before(of_b, of_a);
}

/* The one of these blocks that need be widened least. */
static struct ladder_block *block_for(const struct ladder_group *g, uint64_t blocks, const struct ask_entry *e)
{
	struct box one = box_of(e);
	uint64_t least = UINT64_MAX;
	unsigned int best = 0;

	for (; blocks; blocks &= blocks - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(blocks);
		uint64_t wider = widened(&g->boxes[i], &one);

		if (wider < least || (wider == least && fits_better(g, i, best, e))) {
			least = wider;
			best = i;
		}
	}
	return g->blocks[best];
}

static err_t stand(struct ladder *l, struct ask_entry *e)
{
	struct key key = key_of(e);
	struct ladder_group *g;

	if (!l->count) {
		TRY(group_insert(l, 0, &g));
		g->low = key;
		if (!block_new(l, g)) {
			group_remove(l, g);
			return E_NOMEM;
		}
	}
	g = group_for(l, &key);
	struct ladder_block *b = block_for(g, g->present, e);
	if (b->count == SLOTS) {
		if (!~g->present)
			TRY(group_halve(l, g));
		g = b->group;
		struct ladder_block *other = block_new(l, g);
		if (!other)
			return E_NOMEM;
		block_halve(b, other);
		b = block_for(g, 1ULL << b->index | 1ULL << other->index, e);
	}
	block_add(l, b, e);
	return OK;
}

static void leave(struct ladder *l, struct ask_entry *e)
{
	struct ladder_block *b = e->block;
	struct ladder_group *g = b->group;

	block_take(l, b, e->slot);
	e->block = NULL;
	if (!b->count)
		block_free(l, b);
	if (!g->present)
		group_remove(l, g);
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
	seller_unlink(l, e);
	leave(l, e);
}

err_t ladder_reprice(struct ladder *l, struct ask_entry *e)
{
	struct ladder_block *b = e->block;
	struct box one = box_of(e);

	if (!widened(&b->group->boxes[b->index], &one)) {
		block_reprice(l, b, e->slot);
		return OK;
	}
	leave(l, e);
	err_t error = stand(l, e);
	if (error)
		seller_unlink(l, e);
	return error;
}

void ladder_changed(struct ladder *l, struct ask_entry *e)
{
	block_note(l, e->block, e->slot);
}

/* SPDX-License-Identifier: Apache-2.0
 * ladder_block.h - what the ladder's asks stand in: groups of blocks of slots, and their bitmaps; for the files ladder*.c
 */
#ifndef TRADE_LADDER_BLOCK_H
#define TRADE_LADDER_BLOCK_H

#include <assert.h>
#include "ladder.h"

#define SLOTS 512
#define WORDS (SLOTS / 64)
#define GROUP_BLOCKS 64

/* What a bid may want at least so much of. Each has a bitmap for every grade that an ask reaches; the first FINE_COUNT have
 * grades far apart, so that QUARTERS more say which part of its last grade's way to the next one it has gone. */
enum graded { G_SCORE, G_RATING, G_UP, G_DOWN, G_CORES, G_MEMORY, G_DURATION, GRADED_COUNT };
#define FINE_COUNT (G_DOWN + 1)
#define GRADES 16
#define QUARTERS 3
enum flag { F_KVM, F_TCG, F_DIRECT, F_TRUSTED, F_INTEL, F_AMD, F_OTHER, FLAG_COUNT };
#define COUNTRY_BUCKETS 32
#define FIRST_QUARTER (GRADED_COUNT * GRADES)
#define FIRST_FLAG (FIRST_QUARTER + FINE_COUNT * QUARTERS)
#define FIRST_COUNTRY (FIRST_FLAG + FLAG_COUNT)
#define MAPS (FIRST_COUNTRY + COUNTRY_BUCKETS)
static_assert(MAPS == LADDER_MAPS, "ladder.h has a count for each bitmap");

/* How many grades a value reaches, and quarters of the next one: 4 * grades + quarters, so more is never less. */
uint8_t ladder_level(enum graded which, uint32_t value);
unsigned int ladder_country(const char *country); /* its bucket */

static inline uint32_t clamp_u32(int64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* What an ask is by its bitmaps. */
struct standing {
	uint8_t level[GRADED_COUNT];
	uint8_t flags, country;
};
struct standing ladder_standing(const struct ask *ask);

struct price {
	uint64_t per_core_hour, per_gib_hour;
};

/* What most often rules out an ask whose bitmaps and price do not: two of them in a cache line, while entries lie all over the
 * memory. */
struct facts {
	uint32_t score, rating_ppm, ratings, up_kbit_s, down_kbit_s, cores_free, memory_free_mib, scratch_free_mib;
};

/* What twice an hour costs per core is 2 * core price + R * GiB price for R half GiB a core: a line in R. The least of many such
 * lines is concave, so between two R it lies on or above the chord. */
#define RATIOS 6
static const uint32_t half_gib[RATIOS] = { 0, 1, 2, 4, 8, 16 };
#define COMMON_RATIO 3 /* of half_gib: the shape by which groups are sorted, 2 GiB a core */

/* Where an ask stands on the ladder. */
struct key {
	uint64_t price; /* twice an hour of one core and its common share of memory */
	uint32_t rating_ppm;
	uint64_t since;
};
bool key_before(const struct key *a, const struct key *b);

/* What a block's asks have at best. Bounds are as narrow as can be when a block's bounds were found, and may be too wide after
 * asks have left it, which costs time and nothing else. */
struct bound {
	uint64_t least[RATIOS]; /* of 2 * core price + half_gib[i] * GiB price */
	uint64_t per_gib_hour;
	uint64_t since;
	uint32_t rating_ppm; /* the highest */
};
/* Between which prices a block's asks are; it says where one more goes. As narrow as bounds are. */
struct box {
	uint64_t least, most; /* at the common ratio */
	uint64_t least_per_gib, most_per_gib;
};

/* A bit for each slot of a block; a vector, so that compilers combine two of them in few steps. */
typedef uint64_t block_map __attribute__((vector_size(SLOTS / 8)));
static inline bool map_empty(const block_map *m)
{
	return !((*m)[0] | (*m)[1] | (*m)[2] | (*m)[3] | (*m)[4] | (*m)[5] | (*m)[6] | (*m)[7]);
}
/* One map of all blocks of a group lies in a piece; one more keeps the maps of one block out of each other's cache sets. */
typedef block_map group_map[GROUP_BLOCKS + 1];

struct ladder_block {
	struct ladder_group *group;
	unsigned int index;   /* in its group */
	uint32_t count, gone; /* gone: asks and prices that went since its bounds were found */
	block_map used;
	struct price price[SLOTS] __attribute__((aligned(64)));
	struct facts facts[SLOTS];
	struct ask_entry *entry[SLOTS];
	struct standing standing[SLOTS];
};

struct ladder_group {
	size_t position;    /* among the ladder's, which are sorted by low */
	struct key low;	    /* of the first ask that it was made for */
	uint64_t present;   /* which blocks there are */
	struct bound bound; /* of all of them */
	uint64_t any[MAPS]; /* of which blocks each map has a bit */
	group_map *maps;    /* MAPS */
	struct bound bounds[GROUP_BLOCKS];
	struct box boxes[GROUP_BLOCKS];
	struct key firsts[GROUP_BLOCKS]; /* not behind any of the block's */
	struct ladder_block *blocks[GROUP_BLOCKS];
};

/* ladder_block.c */
void bound_widen(struct bound *bound, const struct bound *more);
struct bound bound_of(const struct ask_entry *entry);
struct key key_of(const struct ask_entry *entry);
struct box box_of(const struct ask_entry *entry);
/* Takes an empty block into a group that has room. NULL without memory. */
struct ladder_block *block_new(struct ladder *ladder, struct ladder_group *group);
void block_free(struct ladder *ladder, struct ladder_block *block); /* an empty one */
void block_add(struct ladder *ladder, struct ladder_block *block, struct ask_entry *entry);
void block_take(struct ladder *ladder, struct ladder_block *block, unsigned int slot);
void block_note(struct ladder *ladder, struct ladder_block *block, unsigned int slot); /* all of the slot's ask but its prices */
void block_reprice(struct ladder *ladder, struct ladder_block *block, unsigned int slot); /* these, too */
/* The dearer half of a full block goes into another, which is empty and of the same group. */
void block_halve(struct ladder_block *block, struct ladder_block *other);
/* Into a group that has room. */
void block_move(struct ladder_block *block, struct ladder_group *to);
void block_tighten(struct ladder_block *block); /* finds its bounds anew */
void group_tighten(struct ladder_group *group);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * ladder_block.h - what the ladder's asks stand in: blocks of slots with bitmaps; for ladder.c and ladder_find.c
 */
#ifndef TRADE_LADDER_BLOCK_H
#define TRADE_LADDER_BLOCK_H

#include "ladder.h"

#define SLOTS 512
#define RUNGS 16
#define RUNG_SLOTS 32
#define WORDS (SLOTS / 64)
#define RUN 32 /* blocks that have a zone together */

enum graded { G_CORES, G_MEMORY, G_SCORE, G_RATING, G_UP, G_DOWN, G_DURATION, GRADED_COUNT };
#define GRADES 16
enum flag { F_KVM, F_TCG, F_DIRECT, F_TRUSTED, F_INTEL, F_AMD, F_OTHER, FLAG_COUNT };
#define COUNTRY_BUCKETS 32
#define FIRST_FLAG (GRADED_COUNT * GRADES)
#define FIRST_COUNTRY (FIRST_FLAG + FLAG_COUNT)
#define MAPS (FIRST_COUNTRY + COUNTRY_BUCKETS)

/* How many grades of its kind a value reaches. */
uint8_t ladder_grade(enum graded which, uint32_t value);
unsigned int ladder_country(const char *country); /* its bucket */

static inline uint32_t clamp_u32(int64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* What an ask is by grades. */
struct standing {
	uint8_t grade[8]; /* GRADED_COUNT of them; the last one is 0 */
	uint8_t flags, country;
};

/* What most often rules an ask out, in one cache line: entries lie all over the memory. */
struct facts {
	uint64_t per_core_hour, per_gib_hour;
	uint32_t score, rating_ppm, ratings, up_kbit_s, down_kbit_s, cores_free, memory_free_mib, scratch_free_mib;
} __attribute__((aligned(64)));

/* What twice an hour costs per core is 2 * core price + R * GiB price for R half GiB a core: a line in R. The least of many such
 * lines is concave, so between two R it lies on or above the chord. */
#define RATIOS 6
static const uint32_t half_gib[RATIOS] = { 0, 1, 2, 4, 8, 16 };

struct bound {
	uint64_t least[RATIOS]; /* of 2 * core price + half_gib[i] * GiB price */
	uint64_t per_gib_hour;
	uint64_t since;
	uint32_t rating_ppm;
};

struct ladder_zone {
	struct bound bound;
	uint8_t top[8]; /* the highest grade of each kind */
	uint8_t flags;
	uint32_t countries;
};

/* Where an ask stands on the ladder: an hour of 1 core and 2 GiB. */
struct key {
	uint64_t price;
	uint32_t rating_ppm;
	uint64_t since;
};

struct ladder_block {
	struct ladder_zone zone;
	size_t position; /* among the ladder's blocks */
	uint32_t count;
	uint16_t filled[RUNGS]; /* slots in use of each rung */
	struct key low[RUNGS];	/* what is before it does not belong to this rung; last_key: it was never used */
	struct bound bounds[RUNGS];
	uint64_t used[WORDS];
	uint16_t sizes[MAPS]; /* bits in each map */
	uint64_t maps[MAPS][WORDS] __attribute__((aligned(64)));
	struct facts facts[SLOTS];
	struct standing standing[SLOTS];
	struct ask_entry *entry[SLOTS];
};

#endif

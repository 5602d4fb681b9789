/* SPDX-License-Identifier: Apache-2.0
 * trade_ladder.c - what the ladder finds among many thousands of asks, against looking at each
 */
#include <stdlib.h>
#include "ladder.h"
#include "tap.h"

#define ASKS 12000
#define ROUNDS 12
#define FINDS 40
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
	case 1: /* a new price */
		ladder_remove(ladder, entries[n]);
		entries[n]->ask = ask;
		return ladder_put(ladder, entries[n]) == OK;
	default:
		ask.prices = entries[n]->ask.prices;
		entries[n]->ask = ask;
		ladder_changed(ladder, entries[n]);
		return true;
	}
}

static void test_spread(uint32_t spread)
{
	struct ladder ladder = { 0 };
	uint64_t now = 0;
	bool fine = true, alike = true;

	for (uint32_t n = 0; n < ASKS; n++)
		fine &= change(&ladder, n, spread, &now);
	for (int round = 0; round < ROUNDS && alike; round++) {
		for (int i = 0; i < FINDS && alike; i++)
			alike = found_alike(&ladder, spread);
		for (uint32_t i = 0; i < ASKS / 8; i++)
			fine &= change(&ladder, below(ASKS), spread, &now);
	}
	ok(fine && alike, "%d times the first ones of some %d asks at %u prices are found", ROUNDS * FINDS, ASKS, spread);
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

/* SPDX-License-Identifier: Apache-2.0
 * replay.c - each counter once, late ones within the window; against a plain list of what was seen
 */
#include <assert.h>
#include <stdlib.h>
#include "replay.h"
#include "tap.h"

#define STEPS 200000
#define RANGE 400000

static void test_cases(void)
{
	struct replay r = { 0 };
	ok(!replay_accept(&r, 0), "0 is no counter");
	ok(replay_accept(&r, 1), "the first");
	ok(!replay_accept(&r, 1), "once only");
	ok(replay_accept(&r, 3) && replay_accept(&r, 2), "out of order");
	ok(!replay_accept(&r, 3) && !replay_accept(&r, 2), "once only each");
	ok(replay_accept(&r, REPLAY_WINDOW + 3), "a jump by a whole window");
	ok(!replay_is_fresh(&r, 3), "the one that just left it is old");
	ok(replay_accept(&r, 4), "the oldest in it is not");
	ok(!replay_accept(&r, 4), "but once only");
	ok(replay_accept(&r, 10ull * REPLAY_WINDOW), "a large jump");
	ok(!replay_accept(&r, REPLAY_WINDOW + 3), "all before it is old");
	ok(replay_accept(&r, 9ull * REPLAY_WINDOW + 1) && !replay_accept(&r, 9ull * REPLAY_WINDOW), "the window's edge");
	ok(replay_accept(&r, UINT64_MAX) && !replay_accept(&r, UINT64_MAX), "the last counter there is");
	ok(replay_accept(&r, UINT64_MAX - 5), "and one before it");
}

static void test_against_a_list(void)
{
	struct replay r = { 0 };
	bool *seen = calloc(RANGE, 1);
	uint64_t newest = 0;
	unsigned dice = 7;
	int wrong = 0;
	assert(seen);
	for (int i = 0; i < STEPS; i++) {
		dice = dice * 1103515245u + 12345u;
		uint64_t base = newest + 40 > REPLAY_WINDOW * 2 ? newest + 40 - REPLAY_WINDOW * 2 : 1;
		uint64_t counter = (dice >> 8) % 4 ? newest + (dice >> 12) % 3 : base + (dice >> 10) % (REPLAY_WINDOW * 2);
		if (counter >= RANGE || counter == 0)
			continue;
		bool want = !seen[counter] && (counter > newest || newest - counter < REPLAY_WINDOW);
		wrong += replay_is_fresh(&r, counter) != want;
		wrong += replay_accept(&r, counter) != want;
		seen[counter] |= want;
		if (want && counter > newest)
			newest = counter;
	}
	free(seen);
	is_int(wrong, 0, "%d counters, newest %llu: as the list says", STEPS, (unsigned long long)newest);
}

int main(void)
{
	test_cases();
	test_against_a_list();
	return done_testing();
}

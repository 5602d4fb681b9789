/* SPDX-License-Identifier: Apache-2.0
 * due.c - the heap beside a look at everything: put, moved, taken out in any order
 */
#include "due.h"

#include "tap.h"

#define THINGS 300
#define STEPS 30000

static struct due things[THINGS];
static struct due_heap heap;
static uint32_t state = 1;

static uint32_t any(uint32_t below)
{
	state = state * 1664525 + 1013904223; /* Numerical Recipes: the same each time */
	return (state >> 8) % below;
}

/* The earliest time of all that are in; 0: none is. */
static int64_t earliest(void)
{
	int64_t first = 0;
	for (size_t i = 0; i < THINGS; i++)
		if (things[i].place && (!first || things[i].at.us < first))
			first = things[i].at.us;
	return first;
}

int main(void)
{
	bool right = true, early = true;
	for (int step = 0; step < STEPS; step++) {
		struct due *d = &things[any(THINGS)];
		if (any(4))
			right &= due_put(&heap, d, (wall_time){ any(5) ? 1 + any(1000) : 0 }) == OK;
		else
			due_remove(&heap, d);
		int64_t first = earliest();
		const struct due *got = due_first(&heap, (wall_time){ first });
		right &= first ? got && got->at.us == first : !got;
		early &= !first || !due_first(&heap, (wall_time){ first - 1 });
	}
	ok(right, "the first is the earliest");
	ok(early, "nothing is due before its time");
	int64_t before = 0;
	size_t count = 0;
	bool sorted = true;
	for (struct due *d; (d = due_first(&heap, (wall_time){ 1000 })); count++) {
		sorted &= d->at.us >= before && count < THINGS;
		before = d->at.us;
		due_remove(&heap, d);
	}
	ok(sorted && count > 0, "all come out by their times");
	is_int((int64_t)heap.count, 0, "none is left");
	due_clear(&heap);
	return done_testing();
}

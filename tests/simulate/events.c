/* SPDX-License-Identifier: Apache-2.0
 * events.c - the simulated time, as a heap of what is to happen
 */
#include <assert.h>
#include <stdlib.h>
#include "events.h"

struct event {
	int64_t at_us;
	uint64_t order;
	event_run *run;
	void *who;
	uint64_t what;
};

int64_t world_us;
static struct event *heap;
static size_t count, room;
static uint64_t orders;

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void event_at(int64_t at_us, event_run *run, void *who, uint64_t what)
{
	struct event e = { at_us > world_us ? at_us : world_us, orders++, run, who, what };
	if (count == room) {
		room = room ? room * 2 : 1024;
		heap = realloc(heap, room * sizeof *heap);
		assert(heap);
	}
	size_t i = count++;
	for (; i > 0 && is_before(&e, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = e;
}

static struct event take_first(void)
{
	struct event first = heap[0], last = heap[--count];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= count)
			break;
		if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return first;
}

void events_until(int64_t end_us)
{
	while (count > 0 && heap[0].at_us <= end_us) {
		struct event e = take_first();
		world_us = e.at_us;
		e.run(e.who, e.what);
	}
	world_us = end_us;
}

void events_clear(void (*drop)(event_run *run, void *who))
{
	while (count > 0) {
		struct event e = take_first();
		drop(e.run, e.who);
	}
	free(heap);
	heap = NULL;
	room = 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * due.c - a binary heap by time (Knuth, TAOCP 5.2.3), whose elements know their places
 */
#include "due.h"

#include <stdlib.h>

static void set(struct due_heap *heap, size_t place, struct due *due)
{
	heap->all[place - 1] = due;
	due->place = place;
}

/* From the free place, to where it belongs. */
static void settle(struct due_heap *heap, size_t place, struct due *due)
{
	for (; place > 1 && heap->all[place / 2 - 1]->at.us > due->at.us; place /= 2)
		set(heap, place, heap->all[place / 2 - 1]);
	for (size_t child; (child = 2 * place) <= heap->count; place = child) {
		if (child < heap->count && heap->all[child]->at.us < heap->all[child - 1]->at.us)
			child++;
		if (heap->all[child - 1]->at.us >= due->at.us)
			break;
		set(heap, place, heap->all[child - 1]);
	}
	set(heap, place, due);
}

err_t due_put(struct due_heap *heap, struct due *due, wall_time at)
{
	if (!at.us) {
		due_remove(heap, due);
		return OK;
	}
	if (!due->place && heap->count == heap->cap) {
		size_t cap = heap->cap ? 2 * heap->cap : 64;
		struct due **more = reallocarray(heap->all, cap, sizeof *more);
		if (!more)
			return E_NOMEM;
		heap->all = more;
		heap->cap = cap;
	}
	due->at = at;
	settle(heap, due->place ? due->place : ++heap->count, due);
	return OK;
}

void due_remove(struct due_heap *heap, struct due *due)
{
	if (!due->place)
		return;
	struct due *last = heap->all[--heap->count];
	if (last != due)
		settle(heap, due->place, last);
	due->place = 0;
}

struct due *due_first(const struct due_heap *heap, wall_time now)
{
	return heap->count && heap->all[0]->at.us <= now.us ? heap->all[0] : NULL;
}

void due_clear(struct due_heap *heap)
{
	free(heap->all);
	*heap = (struct due_heap){ 0 };
}

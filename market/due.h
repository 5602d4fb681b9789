/* SPDX-License-Identifier: Apache-2.0
 * due.h - what is due when: who looks for what is overdue sees that alone, however much waits
 */
#ifndef MARKET_DUE_H
#define MARKET_DUE_H

#include "clock.h"
#include "err.h"

/* Lies in what is due. Zero-initialised is in no heap. */
struct due {
	wall_time at;
	size_t place; /* in the heap, from 1; 0: in none */
};
/* Zero-initialised is empty. */
struct due_heap {
	struct due **all; /* no parent, at half its child's place, is due later */
	size_t count, cap;
};

/* Puts it in, or where it is in, at another time; at.us 0: takes it out. E_NOMEM where it was not in. */
MUST_CHECK err_t due_put(struct due_heap *heap, struct due *due, wall_time at);
void due_remove(struct due_heap *heap, struct due *due);
/* The first one, where it is due by now; else NULL. */
struct due *due_first(const struct due_heap *heap, wall_time now);
/* Frees the heap; what was in it is the caller's. */
void due_clear(struct due_heap *heap);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * index.h - things by their UUID: a sorted array of pointers
 *
 * UUIDs of version 7 grow with time, so that nearly all insertions are at the end.
 */
#ifndef TRADE_INDEX_H
#define TRADE_INDEX_H

#include <stddef.h>
#include "uuid.h"

/* Zero-initialised is empty. Each item's first member is its uuid. The items are the caller's. */
struct index {
	void **items;
	size_t count, cap;
};

void *index_find(const struct index *index, uuid id); /* NULL: none */
/* The item's id must not be there yet. E_NOMEM. */
MUST_CHECK err_t index_insert(struct index *index, void *item);
void *index_remove(struct index *index, uuid id); /* what was there, or NULL */
void index_clear(struct index *index);		  /* frees the array, not the items */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * index.c - things by their UUID: a sorted array of pointers
 */
#include "index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *item, uuid id)
{
	return memcmp(((const uuid *)item)->bytes, id.bytes, sizeof id.bytes);
}

/* The first position whose id is not below this one. */
static size_t position_of(const struct index *index, uuid id)
{
	size_t low = 0, high = index->count;

	if (high > 0 && compare(index->items[high - 1], id) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(index->items[middle], id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct index *index, size_t position, uuid id)
{
	return position < index->count && compare(index->items[position], id) == 0;
}

void *index_find(const struct index *index, uuid id)
{
	size_t position = position_of(index, id);

	return is_at(index, position, id) ? index->items[position] : NULL;
}

err_t index_insert(struct index *index, void *item)
{
	uuid id = *(const uuid *)item;
	size_t position = position_of(index, id);

	assert(!is_at(index, position, id));
	if (index->count == index->cap) {
		size_t cap = index->cap ? 2 * index->cap : 16;
		void **items = reallocarray(index->items, cap, sizeof *items);

		if (!items)
			return E_NOMEM;
		index->items = items;
		index->cap = cap;
	}
	memmove(index->items + position + 1, index->items + position, (index->count - position) * sizeof *index->items);
	index->items[position] = item;
	index->count++;
	return OK;
}

void *index_remove(struct index *index, uuid id)
{
	size_t position = position_of(index, id);

	if (!is_at(index, position, id))
		return NULL;
	void *item = index->items[position];
	index->count--;
	memmove(index->items + position, index->items + position + 1, (index->count - position) * sizeof *index->items);
	return item;
}

void index_clear(struct index *index)
{
	free(index->items);
	*index = (struct index){ 0 };
}

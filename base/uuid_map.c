/* SPDX-License-Identifier: Apache-2.0
 * uuid_map.c - from a UUID to a pointer: open addressing, linear probing
 *
 * The hash is a keyed one: ids may be chosen by strangers (a buyer's peer names its own).
 */
#include "uuid_map.h"

#include <string.h>

#include "crypto.h"

static uint64_t mix(uint64_t x)
{
	/* The finaliser of MurmurHash3. */
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static size_t home_of(const struct uuid_map *map, uuid key)
{
	static uint64_t secret[2];
	uint64_t half[2];
	if (!secret[0])
		random_fill(secret, sizeof secret);
	memcpy(half, key.bytes, sizeof half);
	return mix(mix(half[0] ^ secret[0]) + (half[1] ^ secret[1])) & (map->cap - 1);
}

/* The slot of the key, or the free one where it would go. cap > count. */
static struct uuid_slot *slot_of(const struct uuid_map *map, uuid key)
{
	size_t i = home_of(map, key);
	while (map->slots[i].value && !uuid_equal(map->slots[i].key, key))
		i = (i + 1) & (map->cap - 1);
	return &map->slots[i];
}

void *uuid_map_get(const struct uuid_map *map, uuid key)
{
	return map->cap ? slot_of(map, key)->value : NULL;
}

static err_t grow(struct uuid_map *map)
{
	struct uuid_map bigger = { .cap = map->cap ? map->cap * 2 : 64 };
	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return E_NOMEM;
	for (size_t i = 0; i < map->cap; i++)
		if (map->slots[i].value)
			*slot_of(&bigger, map->slots[i].key) = map->slots[i];
	bigger.count = map->count;
	free(map->slots);
	*map = bigger;
	return OK;
}

err_t uuid_map_put(struct uuid_map *map, uuid key, void *value)
{
	if ((map->count + 1) * 4 > map->cap * 3)
		TRY(grow(map));
	struct uuid_slot *slot = slot_of(map, key);
	map->count += slot->value == NULL;
	*slot = (struct uuid_slot){ key, value };
	return OK;
}

void uuid_map_remove(struct uuid_map *map, uuid key)
{
	if (!map->cap)
		return;
	struct uuid_slot *slot = slot_of(map, key);
	if (!slot->value)
		return;
	/* Moves followers up, so that no probe ends at the hole (Knuth, TAOCP 6.4, algorithm R). */
	size_t hole = (size_t)(slot - map->slots), mask = map->cap - 1;
	for (size_t i = (hole + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
		size_t home = home_of(map, map->slots[i].key);
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct uuid_slot){ 0 };
	map->count--;
}

void uuid_map_clear(struct uuid_map *map)
{
	free(map->slots);
	*map = (struct uuid_map){ 0 };
}

void **uuid_map_values(const struct uuid_map *map, size_t *ret_count)
{
	*ret_count = 0;
	void **values = map->count ? malloc(map->count * sizeof *values) : NULL;
	for (size_t i = 0; values && i < map->cap; i++)
		if (map->slots[i].value)
			values[(*ret_count)++] = map->slots[i].value;
	return values;
}

err_t uuid_list_add(struct uuid_list *list, uuid id)
{
	for (size_t i = 0; i < list->count && i < 64; i++)
		if (uuid_equal(list->ids[i], id))
			return OK;
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		uuid *more = realloc(list->ids, cap * sizeof *more);
		if (!more)
			return E_NOMEM;
		list->ids = more;
		list->cap = cap;
	}
	list->ids[list->count++] = id;
	return OK;
}

void uuid_list_clear(struct uuid_list *list)
{
	free(list->ids);
	*list = (struct uuid_list){ 0 };
}

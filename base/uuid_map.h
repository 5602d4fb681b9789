/* SPDX-License-Identifier: Apache-2.0
 * uuid_map.h - from a UUID to a pointer: open addressing, linear probing
 */
#ifndef BASE_UUID_MAP_H
#define BASE_UUID_MAP_H

#include <stddef.h>
#include "err.h"
#include "uuid.h"

/* Zero-initialised is empty. Values are the caller's and never NULL. */
struct uuid_slot {
	uuid key;
	void *value;
};
struct uuid_map {
	struct uuid_slot *slots;
	size_t count, cap; /* cap: a power of two */
};

void *uuid_map_get(const struct uuid_map *map, uuid key);
/* Adds or replaces. E_NOMEM. */
MUST_CHECK err_t uuid_map_put(struct uuid_map *map, uuid key, void *value);
void uuid_map_remove(struct uuid_map *map, uuid key);
void uuid_map_clear(struct uuid_map *map);
/* All values in no order, as a copy that stays valid while the map changes; heap, free(). NULL where empty or without memory. */
void **uuid_map_values(const struct uuid_map *map, size_t *ret_count);

/* A list of ids, each once as long as it is short. */
struct uuid_list {
	uuid *ids;
	size_t count, cap;
};
MUST_CHECK err_t uuid_list_add(struct uuid_list *list, uuid id);
void uuid_list_clear(struct uuid_list *list);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * map.h - numbers to small numbers: MAC addresses, IP addresses, hints
 */
#ifndef VNET_MAP_H
#define VNET_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"

struct map_slot {
	uint64_t key;
	uint32_t value; /* value + 1; 0: free */
};
/* Open addressing with linear probing, at most half full. Zero-initialised is empty. The keys are an outsider's choice, so
 * the hash is keyed. */
struct map {
	struct map_slot *slots;
	size_t mask; /* slots - 1, or 0 where there are none */
	size_t count;
	uint64_t salt;
};

/* Sets or replaces. value < UINT32_MAX. E_NOMEM. */
MUST_CHECK err_t map_set(struct map *m, uint64_t key, uint32_t value);
/* For a key that is there: cannot fail. */
void map_replace(struct map *m, uint64_t key, uint32_t value);
bool map_get(const struct map *m, uint64_t key, uint32_t *ret_value);
void map_remove(struct map *m, uint64_t key);
void map_clear(struct map *m);

#endif

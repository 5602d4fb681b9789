/* SPDX-License-Identifier: Apache-2.0
 * map.c - numbers to small numbers, by open addressing
 */
#include "crypto.h"
#include "map.h"

#define FIRST_SLOTS 16

static size_t place(const struct map *m, uint64_t key)
{
	uint64_t h = (key ^ m->salt) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return (size_t)(h ^ h >> 32) & m->mask;
}

/* The slot that has the key, or the free one where it would go. */
static struct map_slot *slot_of(const struct map *m, uint64_t key)
{
	size_t i = place(m, key);
	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

static err_t grow(struct map *m)
{
	size_t old_size = m->slots ? m->mask + 1 : 0, size = old_size ? old_size * 2 : FIRST_SLOTS;
	struct map_slot *old = m->slots, *slots = calloc(size, sizeof *slots);
	if (!slots)
		return E_NOMEM;
	if (!m->salt)
		random_fill(&m->salt, sizeof m->salt);
	m->slots = slots;
	m->mask = size - 1;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].value)
			*slot_of(m, old[i].key) = old[i];
	free(old);
	return OK;
}

err_t map_set(struct map *m, uint64_t key, uint32_t value)
{
	if (!m->slots || m->count * 2 > m->mask)
		TRY(grow(m));
	struct map_slot *s = slot_of(m, key);
	if (!s->value)
		m->count++;
	s->key = key;
	s->value = value + 1;
	return OK;
}

void map_replace(struct map *m, uint64_t key, uint32_t value)
{
	slot_of(m, key)->value = value + 1;
}

bool map_get(const struct map *m, uint64_t key, uint32_t *ret_value)
{
	if (!m->slots)
		return false;
	const struct map_slot *s = slot_of(m, key);
	if (!s->value)
		return false;
	*ret_value = s->value - 1;
	return true;
}

void map_remove(struct map *m, uint64_t key)
{
	if (!m->slots)
		return;
	size_t hole = (size_t)(slot_of(m, key) - m->slots);
	if (!m->slots[hole].value)
		return;
	m->count--;
	/* Those behind the hole that would no longer be found move up into it. */
	for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
		size_t home = place(m, m->slots[i].key);
		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){ 0 };
}

void map_clear(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

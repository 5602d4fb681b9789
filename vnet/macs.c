/* SPDX-License-Identifier: Apache-2.0
 * macs.c - which way a MAC address is that no member was introduced with
 */
#include "macs.h"

static void forget(struct macs *m, size_t i)
{
	map_remove(&m->by_mac, m->entries[i].mac);
	m->entries[i] = m->entries[--m->count];
	if (i < m->count)
		map_replace(&m->by_mac, m->entries[i].mac, (uint32_t)i);
}

static size_t count_of(const struct macs *m, const void *owner)
{
	size_t n = 0;
	for (size_t i = 0; i < m->count; i++)
		n += m->entries[i].owner == owner;
	return n;
}

static void age(struct macs *m, mono_time now)
{
	for (size_t i = m->count; i-- > 0;)
		if (now.us - m->entries[i].seen_us >= MACS_AGE_US)
			forget(m, i);
}

static bool make_room(struct macs *m, const void *owner, mono_time now)
{
	age(m, now);
	if (m->count == MACS_MAX || count_of(m, owner) >= MACS_PER_OWNER)
		return false;
	if (m->count < m->size)
		return true;
	size_t size = m->size ? m->size * 2 : 16;
	struct mac_entry *entries = realloc(m->entries, size * sizeof *entries);
	if (!entries)
		return false;
	m->entries = entries;
	m->size = size;
	return true;
}

static bool may_move(struct macs *m, const void *owner, mono_time now)
{
	return count_of(m, owner) < MACS_PER_OWNER && bucket_take(&m->moves, MACS_MOVES, MACS_MOVES, now);
}

bool macs_learn(struct macs *m, uint64_t mac, const void *owner, mono_time now)
{
	uint32_t at;
	if (map_get(&m->by_mac, mac, &at)) {
		struct mac_entry *e = &m->entries[at];
		if (e->owner != owner && !may_move(m, owner, now))
			return false;
		e->owner = owner;
		e->seen_us = now.us;
		return true;
	}
	if (!make_room(m, owner, now) || map_set(&m->by_mac, mac, (uint32_t)m->count) != OK)
		return false;
	m->entries[m->count++] = (struct mac_entry){ .mac = mac, .owner = owner, .seen_us = now.us };
	return true;
}

const void *macs_owner(const struct macs *m, uint64_t mac, mono_time now)
{
	uint32_t at;
	if (!map_get(&m->by_mac, mac, &at) || now.us - m->entries[at].seen_us >= MACS_AGE_US)
		return NULL;
	return m->entries[at].owner;
}

void macs_clear(struct macs *m)
{
	free(m->entries);
	map_clear(&m->by_mac);
	*m = (struct macs){ 0 };
}

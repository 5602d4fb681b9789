/* SPDX-License-Identifier: Apache-2.0
 * allot.c - how much each peer may send us, where our line takes less than they send
 */
#include "allot.h"

#include "peer.h"

static void begin(struct allot *a, struct mesh *m, mono_time now)
{
	a->since_us = now.us;
	for (size_t i = 0; i < m->count; i++)
		m->peers[i]->came_bytes = 0;
}

void allot_came(struct allot *a, struct mesh *m, struct peer *p, size_t line_bytes, bool over, mono_time now)
{
	if (over && !a->since_us)
		begin(a, m, now);
	p->came_bytes += line_bytes;
}

uint64_t allot_part(const uint64_t *sent_bytes_s, size_t count, uint64_t bytes_s)
{
	uint64_t part = 0, before;
	do {
		uint64_t little = 0, many = 0;
		before = part;
		for (size_t i = 0; i < count; i++) {
			bool much = sent_bytes_s[i] && sent_bytes_s[i] >= part / 2;
			many += much;
			little += much ? 0 : sent_bytes_s[i];
		}
		part = many ? (bytes_s - little) / many : 0;
	} while (part > before);
	return part;
}

void allot_tick(struct allot *a, struct mesh *m, int64_t bytes_s, mono_time now)
{
	uint64_t sent_bytes_s[VNET_MAX_PEERS] = { 0 };
	int64_t us = now.us - a->since_us;
	if (!a->since_us || us < ALLOT_US)
		return;
	for (size_t i = 0; i < m->count; i++)
		sent_bytes_s[i] = m->peers[i]->came_bytes * SECOND_US / (uint64_t)us;
	uint64_t part = allot_part(sent_bytes_s, m->count, (uint64_t)bytes_s);
	for (size_t i = 0; part && i < m->count; i++)
		if (sent_bytes_s[i] >= part / 2)
			peer_tell_rate(m->peers[i], part, now);
	begin(a, m, now);
	if (!part)
		a->since_us = 0;
}

void allot_forget(struct allot *a, struct mesh *m, mono_time now)
{
	for (size_t i = 0; a->since_us && i < m->count; i++)
		if (m->peers[i]->came_bytes)
			peer_tell_rate(m->peers[i], 0, now);
	a->since_us = 0;
}

int64_t allot_due_us(const struct allot *a)
{
	return a->since_us ? a->since_us + ALLOT_US : INT64_MAX;
}

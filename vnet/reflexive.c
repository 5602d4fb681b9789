/* SPDX-License-Identifier: Apache-2.0
 * reflexive.c - asking STUN servers, from the socket that the peers' packets come to
 *
 * How it works: each server is a transaction that is repeated after 0.5, 1, 2, ... s until it is answered (RFC 8489 section 6.2.1)
 * and begun anew after 20 to 26 s, which also keeps the NAT's mapping open. A server that stays silent is asked again all the
 * same, for ever; what it said before is forgotten then. An answer counts only from the address that was asked and with
 * the 96 random bits of the request. Two servers that see the same address speak of a NAT that maps independently of the
 * destination (RFC 4787 section 4.1): peers reach us there too.
 */
#include "crypto.h"
#include "reflexive.h"

void reflexive_init(struct reflexive *r, const struct address *servers, size_t count, mono_time now)
{
	*r = (struct reflexive){ 0 };
	for (size_t i = 0; i < count && r->count < VNET_MAX_STUN_SERVERS; i++) {
		if (!address_is_unicast(&servers[i]))
			continue;
		r->servers[r->count++] = (struct reflexive_server){ .server = servers[i], .rtt_us = -1, .next_us = now.us };
	}
}

void reflexive_wake(struct reflexive *r, mono_time now)
{
	for (size_t i = 0; i < r->count; i++) {
		r->servers[i].tries = 0;
		r->servers[i].next_us = now.us;
	}
}

static int64_t spread_us(void)
{
	uint32_t x;
	random_fill(&x, sizeof x);
	return REFLEXIVE_AGAIN_US + x % REFLEXIVE_SPREAD_US;
}

bool reflexive_next(struct reflexive *r, mono_time now, uint8_t *packet, size_t *ret_len, struct address *ret_to)
{
	for (size_t i = 0; i < r->count; i++) {
		struct reflexive_server *s = &r->servers[i];
		if (now.us < s->next_us)
			continue;
		if (s->tries == REFLEXIVE_TRIES) {
			s->mapped = (struct address){ 0 };
			s->silent = true;
			s->tries = 0;
			s->next_us = now.us + spread_us();
			continue;
		}
		if (s->tries == 0)
			random_fill(&s->id, sizeof s->id);
		s->next_us = now.us + (REFLEXIVE_RTO_US << s->tries);
		s->tries++;
		s->sent_us = now.us;
		*ret_len = stun_put_request(s->id, packet);
		*ret_to = s->server;
		return true;
	}
	return false;
}

int64_t reflexive_due_us(const struct reflexive *r)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < r->count; i++)
		if (r->servers[i].next_us < due)
			due = r->servers[i].next_us;
	return due;
}

bool reflexive_take(struct reflexive *r, const uint8_t *packet, size_t len, const struct address *from, mono_time now,
		    bool *ret_changed)
{
	struct stun_message m;
	if (stun_get(packet, len, &m) != OK || m.kind != STUN_ANSWER)
		return false;
	for (size_t i = 0; i < r->count; i++) {
		struct reflexive_server *s = &r->servers[i];
		if (!s->tries || memcmp(s->id.bytes, m.id.bytes, sizeof m.id.bytes) || !address_equal(&s->server, from))
			continue;
		*ret_changed = !address_equal(&s->mapped, &m.mapped);
		s->mapped = m.mapped;
		s->silent = false;
		if (s->tries == 1 || s->rtt_us < 0) /* which of several it answers is not known */
			s->rtt_us = now.us - s->sent_us;
		s->tries = 0;
		s->next_us = now.us + spread_us();
		return true;
	}
	return false;
}

size_t reflexive_addresses(const struct reflexive *r, struct address addresses[VNET_MAX_STUN_SERVERS])
{
	size_t n = 0;
	for (size_t i = 0; i < r->count; i++) {
		bool is_new = r->servers[i].mapped.port != 0;
		for (size_t k = 0; k < n && is_new; k++)
			is_new = !address_equal(&addresses[k], &r->servers[i].mapped);
		if (is_new)
			addresses[n++] = r->servers[i].mapped;
	}
	return n;
}

bool reflexive_is_silent(const struct reflexive *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->servers[i].silent)
			return false;
	return r->count > 0;
}

enum vnet_mapping reflexive_mapping(const struct reflexive *r)
{
	const struct reflexive_server *first = NULL;
	bool compared = false;
	for (size_t i = 0; i < r->count; i++) {
		const struct reflexive_server *s = &r->servers[i];
		/* IPv6 is mapped by hardly anybody, and has an address of its own. */
		if (!s->mapped.port || !address_is_v4(&s->mapped))
			continue;
		if (first && !address_equal(&first->mapped, &s->mapped))
			return VNET_MAPPING_DEPENDENT;
		compared |= first && !address_equal(&first->server, &s->server);
		first = first ? first : s;
	}
	return compared ? VNET_MAPPING_INDEPENDENT : VNET_MAPPING_UNKNOWN;
}

/* SPDX-License-Identifier: Apache-2.0
 * pings.c - pings that a user asked for: what went out, and what came back
 */
#include "crypto.h"
#include "pings.h"

uint64_t pings_sent(struct pings *s, const struct path *path, mono_time now)
{
	unsigned i = s->next++ % PINGS_KEPT;
	uint64_t token = 0;
	while (token == 0) {
		random_fill(&token, sizeof token);
		token >>= 1; /* JSON's integers are signed */
	}
	s->kept[i].token = token;
	s->kept[i].sent_us = now.us;
	s->kept[i].to = path->to;
	s->kept[i].result = (struct vnet_ping){ .path = path->kind == VNET_RELAYED ? VNET_PATH_RELAYED : VNET_PATH_DIRECT,
						.relay_tls = path->tls,
						.rtt_us = -1 };
	address_format(&path->to, s->kept[i].result.address);
	return token;
}

bool pings_answered(struct pings *s, uint64_t token, mono_time now)
{
	for (int i = 0; i < PINGS_KEPT; i++) {
		if (!token || s->kept[i].token != token || s->kept[i].result.rtt_us >= 0)
			continue;
		s->kept[i].result.rtt_us = now.us - s->kept[i].sent_us;
		return true;
	}
	return false;
}

err_t pings_result(const struct pings *s, uint64_t token, struct vnet_ping *ret_result, struct address *ret_to)
{
	for (int i = 0; i < PINGS_KEPT; i++) {
		if (!token || s->kept[i].token != token)
			continue;
		*ret_result = s->kept[i].result;
		*ret_to = s->kept[i].to;
		return OK;
	}
	return E_NOT_FOUND;
}

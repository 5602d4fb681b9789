/* SPDX-License-Identifier: Apache-2.0
 * relay_client.c - being bound at one relay
 *
 * How it works: BIND is repeated until CHALLENGE and then BOUND come back; each answer must bring the BIND's random nonce. Once bound,
 * KEEP goes out each 15 s and keeps the NAT's mapping open; when three of them, a second apart, go unanswered, or when the relay
 * says UNBOUND to our session (it was started anew, or our NAT was), we bind ourselves again.
 *
 * binding --BOUND--> bound --UNBOUND, silence--> binding
 */
#include "bytes.h"
#include "crypto.h"
#include "relay_client.h"

static void bind_anew(struct relay_client *c, mono_time now)
{
	c->binding = true;
	c->tries = 0;
	c->next_us = now.us;
	do
		random_fill(&c->nonce, sizeof c->nonce);
	while (c->nonce == 0);
}

void relay_client_init(struct relay_client *c, const struct address *relay, const uint8_t ticket[RELAY_TICKET_BYTES],
		       mono_time now)
{
	*c = (struct relay_client){ .address = *relay };
	memcpy(c->ticket, ticket, sizeof c->ticket);
	bind_anew(c, now);
}

void relay_client_wake(struct relay_client *c, mono_time now)
{
	bind_anew(c, now);
}

bool relay_client_next(struct relay_client *c, mono_time now, uint8_t *packet, size_t *ret_len)
{
	if (now.us < c->next_us)
		return false;
	if (!c->binding && c->tries == RELAY_KEEP_TRIES)
		bind_anew(c, now);
	if (c->binding) {
		struct relay_packet p = { .kind = RELAY_BIND, .session = c->nonce, .cookie = c->cookie, .ticket = c->ticket };
		int64_t wait = RELAY_RETRY_US << c->tries;
		*ret_len = relay_put(&p, packet);
		c->next_us = now.us + (wait < RELAY_RETRY_MAX_US ? wait : RELAY_RETRY_MAX_US);
		c->tries += c->tries < 8;
		return true;
	}
	*ret_len = relay_put(&(struct relay_packet){ .kind = RELAY_KEEP, .session = c->session }, packet);
	c->next_us = now.us + RELAY_KEEP_RETRY_US;
	c->tries++;
	return true;
}

static enum relay_event take_answer(struct relay_client *c, const struct relay_packet *p, mono_time now)
{
	if (!c->binding || p->session != c->nonce)
		return RELAY_STRANGE;
	if (p->kind == RELAY_CHALLENGE) {
		/* The same cookie again did not help: then it is not asked for at once, lest two of us talk without end. */
		if (memcmp(c->cookie, p->cookie, sizeof c->cookie) != 0)
			c->next_us = now.us;
		memcpy(c->cookie, p->cookie, sizeof c->cookie);
		return RELAY_NOTHING;
	}
	c->binding = false;
	c->session = p->bound;
	c->tries = 0;
	c->next_us = now.us + RELAY_KEEP_US;
	return RELAY_CAME_UP;
}

enum relay_event relay_client_take(struct relay_client *c, const uint8_t *packet, size_t len, mono_time now)
{
	struct relay_packet p;
	if (relay_get(packet, len, &p) != OK)
		return RELAY_STRANGE;
	if (p.kind == RELAY_CHALLENGE || p.kind == RELAY_BOUND)
		return take_answer(c, &p, now);
	if (p.kind == RELAY_BIND || p.session != c->session || c->session == 0)
		return RELAY_STRANGE;
	if (p.kind == RELAY_UNBOUND) {
		c->session = 0;
		if (!c->binding)
			bind_anew(c, now);
		return RELAY_NOTHING;
	}
	if (p.kind == RELAY_KEEP && !c->binding) {
		c->tries = 0;
		c->next_us = now.us + RELAY_KEEP_US;
	}
	return p.kind == RELAY_DATA ? RELAY_PACKET : RELAY_NOTHING;
}

bool relay_client_wrap(const struct relay_client *c, struct relay_name to, uint8_t header[RELAY_HEADER_BYTES])
{
	if (c->session == 0)
		return false;
	relay_put(&(struct relay_packet){ .kind = RELAY_DATA, .name = to, .session = c->session }, header);
	return true;
}

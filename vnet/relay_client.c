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
	c->ask_only = c->challenged = false;
	c->tries = 0;
	c->next_us = now.us;
	do
		random_fill(&c->nonce, sizeof c->nonce);
	while (c->nonce == 0);
}

void relay_client_init(struct relay_client *c, const struct address *relay, const struct p256_key *key,
		       const uint8_t ticket[RELAY_TICKET_BYTES], mono_time now)
{
	*c = (struct relay_client){ .address = *relay, .key = key };
	memcpy(c->ticket, ticket, sizeof c->ticket);
	bind_anew(c, now);
}

void relay_client_wake(struct relay_client *c, mono_time now)
{
	bind_anew(c, now);
}

void relay_client_forget(struct relay_client *c, mono_time now)
{
	c->session = 0;
	c->asked_us = 0;
	bind_anew(c, now);
}

void relay_client_ask_only(struct relay_client *c, mono_time now)
{
	relay_client_forget(c, now);
	c->ask_only = true;
	c->next_us = now.us + RELAY_ASK_US;
}

void relay_client_renew(struct relay_client *c, const uint8_t ticket[RELAY_TICKET_BYTES], mono_time now)
{
	bool ask_only = c->ask_only;
	if (!memcmp(c->ticket, ticket, sizeof c->ticket))
		return;
	memcpy(c->ticket, ticket, sizeof c->ticket);
	if (!ask_only)
		bind_anew(c, now);
}

int64_t relay_client_unanswered_us(const struct relay_client *c, mono_time now)
{
	return c->asked_us ? now.us - c->asked_us : 0;
}

/* There is nothing to prove before the relay gave a cookie. */
static void prove(const struct relay_client *c, struct relay_packet *bind)
{
	static const uint8_t none[RELAY_COOKIE_BYTES];
	uint8_t text[RELAY_PROOF_TEXT_BYTES];
	if (!memcmp(c->cookie, none, sizeof none))
		return;
	relay_proof_text(bind, text);
	if (p256_sign(c->key, text, sizeof text, &bind->proof) == OK)
		bind->public = p256_public_of(c->key);
}

static size_t say_bind(struct relay_client *c, mono_time now, uint8_t *packet)
{
	struct relay_packet p = { .kind = RELAY_BIND, .session = c->nonce, .cookie = c->cookie, .ticket = c->ticket };
	int64_t wait = RELAY_RETRY_US << c->tries;
	if (c->ask_only && !c->challenged)
		memset(c->cookie, 0, sizeof c->cookie);
	c->next_us = now.us + (wait < RELAY_RETRY_MAX_US ? wait : RELAY_RETRY_MAX_US);
	if (c->ask_only)
		c->next_us = now.us + (c->challenged ? RELAY_RETRY_MAX_US : RELAY_ASK_US);
	c->challenged = false;
	c->tries += c->tries < 8;
	prove(c, &p);
	return relay_put(&p, packet);
}

bool relay_client_next(struct relay_client *c, mono_time now, uint8_t *packet, size_t *ret_len)
{
	if (now.us < c->next_us)
		return false;
	if (!c->binding && c->tries == RELAY_KEEP_TRIES)
		bind_anew(c, now);
	if (!c->asked_us)
		c->asked_us = now.us;
	if (c->binding) {
		*ret_len = say_bind(c, now, packet);
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
	c->asked_us = 0;
	if (p->kind == RELAY_CHALLENGE) {
		c->challenged = true;
		/* The same cookie again did not help: then it is not asked for at once, lest two of us talk without end. */
		if (memcmp(c->cookie, p->cookie, sizeof c->cookie) != 0)
			c->next_us = now.us;
		memcpy(c->cookie, p->cookie, sizeof c->cookie);
		return RELAY_NOTHING;
	}
	c->binding = c->ask_only = false;
	c->heard_us = now.us;
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
	c->heard_us = now.us;
	if (p.kind == RELAY_UNBOUND) {
		c->session = 0;
		if (!c->binding)
			bind_anew(c, now);
		return RELAY_NOTHING;
	}
	if (p.kind == RELAY_KEEP && !c->binding) {
		c->tries = 0;
		c->asked_us = 0;
		c->next_us = now.us + RELAY_KEEP_US;
	}
	return p.kind == RELAY_DATA ? RELAY_PACKET : RELAY_NOTHING;
}

bool relay_client_wrap(struct relay_client *c, struct relay_name to, uint8_t header[RELAY_HEADER_BYTES], mono_time now)
{
	if (c->session == 0)
		return false;
	if (!c->binding && c->tries == 0 && now.us - c->heard_us > RELAY_SILENT_US)
		c->next_us = now.us;
	relay_put(&(struct relay_packet){ .kind = RELAY_DATA, .name = to, .session = c->session }, header);
	return true;
}

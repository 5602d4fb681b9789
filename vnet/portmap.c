/* SPDX-License-Identifier: Apache-2.0
 * portmap.c - asking the gateways for a port that leads to us
 *
 * How it works: each gateway is asked by PCP for a MAP of our UDP port. If it says that it speaks another version, or nothing at all,
 * it is asked by NAT-PMP: first for its address outside, then for the port. Whoever maps nothing is asked again after
 * PORTMAP_AGAIN_US, and the first protocol is PCP again. A mapping is renewed at half of its lifetime; PCP knows it again by
 * its nonce.
 *
 * A gateway that lost its mappings shows it by a clock that does not go on as ours does (the epoch, RFC 6887 section 8.5, RFC 6886
 * section 3.6), in any answer of its: then it is asked at once. A PCP gateway may also speak unasked, when its address outside
 * changed; that counts if it brings our nonce. An answer counts only from the address that was asked.
 *
 * PCP --version 0, silence--> PMP_ADDRESS --> PMP_PORT --half of the lifetime--> PMP_ADDRESS
 *  ^                               |              |
 *  +------ silence, refused -------+--------------+
 */
#include "bytes.h"
#include "crypto.h"
#include "portmap.h"

#define PCP_VERSION 2
#define PCP_ANNOUNCE 0
#define PCP_MAP 1
#define PCP_RESPONSE 0x80
#define PCP_HEADER_BYTES 24
#define PCP_MAP_BYTES 36
#define PMP_VERSION 0
#define PMP_ADDRESS 0
#define PMP_UDP 1
#define PMP_RESPONSE 128
#define PROTOCOL_UDP 17
#define SUCCESS 0
#define UNSUPPORTED_VERSION 1
#define LONGEST_S 86400 /* RFC 6887 section 15 */

void portmap_init(struct portmap *m, uint16_t port)
{
	*m = (struct portmap){ .port = port };
}

static bool is_same(const struct address *a, const struct address *b)
{
	return address_equal(a, b) && !memcmp(a->ours, b->ours, sizeof a->ours);
}

void portmap_set(struct portmap *m, const struct address *gateways, size_t count, mono_time now)
{
	struct portmap old = *m;
	m->count = 0;
	for (size_t i = 0; i < count && i < GATEWAY_MAX; i++) {
		struct portmap_gateway *g = &m->gateways[m->count++];
		*g = (struct portmap_gateway){ .gateway = gateways[i], .next_us = now.us };
		random_fill(g->nonce, sizeof g->nonce);
		for (size_t k = 0; k < old.count; k++)
			if (is_same(&old.gateways[k].gateway, &gateways[i]))
				*g = old.gateways[k];
	}
}

/* Begins anew, with PCP where the gateway does not speak NAT-PMP. */
static void ask_at(struct portmap_gateway *g, int64_t at_us)
{
	g->tries = 0;
	g->next_us = at_us;
	if (g->step == PORTMAP_PMP_PORT)
		g->step = PORTMAP_PMP_ADDRESS;
}

void portmap_wake(struct portmap *m, mono_time now)
{
	for (size_t i = 0; i < m->count; i++)
		ask_at(&m->gateways[i], now.us);
}

/* ---- out ---- */
static size_t put_map(const struct portmap *m, const struct portmap_gateway *g, uint32_t lifetime_s, uint8_t *packet)
{
	struct writer w = writer_of(packet, PORTMAP_REQUEST_BYTES);
	struct address suggested = g->mapped;
	if (!suggested.port && address_is_v4(&g->gateway))
		suggested.ip[10] = suggested.ip[11] = 0xff; /* none: zeros of our family (RFC 6887 section 11.1) */
	write_u8(&w, PCP_VERSION);
	write_u8(&w, PCP_MAP);
	write_u16(&w, 0);
	write_u32(&w, lifetime_s);
	write_bytes(&w, g->gateway.ours, sizeof g->gateway.ours);
	write_bytes(&w, g->nonce, sizeof g->nonce);
	write_u32(&w, (uint32_t)PROTOCOL_UDP << 24);
	write_u16(&w, m->port);
	write_u16(&w, suggested.port ? suggested.port : m->port);
	write_bytes(&w, suggested.ip, sizeof suggested.ip);
	return writer_len(&w);
}

static size_t put_pmp_address(uint8_t *packet)
{
	packet[0] = PMP_VERSION;
	packet[1] = PMP_ADDRESS;
	return 2;
}

static size_t put_pmp_port(const struct portmap *m, const struct portmap_gateway *g, uint32_t lifetime_s, uint8_t *packet)
{
	struct writer w = writer_of(packet, PORTMAP_REQUEST_BYTES);
	uint16_t suggested = g->mapped.port ? g->mapped.port : m->port;
	write_u8(&w, PMP_VERSION);
	write_u8(&w, PMP_UDP);
	write_u16(&w, 0);
	write_u16(&w, m->port);
	write_u16(&w, lifetime_s ? suggested : 0); /* section 3.4: 0 with a lifetime of 0 */
	write_u32(&w, lifetime_s);
	return writer_len(&w);
}

/* Nobody answered. NAT-PMP is IPv4's only. */
static void give_up(struct portmap_gateway *g, mono_time now)
{
	bool pmp_is_next = g->step == PORTMAP_PCP && address_is_v4(&g->gateway);
	if (g->mapped.port) {
		int64_t wait = (g->expires_us - now.us) / 4;
		ask_at(g, now.us + (wait > PORTMAP_SHORTEST_US ? wait : PORTMAP_SHORTEST_US));
		return;
	}
	g->step = pmp_is_next ? PORTMAP_PMP_ADDRESS : PORTMAP_PCP;
	ask_at(g, pmp_is_next ? now.us : now.us + PORTMAP_AGAIN_US);
}

static int64_t wait_us(const struct portmap_gateway *g)
{
	int64_t first = g->step == PORTMAP_PCP ? PORTMAP_PCP_RTO_US : PORTMAP_PMP_RTO_US;
	uint32_t x;
	random_fill(&x, sizeof x);
	return (first << g->tries) * (90 + x % 21) / 100; /* RFC 6887 section 8.1.1: RAND */
}

bool portmap_next(struct portmap *m, mono_time now, uint8_t *packet, size_t *ret_len, struct address *ret_to)
{
	for (size_t i = 0; i < m->count; i++) {
		struct portmap_gateway *g = &m->gateways[i];
		if (g->mapped.port && now.us >= g->expires_us)
			g->mapped = (struct address){ 0 };
		if (now.us < g->next_us)
			continue;
		if (g->tries == (g->step == PORTMAP_PCP ? PORTMAP_PCP_TRIES : PORTMAP_PMP_TRIES)) {
			give_up(g, now);
			if (g->next_us > now.us)
				continue;
		}
		g->next_us = now.us + wait_us(g);
		g->tries++;
		*ret_to = g->gateway;
		*ret_len = g->step == PORTMAP_PCP	    ? put_map(m, g, PORTMAP_LIFETIME_S, packet)
			   : g->step == PORTMAP_PMP_ADDRESS ? put_pmp_address(packet)
							    : put_pmp_port(m, g, PORTMAP_LIFETIME_S, packet);
		return true;
	}
	return false;
}

int64_t portmap_due_us(const struct portmap *m)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < m->count; i++)
		if (m->gateways[i].next_us < due)
			due = m->gateways[i].next_us;
	return due;
}

bool portmap_end(struct portmap *m, uint8_t *packet, size_t *ret_len, struct address *ret_to)
{
	while (m->count > 0) {
		const struct portmap_gateway *g = &m->gateways[--m->count];
		if (!g->mapped.port)
			continue;
		*ret_to = g->gateway;
		*ret_len = g->step == PORTMAP_PCP ? put_map(m, g, 0, packet) : put_pmp_port(m, g, 0, packet);
		return true;
	}
	return false;
}

/* ---- in ---- */
/* Does the gateway's clock not go on as ours does? Then it has forgotten what it mapped (RFC 6887 section 8.5). */
static bool has_restarted(struct portmap_gateway *g, uint32_t epoch_s, mono_time now)
{
	int64_t ours = (now.us - g->epoch_us) / SECOND_US, theirs = (int64_t)epoch_s - g->epoch_s;
	bool known = g->epoch_us != 0;
	g->epoch_s = epoch_s;
	g->epoch_us = now.us;
	return known && (theirs < -1 || ours + 2 < theirs - theirs / 16 || theirs + 2 < ours - ours / 16);
}

static int64_t clamp_us(uint32_t seconds, int64_t low_us, int64_t high_us)
{
	int64_t us = seconds * SECOND_US;
	return us < low_us ? low_us : us > high_us ? high_us : us;
}

static void mapped(struct portmap_gateway *g, const struct address *where, uint32_t lifetime_s, mono_time now, bool *ret_changed)
{
	int64_t life_us = clamp_us(lifetime_s, 2 * PORTMAP_SHORTEST_US, LONGEST_S * SECOND_US);
	*ret_changed = !address_equal(&g->mapped, where);
	g->mapped = *where;
	g->expires_us = now.us + life_us;
	ask_at(g, now.us + life_us / 2);
}

static void refused(struct portmap_gateway *g, uint32_t lifetime_s, mono_time now, bool *ret_changed)
{
	*ret_changed = g->mapped.port != 0;
	g->mapped = (struct address){ 0 };
	g->step = PORTMAP_PCP;
	ask_at(g, now.us + clamp_us(lifetime_s, PORTMAP_SHORTEST_US, PORTMAP_AGAIN_US));
}

/* RFC 6887 sections 7.2 and 11.1. */
static bool take_pcp(struct portmap *m, struct portmap_gateway *g, const uint8_t *packet, size_t len, mono_time now,
		     bool *ret_changed)
{
	struct reader r = reader_of(packet, len);
	struct address where = { 0 };
	uint8_t nonce[PORTMAP_NONCE_BYTES];
	read_u8(&r);
	uint8_t opcode = read_u8(&r);
	read_u8(&r);
	uint8_t result = read_u8(&r);
	uint32_t lifetime_s = read_u32(&r), epoch_s = read_u32(&r);
	read_bytes(&r, 12);
	if (r.bad || len % 4 || (opcode != (PCP_RESPONSE | PCP_MAP) && opcode != (PCP_RESPONSE | PCP_ANNOUNCE)))
		return false;
	if (opcode == (PCP_RESPONSE | PCP_ANNOUNCE)) {
		if (result == SUCCESS && g->mapped.port && has_restarted(g, epoch_s, now))
			ask_at(g, now.us);
		return true;
	}
	read_copy(&r, nonce, sizeof nonce);
	uint8_t protocol = read_u8(&r);
	read_bytes(&r, 3);
	uint16_t port = read_u16(&r);
	where.port = read_u16(&r);
	read_copy(&r, where.ip, sizeof where.ip);
	if (r.bad || memcmp(nonce, g->nonce, sizeof nonce) || protocol != PROTOCOL_UDP || port != m->port ||
	    g->step != PORTMAP_PCP)
		return false;
	(void)has_restarted(g, epoch_s, now); /* this answer is about the mapping itself, whichever life it has it from */
	if (result != SUCCESS)
		refused(g, lifetime_s, now, ret_changed);
	else if (lifetime_s > 0 && address_is_unicast(&where))
		mapped(g, &where, lifetime_s, now, ret_changed);
	else
		return false;
	return true;
}

/* RFC 6886 sections 3.2, 3.3 and 3.5. */
static bool take_pmp(struct portmap *m, struct portmap_gateway *g, const uint8_t *packet, size_t len, mono_time now,
		     bool *ret_changed)
{
	struct reader r = reader_of(packet, len);
	read_u8(&r);
	uint8_t opcode = read_u8(&r);
	uint16_t result = read_u16(&r);
	if (r.bad || g->tries == 0)
		return false;
	if (g->step == PORTMAP_PCP) {
		/* It does not know PCP: what it answers is laid out as NAT-PMP whatever the opcode (RFC 6886 section 3.5). */
		if (result != UNSUPPORTED_VERSION || !address_is_v4(&g->gateway) || opcode < PMP_RESPONSE)
			return false;
		g->mapped = (struct address){ 0 };
		g->step = PORTMAP_PMP_ADDRESS;
		ask_at(g, now.us);
		return true;
	}
	uint32_t epoch_s = read_u32(&r);
	if (opcode != PMP_RESPONSE + (g->step == PORTMAP_PMP_ADDRESS ? PMP_ADDRESS : PMP_UDP))
		return false;
	if (result != SUCCESS) {
		refused(g, UINT32_MAX, now, ret_changed);
		return true;
	}
	if (g->step == PORTMAP_PMP_ADDRESS) {
		struct address a = { .ip = { [10] = 0xff, [11] = 0xff }, .port = m->port };
		read_copy(&r, a.ip + 12, 4);
		if (r.bad || !address_is_unicast(&a))
			return false;
		(void)has_restarted(g, epoch_s, now);
		g->outside = a;
		g->step = PORTMAP_PMP_PORT;
		g->tries = 0;
		g->next_us = now.us;
		return true;
	}
	uint16_t port = read_u16(&r);
	struct address where = g->outside;
	where.port = read_u16(&r);
	uint32_t lifetime_s = read_u32(&r);
	if (r.bad || port != m->port || lifetime_s == 0 || where.port == 0)
		return false;
	mapped(g, &where, lifetime_s, now, ret_changed);
	if (has_restarted(g, epoch_s, now))
		ask_at(g, now.us); /* between our two questions */
	return true;
}

bool portmap_take(struct portmap *m, const uint8_t *packet, size_t len, const struct address *from, mono_time now,
		  bool *ret_changed)
{
	*ret_changed = false;
	if (len > PORTMAP_MAX_BYTES)
		return false;
	for (size_t i = 0; i < m->count; i++) {
		struct portmap_gateway *g = &m->gateways[i];
		if (!address_equal(&g->gateway, from) || len == 0)
			continue;
		if ((packet[0] == PCP_VERSION && take_pcp(m, g, packet, len, now, ret_changed)) ||
		    (packet[0] == PMP_VERSION && take_pmp(m, g, packet, len, now, ret_changed)))
			return true;
	}
	return false;
}

size_t portmap_addresses(const struct portmap *m, struct address addresses[GATEWAY_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < m->count; i++)
		if (m->gateways[i].mapped.port)
			addresses[n++] = m->gateways[i].mapped;
	return n;
}

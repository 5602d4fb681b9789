/* SPDX-License-Identifier: Apache-2.0
 * relays.c - the relays of one endpoint: bound by UDP where that passes, else by TLS
 *
 * How it works: a relay knows one binding of a member, the last. By UDP we bind ourselves at once. When that goes unanswered for
 * RELAYS_UDP_PATIENCE_US the TLS connection is opened, and we bind ourselves there too. From then on UDP is only asked now and then: a BIND
 * without a cookie, which changes nothing, and whose CHALLENGE proves that UDP passes both ways. Then the binding goes back to UDP,
 * and the connection is closed.
 */
#include "relays.h"
#include <stdio.h>
#include "bytes.h"
#include "log.h"

err_t relays_init(struct relays *r, const struct relays_io *io, int epoll_fd, const struct vnet_config *config)
{
	*r = (struct relays){ .io = *io, .epoll_fd = epoll_fd };
	TRY(text_copy(r->login, sizeof r->login, config->proxy_login));
	if (*config->proxy)
		TRY(address_parse(config->proxy, &r->proxy));
	return p256_new(config->key_pem, &r->key);
}

static void relay_close(struct relay *k, mono_time now)
{
	if (k->has_tls)
		relay_tls_close(&k->line, now);
}

void relays_clear(struct relays *r, mono_time now)
{
	for (size_t i = 0; i < r->count; i++)
		relay_close(&r->relay[i], now);
	SSL_CTX_free(r->context);
	p256_free(r->key);
	*r = (struct relays){ .epoll_fd = -1 };
}

/* ---- which ones ---- */
struct wanted {
	struct address udp, tls; /* tls.port 0: none */
	sha256 pin;
};

static err_t wanted_of(const struct vnet_relay *relay, struct wanted *ret)
{
	struct wanted w = { .pin = relay->tls_pin };
	TRY(address_parse(relay->address, &w.udp));
	if (*relay->tls_address)
		TRY(address_parse(relay->tls_address, &w.tls));
	if (!address_is_unicast(&w.udp) || (w.tls.port && !address_is_unicast(&w.tls)))
		return E_INVALID;
	*ret = w;
	return OK;
}

static bool is_same(const struct relay *k, const struct wanted *w)
{
	if (!address_equal(&k->udp.address, &w->udp) || k->has_tls != (w->tls.port != 0))
		return false;
	return !k->has_tls || (address_equal(&k->line.address, &w->tls) && sha256_equal(k->line.pin, w->pin));
}

static void relay_init(struct relays *r, size_t i, const struct wanted *w, const uint8_t *ticket, mono_time now)
{
	struct relay *k = &r->relay[i];
	*k = (struct relay){ .via = w->udp, .has_tls = w->tls.port != 0 };
	k->via.via = (uint8_t)(i + 1);
	relay_client_init(&k->udp, &w->udp, r->key, ticket, now);
	relay_client_init(&k->tls, &w->tls, r->key, ticket, now);
	if (k->has_tls)
		relay_tls_init(&k->line, r->context, r->epoll_fd, &w->tls, w->pin, &r->proxy, r->login, now);
}

err_t relays_set(struct relays *r, const struct vnet_relay *relays, size_t count, mono_time now)
{
	struct wanted wanted[VNET_MAX_RELAYS];
	if (count > VNET_MAX_RELAYS)
		return E_LIMIT;
	for (size_t i = 0; i < count; i++) {
		TRY(wanted_of(&relays[i], &wanted[i]));
		if (wanted[i].tls.port && !r->context)
			TRY(tls_client_context(&r->context));
	}
	for (size_t i = 0; i < count; i++) {
		struct relay *k = &r->relay[i];
		if (i < r->count && is_same(k, &wanted[i])) {
			relay_client_renew(&k->udp, relays[i].ticket, now);
			relay_client_renew(&k->tls, relays[i].ticket, now);
			continue;
		}
		if (i < r->count)
			relay_close(k, now);
		relay_init(r, i, &wanted[i], relays[i].ticket, now);
	}
	for (size_t i = count; i < r->count; i++)
		relay_close(&r->relay[i], now);
	r->count = count;
	return OK;
}

size_t relays_vias(const struct relays *r, struct address *ret_vias)
{
	for (size_t i = 0; i < r->count; i++)
		ret_vias[i] = r->relay[i].via;
	return r->count;
}

void relays_wake(struct relays *r, mono_time now)
{
	for (size_t i = 0; i < r->count; i++) {
		struct relay *k = &r->relay[i];
		relay_client_wake(&k->udp, now);
		if (k->has_tls) {
			relay_client_wake(&k->tls, now);
			relay_tls_close(&k->line, now);
		}
	}
}

static struct relay *relay_of(struct relays *r, const struct address *via)
{
	return via->via > 0 && via->via <= r->count ? &r->relay[via->via - 1] : NULL;
}

const struct address *relays_address(const struct relays *r, const struct address *via)
{
	if (via->via == 0 || via->via > r->count)
		return via;
	const struct relay *k = &r->relay[via->via - 1];
	return k->by_tls ? &k->line.address : &k->udp.address;
}

/* ---- in ---- */
static void say(const struct relays *r, const struct relay *k, const char *what)
{
	char line[160], text[ADDRESS_TEXT_SIZE];
	snprintf(line, sizeof line, "%s relay=%s", what, address_format(&k->udp.address, text));
	r->io.log(r->io.context, LOG_INFO, line);
}

static void came_up(struct relays *r, struct relay *k, bool tls, mono_time now)
{
	k->by_tls = tls;
	if (tls) {
		k->line.failures = 0;
		relay_client_ask_only(&k->udp, now);
	} else {
		relay_close(k, now);
		relay_client_forget(&k->tls, now);
	}
	say(r, k, tls ? "bound at the relay by TLS" : "bound at the relay");
	r->io.up(r->io.context, &k->via, tls);
}

static bool take(struct relays *r, struct relay *k, bool tls, uint8_t *packet, size_t len, mono_time now)
{
	switch (relay_client_take(tls ? &k->tls : &k->udp, packet, len, now)) {
	case RELAY_NOTHING:
		return true;
	case RELAY_CAME_UP:
		came_up(r, k, tls, now);
		return true;
	case RELAY_PACKET:
		r->io.packet(r->io.context, packet + RELAY_HEADER_BYTES, len - RELAY_HEADER_BYTES, &k->via);
		return true;
	case RELAY_STRANGE:
		break;
	}
	return false;
}

bool relays_take(struct relays *r, uint8_t *packet, size_t len, const struct address *from, mono_time now)
{
	for (size_t i = 0; i < r->count; i++)
		if (address_equal(&r->relay[i].udp.address, from) && take(r, &r->relay[i], false, packet, len, now))
			return true;
	return false;
}

struct turn {
	struct relays *relays;
	struct relay *relay;
	mono_time now;
};

static void packet_by_tls(void *context, uint8_t *packet, size_t len)
{
	const struct turn *t = context;
	if (!packet)
		t->relays->io.gone(t->relays->io.context);
	else
		(void)take(t->relays, t->relay, true, packet, len, t->now);
}

bool relays_ready(struct relays *r, int fd, mono_time now)
{
	for (size_t i = 0; i < r->count; i++) {
		struct relay *k = &r->relay[i];
		if (!k->has_tls || relay_tls_fd(&k->line) != fd)
			continue;
		bool was_up = relay_tls_is_up(&k->line);
		const char *what = k->line.what;
		relay_tls_ready(&k->line, packet_by_tls, &(struct turn){ r, k, now }, now);
		if (!was_up && relay_tls_is_up(&k->line))
			relay_client_wake(&k->tls, now);
		else if (k->line.what != what && *k->line.what)
			say(r, k, k->line.what);
		return true;
	}
	return false;
}

/* ---- out ---- */
size_t relays_wrap(struct relays *r, const struct address *via, struct relay_name to, uint8_t *room, size_t len, mono_time now)
{
	struct relay *k = relay_of(r, via);
	if (!k || !relay_client_wrap(k->by_tls ? &k->tls : &k->udp, to, room, now))
		return 0;
	len += RELAY_HEADER_BYTES;
	if (!k->by_tls)
		return len;
	relay_tls_send(&k->line, room, len, room[RELAY_HEADER_BYTES] != WIRE_DATA, now);
	return 0;
}

static void tick_udp(struct relays *r, struct relay *k, mono_time now)
{
	uint8_t packet[RELAY_BIND_BYTES];
	size_t len;
	if (relay_client_next(&k->udp, now, packet, &len))
		r->io.send(r->io.context, &k->udp.address, packet, len);
}

/* TLS is wanted while UDP is silent, and kept until UDP has bound us again. */
static bool wants_tls(const struct relay *k, mono_time now)
{
	return k->by_tls || relay_client_unanswered_us(&k->udp, now) >= RELAYS_UDP_PATIENCE_US;
}

static void tick_tls(struct relay *k, mono_time now)
{
	uint8_t packet[RELAY_BIND_BYTES];
	size_t len;
	if (wants_tls(k, now))
		relay_tls_tick(&k->line, now);
	else
		relay_tls_close(&k->line, now);
	if (!relay_tls_is_up(&k->line)) {
		if (k->tls.session) {
			relay_client_forget(&k->tls, now);
			relay_client_wake(&k->udp, now);
		}
		return;
	}
	/* Up, but the relay is silent in it: a new one may do. */
	if (relay_client_unanswered_us(&k->tls, now) >= RELAY_TLS_CONNECT_US) {
		relay_tls_close(&k->line, now);
		relay_client_forget(&k->tls, now);
		return;
	}
	if (relay_client_next(&k->tls, now, packet, &len))
		relay_tls_send(&k->line, packet, len, true, now);
}

void relays_tick(struct relays *r, mono_time now)
{
	for (size_t i = 0; i < r->count; i++) {
		tick_udp(r, &r->relay[i], now);
		if (r->relay[i].has_tls)
			tick_tls(&r->relay[i], now);
	}
}

void relays_flush(struct relays *r, mono_time now)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->relay[i].has_tls)
			relay_tls_flush(&r->relay[i].line, now);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t relays_due_us(const struct relays *r)
{
	int64_t due = INT64_MAX;
	for (size_t i = 0; i < r->count; i++) {
		const struct relay *k = &r->relay[i];
		due = sooner(due, k->udp.next_us);
		if (!k->has_tls)
			continue;
		int64_t at = relay_tls_is_up(&k->line) ? k->tls.next_us : k->line.next_us;
		if (k->line.state == RELAY_TLS_CLOSED && !k->by_tls) {
			int64_t wanted = k->udp.asked_us ? k->udp.asked_us + RELAYS_UDP_PATIENCE_US : INT64_MAX;
			at = at > wanted ? at : wanted;
		}
		due = sooner(due, at);
	}
	return due;
}

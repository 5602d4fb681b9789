/* SPDX-License-Identifier: Apache-2.0
 * vnet.c - the endpoint: carries packets and frames between the sockets, the mesh of peers and the ethernet
 *
 * How it works: vnet_run() reads a batch from UDP and one from the port in turns, hands packets to mesh.c and frames to ethernet.c,
 * which hand theirs to the queues here, and sends the queues after each turn. The caller's poll finds what is left over. While
 * UDP takes no more packets, or the rate of what goes up is used up (pace.h), the port is not read, so that our machine's own queues slow
 * it down instead of us losing frames. What comes down beyond its rate is dropped: the sender's TCP takes that for what it is, and its endpoint
 * is told (allot.h).
 */
#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "allot.h"
#include "candidates.h"
#include "ethernet.h"
#include "log.h"
#include "pace.h"
#include "peer.h"
#include "port.h"
#include "portmap.h"
#include "reflexive.h"
#include "relays.h"
#include "udp_socket.h"
#include "vnet_status.h"
#include "why.h"

#define TURNS 4 /* batches of each kind a vnet_run() */
#define WAKE_US SECOND_US
#define IDLE_US (60 * SECOND_US) /* the longest that vnet_run() is put off */

const char *const vnet_candidate_kind_names[] = { "host", "fixed", "mapped", "reflexive", "relayed" };
static_assert(sizeof vnet_candidate_kind_names / sizeof *vnet_candidate_kind_names == VNET_CANDIDATE_KIND_COUNT, "a name each");
const char *const vnet_path_names[] = { "none", "connecting", "direct", "relayed" };
static_assert(sizeof vnet_path_names / sizeof *vnet_path_names == VNET_PATH_COUNT, "a name each");
const char *const vnet_cipher_names[] = { "aes-256-gcm", "aegis-128l" };
static_assert(sizeof vnet_cipher_names / sizeof *vnet_cipher_names == VNET_CIPHER_COUNT, "a name each");
const char *const vnet_mapping_names[] = { "unknown", "independent", "dependent" };
static_assert(VNET_TICKET_BYTES == RELAY_TICKET_BYTES, "what the caller has is what the relay gets");
static_assert(VNET_LOGIN_SIZE == PROXY_LOGIN_SIZE, "credentials are copied whole");
static_assert(sizeof vnet_mapping_names / sizeof *vnet_mapping_names == VNET_MAPPING_COUNT, "a name each");

struct vnet {
	struct mesh mesh;
	struct ethernet ethernet;
	struct udp_socket udp;
	struct reflexive reflexive;
	struct portmap portmap;
	struct address fixed; /* port 0: none */
	struct relays relays;
	struct port *port;
	struct pace up, down;
	struct allot allot;
	uint64_t over;
	struct sockaddr_storage bind_address;
	void (*log)(void *context, int level, const char *line);
	void *log_context;
	int epoll_fd, watch_fd;
	int poke_fd; /* readable after vnet_set_peers(): a caller that sleeps until the old vnet_next_us() wakes up */
	vnet_watch_fn *watch_fn;
	void *watch_context;
	bool port_paused, udp_waits;
	unsigned without; /* VNET_WITHOUT_... */
	mono_time now;	  /* of the call under way */
	int64_t wake_us;  /* addresses changed: everybody is told at that time; INT64_MAX: they did not */
	int64_t woken_us;
};

/* ---- what the mesh and the ethernet ask of us ---- */
static uint8_t *packet_room(void *context, size_t len)
{
	struct vnet *v = context;
	return udp_room(&v->udp, len + RELAY_HEADER_BYTES);
}

static void packet_ready(void *context, struct peer *peer, const struct address *to, size_t len)
{
	struct vnet *v = context;
	if (to->via && len > 0) {
		/* The room has RELAY_HEADER_BYTES more than was asked for. Only relayed packets pay for the move. */
		uint8_t *packet = udp_room(&v->udp, len + RELAY_HEADER_BYTES);
		memmove(packet + RELAY_HEADER_BYTES, packet, len);
		len = relays_wrap(&v->relays, to, peer->relay_name, packet, len, v->now);
	}
	udp_send_later(&v->udp, peer, to, len, peer && !peer_takes_trains(peer));
}

static void packet_too_big(void *context, struct peer *peer, const struct address *to, size_t len)
{
	struct vnet *v = context;
	if (peer)
		mesh_too_big(&v->mesh, peer, to, to->via ? len - RELAY_HEADER_BYTES : len, v->now);
}

static uint64_t line_bytes_up(const struct vnet *v)
{
	return v->ethernet.tx_bytes + v->ethernet.tx_frames * VNET_FRAME_LINE_BYTES;
}

static uint64_t line_bytes_down(const struct vnet *v)
{
	return v->ethernet.rx_bytes + v->ethernet.rx_frames * VNET_FRAME_LINE_BYTES;
}

static void frame_from_peer(void *context, struct peer *peer, uint8_t *frame, size_t len, const struct offload *o)
{
	struct vnet *v = context;
	bool over = !pace_allows(&v->down, line_bytes_down(v), v->now);
	if (v->down.bytes_s)
		allot_came(&v->allot, &v->mesh, peer, len + VNET_FRAME_LINE_BYTES, over, v->now);
	if (over) {
		v->over++;
		peer->dropped++;
		return;
	}
	ethernet_from_peer(&v->ethernet, peer, frame, len, o, v->now);
}

static void peer_reached(void *context, struct peer *peer)
{
	struct vnet *v = context;
	ethernet_ipv6_peer_up(&v->ethernet, peer, v->now);
}

static void frame_to_port(void *context, const uint8_t *frame, size_t len, const struct offload *o)
{
	struct vnet *v = context;
	if (v->watch_fn)
		v->watch_fn(v->watch_context, false, frame, len);
	if (v->port)
		v->port->kind->write(v->port, frame, len, o);
}

static bool frame_joined(void *context, const uint8_t *frame, size_t len, const struct offload *o)
{
	struct vnet *v = context;
	return v->port && v->port->kind->join && v->port->kind->join(v->port, frame, len, o);
}

static bool frame_from_port(void *context, uint8_t *frame, size_t len, const struct offload *o)
{
	struct vnet *v = context;
	if (v->watch_fn)
		v->watch_fn(v->watch_context, true, frame, len);
	ethernet_from_port(&v->ethernet, frame, len, o, v->now);
	return udp_has_room(&v->udp) && pace_allows(&v->up, line_bytes_up(v), v->now);
}

static void log_line(void *context, int level, const char *line)
{
	struct vnet *v = context;
	if (v->log)
		v->log(v->log_context, level, line);
}

static void stun_came(struct vnet *v, const uint8_t *packet, size_t len, const struct address *from)
{
	bool changed = false;
	if (!reflexive_take(&v->reflexive, packet, len, from, v->now, &changed))
		v->mesh.strangers++;
	if (!changed)
		return;
	log_line(v, LOG_INFO, "a STUN server sees us at another address than before");
	portmap_wake(&v->portmap, v->now); /* perhaps the gateway started anew, and forgot */
	struct address seen[VNET_MAX_STUN_SERVERS];
	mesh_set_reflexive(&v->mesh, seen, reflexive_addresses(&v->reflexive, seen), v->now);
}

/* False: it is no answer of a gateway's. */
static bool gateway_came(struct vnet *v, const uint8_t *packet, size_t len, const struct address *from)
{
	bool changed;
	if (from->port != GATEWAY_PORT || !portmap_take(&v->portmap, packet, len, from, v->now, &changed))
		return false;
	if (changed)
		log_line(v, LOG_INFO, "a gateway changed the port that it maps to us");
	return true;
}

/* ---- what the relays ask of us ---- */
static void relay_send(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	struct vnet *v = context;
	memcpy(udp_room(&v->udp, len), packet, len);
	udp_send_later(&v->udp, NULL, to, len, true);
}

static void relay_packet(void *context, uint8_t *packet, size_t len, const struct address *via)
{
	struct vnet *v = context;
	mesh_input(&v->mesh, packet, len, via, v->now);
}

/* Segments wait in the packets that they came in (port.h). */
static void relay_gone(void *context)
{
	struct vnet *v = context;
	if (v->port)
		(void)v->port->kind->flush(v->port);
}

static void relay_up(void *context, const struct address *via, bool tls)
{
	struct vnet *v = context;
	mesh_relay_up(&v->mesh, via, tls, v->now);
}

static void packet_came(void *context, uint8_t *packet, size_t len, const struct address *from)
{
	struct vnet *v = context;
	if (gateway_came(v, packet, len, from))
		return;
	if (stun_is(packet, len)) {
		stun_came(v, packet, len, from);
		return;
	}
	if (len > 0 && packet[0] == WIRE_RELAY) {
		v->mesh.strangers += !relays_take(&v->relays, packet, len, from, v->now);
		return;
	}
	mesh_input(&v->mesh, packet, len, from, v->now);
}

/* ---- life ---- */
static err_t watch(struct vnet *v, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	return epoll_ctl(v->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? E_IO : OK;
}

static void set_servers(struct vnet *v, const struct vnet_config *c, mono_time now)
{
	struct address servers[VNET_MAX_STUN_SERVERS];
	size_t n = 0;
	for (size_t i = 0; i < VNET_MAX_STUN_SERVERS; i++)
		if (address_parse(c->stun_servers[i], &servers[n]) == OK)
			n++;
	reflexive_init(&v->reflexive, servers, n, now);
}

static void find_gateways(struct vnet *v)
{
	struct address gateways[GATEWAY_MAX];
	if (!(v->without & VNET_WITHOUT_PORT_MAPPING))
		portmap_set(&v->portmap, gateways, gateway_find(v->udp.family, gateways), v->now);
}

static err_t set_fixed(struct vnet *v, const struct vnet_config *c)
{
	if (!*c->fixed_address)
		return OK;
	TRY(address_parse(c->fixed_address, &v->fixed));
	return address_is_unicast(&v->fixed) ? OK : E_INVALID;
}

static err_t open_all(struct vnet *v, const struct vnet_config *c, mono_time now)
{
	struct identity *identity;
	struct mesh_io io = { .context = v,
			      .reserve = packet_room,
			      .commit = packet_ready,
			      .deliver = frame_from_peer,
			      .reached = peer_reached,
			      .log = log_line };
	struct relays_io relays_io = {
		.context = v, .send = relay_send, .packet = relay_packet, .gone = relay_gone, .up = relay_up, .log = log_line
	};
	TRY(identity_new(c->key_pem, c->cert_pem, !(v->without & VNET_WITHOUT_AEGIS_128L), &identity));
	TRY(mesh_init(&v->mesh, &c->network, c->self.id, identity, &io, now));
	TRY(ethernet_init(&v->ethernet, c, &v->mesh));
	v->ethernet.to_port = frame_to_port;
	v->ethernet.join = frame_joined;
	v->ethernet.context = v;
	v->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (v->epoll_fd < 0)
		return err_from_errno(errno);
	TRY(relays_init(&v->relays, &relays_io, v->epoll_fd, c));
	size_t datagram_bytes = v->mesh.frame_max > 1400 + FRAME_OVERHEAD_BYTES ? PATH_TOP_BYTES : 1536;
	TRY(udp_open(&v->udp, &c->bind_address, c->bind_port, datagram_bytes, v->without, packet_too_big, v));
	TRY(watch(v, v->udp.fd));
	v->poke_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->poke_fd < 0)
		return err_from_errno(errno);
	TRY(watch(v, v->poke_fd));
	set_servers(v, c, now);
	TRY(set_fixed(v, c));
	portmap_init(&v->portmap, v->udp.port);
	find_gateways(v);
	v->watch_fd = candidates_watch();
	if (v->watch_fd >= 0)
		TRY(watch(v, v->watch_fd));
	return OK;
}

static unsigned without_of(const char *text)
{
	static const char *const names[] = { "udp-gso", "udp-gro", "tap-gso", "port-mapping", "aegis-128l" };
	unsigned without = 0;
	for (unsigned i = 0; text && i < sizeof names / sizeof *names; i++)
		if (strstr(text, names[i]))
			without |= 1u << i;
	return without;
}

err_t vnet_new(const struct vnet_config *config, mono_time now, struct vnet **ret_vnet)
{
	struct vnet *v = calloc(1, sizeof *v);
	if (!v)
		return E_NOMEM;
	v->udp.fd = v->epoll_fd = v->watch_fd = v->poke_fd = -1;
	v->log = config->log;
	v->log_context = config->log_context;
	v->bind_address = config->bind_address;
	v->now = now;
	v->wake_us = INT64_MAX;
	v->without = config->without | without_of(getenv("CPUSHARE_VNET_WITHOUT"));
	err_t e = open_all(v, config, now);
	if (e != OK) {
		vnet_free(v);
		return e;
	}
	*ret_vnet = v;
	return OK;
}

static void send_small(struct vnet *v, const uint8_t *packet, size_t len, const struct address *to)
{
	memcpy(udp_room(&v->udp, len), packet, len);
	udp_send_later(&v->udp, NULL, to, len, true);
}

static void end_mappings(struct vnet *v)
{
	uint8_t request[PORTMAP_REQUEST_BYTES];
	struct address to;
	size_t len;
	while (portmap_end(&v->portmap, request, &len, &to))
		send_small(v, request, len, &to);
}

void vnet_free(struct vnet *v)
{
	if (!v)
		return;
	if (v->udp.fd >= 0) {
		mesh_leave(&v->mesh, v->now);
		end_mappings(v);
		udp_flush(&v->udp);
	}
	relays_flush(&v->relays, v->now);
	relays_clear(&v->relays, v->now);
	mesh_clear(&v->mesh);
	ethernet_clear(&v->ethernet);
	port_free(v->port);
	udp_close(&v->udp);
	if (v->watch_fd >= 0)
		close(v->watch_fd);
	if (v->poke_fd >= 0)
		close(v->poke_fd);
	if (v->epoll_fd >= 0)
		close(v->epoll_fd);
	free(v);
}

/* ---- ports ---- */
static void detach(struct vnet *v)
{
	port_free(v->port);
	v->port = NULL;
	v->port_paused = false;
}

err_t vnet_attach_tap(struct vnet *v, int tap_fd)
{
	detach(v);
	return port_tap_new(v->epoll_fd, tap_fd, v->mesh.frame_max, !(v->without & VNET_WITHOUT_TAP_GSO), &v->port);
}

err_t vnet_attach_qemu_dgram(struct vnet *v, const char *our_path, const char *qemu_path)
{
	detach(v);
	return port_dgram_new(v->epoll_fd, our_path, qemu_path, v->mesh.frame_max, &v->port);
}

err_t vnet_attach_qemu_stream(struct vnet *v, const char *qemu_path)
{
	detach(v);
	return port_stream_new(v->epoll_fd, qemu_path, v->mesh.frame_max, &v->port);
}

err_t vnet_attach_qemu_vhost(struct vnet *v, const char *our_path)
{
	detach(v);
	return port_vhost_new(v->epoll_fd, our_path, v->mesh.frame_max, !(v->without & VNET_WITHOUT_TAP_GSO), &v->port);
}

err_t vnet_set_rates(struct vnet *v, const struct vnet_rates *rates)
{
	const int64_t each[] = { rates->up_bytes_s, rates->down_bytes_s };
	for (size_t i = 0; i < sizeof each / sizeof *each; i++)
		if (each[i] < 0 || each[i] > VNET_RATE_MAX_BYTES_S)
			return E_INVALID;
	if (rates->down_bytes_s != v->down.bytes_s)
		allot_forget(&v->allot, &v->mesh, v->now);
	pace_set(&v->up, rates->up_bytes_s, line_bytes_up(v));
	pace_set(&v->down, rates->down_bytes_s, line_bytes_down(v));
	(void)eventfd_write(v->poke_fd, 1);
	return OK;
}

/* ---- peers ---- */
err_t vnet_set_peers(struct vnet *v, const struct vnet_peer *peers, size_t count, mono_time now)
{
	v->now = now;
	TRY(ethernet_check_peers(&v->ethernet, peers, count));
	udp_flush(&v->udp);
	udp_forget(&v->udp); /* it names peers that may go */
	TRY(mesh_set_peers(&v->mesh, peers, count, now));
	(void)eventfd_write(v->poke_fd, 1);
	return ethernet_learn_peers(&v->ethernet, peers, count, now);
}

err_t vnet_set_relays(struct vnet *v, const struct vnet_relay *relays, size_t count, mono_time now)
{
	struct address vias[VNET_MAX_RELAYS];
	v->now = now;
	udp_flush(&v->udp);
	udp_forget(&v->udp); /* it may name relays that go */
	TRY(relays_set(&v->relays, relays, count, now));
	count = relays_vias(&v->relays, vias);
	mesh_set_relays(&v->mesh, vias, count, now);
	(void)eventfd_write(v->poke_fd, 1);
	return OK;
}

sha256 vnet_pin(const struct vnet *v)
{
	return identity_pin(v->mesh.identity);
}

uint16_t vnet_port_number(const struct vnet *v)
{
	return v->udp.port;
}

size_t vnet_candidates(struct vnet *v, struct vnet_candidate *ret_candidates)
{
	struct address seen[VNET_MAX_STUN_SERVERS], mapped[GATEWAY_MAX];
	size_t count = candidates_gather(&v->bind_address, v->udp.family, v->udp.port, v->ethernet.network.subnet,
					 v->ethernet.netmask, ret_candidates);
	if (v->fixed.port)
		candidates_add(ret_candidates, &count, VNET_FIXED, &v->fixed);
	size_t n = portmap_addresses(&v->portmap, mapped);
	for (size_t i = 0; i < n; i++)
		candidates_add(ret_candidates, &count, VNET_MAPPED, &mapped[i]);
	n = reflexive_addresses(&v->reflexive, seen);
	for (size_t i = 0; i < n; i++)
		candidates_add(ret_candidates, &count, VNET_REFLEXIVE, &seen[i]);
	/* The owner may have led our port to us by hand, while what we send gets other ports. */
	if (n > 0 && reflexive_mapping(&v->reflexive) == VNET_MAPPING_DEPENDENT) {
		seen[0].port = v->udp.port;
		candidates_add(ret_candidates, &count, VNET_REFLEXIVE, &seen[0]);
	}
	return count;
}

/* ---- running ---- */
int vnet_fd(const struct vnet *v)
{
	return v->epoll_fd;
}

static bool port_may_be_read(struct vnet *v)
{
	return !v->udp.full && pace_allows(&v->up, line_bytes_up(v), v->now);
}

/* Looks at UDP for room while the kernel takes no packets, and not at the port for frames while they could not go. */
static void follow_line(struct vnet *v)
{
	bool pause = !port_may_be_read(v);
	if (v->udp.full != v->udp_waits) {
		struct epoll_event event = { .events = EPOLLIN | (v->udp.full ? EPOLLOUT : 0), .data.fd = v->udp.fd };
		(void)epoll_ctl(v->epoll_fd, EPOLL_CTL_MOD, v->udp.fd, &event);
		v->udp_waits = v->udp.full;
	}
	if (v->port && pause != v->port_paused) {
		port_pause(v->port, pause);
		v->port_paused = pause;
	}
}

static void wake(struct vnet *v)
{
	v->wake_us = INT64_MAX;
	v->woken_us = v->now.us;
	mesh_wake(&v->mesh, v->now);
	reflexive_wake(&v->reflexive, v->now);
	find_gateways(v);
	relays_wake(&v->relays, v->now);
}

/* At most once in WAKE_US, but never not at all. */
static void look_for_changes(struct vnet *v)
{
	if (candidates_changed(v->watch_fd) && v->wake_us == INT64_MAX)
		v->wake_us = v->woken_us + WAKE_US;
}

static void ask_servers(struct vnet *v)
{
	uint8_t request[STUN_REQUEST_BYTES > PORTMAP_REQUEST_BYTES ? STUN_REQUEST_BYTES : PORTMAP_REQUEST_BYTES];
	struct address to;
	size_t len;
	while (reflexive_next(&v->reflexive, v->now, request, &len, &to) || portmap_next(&v->portmap, v->now, request, &len, &to))
		send_small(v, request, len, &to);
}

/* What epoll says; sets what has something to read. */
static void look(struct vnet *v, bool *ret_udp, bool *ret_port)
{
	struct epoll_event events[8];
	int n = epoll_wait(v->epoll_fd, events, sizeof events / sizeof *events, 0);
	*ret_udp = *ret_port = false;
	for (int i = 0; i < n; i++) {
		bool broken = !(events[i].events & EPOLLIN) && (events[i].events & (EPOLLERR | EPOLLHUP));
		if (events[i].data.fd == v->udp.fd) {
			*ret_udp = true;
		} else if (relays_ready(&v->relays, events[i].data.fd, v->now)) {
			continue;
		} else if (events[i].data.fd == v->poke_fd) {
			eventfd_t count;
			(void)eventfd_read(v->poke_fd, &count);
		} else if (events[i].data.fd == v->watch_fd) {
			look_for_changes(v);
		} else if (v->port && events[i].data.fd == v->port->read_fd && broken) {
			log_line(v, LOG_ERROR, "the port is gone");
			detach(v);
		} else if (v->port && events[i].data.fd == v->port->read_fd) {
			*ret_port = true;
		} else if (v->port && broken) {
			v->port->kind->hang_up(v->port);
		}
	}
}

void vnet_run(struct vnet *v, mono_time now)
{
	bool udp, port;
	v->now = now;
	look(v, &udp, &port);
	udp_flush(&v->udp);
	for (int turn = 0; turn < TURNS && (udp || port); turn++) {
		if (udp)
			udp = udp_receive(&v->udp, packet_came, v);
		if (port && (v->port_paused || port_may_be_read(v))) /* a paused one looks after its connection only */
			port = v->port->kind->read(v->port, frame_from_port, v);
		udp_flush(&v->udp);
		if (v->port)
			(void)v->port->kind->flush(v->port);
	}
	if (now.us >= v->wake_us)
		wake(v);
	ask_servers(v);
	relays_tick(&v->relays, now);
	allot_tick(&v->allot, &v->mesh, v->down.bytes_s, now);
	mesh_tick(&v->mesh, now);
	ethernet_ipv6_tick(&v->ethernet, now);
	udp_flush(&v->udp);
	relays_flush(&v->relays, now);
	if (v->port)
		(void)v->port->kind->flush(v->port);
	follow_line(v);
}

mono_time vnet_next_us(const struct vnet *v)
{
	const int64_t others[] = { reflexive_due_us(&v->reflexive), portmap_due_us(&v->portmap),
				   relays_due_us(&v->relays),	    pace_due_us(&v->up),
				   allot_due_us(&v->allot),	    v->wake_us };
	int64_t due = mesh_due_us(&v->mesh), idle = v->now.us + IDLE_US;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (others[i] < due)
			due = others[i];
	return (mono_time){ due < idle ? due : idle };
}

/* ---- seeing ---- */
void vnet_status(const struct vnet *v, struct vnet_status *ret_status)
{
	*ret_status = (struct vnet_status){
		.tx_bytes = v->ethernet.tx_bytes,
		.rx_bytes = v->ethernet.rx_bytes,
		.tx_frames = v->ethernet.tx_frames,
		.rx_frames = v->ethernet.rx_frames,
		.rates = { v->up.bytes_s, v->down.bytes_s },
		.over = v->over,
		.first_rx_us = v->ethernet.first_rx.us,
		.spoofed = v->ethernet.spoofed,
		.strangers = v->mesh.strangers,
		.peer_count = v->mesh.count,
		.mapping = reflexive_mapping(&v->reflexive),
		.stun_silent = reflexive_is_silent(&v->reflexive),
	};
	for (size_t i = 0; i < v->mesh.count; i++)
		ret_status->connected += peer_is_reached(v->mesh.peers[i]);
}

struct in6_addr vnet_ip6(uuid network, vnet_mac mac)
{
	struct in6_addr a = { 0 };
	ip6_bytes((struct ip6){ ula_prefix(network), ula_id_of_mac(mac_number(mac)) }, a.s6_addr);
	return a;
}

static void peer_status_of(const struct vnet *v, const struct peer *p, const struct why_local *local, struct vnet_peer_status *s)
{
	peer_status(p, local, v->now, s);
	if (s->path == VNET_PATH_RELAYED)
		address_format(relays_address(&v->relays, &p->paths.path[p->paths.active].to), s->address);
}

size_t vnet_peer_statuses(const struct vnet *v, struct vnet_peer_status *ret_statuses, size_t max)
{
	struct why_local local = { .mapping = reflexive_mapping(&v->reflexive),
				   .stun_silent = reflexive_is_silent(&v->reflexive) };
	for (size_t i = 0; i < v->mesh.count && i < max; i++)
		peer_status_of(v, v->mesh.peers[i], &local, &ret_statuses[i]);
	return v->mesh.count;
}

size_t vnet_stun_statuses(const struct vnet *v, struct vnet_stun_status ret_statuses[VNET_MAX_STUN_SERVERS])
{
	for (size_t i = 0; i < v->reflexive.count; i++) {
		const struct reflexive_server *server = &v->reflexive.servers[i];
		struct vnet_stun_status *s = &ret_statuses[i];
		*s = (struct vnet_stun_status){ .rtt_us = -1 };
		address_format(&server->server, s->server);
		if (!server->mapped.port)
			continue;
		address_format(&server->mapped, s->mapped);
		s->rtt_us = server->rtt_us;
	}
	return v->reflexive.count;
}

void vnet_watch(struct vnet *v, vnet_watch_fn *fn, void *context)
{
	v->watch_fn = fn;
	v->watch_context = context;
}

err_t vnet_ping(struct vnet *v, uuid peer, mono_time now, uint64_t *ret_token)
{
	struct peer *p = mesh_find(&v->mesh, peer);
	v->now = now;
	if (!p)
		return E_NOT_FOUND;
	TRY(peer_ping(p, now, ret_token));
	udp_flush(&v->udp);
	return OK;
}

err_t vnet_ping_result(const struct vnet *v, uuid peer, uint64_t token, struct vnet_ping *ret_ping)
{
	const struct peer *p = mesh_find(&v->mesh, peer);
	struct address to;
	if (!p)
		return E_NOT_FOUND;
	TRY(pings_result(&p->pings, token, ret_ping, &to));
	if (ret_ping->path == VNET_PATH_RELAYED && to.via <= v->relays.count)
		address_format(relays_address(&v->relays, &to), ret_ping->address);
	return OK;
}

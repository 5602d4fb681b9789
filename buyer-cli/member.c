/* SPDX-License-Identifier: Apache-2.0
 * member.c - this machine as a peer of an order's network
 *
 * How it works: the loop moves packets and must not wait for the market, so a second thread talks to it: each few seconds it
 * reads our candidates from our own control socket, tells the market, and hands the peers that come back to the control socket.
 * The two threads share nothing else.
 */
#include "member.h"
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"
#include "forward.h"
#include "ipc.h"
#include "json.h"
#include "output.h"
#include "paths.h"
#include "proxy.h"

enum { JOIN_EVERY_S = 5, HURRY_ROUNDS = 30, START_WAIT_S = 15 };

struct member {
	session_t *session;
	const struct member_options *options;
	char order[UUID_TEXT_SIZE];
	char control_path[512];
	char *key_pem, *cert_pem;
	uint16_t port;
	char address[CANDIDATE_SIZE];
	struct peer_join join;
	struct peer_answer answer; /* the first */
	atomic_bool quit;
	/* on the loop */
	struct lan *lan;
	struct forward *forward;
	struct loop *loop;
	int timer;
	mono_time began;
	void (*started)(void *context, size_t connected, size_t peers);
	void *context;
};

/* One round with the market. */
static err_t member_tell(struct member *m, struct peer_answer *ret, struct problem *problem)
{
	char path[96];
	AUTO_JSON answer = NULL;
	AUTO_JSON body = peer_join_to_json(&m->join);
	struct json_error error = { .what = "" };
	snprintf(path, sizeof path, "/v1/orders/%s/peers", m->order);
	TRY(session_try(m->session, "POST", path, body, false, &answer, problem));
	return peer_answer_from_json(answer, ret, &error);
}

/* The market hears of it with the next round, on which nobody has to wait. */
static err_t offer_boot(struct member *m)
{
	const char *server = m->options->boot_server, *ip = server;
	struct peer_offers *o = &m->join.offers;
	struct in_addr address;
	if (!server || !strcmp(server, m->answer.self.name))
		ip = m->answer.self.ip;
	for (size_t i = 0; server && i < m->answer.peers.count; i++)
		if (!strcmp(server, m->answer.peers.peers[i].name))
			ip = m->answer.peers.peers[i].ip;
	if (inet_pton(AF_INET, ip, &address) != 1)
		return E_NOT_FOUND;
	TRY(text_copy(o->boot_server, sizeof o->boot_server, ip));
	return text_copy(o->boot_file, sizeof o->boot_file, m->options->boot_file);
}

err_t member_new(session_t *s, const char *order, const struct member_options *options, struct member **ret_member,
		 struct problem *ret_problem)
{
	struct member *m = calloc(1, sizeof *m);
	if (!m)
		return E_NOMEM;
	m->session = s;
	m->options = options;
	m->join.offers.gateway = options->gateway;
	m->join.id = uuid_make(clock_wall());
	err_t e = text_copy(m->order, sizeof m->order, order);
	if (!e)
		e = text_copy(m->join.name, sizeof m->join.name, options->name);
	if (!e)
		e = certificate_make("buyer", &m->key_pem, &m->cert_pem);
	if (!e)
		e = certificate_pin(m->cert_pem, &m->join.pin);
	if (!e)
		e = member_tell(m, &m->answer, ret_problem);
	if (e)
		m->order[0] = 0; /* nothing to leave */
	else if (options->boot_file)
		e = offer_boot(m);
	if (e) {
		member_free(m);
		return e;
	}
	*ret_member = m;
	return OK;
}

err_t member_open_at(struct member *m, uint16_t port, const char *address)
{
	m->port = port;
	if (*address && !network_address_valid(address))
		return E_INVALID;
	return text_copy(m->address, sizeof m->address, address);
}

static void member_leave(struct member *m)
{
	char path[160], id[UUID_TEXT_SIZE];
	struct problem problem;
	snprintf(path, sizeof path, "/v1/orders/%s/peers/%s", m->order, uuid_format(m->join.id, id));
	if (session_try(m->session, "DELETE", path, NULL, false, NULL, &problem))
		return; /* it forgets us after a minute */
}

void member_free(struct member *m)
{
	if (!m)
		return;
	if (*m->order)
		member_leave(m);
	peer_answer_clear(&m->answer);
	free(m->key_pem);
	free(m->cert_pem);
	free(m);
}

const struct peer_view *member_self(const struct member *m)
{
	return &m->answer.self;
}

const struct network_view *member_network(const struct member *m)
{
	return &m->answer.network;
}

/* ---- the interface ---- */

static err_t set_address(int s, const char *name, unsigned long request, uint32_t address)
{
	struct ifreq r = { .ifr_flags = 0 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	TRY(text_copy(r.ifr_name, sizeof r.ifr_name, name));
	memcpy(&r.ifr_addr, &in, sizeof in);
	return ioctl(s, request, &r) ? E_IO : OK;
}

static err_t set_up(int s, const char *name)
{
	struct ifreq r = { .ifr_flags = 0 };
	TRY(text_copy(r.ifr_name, sizeof r.ifr_name, name));
	if (ioctl(s, SIOCGIFFLAGS, &r))
		return E_IO;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r) ? E_IO : OK;
}

/* The one that a kernel makes of the MAC by itself: peers know it without being told. */
static err_t set_address6(const char *name, const struct vnet_peer *self, uuid network)
{
	struct {
		struct in6_addr address;
		uint32_t prefix_len;
		int index;
	} request = { vnet_ip6(network, self->mac), 64, (int)if_nametoindex(name) }; /* struct in6_ifreq of linux/ipv6.h */
	AUTO_FD s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return s < 0 || ioctl(s, SIOCSIFADDR, &request) ? E_IO : OK;
}

static err_t set_addresses(int s, const struct member *m, const char *name, const struct vnet_peer *self)
{
	const struct network_view *n = &m->answer.network;
	TRY(set_address(s, name, SIOCSIFADDR, self->ip));
	TRY(set_address(s, name, SIOCSIFNETMASK, n->prefix_len ? ~0U << (32 - n->prefix_len) : 0));
	TRY(set_up(s, name));
	(void)!set_address6(name, self, n->id); /* a machine without IPv6 goes without */
	return OK;
}

static err_t join_bridge(int s, const char *bridge, const char *name)
{
	struct ifreq r = { .ifr_ifindex = (int)if_nametoindex(name) };
	TRY(text_copy(r.ifr_name, sizeof r.ifr_name, bridge));
	return ioctl(s, SIOCBRADDIF, &r) ? E_IO : set_up(s, name);
}

err_t member_interface(const struct member *m, struct interface *ret)
{
	struct vnet_peer self;
	struct interface i = { .fd = -1, .dns_fd = -1 };
	AUTO_FD s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return E_IO;
	TRY(peers_member(&m->answer.self, &self));
	vnet_mac mac = self.mac;
	if (m->options->bridge)
		mac.bytes[0] = 0xfe; /* a bridge takes its lowest port's: it shall not be this one's */
	TRY(vnet_tap_open("cpu%d", mac, (uint16_t)m->answer.network.mtu, &i.fd, i.name));
	err_t e = set_up(s, "lo");
	if (!e)
		e = m->options->bridge ? join_bridge(s, m->options->bridge, i.name) : set_addresses(s, m, i.name, &self);
	if (!e && m->options->gateway)
		e = forward_socket(i.name, &i.dns_fd);
	if (e) {
		fd_close(&i.fd);
		return e;
	}
	*ret = i;
	return OK;
}

/* ---- the market's side, on a thread of its own ---- */

static void own_candidates(struct member *m)
{
	AUTO_JSON ask = json_pack("{s:s}", "ask", "status");
	AUTO_JSON status = NULL;
	struct json_error error = { .what = "" };
	struct json_reader r;
	if (ipc_ask(m->control_path, ask, 2000, &status))
		return;
	json_open(&r, status, &error);
	candidates_take(&r, "candidates", &m->join.candidates);
	(void)!json_close_lenient(&r);
	m->join.path_count = paths_of_status(json_object_get(status, "peers"), m->join.paths, PEER_MAX);
}

static void introduce(struct member *m, const struct peer_answer *answer)
{
	AUTO_JSON ask = json_object();
	AUTO_JSON done = NULL;
	json_put_text(ask, "ask", "peers");
	json_put(ask, "peers", peer_list_to_json(&answer->peers));
	json_put(ask, "relays", relay_list_to_json(&answer->network.relays));
	if (!ipc_ask(m->control_path, ask, 2000, &done) && !json_object_get(done, "error"))
		m->join.peers_version = answer->peers_version;
}

static void *market_thread(void *context)
{
	struct member *m = context;
	for (int round = 0; !atomic_load(&m->quit); round++) {
		struct problem problem;
		struct peer_answer answer = { .has_peers = false };
		own_candidates(m);
		if (!member_tell(m, &answer, &problem) && answer.has_peers)
			introduce(m, &answer);
		peer_answer_clear(&answer);
		for (int tenths = round < HURRY_ROUNDS ? 10 : JOIN_EVERY_S * 10; tenths > 0 && !atomic_load(&m->quit); tenths--)
			nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	return NULL;
}

/* ---- running ---- */

static void on_second(void *context, mono_time now)
{
	struct member *m = context;
	struct vnet_status status;
	vnet_status(lan_vnet(m->lan), &status);
	bool all = status.peer_count > 0 && status.connected == status.peer_count;
	if (!all && now.us - m->began.us < START_WAIT_S * SECOND_US)
		return;
	loop_timer_remove(m->loop, m->timer);
	m->started(m->context, status.connected, status.peer_count);
}

static err_t member_open(struct member *m, const struct interface *i)
{
	AUTO_FD tap = i->fd, dns = i->dns_fd;
	struct vnet_config config = { .key_pem = m->key_pem, .cert_pem = m->cert_pem, .answer_dhcp = true };
	config.learn_macs = m->options->bridge;
	TRY(peers_network(&m->answer.network, &config.network));
	TRY(peers_member(&m->answer.self, &config.self));
	config.bind_port = m->port;
	config.without = m->options->without;
	memcpy(config.fixed_address, m->address, sizeof config.fixed_address);
	peers_stun(&m->answer.network, &config);
	proxy_from_environment(&config);
	TRY(lan_new(m->loop, &config, &m->lan));
	int taken = tap;
	tap = -1;
	TRY(vnet_attach_tap(lan_vnet(m->lan), taken));
	taken = dns;
	dns = -1;
	if (taken >= 0)
		TRY(forward_new(m->loop, taken, &m->forward));
	TRY(peers_relays(lan_vnet(m->lan), &m->answer.network.relays, clock_mono()));
	lan_allow_capture(m->lan);
	lan_tell_space(m->lan, i->space);
	return lan_serve(m->lan, m->control_path);
}

err_t member_run(struct member *m, struct loop *loop, const struct interface *interface, const char *control_path,
		 void (*started)(void *context, size_t connected, size_t peers), void *context)
{
	pthread_t thread;
	m->loop = loop;
	m->started = started;
	m->context = context;
	m->began = clock_mono();
	err_t e = text_copy(m->control_path, sizeof m->control_path, control_path);
	if (!e)
		e = member_open(m, interface);
	if (!e && !(m->timer = loop_timer_add(loop, SECOND_US / 4, on_second, m)))
		e = E_NOMEM;
	if (!e && pthread_create(&thread, NULL, market_thread, m))
		e = E_NOMEM;
	if (!e) {
		e = loop_run(loop);
		atomic_store(&m->quit, true);
		pthread_join(thread, NULL);
	}
	forward_free(m->forward);
	m->forward = NULL;
	lan_free(m->lan);
	m->lan = NULL;
	return e;
}

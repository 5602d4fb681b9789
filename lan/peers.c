/* SPDX-License-Identifier: Apache-2.0
 * peers.c - the market's words for networks and peers in vnet's terms, and back
 */
#include "peers.h"
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "file.h"

static err_t ip_parse(const char *text, uint32_t *ret_ip)
{
	struct in_addr a;
	if (inet_pton(AF_INET, text, &a) != 1)
		return E_INVALID;
	*ret_ip = ntohl(a.s_addr);
	return OK;
}

err_t peers_cipher(const char *word, unsigned *ret_without)
{
	bool gcm = !strcmp(word, vnet_cipher_names[VNET_AES_256_GCM]);
	if (!gcm && strcmp(word, "auto") != 0)
		return E_INVALID;
	*ret_without = gcm ? VNET_WITHOUT_AEGIS_128L : 0;
	return OK;
}

static err_t mac_parse(const char *text, vnet_mac *ret_mac)
{
	unsigned b[6];
	char rest;
	if (strlen(text) != 17 || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6)
		return E_INVALID;
	for (int i = 0; i < 6; i++)
		ret_mac->bytes[i] = (uint8_t)b[i];
	return OK;
}

err_t peers_network(const struct network_view *view, struct vnet_network *ret)
{
	struct vnet_network n = { .id = view->id, .prefix_len = (uint8_t)view->prefix_len, .mtu = (uint16_t)view->mtu };
	if (view->prefix_len < 8 || view->prefix_len > 30 || view->mtu < 576 || view->mtu > 9000)
		return E_INVALID;
	TRY(ip_parse(view->subnet, &n.subnet));
	*ret = n;
	return OK;
}

void peers_stun(const struct network_view *view, struct vnet_config *config)
{
	static_assert(STUN_MAX == VNET_MAX_STUN_SERVERS && CANDIDATE_SIZE == VNET_CANDIDATE_SIZE, "they are copied whole");
	memcpy(config->stun_servers, view->stun, sizeof config->stun_servers);
}

err_t peers_relays(struct vnet *v, const struct relay_list *list, mono_time now)
{
	static_assert(RELAY_MAX == VNET_MAX_RELAYS && TICKET_BYTES == VNET_TICKET_BYTES, "they are copied whole");
	struct vnet_relay relays[RELAY_MAX] = { 0 };
	for (size_t i = 0; i < list->count; i++) {
		const struct relay_view *from = &list->list[i];
		memcpy(relays[i].address, from->address, sizeof relays[i].address);
		memcpy(relays[i].tls_address, from->tls, sizeof relays[i].tls_address);
		memcpy(relays[i].ticket, from->ticket, sizeof relays[i].ticket);
		relays[i].tls_pin = from->tls_pin;
	}
	return vnet_set_relays(v, relays, list->count, now);
}

err_t peers_member(const struct peer_view *view, struct vnet_peer *ret)
{
	struct vnet_peer p = { .id = view->id };
	TRY(text_copy(p.name, sizeof p.name, view->name));
	TRY(mac_parse(view->mac, &p.mac));
	TRY(ip_parse(view->ip, &p.ip));
	if (view->has_pin)
		p.pin = view->pin;
	p.gateway = view->offers.gateway;
	TRY(text_copy(p.boot_file, sizeof p.boot_file, view->offers.boot_file));
	if (*p.boot_file)
		TRY(ip_parse(view->offers.boot_server, &p.boot_server));
	for (size_t i = 0; i < view->candidates.count && p.candidate_count < VNET_MAX_CANDIDATES; i++) {
		struct vnet_candidate *c = &p.candidates[p.candidate_count];
		int kind = 0;
		while (kind < VNET_CANDIDATE_KIND_COUNT && strcmp(vnet_candidate_kind_names[kind], view->candidates.list[i].kind))
			kind++;
		if (kind == VNET_CANDIDATE_KIND_COUNT)
			continue; /* a newer market's kind */
		c->kind = (enum vnet_candidate_kind)kind;
		TRY(text_copy(c->address, sizeof c->address, view->candidates.list[i].address));
		p.candidate_count++;
	}
	*ret = p;
	return OK;
}

err_t peers_introduce(struct vnet *v, const struct peer_list *list, mono_time now)
{
	AUTO_FREE struct vnet_peer *peers = calloc(list->count + 1, sizeof *peers);
	size_t n = 0;
	if (!peers)
		return E_NOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (!list->peers[i].has_pin)
			continue;
		TRY(peers_member(&list->peers[i], &peers[n]));
		n++;
	}
	return vnet_set_peers(v, peers, n, now);
}

void peers_own_candidates(struct vnet *v, struct vnet_candidates_text *ret)
{
	struct vnet_candidate own[VNET_MAX_CANDIDATES];
	size_t n = vnet_candidates(v, own);
	*ret = (struct vnet_candidates_text){ .count = 0 };
	for (size_t i = 0; i < n && ret->count < CANDIDATE_MAX; i++) {
		if (text_copy(ret->list[ret->count].kind, sizeof ret->list[0].kind, vnet_candidate_kind_names[own[i].kind]) ||
		    text_copy(ret->list[ret->count].address, sizeof ret->list[0].address, own[i].address))
			continue;
		ret->count++;
	}
}

static json_t *status_to_json(const struct vnet_peer_status *s)
{
	bool reached = s->path == VNET_PATH_DIRECT || s->path == VNET_PATH_RELAYED;
	json_t *out = json_object();
	char ip[16], ip6[INET6_ADDRSTRLEN];
	struct in_addr a = { .s_addr = htonl(s->ip) };
	json_put_uuid(out, "id", s->id);
	json_put_text(out, "name", s->name);
	json_put_text(out, "ip", inet_ntop(AF_INET, &a, ip, sizeof ip));
	if (!IN6_IS_ADDR_UNSPECIFIED(&s->ip6)) /* else it was not heard yet */
		json_put_text(out, "ip6", inet_ntop(AF_INET6, &s->ip6, ip6, sizeof ip6));
	json_put_text(out, "path", vnet_path_names[s->path]);
	json_put_text(out, "kind", reached ? s->learned ? "learned" : vnet_candidate_kind_names[s->kind] : "");
	json_put_text(out, "relay", s->path != VNET_PATH_RELAYED ? "" : s->relay_tls ? "tls" : "udp");
	json_put_text(out, "address", s->address);
	json_put_text(out, "why_not_direct", vnet_why_names[s->why_not_direct]);
	json_put_int(out, "rtt_us", s->rtt_us);
	json_put_int(out, "loss_permille", s->loss_permille);
	json_put_int(out, "datagram_bytes", s->datagram_bytes);
	json_put_text(out, "cipher", reached ? vnet_cipher_names[s->cipher] : "");
	json_put_int(out, "handshakes", (int64_t)s->handshakes);
	json_put_int(out, "handshake_repeats", (int64_t)s->handshake_repeats);
	json_put_int(out, "tx_bytes", (int64_t)s->tx_bytes);
	json_put_int(out, "rx_bytes", (int64_t)s->rx_bytes);
	json_put_int(out, "dropped", (int64_t)s->dropped);
	return out;
}

json_t *peers_status_to_json(const struct vnet *v)
{
	json_t *out = json_array();
	AUTO_FREE struct vnet_peer_status *list = calloc(VNET_MAX_PEERS, sizeof *list);
	if (!list)
		return out;
	size_t n = vnet_peer_statuses(v, list, VNET_MAX_PEERS);
	for (size_t i = 0; i < n && i < VNET_MAX_PEERS; i++)
		json_array_append_new(out, status_to_json(&list[i]));
	return out;
}
